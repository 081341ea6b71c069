"""Training: what it refuses, what it repeats, and how it goes on after an interruption."""

import keras
import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml import predict, split, train
from gammaml.config import TrainSettings
from gammaml.errors import InputError, SettingError
from gammaml.events import concatenate
from gammaml.tasks import get_tasks
from gammaml.training_data import counts, usable

SMALL = TrainSettings(network="cnn", epochs=3, size=16, batch_size=32, learning_rate=5e-3)


@pytest.fixture(scope="module")
def parts(mixed_events):
    return split.by_shower(mixed_events, fractions=(0.6, 0.4), seed=0)


@pytest.fixture(scope="module")
def uninterrupted(parts):
    return train.fit("cnn", *parts, task="gammaness", settings=SMALL)


def same_weights(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True))


def test_a_seed_gives_the_same_network(parts, uninterrupted):
    assert same_weights(uninterrupted, train.fit("cnn", *parts, task="gammaness", settings=SMALL))
    assert not same_weights(uninterrupted, train.fit("cnn", *parts, task="gammaness", settings=SMALL, seed=1))


def test_resume_gives_what_an_uninterrupted_run_gives(parts, uninterrupted, tmp_path, monkeypatch):
    save = train.Checkpoint.save

    def save_then_die(self, model, state):
        save(self, model, state)
        if len(state.history) == 2:
            raise RuntimeError("power cut")

    monkeypatch.setattr(train.Checkpoint, "save", save_then_die)
    with pytest.raises(RuntimeError, match="power cut"):
        train.fit("cnn", *parts, task="gammaness", settings=SMALL, run_dir=tmp_path)
    monkeypatch.setattr(train.Checkpoint, "save", save)
    keras.backend.clear_session()
    resumed = train.fit("cnn", *parts, task="gammaness", settings=SMALL, run_dir=tmp_path)
    assert same_weights(uninterrupted, resumed)
    assert resumed.metadata["history"] == uninterrupted.metadata["history"]


def test_a_checkpoint_of_another_training_is_refused(parts, tmp_path):
    train.fit("cnn", *parts, task="gammaness", settings=SMALL, epochs=1, run_dir=tmp_path)
    with pytest.raises(InputError, match="other settings"):
        train.fit("cnn", *parts, task="gammaness", settings=SMALL, epochs=2, run_dir=tmp_path)


def test_ctrl_c_leaves_the_best_so_far(parts, monkeypatch):
    save = train.Checkpoint.save

    def interrupt(self, model, state):
        save(self, model, state)
        if len(state.history) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train.Checkpoint, "save", interrupt)
    bundle = train.fit("cnn", *parts, task="gammaness", settings=SMALL)
    assert len(bundle.metadata["history"]) == 2
    assert predict.predict(bundle, parts[1])["gammaness"].shape == (len(parts[1]), 2)


def test_the_best_epoch_is_kept(parts, monkeypatch):
    losses = iter([0.5, 0.1, 0.9, 0.8])
    weights = []

    def validate(model, *_):
        weights.append(model.get_weights())
        return {"val_loss": next(losses)}

    monkeypatch.setattr(train, "_validate", validate)
    bundle = train.fit("cnn", *parts, task="gammaness", settings=SMALL, epochs=4)
    assert bundle.metadata["best_epoch"] == 2
    assert all(np.array_equal(a, b) for a, b in zip(bundle.model.get_weights(), weights[1], strict=True))


def test_losses_are_means_over_all_events(parts, uninterrupted, monkeypatch):
    """However the events are cut into batches; checked against the cross-entropy of the answers."""
    monkeypatch.setattr(train.batches, "PREDICTION_BATCH", 7)
    bundle = train.fit("cnn", *parts, task="gammaness", settings=SMALL)
    for row, other in zip(bundle.metadata["history"], uninterrupted.metadata["history"], strict=True):
        assert row["val_loss"] == pytest.approx(other["val_loss"], rel=1e-4)
    best = bundle.metadata["history"][bundle.metadata["best_epoch"] - 1]
    right = predict.predict(bundle, parts[1])["gammaness"][np.arange(len(parts[1])), parts[1].is_gamma.astype(int)]
    assert best["val_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-3)


def test_early_stopping(parts, monkeypatch):
    rising = iter(range(1, 100))
    monkeypatch.setattr(train, "_validate", lambda *_: {"val_loss": float(next(rising))})
    settings = TrainSettings(network="hillas_mlp", epochs=30, patience=2)
    bundle = train.fit("hillas_mlp", *parts, task="gammaness", settings=settings)
    assert len(bundle.metadata["history"]) == 3
    assert bundle.metadata["best_epoch"] == 1


def test_learns_what_the_made_events_show():
    events = concatenate([made_events(60, primary=0, obs_id=1), made_events(60, primary=101, obs_id=2)])
    training, validation, test = split.by_shower(events, fractions=(0.6, 0.2, 0.2), seed=0)
    tasks = ("gammaness", "energy")
    bundle = train.fit("hillas_mlp", training, validation, task=tasks, epochs=40)
    dl2 = predict.to_dl2(test, gammaness=bundle, energy=bundle)
    gamma = test.is_gamma
    assert ((np.asarray(dl2["gammaness"]) > 0.5) == gamma).mean() > 0.95
    ratio = np.log10((dl2["reco_energy"] / dl2["true_energy"]).value[gamma])
    assert np.std(ratio) < 0.15


def test_a_users_own_loss_is_used_and_named(parts):
    calls = []

    def cubic(truth, answer):
        calls.append(1)
        return keras.ops.mean(keras.ops.abs(truth - answer) ** 3, axis=-1)

    settings = TrainSettings(epochs=1, loss={"energy": cubic})
    bundle = train.fit("hillas_mlp", *parts, task="energy", settings=settings)
    assert calls
    assert b'"energy": "cubic"' in bundle._metadata()


def test_unknown_loss(parts):
    with pytest.raises(SettingError, match="loss of energy"):
        train.fit("hillas_mlp", *parts, task="energy", settings=TrainSettings(loss={"energy": "nonsense"}))


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh"])
def test_losses_by_name(parts, loss):
    bundle = train.fit("hillas_mlp", *parts, task="energy", epochs=1, settings=TrainSettings(loss={"energy": loss}))
    assert np.isfinite(bundle.metadata["history"][0]["val_loss"])


def test_one_class_only_is_refused(parts):
    gammas = [part[part.is_gamma] for part in parts]
    with pytest.raises(InputError, match="0 usable hadron images"):
        train.fit("cnn", *gammas, task="gammaness", settings=SMALL)


def test_regressions_need_no_hadrons(parts):
    gammas = [part[part.is_gamma] for part in parts]
    with_hadrons = train.fit("hillas_mlp", *parts, task="energy", epochs=1)
    without = train.fit("hillas_mlp", *gammas, task="energy", epochs=1)
    assert same_weights(with_hadrons, without)


def test_a_leak_is_refused(parts):
    with pytest.raises(InputError, match="showers in more than one part"):
        train.fit("cnn", parts[0], concatenate(list(parts)), task="gammaness", settings=SMALL)


def test_observations_cannot_be_learnt_from(parts):
    events = parts[0][:]
    events.table.remove_columns([name for name in events.table.colnames if name.startswith("true_")])
    with pytest.raises(InputError, match="observation without truth"):
        train.fit("cnn", events, parts[1], task="gammaness", settings=SMALL)


def test_dark_images_are_left_out_with_a_warning(parts):
    events = concatenate([parts[0], parts[0][:0]])
    events.pixels.image[events.rows[:3]] = np.nan
    with pytest.warns(UserWarning, match="3 images without a finite charge"):
        (kept,) = usable([events], get_tasks("gammaness"), "training")
    assert len(kept) == len(events) - 3


def test_the_range_is_noted(uninterrupted):
    noted = uninterrupted.metadata["range"]
    assert noted["zenith"] == [20, 20]
    assert 0.1 <= noted["energy"][0] < noted["energy"][1] <= 10
    assert noted["noise"][0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("column", "value"), [("true_energy", np.nan), ("true_fov_lon", 40.0), ("true_energy", 1e6)])
def test_senseless_targets_are_refused(parts, column, value):
    events = parts[0][:]
    events.table[column][np.flatnonzero(events.is_gamma)[:2]] = value * events.table[column].unit
    with pytest.raises(InputError):
        usable([events], get_tasks(("energy", "direction")), "training")


@pytest.fixture(scope="module")
def two_cameras():
    """The same showers seen by telescopes of two cameras."""
    cameras = hexagonal_camera(rings=12), hexagonal_camera(rings=10, name="Smaller")
    return [
        concatenate([made_events(30, primary=primary, obs_id=1 + primary, camera=camera) for primary in (0, 101)])
        for camera in cameras
    ]


def test_one_network_for_two_cameras(two_cameras):
    training, validation, test = split.by_shower(two_cameras, fractions=(0.5, 0.3, 0.2), seed=0)
    assert set(training[0].table["shower_id"]) == set(training[1].table["shower_id"])
    settings = TrainSettings(network="cnn", epochs=2, size=16, mapping="resampled")
    bundle = train.fit("cnn", training, validation, task=("gammaness", "energy"), settings=settings)
    assert bundle.metadata["n_training"] == counts(training)
    assert bundle.metadata["tel_types"] == ["MST_MADE_MadeCam", "MST_MADE_Smaller"]
    for events in test:
        dl2 = predict.to_dl2(events, gammaness=bundle, energy=bundle)
        assert np.isfinite(dl2["reco_energy"].value).all()
        assert not np.asarray(dl2["in_training"]).any()


def test_two_cameras_need_the_resampling_mapping(two_cameras):
    training, validation = split.by_shower(two_cameras, fractions=(0.6, 0.4), seed=0)
    with pytest.raises(InputError, match="resampled"):
        train.fit("cnn", training, validation, task="gammaness", settings=SMALL)


def test_a_shower_leaking_between_cameras_is_refused(two_cameras):
    with pytest.raises(InputError, match="showers in more than one part"):
        train.fit("cnn", two_cameras[0], two_cameras[1], task="gammaness", settings=SMALL)
