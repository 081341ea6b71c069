"""Telescopes, optics and cameras of a ctapipe file, whatever the version of its geometry tables."""

import numpy as np

from gammaml.errors import InputError
from gammaml.events import Camera, Optics, Readout, Subarray, Telescope
from gammaml.io.tables import read_table, text

LAYOUT = "configuration/instrument/subarray/layout"
OPTICS = "configuration/instrument/telescope/optics"
CAMERA = "configuration/instrument/telescope/camera"


def read_subarray(file):
    """The subarray described in an open HDF5 file.

    The tables are read here rather than by ctapipe because ctapipe 0.28 refuses geometry tables of
    version 2.1, which 0.32 writes.

    Parameters
    ----------
    file : h5py.File

    Returns
    -------
    gammaml.events.Subarray
    """
    if LAYOUT not in file or "camera_index" not in file[LAYOUT].dtype.names:
        version = text(file.attrs.get("CTA PRODUCT DATA MODEL VERSION", b"none"))
        raise InputError(
            file.filename,
            f"no subarray layout with camera indices (data model {version})",
            "ctapipe's data model, version 4 or later",
            "convert the file with a current ctapipe (ctapipe-process)",
        )
    layout = read_table(file[LAYOUT])
    optics = [_optics(row) for row in read_table(file[OPTICS])]
    cameras = {}
    telescopes = []
    for row in layout:
        mirror = optics[int(row["optics_index"])]
        key = (int(row["camera_index"]), mirror.focal_length)
        if key not in cameras:
            cameras[key] = _camera(file[CAMERA], *key)
        position = np.array([row[name].to_value("m") for name in ("pos_x", "pos_y", "pos_z")], float)
        names = str(row["name"]), str(row["tel_description"])
        telescopes.append(Telescope(int(row["tel_id"]), *names, position, mirror, cameras[key]))
    attributes = file[LAYOUT].attrs
    reference = tuple(float(attributes.get(f"reference_itrs_{axis}", np.nan)) for axis in "xyz")
    return Subarray(text(attributes.get("name", attributes.get("SUBARRAY", b"unknown"))), reference, tuple(telescopes))


def _optics(row):
    return Optics(
        str(row["optics_name"]),
        str(row["size_type"]),
        str(row["reflector_shape"]),
        row["mirror_area"].to_value("m2"),
        int(row["n_mirrors"]),
        int(row["n_mirror_tiles"]),
        row["equivalent_focal_length"].to_value("m"),
        row["effective_focal_length"].to_value("m"),
    )


def _camera(group, index, focal_length):
    geometry = group[f"geometry_{index}"]
    pixels, attributes = read_table(geometry), geometry.attrs
    readout = group.get(f"readout_{index}")
    return Camera(
        name=text(attributes["CAM_ID"]),
        pixel_x=pixels["pix_x"].to_value("m"),
        pixel_y=pixels["pix_y"].to_value("m"),
        pixel_area=pixels["pix_area"].to_value("m2"),
        pixel_type=text(attributes["PIX_TYPE"]),
        pixel_rotation=float(attributes["PIX_ROT"]),
        camera_rotation=float(attributes["CAM_ROT"]),
        focal_length=focal_length,
        readout=None if readout is None else _readout(readout),
    )


def _readout(dataset):
    pulses = read_table(dataset)
    shape = np.stack([pulses[name] for name in pulses.colnames if name.startswith("reference_pulse_shape")])
    time = pulses["reference_pulse_sample_time"].to_value("ns")
    return Readout(
        pulse_shape=shape,
        pulse_sample_width=float(time[1] - time[0]) if len(time) > 1 else 1.0,
        sampling_rate=float(dataset.attrs.get("SAMPFREQ", 1.0)),
        n_samples=int(dataset.attrs.get("NSAMPLES", dataset.attrs.get("N_SAMPLES", 1))),
    )
