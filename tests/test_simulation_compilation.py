"""Compiled code is forgotten when its sources change, and only then."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gammaml.simulation import atmosphere, compilation, rng


@pytest.fixture
def folder(tmp_path):
    """A package with two sources and compiled code of them."""
    (tmp_path / "one.py").write_text("a = 1")
    (tmp_path / "two.py").write_text("b = 2")
    compilation.forget_old(tmp_path)
    compile_all(tmp_path)
    return tmp_path


def compile_all(folder):
    for name in ("one.f-1.py311.nbi", "one.f-1.py311.1.nbc", "two.g-1.py311.nbi"):
        (folder / "__pycache__" / name).write_bytes(b"code")


def compiled(folder):
    return len([*(folder / "__pycache__").glob("*.nb?")])


def test_unchanged_sources_keep_their_code(folder):
    compilation.forget_old(folder)
    assert compiled(folder) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "two.py").write_text("b = 3"),
        lambda folder: (folder / "three.py").write_text("c = 3"),
        lambda folder: (folder / "one.py").unlink(),
    ],
)
def test_any_changed_source_forgets_all_code(folder, change):
    change(folder)
    (folder / "__pycache__" / "one.cpython-311.pyc").write_bytes(b"python's own")
    compilation.forget_old(folder)
    assert compiled(folder) == 0
    assert (folder / "__pycache__" / "one.cpython-311.pyc").exists()
    compile_all(folder)
    compilation.forget_old(folder)
    assert compiled(folder) == 3


def test_a_folder_without_cache_gets_one(tmp_path):
    (tmp_path / "one.py").write_text("a = 1")
    compilation.forget_old(tmp_path)
    assert [path.name for path in (tmp_path / "__pycache__").iterdir()] == ["compiled_from.txt"]


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path):
    (tmp_path / "one.py").write_text("a = 1")
    (tmp_path / "__pycache__").write_text("a file where the cache should be")
    compilation.forget_old(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "one.py": "a = 1",
        "__pycache__": "a file where the cache should be",
    }


def test_the_package_has_its_stamp():
    assert (compilation.FOLDER / "__pycache__" / "compiled_from.txt").is_file() or not os.access(
        compilation.FOLDER, os.W_OK
    )


def test_compiled_code_is_found_again():
    """A second process loads what the first has compiled."""
    code = (
        "import numpy as np; from gammaml.simulation import rng; state = rng.stream(1, 2);"
        "print(rng.poisson(state, 5.0), sum(rng.poisson.stats.cache_hits.values()))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    first, second = (run.stdout.split() for run in runs)
    assert first[0] == second[0]
    assert second[1] == "1"


def xoshiro(state):
    """Blackman & Vigna's xoshiro256+, in Python's integers."""
    mask = 2**64 - 1
    s = [int(word) for word in state]
    while True:
        yield (s[0] + s[3]) & mask
        shifted = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = ((s[3] << 45) | (s[3] >> 19)) & mask


def test_uniform_numbers_are_those_of_xoshiro():
    state = rng.stream(3, 4)
    expected = xoshiro(state.copy())
    for _ in range(1000):
        assert rng.uniform(state) == ((next(expected) >> 12) + 0.5) / 2**52


def test_streams_differ_and_are_the_same_everywhere():
    states = {tuple(rng.stream(seed, number)) for seed in range(20) for number in range(20)}
    assert len(states) == 400
    expected = np.random.SeedSequence(5, spawn_key=(6,)).generate_state(4, np.uint64)
    assert np.array_equal(rng.stream(5, 6), expected)


@pytest.mark.parametrize("draw", [rng.uniform, rng.exponential])
def test_uniform_and_exponential_numbers(draw):
    state = rng.stream(7, 0)
    drawn = np.array([draw(state) for _ in range(50_000)])
    assert drawn.min() > 0
    mean, deviation = (0.5, 12**-0.5) if draw is rng.uniform else (1.0, 1.0)
    assert drawn.mean() == pytest.approx(mean, abs=4 * deviation / 50_000**0.5)
    assert drawn.std() == pytest.approx(deviation, rel=0.02)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.02


def test_directions_are_isotropic():
    state = rng.stream(8, 0)
    drawn = np.array([rng.point_in_disc(state) for _ in range(20_000)])
    assert np.allclose(drawn[:, 0] ** 2 + drawn[:, 1] ** 2, drawn[:, 2])
    assert drawn[:, 2].mean() == pytest.approx(0.5, abs=0.01)  # flat in the square of the radius
    around = np.array([rng.azimuth(state) for _ in range(20_000)])
    assert np.allclose((around**2).sum(axis=1), 1)
    assert np.abs(around.mean(axis=0)).max() < 0.02


def test_the_compiled_atmosphere_is_that_of_python():
    layers = atmosphere.atmosphere("us-standard").layers
    for function in (atmosphere.depth, atmosphere.height):
        assert function(500.0, layers) == pytest.approx(function.py_func(500.0, layers))
