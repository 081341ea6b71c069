"""Events of formats that hold little beside images: made what a DL1 file would have given."""

import numpy as np
from astropy.table import vstack

from gammaml.columns import KEYS
from gammaml.errors import InputError
from gammaml.events import PixelStore, TelescopeEvents
from gammaml.io.checks import check_unique
from gammaml.io.dl1 import nothing_left, passes
from gammaml.io.hillas import image_parameters
from gammaml.io.tables import file_source, side_by_side
from gammaml.io.truth import complete_truth

BLOCK = 1024  # images whose parameters are computed before their memory is given back


def check_tel_type(path, telescope, selection):
    """Raise unless the telescope is of the type that is wanted."""
    if not selection.wants(telescope):
        got, expected = f"images of the telescope type {telescope.tel_type}", f"some of {selection.tel_type!r}"
        raise InputError(path, got, expected, "choose this one")


def check_some_wanted(path, present, selection=None):
    """Raise where no event is there, or none of a wanted type.

    Parameters
    ----------
    path : str or Path
    present : array of int (n_events,)
        Types of the events of the file.
    selection : gammaml.io.dl1.Selection, optional
        Without it all types are wanted.
    """
    if not len(present):
        raise InputError(path, "zero events", "at least one", "check how the file was made")
    if selection is not None and not np.isin(present, selection.event_types).any():
        types = ", ".join(map(str, np.unique(present)))
        raise InputError(path, f"events of type {types}", f"type {selection.event_types}", "choose a type")


def assemble(path, table, pixels, subarray, selection):
    """The images of one file that pass the selection.

    Parameters
    ----------
    path : Path
    table : astropy.table.QTable
        Keys, pointing, truth and more; only wanted types of events.
    pixels : PixelStore
        An image for each row, all finite.
    subarray : Subarray
        All of its telescopes have the same camera.
    selection : gammaml.io.dl1.Selection

    Returns
    -------
    TelescopeEvents
        Ordered by obs_id, event_id, tel_id; with the image parameters, the shower's id, and what follows from truth.

    Raises
    ------
    gammaml.errors.InputError
        Where keys repeat, or nothing passes.
    """
    check_unique(path, table)
    camera = subarray.telescopes[0].camera
    table = complete_truth(table, path)
    events = TelescopeEvents(
        side_by_side(table, _parameters(pixels, camera)), pixels, np.arange(len(table)), camera, subarray,
        sources=(file_source(path),),
    )  # fmt: skip
    events = events[np.lexsort([np.asarray(table[name]) for name in reversed(KEYS)])]
    events = events[passes(events.table, selection)]
    if not len(events):
        raise nothing_left(path)
    return events


def _parameters(pixels, camera):
    """Image parameters of all images, block by block."""
    starts = range(0, len(pixels.image), BLOCK)
    return vstack([image_parameters(*pixels.read(slice(low, low + BLOCK)), camera) for low in starts])


def filled_store(image, peak_time):
    """A `PixelStore` of arrays (n_images, n_pixels)."""
    store = PixelStore.allocate(*image.shape)
    store.image[:], store.peak_time[:] = image, peak_time
    return store
