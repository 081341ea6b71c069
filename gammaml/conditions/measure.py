"""Conditions of some events: a few numbers and small histograms."""

from dataclasses import asdict, dataclass

import numpy as np

from gammaml import images
from gammaml.columns import bare
from gammaml.events import as_list

HADRON_INDEX, GAMMA_INDEX = -2.7, -2.5  # of the spectra that simulated events are weighted to
FEWEST = 20  # images of a class
NOISELESS = 0.05  # p.e.; an image that was cleaned has less outside
EDGES = {
    "pixel noise": np.geomspace(0.05, 100, 133),  # p.e.
    "zenith": np.arange(0, 91, 2.0),
    "intensity": np.geomspace(1, 1e6, 121),  # p.e.
    "telescopes an event": np.arange(0.5, 21),
}


@dataclass(frozen=True, eq=False)
class Conditions:
    """What was measured of the events of one camera and one class.

    Parameters
    ----------
    camera : str
    kind : str
        "gamma" or "hadron"; "observed" where there is no truth.
    n_images : int
    values : dict of str to list of two
        Value and its uncertainty.
    distributions : dict of str to dict
        ``edges`` and ``counts`` by quantity, as many counts as showers that the weighted images are worth.
    """

    camera: str
    kind: str
    n_images: int
    values: dict
    distributions: dict

    def histogram(self, name):
        """Edges (n + 1,) and counts (n,) of a quantity."""
        return tuple(np.array(self.distributions[name][part], float) for part in ("edges", "counts"))

    def to_dict(self):
        """What :class:`Conditions` takes, as JSON knows it."""
        return asdict(self)


def measure(events):
    """The conditions of some events.

    Simulated events are weighted to power laws of index -2.5 (gammas) and -2.7 (hadrons), as far as the files say what
    was thrown.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents

    Returns
    -------
    list of Conditions
        One for each camera and class with at least 20 images, of an observation with one.
    """
    found = []
    for part in as_list(events):
        if part.is_simulated:
            classes = {"gamma": part.is_gamma, "hadron": ~part.is_gamma}
            found += [_measure(part[mask], kind) for kind, mask in classes.items() if mask.sum() >= FEWEST]
        elif len(part):
            found.append(_measure(part, "observed"))
    return found


def _measure(events, kind):
    pedestals, weight = images.pedestals(events), _weights(events, kind)
    showers = _showers_an_image(events, weight)
    zenith, intensity = 90 - bare(events.table["pointing_alt"]), bare(events.table["hillas_intensity"])
    lit, multiplicity = np.isfinite(intensity), _multiplicity(events)
    values = {
        "pixel noise": _median(pedestals.noise),
        "pedestal": _median(pedestals.pedestal),
        "broken pixels": [_broken(pedestals), 0.0],
        "zenith": _median(zenith[np.isfinite(zenith)]),
        "images after cleaning": _mean(lit, weight, showers),
        "intensity": _median(intensity[lit], weight[lit], showers),
        "telescopes an event": _mean(multiplicity, weight, showers),
    }
    seen = {
        "pixel noise": (pedestals.noise, np.ones(len(pedestals.noise)), 1.0),
        "zenith": (zenith, weight, showers),
        "intensity": (intensity, weight, showers),
        "telescopes an event": (multiplicity, weight, showers),
    }
    distributions = {name: _histogram(*seen[name], edges) for name, edges in EDGES.items()}
    return Conditions(events.camera.name, kind, len(events), values, distributions)


def _broken(pedestals):
    """Share of broken pixels; NaN where images were cleaned, for then it cannot be told."""
    if not (len(pedestals.noise) and np.median(pedestals.noise) > NOISELESS):
        return np.nan
    return float(np.mean(list(pedestals.broken.values())))


def _weights(events, kind):
    """Of simulated events to the spectrum that nature has, as far as the file says what was thrown."""
    runs = events.simulation
    if runs is None or kind == "observed" or "spectral_index" not in runs.colnames:
        return np.ones(len(events))
    thrown = dict(zip(np.asarray(runs["obs_id"]).tolist(), bare(runs["spectral_index"]).tolist(), strict=True))
    index = np.array([thrown.get(run, np.nan) for run in np.asarray(events.table["obs_id"]).tolist()])
    wanted = GAMMA_INDEX if kind == "gamma" else HADRON_INDEX
    return np.nan_to_num(events.table["true_energy"].to_value("TeV") ** (wanted - index), nan=1.0)


def _multiplicity(events):
    """Telescopes with an image of each image's event."""
    keys = np.stack([np.asarray(events.table[name], np.int64) for name in ("obs_id", "event_id", "shower_id")], axis=1)
    _, row, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return count[row.reshape(-1)].astype(float)


def _worth(weight):
    """How many equal weights some weights are worth (Kish 1965)."""
    return weight.sum() ** 2 / max((weight**2).sum(), 1e-300)


def _showers_an_image(events, weight):
    """Images of one shower are one piece of news: how many independent ones an image is."""
    row = np.unique(np.asarray(events.table["shower_id"]), return_inverse=True)[1].reshape(-1)
    return _worth(np.bincount(row, weight)) / _worth(weight)


def _mean(values, weight, showers):
    mean = np.average(values, weights=weight)
    spread = np.average((values - mean) ** 2, weights=weight)
    return [float(mean), float(np.sqrt(spread / (showers * _worth(weight))))]


def _median(values, weight=None, showers=1.0):
    """Median and its uncertainty, which is that of a normal distribution; NaN of no values."""
    if not len(values):
        return [np.nan, np.nan]
    weight = np.ones(len(values)) if weight is None else weight
    order = np.argsort(values)
    rank = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    low, middle, high = np.interp([0.1587, 0.5, 0.8413], rank, values[order])
    return [float(middle), float(1.2533 * (high - low) / 2 / np.sqrt(showers * _worth(weight)))]


def _histogram(values, weight, showers, edges):
    known = np.isfinite(values)
    inside = np.clip(values[known], edges[0], edges[-1])
    counts = np.histogram(inside, edges, weights=weight[known])[0]
    scale = showers * _worth(weight[known]) / counts.sum() if counts.sum() else 0.0
    return {"edges": edges.tolist(), "counts": (counts * scale).round(3).tolist()}
