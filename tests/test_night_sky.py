"""Training images brought to the noise of an observation: how noisy they then are, and whether it helps."""

from dataclasses import replace

import numpy as np
import pytest
from made_events import made_events
from test_bad_input import refusal
from test_conditions import changed, observed, with_noise

from gammaml import array_events, bundle, images, night_sky, performance, predict, split, train
from gammaml.config import TrainSettings
from gammaml.errors import RangeWarning, SettingError
from gammaml.events import concatenate
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.hillas import CTAPIPE_CLEANING, image_parameters
from gammaml.io.tables import side_by_side

pytestmark = pytest.mark.filterwarnings("ignore:.*how the images were cleaned is not known")


def measured(events, cleaning=CTAPIPE_CLEANING):
    """The events with the parameters of their images, as a file has them."""
    parameters = image_parameters(events.image, events.peak_time, events.camera, cleaning=cleaning)
    others = events.table[[name for name in events.table.colnames if name not in parameters.colnames]]
    return replace(events, table=side_by_side(others, parameters))


@pytest.mark.parametrize("noise", [0.8, 1.5, 4.0])
def test_the_noise_is_that_of_the_observation(noise):
    observation, training = observed(with_noise(made_events(20, seed=1), noise)), made_events(60)
    matched = night_sky.match(training, night_sky.levels(observation, training))
    seen, made = (np.median(images.pixel_noise(each)) for each in (observation, matched))
    assert made == pytest.approx(seen, rel=0.02)
    assert seen == pytest.approx(noise, rel=0.05)


def test_the_light_stays_the_same():
    training = made_events(30)
    added = night_sky.match(training, {"MadeCam": 2.0}).image - training.image
    assert abs(added.mean()) < 0.01
    assert added.var() == pytest.approx(4.0 - np.median(images.pixel_noise(training)) ** 2, rel=0.01)


def test_the_same_seed_gives_the_same_noise():
    training = made_events(5)
    first, same, other = (night_sky.match(training, {"MadeCam": 2.0}, seed=seed).image for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_dead_pixels_stay_dead():
    training = changed(made_events(30), lambda image: image[:, 3:6].fill(0))
    assert not night_sky.match(training, {"MadeCam": 2.0}).image[:, 3:6].any()


def test_times_of_pixels_that_the_sky_outshines_are_those_of_the_sky():
    training = made_events(30)
    matched = night_sky.match(training, {"MadeCam": 3.0})
    other = matched.peak_time != training.peak_time
    assert not other[training.image > 40].any()
    outside = images.outside(training.image, training.camera)
    assert 0.2 < other[outside].mean() < 0.8


def test_parameters_are_those_of_the_noisy_images():
    training = measured(made_events(20))
    matched = night_sky.match(training, {"MadeCam": 5.0})
    anew = measured(matched).table
    for name in ("hillas_intensity", "hillas_width", "timing_slope", "morphology_n_pixels"):
        assert np.array_equal(matched.table[name], anew[name], equal_nan=True)
    assert np.nanmedian(matched.table["morphology_n_pixels"]) > np.nanmedian(training.table["morphology_n_pixels"])


def test_parameters_of_a_cleaning_that_is_not_known_are_kept_with_a_warning():
    training = made_events(20)
    with pytest.warns(RangeWarning, match="how the images were cleaned is not known"):
        matched = night_sky.match(training, {"MadeCam": 2.0})
    assert np.array_equal(matched.table["hillas_width"], training.table["hillas_width"])


def test_array_events_are_reconstructed_anew():
    events = array_events.build(measured(made_events(20)))
    matched = night_sky.match(events, {"MadeCam": 4.0})
    assert np.array_equal(matched.table["event_id"], events.table["event_id"])
    assert not np.array_equal(matched.table["stereo_alt"], events.table["stereo_alt"])


def test_images_noisier_than_the_observation_are_refused():
    with pytest.raises(
        SettingError, match=r"got 2\.?\d* p\.e\. .* to train on, expected at most the 1 p\.e\. observed"
    ):
        night_sky.match(with_noise(made_events(20), 2.0), {"MadeCam": 1.0})


def test_a_camera_without_its_noise_is_refused():
    with pytest.raises(SettingError, match="that of MadeCam too"):
        night_sky.match(made_events(5), {"OtherCam": 1.0})


def test_on_the_command_line(gammaml, dl1_files, tmp_path):
    write_dl1(observed(with_noise(made_events(20, primary=101), 1.5)), tmp_path / "observed.dl1.h5")
    command = ("train", "gammaness", *dl1_files.values(), "-o", tmp_path / "x.gammaml", "--network", "hillas_mlp")
    quickly = ("--epochs", 1, "--split", "0.4,0.3,0.3", "--match-noise")
    result = gammaml(*command, *quickly, tmp_path / "observed.dl1.h5")
    assert result.exit_code == 0, result.stderr
    trained = bundle.load(tmp_path / "x.gammaml")
    assert trained.settings.match_noise["MadeCam"] == pytest.approx(1.5, rel=0.05)
    for known in trained.metadata["conditions"]:
        assert known["values"]["pixel noise"][0] == pytest.approx(trained.settings.match_noise["MadeCam"], rel=0.05)


def test_a_darker_observation_is_refused_on_the_command_line(gammaml, dl1_files, tmp_path):
    cleaned = changed(made_events(20, primary=101), lambda image: np.copyto(image, np.where(image > 3, image, 0)))
    write_dl1(observed(cleaned), tmp_path / "observed.dl1.h5")
    command = ("train", "gammaness", *dl1_files.values(), "-o", tmp_path / "x.gammaml", "--match-noise")
    assert "noise can only be added" in refusal(gammaml(*command, tmp_path / "observed.dl1.h5"))


@pytest.mark.slow
def test_a_network_for_noisy_images_is_better_trained_on_such():
    """Quiet training loses AUC under a bright sky; training brought to its noise loses less."""
    quiet = concatenate([measured(made_events(150, primary=primary, obs_id=primary + 1)) for primary in (0, 101)])
    training, validation, test = split.by_shower(quiet, fractions=(0.5, 0.2, 0.3), seed=0)
    noisy = measured(with_noise(test, 5.0))
    settings = TrainSettings(epochs=8, size=16, night_sky=0.0, image_parameters=True)
    wanted = night_sky.levels(noisy, training)

    def auc(events, settings):
        network = train.fit("cnn", training, validation, task="gammaness", settings=settings)
        return performance.auc(predict.to_dl2(events, gammaness=network)).value

    calm, lost, matched = auc(test, settings), auc(noisy, settings), auc(noisy, replace(settings, match_noise=wanted))
    print(f"AUC {calm:.3f} of quiet images, {lost:.3f} of noisy ones, {matched:.3f} with match_noise")
    assert lost < calm - 0.1
    assert matched > lost + 0.05
