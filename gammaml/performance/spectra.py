"""The spectra that simulated events are weighted to, all of pyirf's, and the weights."""

import astropy.units as u
import numpy as np
from pyirf.spectral import (
    CRAB_HEGRA,
    DIFFUSE_FLUX_UNIT,
    IRFDOC_ELECTRON_SPECTRUM,
    IRFDOC_PROTON_SPECTRUM,
    POINT_SOURCE_FLUX_UNIT,
    PowerLaw,
)

from gammaml.errors import InputError

CRAB, PROTON, ELECTRON = CRAB_HEGRA, IRFDOC_PROTON_SPECTRUM, IRFDOC_ELECTRON_SPECTRUM
CRAB_TEXT = "Crab: 2.83e-11 (E/TeV)^-2.62 /(cm2 s TeV) (HEGRA, Aharonian et al. 2004, ApJ 614, 897)"
BACKGROUND_TEXT = (
    "protons 9.8e-6 (E/TeV)^-2.62 /(cm2 s TeV sr), electrons 2.385e-9 (E/TeV)^-3.43 /(cm2 s TeV sr) with a bump "
    "(pyirf's IRFDOC spectra)"
)
RANGE_TOLERANCE = 1e-3  # float32 energies may lie this little outside the simulated range


def diffuse_weights(sample, spectrum, time):
    """Expected events for each simulated one, of particles from all over the sky.

    Parameters
    ----------
    sample : gammaml.performance.irf_events.Sample
    spectrum : callable
        Energy -> flux per solid angle, as pyirf's.
    time : astropy.units.Quantity

    Returns
    -------
    array (n_events,)
        As pyirf's ``calculate_event_weights``.

    Raises
    ------
    gammaml.errors.InputError
        Where events came from one direction, or lie outside the thrown energies and cone.
    """
    energy, offset = sample.events["true_energy"], sample.events["true_source_fov_offset"]
    thrown = np.zeros(len(energy)) * DIFFUSE_FLUX_UNIT
    for info, area, _ in sample.runs:
        if info.viewcone_max <= info.viewcone_min:
            got, expected = "background from one direction", "directions all over the field of view"
            raise InputError("simulated runs", got, expected, "simulate it with a view cone")
        inside = _within(energy, info.energy_min, info.energy_max)
        inside &= _within(offset, info.viewcone_min, info.viewcone_max)
        thrown[inside] += _simulated(info, area, time)(energy[inside])
    return _ratio(sample.events, spectrum, thrown)


def source_weights(sample, spectrum, time, max_offset):
    """Expected events for each simulated one, of a point source somewhere within `max_offset` of the pointing.

    Parameters
    ----------
    sample : gammaml.performance.irf_events.Sample
        Its events no further than `max_offset`.
    spectrum : callable
        Energy -> flux, as pyirf's.
    time, max_offset : astropy.units.Quantity

    Returns
    -------
    array (n_events,)
        As pyirf's ``calculate_event_weights``; the flux of diffuse gammas is integrated over the solid angle, so that
        the source stands anywhere within it with the same probability.

    Raises
    ------
    gammaml.errors.InputError
        Where events lie outside the thrown energies.
    """
    energy = sample.events["true_energy"]
    thrown = np.zeros(len(energy)) * POINT_SOURCE_FLUX_UNIT
    for info, area, _ in sample.runs:
        flux = _simulated(info, area, time)
        if info.viewcone_max > info.viewcone_min:
            flux = flux.integrate_cone(info.viewcone_min, np.clip(max_offset, info.viewcone_min, info.viewcone_max))
        inside = _within(energy, info.energy_min, info.energy_max)
        thrown[inside] += flux(energy[inside])
    return _ratio(sample.events, spectrum, thrown)


def _simulated(info, area, time):
    """Flux that the thrown showers of a run are in `time`; pyirf takes the whole disc of cores, ours may be a ring."""
    flux = PowerLaw.from_simulation(info, time)
    disc = (np.pi * info.max_impact**2 / area).to_value(u.one)
    return PowerLaw(flux.normalization * disc, flux.index, flux.e_ref)


def _within(values, low, high):
    return (values >= low * (1 - RANGE_TOLERANCE)) & (values <= high * (1 + RANGE_TOLERANCE))


def _ratio(events, spectrum, thrown):
    outside = ~(thrown > 0)
    if outside.any():
        energy, offset = (events[name][outside][0] for name in ("true_energy", "true_source_fov_offset"))
        got = f"an event of {energy:g}, {offset:.2f} from the pointing"
        raise InputError("simulated runs", got, "events within the thrown energies and cone", "check the simulation")
    return (spectrum(events["true_energy"]) / thrown).to_value(u.one)
