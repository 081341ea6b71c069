"""A trained network in one file: weights, inputs, tasks, range of validity, provenance and its baseline.

A `.gammaml` file is a zip of JSON and plain arrays. The network is rebuilt by this package's own code from its
name; nothing is unpickled, so loading a file from a stranger runs no code of theirs.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gammaml import forest, images, parameters
from gammaml.config import TrainSettings, from_dict
from gammaml.errors import GammamlError, InputError
from gammaml.events import Camera
from gammaml.inputs import Inputs
from gammaml.io.write_tables import whole_file
from gammaml.models import build_model
from gammaml.tasks import get_tasks

FORMAT = 1
MEMBERS = ("metadata.json", "weights.npz", "forest.npz", "arrays.npz")
CHECKSUMS = "SHA256SUMS"
SIZE_LIMIT = 2**31  # bytes of one unpacked member


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained network with all that prediction needs.

    Parameters
    ----------
    model : keras.Model
    inputs : gammaml.inputs.Inputs
    tasks : tuple of gammaml.tasks.Task
    settings : gammaml.config.TrainSettings
    baseline : gammaml.forest.Forest
        Trained on the same events.
    training_showers : array of int
        `shower_id` of every shower seen in training or validation, sorted.
    metadata : dict
        JSON-able: versions, sources, numbers of events, range, history.
    """

    model: object
    inputs: Inputs
    tasks: tuple
    settings: TrainSettings
    baseline: forest.Forest
    training_showers: np.ndarray
    metadata: dict
    reconstructor = "Gammaml"

    def save(self, path, *, overwrite=False):
        """Write the `.gammaml` file; it appears under its name only when it is whole.

        Raises
        ------
        gammaml.errors.OutputError
            Where the file exists and `overwrite` is not given, or cannot be written.
        """
        members = dict(zip(MEMBERS, (self._metadata(), *self._arrays()), strict=True))
        sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items())
        members[CHECKSUMS] = sums.encode()
        with whole_file(path, overwrite) as temporary:
            _write_zip(temporary, members)

    def _metadata(self):
        camera = self.inputs.camera
        described = {
            "format": FORMAT,
            "tasks": [task.name for task in self.tasks],
            "settings": json.loads(json.dumps(asdict(self.settings), default=_loss_name)),
            "camera": {
                name: getattr(camera, name)
                for name in ("name", "pixel_type", "pixel_rotation", "camera_rotation", "focal_length")
            },
            "mapping": self.inputs.mapping.to_dict(),
            "size": self.inputs.size,
            "scaling": asdict(self.inputs.scaling),
            **self.metadata,
        }
        return json.dumps(described, indent=1).encode()

    def _arrays(self):
        weights = {f"{number:04d}": value for number, value in enumerate(self.model.get_weights())}
        trees = {
            f"{name}/{part}": getattr(tree, part)
            for name, tree in self.baseline.trees.items()
            for part in forest.Trees.__dataclass_fields__
        }
        arrays = {
            "pixel_x": self.inputs.camera.pixel_x,
            "pixel_y": self.inputs.camera.pixel_y,
            "pixel_area": self.inputs.camera.pixel_area,
            "offset": self.inputs.normalisation.offset,
            "scale": self.inputs.normalisation.scale,
            "training_showers": self.training_showers,
        }
        return _npz(weights), _npz({**trees, "fill": self.baseline.fill}), _npz(arrays)


def load(path):
    """Read a `.gammaml` file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Bundle

    Raises
    ------
    gammaml.errors.InputError
        Where the file is no bundle, was damaged or changed, or comes from a newer gammaml.
    """
    members = _read_members(path)
    try:
        metadata = json.loads(members["metadata.json"])
        if metadata["format"] != FORMAT:
            raise InputError(
                path, f"bundle format {metadata['format']}", f"format {FORMAT}", "update gammaml, or train again"
            )
        return _rebuild(metadata, *(_arrays_of(members[name]) for name in MEMBERS[1:]))
    except GammamlError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError) as error:
        raise _not_a_bundle(path, f"contents that do not fit together ({error})") from error


def _write_zip(file, members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def _npz(arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _arrays_of(data):
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return dict(archive)


def _loss_name(function):
    return getattr(function, "__name__", str(function))


def _not_a_bundle(path, got):
    return InputError(path, got, "a .gammaml bundle as gammaml wrote it", "train it again or fetch a fresh copy")


def _read_members(path):
    if not Path(path).is_file():
        raise InputError(path, "no such file", "a .gammaml bundle", "check the name")
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if names != {*MEMBERS, CHECKSUMS}:
                raise _not_a_bundle(path, f"a zip with {', '.join(sorted(names)[:4]) or 'nothing'}")
            if max(info.file_size for info in archive.infolist()) > SIZE_LIMIT:
                raise _not_a_bundle(path, "a member of more than 2 GiB")
            members = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _not_a_bundle(path, f"no readable zip ({error})") from error
    stated = dict(reversed(line.split("  ")) for line in members[CHECKSUMS].decode("utf-8", "replace").splitlines())
    for name in MEMBERS:
        if stated.get(name) != hashlib.sha256(members[name]).hexdigest():
            raise _not_a_bundle(path, f"a changed {name} (its checksum differs)")
    return members


def _rebuild(metadata, weights, trees, arrays):
    tasks = get_tasks(metadata.pop("tasks"))
    settings = from_dict(TrainSettings, metadata.pop("settings"), "bundle settings")
    described = metadata.pop("camera")
    camera = Camera(pixel_x=arrays["pixel_x"], pixel_y=arrays["pixel_y"], pixel_area=arrays["pixel_area"], **described)
    inputs = Inputs(
        camera=camera,
        mapping=images.mapping_from_dict(metadata.pop("mapping")),
        size=metadata.pop("size"),
        scaling=images.Scaling(**metadata.pop("scaling")),
        normalisation=parameters.Normalisation(arrays["offset"], arrays["scale"]),
    )
    model = build_model(settings.network, inputs.shapes, tasks, dropout=settings.dropout)
    model.set_weights([weights[name] for name in sorted(weights)])
    names = {key.split("/")[0] for key in trees if "/" in key}
    rebuilt = {name: _rebuild_trees(name, trees) for name in names}
    metadata.pop("format")
    baseline = forest.Forest(tasks, rebuilt, trees["fill"])
    return Bundle(model, inputs, tasks, settings, baseline, arrays["training_showers"], metadata)


def _rebuild_trees(name, arrays):
    parts = {part: arrays[f"{name}/{part}"] for part in forest.Trees.__dataclass_fields__}
    return forest.Trees(**{**parts, "depth": int(parts["depth"])})
