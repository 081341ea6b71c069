"""What image stacks are kept in: the TOML file that describes them, and named arrays in NPZ or FITS files."""

import tomllib
import zipfile
import zlib
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import fits

from gammaml.errors import InputError

STACK_KEYS = ("files", "image", "peak_time", "ids_restart")
CAMERA_KEYS = (
    "name",
    "tel_type",
    "shape",
    "focal_length",
    "rotation",
    "flip",
    "x",
    "y",
    "unit",
    "pixels",
    "pixel_width",
    "skew",
)
NEEDED = {"stack": ("files", "image"), "camera": ("name", "focal_length")}
COLUMN_KEYS = ("name", "value", "unit", "format", "scale")
COLUMN_NAMES = (
    *("obs_id", "event_id", "tel_id", "event_type", "time", "pointing_alt", "pointing_az"),
    *("true_energy", "true_alt", "true_az", "true_core_x", "true_core_y", "true_h_first_int", "true_x_max"),
    "true_shower_primary_id",
)
MEND = "mend the file"


def read_settings(path):
    """The tables `stack`, `camera` and `columns` of a TOML file, with only known keys.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of dict
        Each column as a dict with a `name` or a `value`.

    Raises
    ------
    gammaml.errors.InputError
        Where it is no TOML, or a key is unknown or missing: names it.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, error, "a TOML file that describes a stack of images", MEND) from error
    known = {"stack": STACK_KEYS, "camera": CAMERA_KEYS, "columns": COLUMN_NAMES}
    _check_keys(path, settings, known)
    settings = {name: settings.get(name, {}) for name in known}
    for name, keys in known.items():
        if not isinstance(settings[name], dict):
            raise InputError(f"{path}: {name}", "a value", f"a table [{name}]", MEND)
        _check_keys(f"{path}: {name}", settings[name], keys)
        for key in NEEDED.get(name, ()):
            if key not in settings[name]:
                raise InputError(f"{path}: {name}", f"no {key}", f"the keys {', '.join(NEEDED[name])}", MEND)
    for key in ("name", "tel_type"):
        if not isinstance(settings["camera"].get(key, ""), str):
            raise InputError(f"{path}: camera.{key}", settings["camera"][key], "a text", MEND)
    columns = {name: _column(f"{path}: columns.{name}", value) for name, value in settings["columns"].items()}
    return settings | {"columns": columns}


def _check_keys(where, table, known):
    for key in table:
        if key not in known:
            raise InputError(where, f"the unknown key {key!r}", f"some of {', '.join(known)}", "mend the name")


def _column(where, value):
    """A text is the name of an array, a number the same for all images."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, int | float):
        return {"value": value}
    if not isinstance(value, dict) or ("name" in value) == ("value" in value):
        raise InputError(where, value, "a name, a number, or a table with a name or a value", MEND)
    _check_keys(where, value, COLUMN_KEYS)
    return value


def quantity(where, value, unit):
    """A length or angle written like ``"5.6 m"``, in `unit`."""
    try:
        number = u.Quantity(value if isinstance(value, str) else "none").to_value(unit)
        if np.ndim(number) == 0 and np.isfinite(number):
            return float(number)
    except (TypeError, ValueError, u.UnitsError):
        pass
    raise InputError(where, repr(value), f"a quantity such as '1 {unit}'", MEND)


def data_files(path, names):
    """The files that a TOML file names: paths or patterns relative to its folder, sorted within each pattern.

    Parameters
    ----------
    path : Path
    names : str or list of str

    Returns
    -------
    list of Path
    """
    names = [names] if isinstance(names, str) else names
    if not (isinstance(names, list) and names and all(isinstance(name, str) and name for name in names)):
        raise InputError(f"{path}: stack.files", repr(names), "names of files", MEND)
    found = []
    for name in names:
        exact = path.parent / name
        matching = [exact] if exact.is_file() else _matching(path.parent, name)
        if not matching:
            raise InputError(exact, "no such file", "an NPZ or FITS file", f"check stack.files in {path.name}")
        found += matching
    return found


def _matching(folder, pattern):
    if Path(pattern).is_absolute():
        folder, pattern = Path(Path(pattern).anchor), str(Path(pattern).relative_to(Path(pattern).anchor))
    return sorted(each for each in folder.glob(pattern) if each.is_file())


def read_arrays(path, names):
    """Named arrays of one file.

    Parameters
    ----------
    path : Path
        NPZ, or FITS: there a name is that of an HDU, a column of a table or a key of a header, and a number an HDU's.
    names : collection of str or int

    Returns
    -------
    dict of str or int to array

    Raises
    ------
    gammaml.errors.InputError
        Where the file is damaged or lacks one.
    """
    try:
        with path.open("rb") as file:
            read = _npz if file.read(2) == b"PK" else _fits
        return read(path, names)
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise InputError(path, f"a damaged file ({reason})", "a whole NPZ or FITS file", "fetch it again") from error


def _npz(path, names):
    with np.load(path, allow_pickle=False) as arrays:
        for name in names:
            if name not in arrays:
                raise _missing(path, name, arrays)
        return {name: arrays[name] for name in names}


def _fits(path, names):
    with fits.open(path, memmap=False) as hdus:
        return {name: _fits_item(path, hdus, name) for name in names}


def _fits_item(path, hdus, name):
    labels = [hdu.name for hdu in hdus]
    if isinstance(name, int) or name.upper() in labels:
        index = name if isinstance(name, int) else labels.index(name.upper())
        if not 0 <= index < len(hdus) or not hdus[index].is_image or hdus[index].data is None:
            raise _missing(path, name, [f"{number} {label}".strip() for number, label in enumerate(labels)])
        return np.array(hdus[index].data)
    for hdu in hdus:
        if not hdu.is_image and name.lower() in [column.lower() for column in hdu.columns.names]:
            return np.array(hdu.data[name])
    for hdu in hdus:
        if name in hdu.header:
            return np.array(hdu.header[name])
    keys = [key for hdu in hdus for key in hdu.header if key not in ("SIMPLE", "COMMENT", "HISTORY", "")]
    raise _missing(path, name, [*filter(None, labels), *dict.fromkeys(keys)])


def _missing(path, name, present):
    shown = ", ".join(map(str, present))
    shown = shown if len(shown) < 300 else shown[:300] + " …"
    return InputError(path, f"no {name!r} among {shown}", "the array that the TOML file names", "mend the name there")
