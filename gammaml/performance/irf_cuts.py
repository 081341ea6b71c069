"""Cuts in gammaness and theta by energy and offset, and the bins they are made in, by pyirf."""

import operator
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from pyirf.binning import calculate_bin_indices
from pyirf.cuts import calculate_percentile_cut, evaluate_binned_cut

from gammaml.errors import InputError, SettingError
from gammaml.performance import selection
from gammaml.performance.uncertainty import MIN_EVENTS

OFFSET_STEP = 1.0  # degrees, about the width of a default bin of offset


def check_energy_bins(settings):
    """Raise unless bins_per_decade and energy_range of some settings make sense."""
    if not 1 <= settings.bins_per_decade <= 100:
        raise SettingError("bins_per_decade", f"{settings.bins_per_decade}", "1 to 100", "change it")
    if settings.energy_range is not None:
        edges = selection.checked_edges(settings.energy_range, u.TeV, "energy_range")
        if len(edges) != 2 or edges[0] <= 0:
            raise SettingError("energy_range", f"{settings.energy_range}", "two energies above zero", "change it")


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
        check_energy_bins(self)
        if self.fov_offset_bins is not None:
            edges = selection.checked_edges(self.fov_offset_bins, u.deg, "fov_offset_bins")
            if edges[0] < 0:
                raise SettingError("fov_offset_bins", f"an edge at {edges[0]:g} deg", "0 deg or more", "change it")

    @property
    def is_point_like(self):
        return self.theta_containment is not None or self.theta_cut is not None


# Bins


def thrown_energy_bins(gammas, settings):
    """Edges of energy (n_energy + 1,), TeV: those of the settings, or what holds the energies of the thrown gammas."""
    if settings.energy_range is not None:
        low, high = settings.energy_range.to_value(u.TeV)
        n_bins = max(round(np.log10(high / low) * settings.bins_per_decade), 1)
        return np.geomspace(low, high, n_bins + 1) * u.TeV
    ends = [getattr(info, name).to_value(u.TeV) for info, *_ in gammas.runs for name in ("energy_min", "energy_max")]
    return selection.log_bins(np.array(ends) * u.TeV, settings.bins_per_decade)


def fov_offset_bins(gammas, settings):
    """Edges of the angle from the pointing (n_offset + 1,), deg, of the settings or up to where gammas were thrown."""
    if settings.fov_offset_bins is not None:
        return settings.fov_offset_bins.to(u.deg)
    cone = max(info.viewcone_max.to_value(u.deg) for info, *_ in gammas.runs)
    if cone == 0:  # gammas of one direction: one bin for all the field of view
        return np.array([0, np.ceil(gammas.events["true_source_fov_offset"].max().value + 0.5)]) * u.deg
    return np.linspace(0, cone, max(round(cone / OFFSET_STEP), 1) + 1) * u.deg


# Cuts


def gammaness_cuts(gammas, energy_bins, efficiency):
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


def passes_gammaness(events, cuts):
    """Which events have at least the gammaness of their energy; none outside the bins."""
    return evaluate_binned_cut(np.asarray(events["gh_score"]), events["reco_energy"], cuts, operator.ge)


def theta_cuts(gammas, bins, settings):
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


def within_theta(gammas, rad_max, bins):
    """Which gammas pass the cut in theta; none outside the bins."""
    row, energy_known = calculate_bin_indices(gammas["reco_energy"], bins[0])
    column, offset_known = calculate_bin_indices(gammas["true_source_fov_offset"], bins[1])
    passed = energy_known & offset_known
    passed[passed] = gammas["theta"][passed] <= rad_max[row[passed], column[passed]]
    return passed


def cuts_text(settings):
    """What the cuts of some settings keep, as a sentence."""
    text = f"Gammaness: keeps {settings.gamma_efficiency:.0%} of the gammas by reconstructed energy"
    if settings.theta_cut is not None:
        return f"{text}; theta: below {settings.theta_cut:g}."
    if settings.theta_containment is not None:
        return f"{text}; theta: {settings.theta_containment:.0%} of those by reconstructed energy and offset."
    return f"{text}; no cut in theta."
