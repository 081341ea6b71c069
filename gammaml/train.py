"""Train a network: check the events, fit, keep the best, resume after an interruption; returns a bundle."""

import json
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version

import keras
import numpy as np

from gammaml import __version__, batches, forest, images, parameters
from gammaml.bundle import Bundle
from gammaml.checkpoint import Checkpoint, State
from gammaml.config import TrainSettings
from gammaml.errors import SettingError
from gammaml.events import as_list
from gammaml.inputs import build_inputs
from gammaml.models import build_model
from gammaml.progress import track
from gammaml.split import check_disjoint
from gammaml.tasks import get_tasks
from gammaml.training_data import counts, sources, training_range, usable

HUBER_DELTA = 0.2  # in log10(E/TeV) or degrees: errors beyond it are the tails, and count by their size


def fit(network, training, validation, *, task, epochs=None, seed=None, settings=TrainSettings(), run_dir=None):
    """Train a network, and its baseline on the same events.

    Parameters
    ----------
    network : str
        "cnn", "resnet" or "hillas_mlp".
    training, validation : gammaml.events.TelescopeEvents or list of them
        Simulated events without a shower in common; several, one a camera, with the mapping "resampled".
    task : str or sequence of str
        "gammaness", "energy", "direction"; several for one joint network.
    epochs, seed : int, optional
        Instead of those in `settings`.
    settings : gammaml.config.TrainSettings
    run_dir : str or Path, optional
        Keeps a checkpoint of each epoch; where it holds one of an interrupted training with the same settings
        and events, that training goes on, to the same result.

    Returns
    -------
    gammaml.bundle.Bundle
        With the weights of the epoch with the smallest validation loss.

    Raises
    ------
    gammaml.errors.InputError
        Where events cannot be learnt from: leaks, one class only, too few, no truth.
    """
    given = {"network": network, "epochs": epochs, "seed": seed}
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    tasks = get_tasks(task)
    check_disjoint(training, validation)
    training = usable(as_list(training), tasks, "training")
    validation = usable(as_list(validation), tasks, "validation")
    keras.utils.set_random_seed(settings.seed)
    inputs, feeds = _feeds(training, tasks, settings)
    held_out = [_feed(events, tasks, settings, inputs, augment=False) for events in validation]
    model = build_model(settings.network, inputs.shapes, tasks, dropout=settings.dropout)
    _compile(model, tasks, settings, n_batches=-(-sum(map(len, feeds)) // settings.batch_size))
    checkpoint = Checkpoint(run_dir, _fingerprint(settings, tasks, training, validation))
    state = checkpoint.restore(model) or State(best=model.get_weights())
    try:
        _run_epochs(model, feeds, held_out, settings, state, checkpoint)
    except KeyboardInterrupt:
        if not state.history:
            raise
        print(f"interrupted: keeping the best of {len(state.history)} epochs", file=sys.stderr)
    model.set_weights(state.best)
    baseline = forest.fit(training, tasks, seed=settings.seed)
    metadata = _metadata(settings, training, validation, state)
    showers = np.unique(np.concatenate([events.table["shower_id"] for events in (*training, *validation)]))
    return Bundle(model, inputs, tasks, settings, baseline, showers, metadata)


def _feeds(training, tasks, settings):
    """Inputs that fit the training events, and these events on their way into the network."""
    shape = parameters.concatenate([parameters.shape(events.table) for events in training])
    inputs = build_inputs(training[0].camera, shape, settings)
    return inputs, [_feed(events, tasks, settings, inputs, augment=True) for events in training]


def _feed(events, tasks, settings, inputs, *, augment):
    sample = batches.build_sample(events, tasks, class_balance=settings.class_balance)
    symmetries = images.find_symmetries(events.camera)
    augmentation = batches.Augmentation(symmetries[:1])
    if augment:
        chosen = symmetries if settings.symmetries else symmetries[:1]
        augmentation = batches.Augmentation(chosen, settings.night_sky, settings.dead_pixels)
    return batches.Feed(sample, inputs.for_camera(events.camera), augmentation)


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


def _run_epochs(model, feeds, held_out, settings, state, checkpoint):
    """The training loop."""
    n_events = sum(map(len, feeds))
    work = track("training", settings.epochs * n_events, done=len(state.history) * n_events)
    with _one_interrupt_waits() as interrupted, work as progress:
        for epoch in range(len(state.history), settings.epochs):
            if epoch - state.best_epoch >= settings.patience:
                progress.say(f"no better validation loss for {settings.patience} epochs: stopping")
                break
            made = batches.training_batches(feeds, batch_size=settings.batch_size, seed=settings.seed, epoch=epoch)
            losses = Losses()
            for x, y, weights in batches.prefetch(made):
                if interrupted.is_set():
                    raise KeyboardInterrupt
                logs = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
                losses.add(logs, len(x["parameters"]))
                progress.advance(len(x["parameters"]), f"loss {losses.mean()['loss']:.4f}")
            row = {"epoch": epoch + 1, **losses.mean(), **_validate(model, held_out)}
            state.history.append(row)
            if state.best_epoch == epoch + 1:
                state.best = model.get_weights()
            checkpoint.save(model, state)
            progress.say(f"epoch {epoch + 1}/{settings.epochs}: loss {row['loss']:.4f}, val_loss {row['val_loss']:.4f}")


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


def _validate(model, held_out):
    """Losses on the validation events, unaugmented."""
    losses = Losses()
    made = batches.training_batches(held_out, batch_size=batches.PREDICTION_BATCH, seed=0, epoch=0)
    for x, y, weights in batches.prefetch(made):
        losses.add(model.test_on_batch(x, y, sample_weight=weights, return_dict=True), len(x["parameters"]))
    return losses.mean("val_")


def _compile(model, tasks, settings, n_batches):
    """AdamW with warm-up and half a cosine; one loss a task."""
    steps = settings.epochs * n_batches
    warm_up = int(settings.warm_up * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20,
        max(steps - warm_up, 1),
        alpha=1e-3,
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay),
        loss={task.name: _loss(task, settings) for task in tasks},
        loss_weights={task.name: task.weight * settings.task_weights.get(task.name, 1.0) for task in tasks},
    )
    model.optimizer.build(model.trainable_variables)


def _loss(task, settings):
    """A Keras loss by name, or the user's own function of (truth, prediction)."""
    loss = settings.loss.get(task.name, task.loss)
    if loss == "huber":
        return keras.losses.Huber(delta=HUBER_DELTA)
    try:
        return keras.losses.get(loss)
    except ValueError as error:
        raise SettingError(
            f"loss of {task.name}", repr(loss), "mse, mae, huber, log_cosh or a function", "choose one of these"
        ) from error


def _fingerprint(settings, tasks, training, validation):
    described = {
        "settings": asdict(settings),
        "tasks": [task.name for task in tasks],
        "events": [list(map(len, training)), list(map(len, validation))],
        "sources": sources(training),
    }
    return json.dumps(described, sort_keys=True, default=lambda function: getattr(function, "__name__", "function"))


def _metadata(settings, training, validation, state):
    """What a bundle says about its training."""
    return {
        "gammaml": __version__,
        "versions": {name: version(name) for name in ("keras", "numpy", "scikit-learn", "ctapipe")},
        "backend": keras.backend.backend(),
        "seed": settings.seed,
        "sources": sources(training),
        "tel_types": sorted({name for events in training for name in events.tel_types}),
        "n_training": counts(training),
        "n_validation": sum(map(len, validation)),
        "range": training_range(training),
        "best_epoch": state.best_epoch,
        "history": state.history,
    }
