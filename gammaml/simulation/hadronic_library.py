"""A table of hadronic interactions: for each projectile and energy, a few hundred stored final states.

A shower draws one stored interaction, multiplies the energy fractions with its own energy and turns the transverse
momenta by a random azimuth. The file is small because only integers are stored: ln x, ln pT and the azimuth in steps
far finer than the physics (`FRACTION_STEP`, `MOMENTUM_STEP`, 256 azimuths); `load` expands them.
"""

import hashlib
import io
import json
import os
import zipfile
import zlib
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gammaml.errors import InputError, OutputError
from gammaml.simulation.particles import N_CODES

CLASSES = (
    "proton",
    "pi+",
    "K+",
)  # a neutron is a proton by isospin, pi-, K- and antinucleons by conjugation, K0L is K+
FORMAT = 1
FRACTION_STEP = 1 / 512  # of ln x: 0.1 % in energy
LARGEST_FRACTION = 2.0  # more than 1 is a struck nucleon, whose mass counts too, below 2 GeV
MOMENTUM_STEP = 1 / 25  # of ln pT
SMALLEST_MOMENTUM = 1e-3  # GeV; less is stored as this
BUILD = "build it again with python -m gammaml.simulation.build_library"


class HadronicTable(NamedTuple):
    """Stored interactions of `CLASSES` on air.

    The products of event k of class c in energy bin b are `code[offset[c, b, k]:offset[c, b, k + 1]]`, and so on.
    """

    offset: np.ndarray  # (n_classes, n_bins, n_events + 1) int64
    code: np.ndarray  # (n,) int8, as in gammaml.simulation.particles
    energy_fraction: np.ndarray  # (n,) float32: total energy of the product over that of the projectile
    px: np.ndarray  # (n,) float32, GeV
    py: np.ndarray  # (n,) float32, GeV
    cross_section: np.ndarray  # (n_classes, n_bins) float64: production cross-section on air, mb
    log10_energy_first: float  # log10 of the total energy in GeV at the centre of the first bin
    log10_energy_step: float


def load(path=None):
    """Read a table of interactions.

    Parameters
    ----------
    path : path-like, optional
        Default: the table that gammaml ships.

    Returns
    -------
    table : HadronicTable
    metadata : dict
        `name` of the models, their versions, seed, energies, events per bin, `sha256` of the file.

    Raises
    ------
    InputError
        The file is missing, foreign, cut short or inconsistent.
    """
    path = resources.files("gammaml.simulation") / "data" / "hadronic.npz" if path is None else Path(path)
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        metadata = json.loads(str(arrays["metadata"]))
        table = _expanded(arrays)
    except KeyError as error:
        raise InputError(path, f"no array {error}", "a hadronic table of gammaml", BUILD) from error
    except (OSError, ValueError, TypeError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(path, got, "a hadronic table of gammaml", BUILD) from error
    return table, metadata | {"sha256": hashlib.sha256(content).hexdigest()}


def save(path, table, metadata, *, overwrite=False):
    """Write a table of interactions; it appears under its name only when complete.

    Parameters
    ----------
    path : path-like
    table : HadronicTable
    metadata : dict
        What JSON can hold.
    overwrite : bool

    Raises
    ------
    OutputError
        The file exists and `overwrite` is False, or its directory cannot be written.
    InputError
        A value is not finite or a momentum or fraction is outside what the format holds.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    arrays = _compact(table) | {"metadata": np.array(json.dumps(metadata))}
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            np.savez_compressed(file, **arrays)
        partial.replace(path)
    except OSError as error:
        raise OutputError(path, error.strerror, "a place that can be written", "choose another path") from error
    finally:
        partial.unlink(missing_ok=True)


def refuse_existing(path, overwrite):
    """Raise OutputError when the file exists and may not be replaced."""
    if Path(path).exists() and not overwrite:
        raise OutputError(path, "an existing file", "a new path", "choose another or pass --overwrite")


def _compact(table):
    """The arrays of the file."""
    values = np.stack([table.energy_fraction, table.px, table.py])
    if not np.isfinite(values).all() or not np.isfinite(table.cross_section).all():
        raise InputError("hadronic table", "a value that is not finite", "finite numbers", "check the model")
    momentum = np.maximum(np.hypot(table.px, table.py), SMALLEST_MOMENTUM)
    azimuth = np.arctan2(table.py, table.px)
    return {
        "format": np.array(FORMAT),
        "count": _integers(np.diff(table.offset), np.uint16),
        "code": table.code.astype(np.int8),
        "fraction": _integers(-np.log(table.energy_fraction / LARGEST_FRACTION) / FRACTION_STEP, np.uint16),
        "momentum": _integers(np.log(momentum / SMALLEST_MOMENTUM) / MOMENTUM_STEP, np.uint8),
        "azimuth": (np.rint(azimuth * 128 / np.pi).astype(int) % 256).astype(np.uint8),
        "cross_section": table.cross_section.astype(np.float64),
        "log10_energy": np.array([table.log10_energy_first, table.log10_energy_step]),
    }


def _integers(values, dtype):
    """Values rounded into an unsigned integer type, refused outside its range."""
    rounded = np.rint(values)
    if rounded.size and not (rounded.min() >= 0 and rounded.max() <= np.iinfo(dtype).max):
        got = f"{rounded.min():.0f} to {rounded.max():.0f}"
        raise InputError("hadronic table", got, f"0 to {np.iinfo(dtype).max} steps", "check the model")
    return rounded.astype(dtype)


def _expanded(arrays):
    """The table of the arrays of a file; ValueError says what is wrong with them."""
    _require(arrays["format"] == FORMAT, f"format {arrays['format']}, not {FORMAT}")
    count, cross_section, log10_energy = arrays["count"], arrays["cross_section"], arrays["log10_energy"]
    columns = [arrays[name] for name in ("code", "fraction", "momentum", "azimuth")]
    _require(count.ndim == 3 and len(count) == len(CLASSES) and count.size > 0, f"counts of shape {count.shape}")
    _require(all(column.dtype.kind in "iu" for column in (count, *columns)), "arrays that are not integers")
    _require(all(column.shape == (count.sum(),) for column in columns), "counts that do not add up to the products")
    _require(cross_section.shape == count.shape[:2], f"cross-sections of shape {cross_section.shape}")
    _require(np.isfinite(cross_section).all() and (cross_section > 0).all(), "a cross-section that is not positive")
    _require(log10_energy.shape == (2,) and np.isfinite(log10_energy).all() and log10_energy[1] > 0, "bad energies")
    code, fraction, momentum, azimuth = columns
    _require(((code >= 0) & (code < N_CODES)).all(), "unknown particle codes")
    transverse = (SMALLEST_MOMENTUM * np.exp(MOMENTUM_STEP * np.arange(256, dtype=np.float32)))[momentum]
    angle = np.arange(256, dtype=np.float32) * np.float32(np.pi / 128)
    return HadronicTable(
        offset=_offsets(count),
        code=code.astype(np.int8),
        energy_fraction=np.float32(LARGEST_FRACTION) * np.exp(fraction * np.float32(-FRACTION_STEP)),
        px=transverse * np.cos(angle)[azimuth],
        py=transverse * np.sin(angle)[azimuth],
        cross_section=cross_section.astype(np.float64),
        log10_energy_first=float(log10_energy[0]),
        log10_energy_step=float(log10_energy[1]),
    )


def _offsets(count):
    """Where the products of each event start, and in the last column where those of the bin end."""
    end = np.cumsum(count.astype(np.int64)).reshape(count.shape)
    return np.concatenate([end[..., :1] - count[..., :1], end], axis=-1)


def _require(condition, got):
    if not condition:
        raise ValueError(got)


def table_of(events, cross_section, log10_energy):
    """Join generated events into a table.

    Parameters
    ----------
    events : list of list of list of tuple
        By class, energy bin and event: (code, energy_fraction, px, py) of its products, GeV.
    cross_section : array_like, shape (n_classes, n_bins)
        mb.
    log10_energy : array_like, shape (n_bins,)
        Evenly spaced centres of the bins, log10 of total energy in GeV.

    Returns
    -------
    HadronicTable
    """
    flat = [event for bins in events for one_bin in bins for event in one_bin]
    count = np.array([[[len(event[0]) for event in one_bin] for one_bin in bins] for bins in events])
    code, *floats = (np.concatenate(column) for column in zip(*flat, strict=True))
    first, step = float(log10_energy[0]), float(log10_energy[1] - log10_energy[0])
    floats = [column.astype(np.float32) for column in floats]
    return HadronicTable(_offsets(count), code.astype(np.int8), *floats, np.array(cross_section, float), first, step)
