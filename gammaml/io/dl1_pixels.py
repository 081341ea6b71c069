"""Pixels of a ctapipe DL1 file, read in blocks, one telescope while another's are decoded."""

import itertools
from functools import partial

import astropy.units as u
import numpy as np
from astropy.table import vstack

from gammaml.columns import KEYS
from gammaml.errors import InputError
from gammaml.events import PixelStore, TelescopeEvents
from gammaml.io.hillas import image_parameters
from gammaml.io.tables import bare, open_hdf5, read_table, side_by_side

BLOCK_BYTES = 32 * 2**20


def find_cameras(plans):
    """Cameras with different pixels, by name of the telescope type."""
    telescopes = sorted((part.telescope for plan in plans for part in plan.parts), key=lambda t: t.tel_type)
    cameras = []
    for telescope in telescopes:
        if not any(camera.same_pixels(telescope.camera) for camera in cameras):
            cameras.append(telescope.camera)
    return cameras


def read_camera(plans, camera, pool):
    """The planned images of one camera; while one telescope's are read, another's are decoded."""
    mine = [[part for part in plan.parts if camera.same_pixels(part.telescope.camera)] for plan in plans]
    sizes = [[len(part.table) for part in parts] for parts in mine]
    store = PixelStore.allocate(sum(map(sum, sizes)), camera.n_pixels)
    tables, start = [], 0
    for plan, parts, counts in zip(plans, mine, sizes, strict=True):
        edges = start + np.cumsum([0, *counts])
        places = [slice(low, high) for low, high in itertools.pairwise(edges)]
        with open_hdf5(plan.path) as file:
            tables += pool.map(partial(_fill, file, store), parts, places)
        start = edges[-1]
    table = vstack(tables, metadata_conflicts="silent")
    file_number = np.repeat(np.arange(len(plans)), [sum(counts) for counts in sizes])
    simulations = [
        plan.simulation for plan, parts in zip(plans, mine, strict=True) if parts and plan.simulation is not None
    ]
    simulation = vstack(simulations, metadata_conflicts="silent") if simulations else None
    events = TelescopeEvents(table, store, np.arange(len(table)), camera, plans[0].subarray, simulation)
    return events[np.lexsort([*(np.asarray(table[name]) for name in reversed(KEYS)), file_number])]


def _fill(file, store, part, where):
    """Read the wanted images into `store`, block by block, so that memory does not grow with the file.

    Returns the part's table, with parameters computed where the file has none.
    """
    dataset = file[part.dataset]
    names = (*KEYS, "image", "peak_time")
    chunk = dataset.chunks[0] if dataset.chunks else 1
    step = chunk * max(1, BLOCK_BYTES // (dataset.dtype.itemsize * chunk))
    start, computed = 0, []
    for low in range(0, len(part.wanted), step):
        rows = part.wanted[low : low + step]
        if not rows.any():
            continue
        place = part.first + low
        block = read_table(dataset, columns=names, rows=slice(place, place + len(rows)))
        stop = start + int(rows.sum())
        _check_order(file, block[rows], part.table[start:stop])
        image, peak_time = store.image[where][start:stop], store.peak_time[where][start:stop]
        image[:] = bare(block["image"])[rows]
        peak_time[:] = bare(block["peak_time"], u.ns)[rows] if "peak_time" in block.colnames else np.nan
        if not part.has_parameters:
            computed.append(image_parameters(image, peak_time, part.telescope.camera))
        store.release()
        start = stop
    return part.table if part.has_parameters else side_by_side(part.table, vstack(computed))


def _check_order(file, block, planned):
    """Images and parameters come row by row in the same order; nothing says so in the file, so it is checked."""
    if any((np.asarray(block[name]) != np.asarray(planned[name])).any() for name in KEYS):
        raise InputError(
            file.filename,
            "images and parameters in different orders",
            "the same events in the same order",
            "write the file again with ctapipe-merge",
        )
