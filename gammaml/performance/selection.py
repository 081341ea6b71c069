"""Which rows of a DL2 table count, and the bins they are counted in."""

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from gammaml.columns import COLUMNS, GAMMA_PRIMARY, require
from gammaml.errors import InputError, SettingError
from gammaml.performance.uncertainty import MIN_CLUSTERS, MIN_EVENTS

WHERE = "DL2 table"
DIRECTION = ("true_alt", "true_az", "reco_alt", "reco_az")
UNKNOWN = -1  # primary of a simulated run that has no event in the table, or gammas and hadrons


def bare(dl2, name):
    """One column as float64 in the unit of :mod:`gammaml.columns`, or its own; masked cells are NaN."""
    require(dl2, name, where=WHERE)
    column, unit = dl2[name], unit_of(dl2, name)
    if hasattr(column, "filled"):
        column = column.astype(float).filled(np.nan)
    try:
        return np.asarray(column if unit is None else u.Quantity(column, unit).value, dtype=np.float64)
    except u.UnitConversionError as error:
        raise InputError(WHERE, f"{name} in {dl2[name].unit}", f"{name} in {unit}", "give it its unit") from error


def unit_of(dl2, name):
    """The unit in which :func:`bare` gives a column, or None."""
    return COLUMNS[name].unit if name in COLUMNS else getattr(dl2[name], "unit", None)


def is_gamma(dl2):
    """Mask (n_rows,) of simulated gammas; every other primary counts as a hadron."""
    return bare(dl2, "true_shower_primary_id") == GAMMA_PRIMARY


def test_events(dl2):
    """The rows that no network was trained on.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        A boolean column ``in_training``, where there is one, marks the rows to leave out.

    Returns
    -------
    astropy.table.QTable
        ``meta`` has n_in_training and n_gamma_in_training, the rows and gammas left out, and test_share, the share of
        the gammas kept.

    Raises
    ------
    gammaml.errors.InputError
        Where no row is left.
    """
    if len(dl2) == 0:
        raise InputError(WHERE, "no rows", "at least one event", "check the selection and the input files")
    training, gammas = np.zeros(len(dl2), bool), is_gamma(dl2)
    if "in_training" in dl2.colnames:
        training = np.ma.filled(np.ma.asarray(dl2["in_training"]), False).astype(bool)
    if training.all():
        raise InputError(WHERE, "only events of the training", "events the network has not seen", "predict a test set")
    events = dl2[~training]
    for name, left_out in (("n_in_training", training), ("n_gamma_in_training", training & gammas)):
        events.meta[name] = dl2.meta.get(name, 0) + int(left_out.sum())
    events.meta["test_share"] = dl2.meta.get("test_share", 1.0) * _share(dl2[gammas], ~training[gammas])
    events.meta["simulation"] = named_runs(dl2)
    return events


test_events.__test__ = False  # not a test, whatever pytest makes of its name


def _share(gammas, kept):
    """Share of the array events that is kept; those of many images do not count more than others."""
    if len(gammas) == 0 or kept.all():
        return 1.0
    require(gammas, "obs_id", "event_id", where=WHERE)
    events = np.stack([np.asarray(gammas["obs_id"]), np.asarray(gammas["event_id"])], axis=1)
    return len(np.unique(events[kept], axis=0)) / len(np.unique(events, axis=0))


def reconstructed(dl2, *names):
    """Test events in which each column of `names` is finite, energies and uncertainties above zero.

    The counts go to ``meta["counts"]``.
    """
    events = test_events(dl2)
    values = {name: bare(events, name) for name in names}
    good = np.all([np.isfinite(value) for value in values.values()], axis=0)
    good &= np.all([value > 0 for name, value in values.items() if "energy" in name or "uncert" in name], axis=0)
    return _counted(events, good, ", ".join(names))


def reconstructed_gammas(dl2, *names):
    """As :func:`reconstructed`, gammas alone."""
    events = test_events(dl2)
    gammas = is_gamma(events)
    if not gammas.any():
        raise InputError(WHERE, "no gammas among the test events", "simulated gammas", "add a gamma file")
    events = events[gammas]
    events.meta["n_in_training"] = events.meta["n_gamma_in_training"]
    return reconstructed(events, *names)


def classified_events(dl2):
    """Test events of both classes with a gammaness in [0, 1]."""
    events = reconstructed(dl2, "gammaness")
    scores, gammas = bare(events, "gammaness"), is_gamma(events)
    if scores.min() < 0 or scores.max() > 1:
        got = f"gammaness from {scores.min():g} to {scores.max():g}"
        raise InputError(WHERE, got, "values in [0, 1], 1 = gamma", "convert the score")
    if gammas.all() or not gammas.any():
        got = "gammas only" if gammas.all() else "hadrons only"
        raise InputError(WHERE, f"{got} with a gammaness", "gammas and hadrons", "add a file of the other class")
    return events


def _counted(events, good, names):
    if not good.any():
        raise InputError(WHERE, f"no usable value of {names}", "reconstructed events", "check the prediction")
    kept = events[good]
    gammas, noun = is_gamma(kept), "images" if "tel_id" in events.colnames else "events"
    parts = [(int(gammas.sum()), f"gamma {noun}"), (int((~gammas).sum()), f"hadron {noun}")]
    left_out = [(int((~good).sum()), "not reconstructed"), (events.meta.get("n_in_training", 0), "seen in training")]
    text = " + ".join(f"{n:,} {what}" for n, what in parts if n)
    dropped = ", ".join(f"{n:,} {what}" for n, what in left_out if n)
    kept.meta["counts"] = f"{text} (left out: {dropped})" if dropped else text
    kept.meta["n_not_reconstructed"] = left_out[0][0]
    return kept


def described(result, definition, events):
    """Give `result` its definition and the counts of the events it comes from."""
    keys = ("counts", "n_in_training", "n_not_reconstructed")
    result.meta = {"definition": definition} | {key: events.meta[key] for key in keys}
    return result


def cluster_name(dl2):
    """What the rows that are not independent of each other share: "shower", or "event" where that is all we know."""
    return "shower" if "shower_id" in dl2.colnames else "event"


def too_few(dl2, what):
    """The words for the counts below which a bin is not drawn."""
    least = f"{MIN_EVENTS} {what}"
    return least if cluster_name(dl2) == "event" else f"{least} or {MIN_CLUSTERS} showers"


def cluster_number(dl2):
    """An integer a row (n_rows,), equal for rows of one shower, or of one event."""
    shower = f"{cluster_name(dl2)}_id"
    require(dl2, "obs_id", shower, where=WHERE)
    keys = np.stack([np.asarray(dl2["obs_id"]), np.asarray(dl2[shower])], axis=1)
    return np.unique(keys, axis=0, return_inverse=True)[1].ravel()


def checked_edges(bins, unit, name):
    """Bin edges as a bare increasing array in `unit`.

    Raises
    ------
    gammaml.errors.SettingError
        Where they are no such edges.
    """
    try:
        edges = np.atleast_1d(u.Quantity(bins, unit if hasattr(bins, "unit") else None).value)
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise SettingError(name, f"edges in {bins.unit}", f"edges in {unit}", "give them this unit") from error
    if unit is not None and not hasattr(bins, "unit"):
        raise SettingError(name, "edges without a unit", f"edges in {unit}", "multiply them by astropy's unit")
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
        raise SettingError(name, f"edges of shape {edges.shape}", "two or more increasing edges", "check the binning")
    return edges


def bin_index(values, edges):
    """The bin of each value, -1 or n_bins outside; as in numpy's histogram the last bin has its upper edge too."""
    return np.where(values == edges[-1], len(edges) - 2, np.digitize(values, edges) - 1)


def log_bins(values, bins_per_decade=5):
    """Logarithmic edges at 10^(k / bins_per_decade) that hold all `values` above zero.

    Parameters
    ----------
    values : array or astropy.units.Quantity
    bins_per_decade : int

    Returns
    -------
    array or Quantity (n_bins + 1,)
    """
    unit = getattr(values, "unit", None)
    numbers = np.asarray(values if unit is None else values.value, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if numbers.size == 0:
        raise InputError("log_bins", "no value above zero", "at least one", "check the column")
    # The rounding keeps a value that lies on an edge, but for float32, from opening a bin of its own.
    low = np.floor(np.round(np.log10(numbers.min()) * bins_per_decade, 5))
    high = np.ceil(np.round(np.log10(numbers.max()) * bins_per_decade, 5))
    edges = 10 ** (np.arange(low, max(high, low + 1) + 1) / bins_per_decade)
    return edges if unit is None else edges * unit


def energy_bins(dl2, bins_per_decade=5):
    """Edges in true energy (Quantity, TeV) that hold the table's gammas, or all its events where it has none."""
    energy, gammas = bare(dl2, "true_energy"), is_gamma(dl2)
    return log_bins((energy[gammas] if gammas.any() else energy) * u.TeV, bins_per_decade)


def combine(parts):
    """DL2 tables of several files in one, their simulated runs in ``meta["simulation"]``.

    Each run gets a column ``true_shower_primary_id``, so that gamma and hadron files may share an ``obs_id``.

    Parameters
    ----------
    parts : list of astropy.table.QTable

    Returns
    -------
    astropy.table.QTable
        A column that only some parts have is masked in the others.
    """
    if not parts:
        raise InputError("combine", "no tables", "at least one DL2 table", "give some")
    tables = [QTable(part, copy=False) for part in parts]
    for table, part in zip(tables, parts, strict=True):
        table.meta = {key: value for key, value in part.meta.items() if key != "simulation"}
    runs = [named_runs(part, default=_only_primary(part)) for part in parts]
    runs = [table for table in runs if table is not None]
    result = vstack(tables, metadata_conflicts="silent")
    result.meta["simulation"] = vstack(runs, metadata_conflicts="silent") if runs else None
    return result


def _only_primary(dl2):
    primary = np.unique(bare(dl2, "true_shower_primary_id"))
    return int(primary[0]) if len(primary) == 1 else UNKNOWN


def named_runs(dl2, default=UNKNOWN):
    """The simulated runs of a table with a column ``true_shower_primary_id``.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    default : int
        Primary of a run that has no event in the table.

    Returns
    -------
    astropy.table.QTable or None
    """
    runs = dl2.meta.get("simulation")
    if runs is None:
        return None
    require(runs, "obs_id", where="simulated runs")
    require(dl2, "obs_id", where=WHERE)
    named = np.ma.masked_all(len(runs), int)
    if "true_shower_primary_id" in runs.colnames:
        named = np.ma.array(runs["true_shower_primary_id"], dtype=int)
    primary, obs_id, runs = bare(dl2, "true_shower_primary_id"), np.asarray(dl2["obs_id"]), runs.copy()
    for i in np.flatnonzero(np.ma.getmaskarray(named)):
        named[i] = _run_primary(primary[obs_id == runs["obs_id"][i]], default)
    runs["true_shower_primary_id"] = np.asarray(named)
    return runs


def _run_primary(primary, default):
    if len(primary) == 0:
        return default
    return int(primary[0]) if len(np.unique(primary == GAMMA_PRIMARY)) == 1 else UNKNOWN
