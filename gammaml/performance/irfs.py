"""Instrument response functions: DL2 of simulated gammas and of background -> arrays by energy and offset, by pyirf.

Their definitions are those of the data formats for gamma-ray astronomy (GADF 0.3, chapter "IRFs");
:mod:`gammaml.io.irf_file` writes them.
"""

import operator
import warnings
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.binning import calculate_bin_indices
from pyirf.cuts import calculate_percentile_cut, evaluate_binned_cut
from pyirf.irf import background_2d, energy_dispersion, psf_table
from pyirf.irf import effective_area as pyirf_effective_area

from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import InputError, SettingError, StatisticsWarning
from gammaml.performance import selection
from gammaml.performance.irf_events import OBSERVED, SPECTRA_TEXT, background, require_array_events, sample
from gammaml.performance.simulated import thrown_per_energy
from gammaml.performance.uncertainty import MIN_EVENTS

MIGRATION_BINS = np.geomspace(0.2, 5, 31)
# Fine within a degree, coarse beyond: events are few there, but the PSF should hold nearly all of them.
SOURCE_OFFSET_BINS = np.concatenate([np.linspace(0, 1, 41), np.linspace(1.25, 4, 12)]) * u.deg
OFFSET_STEP = 1.0  # degrees, about the width of a default bin of offset
MIN_BACKGROUND = 100  # below it the background as a whole is uncertain by more than 10 %


@dataclass(frozen=True)
class IrfSettings:
    """Cuts and bins.

    Parameters
    ----------
    gamma_efficiency : float
        Share of the reconstructed gammas in each bin of energy that the cut in gammaness keeps.
    theta_containment : float, optional
        Share of those that a cut in theta keeps, by energy and offset: makes the IRFs point-like.
    theta_cut : astropy.units.Quantity, optional
        Instead, the same angle everywhere.
    bins_per_decade : int
        Of true and of reconstructed energy.
    energy_range : astropy.units.Quantity (2,), optional
        Where not given, that of the thrown gammas.
    fov_offset_bins : astropy.units.Quantity (n_offset + 1,), optional
        Edges of the angle from the pointing; where not given, about a degree wide, up to where gammas were thrown.
    """

    gamma_efficiency: float = 0.7
    theta_containment: float | None = None
    theta_cut: u.Quantity | None = None
    bins_per_decade: int = 5
    energy_range: u.Quantity | None = None
    fov_offset_bins: u.Quantity | None = None

    def __post_init__(self):
        for name in ("gamma_efficiency", "theta_containment"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise SettingError(name, f"{share:g}", "more than 0, at most 1", "change it")
        if self.theta_containment is not None and self.theta_cut is not None:
            raise SettingError("theta_cut", "a fixed cut and a containment", "one of them", "leave one out")
        if self.theta_cut is not None and not 0 * u.deg < self.theta_cut < 90 * u.deg:
            raise SettingError("theta_cut", f"{self.theta_cut:g}", "more than 0 deg", "change it")
        if not 1 <= self.bins_per_decade <= 100:
            raise SettingError("bins_per_decade", f"{self.bins_per_decade}", "1 to 100", "change it")
        if self.energy_range is not None:
            edges = selection.checked_edges(self.energy_range, u.TeV, "energy_range")
            if len(edges) != 2 or edges[0] <= 0:
                raise SettingError("energy_range", f"{self.energy_range}", "two energies above zero", "change it")
        if self.fov_offset_bins is not None:
            edges = selection.checked_edges(self.fov_offset_bins, u.deg, "fov_offset_bins")
            if edges[0] < 0:
                raise SettingError("fov_offset_bins", f"an edge at {edges[0]:g} deg", "0 deg or more", "change it")

    @property
    def is_point_like(self):
        return self.theta_containment is not None or self.theta_cut is not None


@dataclass(frozen=True)
class Irfs:
    """Instrument response functions with the edges of their bins.

    Parameters
    ----------
    energy_bins : astropy.units.Quantity (n_energy + 1,)
        TeV, of true and of reconstructed energy.
    fov_offset_bins : astropy.units.Quantity (n_offset + 1,)
        deg, from the pointing.
    migration_bins : array (n_migration + 1,)
        Of E_reco / E_true.
    source_offset_bins : astropy.units.Quantity (n_source + 1,)
        deg, from the true direction.
    effective_area : astropy.units.Quantity (n_energy, n_offset)
        m2, by true energy, after all cuts; GADF AEFF_2D.
    effective_area_uncert : astropy.units.Quantity (n_energy, n_offset)
        m2, Poisson, by shower.
    energy_dispersion : array (n_energy, n_migration, n_offset)
        Density of E_reco / E_true, by true energy; GADF EDISP_2D.
    psf : astropy.units.Quantity (n_energy, n_offset, n_source) or None
        1/sr, by true energy; GADF PSF_TABLE. None where point-like.
    background : astropy.units.Quantity (n_energy, n_offset)
        1/(TeV s sr), by reconstructed energy and direction, after the cut in gammaness alone; GADF BKG_2D.
    gammaness_cuts : astropy.table.QTable
        low, high, center (reconstructed energy), n_events, cut.
    rad_max : astropy.units.Quantity (n_energy, n_offset) or None
        deg, largest theta by reconstructed energy; GADF RAD_MAX_2D. None where full-enclosure.
    n_gamma, n_background : array of int (n_energy, n_offset)
        Events behind the effective area and the background.
    meta : dict
        definition, counts, settings, reconstructor, subarray (its name), pointing_alt (deg).
    """

    energy_bins: u.Quantity
    fov_offset_bins: u.Quantity
    migration_bins: np.ndarray
    source_offset_bins: u.Quantity
    effective_area: u.Quantity
    effective_area_uncert: u.Quantity
    energy_dispersion: np.ndarray
    psf: u.Quantity | None
    background: u.Quantity
    gammaness_cuts: QTable
    rad_max: u.Quantity | None
    n_gamma: np.ndarray
    n_background: np.ndarray
    meta: dict


def build_irfs(dl2, settings=IrfSettings()):
    """Instrument response functions for the events of a DL2 table.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        Array events (a row a shower) of simulated gammas and protons, and of electrons where there are any, as
        :func:`gammaml.performance.combine` joins them. Events of the training do not count.
    settings : IrfSettings

    Returns
    -------
    Irfs

    Raises
    ------
    gammaml.errors.InputError
        Where a kind of event, a column or the thrown showers are missing.
    gammaml.errors.SettingError
        Where bins lie where nothing was thrown.

    Warns
    -----
    gammaml.errors.StatisticsWarning
        Where few events are left.
    """
    require_array_events(dl2)
    gammas, (hadrons, cone, counts) = sample(dl2, (GAMMA_PRIMARY,), "gammas"), background(dl2)
    bins = _energy_bins(gammas, settings), _offset_bins(gammas, settings)
    cuts = _gammaness_cuts(gammas.events, bins[0], settings.gamma_efficiency)
    selected, hadrons = (_pass_gammaness(events, cuts) for events in (gammas.events, hadrons))
    rad_max = _rad_max(selected, bins, settings)
    if rad_max is not None:
        selected = selected[_within_theta(selected, rad_max, bins)]
    area, area_uncert = _effective_area(selected, gammas, bins)
    n_gamma, n_background = _counts(selected, "true", bins), _counts(hadrons, "reco", bins)
    _warn_of_few(n_gamma[area > 0], n_background.sum(), bins[1][-1].value, cone)
    return Irfs(
        *bins,
        migration_bins=MIGRATION_BINS,
        source_offset_bins=SOURCE_OFFSET_BINS,
        effective_area=area,
        effective_area_uncert=area_uncert,
        energy_dispersion=energy_dispersion(selected, *bins, MIGRATION_BINS),
        psf=psf_table(selected, bins[0], SOURCE_OFFSET_BINS, bins[1]) if rad_max is None else None,
        background=background_2d(hadrons, *bins, OBSERVED),
        gammaness_cuts=cuts,
        rad_max=rad_max,
        n_gamma=n_gamma,
        n_background=n_background,
        meta={
            "definition": _definition(settings),
            "counts": f"{gammas.counts}, {counts}; after the cuts {n_gamma.sum():,} + {n_background.sum():,}",
            "settings": _plain(settings),
            "reconstructor": dl2.meta.get("reconstructor", "unknown"),
            "subarray": getattr(dl2.meta.get("subarray"), "name", "unknown"),
            "pointing_alt": float(gammas.events["pointing_alt"].mean().to_value(u.deg)),
        },
    )


# Bins


def _energy_bins(gammas, settings):
    if settings.energy_range is not None:
        low, high = settings.energy_range.to_value(u.TeV)
        n_bins = max(round(np.log10(high / low) * settings.bins_per_decade), 1)
        return np.geomspace(low, high, n_bins + 1) * u.TeV
    ends = [getattr(info, name).to_value(u.TeV) for info, *_ in gammas.runs for name in ("energy_min", "energy_max")]
    return selection.log_bins(np.array(ends) * u.TeV, settings.bins_per_decade)


def _offset_bins(gammas, settings):
    if settings.fov_offset_bins is not None:
        return settings.fov_offset_bins.to(u.deg)
    cone = max(info.viewcone_max.to_value(u.deg) for info, *_ in gammas.runs)
    if cone == 0:  # gammas of one direction: one bin for all the field of view
        return np.array([0, np.ceil(gammas.events["true_source_fov_offset"].max().value + 0.5)]) * u.deg
    return np.linspace(0, cone, max(round(cone / OFFSET_STEP), 1) + 1) * u.deg


def _counts(events, kind, bins):
    """Events by energy and offset, "true" or "reco" ones: array of int (n_energy, n_offset)."""
    values = events[f"{kind}_energy"].to_value(u.TeV), events[f"{kind}_source_fov_offset"].to_value(u.deg)
    return np.histogram2d(*values, bins=[bins[0].to_value(u.TeV), bins[1].to_value(u.deg)])[0].astype(int)


# Cuts


def _gammaness_cuts(gammas, energy_bins, efficiency):
    """Smallest gammaness by reconstructed energy; bins with few gammas take the cut of all of them."""
    percentile = 100 * (1 - efficiency)
    return calculate_percentile_cut(
        np.asarray(gammas["gh_score"]),
        gammas["reco_energy"],
        energy_bins,
        fill_value=np.percentile(gammas["gh_score"], percentile),
        percentile=percentile,
        min_events=MIN_EVENTS,
    )


def _pass_gammaness(events, cuts):
    return events[evaluate_binned_cut(np.asarray(events["gh_score"]), events["reco_energy"], cuts, operator.ge)]


def _rad_max(gammas, bins, settings):
    """Largest theta (n_energy, n_offset) by reconstructed energy and offset of the source, None without a cut."""
    energy_bins, offset_bins = bins
    shape = len(energy_bins) - 1, len(offset_bins) - 1
    if not settings.is_point_like:
        return None
    if settings.theta_cut is not None:
        return np.full(shape, settings.theta_cut.to_value(u.deg)) * u.deg
    if len(gammas) < MIN_EVENTS:
        got = f"{len(gammas)} gammas after the cut in gammaness"
        raise InputError(selection.WHERE, got, f"at least {MIN_EVENTS}", "add events, or give a fixed cut in theta")
    percentile, result = 100 * settings.theta_containment, np.empty(shape)
    column, known = calculate_bin_indices(gammas["true_source_fov_offset"], offset_bins)
    for offset in range(shape[1]):
        inside = gammas[known & (column == offset)]
        filled = np.percentile((inside if len(inside) >= MIN_EVENTS else gammas)["theta"], percentile)
        values = inside["theta"], inside["reco_energy"], energy_bins
        cuts = calculate_percentile_cut(*values, fill_value=filled, percentile=percentile, min_events=MIN_EVENTS)
        result[:, offset] = cuts["cut"].to_value(u.deg)
    return result * u.deg


def _within_theta(gammas, rad_max, bins):
    """Which gammas pass the cut in theta; none outside the bins."""
    row, energy_known = calculate_bin_indices(gammas["reco_energy"], bins[0])
    column, offset_known = calculate_bin_indices(gammas["true_source_fov_offset"], bins[1])
    passed = energy_known & offset_known
    passed[passed] = gammas["theta"][passed] <= rad_max[row[passed], column[passed]]
    return passed


# Effective area


def _effective_area(selected, gammas, bins):
    """Area and its uncertainty, each (n_energy, n_offset); 0 where nothing was thrown."""
    thrown = [_thrown(run, gammas.events, bins) for run in gammas.runs]
    n_simulated = np.sum(thrown, axis=0)
    _require_thrown(n_simulated, bins)
    density = sum(n / area for n, (_, area, _) in zip(thrown, gammas.runs, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        area = n_simulated / density
        found = [pyirf_effective_area(n, n_simulated, area) for n in _events_and_scatter(selected, bins)]
    return [np.nan_to_num(values.to(u.m**2)) for values in found]


def _thrown(run, events, bins):
    """Showers of a run expected in each bin (n_energy, n_offset); gammas of one direction are where its events are."""
    info, _, obs_id = run
    if info.viewcone_max > info.viewcone_min:
        share = np.asarray(info.calculate_n_showers_per_fov(bins[1])) / info.n_showers
    else:
        own = events["true_source_fov_offset"][events["obs_id"] == obs_id]
        share = np.histogram(own.to_value(u.deg), bins[1].to_value(u.deg))[0] / max(len(own), 1)
    return thrown_per_energy(info, bins[0])[:, np.newaxis] * share


def _require_thrown(n_simulated, bins):
    for axis, name in enumerate(("energy_range", "fov_offset_bins")):
        empty = ~(n_simulated > 0).any(axis=1 - axis)
        if empty.all() if name == "energy_range" else empty.any():
            first = np.flatnonzero(empty)[0]
            got = f"a bin of {bins[axis][first].value:g} to {bins[axis][first + 1]:g}, where no gamma was thrown"
            raise SettingError(name, got, "bins that the simulation covers", "change them")


def _events_and_scatter(selected, bins):
    """Events in each bin, and the standard deviation of that number, at least one event.

    Uses of one shower are seen or missed together: the variance is the sum of k^2 over the showers, each seen k times
    (Bohm & Zech 2014, NIM A 748, 1).
    """
    row, energy_known = calculate_bin_indices(selected["true_energy"], bins[0])
    column, offset_known = calculate_bin_indices(selected["true_source_fov_offset"], bins[1])
    shape, known = (len(bins[0]) - 1, len(bins[1]) - 1), energy_known & offset_known
    cell = (row * shape[1] + column)[known]
    pair, uses = np.unique(np.stack([cell, selected["shower"][known]]), axis=1, return_counts=True)
    variance = np.bincount(pair[0], uses**2, minlength=shape[0] * shape[1]).reshape(shape)
    return _counts(selected, "true", bins), np.sqrt(np.maximum(variance, 1))


# What a user should know


def _warn_of_few(n_gamma, n_background, last_offset, cone):
    few = int((n_gamma < MIN_EVENTS).sum())
    if few:
        text = f"{few} of {len(n_gamma)} bins of energy and offset with gammas hold fewer than {MIN_EVENTS} of them"
        warnings.warn(f"{text}; take wider bins, or add events", StatisticsWarning, stacklevel=3)
    if n_background < MIN_BACKGROUND:
        left = f"{n_background} background events pass the cut in gammaness"
        text = f"{left}, so that the background is uncertain by {1 / np.sqrt(max(n_background, 1)):.0%} or more"
        warnings.warn(f"{text}; add protons, or keep more gammas", StatisticsWarning, stacklevel=3)
    if last_offset > cone * (1 + 1e-3):
        text = f"background was thrown within {cone:g} deg, so that it is too low out to {last_offset:g} deg"
        warnings.warn(text, StatisticsWarning, stacklevel=3)


def _definition(settings):
    if settings.theta_cut is not None:
        theta = f"theta below {settings.theta_cut:g}"
    elif settings.theta_containment is not None:
        theta = f"theta that keeps {settings.theta_containment:.0%} of those by reconstructed energy and offset"
    else:
        theta = "no cut in theta"
    return (
        f"IRFs (pyirf): gammaness that keeps {settings.gamma_efficiency:.0%} of the gammas by reconstructed energy, "
        f"{theta}. Background after the cut in gammaness alone: {SPECTRA_TEXT}."
    )


def _plain(settings):
    """The settings as numbers and lists, in TeV and degrees."""
    units = {"theta_cut": u.deg, "energy_range": u.TeV, "fov_offset_bins": u.deg}
    values = {name: getattr(settings, name) for name in IrfSettings.__dataclass_fields__}
    return {
        name: value.to_value(units[name]).tolist() if isinstance(value, u.Quantity) else value
        for name, value in values.items()
    }
