"""Files in and out: a module per format; `read_events` looks at the content and dispatches."""

from dataclasses import replace
from pathlib import Path

from gammaml.errors import InputError
from gammaml.io import formats
from gammaml.io.dl1 import Selection
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2, write_dl2

__all__ = ["Selection", "only_camera", "read_cameras", "read_dl2", "read_events", "write_dl1", "write_dl2"]


def read_events(paths, selection=Selection(), *, tel_type=None):
    """Camera images of one file or many, all of one camera.

    Parameters
    ----------
    paths : str, Path or list of them
        Files of any format in :data:`gammaml.io.formats.FORMATS`, told apart by their content.
    selection : Selection
    tel_type : str, optional
        Short for ``Selection(tel_type=...)``.

    Returns
    -------
    gammaml.events.TelescopeEvents

    Raises
    ------
    gammaml.errors.InputError
        Where the images come from several cameras; else see :func:`gammaml.io.dl1.read_dl1`.
    """
    return only_camera(paths, read_cameras(paths, selection, tel_type=tel_type))


def only_camera(paths, cameras):
    """The events of the one camera of some files, for networks that take no others."""
    if len(cameras) > 1:
        types = ", ".join(f"{events.camera.name} of {', '.join(events.tel_types)}" for events in cameras)
        raise InputError(
            ", ".join(str(path) for path in _as_paths(paths)),
            f"telescope types with different cameras ({types})",
            "one camera",
            "choose one with tel_type (--tel-type)",
        )
    return cameras[0]


def read_cameras(paths, selection=Selection(), *, tel_type=None):
    """As :func:`read_events`, but a list: the events of each camera, which a resampling network takes together."""
    if tel_type is not None:
        selection = replace(selection, tel_type=tel_type)
    return formats.read(_as_paths(paths), selection)


def _as_paths(paths):
    return [paths] if isinstance(paths, str | Path) else list(paths)
