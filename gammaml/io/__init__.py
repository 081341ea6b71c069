"""Files in and out: a module per format; `read_events` looks at the content and dispatches."""

from dataclasses import replace
from pathlib import Path

from gammaml.io.dl1 import Selection, read_dl1
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2, write_dl2

__all__ = ["Selection", "read_dl1", "read_dl2", "read_events", "write_dl1", "write_dl2"]


def read_events(paths, selection=Selection(), *, tel_type=None):
    """Camera images of one file or many.

    Parameters
    ----------
    paths : str, Path or list of them
        ctapipe DL1 files (HDF5).
    selection : Selection
    tel_type : str, optional
        Short for ``Selection(tel_type=...)``.

    Returns
    -------
    gammaml.events.TelescopeEvents

    Raises
    ------
    gammaml.errors.InputError
        See :func:`gammaml.io.dl1.read_dl1`.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    if tel_type is not None:
        selection = replace(selection, tel_type=tel_type)
    return read_dl1(paths, selection)
