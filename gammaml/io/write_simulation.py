"""What simulated files say besides what was seen: the showers, and how many were thrown."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.columns import EVENT_KEYS, KEYS
from gammaml.io.write_tables import with_key_types, write_table

DERIVED_TRUTH = ("true_fov_lon", "true_fov_lat")
AXIS = ("true_core_x", "true_core_y", "true_alt", "true_az")


def write_truth(file, rows, subarray):
    """Simulated showers, and how far from each telescope their axes pass.

    Parameters
    ----------
    file : h5py.File
        From :func:`gammaml.io.write_tables.create_hdf5`.
    rows : gammaml.io.event_rows.EventRows
    subarray : gammaml.events.Subarray
    """
    names = [name for name in rows.array.colnames if name.startswith("true_") and name not in DERIVED_TRUTH]
    shower = rows.array[[*EVENT_KEYS, *names]]
    write_table(file, "simulation/event/subarray/shower", with_key_types(shower), prefix="true")
    file.require_group("simulation/event/telescope")  # ctapipe's event source fails without it
    if set(AXIS) <= set(names):
        _write_impact(file, rows, subarray)


def _write_impact(file, rows, subarray):
    """Distances of the telescopes from the axes; ctapipe trains its networks and forests with them."""
    for tel_id in rows.tel_ids:
        own = rows.telescope["tel_id"] == tel_id
        impact = rows.telescope[own][list(KEYS)]
        distance = impact_distance(rows.array[rows.event[own]], subarray.telescope(tel_id).position)
        impact["true_impact_distance"] = distance * u.m
        impact["true_impact_distance_uncert"] = np.full(len(impact), np.nan) * u.m
        path = f"simulation/event/telescope/impact/tel_{tel_id:03d}"
        write_table(file, path, with_key_types(impact), prefix="true_impact")


def impact_distance(showers, position):
    """Distance in m between a place and the axes of showers.

    Parameters
    ----------
    showers : astropy.table.QTable
        With true core and direction.
    position : array (3,)
        m, in the frame of the core: x to the north, y to the west.

    Returns
    -------
    array (n_showers,)
    """
    x, y = (showers[name].to_value(u.m) for name in AXIS[:2])
    alt, az = (showers[name].to_value(u.rad) for name in AXIS[2:])
    axis = np.stack([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)], axis=1)
    place = np.asarray(position) - np.stack([x, y, np.zeros_like(x)], axis=1)
    return np.linalg.norm(np.cross(place, axis), axis=1)


def write_thrown(file, simulation):
    """What was thrown: a row a run, and the histogram that ctapipe's IRF tools read.

    Parameters
    ----------
    file : h5py.File
    simulation : astropy.table.QTable
    """
    simulation = with_key_types(simulation)
    simulation["n_showers"] = np.rint(simulation["n_showers"]).astype(np.int64)
    write_table(file, "configuration/simulation/run", simulation)
    known = {"shower_reuse", "energy_range_min", "energy_range_max", "spectral_index", "max_scatter_range"}
    if known <= set(simulation.colnames):
        distribution = _shower_distribution(simulation)
        write_table(file, "simulation/service/shower_distribution", distribution)


def _shower_distribution(simulation):
    """Numbers of thrown showers expected in bins of energy and core distance: a power law, an evenly hit disc.

    ctapipe's IRF tools take their number of showers from here.
    """
    n_showers = simulation["n_showers"] * np.asarray(simulation["shower_reuse"], np.int64)
    low = simulation["energy_range_min"].to_value(u.TeV)
    high = np.maximum(simulation["energy_range_max"].to_value(u.TeV), low * 1.001)  # one energy: a narrow bin
    energy = np.geomspace(low, high, 101, axis=1)
    distance = np.linspace(0, np.maximum(simulation["max_scatter_range"].to_value(u.m), 1), 101, axis=1)
    index = np.asarray(simulation["spectral_index"], float)[:, None]
    per_energy = np.sqrt(energy[:, 1:] * energy[:, :-1]) ** index * np.diff(energy, axis=1)
    per_energy /= per_energy.sum(axis=1, keepdims=True)
    per_distance = np.diff((distance / distance[:, -1:]) ** 2, axis=1)
    histogram = n_showers[:, None, None] * per_energy[:, :, None] * per_distance[:, None, :]
    return QTable(
        {
            "obs_id": simulation["obs_id"],
            "hist_id": np.zeros(len(simulation), np.int64),
            "n_entries": n_showers,
            "bins_energy": energy * u.TeV,
            "bins_core_dist": distance * u.m,
            "histogram": histogram.astype(np.float32),
        }
    )
