"""Where the telescopes stand: height, magnetic field, air, aerosols.

Axes of the simulation: x to the north, y to the west, z up. Magnetic fields: International Geomagnetic Reference Field,
14th generation (IAGA 2024), at the beginning of 2025, at the site's height.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from astropy import units as u

from gammaml.errors import InputError, SettingError
from gammaml.simulation import atmosphere as air
from gammaml.simulation.transmission import DESERT, MARITIME, Aerosols

_RANGES = {
    "altitude": (0 * u.m, 6000 * u.m),
    "latitude": (-90 * u.deg, 90 * u.deg),
    "longitude": (-180 * u.deg, 360 * u.deg),
    "field_north": (0 * u.uT, 70 * u.uT),
    "field_down": (-70 * u.uT, 70 * u.uT),
    "declination": (-180 * u.deg, 180 * u.deg),
}


@dataclass(frozen=True)
class Site:
    """A place for telescopes.

    Parameters
    ----------
    name : str
    altitude : Quantity
        Above sea level, 0 to 6000 m.
    latitude, longitude : Quantity
        Longitude east.
    field_north, field_down : Quantity
        Magnetic field: horizontal component (to magnetic north) and vertical component (positive downwards).
    declination : Quantity
        Magnetic north east of true north.
    atmosphere : str
        A name or file for `gammaml.simulation.atmosphere.atmosphere`.
    aerosols : Aerosols

    Raises
    ------
    SettingError
        For a value out of range or in a wrong unit.
    """

    name: str
    altitude: u.Quantity
    latitude: u.Quantity
    longitude: u.Quantity
    field_north: u.Quantity
    field_down: u.Quantity
    declination: u.Quantity = 0 * u.deg
    atmosphere: str = "us-standard"
    aerosols: Aerosols = DESERT

    def __post_init__(self):
        for field, (low, high) in _RANGES.items():
            value = getattr(self, field)
            right_unit = isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(low.unit)
            if not (right_unit and low <= value <= high):
                raise SettingError(f"site {self.name}", f"{field} {value}", f"{low:g} to {high:g}", "mend this value")

    @property
    def magnetic_field(self):
        """Field along the simulation's axes (north, west, up): Quantity (3,) in tesla."""
        north = self.field_north * np.cos(self.declination)
        east = self.field_north * np.sin(self.declination)
        return u.Quantity([north, -east, -self.field_down]).to(u.T)


def _place(name, position, field, air_name, aerosols):
    altitude, latitude, longitude = position
    north, down, declination = field
    return Site(
        name,
        altitude * u.m,
        latitude * u.deg,
        longitude * u.deg,
        north * u.uT,
        down * u.uT,
        declination * u.deg,
        air_name,
        aerosols,
    )


_SITES = {
    site.name: site
    for site in (
        # CTAO-North, Roque de los Muchachos
        _place("la-palma", (2156.0, 28.7622, -17.8920), (30.86, 23.41, -4.34), "la-palma", MARITIME),
        # CTAO-South
        _place("paranal", (2147.0, -24.6834, -70.3163), (20.56, -9.32, -4.59), "paranal", DESERT),
        # H.E.S.S., Khomas highland
        _place("namibia", (1800.0, -23.2717, 16.5000), (12.00, -24.72, -13.31), "namibia", DESERT),
        # VERITAS, Fred Lawrence Whipple Observatory
        _place("tucson", (1268.0, 31.6750, -110.9520), (24.27, 38.90, 9.13), "tucson", DESERT),
    )
}


def names():
    """Names of the sites that `site` knows."""
    return tuple(_SITES)


def site(name):
    """A site by its name, or from a file.

    Parameters
    ----------
    name : str or Path
        One of `names()`, or the path of a TOML file with the fields of `Site`, quantities as strings with their units:
        ``altitude = "1800 m"``, and a table ``[aerosols]`` with the fields of `Aerosols`.

    Returns
    -------
    Site

    Raises
    ------
    SettingError
        For a name that is not in `names()`, or a value out of range.
    InputError
        For a file that cannot be read, or lacks a field.
    """
    if str(name) in _SITES:
        return _SITES[str(name)]
    if Path(name).suffix == ".toml":
        return _read_site(Path(name))
    raise SettingError("site", repr(name), "one of " + ", ".join(names()) + ", or a .toml file", "use one of these")


def _read_site(path):
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, error, "a TOML file with the fields of a site", "mend the file") from error
    if isinstance(settings.get("aerosols", {}), dict):
        settings["aerosols"] = _make(path, Aerosols, settings.get("aerosols", {}), {"scale_height"})
    place = _make(path, Site, {"name": path.stem} | settings, set(_RANGES))
    air.atmosphere(place.atmosphere)
    return place


def _make(path, kind, settings, quantities):
    """An Aerosols or Site from a table of the file; fields of these names are quantities."""
    known = [field.name for field in fields(kind)]
    if unknown := sorted(set(settings) - set(known)):
        raise InputError(path, f"{unknown[0]!r}", "one of " + ", ".join(known), "mend the name")
    try:
        values = {key: u.Quantity(value) if key in quantities else value for key, value in settings.items()}
        return kind(**values)
    except (TypeError, ValueError, u.UnitsError) as error:
        message = str(error).splitlines()[0].replace(f"{kind.__name__}.__init__() ", "")
        raise InputError(path, message, "numbers and quantities such as '1800 m'", "mend the file") from error
