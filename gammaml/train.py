"""Train a network: check the events, fit, keep the best, resume after an interruption; returns a bundle."""

import json
import sys
import warnings
from dataclasses import asdict, replace
from importlib.metadata import version

import keras
import numpy as np

from gammaml import __version__, batches, forest, images
from gammaml.bundle import Bundle
from gammaml.checkpoint import Checkpoint, State
from gammaml.config import TrainSettings
from gammaml.errors import InputError, SettingError
from gammaml.inputs import build_inputs
from gammaml.models import build_model
from gammaml.progress import track
from gammaml.split import check_disjoint
from gammaml.tasks import get_tasks, takes_part, target

MIN_EVENTS = 20  # of each class, in training and in validation
HUBER_DELTA = 0.2  # in log10(E/TeV) or degrees: errors beyond it are the tails, and count by their size


def fit(network, training, validation, *, task, epochs=None, seed=None, settings=TrainSettings(), run_dir=None):
    """Train a network, and its baseline on the same events.

    Parameters
    ----------
    network : str
        "cnn", "resnet" or "hillas_mlp".
    training, validation : gammaml.events.TelescopeEvents
        Simulated events without a shower in common.
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
    training, validation = usable(training, tasks, "training"), usable(validation, tasks, "validation")
    keras.utils.set_random_seed(settings.seed)
    sample = batches.build_sample(training, tasks, class_balance=settings.class_balance)
    inputs = build_inputs(training, sample.shape, settings)
    model = build_model(settings.network, inputs.shapes, tasks, dropout=settings.dropout)
    _compile(model, tasks, settings, n_batches=-(-len(sample) // settings.batch_size))
    checkpoint = Checkpoint(run_dir, _fingerprint(settings, tasks, training, validation))
    state = checkpoint.restore(model) or State(best=model.get_weights())
    held_out = batches.build_sample(validation, tasks, class_balance=settings.class_balance)
    try:
        _run_epochs(model, sample, held_out, inputs, settings, state, checkpoint)
    except KeyboardInterrupt:
        if not state.history:
            raise
        print(f"interrupted: keeping the best of {len(state.history)} epochs", file=sys.stderr)
    model.set_weights(state.best)
    baseline = forest.fit(training, tasks, seed=settings.seed)
    metadata = _metadata(settings, training, validation, state)
    showers = np.union1d(training.table["shower_id"], validation.table["shower_id"])
    return Bundle(model, inputs, tasks, settings, baseline, showers, metadata)


def _run_epochs(model, sample, held_out, inputs, settings, state, checkpoint):
    """The training loop."""
    symmetries = images.find_symmetries(inputs.camera)
    augmentation = batches.Augmentation(
        symmetries if settings.symmetries else symmetries[:1], settings.night_sky, settings.dead_pixels
    )
    plain = batches.Augmentation(symmetries[:1])
    total = settings.epochs * len(sample)
    with track("training", total) as progress:
        progress.advance(len(state.history) * len(sample))
        for epoch in range(len(state.history), settings.epochs):
            if epoch - state.best_epoch >= settings.patience:
                progress.say(f"no better validation loss for {settings.patience} epochs: stopping")
                break
            model.reset_metrics()
            made = batches.training_batches(
                sample, inputs, augmentation, batch_size=settings.batch_size, seed=settings.seed, epoch=epoch
            )
            for x, y, weights in batches.prefetch(made):
                logs = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
                progress.advance(len(x["parameters"]), f"loss {logs['loss']:.4f}")
            row = {"epoch": epoch + 1, **_scalars(logs), **_validate(model, held_out, inputs, plain)}
            state.history.append(row)
            if state.best_epoch == epoch + 1:
                state.best = model.get_weights()
            checkpoint.save(model, state)
            progress.say(f"epoch {epoch + 1}/{settings.epochs}: loss {row['loss']:.4f}, val_loss {row['val_loss']:.4f}")


def _scalars(logs, prefix=""):
    return {prefix + name: float(value) for name, value in logs.items()}


def _validate(model, held_out, inputs, plain):
    """Losses on the validation events, unaugmented."""
    model.reset_metrics()
    made = batches.training_batches(held_out, inputs, plain, batch_size=batches.PREDICTION_BATCH, seed=0, epoch=0)
    for x, y, weights in batches.prefetch(made):
        logs = model.test_on_batch(x, y, sample_weight=weights, return_dict=True)
    return _scalars(logs, "val_")


def _check_targets(task, values, role):
    low, high = task.limits
    wrong = ~((values >= low) & (values <= high)).all(axis=1)
    if wrong.any():
        raise InputError(
            f"{role} events",
            f"{wrong.sum()} images with a true {task.name} such as {values[wrong][0]}",
            f"finite values from {low:g} to {high:g} (log10 of TeV, degrees)",
            "check energies, directions and pointings in the files",
        )


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


def usable(events, tasks, role):
    """The events that training can use, after checks.

    Hadrons go where only regressions are learnt; images without light, and without parameters, go in any case.

    Raises
    ------
    gammaml.errors.InputError
        Without truth, with one class only, with too few events, or with targets that make no sense.
    """
    if not events.is_simulated:
        raise InputError(f"{role} events", "an observation without truth", "simulated events", "train on simulations")
    keep = np.any([takes_part(task, events) for task in tasks], axis=0)
    dark = batches.dark_images(events)
    if dark.any():
        warnings.warn(f"{role}: {dark.sum()} images without a finite charge are left out", stacklevel=3)
    keep &= ~dark & np.isfinite(np.asarray(events.table["hillas_intensity"]))
    events = events[keep]
    counts = {"gamma": int(events.is_gamma.sum()), "hadron": int((~events.is_gamma).sum())}
    needed = ("gamma", "hadron") if any(task.is_classification for task in tasks) else ("gamma",)
    for kind in needed:
        if counts[kind] < MIN_EVENTS:
            raise InputError(
                f"{role} events",
                f"{counts[kind]} usable {kind} images",
                f"at least {MIN_EVENTS}",
                f"give files with more {kind} showers",
            )
    for task in tasks:
        _check_targets(task, target(task, events)[takes_part(task, events)], role)
    return events


def _fingerprint(settings, tasks, training, validation):
    described = {
        "settings": asdict(settings),
        "tasks": [task.name for task in tasks],
        "events": [len(training), len(validation)],
        "sources": training.sources,
    }
    return json.dumps(described, sort_keys=True, default=lambda function: getattr(function, "__name__", "function"))


def _metadata(settings, training, validation, state):
    """What a bundle says about its training."""
    return {
        "gammaml": __version__,
        "versions": {name: version(name) for name in ("keras", "numpy", "scikit-learn", "ctapipe")},
        "backend": keras.backend.backend(),
        "seed": settings.seed,
        "sources": list(training.sources),
        "tel_types": list(training.tel_types),
        "n_training": {"gamma": int(training.is_gamma.sum()), "hadron": int((~training.is_gamma).sum())},
        "n_validation": len(validation),
        "range": training_range(training),
        "best_epoch": state.best_epoch,
        "history": state.history,
    }


def training_range(events):
    """Smallest and largest energy (TeV), zenith (deg) and pixel noise (p.e.) of events, as lists of two."""
    energy = events.table["true_energy"].to_value("TeV")
    zenith = 90 - events.table["pointing_alt"].to_value("deg")
    noise = batches.pixel_noise(events)
    ranges = {"energy": energy, "zenith": zenith, "noise": np.percentile(noise, [5, 95])}
    return {name: [float(np.nanmin(values)), float(np.nanmax(values))] for name, values in ranges.items()}
