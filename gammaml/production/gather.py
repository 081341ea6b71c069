"""From the blocks of a production to its file."""

import itertools
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from gammaml.columns import SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.events import PixelStore, TelescopeEvents
from gammaml.io.dl1_writer import write_dl1
from gammaml.production.block import centre
from gammaml.simulation import arrays

FIRST_TIME = 60000.0  # MJD (TAI) of the first event: simulated events have no time of their own
RATE = 100.0  # of shower uses, Hz


@dataclass(frozen=True, eq=False)
class TrueImages:
    """True images that may lie in a mapped file: indexed like an array (n_images, n_pixels) of int32."""

    store: PixelStore

    @property
    def array(self):
        """All of them."""
        return self.store.image.view(np.int32)

    def __getitem__(self, rows):
        images = self.array[rows]
        self.store.release()
        return images


def write_file(card, array, parts, output, *, origin, overwrite=False):
    """Write the events of all blocks as a DL1 file, and remove the blocks.

    Parameters
    ----------
    card : Card
    array : ArrayDescription
    parts : Parts
    output : Path
    origin : dict
        What decides the events, for the file to carry.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    dict
        Numbers of showers thrown, array events and images.

    Raises
    ------
    InputError
        No event triggered.
    OutputError
        The file exists, its folder cannot be written, or the disk is full.
    """
    events, true_images = gather(card, array, parts)
    write_dl1(events, output, true_images=true_images, origin=origin, overwrite=overwrite)
    n_events = sum(map(parts.n_events, range(card.n_blocks)))
    parts.remove()
    return {"showers": card.showers, "events": n_events, "images": sum(map(len, events))}


def gather(card, array, parts):
    """Events of all blocks, by telescope type, and their true images; one block is in memory at a time.

    Parameters
    ----------
    card : Card
    array : ArrayDescription
    parts : Parts

    Returns
    -------
    events : list of TelescopeEvents
    true_images : list of TrueImages

    Raises
    ------
    InputError
        No event triggered.
    """
    subarray = arrays.subarray(array)
    cameras = {each.type.name: each.type.camera for each in array.telescopes}
    events, true_images = [], []
    for name in sorted(cameras):
        tables = [parts.table(block, name) for block in range(card.n_blocks)]
        if any(map(len, tables)):
            store, true = _pixels(parts, name, list(map(len, tables)), cameras[name].n_pixels)
            table = _complete(card, [table for table in tables if len(table)])
            rows = np.arange(len(table))
            events.append(TelescopeEvents(table, store, rows, cameras[name], subarray, thrown(card)))
            true_images.append(true)
    if not events:
        got, do = f"no event of {card.showers} showers that triggered", "throw more, nearer, or of more energy"
        raise InputError("production", got, "some", do)
    return events, true_images


def _pixels(parts, name, counts, n_pixels):
    """Pixels of all blocks, and the true images."""
    store = PixelStore.allocate(sum(counts), n_pixels)
    true = TrueImages(PixelStore.allocate(sum(counts), n_pixels))
    edges = np.cumsum([0, *counts])
    for block, (first, last) in enumerate(itertools.pairwise(edges)):
        store.image[first:last], store.peak_time[first:last], true.array[first:last] = parts.pixels(block, name)
        store.release()
        true.store.release()
    return store, true


def _complete(card, tables):
    """One table of all, with what is the same for all events."""
    table = QTable()
    for name in tables[0].colnames:
        columns = [each[name] for each in tables]
        table[name] = np.concatenate(columns)
    n = len(table)
    table["obs_id"] = np.full(n, card.run)
    table["pointing_alt"] = np.full(n, 90 - card.zenith) * u.deg
    table["pointing_az"] = np.full(n, card.azimuth % 360) * u.deg
    table["event_type"] = np.full(n, SUBARRAY_EVENT_TYPE)
    days = np.asarray(table["event_id"]) / RATE / 86400
    table["time"] = Time(FIRST_TIME, days, format="mjd", scale="tai")
    return table


def thrown(card):
    """Table of what was thrown, as ctapipe's simulation configuration: one row."""
    alt, az = centre(card)
    return QTable(
        {
            "obs_id": [card.run],
            "n_showers": [float(card.showers)],
            "shower_reuse": [card.reuse],
            "energy_range_min": [card.energy_min] * u.TeV,
            "energy_range_max": [card.energy_max] * u.TeV,
            "spectral_index": [float(card.index)],
            "max_scatter_range": [card.scatter] * u.m,
            "min_scatter_range": [0.0] * u.m,
            "max_viewcone_radius": [card.viewcone] * u.deg,
            "min_viewcone_radius": [0.0] * u.deg,
            "max_alt": [alt] * u.deg,
            "min_alt": [alt] * u.deg,
            "max_az": [az] * u.deg,
            "min_az": [az] * u.deg,
        }
    )
