"""Instrument response functions: DL2 of simulated gammas and of background -> arrays by energy and offset, by pyirf.

Their definitions are those of the data formats for gamma-ray astronomy (GADF 0.3, chapter "IRFs");
:mod:`gammaml.io.irf_file` writes them.
"""

import warnings
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.irf import background_2d, energy_dispersion, psf_table

from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import StatisticsWarning
from gammaml.performance.areas import FULL_ENCLOSURE, area_in_bins
from gammaml.performance.irf_cuts import (
    IrfSettings,
    cuts_text,
    fov_offset_bins,
    gammaness_cuts,
    passes_gammaness,
    theta_cuts,
    thrown_energy_bins,
    within_theta,
)
from gammaml.performance.irf_events import OBSERVED, background, require_array_events, sample
from gammaml.performance.spectra import BACKGROUND_TEXT
from gammaml.performance.uncertainty import MIN_EVENTS

MIGRATION_BINS = np.geomspace(0.2, 5, 31)
# Fine within a degree, coarse beyond: events are few there, but the PSF should hold nearly all of them.
SOURCE_OFFSET_BINS = np.concatenate([np.linspace(0, 1, 41), np.linspace(1.25, 4, 12)]) * u.deg
MIN_BACKGROUND = 100  # below it the background as a whole is uncertain by more than 10 %


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


def build_irfs(dl2, settings=FULL_ENCLOSURE):
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
    gammaml.errors.SimulationWarning
        Where the background was not thrown wherever gammas were.
    """
    require_array_events(dl2)
    gammas = sample(dl2, (GAMMA_PRIMARY,), "gammas")
    thrown = background(dl2, gammas)
    bins = thrown_energy_bins(gammas, settings), fov_offset_bins(gammas, settings)
    cuts = gammaness_cuts(gammas.events, bins[0], settings.gamma_efficiency)
    selected, hadrons = (events[passes_gammaness(events, cuts)] for events in (gammas.events, thrown.events))
    rad_max = theta_cuts(selected, bins, settings)
    if rad_max is not None:
        selected = selected[within_theta(selected, rad_max, bins)]
    n_gamma, _, *areas = area_in_bins(selected, gammas, bins)
    area, area_uncert = map(np.nan_to_num, areas)
    n_background = _counts(hadrons, bins)
    _warn_of_few(n_gamma[area > 0], n_background.sum(), bins[1][-1].value, thrown.cone)
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
            "definition": (
                f"IRFs (pyirf). {cuts_text(settings)} Background after the cut in gammaness alone: {BACKGROUND_TEXT}."
            ),
            "counts": f"{gammas.counts}, {thrown.counts}; after the cuts {n_gamma.sum():,} + {n_background.sum():,}",
            "settings": _plain(settings),
            "reconstructor": dl2.meta.get("reconstructor", "unknown"),
            "subarray": getattr(dl2.meta.get("subarray"), "name", "unknown"),
            "pointing_alt": float(gammas.events["pointing_alt"].mean().to_value(u.deg)),
        },
    )


def _counts(events, bins):
    """Events by reconstructed energy and offset: array of int (n_energy, n_offset)."""
    values = events["reco_energy"].to_value(u.TeV), events["reco_source_fov_offset"].to_value(u.deg)
    return np.histogram2d(*values, bins=[bins[0].to_value(u.TeV), bins[1].to_value(u.deg)])[0].astype(int)


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


def _plain(settings):
    """The settings as numbers and lists, in TeV and degrees."""
    units = {"theta_cut": u.deg, "energy_range": u.TeV, "fov_offset_bins": u.deg}
    values = {name: getattr(settings, name) for name in IrfSettings.__dataclass_fields__}
    return {
        name: value.to_value(units[name]).tolist() if isinstance(value, u.Quantity) else value
        for name, value in values.items()
    }
