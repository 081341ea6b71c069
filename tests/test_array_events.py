"""Array events: which images belong together, and where they were taken."""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from made_events import made_events

from gammaml import array_batches, array_events, array_inputs, images, parameters, sky
from gammaml.array_inputs import build_array_inputs
from gammaml.batches import Augmentation, training_batches
from gammaml.config import TrainSettings
from gammaml.errors import InputError
from gammaml.events import Telescope, concatenate
from gammaml.inputs import build_inputs
from gammaml.tasks import get_tasks


@pytest.fixture(scope="module")
def events(mixed_events):
    return array_events.build(mixed_events)


@pytest.fixture(scope="module")
def four_telescopes():
    parts = [made_events(30, primary=primary, obs_id=1 + primary, n_telescopes=4) for primary in (0, 101)]
    return array_events.build(concatenate(parts))


@pytest.fixture(scope="module")
def inputs(events):
    shapes = [parameters.shape(part.table) for part in events.cameras]
    cameras = [part.camera for part in events.cameras]
    return build_array_inputs(
        cameras, shapes, lambda camera, shape: build_inputs(camera, shape, TrainSettings(size=16))
    )


def test_images_of_an_event_belong_to_it(events, mixed_events):
    assert len(events) == len(mixed_events) // 2
    assert (events.table["multiplicity"] == 2).all()
    for name in ("obs_id", "event_id", "shower_id", "true_energy"):
        of_images = np.asarray(mixed_events.table[name])
        np.testing.assert_array_equal(np.asarray(events.table[name])[events.members[0]], of_images)


def test_equal_keys_of_two_showers_are_two_events():
    parts = [made_events(5, primary=primary, obs_id=1) for primary in (0, 101)]
    assert len(array_events.build(concatenate(parts))) == 20


def test_a_selection_keeps_images_with_their_events(events):
    chosen = np.arange(len(events)) % 3 == 1
    kept = events[chosen]
    assert len(kept) == chosen.sum()
    np.testing.assert_array_equal(
        np.asarray(kept.table["event_id"])[kept.members[0]], np.asarray(kept.cameras[0].table["event_id"])
    )


def test_with_fewer_telescopes_they_are_the_same_showers(four_telescopes):
    fewer = array_events.with_fewer(four_telescopes, 0.6, np.random.default_rng(0))
    for name in ("obs_id", "event_id", "shower_id", "true_energy", "true_tilted_lon"):
        np.testing.assert_array_equal(fewer.table[name], four_telescopes.table[name])
    multiplicity = np.asarray(fewer.table["multiplicity"])
    assert set(multiplicity) == {2, 3, 4}
    np.testing.assert_array_equal(fewer.table["telescopes"].sum(axis=1), multiplicity)
    assert (fewer.table["stereo_telescopes"] <= multiplicity).all()
    assert np.unique(fewer.table["telescopes"], axis=0).shape[0] > 6  # whichever pairs and triples
    kept = array_events.with_fewer(four_telescopes, 0.1, np.random.default_rng(0))
    assert np.asarray(kept.table["multiplicity"]).mean() == pytest.approx(3.6, abs=0.1)


def test_events_of_two_telescopes_lose_none(events, mixed_events):
    one_each = array_events.build(mixed_events[np.asarray(mixed_events.table["tel_id"]) == 1])
    for given in (events, one_each):
        kept = array_events.with_fewer(given, 0.9, np.random.default_rng(0))
        np.testing.assert_array_equal(kept.table["telescopes"], given.table["telescopes"])


def test_other_telescopes_are_missing_in_each_epoch_and_none_in_validation(four_telescopes, inputs):
    def slots(epoch, *, augment, missing=0.3):
        settings = TrainSettings(size=16, missing_telescopes=missing)
        feed = array_batches.training_feed(four_telescopes, inputs, get_tasks("energy"), settings, augment=augment)
        made = training_batches(feed, batch_size=len(feed), seed=0, epoch=epoch)
        (x, y, _), *others = made
        assert not others
        assert len(y["energy"]) == len(four_telescopes)
        return x["slot"] >= 0

    assert not np.array_equal(slots(0, augment=True), slots(1, augment=True))
    np.testing.assert_array_equal(slots(1, augment=True), slots(1, augment=True))
    assert slots(0, augment=True).sum(axis=1).min() == 2
    assert slots(0, augment=False).all()
    few = slots(0, augment=True, missing=0.99)
    assert few.sum(axis=1).max() < few.shape[1] == 4  # a narrower batch would be traced anew


def test_one_image_twice_is_refused(mixed_events):
    with pytest.raises(InputError, match="two images of one telescope"):
        array_events.build(mixed_events[[0, 1, 1]])


def test_a_telescope_without_a_position_is_refused(mixed_events):
    first, *others = mixed_events.subarray.telescopes
    lost = Telescope(first.tel_id, first.name, first.tel_type, np.full(3, np.nan), first.optics, first.camera)
    subarray = replace(mixed_events.subarray, telescopes=(lost, *others))
    with pytest.raises(InputError, match="telescope 1 without a position"):
        array_events.build(replace(mixed_events, subarray=subarray))


def test_too_few_telescopes(mixed_events):
    with pytest.raises(InputError, match="some with images of 3"):
        array_events.build(mixed_events, min_telescopes=3)
    one_each = mixed_events[np.asarray(mixed_events.table["tel_id"]) == 1]
    assert (array_events.build(one_each).table["multiplicity"] == 1).all()


def test_tilted_truth_is_where_the_axis_meets_the_plane(events):
    table = events.table
    names = ("pointing_alt", "pointing_az", "true_alt", "true_az")
    tilted = np.stack([table[name].to_value(u.m) for name in array_events.TILTED], axis=1)
    ground = sky.tilted_to_ground(tilted, *(table[name].to_value(u.deg) for name in names))
    expected = np.stack([table[f"true_core_{axis}"].to_value(u.m) for axis in "xy"], axis=1)
    np.testing.assert_allclose(ground, expected, atol=1e-6)


def test_slots_name_the_images_of_each_event(events, inputs):
    feed = array_batches.build_feed(events, inputs)
    rows = np.array([7, 3, 30])
    x = feed.inputs_of(rows)
    assert (x["slot"] >= 0).all()
    for place, row in enumerate(rows):
        own = np.flatnonzero(events.members[0] == row)
        frames = feed.geometry[0].frame[own].astype(np.float32)
        np.testing.assert_array_equal(np.sort(x["frame_0"][x["slot"][place]], axis=0), np.sort(frames, axis=0))


def test_a_turn_turns_everything(events, inputs):
    """Turned about the pointing by 60°: truth, frames and places turn, what lies along an image's axis stays."""
    symmetries = images.find_symmetries(events.cameras[0].camera)
    turn = next(s for s in symmetries if np.allclose(np.arccos(s.matrix[0, 0]), np.pi / 3))
    turned = array_batches.ArrayFeed(events, inputs, (Augmentation((turn, turn)),), {}, {})
    straight = array_batches.build_feed(events, inputs)
    rows = np.arange(10)
    x, _, _ = turned.batch(rows, np.random.default_rng(0))
    y = straight.inputs_of(rows)
    np.testing.assert_allclose(x["classical"], y["classical"] @ turn.matrix.T, atol=1e-5)
    np.testing.assert_allclose(x["frame_0"][:, :, :2], y["frame_0"][:, :, :2] @ turn.matrix.T, atol=1e-5)
    along = 3 + 2 * array_inputs.VECTORS
    np.testing.assert_allclose(x["telescope_0"][:, along:], y["telescope_0"][:, along:], atol=1e-5)
    assert np.abs(x["telescope_0"][:, 3:along] - y["telescope_0"][:, 3:along]).max() > 0.1


def test_pointings_that_differ_meet_in_one_plane(mixed_events):
    """Two telescopes that point 2° apart see the sources at one place of the array's plane."""
    table = mixed_events.table.copy()
    away = np.where(np.asarray(table["tel_id"]) == 1, 1.0, -1.0)
    straight = array_events.build(mixed_events)
    table["pointing_alt"] = table["pointing_alt"] + away * u.deg
    pointing = [table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
    old = [mixed_events.table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
    cog = [table[f"hillas_fov_{axis}"].to_value(u.deg) for axis in ("lon", "lat")]
    for name, values in zip(("lon", "lat"), sky.altaz_to_fov(*sky.fov_to_altaz(*cog, *old), *pointing), strict=True):
        table[f"hillas_fov_{name}"] = values * u.deg
    diverged = array_events.build(replace(mixed_events, table=table))
    geometry, plain = (array_inputs.geometry(events)[0] for events in (diverged, straight))
    np.testing.assert_allclose(geometry.frame[:, 0, 0], plain.frame[:, 0, 0], atol=1e-3)
    np.testing.assert_allclose(np.abs(geometry.vectors[:, 3, 1]), 1.0, atol=1e-3)
    offsets = [np.stack([e.table[f"true_fov_{a}"].value for a in ("lon", "lat")], axis=1) for e in (diverged, straight)]
    np.testing.assert_allclose(*offsets, atol=1e-3)


def test_one_telescope_has_no_classical_reconstruction_and_finite_inputs(mixed_events, inputs):
    alone = array_events.build(mixed_events[np.asarray(mixed_events.table["tel_id"]) == 2])
    x = array_batches.build_feed(alone, inputs).inputs_of(np.arange(len(alone)))
    assert (x["event"][:, 0] == 0).all()
    assert (x["classical"] == 0).all()
    assert all(np.isfinite(values).all() for values in x.values())


def test_an_unknown_camera_is_refused(inputs):
    from made_events import hexagonal_camera

    others = array_events.build(made_events(5, camera=hexagonal_camera(rings=5, name="Small")))
    with pytest.raises(InputError, match=r"Small \(91 pixels\).*MadeCam"):
        array_batches.build_feed(others, inputs)
