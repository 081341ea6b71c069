"""The finished blocks of a production, kept beside its output until all are there."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable

from gammaml.errors import OutputError
from gammaml.io.write_tables import whole_file

FIELDS = ("image", "peak_time", "true_image")


class Parts:
    """A folder of blocks of one production.

    Parameters
    ----------
    output : Path
        The file they will become; the folder is named after it.
    identity : dict
        Of what is produced; parts of anything else are refused.

    Raises
    ------
    OutputError
        The folder holds parts of another production, or cannot be written.
    """

    def __init__(self, output, identity):
        self.folder = Path(f"{output}.parts")
        known = self.folder / "production.json"
        text = json.dumps(identity, indent=1, sort_keys=True)
        if known.is_file() and known.read_text(encoding="utf-8") != text:
            got, expected = "parts of another production", "parts of this one"
            raise OutputError(self.folder, got, expected, "remove the folder or choose another output")
        if not known.is_file():
            self._create()
            with whole_file(known) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def _create(self):
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(self.folder, error.strerror.lower(), "a new folder", "choose another output") from error

    def path(self, block):
        """File of a block."""
        return self.folder / f"block_{block:06d}.npz"

    def missing(self, n_blocks):
        """Blocks that are not there, or not whole."""
        return [block for block in range(n_blocks) if not self._is_whole(block)]

    def _is_whole(self, block):
        try:
            with zipfile.ZipFile(self.path(block)) as file:
                return file.testzip() is None
        except (FileNotFoundError, zipfile.BadZipFile):
            return False

    def write(self, block, images):
        """Keep a block: a dict of `Images` by telescope type."""
        arrays = {}
        for name, part in images.items():
            arrays |= {f"{name}/{field}": getattr(part, field) for field in FIELDS}
            for key in part.table.colnames:
                column = part.table[key]
                unit = column.unit.to_string().replace("/", " per ") if isinstance(column, u.Quantity) else ""
                arrays[f"{name}/table/{key}/{unit}"] = np.asarray(column)
        with whole_file(self.path(block), overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def n_events(self, block):
        """Array events of a block."""
        with np.load(self.path(block), allow_pickle=False) as file:
            ids = [file[key] for key in file.files if key.split("/")[1:3] == ["table", "event_id"]]
        return len(np.unique(np.concatenate(ids))) if ids else 0

    def table(self, block, name):
        """Table of the images of one telescope type in a block."""
        table = QTable()
        with np.load(self.path(block), allow_pickle=False) as file:
            for key in file.files:
                kind, field, *rest = key.split("/")
                if kind == name and field == "table":
                    unit = rest[1].replace(" per ", "/")
                    table[rest[0]] = file[key] * u.Unit(unit) if unit else file[key]
        return table

    def pixels(self, block, name):
        """Charges, peak times and true images of one telescope type in a block."""
        with np.load(self.path(block), allow_pickle=False) as file:
            return tuple(file[f"{name}/{field}"] for field in FIELDS)

    def remove(self):
        """Delete the folder."""
        shutil.rmtree(self.folder)
