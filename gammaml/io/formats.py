"""Which format a file has, told by its content, and how its events are read: a `Format` in `FORMATS` for each."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gammaml.columns import EVENT_KEYS
from gammaml.events import by_camera
from gammaml.io import event_source
from gammaml.io.checks import check_events
from gammaml.io.corsika import describe_corsika, is_corsika, refuse_photons
from gammaml.io.dl1 import read_dl1, read_dl1_parts
from gammaml.io.fact import describe_fact, read_fact
from gammaml.io.lstchain import is_lstchain, read_lstchain
from gammaml.io.photon_streams import is_photon_stream
from gammaml.io.stacks import describe_stack, is_stack, read_stacks

HEAD_BYTES = 512
_log = logging.getLogger("gammaml")


class Format(NamedTuple):
    """A kind of file.

    Parameters
    ----------
    name : str
    is_it : callable
        From a path and the first `HEAD_BYTES` of the file to whether it has this format; must not raise.
    read : callable
        From a list of paths and a :class:`gammaml.io.dl1.Selection` to a list of
        :class:`gammaml.events.TelescopeEvents`, one a camera.
    describe : callable or None
        From a path to a dict of str to str; None where :mod:`gammaml.io.describe` looks itself.
    tel_types : callable
        From a path to the number of images by telescope type; none where the format knows one camera only.
    """

    name: str
    is_it: Callable
    read: Callable
    describe: Callable | None = None
    tel_types: Callable = lambda path: {}


LSTCHAIN_DL1 = Format("lstchain DL1", is_lstchain, read_lstchain)
CTAPIPE_DL1 = Format("ctapipe DL1", lambda path, head: True, read_dl1)  # whatever else it is, its reader says clearly
FACT = Format("FACT photon stream", is_photon_stream, read_fact, describe_fact)
STACK = Format("image stack", is_stack, read_stacks, describe_stack)
CORSIKA = Format("CORSIKA photon bunches", is_corsika, refuse_photons, describe_corsika)
EVENT_SOURCE = Format(
    "sim_telarray and whatever ctapipe reads",
    event_source.is_event_file,
    event_source.read_event_files,
    event_source.describe,
    event_source.tel_types,
)
FORMATS = (FACT, STACK, LSTCHAIN_DL1, CORSIKA, EVENT_SOURCE, CTAPIPE_DL1)  # the first that knows a file reads it


def find_format(path):
    """The format of a file; of one that cannot be opened the last, whose reader says what is wrong."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return FORMATS[-1]
    return next(kind for kind in FORMATS if kind.is_it(Path(path), head))


def read(paths, selection):
    """The events of files of any formats, a list of one item a camera, file by file in each."""
    kinds = [find_format(path) for path in paths]
    for kind, path in zip(kinds, paths, strict=True):
        _log.debug("%s: reading as %s", path, kind.name)
    if len(set(kinds)) == 1:
        cameras = kinds[0].read(paths, selection)
    else:
        parts = [kind.read([path], selection) for kind, path in zip(kinds, paths, strict=True)]
        cameras = by_camera([events for part in parts for events in part])
    return _checked(paths, cameras)


def read_parts(path, selection, n_events):
    """The events of one file, about `n_events` array events at a time: yields lists of one item a camera.

    Memory does not grow with the length of ctapipe DL1 files; others are read at once, and then given out in parts.
    """
    if find_format(path) is CTAPIPE_DL1:
        for cameras in read_dl1_parts(path, selection, n_events):
            yield _checked([path], cameras)
        return
    cameras = read([path], selection)
    keys = [np.stack([np.asarray(each.table[name]) for name in EVENT_KEYS], axis=1) for each in cameras]
    _, event = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    of_camera = np.split(event.reshape(-1), np.cumsum([len(each) for each in cameras])[:-1])
    for low in range(0, event.max() + 1, n_events):
        inside = [(number >= low) & (number < low + n_events) for number in of_camera]
        yield [each[mask] for each, mask in zip(cameras, inside, strict=True) if mask.any()]


def _checked(paths, cameras):
    for events in cameras:
        check_events(paths, events)
    return cameras
