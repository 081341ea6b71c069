"""Our images against those of CORSIKA and others' detector simulations, and FACT's observations; docs/realism.md.

Limits are what was measured, with room for the random numbers of another platform.
"""

import fact_streams
import h5py
import numpy as np
import pytest
import realism_cases as cases
import realism_corsika as corsika
import realism_measures as measures
import realism_samples as samples
from realism_simulation import paired

from gammaml.simulation import arrays

SMALL = ("FACT gammas, streams", "SST-1M gammas", "NectarCam gammas")


@pytest.fixture(scope="module")
def folder(shared_data):
    """The folder of shared data, where it has FACT's photon streams and the others' simulations."""
    if not (shared_data / "fact" / "pixel-map.csv").is_file() or not (shared_data / "hillas_tables").is_dir():
        pytest.skip("no FACT photon streams or tables of image parameters in the shared data")
    return shared_data


def test_charges_of_photon_streams_are_those_that_fact_simulated(folder):
    """The truth in each event, MMcEvt.fPhotElfromShower, counts crosstalk; ours is corrected for it by 1.16."""
    sample = fact_streams.read(folder / "fact")
    image = np.asarray(sample.images["image"])
    bright = np.asarray(sample.images["light"]) > 200
    charge = [image[i][image[i] > 3].sum() for i in np.flatnonzero(bright)]
    ratio = np.median(charge / np.asarray(sample.images["light"])[bright])
    assert 0.8 < ratio < 1.0  # 0.91: 1/1.16, and noise in pixels above 3 p.e.
    assert len(sample.truth) == 114
    assert np.isfinite(sample.images["width"]).sum() > 70


def test_fact_sees_gammas_where_its_truth_says_on_the_axis(folder):
    """Long axes of its simulated images meet at the middle of our camera: pixels are at their places."""
    from gammaml.io.hillas import image_parameters

    sample = fact_streams.read(folder / "fact")
    image, peak_time = (np.asarray(sample.images[name]) for name in ("image", "peak_time"))
    table = image_parameters(image, peak_time, sample.camera)
    psi = table["hillas_psi"].to_value("rad")
    lon, lat = table["hillas_fov_lon"].value, table["hillas_fov_lat"].value
    miss = np.abs(lat * np.cos(psi) - lon * np.sin(psi))
    long = table["hillas_length"].value > 1.5 * table["hillas_width"].value
    assert np.nanmedian(miss[long]) < 0.1  # deg
    assert np.nanmedian(np.hypot(lon, lat)[long]) > 0.5


def test_images_of_facts_tables_lie_toward_their_cores(folder):
    """Seen from the telescope, the light is on the core's side of the source: it turns with the core's azimuth."""
    path = folder / "hillas_tables" / "fact_gamma_diffuse.hdf5"
    truth = samples.fact_table(path).truth
    with h5py.File(path) as file:
        names = ("cog_x", "cog_y", "source_position_x", "source_position_y", "size")
        x, y, source_x, source_y, size = (file["events"][name][:] for name in names)
    core = np.arctan2(-truth["core_y"], truth["core_x"]).to_value("deg")
    expected = 90 + core - truth["pointing_az"].to_value("deg")  # azimuth falls with x, altitude with y
    miss = (np.degrees(np.arctan2(y - source_y, x - source_x)) - expected + 180) % 360 - 180
    bright = miss[size > 200]
    assert len(bright) > 100
    assert abs(np.median(bright)) < 0.5  # deg; 0.03
    assert np.percentile(np.abs(bright), 68) < 3  # 1.6


def test_pixels_of_fact_have_each_one_of_ours(folder):
    camera = arrays.array("fact").telescopes[0].type.camera
    order = fact_streams.pixel_order(camera, folder / "fact")
    assert (order < 0).sum() == 13
    assert len(set(order[order >= 0])) == 1440 - 13


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_images_of_the_same_truth_are_like_theirs(folder, name):
    """CORSIKA with CERES or sim_telarray: energy, direction, core and first interaction are theirs."""
    sample, ours = cases.compare(folder, name)
    theirs, mine = paired(sample.images, ours)
    assert len(theirs) > 50
    for shape, (ratio, error) in measures.ratios(theirs, mine, theirs["shower"]).items():
        assert abs(ratio - 1) < 0.12 + 2 * error, shape
    assert max(measures.distances(theirs, mine).values()) < 0.25


@pytest.mark.slow
def test_our_telescopes_make_of_corsikas_photons_what_sim_telarray_makes_of_them(folder, tmp_path):
    """The very same photons: events and telescopes have the same numbers in both files, and images the same places."""
    *same, shares = corsika.same_photons(folder, corsika.record(folder, tmp_path))
    assert len(same[0]) > 90
    assert min(shares) > 0.85  # 0.91
    theirs, ours = same
    away = np.hypot(*(ours[name] - theirs[name] for name in ("fov_lon", "fov_lat")))
    assert np.median(away) < 0.12  # deg, half a pixel; 0.08
    for shape, (ratio, error) in measures.ratios(theirs, ours, theirs["shower"]).items():
        assert abs(ratio - 1) < 0.06 + 2 * error, shape


@pytest.mark.slow
@pytest.mark.parametrize(("name", "highest"), [("SST-1M gammas", 0.75), ("NectarCam gammas", 0.75)])
def test_a_forest_hardly_tells_ours_from_theirs(folder, name, highest):
    sample, ours = cases.compare(folder, name)
    theirs, mine = paired(sample.images, ours)
    auc, error = measures.tell_apart(theirs, mine, np.asarray(theirs["shower"]), np.asarray(mine["shower"]))
    assert auc < highest + 2 * error


@pytest.mark.slow
def test_a_forest_trained_on_ours_separates_facts_gammas_as_well_as_one_trained_on_theirs(folder):
    """Goal: no more than 0.02 in AUC below."""
    compared = [cases.compare(folder, f"FACT {particle}, table") for particle in ("gammas", "protons")]
    theirs = [measures.cleaned(sample.images) for sample, _ in compared]
    ours = [measures.cleaned(mine) for _, mine in compared]
    names = measures.SHAPES[:4]
    y, reference = measures.separation(theirs, None, names)
    _, transferred = measures.separation(ours, theirs, names)
    groups = np.concatenate([theirs[0]["shower"], theirs[1]["shower"] + 10**6])
    difference, error = measures.auc_difference(y, transferred, reference, groups)
    assert difference > -0.02 - error


@pytest.mark.slow
def test_simulated_protons_are_like_facts_observed_events(folder):
    """With 60 images, 0.2 is what chance makes; 0.0622 charges a ns are the night sky of that night."""
    real = measures.cleaned(cases.observation(folder, "real_20150307_016_100events_pass3.phs.jsonl.gz"))
    ours = measures.cleaned(cases.hadrons(0.0622 / 1.16, n=6000))
    assert len(real) > 50
    assert len(ours) > 100
    distance = measures.distances(real, ours)
    assert max(distance[shape] for shape in ("width", "length", "concentration")) < 0.3
