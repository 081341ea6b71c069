"""Simulations that others made, and observations: truth and image parameters, from the folder of shared data.

Facts about FACT's files: the header's x and y (MCorsikaEvtHeader of Mars) are the telescope's place seen from the core,
to the west and south, so that the core is to the east and north; they are in the frame of the array, as the azimuth of
`ceres_source`, while the header's azimuth and momentum are magnetic, 7 degrees off. First interactions are in cm;
lengths of image parameters in mm in a focal plane at 4889 mm, where altitude falls with y and azimuth with x; times in
slices of 0.5 ns.
"""

from typing import NamedTuple

import h5py
import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack

from gammaml import io
from gammaml.events import Camera
from gammaml.io.hillas import CLEANING, image_parameters
from gammaml.simulation import arrays
from gammaml.simulation.arrays import ArrayDescription, ArrayTelescope
from gammaml.simulation.primary import LARGEST_ZENITH

MM_PER_DEGREE = 4889 * np.pi / 180
SLICE = 0.5  # ns
# Of the tables of ctapipe 0.8: no pixel below 5.000 p.e., no image below 34 p.e., which three picture pixels make.
CTA_CLEANING = (10.0, 5.0, 2)
FACT_CLEANING = (6.0, 2.5, 1)  # of FACT-tools: the faintest pixels and brightest pixels of the table's images
FACT_PIXELS = 10  # the table's least
# Charges of the table's pixels without a shower, p.e.: the night sky is not subtracted, and each pixel is summed where
# its own waveform is highest. Mean and variance of theirs, and our own variance, which is less.
FACT_PEDESTAL, FACT_VARIANCE, OUR_VARIANCE = 0.55, 1.6, 0.7
PARAMETERS = {  # our column: ctapipe's
    "intensity": "hillas_intensity",
    "width": "hillas_width",
    "length": "hillas_length",
    "concentration": "concentration_pixel",
    "gradient": "timing_slope",
    "islands": "morphology_n_islands",
    "pixels": "morphology_n_pixels",
}


class Sample(NamedTuple):
    """Images that somebody else made, and how to make ours of the same truth.

    Parameters
    ----------
    name : str
    truth : QTable
        A row an array event: shower, particle, energy, alt, az, core_x, core_y, first, pointing_alt, pointing_az.
    images : QTable
        A row an image: event (row of `truth`), telescope (row of the array's telescopes), and `PARAMETERS`.
    array : ArrayDescription
        Our telescopes at the places of theirs.
    measure : callable
        image, peak time, camera -> QTable of `PARAMETERS`, as near to theirs as can be.
    camera : gammaml.events.Camera or None
        Of the columns `image` and `peak_time` of `images`, where there are any.
    """

    name: str
    truth: QTable
    images: QTable
    array: ArrayDescription
    measure: callable
    camera: Camera | None = None


def measured(image, peak_time, camera, *, cleaning=CLEANING, least_pixels=3):
    """Our columns of image parameters by gammaml's own code; NaN where fewer pixels survive the cleaning.

    Parameters
    ----------
    image, peak_time : array (n_images, n_pixels)
    camera : Camera
    cleaning : (float, float, int)
        As `image_parameters` takes it.
    least_pixels : int

    Returns
    -------
    QTable
        Degrees, ns and p.e. without units; the gradient's sign, which depends on the camera's, is dropped.
    """
    if not len(image):
        return QTable({name: np.empty(0) for name in PARAMETERS})
    table = renamed(image_parameters(image, peak_time, camera, cleaning=cleaning))
    few = ~(table["pixels"] >= least_pixels)
    for name in PARAMETERS:
        table[name][few] = np.nan
    return table


def renamed(table):
    """`PARAMETERS` of a table with ctapipe's names, bare."""
    columns = {name: np.array(table[theirs], float) for name, theirs in PARAMETERS.items()}
    columns["gradient"] = np.abs(columns["gradient"])
    return QTable(columns)


def ctapipe_images(path, camera, kind, *, site=None):
    """Images of one camera in a DL1 file of ctapipe.

    Parameters
    ----------
    path : Path
    camera : str
        Telescope type, with wildcards.
    kind : TelescopeType
        Ours.
    site : str or Site
    """
    events = io.read_events(path, tel_type=camera)
    keys = np.asarray(events.table["event_id"])
    _, first, event = np.unique(keys, return_index=True, return_inverse=True)
    rows = events.table[first]
    truth = QTable(
        {
            "shower": np.asarray(rows["event_id"]) // 100,
            "particle": np.where(np.asarray(rows["true_shower_primary_id"]) == 0, "gamma", "proton"),
            "energy": rows["true_energy"],
            "alt": rows["true_alt"],
            "az": rows["true_az"],
            "core_x": rows["true_core_x"],
            "core_y": rows["true_core_y"],
            "first": rows["true_h_first_int"],
            "pointing_alt": rows["pointing_alt"],
            "pointing_az": rows["pointing_az"],
        }
    )
    telescopes = {each.tel_id: each for each in events.subarray.telescopes}
    ids = sorted(set(np.asarray(events.table["tel_id"]).tolist()))
    image, peak_time = events.image, events.peak_time
    images = measured(image, peak_time, events.camera)
    images["image"], images["peak_time"] = image, peak_time
    images["event"], images["telescope"] = event, np.searchsorted(ids, np.asarray(events.table["tel_id"]))
    places = [telescopes[tel_id].position for tel_id in ids]
    return Sample(path.stem, truth, images, _array(kind, ids, places, site), measured, events.camera)


def _array(kind, ids, places, site):
    telescopes = (
        ArrayTelescope(i, kind, x, y, max(z - kind.height, 0.0)) for i, (x, y, z) in zip(ids, places, strict=True)
    )
    return ArrayDescription("theirs", "", site, "", 1, tuple(telescopes))


def cta_table(path, camera, kind, *, site, most=None, highest=np.inf):
    """Image parameters of LSTs or MSTs, with truth, that ctapipe 0.8 made.

    Parameters
    ----------
    path : Path
    camera : str
        LSTCam or NectarCam.
    kind : TelescopeType
    site : Site
    most : int or None
        Array events, spread over the file.
    highest : float
        Energy in TeV, to save time.
    """
    with h5py.File(path) as file:
        layout = file["configuration/instrument/subarray/layout"][:]
        shower = file["simulation/event/subarray/shower"][:]
        ids = [int(row["tel_id"]) for row in layout if row["camera_type"].decode() == camera]
        run = file["configuration/simulation/run"][0]
        tables = [file[f"dl1/event/telescope/parameters/tel_{tel_id:03d}"][:] for tel_id in ids]
    good = (shower["true_energy"] < highest) & (90 - shower["true_alt"] < LARGEST_ZENITH.value)
    shower = shower[good]
    shower = shower[np.linspace(0, len(shower) - 1, min(most or len(shower), len(shower))).astype(int)]
    places = {int(row["tel_id"]): (row["pos_x"], row["pos_y"], row["pos_z"]) for row in layout}
    truth = QTable({"shower": shower["event_id"] // 100, "energy": shower["true_energy"] * u.TeV})
    truth["particle"] = np.where(shower["true_shower_primary_id"] == 0, "gamma", "proton")
    for name, theirs, unit in (("alt", "alt", u.deg), ("az", "az", u.deg), ("core_x", "core_x", u.m)):
        truth[name] = shower[f"true_{theirs}"] * unit
    truth["core_y"], truth["first"] = shower["true_core_y"] * u.m, shower["true_h_first_int"] * u.m
    truth["pointing_alt"], truth["pointing_az"] = run["max_alt"] * u.rad, run["max_az"] * u.rad
    order = np.argsort(shower["event_id"])
    parts = [_cta_rows(table, i, shower["event_id"], order, kind) for i, table in enumerate(tables)]
    array = _array(kind, ids, [places[tel_id] for tel_id in ids], site)
    return Sample(f"{path.stem.split('.')[0]} {camera}", truth, vstack(parts), array, _cta_measured)


def _cta_measured(image, peak_time, camera):
    return measured(image, peak_time, camera, cleaning=CTA_CLEANING)


def _cta_rows(table, telescope, event_ids, order, kind):
    at = order[np.minimum(np.searchsorted(event_ids, table["event_id"], sorter=order), len(order) - 1)]
    table, at = table[event_ids[at] == table["event_id"]], at[event_ids[at] == table["event_id"]]
    degree = np.rad2deg(1 / kind.optics.equivalent_focal_length)  # lengths in m, of the nominal focal length
    rows = QTable(
        {
            "intensity": table["hillas_intensity"].astype(float),
            "width": table["hillas_width"] * degree,
            "length": table["hillas_length"] * degree,
            "concentration": table["concentration_pixel"].astype(float),
            "gradient": np.abs(table["timing_slope"]) / degree,
            "islands": table["morphology_num_islands"].astype(float),
            "pixels": table["morphology_num_pixels"].astype(float),
        }
    )
    rows["event"], rows["telescope"] = at, np.full(len(at), telescope)
    return rows


def fact_table(path, *, most=None):
    """FACT's own image parameters, by FACT-tools, with truth.

    Parameters
    ----------
    path : Path
    most : int or None
        Events, from the beginning: they are in random order.
    """
    with h5py.File(path) as file:
        events = {name: file["events"][name][:most] for name in file["events"] if file["events"][name].ndim == 1}
    header = {name[21:]: value for name, value in events.items() if name.startswith("corsika_event_header_")}
    particle = "gamma" if (events["corsika_run_header_particle_id"] == 1).all() else "proton"
    _, shower = np.unique(
        np.c_[events["corsika_run_header_run_number"], header["event_number"]], axis=0, return_inverse=True
    )
    truth = QTable(
        {
            "shower": shower,
            "particle": np.full(len(shower), particle),
            "energy": header["total_energy"] / 1000 * u.TeV,
            "alt": (90 - events["ceres_source_zd"]) * u.deg,
            "az": events["ceres_source_az"] * u.deg,
            "core_x": header["y"] / 100 * u.m,
            "core_y": -header["x"] / 100 * u.m,
            "first": header["first_interaction_height"] / 100 * u.m,
            "pointing_alt": (90 - events["ceres_pointing_zd"]) * u.deg,
            "pointing_az": events["ceres_pointing_az"] * u.deg,
        }
    )
    images = QTable(
        {
            "intensity": events["size"],
            "width": events["width"] / MM_PER_DEGREE,
            "length": events["length"] / MM_PER_DEGREE,
            "concentration": events["concentration_one_pixel"],
            "gradient": np.abs(events["time_gradient_slope_long"]) * SLICE * MM_PER_DEGREE,
            "islands": events["num_islands"].astype(float),
            "pixels": events["num_pixel_in_shower"].astype(float),
            "light": events["ceres_event_photo_electrons_from_shower"].astype(float),
        }
    )
    images["event"], images["telescope"] = np.arange(len(shower)), np.zeros(len(shower), int)
    return Sample(path.stem, truth, images, arrays.array("fact"), _fact_measured)


def _fact_measured(image, peak_time, camera):
    draw = np.random.default_rng(0)
    noise = draw.normal(FACT_PEDESTAL, np.sqrt(FACT_VARIANCE - OUR_VARIANCE), np.shape(image))
    return measured(image + noise, peak_time, camera, cleaning=FACT_CLEANING, least_pixels=FACT_PIXELS)
