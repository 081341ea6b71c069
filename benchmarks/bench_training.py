"""Cost of a training step and of a prediction, processor time an image or event, and what waiting for data takes."""

import time

import keras
import pytest
from made_events import made_events

from gammaml import array_events, batches, train
from gammaml.config import ARRAY_NETWORKS, NETWORKS, TrainSettings
from gammaml.events import concatenate
from gammaml.feeds import prepare
from gammaml.models import build_model
from gammaml.predict import predict
from gammaml.split import by_shower
from gammaml.tasks import get_tasks

TASKS = get_tasks(("gammaness", "energy", "direction"))
STEP_LIMIT, PREDICTION_LIMIT, WAIT_LIMIT = 2.0, 0.5, 0.05  # ms of processor time an image; share of the time
ARRAY_STEP_LIMIT, ARRAY_PREDICTION_LIMIT = 6.0, 1.5  # ms of processor time an event of four telescopes


@pytest.fixture(scope="module")
def events():
    """4800 images of a camera of LST size."""
    from made_events import hexagonal_camera

    camera = hexagonal_camera(rings=24)
    return concatenate([made_events(600, primary=primary, obs_id=1 + primary, camera=camera) for primary in (0, 101)])


def prepared(events, network):
    settings = TrainSettings(network=network)
    training, validation = by_shower(events, fractions=(0.95, 0.05))
    data = prepare(training, validation, TASKS, settings)
    model = build_model(settings, data.inputs.shapes, TASKS)
    train._compile(model, TASKS, settings)
    return settings, data.feed, model


def one_epoch(settings, feed, model, *, epoch):
    """Seconds spent waiting for batches."""
    made = batches.prefetch(batches.training_batches(feed, batch_size=settings.batch_size, seed=0, epoch=epoch))
    waited = 0.0
    while True:
        start = time.perf_counter()
        batch = next(made, None)
        if batch is None:
            return waited
        waited += time.perf_counter() - start
        x, y, weights = batch
        model.train_on_batch(x, y, sample_weight=weights)


@pytest.mark.parametrize("network", NETWORKS)
def test_training_step(benchmark, events, network):
    setup = prepared(events, network)
    one_epoch(*setup, epoch=0)
    processor, wall = time.process_time(), time.perf_counter()
    waited = one_epoch(*setup, epoch=1)
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    benchmark.pedantic(one_epoch, setup, {"epoch": 2}, rounds=1)
    benchmark.extra_info["processor_ms_per_image"] = round(processor / len(events) * 1e3, 3)
    benchmark.extra_info["share_of_time_waiting_for_data"] = round(waited / wall, 3)
    assert processor / len(events) * 1e3 <= STEP_LIMIT
    if network != "hillas_mlp":  # it takes no time itself, so anything else is a large share
        assert waited / wall <= WAIT_LIMIT


@pytest.mark.parametrize("network", NETWORKS)
def test_prediction(benchmark, events, network):
    keras.utils.set_random_seed(0)
    training, validation = by_shower(events[::4], fractions=(0.7, 0.3))
    bundle = train.fit(network, training, validation, task="gammaness", epochs=1)
    predict(bundle, events[:512])
    start = time.process_time()
    predict(bundle, events)
    processor = (time.process_time() - start) / len(events) * 1e3
    benchmark.pedantic(predict, (bundle, events), rounds=1)
    benchmark.extra_info["processor_ms_per_image"] = round(processor, 3)
    assert processor <= PREDICTION_LIMIT


@pytest.fixture(scope="module")
def showers():
    """1200 events of four telescopes with cameras of LST size."""
    from made_events import hexagonal_camera

    camera = hexagonal_camera(rings=24)
    parts = [
        made_events(300, primary=primary, obs_id=1 + primary, camera=camera, n_telescopes=4) for primary in (0, 101)
    ]
    return [concatenate(parts)]


@pytest.mark.parametrize("network", ARRAY_NETWORKS)
def test_array_events(benchmark, showers, network):
    setup = settings, feed, _ = prepared(showers, network)
    one_epoch(*setup, epoch=0)
    start = time.process_time()
    one_epoch(*setup, epoch=1)
    step = (time.process_time() - start) / len(feed) * 1e3
    training, validation = by_shower(showers, fractions=(0.5, 0.5))
    bundle = train.fit(network, training, validation, task="gammaness", epochs=1, settings=settings)
    events = array_events.build(showers)
    predict(bundle, events)
    start = time.process_time()
    predict(bundle, events)
    prediction = (time.process_time() - start) / len(events) * 1e3
    benchmark.pedantic(predict, (bundle, events), rounds=1)
    benchmark.extra_info["processor_ms_per_event"] = {"step": round(step, 2), "prediction": round(prediction, 2)}
    assert step <= ARRAY_STEP_LIMIT
    assert prediction <= ARRAY_PREDICTION_LIMIT
