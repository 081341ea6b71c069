"""Batches: every event once, reproducible, targets turned with their images."""

import threading

import numpy as np
import pytest

from gammaml import batches, images
from gammaml.config import TrainSettings
from gammaml.inputs import build_inputs
from gammaml.tasks import get_tasks

TASKS = get_tasks(("gammaness", "energy", "direction"))


@pytest.fixture(scope="module")
def sample(mixed_events):
    return batches.build_sample(mixed_events, TASKS)


@pytest.fixture(scope="module")
def inputs(sample):
    return build_inputs(sample.events.camera, sample.shape, TrainSettings(size=24))


@pytest.fixture(scope="module")
def augmentation(sample):
    return batches.Augmentation(images.find_symmetries(sample.events.camera), night_sky=0.5, dead_pixels=0.05)


def epoch_of(sample, inputs, augmentation, **settings):
    defaults = {"batch_size": 50, "seed": 0, "epoch": 0}
    feed = batches.Feeds((batches.Feed(sample, inputs, augmentation),))
    return list(batches.training_batches(feed, **{**defaults, **settings}))


def test_every_event_once_and_no_small_rest(sample, inputs, augmentation):
    made = epoch_of(sample, inputs, augmentation)
    energies = np.concatenate([y["energy"][:, 0] for _, y, _ in made])
    np.testing.assert_array_equal(np.sort(energies), np.sort(sample.targets["energy"][:, 0]))
    sizes = [len(y["energy"]) for _, y, _ in made]
    assert max(sizes) <= 50
    assert max(sizes) - min(sizes) <= 1


def test_fewer_events_than_a_batch_make_one(sample, inputs, augmentation):
    assert len(epoch_of(sample, inputs, augmentation, batch_size=10_000)) == 1


def test_seed_and_epoch_decide(sample, inputs, augmentation):
    first, again = epoch_of(sample, inputs, augmentation), epoch_of(sample, inputs, augmentation)
    other = epoch_of(sample, inputs, augmentation, epoch=1)
    for (x, y, _), (x_again, y_again, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(x["image"], x_again["image"])
        np.testing.assert_array_equal(y["direction"], y_again["direction"])
    assert not np.array_equal(first[0][1]["energy"], other[0][1]["energy"])


def test_inputs_are_finite_float32(sample, inputs, augmentation):
    for x, _, _ in epoch_of(sample, inputs, augmentation):
        for values in x.values():
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
        assert x["image"].shape[1:] == inputs.shapes["image"]


def test_hadrons_weigh_nothing_in_regressions_and_classes_weigh_the_same(sample):
    gamma = sample.events.is_gamma
    np.testing.assert_array_equal(sample.weights["energy"], gamma)
    np.testing.assert_array_equal(sample.weights["direction"], gamma)
    weight = sample.weights["gammaness"]
    np.testing.assert_allclose(weight[gamma].sum(), weight[~gamma].sum(), rtol=1e-5)


def test_directions_turn_with_images(sample, inputs):
    """After any symmetry the centre of light lies where the turned centre of gravity does."""
    events = sample.events
    contained = (np.asarray(events.table["hillas_intensity"]) > 300) & (np.hypot(*sample.shape.cog.T) < 1.2)
    charge = events.image[contained]
    offsets = np.stack([events.camera.fov_lon, events.camera.fov_lat], axis=1)
    for symmetry in images.find_symmetries(events.camera):
        turned = np.clip(symmetry.apply(charge) - 3, 0, None)
        centre = turned @ offsets / turned.sum(axis=1, keepdims=True)
        expected = sample.shape.cog[contained] @ symmetry.matrix.T
        assert np.hypot(*(centre - expected).T).max() < 0.15


def test_prefetch_gives_all_and_raises_the_threads_error():
    assert list(batches.prefetch(iter(range(20)))) == list(range(20))

    def broken():
        yield 1
        raise ValueError("in the thread")

    made = batches.prefetch(broken())
    assert next(made) == 1
    with pytest.raises(ValueError, match="in the thread"):
        next(made)


def test_leaving_a_prefetch_early_ends_its_thread():
    made = batches.prefetch(iter(range(10_000)))
    next(made)
    made.close()
    assert threading.active_count() < 10
