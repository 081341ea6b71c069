"""Performance curves of others, as tables of text: energy, and one quantity."""

import re
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import ascii
from astropy.table import QTable, Table

from gammaml.errors import InputError

# Quantity → unit of the figures, and the names it may have in a file.
QUANTITIES = {
    "sensitivity": (u.erg / u.cm**2 / u.s, ("sensitivity", "flux_sensitivity", "e2dnde", "diff_sens")),
    "effective_area": (u.m**2, ("effective_area", "aeff", "area")),
    "angular_resolution": (u.deg, ("angular_resolution", "psf", "r68", "ang_res")),
    "energy_resolution": (u.one, ("energy_resolution", "resolution", "energy_res")),
}
ENERGY = ("energy", "true_energy", "reco_energy", "e")
EDGES = (("energy_low", "energy_high"), ("e_min", "e_max"), ("true_energy_low", "true_energy_high"))
EXPECTED = "the columns energy (or energy_low, energy_high) and one of " + ", ".join(QUANTITIES)
DO = "name the columns in the first line, units in brackets: energy [TeV] angular_resolution [deg]"
NUMBER = re.compile(r"[-+]?\.?\d|nan\b", re.IGNORECASE)
HEAD = re.compile(r"([A-Za-z]\w*)\s*(?:[\[(]([^\])]*)[\])])?")


def read_reference(path):
    """A performance curve, to be drawn beside own ones.

    Parameters
    ----------
    path : str or Path
        ECSV, or text of columns with blanks, tabs or commas between, whose first line, after a ``#`` or not, names
        them and their units: ``energy [TeV] angular_resolution [deg]``. Without units, energies are in TeV, areas in
        m2, angles in deg, sensitivities (E2 dN/dE) in erg / (cm2 s). Instead of energy the bins' ``energy_low`` and
        ``energy_high``; further columns do not matter.

    Returns
    -------
    astropy.table.QTable
        energy (TeV), and the quantity, which ``meta["quantity"]`` names: sensitivity, effective_area,
        angular_resolution or energy_resolution. In the order of energy, without gaps.

    Raises
    ------
    gammaml.errors.InputError
        Where the file is no such table.
    """
    path = Path(path)
    table = _read(path)
    columns = {name.lower(): name for name in table.colnames}
    energy = _energy(path, table, columns)
    quantities = [key for key, (_, names) in QUANTITIES.items() if any(name in columns for name in names)]
    if len(quantities) != 1:
        raise InputError(path, f"the columns {', '.join(table.colnames)}", EXPECTED, DO)
    unit, names = QUANTITIES[quantities[0]]
    values = _column(path, table, columns[next(name for name in names if name in columns)], unit)
    good = np.isfinite(energy) & np.isfinite(values) & (energy > 0)
    if good.sum() < 2:
        raise InputError(path, f"{good.sum()} points of energy and {quantities[0]}", "two or more", "check its numbers")
    order = np.argsort(energy[good], kind="stable")
    result = QTable({"energy": energy[good][order] * u.TeV, quantities[0]: values[good][order] * unit})
    result.meta = {"quantity": quantities[0], "source": path.name}
    return result


def _read(path):
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, "no text", "a table of text", DO) from error
    except OSError as error:
        raise InputError(path, (error.strerror or str(error)).lower(), "a table of text", "check the name") from error
    try:
        if lines and lines[0].startswith("# %ECSV"):
            return Table.read(path, format="ascii.ecsv")
        return _plain(lines)
    except (ValueError, KeyError, IndexError, TypeError, ascii.InconsistentTableError) as error:
        raise InputError(path, f"no table ({str(error).splitlines()[0]})", EXPECTED, DO) from error


def _plain(lines):
    """A table whose head is the last line before the numbers."""
    lines = [line.strip() for line in lines if line.strip(" \t#,")]
    start = next((i for i, line in enumerate(lines) if NUMBER.match(line)), None)
    if start is None:
        raise ValueError("no line of numbers")
    head = HEAD.findall(lines[start - 1].lstrip("# ")) if start else []
    rows = [re.split(r"\s*,\s*|\s+", line) for line in lines[start:] if not line.startswith("#")]
    if any(len(row) != len(head) for row in rows):
        raise ValueError(f"{len(rows[0])} columns under {len(head)} names")
    columns = np.array(rows, float).T
    table = Table(list(columns), names=[name for name, _ in head])
    for name, unit in head:
        table[name].unit = u.Unit(unit) if unit else None
    return table


def _energy(path, table, columns):
    """TeV; of bins their geometric middle."""
    for name in ENERGY:
        if name in columns:
            return _column(path, table, columns[name], u.TeV)
    for low, high in EDGES:
        if low in columns and high in columns:
            return np.sqrt(np.prod([_column(path, table, columns[name], u.TeV) for name in (low, high)], axis=0))
    raise InputError(path, f"the columns {', '.join(table.colnames)}", EXPECTED, DO)


def _column(path, table, name, unit):
    column = table[name]
    stated = unit if column.unit is None else column.unit
    try:
        values = np.ma.filled(np.ma.asarray(column, float), np.nan)
        return u.Quantity(values, stated).to_value(unit)
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise InputError(path, f"{name} in {stated}", f"{name} in {unit or 'no unit'}", "convert it") from error
