"""Array events through training, prediction, files and the command line."""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from made_events import hexagonal_camera, made_events

from gammaml import array_events, predict, split, train
from gammaml import bundle as bundles
from gammaml.config import TrainSettings
from gammaml.errors import InputError, SettingError
from gammaml.io.dl2 import read_dl2

SMALL = TrainSettings(network="deepset", encoder="cnn", epochs=3, size=16, learning_rate=5e-3, uncertainty=True)
TASKS = ("gammaness", "energy", "direction", "core", "h_max", "x_max")


@pytest.fixture(scope="module")
def parts(mixed_events):
    cameras = split.by_shower([mixed_events], fractions=(0.4, 0.4, 0.2), seed=0)
    return [array_events.build(part) for part in cameras]


@pytest.fixture(scope="module")
def joint(parts):
    return train.fit("deepset", *parts[:2], task=TASKS, settings=SMALL)


@pytest.fixture(scope="module")
def dl2(joint, parts):
    return predict.to_dl2(parts[2], gammaness=joint, energy=joint, direction=joint)


def given(bundle):
    return dict.fromkeys(("gammaness", "energy", "direction"), bundle)


def test_columns_units_and_finite_values(dl2, parts):
    assert len(dl2) == len(parts[2])
    units = {
        "reco_energy": u.TeV,
        "reco_energy_uncert": u.TeV,
        "reco_alt": u.deg,
        "ang_distance_uncert": u.deg,
        "reco_core_x": u.m,
        "reco_core_y": u.m,
        "reco_h_max": u.m,
        "reco_x_max": u.g / u.cm**2,
    }
    for name, unit in units.items():
        assert dl2[name].unit == unit
        assert np.isfinite(dl2[name]).all(), name
    assert (dl2["reco_energy_uncert"] > 0).all()
    assert ((dl2["gammaness"] >= 0) & (dl2["gammaness"] <= 1)).all()
    assert not np.asarray(dl2["in_training"]).any()


@pytest.mark.parametrize("mapping", ["hexagonal", "resampled"])
def test_an_array_network_takes_the_cameras_it_was_trained_with(joint, parts, mapping):
    network = replace(joint, settings=replace(joint.settings, mapping=mapping))
    assert network.knows(parts[0].cameras[0].camera)
    assert not network.knows(hexagonal_camera(rings=5))


def test_it_learns_the_made_up_energies(parts):
    settings = replace(SMALL, epochs=25, uncertainty=False)
    bundle = train.fit("deepset", *parts[:2], task="energy", settings=settings)
    dl2 = predict.to_dl2(parts[1], energy=bundle)
    gamma = parts[1].is_gamma
    error = np.log10((dl2["reco_energy"] / dl2["true_energy"]).to_value(u.one))[gamma]
    assert error.std() < 0.5 * np.log10(dl2["true_energy"].value)[gamma].std()


def test_a_bundle_survives_its_file(joint, parts, tmp_path):
    joint.save(tmp_path / "joint.gammaml")
    loaded = bundles.load(tmp_path / "joint.gammaml")
    for reconstruct in (predict.to_dl2, predict.baseline_dl2):
        one, other = (reconstruct(parts[2], **given(bundle)) for bundle in (joint, loaded))
        for name in ("gammaness", "reco_energy", "reco_alt", "reco_core_x"):
            np.testing.assert_allclose(np.asarray(other[name]), np.asarray(one[name]), rtol=1e-5)


@pytest.mark.slow
def test_a_seed_gives_the_same_network(parts, joint):
    again = train.fit("deepset", *parts[:2], task=TASKS, settings=SMALL)
    for one, other in zip(joint.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_of_images_changes_nothing(joint, parts, dl2):
    test = parts[2]
    order = np.random.default_rng(0).permutation(len(test.cameras[0]))
    shuffled = array_events.build([test.cameras[0][order]])
    again = predict.to_dl2(shuffled, **given(joint))
    np.testing.assert_allclose(again["gammaness"], dl2["gammaness"], atol=1e-5)
    np.testing.assert_allclose(again["reco_alt"].value, dl2["reco_alt"].value, atol=1e-4)


def test_one_telescope_is_answered(joint, parts):
    images = parts[2].cameras[0]
    alone = array_events.build(images[np.asarray(images.table["tel_id"]) == 1])
    dl2 = predict.to_dl2(alone, **given(joint))
    forest = predict.baseline_dl2(alone, **given(joint))
    for table in (dl2, forest):
        assert np.isfinite(table["reco_energy"]).all()
        assert np.isfinite(table["reco_alt"]).all()
    assert np.isnan(forest["reco_core_x"]).all()  # which takes two


def test_an_event_without_light_is_nan_and_others_are_not(joint, parts):
    images = parts[2].cameras[0]
    store = replace(images.pixels, image=images.pixels.image.copy())
    store.image[images.rows[parts[2].members[0] == 0]] = 0
    dark = replace(parts[2], cameras=(replace(images, pixels=store),))
    dl2 = predict.to_dl2(dark, **given(joint))
    assert np.isnan(dl2["gammaness"][0])
    assert np.isfinite(dl2["gammaness"][1:]).all()


def test_networks_and_events_of_two_kinds_do_not_go_together(joint, parts):
    with pytest.raises(SettingError, match="a network for array events, expected one for single images"):
        predict.to_dl2(parts[2].cameras[0], energy=joint)


def test_a_telescope_type_that_is_new_is_refused(joint):
    others = array_events.build(made_events(10, camera=hexagonal_camera(rings=5, name="New")))
    with pytest.raises(InputError, match=r"New .91 pixels.*expected some of MadeCam"):
        predict.to_dl2(others, energy=joint)


def test_a_core_takes_array_events(mixed_events):
    parts = split.by_shower(mixed_events, fractions=(0.5, 0.5))
    with pytest.raises(InputError, match=r"true_tilted_lon.*array events only"):
        train.fit("hillas_mlp", *parts, task="core", epochs=1)


def test_a_training_starts_from_another(joint, parts):
    """The first epoch of a network that has learnt is better than that of one that has not."""
    one = replace(SMALL, epochs=1, learning_rate=1e-5)
    started = train.fit("deepset", *parts[:2], task=TASKS, settings=one, start=joint)
    assert started.inputs is joint.inputs
    losses = [row["val_loss"] for row in joint.metadata["history"]]
    assert started.metadata["history"][0]["val_loss"] == pytest.approx(min(losses), abs=0.3 * (losses[0] - min(losses)))


def test_a_network_is_as_wide_as_the_one_it_starts_from(joint, parts):
    """Unless another width is asked for, with which a resnet would not fit."""
    one, wide = replace(SMALL, epochs=1), replace(joint, settings=replace(joint.settings, width=20))
    for asked, made in ((0, 20), (12, 12)):
        settings = replace(one, width=asked)
        assert train.fit("deepset", *parts[:2], task=TASKS, settings=settings, start=wide).settings.width == made


def test_showers_of_the_network_it_started_from_are_remembered(joint, mixed_events):
    """Or they would count as test showers of the new one."""
    others = [array_events.build(part) for part in split.by_shower([mixed_events], fractions=(0.4, 0.4, 0.2), seed=1)]
    started = train.fit("deepset", *others[:2], task=TASKS, settings=replace(SMALL, epochs=1), start=joint)
    left = np.asarray(others[2].cameras[0].table["shower_id"])
    again = np.isin(left, joint.training_showers)
    assert again.any()
    np.testing.assert_array_equal(np.isin(left, started.training_showers), again)


@pytest.mark.slow
def test_the_command_line(gammaml, dl1_files, tmp_path):
    path, quickly = tmp_path / "array.gammaml", ("--epochs", 1, "--split", "0.35,0.35,0.3", "--encoder", "cnn")
    tasks = "gammaness,energy,direction"
    result = gammaml("train", tasks, *dl1_files.values(), "-o", path, "--level", "array", "--uncertainty", *quickly)
    assert result.exit_code == 0, result.stderr
    assert "array_transformer for gammaness, energy, direction" in result.stdout
    assert "showers, validated" in result.stdout
    networks = [word for task in tasks.split(",") for word in (f"--{task}", path)]
    result = gammaml("predict", *dl1_files.values(), *networks, "--output-dir", tmp_path, "--held-out")
    assert result.exit_code == 0, result.stderr
    products = [tmp_path / f"{kind}.dl2.h5" for kind in ("gamma", "proton")]
    table = read_dl2(products[0])
    assert (table["multiplicity"] == 2).all()
    assert np.isfinite(table["reco_energy_uncert"]).all()
    result = gammaml("evaluate", *products, "-o", tmp_path / "report")
    assert result.exit_code == 0, result.stderr
    assert "array_transformer" in result.stdout
    assert (tmp_path / "report" / "pulls_energy.png").is_file()
    again = gammaml(
        "train",
        "energy",
        dl1_files["gamma"],
        "-o",
        tmp_path / "e.gammaml",
        *quickly,
        "--from",
        path,
        "--level",
        "array",
    )
    assert again.exit_code == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--level", "telescope", "--network", "crnn"), "--level telescope and --network crnn do not go together"),
        (("--level", "array", "--min-telescopes", 3), "some with images of 3"),
        (("--network", "Transformer"), "resnet, hillas_mlp or one of ConvNeXtBase"),
    ],
)
def test_wrong_commands(gammaml, dl1_files, tmp_path, arguments, expected):
    result = gammaml(
        "train", "energy", dl1_files["gamma"], "-o", tmp_path / "x.gammaml", "--split", "0.4,0.4,0.2", *arguments
    )
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not list(tmp_path.iterdir())
