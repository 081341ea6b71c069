"""Write a subarray as ctapipe's instrument tables, the camera geometry in version 2.0, which all ctapipes read."""

from dataclasses import astuple

import astropy.units as u
import numpy as np
from astropy.table import QTable

from gammaml.events import Readout
from gammaml.io.instrument import CAMERA, LAYOUT, OPTICS
from gammaml.io.write_tables import write_table

# ctapipe reads no camera without a readout: one sample of 1 ns stands for an unknown one.
UNKNOWN_READOUT = Readout(np.ones((1, 1)), pulse_sample_width=1.0, sampling_rate=1.0)


def write_subarray(file, subarray):
    """Layout, optics, camera geometries and readouts.

    Parameters
    ----------
    file : h5py.File
        From :func:`gammaml.io.write_tables.create_hdf5`.
    subarray : gammaml.events.Subarray
    """
    telescopes = subarray.telescopes
    optics, optics_index = _distinct([t.optics for t in telescopes], _optics_key)
    cameras, camera_index = _distinct([t.camera for t in telescopes], _camera_key)
    position = np.stack([t.position for t in telescopes]) * u.m
    layout = QTable(
        {
            "tel_id": subarray.tel_ids.astype(np.uint16),
            "name": [t.name for t in telescopes],
            "type": [t.optics.size_type for t in telescopes],
            **{f"pos_{axis}": position[:, index] for index, axis in enumerate("xyz")},
            "camera_name": [t.camera.name for t in telescopes],
            "optics_name": [t.optics.name for t in telescopes],
            "camera_index": camera_index,
            "optics_index": optics_index,
            "tel_description": [t.tel_type for t in telescopes],
        }
    )
    reference = {
        f"reference_itrs_{axis}": value for axis, value in zip("xyz", subarray.reference_location, strict=True)
    }
    known = reference if np.isfinite(list(reference.values())).all() else {}
    names = {"SUBARRAY": subarray.name, "name": subarray.name}
    write_table(file, LAYOUT, layout, attributes={"TAB_TYPE": "subarray", "TAB_VER": "2.0", **names, **known})
    _write_optics(file, optics)
    for index, camera in enumerate(cameras):
        _write_geometry(file, index, camera)
        _write_readout(file, index, camera)


def _distinct(items, key):
    """The different ones among `items`, and for each item its place among them."""
    first = {}
    for item in items:
        first.setdefault(key(item), item)
    places = {name: place for place, name in enumerate(first)}
    return list(first.values()), np.array([places[key(item)] for item in items])


def _optics_key(optics):
    return tuple(map(str, astuple(optics)))  # a NaN is unlike itself, its text is not


def _camera_key(camera):
    arrays = [camera.pixel_x, camera.pixel_y, camera.pixel_area]
    readout = camera.readout
    if readout is not None:
        arrays += [readout.pulse_shape, [readout.pulse_sample_width, readout.sampling_rate, readout.n_samples]]
    numbers = tuple(np.asarray(array, float).tobytes() for array in arrays)
    return camera.name, camera.pixel_type, camera.pixel_rotation, camera.camera_rotation, numbers


def _write_optics(file, optics):
    table = QTable(
        {
            "optics_name": [o.name for o in optics],
            "size_type": [o.size_type for o in optics],
            "reflector_shape": [o.reflector_shape for o in optics],
            "mirror_area": [o.mirror_area for o in optics] * u.m**2,
            "n_mirrors": [o.n_mirrors for o in optics],
            "n_mirror_tiles": [o.n_mirror_tiles for o in optics],
            "equivalent_focal_length": [o.equivalent_focal_length for o in optics] * u.m,
            "effective_focal_length": [o.effective_focal_length for o in optics] * u.m,
        }
    )
    write_table(file, OPTICS, table, attributes={"TAB_TYPE": "optics", "TAB_VER": "4.0"})


def _write_geometry(file, index, camera):
    table = QTable(
        {
            "pix_id": np.arange(camera.n_pixels),
            "pix_x": camera.pixel_x * u.m,
            "pix_y": camera.pixel_y * u.m,
            "pix_area": camera.pixel_area * u.m**2,
        }
    )
    attributes = {
        "TAB_TYPE": "ctapipe.instrument.CameraGeometry",
        "TAB_VER": "2.0",
        "CAM_ID": camera.name,
        "PIX_TYPE": camera.pixel_type,
        "PIX_ROT": camera.pixel_rotation,
        "CAM_ROT": camera.camera_rotation,
    }
    write_table(file, f"{CAMERA}/geometry_{index}", table, attributes=attributes)


def _write_readout(file, index, camera):
    readout = camera.readout or UNKNOWN_READOUT
    n_channels, n_samples = readout.pulse_shape.shape
    pulses = {f"reference_pulse_shape_channel{i}": readout.pulse_shape[i] for i in range(n_channels)}
    time = np.arange(n_samples) * readout.pulse_sample_width * u.ns
    attributes = {
        "TAB_TYPE": "ctapipe.instrument.CameraReadout",
        "TAB_VER": "3.0",
        "CAM_ID": camera.name,
        "NCHAN": n_channels,
        "NPIXELS": camera.n_pixels,
        "NSAMPLES": readout.n_samples,
        "SAMPFREQ": readout.sampling_rate,
        "REFWIDTH": readout.pulse_sample_width,
    }
    table = QTable({**pulses, "reference_pulse_sample_time": time})
    write_table(file, f"{CAMERA}/readout_{index}", table, attributes=attributes)
