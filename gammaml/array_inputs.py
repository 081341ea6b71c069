"""From array events to what a network takes in: the inputs of each image, and where it was taken.

What has a direction is said three times: in the plane that faces the pointing, and along and across the axis of the
image, so that a network finds what it needs without learning to turn vectors.
"""

from dataclasses import dataclass, replace

import numpy as np
from astropy import units as u

from gammaml import parameters, sky
from gammaml.array_events import POINTING, positions, telescope_index
from gammaml.errors import InputError

VECTORS = 4  # place, to the core, to the source, pointing
N_TELESCOPE = 3 + 4 * VECTORS  # intensity, validity and impact; vectors as they are, and in the frame of the image
N_EVENT = 4  # validity, h_max, multiplicity, altitude
METRES = 100.0  # of one unit of length
STEP = 0.1  # deg along an axis, to see how it turns from one frame to another


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the images of one kind of camera were taken, and what the classical reconstruction says of them.

    Parameters
    ----------
    frame : array (n_images, 2, 3, 2)
        For directions (deg) and cores (100 m): origin, axis of the image, normal, in the plane of the array's pointing.
    vectors : array (n_images, VECTORS, 2)
        In that plane: place about the event's mean (100 m); core from the telescope (100 m) and source from the centre
        of gravity (deg), both classical, 0 where there is none; pointing of the telescope (deg).
    scalars : array (n_images, 3)
        log10 of the intensity less 2; 1 where there is a classical reconstruction; log10 of the impact distance.
    """

    frame: np.ndarray
    vectors: np.ndarray
    scalars: np.ndarray

    def __getitem__(self, index):
        return Geometry(self.frame[index], self.vectors[index], self.scalars[index])

    def turned(self, matrix):
        """The same, each image with its event turned or mirrored by a matrix (n_images, 2, 2)."""
        frame = np.einsum("nij,nfkj->nfki", matrix, self.frame)
        frame[:, :, 2] = np.stack([-frame[:, :, 1, 1], frame[:, :, 1, 0]], axis=-1)
        return replace(self, frame=frame, vectors=np.einsum("nij,nvj->nvi", matrix, self.vectors))

    @property
    def telescope(self):
        """Network input (n_images, N_TELESCOPE)."""
        along = np.einsum("nvi,nai->nva", self.vectors, self.frame[:, 0, 1:])
        flat = [self.scalars, self.vectors.reshape(len(self.vectors), -1), along.reshape(len(along), -1)]
        return np.clip(np.concatenate(flat, axis=1), -8, 8).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ArrayInputs:
    """How array events become network inputs.

    Parameters
    ----------
    cameras : tuple of gammaml.inputs.Inputs
        Of each kind of camera, sharing one normalisation of the image parameters.
    """

    cameras: tuple

    @property
    def shapes(self):
        """Shape of each network input, without the batch axis."""
        shapes = {}
        for number, inputs in enumerate(self.cameras):
            shapes[f"image_{number}"] = inputs.shapes["image"]
            shapes[f"parameters_{number}"] = inputs.shapes["parameters"]
            shapes[f"telescope_{number}"] = (N_TELESCOPE,)
            shapes[f"frame_{number}"] = (2, 3, 2)
        return shapes | {"slot": (None,), "event": (N_EVENT,), "classical": (2, 2)}

    def number(self, camera):
        """Which of the cameras a camera is.

        Raises
        ------
        gammaml.errors.InputError
            Where it is none of them.
        """
        for number, inputs in enumerate(self.cameras):
            if camera.same_pixels(inputs.camera):
                return number
        known = ", ".join(f"{inputs.camera.name} ({inputs.camera.n_pixels} pixels)" for inputs in self.cameras)
        got, expected = f"images of the camera {camera.name} ({camera.n_pixels} pixels)", f"some of {known}"
        do = "leave these telescopes out (tel_type), or use a network that was trained with them"
        raise InputError("network inputs", got, expected, do)

    def of_camera(self, number, pixels, shape, geometry, matrix=None):
        """Network inputs of images of one camera; without any, one that is empty, for a network cannot take none.

        Parameters
        ----------
        number : int
        pixels : tuple of array (n, n_pixels)
            Charges and peak times, already turned by `matrix`.
        shape : gammaml.parameters.Shape
        geometry : Geometry
        matrix : array (n, 2, 2), optional

        Returns
        -------
        dict of str to array
        """
        if not len(pixels[0]):
            names = (f"{part}_{number}" for part in ("image", "parameters", "telescope", "frame"))
            return {name: np.zeros((1, *self.shapes[name]), np.float32) for name in names}
        made = self.cameras[number].build(*pixels, shape, matrix)
        geometry = geometry if matrix is None else geometry.turned(matrix)
        made |= {"telescope": geometry.telescope, "frame": geometry.frame.astype(np.float32)}
        return {f"{part}_{number}": values for part, values in made.items()}


def build_array_inputs(cameras, shapes, build_inputs):
    """Inputs that fit some training events.

    Parameters
    ----------
    cameras : list of gammaml.events.Camera
    shapes : list of gammaml.parameters.Shape
        Of the training events of each camera.
    build_inputs : callable
        Makes a `gammaml.inputs.Inputs` of a camera and a shape.

    Returns
    -------
    ArrayInputs
    """
    every = parameters.concatenate(shapes)
    return ArrayInputs(tuple(build_inputs(camera, every) for camera in cameras))


def geometry(events):
    """Geometry of the images of each camera.

    Parameters
    ----------
    events : gammaml.array_events.ArrayEvents

    Returns
    -------
    list of Geometry
        One a camera.
    """
    direction, core, _ = _classical(events)
    ground = positions(events.subarray)
    pointing = np.stack([events.table[name].to_value(u.deg) for name in POINTING], axis=1)
    parts, places = [], []
    for images, row in zip(events.cameras, events.members, strict=True):
        index = telescope_index(events.subarray, images.table["tel_id"])
        places.append(sky.ground_to_tilted(ground[index], *pointing[row].T) / METRES)
    middle = _mean_place(places, events.members, len(events))
    for images, row, place in zip(events.cameras, events.members, places, strict=True):
        parts.append(_geometry(images.table, pointing[row], (place, middle[row]), (direction[row], core[row])))
    return parts


def _mean_place(places, members, n_events):
    row, place = np.concatenate(members), np.concatenate(places)
    return np.stack([np.bincount(row, values, n_events) for values in place.T], axis=1) / np.bincount(row)[:, None]


def _geometry(table, pointing, place, classical):
    """Of the images of a table: array pointing, own place and mean place of the event, classical direction and core."""
    own = np.stack([table[name].to_value(u.deg) for name in POINTING], axis=1)
    frame = _frame(parameters.frame(parameters.shape(table)), own, pointing)
    place, middle = place
    source, core = classical[0] - frame[:, 0], classical[1] - place
    known = np.isfinite(source).all(axis=1) & np.isfinite(core).all(axis=1)
    offset = np.stack(sky.altaz_to_fov(*own.T, *pointing.T), axis=1)
    core_frame = np.concatenate([place[:, None], frame[:, 1:]], axis=1)
    intensity = np.log10(np.maximum(np.nan_to_num(np.asarray(table["hillas_intensity"], float)), 1.0)) - 2
    impact = np.log10(np.maximum(np.hypot(*np.where(known[:, None], core, 1.0).T), 0.05))
    return Geometry(
        np.stack([frame, core_frame], axis=1),
        np.stack([place - middle, *(np.where(known[:, None], each, 0.0) for each in (core, source)), offset], axis=1),
        np.stack([intensity, known, np.where(known, impact, 0.0)], axis=1),
    )


def _frame(frame, own, pointing):
    """Frames (n, 3, 2) of images, from the plane of their telescope's pointing to that of the array's."""
    if np.array_equal(own, pointing):
        return frame
    origin, ahead = (_moved(point, own, pointing) for point in (frame[:, 0], frame[:, 0] + STEP * frame[:, 1]))
    axis = (ahead - origin) / np.linalg.norm(ahead - origin, axis=1, keepdims=True)
    return np.stack([origin, axis, np.stack([-axis[:, 1], axis[:, 0]], axis=1)], axis=1)


def _moved(offsets, own, pointing):
    return np.stack(sky.altaz_to_fov(*sky.fov_to_altaz(*offsets.T, *own.T), *pointing.T), axis=1)


def _classical(events):
    """Direction (deg) and core (100 m) of the classical reconstruction in the plane of the pointing, and h_max (m)."""
    table = events.table
    names = (*POINTING, "stereo_alt", "stereo_az")
    pointing_alt, pointing_az, alt, az = (table[name].to_value(u.deg) for name in names)
    direction = np.stack(sky.altaz_to_fov(alt, az, pointing_alt, pointing_az), axis=1)
    ground = np.stack([table[f"stereo_core_{axis}"].to_value(u.m) for axis in "xy"], axis=1)
    ground = np.column_stack([ground, np.zeros(len(ground))])
    core = sky.ground_to_tilted(ground, pointing_alt, pointing_az, alt, az) / METRES
    return direction, core, table["stereo_h_max"].to_value(u.m)


def event_inputs(events):
    """Network inputs ``event`` (n_events, N_EVENT) and ``classical`` (n_events, 2, 2), float32.

    Parameters
    ----------
    events : gammaml.array_events.ArrayEvents

    Returns
    -------
    dict of str to array
    """
    direction, core, h_max = _classical(events)
    known = np.isfinite(direction).all(axis=1) & np.isfinite(core).all(axis=1)
    classical = np.where(known[:, None, None], np.clip(np.stack([direction, core], axis=1), -20, 20), 0.0)
    height = np.where(known & np.isfinite(h_max), np.clip(np.nan_to_num(h_max) / 10e3, 0, 4), 0.0)
    multiplicity = np.log2(np.asarray(events.table["multiplicity"], float))
    up = np.sin(events.table["pointing_alt"].to_value(u.rad))
    event = np.stack([known, height, multiplicity, up], axis=1)
    return {"event": event.astype(np.float32), "classical": classical.astype(np.float32)}
