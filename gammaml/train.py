"""Train a network: check the events, fit, keep the best, resume after an interruption; returns a bundle."""

import json
import logging
import signal
import threading
import warnings
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version

import keras
import numpy as np

from gammaml import __version__, batches, calibration
from gammaml.bundle import Bundle
from gammaml.checkpoint import Checkpoint, State
from gammaml.config import TrainSettings
from gammaml.errors import InputError
from gammaml.feeds import prepare
from gammaml.models import build_loss, build_model, transfer
from gammaml.progress import track
from gammaml.split import check_disjoint
from gammaml.tasks import get_tasks
from gammaml.training_data import sources, training_range

FIRST, LAST = 0.05, 1e-3  # of the highest learning rate, at the first and last step


def fit(
    network,
    training,
    validation,
    *,
    task,
    epochs=None,
    seed=None,
    settings=TrainSettings(),
    start=None,
    run_dir=None,
):
    """Train a network, and its baseline on the same events.

    Parameters
    ----------
    network : str
        "cnn", "resnet" or "hillas_mlp" for single images; "array_transformer", "deepset" or "crnn" for array events.
    training, validation : gammaml.events.TelescopeEvents, list of them, or gammaml.array_events.ArrayEvents
        Simulated events without a shower in common; a list, one a camera, for several cameras: with the mapping
        "resampled", or for array events.
    task : str or sequence of str
        "gammaness", "energy", "direction", and to learn besides "core" (array events), "h_max", "x_max"; several for
        one joint network.
    epochs, seed : int, optional
        Instead of those in `settings`.
    settings : gammaml.config.TrainSettings
    start : gammaml.bundle.Bundle, optional
        Whose weights the training starts from: the whole network, or its encoder of images and what else fits. A
        resnet is as wide as there, where the settings do not say how wide.
    run_dir : str or Path, optional
        Keeps a checkpoint of each epoch; where it holds one of an interrupted training with the same settings
        and events, that training goes on, to the same result.

    Returns
    -------
    gammaml.bundle.Bundle
        With the weights of the epoch with the smallest validation loss, calibrated on the validation events.

    Raises
    ------
    gammaml.errors.InputError
        Where events cannot be learnt from: leaks, one class only, too few, no truth; where the encoder of `start`
        is of another shape.
    """
    given = {"network": network, "epochs": epochs, "seed": seed}
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    if start is not None:
        settings = replace(settings, width=settings.width or start.settings.resnet_width)
    tasks = get_tasks(task)
    check_disjoint(training, validation)
    keras.utils.set_random_seed(settings.seed)
    data = prepare(training, validation, tasks, settings, start)
    model = build_model(settings, data.inputs.shapes, tasks, encoder_weights=settings.encoder_weights)
    if start is not None:
        transfer(model, start.model)
    _compile(model, tasks, settings)
    _make_metrics(model, data.feed)
    checkpoint = Checkpoint(run_dir, _fingerprint(settings, tasks, data))
    state = checkpoint.restore(model) or State(best=model.get_weights())
    try:
        _run_epochs(model, data, settings, state, checkpoint)
    except KeyboardInterrupt:
        if not state.history:
            raise
        logging.getLogger("gammaml").warning("interrupted: keeping the best of %d epochs", len(state.history))
    model.set_weights(state.best)
    baseline = data.fit_baseline()
    metadata = _metadata(settings, data, state) | {"calibration": _calibrate(model, data.held_out, tasks)}
    return Bundle(model, data.inputs, tasks, settings, baseline, _showers(data, start), metadata)


def _showers(data, start):
    """Every shower that the weights have seen, sorted: those of the network that they started from too."""
    return data.showers if start is None else np.union1d(data.showers, start.training_showers)


@contextmanager
def _one_interrupt_waits():
    """An event that the first Ctrl-C sets, the second is a KeyboardInterrupt at once.

    Raised just anywhere, the exception could be lost in a callback of Keras, or stop half way through an update.
    """
    interrupted = threading.Event()
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is not signal.default_int_handler:
        yield interrupted
        return

    def note(number, frame):
        if interrupted.is_set():
            usual(number, frame)
        interrupted.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, usual)


def _run_epochs(model, data, settings, state, checkpoint):
    """The training loop."""
    n_events = len(data.feed)
    n_batches = -(-n_events // settings.batch_size)
    work = track("training", settings.n_epochs * n_events, done=len(state.history) * n_events)
    with _one_interrupt_waits() as interrupted, work as progress:
        for epoch in range(len(state.history), settings.n_epochs):
            if epoch - state.best_epoch >= settings.patience:
                progress.say(f"no better validation loss for {settings.patience} epochs: stopping")
                break
            made = batches.training_batches(data.feed, batch_size=settings.batch_size, seed=settings.seed, epoch=epoch)
            losses = Losses()
            for number, (x, y, weights) in enumerate(batches.prefetch(made)):
                if interrupted.is_set():
                    raise KeyboardInterrupt
                done = (epoch + number / n_batches) / settings.n_epochs
                model.optimizer.learning_rate.assign(learning_rate(done, settings))
                logs = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
                losses.add(logs, _size(y))
                progress.advance(_size(y), f"loss {losses.mean()['loss']:.4f}")
            row = {"epoch": epoch + 1, **losses.mean(), **_validate(model, data.held_out)}
            state.history.append(row)
            if state.best_epoch == epoch + 1:
                state.best = model.get_weights()
            checkpoint.save(model, state)
            progress.say(
                f"epoch {epoch + 1}/{settings.n_epochs}: loss {row['loss']:.4f}, val_loss {row['val_loss']:.4f}"
            )


def _size(targets):
    return len(next(iter(targets.values())))


class Losses:
    """Means over the events of an epoch; what Keras answers is of one batch alone."""

    def __init__(self):
        self.sums, self.n_events = {}, 0

    def add(self, logs, n_events):
        self.n_events += n_events
        for name, value in logs.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * n_events

    def mean(self, prefix=""):
        return {prefix + name: total / self.n_events for name, total in self.sums.items()}


def _in_validation(held_out):
    return batches.training_batches(held_out, batch_size=batches.PREDICTION_BATCH, seed=0, epoch=0)


def _validate(model, held_out):
    """Losses on the validation events, unaugmented."""
    losses = Losses()
    for x, y, weights in batches.prefetch(_in_validation(held_out)):
        losses.add(model.test_on_batch(x, y, sample_weight=weights, return_dict=True), _size(y))
    return losses.mean("val_")


def _compile(model, tasks, settings):
    """AdamW, whose learning rate the loop sets; one loss a task.

    XLA would compile anew for each number of images that a batch of array events has, and is no faster for the others.
    """
    model.compile(
        optimizer=keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay),
        loss={task.name: build_loss(task, settings) for task in tasks},
        loss_weights={task.name: task.weight * settings.task_weights.get(task.name, 1.0) for task in tasks},
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def _make_metrics(model, feed):
    """Keras makes the means of its losses when it first computes them; if inside its step, it compiles that twice."""
    x, y, weights = feed.batch(np.arange(min(2, len(feed))), np.random.default_rng(0))
    model.compute_loss(x, y, model(x), weights)


def learning_rate(done, settings):
    """The learning rate when a share of the training is done: a warm-up, then half a cosine."""
    if done < settings.warm_up:
        return settings.learning_rate * (FIRST + (1 - FIRST) * done / settings.warm_up)
    angle = np.pi * (done - settings.warm_up) / (1 - settings.warm_up)
    return settings.learning_rate * (LAST + (1 - LAST) * (1 + np.cos(angle)) / 2)


def _calibrate(model, held_out, tasks):
    """How the answers must be corrected for the validation events to be calibrated, by task.

    The temperature of the gammaness, and a factor for each learnt width: its median is set right.
    """
    answers, truth, weights = {}, {}, {}
    for x, y, w in batches.prefetch(
        batches.training_batches(held_out, batch_size=batches.PREDICTION_BATCH, seed=0, epoch=0)
    ):
        for found, part in ((answers, model.predict_on_batch(x)), (truth, y), (weights, w)):
            for name, values in part.items():
                found.setdefault(name, []).append(values)
    answers, truth, weights = ({n: np.concatenate(v) for n, v in found.items()} for found in (answers, truth, weights))
    corrections = {}
    for task in tasks:
        answer, known, part = answers[task.name], truth[task.name], weights[task.name] > 0
        if task.is_classification:
            corrections[task.name] = _temperature(answer[:, 1], known[:, 1] > 0.5, weights[task.name])
        elif answer.shape[1] > task.n_outputs:
            corrections[task.name] = calibration.fit_width(answer[part], known[part])
    return corrections


def _temperature(*events):
    """1, with a warning, where the validation events do not tell."""
    try:
        return calibration.fit_temperature(*events)
    except InputError as error:
        warnings.warn(f"gammaness is not calibrated: {error}", stacklevel=2)
        return 1.0


def _fingerprint(settings, tasks, data):
    described = {
        "settings": asdict(settings),
        "tasks": [task.name for task in tasks],
        "events": [len(data.feed), len(data.held_out)],
        "sources": sources(data.training),
    }
    return json.dumps(described, sort_keys=True, default=lambda function: getattr(function, "__name__", "function"))


def _metadata(settings, data, state):
    """What a bundle says about its training."""
    return {
        "gammaml": __version__,
        "versions": {name: version(name) for name in ("keras", "numpy", "scikit-learn", "ctapipe")},
        "backend": keras.backend.backend(),
        "seed": settings.seed,
        "sources": sources(data.training),
        "tel_types": sorted({name for events in data.training for name in events.tel_types}),
        "n_training": data.n_training,
        "n_validation": len(data.held_out),
        "range": training_range(data.training),
        "conditions": [each.to_dict() for each in data.conditions],
        "best_epoch": state.best_epoch,
        "history": state.history,
    }
