"""CORSIKA's photons in our telescopes: beside sim_telarray's images of the same photons, and beside our showers."""

import numpy as np
import realism_samples as samples
from astropy import units as u
from corsika_showers import GAMMAS
from realism_cases import CASES, kind_of
from realism_simulation import paired, simulate, write_scaled

from gammaml import io
from gammaml.io.hillas import image_parameters
from gammaml.io.tables import key_order
from gammaml.production import Card, produce_from_corsika
from gammaml.simulation import arrays, site

CASE = CASES["SST-1M gammas"]
KEYS = ("event_id", "tel_id")
SIM_TELARRAY = "dl1_ctapipe/sst1m_gamma.dl1.h5"  # made of the same photons


def record(folder, scratch):
    """CORSIKA's gammas on SSTs of ours, of which one is enough for an event: the path of a DL1 file.

    Parameters
    ----------
    folder, scratch : Path
        The shared data, and where to write.
    """
    array = scratch / "sst-array.toml"
    write_scaled(arrays.ARRAYS / "sst-array.toml", CASE.throughput, array)
    produce_from_corsika(folder / GAMMAS, Card(str(array), seed=1), scratch / "corsika.dl1.h5", show=False)
    return scratch / "corsika.dl1.h5"


def same_photons(folder, path):
    """Image parameters of sim_telarray and of ours, of the same photons, one to one, where both have an image.

    Parameters
    ----------
    folder : Path
        The shared data.
    path : Path
        Of `record`.

    Returns
    -------
    theirs, ours : QTable
        `PARAMETERS`, shower, and fov_lon and fov_lat (deg) of the image.
    shares : (float, float)
        Of their images that ours have, and of ours, in events of theirs, that theirs have.
    """
    both = [io.read_events(folder / SIM_TELARRAY, tel_type="*DigiCam"), io.read_events(path)]
    both[1] = both[1][np.isin(both[1].table["event_id"], both[0].table["event_id"])]
    tables = [_measured(events) for events in both]
    tables = [table[np.isfinite(table["width"])] for table in tables]
    place = key_order(tables[1], tables[0], KEYS)
    matched = tables[0][place >= 0], tables[1][place[place >= 0]]
    return *matched, tuple(len(matched[0]) / len(table) for table in tables)


def _measured(events):
    image, peak_time = events.image, events.peak_time
    table = samples.measured(image, peak_time, events.camera)
    parameters = image_parameters(image, peak_time, events.camera)
    for name in KEYS:
        table[name] = np.asarray(events.table[name])
    for name in ("fov_lon", "fov_lat"):
        table[name] = parameters[f"hillas_{name}"].to_value(u.deg)
    table["shower"] = table["event_id"] // 100
    return table


def our_showers(path):
    """Image parameters of CORSIKA's gammas and of ours of the same truth, in the same telescopes, image by image."""
    light = samples.ctapipe_images(path, "*DigiCam", kind_of("sst-array", "SST"), site=site("paranal"))
    ours = simulate(light, throughput=CASE.throughput, repeats=CASE.repeats)
    for table in (light.images, ours):
        table["shower"] = light.truth["shower"][table["event"]]
    return paired(light.images, ours)
