"""What part of the light from a height reaches an observer below: molecules, ozone, aerosols.

Each is an optical depth tau(height, wavelength) between the emission and the observer; the light falls to exp(-tau).
Absorption by oxygen and water (beyond 580 nm) and light scattered back into the line of sight are left out.
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from gammaml.errors import SettingError

MOLECULES_PER_GRAM = 6.02214076e23 / 28.9647  # Avogadro's number / molar mass of dry air
OZONE_COLUMN = 0.3  # cm at standard temperature and pressure: 300 Dobson units
OZONE_HEIGHT, OZONE_WIDTH = 23e3, 4.5e3  # m
SHORTEST, LONGEST = 240.0, 1000.0  # nm

# Absorption coefficient of ozone (1/cm at standard temperature and pressure). From 300 nm: Leckner 1978, Sol. Energy
# 20, 143, as in Bird & Riordan 1986, J. Clim. Appl. Meteorol. 25, 87, table 1; below: cross-sections of JPL 19-5
# (Burkholder et al. 2019) by Loschmidt's number. Where the source has 0, 1e-4, for interpolation in the logarithm.
_OZONE = np.array(
    [
        (240, 223.0), (250, 302.0), (260, 290.0), (270, 214.0), (280, 106.0), (290, 38.0), (300, 10.0), (305, 4.8),
        (310, 2.7), (315, 1.35), (320, 0.8), (325, 0.38), (330, 0.16), (335, 0.075), (340, 0.04), (345, 0.019),
        (350, 0.007), (360, 1e-4), (440, 1e-4), (450, 0.003), (460, 0.006), (470, 0.009), (480, 0.014), (490, 0.021),
        (500, 0.03), (510, 0.04), (520, 0.048), (530, 0.063), (540, 0.075), (550, 0.085), (570, 0.12), (593, 0.119),
        (610, 0.12), (630, 0.09), (656, 0.065), (667.6, 0.051), (690, 0.028), (710, 0.018), (740, 0.01), (767.5, 0.005),
        (780, 1e-4), (1000, 1e-4),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Aerosols:
    """Dust and droplets: extinction that falls exponentially with the height above the observer.

    Parameters
    ----------
    optical_depth : float
        Vertical, from the observer up, at 550 nm.
    scale_height : Quantity
    angstrom : float
        The optical depth goes as wavelength^-angstrom.
    """

    optical_depth: float = 0.08
    scale_height: u.Quantity = 3.0 * u.km
    angstrom: float = 1.05

    def __post_init__(self):
        if not 0 <= self.optical_depth <= 5:
            raise SettingError("aerosols", f"optical_depth {self.optical_depth}", "0 to 5", "mend it")
        if not 0 < self.scale_height.to_value(u.m) < 2e4:
            raise SettingError("aerosols", f"scale_height {self.scale_height}", "0 to 20 km", "mend it")
        if not -1 <= self.angstrom <= 4:
            raise SettingError("aerosols", f"angstrom {self.angstrom}", "-1 to 4", "mend it")


# Fits, good to 0.01 in optical depth from 330 to 580 nm, to MODTRAN's tables of sim_telarray (K. Bernloehr) for an
# observer at 2147 m in tropical air: with a desert's aerosols from 2147 m up, and with the sea's from 0 m up.
DESERT = Aerosols(0.08, 3.0 * u.km, 1.05)
MARITIME = Aerosols(0.063, 4.0 * u.km, 1.0)
NO_AEROSOLS = Aerosols(0.0)


def rayleigh_cross_section(wavelength):
    """Cross-section (cm2) of a molecule of air for Rayleigh scattering, at wavelengths in nm.

    Bucholtz 1995, Appl. Opt. 34, 2765, equation 8 and table 3: refractive index of Peck & Reeder 1972, anisotropy of
    Bates 1984, better than 0.2 % from 0.2 to 4 um.
    """
    x = np.asarray(wavelength, dtype=float) / 1e3  # um
    ultraviolet = 3.01577e-28 * x ** -(3.55212 + 1.35579 * x + 0.11563 / x)
    visible = 4.01061e-28 * x ** -(3.99668 + 1.10298e-3 * x + 2.71393e-2 / x)
    return np.where(x < 0.5, ultraviolet, visible)


def ozone_above(height):
    """Column of ozone above a height (m above sea level), in cm at standard temperature and pressure.

    The form of Lacis & Hansen 1974, J. Atmos. Sci. 31, 118, equation 17. Their layer, at 20 km, is that of middle
    latitudes; this one has the 12 Dobson units between 2 and 10 km of MODTRAN's tropical air.
    """
    top = 1.0 + np.exp(-OZONE_HEIGHT / OZONE_WIDTH)
    return OZONE_COLUMN * top / (1.0 + np.exp((np.asarray(height, dtype=float) - OZONE_HEIGHT) / OZONE_WIDTH))


def ozone_absorption(wavelength):
    """Absorption coefficient of ozone (1/cm at standard temperature and pressure), at wavelengths in nm."""
    return np.exp(np.interp(wavelength, _OZONE[:, 0], np.log(_OZONE[:, 1])))


@u.quantity_input(height=u.m, wavelength=u.nm, observer=u.m)
def optical_depth(height, wavelength, *, observer, atmosphere, aerosols):
    """Vertical optical depth between heights and an observer below them.

    Parameters
    ----------
    height : Quantity (n,)
        Where the light is emitted, above sea level.
    wavelength : Quantity (m,)
        From 240 to 1000 nm.
    observer : Quantity
        Above sea level.
    atmosphere : Atmosphere
    aerosols : Aerosols

    Returns
    -------
    array (n, m)
        0 for heights below the observer.

    Raises
    ------
    SettingError
        For a wavelength out of range.
    """
    nm = np.atleast_1d(wavelength.to_value(u.nm))
    if not ((nm >= SHORTEST) & (nm <= LONGEST)).all():
        got = f"wavelengths from {nm.min():g} to {nm.max():g} nm"
        raise SettingError("transmission", got, f"{SHORTEST:g} to {LONGEST:g} nm", "narrow the range")
    above = np.maximum(np.atleast_1d(height), observer)
    air = (atmosphere.depth(observer) - atmosphere.depth(above)).to_value(u.g / u.cm**2)
    ozone = ozone_above(observer.to_value(u.m)) - ozone_above(above.to_value(u.m))
    dust = aerosols.optical_depth * -np.expm1(-((above - observer) / aerosols.scale_height).to_value(u.one))
    molecules = np.outer(air * MOLECULES_PER_GRAM, rayleigh_cross_section(nm))
    return molecules + np.outer(ozone, ozone_absorption(nm)) + np.outer(dust, (550.0 / nm) ** aerosols.angstrom)


@u.quantity_input(height=u.m, wavelength=u.nm, observer=u.m, zenith=u.deg)
def transmission(height, wavelength, *, observer, atmosphere, aerosols, zenith=0 * u.deg):
    """Part of the light that reaches an observer, over a path inclined by the zenith angle, in a flat atmosphere.

    Parameters and errors are those of `optical_depth`, and the zenith angle, from 0 to 80 deg.

    Returns
    -------
    array (n, m)
    """
    if not 0 <= zenith.to_value(u.deg) <= 80:
        raise SettingError("transmission", f"zenith {zenith}", "0 to 80 deg", "use a flat-earth zenith angle")
    vertical = optical_depth(height, wavelength, observer=observer, atmosphere=atmosphere, aerosols=aerosols)
    return np.exp(-vertical / np.cos(zenith).value)
