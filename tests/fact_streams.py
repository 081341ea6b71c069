"""FACT's photon streams: events as the arrival slices of single photons, a list for each pixel."""

import numpy as np
from astropy import units as u
from astropy.table import QTable
from realism_samples import SLICE, Sample, measured
from scipy.spatial import cKDTree

from gammaml.io.fact import event_type
from gammaml.io.fact_camera import PIXEL_SPACING, photon_counts, read_pixel_map
from gammaml.io.photon_streams import read_streams
from gammaml.simulation import arrays, readout

FIRST_SLICE, N_SLICES = 30, 100
SHOWERS = 32
TRUTH_OF_STREAMS = (
    "MCorsikaEvtHeader.fTotalEnergy",
    "CorsikaEvtHeader.fFirstInteractionHeight",
    "MCorsikaEvtHeader.fX",
    "MCorsikaEvtHeader.fY",
    "MSimSourcePos.fZd",
    "MSimSourcePos.fAz",
    "MMcEvt.fPhotElfromShower",
)


def read(folder):
    """FACT's simulated photon streams of a gamma-ray source on the axis, with truth.

    Parameters
    ----------
    folder : Path
        With cer*.phs.jsonl.gz and pixel-map.csv.
    """
    array = arrays.array("fact")
    camera = array.telescopes[0].type.camera
    events = [event for path in sorted(folder.glob("cer*")) for event in stream_events(path)]
    of = {name: np.array([event.header[name] for event in events], float) for name in TRUTH_OF_STREAMS}
    place = {"alt": (90 - of["MSimSourcePos.fZd"]) * u.deg, "az": of["MSimSourcePos.fAz"] * u.deg}
    truth = QTable(
        {
            "shower": np.unique(of["MCorsikaEvtHeader.fTotalEnergy"], return_inverse=True)[1],
            "particle": np.full(len(events), "gamma"),
            "energy": of["MCorsikaEvtHeader.fTotalEnergy"] / 1000 * u.TeV,
            "core_x": of["MCorsikaEvtHeader.fY"] / 100 * u.m,
            "core_y": -of["MCorsikaEvtHeader.fX"] / 100 * u.m,
            "first": of["CorsikaEvtHeader.fFirstInteractionHeight"] / 100 * u.m,
        }
        | place
        | {f"pointing_{name}": value for name, value in place.items()}
    )
    image, peak_time = stream_images(events, camera, folder)
    images = measured(image, peak_time, camera)
    images["light"] = of["MMcEvt.fPhotElfromShower"]
    images["image"], images["peak_time"] = image, peak_time
    images["event"], images["telescope"] = np.arange(len(events)), np.zeros(len(events), int)
    return Sample("FACT photon streams", truth, images, array, measured, camera)


def stream_events(path):
    """Showers of a photon-stream file, a list of `gammaml.io.photon_streams.Stream`."""
    return [stream for stream in read_streams(path) if event_type(stream.header) == SHOWERS]


def stream_images(events, camera, folder):
    """Charges and peak times of photon streams, for our camera, by the readout's own extraction.

    Parameters
    ----------
    events : list of gammaml.io.photon_streams.Stream
    camera : gammaml.events.Camera
        Ours, whose pixels are in another order.
    folder : Path
        With FACT's pixel-map.csv.

    Returns
    -------
    image, peak_time : array (n_events, n_pixels)
    """
    reader = readout.build_camera(arrays.array("fact").telescopes[0].type, 0)
    n_window = round(reader.window * reader.sample / SLICE)
    reader = reader._replace(sample=SLICE, n_samples=N_SLICES, window=n_window, correction=1 - reader.crosstalk)
    order = pixel_order(camera, folder)
    order[list(set.intersection(*map(_saturated, events)))] = -1  # a broken patch
    image, peak_time = np.empty((2, len(events), camera.n_pixels))
    for event, charge, time in zip(events, image, peak_time, strict=True):
        readout.extract(_waveform(event, order, camera.n_pixels), reader, np.empty(N_SLICES), charge, time)
    return image, peak_time


def _saturated(event):
    return set(event.header["saturated"])


def _waveform(event, order, n_pixels):
    """Charges a ns in slices, less what the night sky brings to most pixels; nothing where there is no channel."""
    waveform = np.zeros((n_pixels, N_SLICES))
    used = order >= 0
    waveform[order[used]] = photon_counts(event, FIRST_SLICE, N_SLICES)[used] / SLICE
    waveform[order[used]] -= np.median(waveform[order[used]].mean(axis=1))
    return waveform


def pixel_order(camera, folder):
    """For each of FACT's channels (CHID), our pixel at its place; -1 for 13 at the rim, which ours has elsewhere.

    The middle of FACT's camera lies between two pixels of a row, that of ours on a corner of three.
    """
    place = (read_pixel_map(folder) - (1 / np.sqrt(12), 0)) * PIXEL_SPACING
    distance, pixel = cKDTree(np.column_stack([camera.pixel_x, camera.pixel_y])).query(place)
    return np.where(distance < PIXEL_SPACING / 2, pixel, -1)
