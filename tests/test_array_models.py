"""One contract for every network of array events."""

import keras
import numpy as np
import pytest

from gammaml import parameters
from gammaml.array_inputs import N_EVENT, N_TELESCOPE
from gammaml.config import ARRAY_NETWORKS, TrainSettings
from gammaml.errors import InputError
from gammaml.models import build_loss, build_model, transfer
from gammaml.models.losses import IMAGES_WEIGHT
from gammaml.tasks import get_tasks

TASKS = ("gammaness", "energy", "direction", "core", "h_max", "x_max")
CAMERAS = 2
SHAPES = {}
for camera in range(CAMERAS):
    SHAPES |= {
        f"image_{camera}": (16, 16, 2),
        f"parameters_{camera}": (parameters.N_INPUTS,),
        f"telescope_{camera}": (N_TELESCOPE,),
        f"frame_{camera}": (2, 3, 2),
    }
SHAPES |= {"slot": (None,), "event": (N_EVENT,), "classical": (2, 2)}
OF_IMAGES = {"image": (16, 16, 2), "parameters": (parameters.N_INPUTS,), "frame": (3, 2)}  # of single images


def random_inputs(n, seed=0, *, slots=3):
    """Events of one to three images of two cameras, two images a camera and event, some of them of no event."""
    rng = np.random.default_rng(seed)
    x = {name: rng.normal(size=(2 * n, *shape)).astype(np.float32) for name, shape in SHAPES.items() if "_" in name}
    for number in range(CAMERAS):
        x[f"frame_{number}"][:, :, 1:] = np.eye(2)
    slot = rng.permutation(4 * n)[: n * slots].reshape(n, slots).astype(np.int32)
    slot[np.arange(slots) >= rng.integers(1, slots + 1, n)[:, None]] = -1
    x |= {"slot": slot, "event": rng.normal(size=(n, N_EVENT)).astype(np.float32)}
    return x | {"classical": rng.normal(size=(n, 2, 2)).astype(np.float32)}


def build(network, tasks=TASKS, **settings):
    keras.utils.set_random_seed(1)
    settings = {"encoder": "cnn", "dropout": 0.1, **settings}
    return build_model(TrainSettings(network=network, **settings), SHAPES, get_tasks(tasks))


def random_targets(n, tasks=TASKS):
    rng = np.random.default_rng(7)
    targets = {task.name: rng.normal(size=(n, task.n_outputs)).astype(np.float32) for task in get_tasks(tasks)}
    return targets | {"gammaness": np.eye(2, dtype=np.float32)[rng.integers(0, 2, n)]}


def losses(network, tasks):
    return {task.name: build_loss(task, TrainSettings(network=network)) for task in get_tasks(tasks)}


@pytest.fixture(scope="module", params=ARRAY_NETWORKS)
def network(request):
    return request.param


@pytest.fixture(scope="module")
def model(network):
    return build(network)


def close(one, other, atol=2e-5):
    assert set(one) == set(other)
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, atol=atol, err_msg=name)


@pytest.mark.parametrize("tasks", [("gammaness",), ("energy",), ("direction",), ("core", "h_max")])
def test_shapes_and_activations(network, tasks):
    answers = build(network, tasks).predict_on_batch(random_inputs(5))
    assert set(answers) == set(tasks)
    for task in get_tasks(tasks):
        of_images = 2 if task.name == "gammaness" else 0
        assert answers[task.name].shape == (5, task.n_outputs + of_images)
        assert np.isfinite(answers[task.name]).all()
    if "gammaness" in tasks:
        np.testing.assert_allclose(answers["gammaness"][:, :2].sum(axis=1), 1, atol=1e-5)


def test_what_images_say_alone_is_averaged(network):
    model, x = build(network, ("gammaness",)), random_inputs(3)
    x |= {"slot": np.array([[1, 9, -1], [1, -1, -1], [9, -1, -1]], np.int32)}
    both, one, other = model.predict_on_batch(x)["gammaness"][:, 2:]
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-5)
    assert np.abs(one - other).max() > 1e-4
    np.testing.assert_allclose(np.exp(one).sum(), 1, atol=1e-5)


def test_the_loss_of_gammaness_counts_event_and_images():
    """Cross-entropies by hand: of probabilities 0.8 of the event, 0.5 and 0.9 of its images."""
    truth, images = np.array([[0, 1]], np.float32), np.log([[[0.5, 0.5], [0.1, 0.9]]]).mean(axis=1)
    answer = np.concatenate([[[0.2, 0.8]], images], axis=1).astype(np.float32)
    (task,) = get_tasks("gammaness")
    loss = build_loss(task, TrainSettings(network="crnn"))(truth, answer)
    expected = -np.log(0.8) - IMAGES_WEIGHT * (np.log(0.5) + np.log(0.9)) / 2
    np.testing.assert_allclose(loss, [expected], rtol=1e-5)


def test_padding_changes_nothing(model):
    x = random_inputs(6)
    padded = np.concatenate([x["slot"], np.full((6, 5), -1, np.int32)], axis=1)
    close(model.predict_on_batch(x), model.predict_on_batch({**x, "slot": padded}))


def test_the_order_of_telescopes_changes_nothing(model):
    x = random_inputs(6)
    shuffled = np.random.default_rng(3).permuted(x["slot"], axis=1)
    assert (shuffled != x["slot"]).any()
    close(model.predict_on_batch(x), model.predict_on_batch({**x, "slot": shuffled}))


def test_images_of_no_event_change_nothing(model):
    x = random_inputs(6)
    changed = {name: values.copy() for name, values in x.items()}
    unused = np.setdiff1d(np.arange(24), x["slot"])
    for number in range(CAMERAS):
        own = unused[(unused >= 12 * number) & (unused < 12 * (number + 1))] - 12 * number
        changed[f"image_{number}"][own] = 5.0
        changed[f"telescope_{number}"][own] = -3.0
    close(model.predict_on_batch(x), model.predict_on_batch(changed))


def test_one_event_is_answered_as_in_a_batch(model):
    x = random_inputs(6)
    together = model.predict_on_batch(x)
    alone = model.predict_on_batch({n: v if "_" in n else v[2:3] for n, v in x.items()})
    close({name: values[2:3] for name, values in together.items()}, alone)


@pytest.mark.slow
def test_every_weight_learns(network):
    model = build(network)
    model.compile(optimizer=keras.optimizers.SGD(0.1, clipnorm=1.0), loss=losses(network, TASKS))
    before = [weight.numpy().copy() for weight in model.trainable_variables]
    for seed in range(3):
        model.train_on_batch(random_inputs(64, seed), random_targets(64))
    for variable, old in zip(model.trainable_variables, before, strict=True):
        if not variable.path.endswith("key/bias"):  # it adds the same to all logits of an attention
            assert np.abs(variable.numpy() - old).max() > 0, variable.path


@pytest.mark.slow
def test_overfits_32_events(network):
    tasks = ("gammaness", "energy", "direction")
    model = build(network, tasks, dropout=0.0)
    model.compile(optimizer=keras.optimizers.Adam(4e-3), loss=losses(network, tasks))
    x, y = random_inputs(32), random_targets(32, tasks)
    first = model.train_on_batch(x, y)[0]
    for _ in range(120):
        model.train_on_batch(x, y)
    model.reset_metrics()
    assert model.train_on_batch(x, y)[0] < 0.2 * first


def test_compact(network):
    assert build(network, encoder="resnet").count_params() < 900_000


@pytest.mark.parametrize("task", ["direction", "core"])
def test_places_turn_with_the_frame(network, task):
    """In a frame turned by 90°, the same network answers the place turned by 90°."""
    model, x = build(network, (task,)), random_inputs(4)
    straight = model.predict_on_batch(x)[task]
    turn = np.array([[0, -1], [1, 0]], np.float32)
    frames = {f"frame_{number}": x[f"frame_{number}"] @ turn.T for number in range(CAMERAS)}
    turned = model.predict_on_batch({**x, **frames, "classical": x["classical"] @ turn.T})[task]
    np.testing.assert_allclose(turned, straight @ turn.T, atol=1e-4)


def test_without_a_classical_reconstruction_it_counts_nothing(model):
    x = random_inputs(5)
    x["event"][:, 0] = 0
    moved = {**x, "classical": x["classical"] + 10}
    close(model.predict_on_batch(x), model.predict_on_batch(moved))


def test_without_image_parameters(network):
    model, x = build(network, ("energy",), image_parameters=False), random_inputs(5)
    changed = {n: v + 1 if n.startswith("parameters") else v for n, v in x.items()}
    close(model.predict_on_batch(x), model.predict_on_batch(changed))


def test_widths_come_behind_the_values(network):
    model = build(network, ("energy", "direction"), uncertainty=True)
    answers = model.predict_on_batch(random_inputs(5))
    assert {name: values.shape for name, values in answers.items()} == {"energy": (5, 2), "direction": (5, 3)}


@pytest.mark.parametrize("task", get_tasks(("energy", "direction")), ids=lambda task: task.name)
def test_the_loss_of_a_width_is_least_at_the_spread_of_the_errors(task):
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 0.3, (20000, task.n_outputs)).astype(np.float32)
    loss = build_loss(task, TrainSettings(uncertainty=True))
    widths = np.linspace(0.2, 0.45, 26)
    answers = (np.column_stack([np.zeros_like(truth), np.full(len(truth), np.log(w), np.float32)]) for w in widths)
    values = [float(keras.ops.mean(loss(truth, answer.astype(np.float32)))) for answer in answers]
    assert abs(widths[np.argmin(values)] - 0.3) <= 0.011


def test_an_encoder_of_single_images_starts_that_of_an_array(network):
    mono = build_model(TrainSettings(network="cnn"), OF_IMAGES, get_tasks("energy"))
    model = build(network, ("energy",))
    transfer(model, mono)
    for number in range(CAMERAS):
        copied = model.get_layer(f"image_encoder_{number}").get_weights()
        for ours, theirs in zip(copied, mono.get_layer("encoder").get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_network_for_the_same_tasks_is_taken_over_whole(model, network):
    other = build(network)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    transfer(other, model)
    for ours, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("encoder", ["cnn", "resnet"])
def test_an_encoder_for_gammaness_alone_starts_one_for_energy(encoder):
    """A resnet for gammaness alone lacks the last layer, which tells where in the window something is."""
    source, model = (
        build_model(TrainSettings(network=encoder), OF_IMAGES, get_tasks(t)) for t in ("gammaness", "energy")
    )
    transfer(model, source)
    image = np.random.default_rng(0).normal(size=(3, 16, 16, 2)).astype(np.float32)
    theirs, ours = (np.asarray(each.get_layer("encoder")(image)) for each in (source, model))
    np.testing.assert_array_equal(ours[:, : theirs.shape[1]], theirs)


@pytest.mark.parametrize("source", [{"network": "resnet", "width": 8}, {"network": "cnn"}, {"network": "hillas_mlp"}])
def test_an_encoder_that_does_not_fit_is_refused(source):
    """Nothing would be learnt from it, for the layers after it live on what it sees."""
    source = build_model(TrainSettings(**source), OF_IMAGES, get_tasks("energy"))
    model = build_model(TrainSettings(network="resnet", width=12), OF_IMAGES, get_tasks("energy"))
    with pytest.raises(InputError, match=r"in the network \w+, expected one built as that of resnet"):
        transfer(model, source)
