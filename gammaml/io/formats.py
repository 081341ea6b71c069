"""Which format a file has, told by its content, and how its events are read: a `Format` in `FORMATS` for each."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gammaml.events import concatenate
from gammaml.io.dl1 import read_dl1
from gammaml.io.lstchain import is_lstchain, read_lstchain

HEAD_BYTES = 512


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
    """

    name: str
    is_it: Callable
    read: Callable


LSTCHAIN_DL1 = Format("lstchain DL1", is_lstchain, read_lstchain)
CTAPIPE_DL1 = Format("ctapipe DL1", lambda path, head: True, read_dl1)  # whatever else it is, its reader says clearly
FORMATS = (LSTCHAIN_DL1, CTAPIPE_DL1)  # the first that knows a file reads it


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
    if len(set(kinds)) == 1:
        return kinds[0].read(paths, selection)
    cameras = []
    for kind, path in zip(kinds, paths, strict=True):
        for events in kind.read([path], selection):
            same = [index for index, known in enumerate(cameras) if known.camera.same_pixels(events.camera)]
            if same:
                cameras[same[0]] = concatenate([cameras[same[0]], events])
            else:
                cameras.append(events)
    return cameras
