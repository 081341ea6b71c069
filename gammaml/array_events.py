"""Array events: one row a shower, with its images by camera (`ArrayEvents`)."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import EarthLocation
from astropy.table import QTable, hstack, vstack

from gammaml import sky, stereo
from gammaml.columns import GAMMA_PRIMARY, IMAGE_PARAMETERS
from gammaml.errors import InputError
from gammaml.events import as_list

KEYS_OF_EVENT = ("obs_id", "event_id", "shower_id")
POINTING = ("pointing_alt", "pointing_az")
TILTED = ("true_tilted_lon", "true_tilted_lat")  # core, m
# Columns that tell the images of an event apart.
OF_IMAGES = ("tel_id", "true_fov_", *IMAGE_PARAMETERS)


@dataclass(frozen=True, eq=False)
class ArrayEvents:
    """Showers, each with the images of all the telescopes that saw it.

    Parameters
    ----------
    table : astropy.table.QTable
        One row a shower: keys, times, truth, the direction ``pointing_alt``, ``pointing_az`` that the telescopes point
        to on average, ``multiplicity``, ``telescopes`` (mask in subarray order), the classical reconstruction of
        :func:`gammaml.stereo.reconstruct`; where there is truth the core in the plane that faces the pointing as
        ``true_tilted_lon``, ``true_tilted_lat``, see :func:`gammaml.sky.ground_to_tilted`.
    cameras : tuple of TelescopeEvents
        Images of each kind of camera.
    members : tuple of array of int (n_images,)
        Row of `table` that each image of each camera belongs to.
    """

    table: QTable
    cameras: tuple
    members: tuple

    def __len__(self):
        return len(self.table)

    def __getitem__(self, index):
        """The events selected by a slice, mask or index array, in order of rows; images are not copied."""
        kept = np.zeros(len(self), bool)
        kept[index] = True
        number = np.cumsum(kept) - 1
        inside = [kept[rows] for rows in self.members]
        cameras = [images[mask] for images, mask in zip(self.cameras, inside, strict=True)]
        members = [number[rows[mask]] for rows, mask in zip(self.members, inside, strict=True)]
        return ArrayEvents(self.table[kept], tuple(cameras), tuple(members))

    @property
    def subarray(self):
        return self.cameras[0].subarray

    @property
    def simulation(self):
        return self.cameras[0].simulation

    @property
    def sources(self):
        return self.cameras[0].sources

    @property
    def is_simulated(self):
        return "true_energy" in self.table.colnames

    @property
    def is_gamma(self):
        """Mask (n_events,) of simulated gammas."""
        return np.asarray(self.table["true_shower_primary_id"]) == GAMMA_PRIMARY


def build(cameras, *, min_telescopes=1):
    """Array events of the images of one camera or several.

    Parameters
    ----------
    cameras : TelescopeEvents or list of them
        One a camera, of the same files.
    min_telescopes : int
        Events with fewer images are left out.

    Returns
    -------
    ArrayEvents
        Ordered by obs_id, event_id and shower.

    Raises
    ------
    gammaml.errors.InputError
        Where no event has enough images, a telescope has two images of one event, or its position is unknown.
    """
    cameras = as_list(cameras)
    images = vstack([part.table for part in cameras], metadata_conflicts="silent")
    first, row = _grouped(images)
    index = telescope_index(cameras[0].subarray, images["tel_id"])
    _check(cameras[0].subarray, index, row)
    table = _table(images, first, row, index, cameras[0].subarray)
    members = np.split(row, np.cumsum([len(part) for part in cameras])[:-1])
    events = ArrayEvents(table, tuple(cameras), tuple(members))
    enough = np.asarray(table["multiplicity"]) >= min_telescopes
    if not enough.any():
        got, expected = f"{len(table)} events of fewer telescopes", f"some with images of {min_telescopes}"
        raise InputError("array events", got, expected, "ask for fewer telescopes, or give other files")
    return events if enough.all() else events[enough]


def with_fewer(events, share, rng):
    """The same showers, seen by fewer telescopes: what they would be with some of them switched off.

    Parameters
    ----------
    events : ArrayEvents
    share : float
        Of the images that are left out at random; an event keeps at least two of them, or all where it has fewer.
    rng : numpy.random.Generator

    Returns
    -------
    ArrayEvents
        As many events in the same order, all that depends on the images computed anew.
    """
    row = np.concatenate(events.members)
    luck = rng.random(len(row))
    order = np.lexsort([-luck, row])
    rank = np.empty(len(row), int)
    rank[order] = ranks(np.bincount(row))
    kept = np.split((luck >= share) | (rank < 2), np.cumsum([len(rows) for rows in events.members])[:-1])
    return build([images[mask] for images, mask in zip(events.cameras, kept, strict=True) if mask.any()])


def ranks(count):
    """0, 1, … within each of some groups that stand one after the other."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def telescope_index(subarray, tel_id):
    """Places of telescopes in a subarray, which need not list them by number."""
    order = np.argsort(subarray.tel_ids)
    return order[np.searchsorted(subarray.tel_ids, np.asarray(tel_id), sorter=order)]


def positions(subarray):
    """Places (n_telescopes, 3) of the telescopes on the ground, m."""
    return np.array([telescope.position for telescope in subarray.telescopes], float)


def _grouped(images):
    """First image of each event and the event of each image; one key with two showers is two events."""
    keys = np.stack([np.asarray(images[name], np.int64) for name in KEYS_OF_EVENT], axis=1)
    order = np.lexsort(keys.T[::-1])
    new = np.concatenate([[True], (np.diff(keys[order], axis=0) != 0).any(axis=1)])
    row = np.empty(len(order), int)
    row[order] = np.cumsum(new) - 1
    return order[new], row


def _check(subarray, index, row):
    lost = ~np.isfinite(positions(subarray)[index]).all(axis=1)
    if lost.any():
        tel_id = subarray.tel_ids[index[lost][0]]
        raise InputError("array events", f"telescope {tel_id} without a position", "x, y, z in m", "mend the subarray")
    pair = row * len(subarray.telescopes) + index
    if len(np.unique(pair)) < len(pair):
        got, expected = "two images of one telescope in one event", "one"
        raise InputError("array events", got, expected, "give each file once, and runs with an obs_id each")


def _table(images, first, row, index, subarray):
    """A row an event."""
    table = images[[name for name in images.colnames if not name.startswith(OF_IMAGES)]][first]
    pointing = [images[name].to_value(u.deg) for name in POINTING]
    for name, values in zip(POINTING, sky.mean_direction(*pointing, row, np.ones(len(row))), strict=True):
        table[name] = values * u.deg
    table["multiplicity"] = np.bincount(row)
    table["telescopes"] = np.zeros((len(first), len(subarray.telescopes)), bool)
    table["telescopes"][row, index] = True
    altitude = EarthLocation.from_geocentric(*subarray.reference_location, unit=u.m).height
    classical = stereo.reconstruct(images, row, len(first), positions(subarray)[index], altitude=altitude)
    table = hstack([table, classical], metadata_conflicts="silent")
    return _with_offsets(table) if "true_energy" in table.colnames else table


def _with_offsets(table):
    """The truth as seen from the array: direction about the mean pointing, core in the plane that faces it."""
    pointing = [table[name].to_value(u.deg) for name in POINTING]
    source = [table[name].to_value(u.deg) for name in ("true_alt", "true_az")]
    for name, values in zip(("true_fov_lon", "true_fov_lat"), sky.altaz_to_fov(*source, *pointing), strict=True):
        table[name] = values * u.deg
    core = np.stack([table[name].to_value(u.m) for name in ("true_core_x", "true_core_y")], axis=1)
    core = np.column_stack([core, np.zeros(len(core))])
    for name, values in zip(TILTED, sky.ground_to_tilted(core, *pointing, *source).T, strict=True):
        table[name] = values * u.m
    return table
