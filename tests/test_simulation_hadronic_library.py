"""The table of hadronic interactions: what is written is read, and bad files say so in one line."""

import hashlib
import subprocess
import sys
import time
from importlib import resources

import numpy as np
import pytest

from gammaml.errors import InputError, OutputError
from gammaml.simulation import build_library, hadronic_library
from gammaml.simulation.particles import ETA, GAMMA, MASS, PI_MINUS, PI_PLUS, PI_ZERO, PROTON, PROTON_MASS

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


@pytest.fixture(scope="module")
def shipped():
    return hadronic_library.load()


def _energies(table):
    return 10 ** (table.log10_energy_first + table.log10_energy_step * np.arange(table.cross_section.shape[1]))


def _means(table, row, bins):
    """Means over all interactions of some bins: products, largest share, share in pi0, eta, gamma, pT of pions."""
    offset = table.offset[row, bins]
    first, last = offset[0, 0], offset[-1, -1]
    start = offset[:, :-1].ravel() - first
    code, share = table.code[first:last], table.energy_fraction[first:last]
    transverse = np.hypot(table.px[first:last], table.py[first:last])
    light = np.isin(code, [GAMMA, PI_ZERO, ETA])
    return np.array(
        [
            len(code) / len(start),
            np.maximum.reduceat(share, start).mean(),
            share[light].sum() / len(start),
            transverse[np.isin(code, [PI_PLUS, PI_MINUS])].mean(),
        ]
    )


def test_shipped_table_is_small_and_quick(shipped):
    """The limits it was designed for: 10 MB on disk, 150 MB in memory, a second to load."""
    table, metadata = shipped
    path = resources.files("gammaml.simulation") / "data" / "hadronic.npz"
    assert path.stat().st_size < 10e6
    assert sum(array.nbytes for array in table[:6]) < 150e6
    start = time.perf_counter()
    hadronic_library.load()
    assert time.perf_counter() - start < 1
    assert metadata["name"] == "SIBYLL 2.3d + gammaml low-energy 1"
    np.testing.assert_allclose(metadata["energies_GeV"], _energies(table), rtol=1e-4)
    assert table.offset.shape == (3, len(_energies(table)), metadata["events_per_bin"] + 1)


@pytest.mark.parametrize(("row", "length", "tolerance"), [(0, 90.1, 0.05), (1, 122.0, 0.07)])
def test_interaction_length_in_air(shipped, row, length, tolerance):
    """Particle Data Group, atomic and nuclear properties, dry air: 90.1 g/cm² for nucleons, 122.0 g/cm² for pions."""
    table = shipped[0]
    at_200_gev = np.argmin(np.abs(_energies(table) - 200))
    assert 24144 / table.cross_section[row, at_200_gev] == pytest.approx(length, rel=tolerance)


def test_proton_air_cross_section_at_the_highest_energies(shipped):
    """Aglietta et al. (EAS-TOP), Phys. Rev. D 79 (2009) 032004: 338 ± 21 (stat) ± 19 (syst) mb at 2 PeV."""
    assert shipped[0].cross_section[0, -1] == pytest.approx(338, abs=28)


def test_neutral_pions_and_etas_of_protons(shipped):
    """Isospin: pi0 take half the energy of charged pions. LEBC-EHS, Z. Phys. C 50 (1991) 405: eta / pi0 = 0.0775."""
    table = shipped[0]
    energies = _energies(table)
    for low, high in ((10, 80), (80, 1000)):
        bins = np.flatnonzero((energies > low) & (energies < high))
        offset = table.offset[0, bins]
        code, share = (column[offset[0, 0] : offset[-1, -1]] for column in (table.code, table.energy_fraction))
        neutral, etas = code == PI_ZERO, code == ETA
        charged = share[np.isin(code, [PI_PLUS, PI_MINUS])].sum()
        assert share[neutral].sum() == pytest.approx(charged / 2, rel=0.1)
        assert etas.sum() / (neutral.sum() + 1.2 * etas.sum()) == pytest.approx(0.0775, rel=0.25)


def test_energy_balance(shipped):
    """All energy but that of slow or backward products is there; struck nucleons may add their mass."""
    table = shipped[0]
    for row in range(3):
        for index, energy in enumerate(_energies(table)):
            offset = table.offset[row, index]
            products = slice(offset[0], offset[-1])
            mass = np.where(MASS[table.code[products]] > 0.9, MASS[table.code[products]], 0.0) / energy
            own_mass = PROTON_MASS / energy if row == 0 else 0.0
            kinetic = (table.energy_fraction[products] - mass).sum() / (len(offset) - 1) / (1 - own_mass)
            assert kinetic < 1.003
            if energy > 20:
                assert kinetic > 0.97


@pytest.mark.parametrize("row", [0, 1, 2])
def test_models_join_smoothly(shipped, row):
    """Multiplicity, leading share, share in light and pT at 40-79 GeV (own model) and 100-200 GeV (SIBYLL)."""
    table = shipped[0]
    first_high = np.searchsorted(_energies(table), 80)
    low = _means(table, row, slice(first_high - 4, first_high))
    high = _means(table, row, slice(first_high, first_high + 4))
    growth = high / low
    assert 1.2 < growth[0] < 1.6  # by 0.4 in log10 E, both models alone grow by a factor 1.3
    np.testing.assert_allclose(growth[1:], 1, atol=0.12)  # nucleons lead less as energy grows
    step = np.diff(np.log(table.cross_section[row]))
    assert np.abs(step).max() < 0.05


def test_selection_of_products():
    code = np.array([PROTON, PI_PLUS, PI_PLUS, GAMMA, PROTON])
    momentum = np.array([[2.0, 0, 0, 1.7], [3, 0, 0, 2.9], [5, 1, 2, 4.4], [4, 0, 0, -4], [1.1, 0, 0, 0.5]])
    code, fraction, px, py = build_library.select(code, momentum, 10.0)
    np.testing.assert_array_equal(code, [PI_PLUS, PI_PLUS, PROTON])
    np.testing.assert_allclose(fraction, [0.5, 0.3, 0.2])
    np.testing.assert_allclose([px[0], py[0]], [1, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--low-energy", "urqmd"], "licence"),
        (["--events", "0"], "--events"),
        (["--seed", "-1"], "--seed"),
        (["-o", "missing/table.npz"], "existing folder"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert build_library.main(options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_command_builds_the_same_table_twice(tmp_path):
    pytest.importorskip("chromo")
    command = [sys.executable, "-m", "gammaml.simulation.build_library", "--events", "2", "--seed", "5", "-o"]
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    runs = [subprocess.run([*command, path], capture_output=True, text=True) for path in [*paths, paths[0]]]
    assert [run.returncode for run in runs] == [0, 0, 2], runs[0].stderr
    assert "existing file" in runs[2].stderr
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert hadronic_library.load(paths[0])[1]["seed"] == 5
