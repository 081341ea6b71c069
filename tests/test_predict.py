"""Prediction: rows, ranges, other cameras, and the mean over telescopes."""

import warnings
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml import predict, sky, split, train
from gammaml.config import TrainSettings
from gammaml.errors import InputError, RangeWarning, SettingError

TASKS = ("gammaness", "energy", "direction")


@pytest.fixture(scope="module")
def parts(mixed_events):
    return split.by_shower(mixed_events, fractions=(0.5, 0.3, 0.2), seed=0)


@pytest.fixture(scope="module")
def joint(parts):
    return train.fit("cnn", *parts[:2], task=TASKS, settings=TrainSettings(epochs=2, size=16))


@pytest.fixture(scope="module")
def dl2(joint, parts):
    return predict.to_dl2(parts[2], gammaness=joint, energy=joint, direction=joint)


def test_columns_and_units(dl2, parts):
    assert len(dl2) == len(parts[2])
    assert dl2["reco_energy"].unit == u.TeV
    assert dl2["reco_alt"].unit == u.deg
    assert ((dl2["gammaness"] >= 0) & (dl2["gammaness"] <= 1)).all()
    assert dl2.meta["reconstructor"] == "Gammaml"
    lon, lat = sky.altaz_to_fov(*(dl2[name].value for name in ("reco_alt", "reco_az", "pointing_alt", "pointing_az")))
    np.testing.assert_allclose(lon, dl2["reco_fov_lon"].value, atol=1e-9)
    np.testing.assert_allclose(lat, dl2["reco_fov_lat"].value, atol=1e-9)


def test_training_showers_are_marked(joint, parts, dl2):
    assert not np.asarray(dl2["in_training"]).any()
    for part in parts[:2]:
        assert np.asarray(predict.to_dl2(part, energy=joint)["in_training"]).all()
        assert np.asarray(predict.baseline_dl2(part, energy=joint)["in_training"]).all()


def test_baseline_has_the_same_columns(joint, parts, dl2):
    baseline = predict.baseline_dl2(parts[2], gammaness=joint, energy=joint, direction=joint)
    assert baseline.colnames == dl2.colnames
    assert baseline.meta["reconstructor"] == "Forest"


def test_the_input_is_not_touched(joint, parts):
    before = parts[2].table.colnames.copy()
    predict.to_dl2(parts[2], energy=joint)
    assert parts[2].table.colnames == before


def test_no_network_or_the_wrong_one(parts):
    energy = train.fit("hillas_mlp", *parts[:2], task="energy", epochs=1)
    with pytest.raises(SettingError, match="no network"):
        predict.to_dl2(parts[2])
    with pytest.raises(SettingError, match="one that learnt energy"):
        predict.to_dl2(parts[2], gammaness=energy)


def test_another_camera_is_refused(joint):
    events = made_events(3, camera=hexagonal_camera(rings=11, name="OtherCam"))
    with pytest.raises(InputError, match="OtherCam"):
        predict.predict(joint, events)


def test_a_resampling_network_takes_another_camera(parts):
    settings = TrainSettings(epochs=1, size=16, mapping="resampled")
    bundle = train.fit("cnn", *parts[:2], task="energy", settings=settings)
    events = made_events(3, camera=hexagonal_camera(rings=11, name="OtherCam"))
    assert np.isfinite(predict.predict(bundle, events)["energy"]).all()


def test_within_range_no_warning(joint, parts):
    with warnings.catch_warnings(record=True) as caught:
        predict.to_dl2(parts[2][~parts[2].is_gamma], gammaness=joint)
    assert not [warning for warning in caught if issubclass(warning.category, RangeWarning)]


@pytest.mark.parametrize("quantity", ["zenith", "energy", "intensity", "noise"])
def test_outside_the_range_a_warning(joint, quantity):
    events = made_events(3, seed=9)
    if quantity == "zenith":
        events.table["pointing_alt"] = 40 * u.deg
    if quantity == "energy":
        events.table["true_energy"] *= 1000
    if quantity == "intensity":
        events.table["hillas_intensity"] /= 100
    if quantity == "noise":
        noisy = events.image + np.random.default_rng(0).normal(0, 3, events.image.shape).astype(np.float32)
        events = replace(events, pixels=replace(events.pixels, image=noisy))
    with pytest.warns(RangeWarning, match=quantity):
        predict.to_dl2(events, energy=joint)


def test_dark_images_are_not_predicted(joint, parts):
    image = parts[2].image
    image[1] = np.nan
    store = replace(parts[2].pixels, image=image, peak_time=parts[2].peak_time)
    events = replace(parts[2], pixels=store, rows=np.arange(len(image)))
    answers = predict.predict(joint, events)["energy"]
    assert np.isnan(answers[1]).all()
    assert np.isfinite(np.delete(answers, 1, axis=0)).all()


def test_images_without_parameters_are_predicted(joint, parts):
    events = parts[2][:]
    for name in events.table.colnames:
        if name.startswith(("hillas_", "timing_", "concentration_")):
            events.table[name][0] *= np.nan
    answers = predict.predict(joint, events)
    assert all(np.isfinite(values).all() for values in answers.values())


def test_mean_over_telescopes(dl2):
    table = dl2[:4].copy()  # two array events of two telescopes
    table["hillas_intensity"] = [100.0, 300.0, 100.0, np.nan]
    table["gammaness"] = [0.0, 1.0, 0.2, 0.9]
    table["reco_energy"] = [1.0, 100.0, np.nan, 4.0] * u.TeV
    table["reco_alt"] = [70.0, 70.0, 60.0, np.nan] * u.deg
    table["reco_az"] = [359.0, 1.0, 10.0, np.nan] * u.deg
    array = predict.combine_telescopes(table)
    np.testing.assert_allclose(array["gammaness"], [0.75, 0.2], atol=1e-4)
    np.testing.assert_allclose(array["reco_energy"].to_value(u.TeV), [10**1.5, 4.0])
    np.testing.assert_allclose(array["reco_az"].to_value(u.deg), [0.5, 10], atol=1e-3)
    np.testing.assert_allclose(array["reco_alt"].to_value(u.deg), [70, 60], atol=1e-2)
    np.testing.assert_array_equal(array["multiplicity"], [2, 2])
    assert array["telescopes"].all()


def test_the_telescope_mask_is_in_subarray_order(dl2):
    subarray = dl2.meta["subarray"]
    table = dl2[:1].copy()
    table.meta = {**dl2.meta, "subarray": replace(subarray, telescopes=subarray.telescopes[::-1])}
    assert table["tel_id"][0] == 1
    np.testing.assert_array_equal(predict.combine_telescopes(table)["telescopes"], [[False, True]])


def test_events_with_equal_ids_stay_apart(joint, mixed_events):
    dl2 = predict.to_dl2(mixed_events, energy=joint)
    dl2["obs_id"] = 1  # gammas and protons now share obs_id and event_id
    array = predict.combine_telescopes(dl2)
    assert len(array) == len(mixed_events) // 2
    assert (array["multiplicity"] == 2).all()
