"""What instrument response functions are made from: reconstructed test events, and the showers thrown for them."""

import warnings
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack
from pyirf.spectral import DIFFUSE_FLUX_UNIT, IRFDOC_ELECTRON_SPECTRUM, IRFDOC_PROTON_SPECTRUM, PowerLaw

from gammaml.columns import GAMMA_PRIMARY, require
from gammaml.errors import InputError
from gammaml.performance import selection
from gammaml.performance.regression import theta
from gammaml.performance.simulated import RANGE_TOLERANCE, simulated_runs
from gammaml.sky import angular_separation

OBSERVED = 1 * u.h  # what background weights are for; any time does, rates do not depend on it
PROTONS, ELECTRONS = (101,), (1, -1)
SPECTRA_TEXT = (
    "protons 9.8e-6 (E/TeV)^-2.62 /(cm2 s TeV sr), electrons 2.385e-9 (E/TeV)^-3.43 /(cm2 s TeV sr) with a bump "
    "(pyirf's IRFDOC spectra)"
)
NEEDED = ("true_energy", "reco_energy", *selection.DIRECTION, "gammaness", "pointing_alt", "pointing_az")


@dataclass(frozen=True)
class Sample:
    """Reconstructed test events of one kind, and what was thrown for them.

    Parameters
    ----------
    events : astropy.table.QTable
        With the names of pyirf: true_energy, reco_energy, true_source_fov_offset, reco_source_fov_offset, theta,
        gh_score; and obs_id, shower (a number a shower), pointing_alt.
    runs : list of (pyirf.simulations.SimulatedEventsInfo, astropy.units.Quantity, int)
        The showers that took no part in a training, the area in which their cores were thrown, obs_id.
    counts : str
    """

    events: QTable
    runs: list
    counts: str


def require_array_events(dl2):
    """Raise unless a DL2 table has a row an array event, and all that is needed."""
    require(dl2, "obs_id", "event_id", "true_shower_primary_id", *NEEDED, where=selection.WHERE)
    if "tel_id" in dl2.colnames:
        do = "read the files with level='subarray', or combine the images"
        raise InputError(selection.WHERE, "a row an image", "a row an array event", do)
    if dl2.meta.get("n_in_training", 0):
        do = "do not select them before, or it cannot be told how many showers were thrown for them"
        raise InputError(selection.WHERE, "test events alone", "all events of the files", do)


def sample(dl2, primaries, name):
    """The events of some primaries.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    primaries : tuple of int
    name : str
        For messages.

    Returns
    -------
    Sample
    """
    rows = np.isin(selection.bare(dl2, "true_shower_primary_id"), primaries)
    if not rows.any():
        raise InputError(selection.WHERE, f"no {name}", f"simulated {name}", f"add a DL2 file of {name}")
    part, runs = dl2[rows], selection.named_runs(dl2)
    if runs is not None:
        part.meta["simulation"] = runs[np.isin(runs["true_shower_primary_id"], [*primaries, selection.UNKNOWN])]
    try:
        events = selection.reconstructed(part, *NEEDED)
    except InputError as error:
        raise InputError(f"{selection.WHERE}, {name}", error.got, error.expected, error.do) from error
    runs = simulated_runs(events, gammas=GAMMA_PRIMARY in primaries)
    for info, _ in runs:
        info.n_showers *= 1 - events.meta["n_in_training"] / len(part)
    obs_ids = np.asarray(events.meta["simulation"]["obs_id"])
    numbered = [(*run, obs_id) for run, obs_id in zip(runs, obs_ids, strict=True)]
    return Sample(_as_pyirf(events), numbered, events.meta["counts"])


def _as_pyirf(events):
    value = {name: selection.bare(events, name) for name in NEEDED}
    score, pointing = value["gammaness"], (value["pointing_alt"], value["pointing_az"])
    if score.min() < 0 or score.max() > 1:
        got = f"gammaness from {score.min():g} to {score.max():g}"
        raise InputError(selection.WHERE, got, "values in [0, 1], 1 = gamma", "convert the score")
    table = QTable({"obs_id": np.asarray(events["obs_id"]), "shower": selection.cluster_number(events)})
    table["gh_score"], table["theta"], table["pointing_alt"] = score, theta(events) * u.deg, pointing[0] * u.deg
    for kind in ("true", "reco"):
        table[f"{kind}_energy"] = value[f"{kind}_energy"] * u.TeV
        offset = angular_separation(value[f"{kind}_alt"], value[f"{kind}_az"], *pointing)
        table[f"{kind}_source_fov_offset"] = offset * u.deg
    return table


def background(dl2):
    """Protons, and electrons where there are any, with the ``weight`` that makes them those of an hour.

    Parameters
    ----------
    dl2 : astropy.table.QTable

    Returns
    -------
    events : astropy.table.QTable
        As those of a `Sample`.
    cone : float
        Degrees from the pointing, up to which all kinds were thrown.
    counts : str
    """
    protons = sample(dl2, PROTONS, "protons")
    kinds, primary = [(protons, IRFDOC_PROTON_SPECTRUM)], selection.bare(dl2, "true_shower_primary_id")
    if np.isin(primary, ELECTRONS).any():
        kinds.append((sample(dl2, ELECTRONS, "electrons"), IRFDOC_ELECTRON_SPECTRUM))
    if other := sorted(set(map(int, primary)) - {GAMMA_PRIMARY, *PROTONS, *ELECTRONS}):
        warnings.warn(f"the primaries {', '.join(map(str, other))} do not count: no spectrum is known", stacklevel=4)
    for kind, spectrum in kinds:
        kind.events["weight"] = _weights(kind, spectrum)
    cone = min(max(info.viewcone_max.to_value(u.deg) for info, *_ in kind.runs) for kind, _ in kinds)
    events = vstack([kind.events for kind, _ in kinds], metadata_conflicts="silent")
    return events, cone, ", ".join(kind.counts for kind, _ in kinds)


def _weights(kind, spectrum):
    """Expected events in `OBSERVED` for each simulated one, as pyirf's ``calculate_event_weights``."""
    energy, offset = kind.events["true_energy"], kind.events["true_source_fov_offset"]
    thrown = np.zeros(len(energy)) * DIFFUSE_FLUX_UNIT
    for info, area, _ in kind.runs:
        if info.viewcone_max <= info.viewcone_min:
            got, expected = "background from one direction", "directions all over the field of view"
            raise InputError("simulated runs", got, expected, "simulate it with a view cone")
        inside = _within(energy, info.energy_min, info.energy_max)
        inside &= _within(offset, info.viewcone_min, info.viewcone_max)
        # pyirf takes the whole disc of cores; ours may be a ring.
        disc = (np.pi * info.max_impact**2 / area).to_value(u.one)
        thrown[inside] += PowerLaw.from_simulation(info, OBSERVED)(energy[inside]) * disc
    if not (thrown > 0).all():
        got = f"an event of {energy[thrown <= 0][0]:g}, {offset[thrown <= 0][0]:.2f} from the pointing"
        raise InputError("simulated runs", got, "events within the thrown energies and cone", "check the simulation")
    return (spectrum(energy) / thrown).to_value(u.one)


def _within(values, low, high):
    return (values >= low * (1 - RANGE_TOLERANCE)) & (values <= high * (1 + RANGE_TOLERANCE))
