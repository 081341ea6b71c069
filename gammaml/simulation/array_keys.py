"""The keys of an array's file, what each accepts, and how it is read.

A reader takes a value from the file and returns what it means, or raises ValueError with what was expected.
"""

import numpy as np
from astropy import units as u

from gammaml.errors import InputError


def _quantity(unit, low, high):
    def read(value):
        expected = f"a quantity from {low:g} to {high:g} {unit}, such as '{high:g} {unit}'"
        try:
            number = u.Quantity(value if isinstance(value, str) else "none").to_value(unit)
        except (TypeError, ValueError, u.UnitsError) as error:
            raise ValueError(expected) from error
        if not (np.ndim(number) == 0 and low <= number <= high):
            raise ValueError(expected)
        return float(number)

    return read


def _number(low, high, kind=float):
    def read(value):
        right = isinstance(value, (int, kind)) and not isinstance(value, bool)
        if not (right and low <= value <= high):
            raise ValueError(f"{'a whole' if kind is int else 'a'} number from {low:g} to {high:g}")
        return kind(value)

    return read


def _choice(*options):
    def read(value):
        if value not in options:
            raise ValueError("one of " + ", ".join(options))
        return value

    return read


def _text(value):
    if not (isinstance(value, str) and value):
        raise ValueError("a text")
    return value


def _row(value):
    numbers = isinstance(value, list) and all(type(item) in (int, float) for item in value)
    if not (numbers and np.isfinite(value).all()):
        raise ValueError("a row of numbers")
    return np.array(value, float)


def _table(value):
    if not (isinstance(value, dict) and value):
        raise ValueError("a table")
    return value


def _tables(value):
    if not (isinstance(value, list) and value and all(isinstance(item, dict) for item in value)):
        raise ValueError("at least one table [[telescopes]]")
    return value


_SHARE = _number(0, 0.99)
ARRAY_KEYS = {
    "name": _text,
    "description": _text,
    "site": _text,
    "source": _text,
    "minimum_telescopes": _number(1, 1000, int),
    "types": _table,
    "telescopes": _tables,
}
TELESCOPE_KEYS = {
    "id": _number(1, 65535, int),
    "type": _text,
    "x": _quantity("m", -1e4, 1e4),
    "y": _quantity("m", -1e4, 1e4),
    "z": _quantity("m", 0, 1e3),
}
TYPE_KEYS = {
    "size_type": _choice("LST", "MST", "SST"),
    "reflector": _choice("PARABOLIC", "DAVIES_COTTON", "HYBRID", "SCHWARZSCHILD_COUDER"),
    "mirror_diameter": _quantity("m", 0.1, 100),
    "mirror_area": _quantity("m2", 0.01, 1e4),
    "shadowing": _SHARE,
    "n_mirrors": _number(1, 2, int),
    "n_mirror_tiles": _number(1, 10000, int),
    "focal_length": _quantity("m", 0.1, 100),
    "effective_focal_length": _quantity("m", 0.1, 100),
    "height": _quantity("m", 0, 100),
    "psf": _quantity("deg", 0, 1),
    "psf_growth": _quantity("deg", 0, 1),
    "focus_distance": _quantity("m", 100, 1e9),
    "camera": _table,
}
CAMERA_KEYS = {
    "name": _text,
    "shape": _choice("hexagon", "square"),
    "n_pixels": _number(1, 100000, int),
    "pixel_spacing": _quantity("m", 1e-4, 1),
    "pixel_width": _quantity("m", 1e-4, 1),
    "pixel_rotation": _quantity("deg", -360, 360),
    "efficiency_wavelength": _row,
    "efficiency": _row,
    "night_sky": _quantity("GHz", 0, 100),
    "sampling_rate": _quantity("GHz", 0.01, 100),
    "n_samples": _number(1, 10000, int),
    "pulse_width": _quantity("ns", 0.1, 1000),
    "single_pe_spread": _number(0, 2),
    "crosstalk": _SHARE,
    "electronic_noise": _number(0, 100),
    "gain_spread": _number(0, 1),
    "saturation": _number(1, 1e9),
    "dead_pixels": _SHARE,
    "time_jitter": _quantity("ns", 0, 100),
    "trigger_threshold": _number(0, 1e6),
    "trigger_multiplicity": _number(1, 7, int),
    "trigger_rings": _number(0, 3, int),
    "trigger_window": _quantity("ns", 0, 1000),
    "integration_window": _quantity("ns", 0.1, 10000),
}
_DEFAULTS = {"minimum_telescopes": 1, "n_mirrors": 1, "z": "0 m", "pixel_rotation": "0 deg", "crosstalk": 0.0}
_DEFAULTS |= {"time_jitter": "0 ns", "trigger_multiplicity": 1, "trigger_rings": 0, "trigger_window": "0 ns"}
MAY_LACK = {"effective_focal_length", "pixel_width"}  # whose default depends on other keys


def values(where, table, readers):
    """The values of a table by its keys.

    Parameters
    ----------
    where : str
        File and table, for the message: ``"my.toml: types.LST."``.
    table : dict
    readers : dict
        One of the dicts of this module: a reader for each key.

    Returns
    -------
    dict
        Lengths in m, angles in deg, times in ns, rates in GHz. Only `MAY_LACK` may be missing.

    Raises
    ------
    InputError
        An unknown key, a missing one, or a value that its reader refuses.
    """
    if not isinstance(table, dict):
        raise InputError(where.rstrip("."), repr(table), "a table", "mend this value")
    if unknown := sorted(set(table) - set(readers)):
        raise InputError(f"{where}{unknown[0]}", "an unknown key", "one of " + ", ".join(readers), "mend the name")
    table = {key: _DEFAULTS[key] for key in readers if key in _DEFAULTS} | table
    found = {}
    for key, read in readers.items():
        if key not in table and key in MAY_LACK:
            continue
        try:
            found[key] = read(table.get(key))
        except ValueError as error:
            got = repr(table[key]) if key in table else "nothing"
            raise InputError(f"{where}{key}", got, error, "mend this value") from error
    return found
