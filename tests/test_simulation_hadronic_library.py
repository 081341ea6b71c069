"""The table of hadronic interactions: what is written is read, and bad files say so in one line."""

import hashlib

import numpy as np
import pytest

from gammaml.errors import InputError, OutputError
from gammaml.simulation import hadronic_library
from gammaml.simulation.particles import GAMMA, PI_PLUS, PROTON

METADATA = {"name": "made up", "seed": 1}


@pytest.fixture
def events():
    """Three classes, two bins, two events; one event is empty."""
    rng = np.random.default_rng(1)

    def event(n):
        code = rng.choice([GAMMA, PI_PLUS, PROTON], n)
        return code, rng.uniform(1e-6, 1, n), rng.normal(0, 0.3, n), rng.normal(0, 0.3, n)

    return [[[event(n) for n in sizes] for sizes in ((3, 1), (0, 5))] for _ in range(3)]


@pytest.fixture
def table(events):
    return hadronic_library.table_of(events, np.full((3, 2), 250.0), [1.0, 1.2])


def test_what_is_saved_is_loaded(tmp_path, table):
    path = tmp_path / "table.npz"
    hadronic_library.save(path, table, METADATA)
    loaded, metadata = hadronic_library.load(path)
    np.testing.assert_array_equal(loaded.offset, table.offset)
    np.testing.assert_array_equal(loaded.code, table.code)
    np.testing.assert_allclose(loaded.energy_fraction, table.energy_fraction, rtol=1.1e-3)
    momentum = np.hypot(table.px, table.py)
    np.testing.assert_allclose(np.hypot(loaded.px, loaded.py), momentum, rtol=0.021)
    np.testing.assert_allclose(loaded.px, table.px, atol=0.025 * momentum.max())
    np.testing.assert_allclose(loaded.py, table.py, atol=0.025 * momentum.max())
    assert (loaded.log10_energy_first, loaded.log10_energy_step) == pytest.approx((1.0, 0.2))
    assert metadata == METADATA | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_offsets_find_the_products_of_each_event(events, table):
    for index in np.ndindex(3, 2, 2):
        own = slice(table.offset[index], table.offset[*index[:2], index[2] + 1])
        np.testing.assert_array_equal(table.code[own], events[index[0]][index[1]][index[2]][0])


def test_existing_file_is_kept(tmp_path, table):
    path = tmp_path / "table.npz"
    path.write_text("precious")
    with pytest.raises(OutputError, match="existing file"):
        hadronic_library.save(path, table, METADATA)
    assert path.read_text() == "precious"
    hadronic_library.save(path, table, METADATA, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["table.npz"]
    assert hadronic_library.load(path)[1]["seed"] == 1


@pytest.mark.parametrize("name", ["px", "cross_section"])
def test_value_that_is_not_finite_is_not_saved(tmp_path, table, name):
    broken = getattr(table, name).copy()
    broken.flat[0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        hadronic_library.save(tmp_path / "table.npz", table._replace(**{name: broken}), METADATA)
    assert not list(tmp_path.iterdir())


def _refused(path, match):
    with pytest.raises(InputError, match=match) as raised:
        hadronic_library.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_cut_and_foreign_files_are_refused(tmp_path, table):
    path = tmp_path / "table.npz"
    _refused(path, "No such file")
    hadronic_library.save(path, table, METADATA)
    whole = path.read_bytes()
    for n_bytes in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        _refused(path, "hadronic table")
    path.write_bytes(whole[:300] + bytes([whole[300] ^ 255]) + whole[301:])
    _refused(path, "hadronic table")
    np.savez(path, something=np.arange(3))
    _refused(path, "no array")
    with path.open("wb") as file:
        np.save(file, np.arange(3))
    _refused(path, "hadronic table")
    path.write_bytes(b"PK\x03\x04 is not always a table")
    _refused(path, "hadronic table")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("count", np.ones((3, 2, 2), np.uint16), "add up"),
        ("count", np.ones((3, 2), np.uint16), "shape"),
        ("code", np.full(27, 99, np.int8), "codes"),
        ("fraction", np.full(27, np.nan), "integers"),
        ("cross_section", np.full((3, 2), np.nan), "cross-section"),
        ("cross_section", np.full((3, 3), 250.0), "cross-section"),
        ("log10_energy", np.array([1.0, 0.0]), "energies"),
        ("format", np.array(99), "format 99"),
        ("metadata", np.array([{"a": 1}], dtype=object), "Object arrays"),
        ("metadata", np.array("not JSON"), "Expecting value"),
        ("code", None, "no array"),
    ],
)
def test_inconsistent_arrays_are_refused(tmp_path, table, name, value, match):
    path = tmp_path / "table.npz"
    hadronic_library.save(path, table, METADATA)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files if key != name}
    np.savez(path, **(arrays if value is None else arrays | {name: value}))
    _refused(path, match)
