"""Photons on the ground, in bunches as CORSIKA writes them, to photo-electrons of a telescope."""

import numpy as np
from astropy import units as u
from scipy.interpolate import RegularGridInterpolator

from gammaml.simulation.atmosphere import TOP, atmosphere
from gammaml.simulation.stack import PHOTO_ELECTRON
from gammaml.simulation.transmission import optical_depth

SAME = ("detector", "x", "y", "ux", "uy", "time", "height")
N_HEIGHTS, N_WAVELENGTHS = 300, 150


def optical_depths(site, wavelengths):
    """Vertical optical depth of a site's air by height of emission and wavelength.

    Parameters
    ----------
    site : Site
    wavelengths : (float, float)
        Range, nm.

    Returns
    -------
    RegularGridInterpolator
        Of points (height in m above sea level, wavelength in nm), which may lie outside.
    """
    ground = site.altitude.to_value(u.m)
    heights = ground + np.linspace(0, np.sqrt(TOP - ground), N_HEIGHTS) ** 2  # finer where the air is
    wavelength = np.linspace(*wavelengths, N_WAVELENGTHS)
    air = {"observer": site.altitude, "atmosphere": atmosphere(site.atmosphere), "aerosols": site.aerosols}
    depth = optical_depth(heights * u.m, wavelength * u.nm, **air)
    return RegularGridInterpolator((heights, wavelength), depth, bounds_error=False, fill_value=None)


def detect(bunches, draw, *, efficiency, depths, wavelengths):
    """Photo-electrons that bunches of photons make.

    Every photon of a bunch is drawn alone: its wavelength, where the bunch has none, follows the Cherenkov spectrum,
    λ^-2; the air lets it pass with exp(-optical depth / cos of its zenith angle), and what remains is detected with
    the efficiency of its wavelength.

    Parameters
    ----------
    bunches : structured array
        With the columns of `PHOTO_ELECTRON`, and photons and wavelength (nm, 0 where it is not known).
    draw : numpy.random.Generator
    efficiency : DetectionEfficiency
    depths : RegularGridInterpolator
        Of `optical_depths`.
    wavelengths : (float, float)
        Range in which CORSIKA made the photons, nm.

    Returns
    -------
    structured array of PHOTO_ELECTRON
        All by the same particle, which is not known.
    """
    row = np.repeat(np.arange(len(bunches)), np.floor(bunches["photons"] + draw.random(len(bunches))).astype(int))
    wavelength = bunches["wavelength"][row].astype(float)
    unknown = wavelength <= 0
    wavelength[unknown] = _cherenkov_spectrum(wavelengths, draw.random(unknown.sum()))
    share = np.interp(wavelength, efficiency.wavelength, efficiency.efficiency, left=0.0, right=0.0)
    level = draw.random(len(row))
    kept = level < share  # before the air is asked, which takes longer
    row, wavelength, share, level = row[kept], wavelength[kept], share[kept], level[kept]
    upward2 = np.maximum(1 - bunches["ux"][row] ** 2 - bunches["uy"][row] ** 2, 1e-4)
    passed = np.exp(-depths((bunches["height"][row], wavelength)) / np.sqrt(upward2)) if efficiency.absorption else 1.0
    row = row[level < share * passed]
    light = np.zeros(len(row), PHOTO_ELECTRON)
    for name in SAME:
        light[name] = bunches[name][row]
    return light


def _cherenkov_spectrum(wavelengths, level):
    """Wavelengths, evenly in their reciprocal, for levels in [0, 1)."""
    low, high = wavelengths
    return 1 / (1 / low + level * (1 / high - 1 / low))
