"""Write camera images as a ctapipe DL1 file."""

import json

import astropy.units as u
import numpy as np

from gammaml.columns import KEYS
from gammaml.errors import InputError
from gammaml.events import TelescopeEvents
from gammaml.io.array_tables import (
    distinct_runs,
    seen_runs,
    write_array,
    write_event_tables,
    write_metadata,
    write_runs,
)
from gammaml.io.event_rows import event_rows
from gammaml.io.tables import ORIGIN, key_order
from gammaml.io.write_tables import create_hdf5, with_key_types, write_attributes, write_table

BLOCK_BYTES = 32 * 2**20


def write_dl1(events, path, *, true_images=None, origin=None, overwrite=False):
    """Write camera images with what is known of them as a ctapipe DL1 file (HDF5, data model v7.1.0).

    ctapipe 0.28 and 0.32 read it with `TableLoader` and `HDF5EventSource` and merge it with ``ctapipe-merge``.
    Where true images are not known, and for their parameters, the columns that ctapipe's event source needs hold −1 and
    NaN.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents or list of them
        Several where the telescopes of one subarray have different cameras.
    path : str or Path
    true_images : list of array (n_images, n_pixels) of int, or None
        Cherenkov photo-electrons of the images of each of the `events`.
    origin : dict or None
        What made the events; kept as JSON in the attribute `ORIGIN` of the file.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    gammaml.errors.InputError
        Where two images have the same obs_id, event_id and tel_id.
    gammaml.errors.OutputError
        Where the file exists or cannot be written.
    """
    parts = [events] if isinstance(events, TelescopeEvents) else list(events)
    if not sum(map(len, parts)):
        raise InputError("write_dl1", "no events", "at least one image", "give some")
    true_images = [None] * len(parts) if true_images is None else true_images
    rows = event_rows([part.table for part in parts])
    subarray = parts[0].subarray
    levels = ("DL1_IMAGES", "DL1_PARAMETERS") if "hillas_intensity" in rows.telescope.colnames else ("DL1_IMAGES",)
    with create_hdf5(path, overwrite=overwrite) as file:
        write_metadata(file, rows, subarray, levels)
        if origin is not None:
            write_attributes(file, {ORIGIN: json.dumps(origin)})
        write_array(file, subarray, distinct_runs([part.simulation for part in parts]) if rows.is_simulated else None)
        write_event_tables(file, rows, subarray)
        write_runs(file, [seen_runs(rows)])
        for tel_id in rows.tel_ids:
            keys = rows.of_telescope(tel_id)[list(KEYS)]
            known = list(zip(parts, true_images, strict=True))
            _write_images(file, keys, known, subarray.telescope(tel_id), rows.is_simulated)


def _write_images(file, keys, known, telescope, is_simulated):
    """The images of one telescope, a block at a time; `known` are the events with their true images or None."""
    parts = [part for part, _ in known]
    name = f"tel_{telescope.tel_id:03d}"
    n_pixels = telescope.camera.n_pixels
    own = [np.flatnonzero(part.table["tel_id"] == telescope.tel_id) for part in parts]
    places = [key_order(part.table[list(KEYS)][index], keys, KEYS) for part, index in zip(parts, own, strict=True)]
    step = max(1, BLOCK_BYTES // (8 * n_pixels))
    for low in range(0, len(keys), step):
        block = with_key_types(keys[low : low + step])
        images = block.copy()
        pixels = np.full((2, len(block), n_pixels), np.nan, np.float32)
        true = np.full((len(block), n_pixels), -1, np.int32)
        for (part, true_image), index, place in zip(known, own, places, strict=True):
            here = place[low : low + step]
            if (here >= 0).any():
                pixels[:, here >= 0] = part.read_pixels(index[here[here >= 0]])
                if true_image is not None:
                    true[here >= 0] = true_image[index[here[here >= 0]]]
        images["image"], images["peak_time"] = pixels[0], pixels[1] * u.ns
        images["is_valid"] = np.ones(len(block), bool)
        write_table(file, f"dl1/event/telescope/images/{name}", images)
        if is_simulated:
            block["true_image_sum"] = np.where(true[:, 0] < 0, -1, true.sum(axis=1))
            block["true_image"] = true
            write_table(file, f"simulation/event/telescope/images/{name}", block)
