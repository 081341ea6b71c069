"""Bundles: equal answers after saving, and nothing believed that is damaged."""

import zipfile

import numpy as np
import pytest
from made_events import hexagonal_camera

from gammaml import bundle, predict, split, train
from gammaml.config import TrainSettings
from gammaml.errors import InputError, OutputError

TASKS = ("gammaness", "energy", "direction")


@pytest.fixture(scope="module")
def parts(mixed_events):
    return split.by_shower(mixed_events, fractions=(0.6, 0.4), seed=0)


@pytest.fixture(scope="module")
def trained(parts):
    return train.fit("resnet", *parts, task=TASKS, settings=TrainSettings(epochs=1, size=16, width=8))


@pytest.fixture
def saved(trained, tmp_path):
    path = tmp_path / "all.gammaml"
    trained.save(path)
    return path


def test_answers_are_equal_after_loading(trained, saved, parts):
    loaded = bundle.load(saved)
    for name, values in predict.predict(trained, parts[1]).items():
        np.testing.assert_array_equal(predict.predict(loaded, parts[1])[name], values)
    for name, values in trained.baseline.predict(parts[1]).items():
        np.testing.assert_array_equal(loaded.baseline.predict(parts[1])[name], values)
    assert loaded.settings == trained.settings
    assert loaded.metadata == trained.metadata
    np.testing.assert_array_equal(loaded.training_showers, trained.training_showers)


@pytest.mark.parametrize("mapping", ["hexagonal", "resampled"])
def test_both_mappings_survive(mapping, parts, tmp_path):
    settings = TrainSettings(epochs=1, size=16, mapping=mapping)
    made = train.fit("cnn", *parts, task="energy", settings=settings)
    made.save(tmp_path / "x.gammaml")
    assert made.knows(parts[0].camera)
    assert made.knows(hexagonal_camera(rings=5)) == (mapping == "resampled")
    expected = predict.predict(made, parts[1])["energy"]
    np.testing.assert_array_equal(predict.predict(bundle.load(tmp_path / "x.gammaml"), parts[1])["energy"], expected)


def test_the_same_training_gives_the_same_file(trained, saved, tmp_path):
    trained.save(tmp_path / "again.gammaml")
    assert (tmp_path / "again.gammaml").read_bytes() == saved.read_bytes()


def test_nothing_is_pickled(saved):
    with zipfile.ZipFile(saved) as archive:
        for name in archive.namelist():
            if name.endswith(".npz"):
                with archive.open(name) as member, np.load(member, allow_pickle=False) as arrays:
                    assert all(array.dtype != object for array in arrays.values())


def test_existing_file_is_kept(trained, saved):
    before = saved.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        trained.save(saved)
    assert saved.read_bytes() == before
    trained.save(saved, overwrite=True)


def rewrite(path, change):
    """Change members of a bundle without mending its checksums."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_changed_metadata_is_noticed(saved):
    rewrite(saved, lambda members: members.update({"metadata.json": members["metadata.json"].replace(b"1", b"2", 1)}))
    with pytest.raises(InputError, match=r"changed metadata\.json"):
        bundle.load(saved)


def test_changed_weights_are_noticed(saved):
    rewrite(saved, lambda members: members.update({"weights.npz": members["forest.npz"]}))
    with pytest.raises(InputError, match=r"changed weights\.npz"):
        bundle.load(saved)


def test_missing_member_is_noticed(saved):
    rewrite(saved, lambda members: members.pop("forest.npz"))
    with pytest.raises(InputError, match="a zip with"):
        bundle.load(saved)


def test_cut_file_is_noticed(saved):
    saved.write_bytes(saved.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"expected a \.gammaml bundle"):
        bundle.load(saved)


@pytest.mark.parametrize("content", [b"", b"not a zip at all", b"PK\x03\x04"])
def test_no_bundle_at_all(tmp_path, content):
    path = tmp_path / "x.gammaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="bundle"):
        bundle.load(path)


def test_foreign_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.gammaml", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(InputError, match=r"a zip with hello\.txt"):
        bundle.load(tmp_path / "x.gammaml")


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        bundle.load(tmp_path / "x.gammaml")
