"""What a network sees: attributions that are known, and those of trained networks."""

import keras
import numpy as np
import pytest
from astropy.table import QTable
from keras import layers
from made_events import hexagonal_camera, made_events

from gammaml import array_events, explain, images, parameters, plots
from gammaml.array_inputs import build_array_inputs
from gammaml.bundle import Bundle
from gammaml.config import TrainSettings
from gammaml.errors import InputError, SettingError
from gammaml.explain.gradients import build_gradient, split_encoder
from gammaml.explain.subject import build_subject
from gammaml.inputs import build_inputs
from gammaml.models import build_model
from gammaml.models.encoders import build_encoder
from gammaml.tasks import get_tasks

TASKS = ("gammaness", "energy", "direction")
CAMERA = hexagonal_camera(rings=6)
EVENTS = made_events(2, n_uses=1, camera=CAMERA)
METHODS = (explain.integrated_gradients, explain.grad_cam, explain.occlusion)


def hand_made(build, mapping="hexagonal", network="cnn"):
    """A bundle for the energy whose network `build` makes of the three inputs."""
    settings = TrainSettings(network=network, size=16, mapping=mapping, cell_width=0.12)
    inputs = build_inputs(CAMERA, parameters.shape(EVENTS.table), settings)
    shown = {name: keras.Input(shape, name=name) for name, shape in inputs.shapes.items()}
    model = keras.Model(shown, {"energy": build(shown)})
    return Bundle(model, inputs, get_tasks("energy"), settings, None, np.array([], int), {})


def linear(weights):
    """The energy is a weighted sum of the window; the mean of the image parameters comes on top."""

    def build(shown):
        dense = layers.Dense(1, use_bias=False)
        answer = dense(layers.Flatten()(shown["image"]))
        dense.set_weights([weights.reshape(-1, 1)])
        return answer + keras.ops.mean(shown["parameters"], axis=1, keepdims=True)

    return build


def contributions(bundle, weights):
    """Weight times input of each pixel."""
    subject = build_subject(bundle, EVENTS)
    (windows,) = subject.windows
    return windows.to_pixels((subject.take(np.arange(len(EVENTS)))["image"] * weights).sum(axis=-1))


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).normal(size=(16, 16, 2)).astype(np.float32)


def test_the_gradient_of_a_known_function():
    x = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.full((2, 3), 2.0, np.float32)}
    gradient = build_gradient(lambda z: keras.ops.sum(z["a"] ** 2 * z["b"], axis=1), x, ["a"])
    for _ in range(2):  # the first call leaves nothing behind
        np.testing.assert_allclose(gradient(x)["a"], 2 * x["a"] * x["b"], rtol=1e-6)


@pytest.mark.parametrize("mapping", ["hexagonal", "resampled"])
def test_integrated_gradients_of_a_linear_network_are_weight_times_input(weights, mapping):
    bundle = hand_made(linear(weights), mapping)
    saliency = explain.integrated_gradients(bundle, EVENTS, steps=2)
    (pixels,) = saliency.pixels
    assert pixels.shape == EVENTS.image.shape
    np.testing.assert_allclose(pixels, contributions(bundle, weights), atol=1e-4)
    np.testing.assert_allclose(pixels.sum(axis=1), saliency.score - saliency.empty, rtol=1e-3, atol=1e-4)


def test_a_pixel_counts_where_it_is():
    """A network that looks at one cell: the whole attribution is that of the pixel in it."""
    weights = np.zeros((16, 16, 2), np.float32)
    weights[8, 8, 0] = 1  # the middle of the window
    bundle = hand_made(linear(weights))
    (pixels,) = explain.integrated_gradients(bundle, EVENTS, steps=1).pixels
    centre = bundle.inputs.mapping.cell_to_fov(images.centre_cell(EVENTS.image, bundle.inputs.mapping))
    for values, charges, place in zip(pixels, EVENTS.image, centre, strict=True):
        (pixel,) = np.flatnonzero(values)
        assert np.hypot(CAMERA.fov_lon[pixel] - place[0], CAMERA.fov_lat[pixel] - place[1]) < 1e-6
        assert values[pixel] == pytest.approx(np.arcsinh(charges[pixel] / 3), rel=1e-5)


def test_occlusion_of_a_linear_network_is_the_sum_over_a_pixel_and_its_neighbours(weights):
    bundle = hand_made(linear(weights))
    own = np.pad(contributions(bundle, weights), ((0, 0), (0, 1)))
    patches = np.column_stack([np.arange(CAMERA.n_pixels), bundle.inputs.mapping.neighbours])
    (pixels,) = explain.occlusion(bundle, EVENTS).pixels
    seen = build_subject(bundle, EVENTS).windows[0].to_pixels(np.ones((len(EVENTS), 16, 16))) > 0
    assert seen.all(axis=1).sum() < len(EVENTS)  # some pixels lie outside a window
    np.testing.assert_allclose(pixels, np.where(seen, own[:, patches].sum(axis=2), 0), atol=1e-4)


def test_occluding_what_a_network_ignores_changes_nothing():
    weights = np.zeros((16, 16, 2), np.float32)
    weights[:8] = 1  # the lower half alone
    for mapping in ("hexagonal", "resampled"):
        bundle = hand_made(linear(weights), mapping)
        (windows,) = build_subject(bundle, EVENTS).windows
        upper = np.zeros((len(EVENTS), 16, 16))
        upper[:, 11:] = 1  # more than a pixel above
        ignored = windows.to_pixels(upper) > 0.99 * windows.to_pixels(np.ones_like(upper))
        ignored &= windows.to_pixels(upper) > 0
        (pixels,) = explain.occlusion(bundle, EVENTS).pixels
        assert ignored.any()
        np.testing.assert_allclose(pixels[ignored], 0, atol=1e-5)
        assert np.abs(pixels).max() > 0.1


def test_grad_cam_of_a_network_whose_feature_map_is_the_charge():
    def build(shown):
        image = keras.Input(shown["image"].shape[1:])
        charge = layers.Conv2D(1, 1, use_bias=False)
        encoder = keras.Model(image, layers.Flatten()(charge(image)), name="encoder")
        charge.set_weights([np.array([1, 0], np.float32).reshape(1, 1, 2, 1)])
        dense = layers.Dense(1, use_bias=False)
        answer = dense(encoder(shown["image"]))
        dense.set_weights([np.full((256, 1), 2.0, np.float32)])
        return answer

    bundle = hand_made(build)
    charge = np.zeros((16, 16, 2), np.float32)
    charge[..., 0] = 1
    expected = 2 * np.maximum(contributions(bundle, charge), 0)
    np.testing.assert_allclose(explain.grad_cam(bundle, EVENTS).pixels[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["cnn", "resnet", pytest.param("MobileNetV2", marks=pytest.mark.slow)])
def test_an_encoder_in_two_answers_as_in_one(name):
    encoder = build_encoder(name, (32, 32, 2))
    image = np.random.default_rng(0).normal(size=(3, 32, 32, 2)).astype(np.float32)
    before, after = split_encoder(encoder)
    maps = before(image, training=False)
    assert len(maps.shape) == 4
    assert maps.shape[1] <= 8
    np.testing.assert_allclose(after(maps, training=False), encoder(image, training=False), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def parts(parts_of_events):
    return parts_of_events


def share_on_shower(events, pixels):
    """Mean over images of the share of attribution in bright pixels, over their share of the camera."""
    bright = images.bright_pixels(events.image, images.neighbours(events.camera))
    share = (np.abs(pixels) * bright).sum(axis=1) / np.abs(pixels).sum(axis=1)
    return share.mean(), bright.mean()


@pytest.mark.parametrize("output", TASKS)
def test_contributions_add_up_to_the_answer(trained_cnn, parts, output):
    saliency = explain.integrated_gradients(trained_cnn, parts[2][:6], output)
    change = saliency.score - saliency.empty
    np.testing.assert_allclose(saliency.pixels[0].sum(axis=1), change, atol=0.01 * np.abs(change).max())


def test_a_trained_network_looks_at_the_shower(trained_cnn, parts):
    events = parts[2][:6]
    (gradients,), (occluded,) = (method(trained_cnn, events, "energy").pixels for method in METHODS[::2])
    on, share = share_on_shower(events, gradients)
    assert on > 0.6
    assert share < 0.2
    assert share_on_shower(events, occluded)[0] > 0.4


def test_the_network_is_left_as_it_was(trained_cnn, parts):
    before = [weight.copy() for weight in trained_cnn.model.get_weights()]
    answers = trained_cnn.model.predict_on_batch(build_subject(trained_cnn, parts[2][:2]).take(np.arange(2)))
    for method in METHODS:
        method(trained_cnn, parts[2][:2])
    for old, new in zip(before, trained_cnn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    after = trained_cnn.model.predict_on_batch(build_subject(trained_cnn, parts[2][:2]).take(np.arange(2)))
    np.testing.assert_array_equal(answers["energy"], after["energy"])
    assert trained_cnn.model.trainable


@pytest.fixture(scope="module")
def array_bundle(parts):
    """An untrained network of array events: what is tested holds for any weights."""
    events = array_events.build(parts[2])
    settings = TrainSettings(network="array_transformer", encoder="cnn", size=16)
    shapes = [parameters.shape(part.table) for part in events.cameras]
    cameras = [part.camera for part in events.cameras]
    inputs = build_array_inputs(cameras, shapes, lambda camera, shape: build_inputs(camera, shape, settings))
    keras.utils.set_random_seed(3)
    model = build_model(settings, inputs.shapes, get_tasks(TASKS))
    return Bundle(model, inputs, get_tasks(TASKS), settings, None, np.array([], int), {})


def test_contributions_of_all_images_of_an_event_add_up(array_bundle, parts):
    events = array_events.build(parts[2])[:4]
    saliency = explain.integrated_gradients(array_bundle, events, "energy", steps=256)
    assert saliency.pixels[0].shape == events.cameras[0].image.shape
    total = np.bincount(events.members[0], saliency.pixels[0].sum(axis=1))
    change = saliency.score - saliency.empty
    np.testing.assert_allclose(total, change, atol=0.01 * np.abs(change).max())


def test_occluding_one_image_of_an_event(array_bundle, parts):
    """As answered for the event with those cells of that image dark."""
    events = array_events.build(parts[2])[:2]
    subject = build_subject(array_bundle, events)
    (windows,) = subject.windows
    place = 2  # in the batch
    row, event = windows.rows[place], windows.event[place]
    (pixels,) = explain.occlusion(array_bundle, events, "energy").pixels
    pixel = int(np.argmax(np.abs(pixels[row])))
    x = subject.take(np.arange(2))
    cells = np.zeros((1, windows.mapping.n_pixels + 1), np.float32)
    cells[0, [pixel, *windows.mapping.neighbours[pixel]]] = 1
    dark = windows.mapping.crop(cells[:, :-1], windows.centre[[place]], 16)
    image = x["image_0"].copy()
    image[place] *= 1 - dark[0, ..., None]
    answers = [array_bundle.model.predict_on_batch(x | {"image_0": each})["energy"] for each in (x["image_0"], image)]
    assert pixels[row, pixel] == pytest.approx(answers[0][event, 0] - answers[1][event, 0], rel=1e-3, abs=1e-6)


def test_contributions_by_telescope(array_bundle, parts):
    event = array_events.build(parts[2])[:1]
    saliency = explain.grad_cam(array_bundle, event)
    found = explain.by_telescope(saliency, event)
    assert set(found) == set(event.cameras[0].table["tel_id"])
    for tel_id, pixels in zip(event.cameras[0].table["tel_id"], saliency.pixels[0], strict=True):
        np.testing.assert_array_equal(found[tel_id], pixels)
        assert (pixels >= 0).all()


def test_what_cannot_be_explained(trained_cnn, array_bundle, parts):
    with pytest.raises(SettingError, match="'core', expected one of gammaness, energy, direction"):
        explain.occlusion(trained_cnn, parts[2][:1], "core")
    with pytest.raises(InputError, match="it is a network of single images"):
        explain.grad_cam(trained_cnn, array_events.build(parts[2])[:1])
    with pytest.raises(InputError, match="it is a network of array events"):
        explain.grad_cam(array_bundle, parts[2][:1])
    with pytest.raises(InputError, match="got none"):
        explain.grad_cam(trained_cnn, parts[2][:0])
    with pytest.raises(SettingError, match="sees no image"):
        explain.grad_cam(hand_made(linear(np.zeros((16, 16, 2))), network="hillas_mlp"), EVENTS)


def test_features_of_array_events(array_bundle, parts):
    events = array_events.build(parts[2])[:4]
    values = explain.features(array_bundle, events)
    assert len(values) == 4
    assert values.std(axis=0).any()
    np.testing.assert_allclose(explain.features(array_bundle, events[1:2]), values[1:2], atol=1e-5)


def test_a_map_of_events(trained_cnn, parts):
    dl2 = QTable({"gammaness": np.linspace(0, 1, len(parts[2]))})
    table = explain.embedding(trained_cnn, parts[2], dl2)
    values = explain.features(trained_cnn, parts[2]).astype(float)
    assert values.shape == (len(parts[2]), 64)
    spread = np.linalg.eigvalsh(np.cov(values.T, bias=True))[::-1]
    components = np.stack([table["component_1"], table["component_2"]])
    np.testing.assert_allclose(np.cov(components, bias=True), np.diag(spread[:2]), atol=1e-4 * spread[0])
    np.testing.assert_allclose(table.meta["variance"], spread[:2] / spread.sum(), rtol=1e-4)
    np.testing.assert_array_equal(table["gammaness"], dl2["gammaness"])
    for color in ("class", "gammaness", "true_energy"):
        ax = plots.plot_embedding(table, color=color)
        assert sum(len(points.get_offsets()) for points in ax.collections) == len(table)
    with pytest.raises(InputError, match="one of gammaness, true_energy, hillas_intensity, class"):
        plots.plot_embedding(table, color="reco_energy")
    with pytest.raises(InputError, match="at least 3"):
        explain.embedding(trained_cnn, parts[2][:2])
    with pytest.raises(InputError, match="one an event"):
        explain.embedding(trained_cnn, parts[2], dl2[:-1])


def test_the_surest_mistakes_come_first():
    dl2 = QTable({"gammaness": [0.9, 0.1, 0.6, 0.99, 0.2], "true_shower_primary_id": [0, 0, 101, 101, 101]})
    np.testing.assert_array_equal(explain.most_wrong(dl2), [3, 1, 2])
    np.testing.assert_array_equal(explain.most_wrong(dl2, 1), [3])


def test_kernels_and_feature_maps(trained_cnn, parts):
    kernels = explain.kernels(trained_cnn)
    assert kernels.shape == (3, 3, 2, 16)
    seen, maps = explain.feature_maps(trained_cnn, parts[2][:2])
    first = trained_cnn.model.get_layer("encoder").layers[1]
    middle = np.einsum("nhwi,hwik->nk", seen[:, 7:10, 7:10], kernels) + first.get_weights()[1]
    np.testing.assert_allclose(maps[:, 8, 8], np.maximum(middle, 0), atol=1e-4)
    assert len(plots.plot_kernels(kernels).axes) == 32
    assert len(plots.plot_feature_maps(seen, maps, most=4).axes) == 2 * 6
