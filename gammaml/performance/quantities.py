"""What events are binned in, and errors of their reconstruction: columns, and what follows from columns."""

from collections.abc import Callable
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml import sky, stereo
from gammaml.columns import require
from gammaml.errors import InputError
from gammaml.performance import selection
from gammaml.performance.selection import DIRECTION, bare, bin_index, checked_edges

CORE = ("true_core_x", "true_core_y", "reco_core_x", "reco_core_y")
POINTING = ("pointing_alt", "pointing_az")
SAME_OFFSET = 0.1  # degrees
MULTIPLICITIES = (2, 3, 4, 5, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128)  # lowest number of telescopes of each bin


@dataclass(frozen=True)
class Quantity:
    """Unit, the columns it follows from, how, and its name in a sentence."""

    unit: u.UnitBase | None
    columns: tuple[str, ...]
    compute: Callable
    words: str


def _separation(dl2, names):
    return sky.angular_separation(*(bare(dl2, name) for name in names))


def _impact(dl2):
    """Of images from their telescope, of array events from the origin of the array."""
    position = np.zeros((len(dl2), 3))
    if "tel_id" in dl2.colnames:
        tel_ids = np.asarray(dl2["tel_id"])
        for tel_id in np.unique(tel_ids):
            position[tel_ids == tel_id] = dl2.meta["subarray"].telescope(tel_id).position
    x, y, alt, az = (bare(dl2, name) for name in ("true_core_x", "true_core_y", "true_alt", "true_az"))
    return stereo.impact(position, np.stack([x, y], axis=1), alt, az)


def _core_error(dl2):
    true_x, true_y, reco_x, reco_y = (bare(dl2, name) for name in CORE)
    return np.hypot(reco_x - true_x, reco_y - true_y)


TRUE_OFFSET, RECO_OFFSET = ("true_alt", "true_az", *POINTING), ("reco_alt", "reco_az", *POINTING)
QUANTITIES = {
    "true_offset": Quantity(
        u.deg, TRUE_OFFSET, lambda dl2: _separation(dl2, TRUE_OFFSET), "true offset from the pointing"
    ),
    "reco_offset": Quantity(
        u.deg, RECO_OFFSET, lambda dl2: _separation(dl2, RECO_OFFSET), "reconstructed offset from the pointing"
    ),
    "zenith": Quantity(
        u.deg, ("pointing_alt",), lambda dl2: 90 - bare(dl2, "pointing_alt"), "zenith angle of the pointing"
    ),
    "true_impact": Quantity(
        u.m, ("true_core_x", "true_core_y", "true_alt", "true_az"), _impact, "true distance of the shower axis"
    ),
    "energy_error": Quantity(
        None,
        ("true_energy", "reco_energy"),
        lambda dl2: np.log10(bare(dl2, "reco_energy") / bare(dl2, "true_energy")),
        "log10(E_reco / E_true)",
    ),
    "direction_error": Quantity(
        u.deg, DIRECTION, lambda dl2: _separation(dl2, DIRECTION), "angle between true and reconstructed direction"
    ),
    "core_error": Quantity(u.m, CORE, _core_error, "distance between true and reconstructed core on the ground"),
    "h_max_error": Quantity(
        u.m,
        ("true_h_max", "reco_h_max"),
        lambda dl2: bare(dl2, "reco_h_max") - bare(dl2, "true_h_max"),
        "reconstructed less true height of the shower maximum",
    ),
}


def columns_of(name):
    """The columns that a quantity follows from; a column's are itself."""
    return QUANTITIES[name].columns if name in QUANTITIES else (name,)


def has(dl2, name):
    """Whether a table tells a quantity."""
    return set(columns_of(name)) <= set(dl2.colnames) and not (
        name == "true_impact" and "tel_id" in dl2.colnames and dl2.meta.get("subarray") is None
    )


def values(dl2, name):
    """A quantity of each row, float64 (n_rows,), in the unit of :func:`unit_of`.

    Raises
    ------
    gammaml.errors.InputError
        Where a column is missing.
    """
    require(dl2, *columns_of(name), where=selection.WHERE)
    return QUANTITIES[name].compute(dl2) if name in QUANTITIES else bare(dl2, name)


def unit_of(dl2, name):
    """Unit of a quantity, or None."""
    return QUANTITIES[name].unit if name in QUANTITIES else selection.unit_of(dl2, name)


def words(name):
    """A quantity's name in a sentence."""
    return QUANTITIES[name].words if name in QUANTITIES else name.replace("_", " ")


def gammas_in_bins(dl2, by, bins, *columns):
    """Test gammas in bins of a quantity.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    by : str
        A column, or of `QUANTITIES`.
    bins : array or astropy.units.Quantity (n_bins + 1,)
    *columns : str
        What has to be finite besides.

    Returns
    -------
    events : astropy.table.QTable
    rows : list of array of bool
        The events of each bin.
    result : astropy.table.QTable
        ``<by>_low``, ``<by>_high``, ``<by>_center``, n_events.
    """
    require(dl2, *columns_of(by), where=selection.WHERE)
    unit = unit_of(dl2, by)
    edges = checked_edges(bins, unit, f"{by}_bins")
    events = selection.reconstructed_gammas(dl2, *dict.fromkeys([*columns_of(by), *columns]))
    index = bin_index(values(events, by), edges)
    rows = [index == i for i in range(len(edges) - 1)]
    scaled = edges if unit is None else edges * unit
    result = QTable({f"{by}_low": scaled[:-1], f"{by}_high": scaled[1:]})
    result[f"{by}_center"] = (scaled[:-1] + scaled[1:]) / 2
    result["n_events"] = [mask.sum() for mask in rows]
    return events, rows, result


def offset_bins(dl2, n_bins=5):
    """Edges in true offset from the pointing (Quantity, deg): equal steps that hold the table's gammas.

    Gammas that all have one offset get one bin, a degree wide.
    """
    gammas = selection.is_gamma(dl2)
    offset = _finite(values(dl2[gammas] if gammas.any() else dl2, "true_offset"), "true_offset")
    low, high = offset.min(), offset.max()
    if high - low < SAME_OFFSET:
        return np.array([max(low - 0.5, 0), max(low - 0.5, 0) + 1]) * u.deg
    return np.linspace(0, np.ceil(high * 10 - 1e-3) / 10, n_bins + 1) * u.deg


def multiplicity_bins(dl2):
    """Edges in multiplicity (n_bins + 1,): single numbers up to five telescopes, above it half an octave wide."""
    numbers = _finite(bare(dl2, "multiplicity"), "multiplicity")
    low, high = numbers.min(), numbers.max()
    return np.array([low, *(n for n in MULTIPLICITIES if low < n <= high), high + 1]) - 0.5


def _finite(numbers, name):
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == 0:
        raise InputError(selection.WHERE, f"no usable value of {name}", "at least one", "check the column")
    return finite
