"""A trained network in one file: weights, inputs, tasks, range of validity, provenance and its baseline.

A `.gammaml` file is a zip of JSON and plain arrays. The network is rebuilt by this package's own code from its
name; nothing is unpickled, so loading a file from a stranger runs no code of theirs.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass

import numpy as np

from gammaml import forest, images, parameters
from gammaml.config import TrainSettings, from_dict
from gammaml.errors import GammamlError
from gammaml.events import Camera
from gammaml.inputs import Inputs
from gammaml.io.bundle_file import FORMAT, MEMBERS, not_a_bundle, read_bundle_file, write_bundle_file
from gammaml.models import build_model
from gammaml.tasks import get_tasks


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
        write_bundle_file(path, members, overwrite=overwrite)

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
    metadata, members = read_bundle_file(path)
    try:
        return _rebuild(metadata, *(_arrays_of(members[name]) for name in MEMBERS[1:]))
    except GammamlError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, zipfile.BadZipFile) as error:
        raise not_a_bundle(path, f"contents that do not fit together ({error})") from error


def _npz(arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _arrays_of(data):
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return dict(archive)


def _loss_name(function):
    return getattr(function, "__name__", str(function))


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
    baseline = forest.Forest(tasks, rebuilt, trees["fill"])
    return Bundle(model, inputs, tasks, settings, baseline, arrays["training_showers"], metadata)


def _rebuild_trees(name, arrays):
    parts = {part: arrays[f"{name}/{part}"] for part in forest.Trees.__dataclass_fields__}
    return forest.Trees(**{**parts, "depth": int(parts["depth"])})
