"""Networks trained on our events and applied to somebody else's: energy."""

import dataclasses
import pathlib
import tempfile

import numpy as np
import realism_cases as cases
from astropy import units as u
from astropy.table import QTable
from realism_measures import drawn
from realism_simulation import write_scaled
from scipy.spatial import cKDTree

from gammaml import io, predict, production, split, train
from gammaml.config import TrainSettings
from gammaml.events import PixelStore
from gammaml.io.hillas import image_parameters
from gammaml.simulation import arrays

EPOCHS = 10
LEAST_INTENSITY = 40.0  # p.e.
CARDS = {  # energies and cores as in the others' files; mono
    "FACT": (
        "FACT gammas, streams",
        "fact",
        {"showers": 900, "energy_min": 0.2, "energy_max": 20.0, "scatter": 180.0, "reuse": 10, "zenith": 2.0},
    ),
    "SST-1M": (
        "SST-1M gammas",
        "sst-array",
        {"showers": 150, "energy_min": 0.2, "energy_max": 20.0, "scatter": 600.0, "reuse": 4, "azimuth": 0.0},
    ),
}


def energies(folder, name):
    """True and estimated energies, and showers, of test images of ours and of all of theirs.

    Parameters
    ----------
    folder : Path
        The shared data.
    name : str
        FACT or SST-1M.

    Returns
    -------
    dict
        ours, theirs: (true, estimated, shower) arrays (n_images,), TeV.
    """
    case, array, settings = CARDS[name]
    events = _ours(array, cases.CASES[case].throughput, settings)
    training, validation, test = split.by_shower(events, seed=0)
    network = TrainSettings(epochs=EPOCHS)
    bundle = train.fit("resnet", training, validation, task="energy", settings=network, seed=0)
    sample, _ = cases.compare(folder, case)
    answers = {}
    for who, part in (("ours", test), ("theirs", theirs_as_ours(sample, events))):
        dl2 = predict.to_dl2(part, energy=bundle)
        shower = np.asarray(part.table["event_id"]) // 100
        answers[who] = (dl2["true_energy"].to_value(u.TeV), dl2["reco_energy"].to_value(u.TeV), shower)
    return answers


def bias_and_width(true, reco, shower):
    """Median and half the central 68 % of estimated/true - 1, each with its error by drawing showers anew."""
    error = reco / true - 1
    found = np.array([_median_and_width(error[rows]) for rows in drawn(shower)])
    return tuple(zip(_median_and_width(error), found.std(axis=0), strict=True))


def _median_and_width(error):
    low, middle, high = np.percentile(error, (16, 50, 84))
    return float(middle), float((high - low) / 2)


def _ours(array, throughput, settings):
    """Images of ours with enough light, from a production with the sample's throughput."""
    with tempfile.TemporaryDirectory() as folder:
        described = pathlib.Path(folder) / f"{array}.toml"
        write_scaled(arrays.ARRAYS / f"{array}.toml", throughput, described)
        card = production.Card(str(described), "gamma", seed=11, **settings)
        production.produce(card, pathlib.Path(folder) / "gamma.dl1.h5", processes=1, show=False)
        events = io.read_events(pathlib.Path(folder) / "gamma.dl1.h5")
    return events[np.asarray(events.table["hillas_intensity"]) > LEAST_INTENSITY]


def theirs_as_ours(sample, events):
    """Their images as events of our camera: each of our pixels takes what theirs at its place has.

    Parameters
    ----------
    sample : Sample
        With images.
    events : TelescopeEvents
        Of ours: camera, array and columns are these.
    """
    their_camera, camera = sample.camera, events.camera
    place = np.column_stack([their_camera.fov_lon, their_camera.fov_lat])
    distance, pixel = cKDTree(place).query(np.column_stack([camera.fov_lon, camera.fov_lat]))
    image, peak_time = (np.asarray(sample.images[name])[:, pixel] for name in ("image", "peak_time"))
    image[:, distance > camera.pixel_width / 2] = 0.0
    parameters = image_parameters(image, peak_time, camera)
    bright = parameters["hillas_intensity"] > LEAST_INTENSITY
    image, peak_time = (np.ascontiguousarray(values[bright], np.float32) for values in (image, peak_time))
    table = _table(sample, np.asarray(sample.images["event"])[bright], events, parameters[bright])
    return dataclasses.replace(events, table=table, pixels=PixelStore(image, peak_time), rows=np.arange(len(image)))


def _table(sample, event, events, parameters):
    truth = sample.truth[event]
    table = QTable(events.table[np.zeros(len(event), int)])
    for name in parameters.colnames:
        table[name] = parameters[name]
    for name in ("energy", "alt", "az", "core_x", "core_y"):
        table[f"true_{name}"] = truth[name]
    for name in ("alt", "az"):
        table[f"pointing_{name}"] = truth[f"pointing_{name}"]
    table["event_id"] = 100 * np.asarray(truth["shower"])
    return table
