"""What needs the thrown showers: effective area, and weights to a spectrum."""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.irf import effective_area as pyirf_effective_area
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import PowerLaw

from gammaml.columns import GAMMA_PRIMARY, require
from gammaml.errors import InputError
from gammaml.performance import selection
from gammaml.performance.spectra import RANGE_TOLERANCE
from gammaml.performance.uncertainty import weighted_counts

GAMMA_INDEX, HADRON_INDEX = -2.5, -2.7
RECONSTRUCTED = ("reco_energy", "reco_alt", "reco_az", "gammaness")
RUN_UNITS = {
    "energy_range_min": u.TeV,
    "energy_range_max": u.TeV,
    "min_scatter_range": u.m,
    "max_scatter_range": u.m,
    "min_viewcone_radius": u.deg,
    "max_viewcone_radius": u.deg,
}


def simulated_runs(dl2, *, gammas):
    """The thrown showers of one class, as pyirf takes them.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        With ``meta["simulation"]``, a row a run.
    gammas : bool
        The gamma runs, or those of all other primaries.

    Returns
    -------
    list of (pyirf.simulations.SimulatedEventsInfo, astropy.units.Quantity)
        Each run, and the area in which its cores were thrown.

    Raises
    ------
    gammaml.errors.InputError
        Where there are none, or it cannot be told which they are.
    """
    runs = selection.named_runs(dl2)
    if runs is None or len(runs) == 0:
        raise InputError(selection.WHERE, "no simulated runs", "the thrown showers", "use files that tell of them")
    require(runs, "n_showers", "shower_reuse", "spectral_index", *RUN_UNITS, where="simulated runs")
    primary = np.asarray(runs["true_shower_primary_id"])
    unknown = primary == selection.UNKNOWN
    if unknown.any():
        got = f"the run {runs['obs_id'][unknown][0]} without events, or with gammas and hadrons"
        do = "join the tables of the files with performance.combine"
        raise InputError("simulated runs", got, "runs of one known primary", do)
    mine = runs[(primary == GAMMA_PRIMARY) == gammas]
    if len(mine) == 0:
        got = f"no run of {'gammas' if gammas else 'hadrons'}"
        raise InputError("simulated runs", got, "the runs of all events", "use files that tell of them")
    return [_run_info(run) for run in mine]


def _run_info(run):
    value = {name: u.Quantity(run[name], unit) for name, unit in RUN_UNITS.items()}
    low, high, index = value["energy_range_min"], value["energy_range_max"], float(run["spectral_index"])
    area = np.pi * (value["max_scatter_range"] ** 2 - value["min_scatter_range"] ** 2)
    if not (index < -1 and 0 * u.TeV < low < high and area > 0 * u.m**2):
        got = f"index {index:g}, energies {low.value:g} to {high:g}, cores in {area:g}"
        raise InputError("simulated runs", got, "an index below -1, ranges above zero", "check the simulation")
    info = SimulatedEventsInfo(
        n_showers=float(run["n_showers"]) * float(run["shower_reuse"]),
        energy_min=low,
        energy_max=high,
        max_impact=value["max_scatter_range"],
        spectral_index=index,
        viewcone_min=value["min_viewcone_radius"],
        viewcone_max=value["max_viewcone_radius"],
    )
    return info, area


def effective_area(dl2, true_energy_bins):
    """Area in which a gamma would be reconstructed with certainty, before any cut in gammaness.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        All events reconstructed from the runs in ``meta["simulation"]``.
    true_energy_bins : astropy.units.Quantity (n_bins + 1,)

    Returns
    -------
    astropy.table.QTable
        true_energy_low, true_energy_high, n_events, n_simulated, effective_area (m2), effective_area_uncert. NaN where
        nothing was thrown. Several images of one shower count once.

    Raises
    ------
    gammaml.errors.InputError
        Where the table does not tell of the thrown showers.
    """
    edges = selection.checked_edges(true_energy_bins, u.TeV, "true_energy_bins") * u.TeV
    names = [name for name in RECONSTRUCTED if name in dl2.colnames]
    events = selection.reconstructed_gammas(dl2, "true_energy", *names)
    share, runs = events.meta["test_share"], simulated_runs(events, gammas=True)
    thrown = [thrown_per_energy(info, edges) * share for info, _ in runs]
    density = sum(n / area for n, (_, area) in zip(thrown, runs, strict=True))
    n_simulated = np.sum(thrown, axis=0)
    n_events, scatter = _count_events(events, edges.value)
    result = QTable({"true_energy_low": edges[:-1], "true_energy_high": edges[1:]})
    result["n_events"], result["n_simulated"] = n_events, n_simulated
    with np.errstate(divide="ignore", invalid="ignore"):
        area = n_simulated / density
        result["effective_area"] = pyirf_effective_area(n_events, n_simulated, area).to(u.m**2)
        result["effective_area_uncert"] = pyirf_effective_area(scatter, n_simulated, area).to(u.m**2)
    return selection.described(result, _area_definition(runs, events), events)


def thrown_per_energy(info, edges):
    """Showers of a run expected in each bin of energy: array (n_bins,)."""
    # Cut to the simulated range first: pyirf counts a bin that reaches beyond both of its ends more than once.
    return info.calculate_n_showers_per_energy(np.clip(edges, info.energy_min, info.energy_max))


def _count_events(events, edges):
    """Array events in each bin, and the standard deviation of that number, at least one event."""
    index, showers = selection.bin_index(selection.bare(events, "true_energy"), edges), selection.cluster_number(events)
    counted = (index >= 0) & (index < len(edges) - 1)
    if "tel_id" in events.colnames:  # several images of one event count once
        keys = np.stack([np.asarray(events["obs_id"]), np.asarray(events["event_id"]), showers], axis=1)
        counted &= np.isin(np.arange(len(keys)), np.unique(keys, axis=0, return_index=True)[1])
    n, _, variance = weighted_counts(index[counted], np.ones(counted.sum()), showers[counted], len(edges) - 1)
    return n, np.sqrt(np.maximum(variance, 1))


def _area_definition(runs, events):
    share = events.meta["test_share"]
    cone = max(info.viewcone_max.to_value(u.deg) for info, _ in runs)
    directions = f"averaged over the thrown cone of {cone:g} deg" if cone > 0 else "gammas from one direction"
    text = (
        f"Effective area (pyirf): reconstructed / thrown gammas x area of thrown cores, {directions}, "
        f"no cut in gammaness; uncertainty: Poisson, by {selection.cluster_name(events)}."
    )
    return text if share == 1 else f"{text} Thrown: the share {share:.3g} that is not of the training."


def event_weights(dl2, *, gamma_index=GAMMA_INDEX, hadron_index=HADRON_INDEX):
    """Weights that turn the simulated spectra into power laws.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        With ``meta["simulation"]``.
    gamma_index, hadron_index : float
        Spectral indices with their sign.

    Returns
    -------
    array (n_rows,)
        Mean 1 among the gammas, and among the others.

    Raises
    ------
    gammaml.errors.InputError
        Where the thrown spectrum is not known.
    """
    energy, is_gamma = selection.bare(dl2, "true_energy"), selection.is_gamma(dl2)
    weights = np.ones(len(dl2))
    for gammas, index in ((True, gamma_index), (False, hadron_index)):
        rows = is_gamma == gammas
        if rows.any():
            weights[rows] = _class_weights(energy[rows], simulated_runs(dl2, gammas=gammas), index)
    return weights


def _class_weights(energy, runs, index):
    thrown = np.zeros(len(energy))
    for info, _ in runs:
        low, high = info.energy_min.to_value(u.TeV), info.energy_max.to_value(u.TeV)
        inside = (energy > low * (1 - RANGE_TOLERANCE)) & (energy < high * (1 + RANGE_TOLERANCE))
        # The time is arbitrary: only ratios of weights matter.
        thrown[inside] += PowerLaw.from_simulation(info, 1 * u.h)(energy[inside] * u.TeV).value
    if not np.all(thrown > 0):
        got = f"an event of {energy[thrown <= 0][0]:g} TeV"
        raise InputError("simulated runs", got, "energies within the simulated range", "check the simulation")
    weights = energy**index / thrown
    return weights / weights.mean()
