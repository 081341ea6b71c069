"""Two conditions beside each other: differences, verdicts, and the distributions to draw."""

import warnings

import numpy as np
from astropy.table import QTable, vstack

from gammaml.conditions.measure import FEWEST, Conditions, measure
from gammaml.errors import InputError, RangeWarning

VERDICTS = ("ok", "caution", "mismatch")
# The absolute difference from which it is caution, and mismatch; docs/observations.md says why.
OF_INSTRUMENT = {"pixel noise": (0.1, 0.3), "pedestal": (0.2, 0.5), "broken pixels": (0.02, 0.05), "zenith": (2.0, 5.0)}
OF_CLASS = {
    "images after cleaning": (0.1, 0.3),
    "intensity": (0.2, 0.4),
    "intensity slope": (0.3, 1.0),
    "telescopes an event": (0.2, 0.5),
}
LIMITS = OF_INSTRUMENT | OF_CLASS  # gammas and hadrons differ in the latter by nature
COLUMNS = ("quantity", "observed", "training", "unit", "difference", "uncertainty", "difference_in")
TAIL = 0.5  # the slope is that of the brighter half


def compare(events, bundle):
    """An observation beside the events that a network was trained on.

    Simulated events are compared with those of their class, an observation with hadrons, which most of its events are;
    where the training had none, only by what tells of the instrument.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents
    bundle : gammaml.bundle.Bundle

    Returns
    -------
    astropy.table.QTable
        A row a camera, class and quantity: ``camera``, ``kind`` of the training events, ``quantity``, ``observed``,
        ``training``, ``unit``, ``difference`` with its ``uncertainty``, what it is measured in (``difference_in``), and
        the ``verdict``: ok, caution or mismatch, by the :data:`LIMITS` that the difference exceeds by more than twice
        its uncertainty. ``meta["distributions"]`` is a list of tables ``low``, ``high``, ``observed``, ``training``
        (shares of events).

    Raises
    ------
    gammaml.errors.InputError
        Where the bundle says nothing of its training, or knows no such camera.
    """
    trained = _of_training(bundle)
    tables, distributions = [], []
    for seen in measure(events):
        counterpart = _counterpart(seen, trained)
        tables.append(_table(seen, counterpart, bundle.settings))
        distributions += _distributions(seen, counterpart)
    if not tables:
        raise InputError("conditions", "too few events", f"at least {FEWEST} images of a class", "give more")
    table = vstack(tables, metadata_conflicts="silent")
    table.meta["distributions"] = distributions
    return table


def _of_training(bundle):
    known = bundle.metadata.get("conditions")
    if not known:
        made = bundle.metadata.get("gammaml", "unknown")
        got = f"a bundle (gammaml {made}) that does not tell the conditions of its training"
        raise InputError("conditions", got, "one that does", "train it again to compare; it predicts as before")
    return [Conditions(**each) for each in known]


def _counterpart(seen, trained):
    """The training's conditions that others are compared with."""
    same = [each for each in trained if each.camera == seen.camera]
    if not same and len({each.camera for each in trained}) == 1:
        same = trained  # a file may call the camera otherwise; which pixels a network takes is checked elsewhere
    if not same:
        known = ", ".join(sorted({each.camera for each in trained}))
        got, do = f"images of the camera {seen.camera}", "give a bundle that was trained with this camera"
        raise InputError("conditions", got, f"some of {known}", do)
    return next((each for each in same if each.kind == _class(seen)), same[0])


def _class(seen):
    return "gamma" if seen.kind == "gamma" else "hadron"


def _comparable(seen, trained):
    return LIMITS if _class(seen) == trained.kind else OF_INSTRUMENT


def _table(seen, trained, settings):
    found = differences(seen, trained, night_sky=settings.night_sky, dead_pixels=settings.dead_pixels)
    found = [row for row in found if row[0] in _comparable(seen, trained)]
    table = QTable(rows=found, names=COLUMNS)
    table["verdict"] = [_judge(row[0], row[4], row[5]) for row in found]
    table.add_column([seen.camera] * len(found), name="camera", index=0)
    table.add_column([trained.kind] * len(found), name="kind", index=1)
    return table


def _judge(name, difference, uncertainty):
    """The verdict on one difference; what is not known cannot be ok."""
    if np.isnan(difference):
        return "caution"
    sure = abs(difference) - 2 * np.nan_to_num(uncertainty)
    return VERDICTS[int(np.searchsorted(LIMITS[name], sure))]


def differences(seen, trained, *, night_sky=0.0, dead_pixels=0.0):
    """How conditions differ.

    Parameters
    ----------
    seen, trained : Conditions
    night_sky, dead_pixels : float
        How much noise (p.e. rms) and what share of dead pixels a training added at random at most: up to there, there
        is no difference.

    Returns
    -------
    list of tuple
        A row a quantity, as :data:`COLUMNS`.
    """
    pedestal = _over(_apart("pedestal", seen, trained)[0], trained.values["pixel noise"][0])
    start = _tail(seen, trained)
    slopes = [_slope(each, start) for each in (seen, trained)]
    return [
        _row("pixel noise", seen, trained, "p.e.", _noise_difference(seen, trained, night_sky), "of training"),
        _row("pedestal", seen, trained, "p.e.", (pedestal, 0.0), "of its noise"),
        _row("broken pixels", seen, trained, "", (_broken_difference(seen, trained, dead_pixels), 0.0), "share"),
        _row("zenith", seen, trained, "deg", (_zenith_difference(seen, trained), 0.0), "deg outside"),
        _row("images after cleaning", seen, trained, "", _apart("images after cleaning", seen, trained), "share"),
        _row("intensity", seen, trained, "p.e.", _ks(seen, trained), "KS distance"),
        ("intensity slope", slopes[0][0], slopes[1][0], "", *_between(*slopes), "index"),
        _row("telescopes an event", seen, trained, "", _relative("telescopes an event", seen, trained), "of training"),
    ]


def _row(name, seen, trained, unit, difference, measured_in):
    return (name, seen.values[name][0], trained.values[name][0], unit, *map(float, difference), measured_in)


def _between(one, other):
    """Difference of two values with uncertainties."""
    return one[0] - other[0], float(np.hypot(one[1], other[1]))


def _apart(name, seen, trained):
    return _between(seen.values[name], trained.values[name])


def _relative(name, seen, trained):
    difference, uncertainty = _apart(name, seen, trained)
    scale = trained.values[name][0]
    return _over(difference, scale), uncertainty / scale if scale else 0.0


def _over(value, scale):
    """A ratio, where cleaned images have no noise: of nothing to nothing 0, of something to nothing infinite."""
    return value / scale if scale else np.copysign(np.inf, value) if value else 0.0


def _beyond(value, low, high):
    """How far a value lies outside of a range."""
    return value - np.clip(value, low, high)


def _noise_difference(seen, trained, night_sky):
    noise = trained.values["pixel noise"][0]
    difference = _beyond(seen.values["pixel noise"][0], noise, np.hypot(noise, night_sky))
    return _over(difference, noise), _relative("pixel noise", seen, trained)[1]


def _broken_difference(seen, trained, dead_pixels):
    return _beyond(_apart("broken pixels", seen, trained)[0], 0.0, dead_pixels)


def _zenith_difference(seen, trained):
    """How far (deg) the zenith angle furthest from those of the training is from them."""
    (edges, ours), (known_edges, known) = (each.histogram("zenith") for each in (seen, trained))
    if not (ours.any() and known.any()):
        return np.nan
    low, high = known_edges[:-1][known > 0][0], known_edges[1:][known > 0][-1]
    ends = np.array([edges[1:][ours > 0][0], edges[:-1][ours > 0][-1]])  # the bins' nearer sides
    beyond = _beyond(ends, low, high)
    return beyond[np.argmax(np.abs(beyond))]


def _ks(seen, trained):
    """Kolmogorov–Smirnov distance of intensities, and half of what chance alone exceeds once in twenty."""
    ours, theirs = (each.histogram("intensity")[1] for each in (seen, trained))
    if not (ours.any() and theirs.any()):
        return np.nan, np.nan
    distance = np.abs(np.cumsum(ours) / ours.sum() - np.cumsum(theirs) / theirs.sum()).max()
    return distance, 0.68 * np.sqrt(1 / ours.sum() + 1 / theirs.sum())


def _tail(*both):
    """The intensity (p.e.) above which not more than the brighter half of either lies."""
    starts = []
    for each in both:
        edges, counts = each.histogram("intensity")
        starts.append(edges[np.searchsorted(np.cumsum(counts), TAIL * counts.sum()) + 1])
    return max(starts)


def _slope(conditions, start):
    """Index of the power law of intensities above `start`, and its error.

    Maximum likelihood: Crawford, Jauncey & Murdoch 1970, ApJ 162, 405, equation 8.
    """
    edges, counts = conditions.histogram("intensity")
    above = edges[:-1] >= start
    total = counts[above].sum()
    if total < FEWEST / 2:
        return np.nan, np.nan
    middle = np.sqrt(edges[:-1] * edges[1:])
    index = total / (counts[above] * np.log(middle[above] / start)).sum()
    return float(-1 - index), float(index / np.sqrt(total))


def _distributions(seen, trained):
    """Tables of the shares of events in bins, for figures."""
    tables = []
    for name in [name for name in seen.distributions if name in _comparable(seen, trained)]:
        edges = seen.histogram(name)[0]
        table = QTable({"low": edges[:-1], "high": edges[1:]})
        for column, each in (("observed", seen), ("training", trained)):
            counts = each.histogram(name)[1]
            table[column] = counts / max(counts.sum(), 1e-300)
        table.meta = {"quantity": name, "camera": seen.camera, "kind": trained.kind}
        table.meta["counts"] = f"{seen.n_images:,} images observed, {trained.n_images:,} {trained.kind} in training"
        tables.append(table)
    return tables


def verdict(table):
    """The worst verdict of a table of :func:`compare` with its reasons, in one line.

    Parameters
    ----------
    table : astropy.table.QTable

    Returns
    -------
    str
        Begins with ok, caution or mismatch.
    """
    worst = max(table["verdict"], key=VERDICTS.index)
    if worst == VERDICTS[0]:
        return "ok, as in the training"
    several = len(set(table["camera"])) > 1
    return f"{worst}: " + ", ".join(_reason(row, several) for row in table if row["verdict"] == worst)


def _reason(row, several):
    where = f" ({row['camera']})" if several else ""
    return f"{row['quantity']}{where} {row['observed']:.3g} instead of {row['training']:.3g} {row['unit']}".strip()


def warn_of_classes(found):
    """Warn where instrument or sky of gammas and of hadrons differ, which gives the class away.

    Parameters
    ----------
    found : list of Conditions
        Of the training events.
    """
    pairs = [(one, other) for one in found for other in found if one.camera == other.camera]
    for gamma, hadron in [pair for pair in pairs if [each.kind for each in pair] == ["gamma", "hadron"]]:
        for name, one, other, unit, *difference, _ in differences(gamma, hadron):
            if name in OF_INSTRUMENT and not np.isnan(difference[0]) and _judge(name, *difference) != VERDICTS[0]:
                said = f"{name} of {gamma.camera}: {one:.3g} {unit} in gammas, {other:.3g} {unit} in hadrons"
                warnings.warn(f"{said}; a network can tell the classes by it", RangeWarning, stacklevel=3)
