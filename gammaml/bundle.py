"""A trained network in one file: weights, inputs, tasks, range of validity, provenance and its baseline.

A `.gammaml` file is a zip of JSON and plain arrays. The network is rebuilt by this package's own code from its
name; nothing is unpickled, so loading a file from a stranger runs no code of theirs.
"""

import io
import json
import logging
import zipfile
from dataclasses import asdict, dataclass

import numpy as np

from gammaml import array_forest, forest, images, parameters
from gammaml.array_inputs import ArrayInputs
from gammaml.config import TrainSettings, from_dict
from gammaml.errors import GammamlError, SettingError
from gammaml.events import Camera
from gammaml.inputs import Inputs
from gammaml.io.bundle_file import FORMAT, MEMBERS, not_a_bundle, read_bundle_file, write_bundle_file
from gammaml.models import build_model
from gammaml.tasks import get_tasks

CAMERA = ("name", "pixel_type", "pixel_rotation", "camera_rotation", "focal_length")
PIXELS = ("pixel_x", "pixel_y", "pixel_area")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained network with all that prediction needs.

    Parameters
    ----------
    model : keras.Model
    inputs : gammaml.inputs.Inputs or gammaml.array_inputs.ArrayInputs
    tasks : tuple of gammaml.tasks.Task
    settings : gammaml.config.TrainSettings
    baseline : gammaml.forest.Forest or gammaml.array_forest.ArrayForest
        Trained on the same events.
    training_showers : array of int
        `shower_id` of every shower seen in training or validation, also by the network that it started from, sorted.
    metadata : dict
        JSON-able: versions, sources, numbers of events, range, history, calibration.
    """

    model: object
    inputs: Inputs | ArrayInputs
    tasks: tuple
    settings: TrainSettings
    baseline: forest.Forest | array_forest.ArrayForest
    training_showers: np.ndarray
    metadata: dict
    reconstructor = "Gammaml"

    @property
    def of_cameras(self):
        """Inputs of each kind of camera."""
        return self.inputs.cameras if self.settings.is_array else (self.inputs,)

    def knows(self, camera):
        """Whether it takes images of a camera: one it was trained with, or any where single images are resampled."""
        takes_any = self.settings.mapping == "resampled" and not self.settings.is_array
        return takes_any or any(camera.same_pixels(inputs.camera) for inputs in self.of_cameras)

    def save(self, path, *, overwrite=False):
        """Write the `.gammaml` file; it appears under its name only when it is whole.

        Raises
        ------
        gammaml.errors.OutputError
            Where the file exists and `overwrite` is not given, or cannot be written.
        """
        members = dict(zip(MEMBERS, (self._metadata(), *self._arrays()), strict=True))
        write_bundle_file(path, members, overwrite=overwrite)

    def plain_settings(self):
        """The settings as JSON knows them."""
        return json.loads(json.dumps(asdict(self.settings), default=_loss_name))

    def _metadata(self):
        first = self.of_cameras[0]
        described = {
            "format": FORMAT,
            "tasks": [task.name for task in self.tasks],
            "settings": self.plain_settings(),
            "cameras": [_described(inputs.camera) for inputs in self.of_cameras],
            "mappings": [inputs.mapping.to_dict() for inputs in self.of_cameras],
            "size": first.size,
            "scaling": asdict(first.scaling),
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
        normalisation = self.of_cameras[0].normalisation
        arrays = {"offset": normalisation.offset, "scale": normalisation.scale}
        arrays["training_showers"] = self.training_showers
        for number, inputs in enumerate(self.of_cameras):
            arrays |= {f"{name}_{number}": getattr(inputs.camera, name) for name in PIXELS}
        return _npz(weights), _npz({**trees, "fill": self.baseline.fill}), _npz(arrays)


def _described(camera):
    return {name: getattr(camera, name) for name in CAMERA}


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
    logging.getLogger("gammaml").debug("%s: building the network", path)
    try:
        return _rebuild(metadata, *(_arrays_of(members[name]) for name in MEMBERS[1:]))
    except GammamlError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, zipfile.BadZipFile) as error:
        raise not_a_bundle(path, f"contents that do not fit together ({error})") from error


def load_each(networks):
    """Bundle by task, of paths by task; a joint network is loaded once."""
    loaded = {path: load(path) for path in dict.fromkeys(networks.values())}
    return {task: loaded[path] for task, path in networks.items()}


def takes_arrays(bundles):
    """Whether the networks take array events; one kind must do for all.

    Raises
    ------
    gammaml.errors.SettingError
        Where some do and some do not.
    """
    kinds = {task: each.settings.is_array for task, each in bundles.items()}
    if len(set(kinds.values())) > 1:
        single = ", ".join(task for task, is_array in kinds.items() if not is_array)
        got, expected = f"networks of array events, and of single images for {single}", "one kind"
        raise SettingError("networks", got, expected, "give networks trained at one --level")
    return any(kinds.values())


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
    inputs = _rebuild_inputs(metadata, arrays)
    inputs = ArrayInputs(tuple(inputs)) if settings.is_array else inputs[0]
    model = build_model(settings, inputs.shapes, tasks)
    model.set_weights([weights[name] for name in sorted(weights)])
    names = {key.split("/")[0] for key in trees if "/" in key}
    rebuilt = {name: _rebuild_trees(name, trees) for name in names}
    kind = array_forest.ArrayForest if settings.is_array else forest.Forest
    baseline = kind(tasks, rebuilt, trees["fill"])
    return Bundle(model, inputs, tasks, settings, baseline, arrays["training_showers"], metadata)


def _rebuild_inputs(metadata, arrays):
    """Inputs of each kind of camera."""
    common = {
        "size": metadata.pop("size"),
        "scaling": images.Scaling(**metadata.pop("scaling")),
        "normalisation": parameters.Normalisation(arrays["offset"], arrays["scale"]),
    }
    both = zip(metadata.pop("cameras"), metadata.pop("mappings"), strict=True)
    return [
        Inputs(
            camera=Camera(**{name: arrays[f"{name}_{number}"] for name in PIXELS}, **described),
            mapping=images.mapping_from_dict(mapping),
            **common,
        )
        for number, (described, mapping) in enumerate(both)
    ]


def _rebuild_trees(name, arrays):
    parts = {part: arrays[f"{name}/{part}"] for part in forest.Trees.__dataclass_fields__}
    return forest.Trees(**{**parts, "depth": int(parts["depth"])})
