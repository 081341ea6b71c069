"""gammaml simulate and observe: what they say, what they refuse, what an interruption leaves."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gammaml import io
from gammaml.simulation import arrays

COMMAND = [sys.executable, "-c", "from gammaml.cli.main import main; main()", "simulate"]
SMALL = ("--energy", "1,3", "--scatter", "150", "--reuse", "2", "--seed", "4")


@pytest.fixture(scope="module")
def simulated(gammaml, tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    (folder / "card.toml").write_text('array = "toy-3x3"\nshowers = 500\nenergy_min = 2\nscatter = 150.0\nreuse = 2\n')
    for primary in ("gamma", "proton"):
        output = folder / f"{primary}.dl1.h5"
        cone = {"gamma": 0, "proton": 1}[primary]
        options = ("--primary", primary, "--showers", 8, "--energy", "1,3", "--processes", 1, "-o", output)
        result = gammaml("simulate", "--card", folder / "card.toml", "--viewcone", cone, *options)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"{output}: ")
        assert result.stdout.endswith(" images of 8 showers\n")
    return folder


def test_options_come_before_the_card(simulated):
    events = io.read_events(simulated / "proton.dl1.h5")
    assert set(events.table["true_shower_primary_id"]) == {101}
    row = events.simulation[0]
    assert (row["n_showers"], row["shower_reuse"]) == (8, 2)
    assert row["energy_range_min"].to_value("TeV") == 1


def test_the_list_of_arrays(gammaml):
    lines = gammaml("simulate", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(arrays.names())
    assert any(line.startswith("toy-3x3") and "9 telescopes (TOY), paranal" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("toy-3x3",), "say with -o where to write"),
        (("-o", "a.h5"), "name an array, or give a --card"),
        (("toy-4x4", "-o", "a.h5"), "array: got 'toy-4x4', expected one of"),
        (("none.toml", "-o", "a.h5"), "none.toml: got"),
        (("toy-3x3", "-o", "a.h5", "--primary", "neutrino"), "got 'neutrino', expected one of gamma, electron"),
        (("toy-3x3", "-o", "a.h5", "--energy", "5"), "'5' is not two numbers with a comma between"),
        (("toy-3x3", "-o", "a.h5", "--energy", "5,1"), "energy_max: got 1.0, expected at least energy_min"),
        (("toy-3x3", "-o", "a.h5", "--energy", "1,1e7"), "TeV, the end of the hadronic table; lower it"),
        (("toy-3x3", "-o", "a.h5", "--showers", "0"), "showers: got 0"),
        (("toy-3x3", "-o", "a.h5", "--zenith", "70"), "zenith: got 70.0, expected 0 to 60 degrees"),
        (("toy-3x3", "-o", "a.h5", "--processes", "0"), "0 is not in the range x>=1"),
        (("toy-3x3", "-o", "nowhere/a.h5"), "expected a folder that can be written"),
        (("--card", "none.toml", "-o", "a.h5"), "none.toml: got no readable TOML"),
    ],
)
def test_wrong_use(gammaml, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = gammaml("simulate", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('array = "toy-3x3"\nshower = 5', "got the unknown key 'shower', expected some of array, primary"),
        ('array = "toy-3x3"\nshowers = 5.5', "got showers = 5.5, expected a value of type int"),
        ('array = "toy-3x3"\nshowers = "many"', "got showers = 'many', expected a value of type int"),
        ('array = "toy-3x3"\nreuse = true', "got reuse = True, expected a value of type int"),
        ('array = "toy-3x3"\nreuse = 1000', "reuse: got 1000, expected 1 to 100"),
        ("array = toy", "got no readable TOML"),
        ("showers = 5", "array: got '', expected one of"),
    ],
)
def test_wrong_cards(gammaml, text, said, tmp_path):
    (tmp_path / "card.toml").write_text(text)
    result = gammaml("simulate", "--card", tmp_path / "card.toml", "-o", tmp_path / "a.h5")
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["card.toml"]


def test_a_file_that_exists(gammaml, simulated):
    path = simulated / "gamma.dl1.h5"
    before = path.read_bytes()
    result = gammaml("simulate", "toy-3x3", "-o", path)
    assert result.exit_code == 2
    assert "a file that exists" in result.stderr
    assert path.read_bytes() == before


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")


def children(pid):
    """Process ids of the children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def parts_of(output):
    return output.with_name(f"{output.name}.parts")


@contextlib.contextmanager
def working(output):
    """The real command, and its two workers, at a third block of showers; output goes to a pipe."""
    arguments = ["toy-3x3", *SMALL, "--showers", "2000", "--processes", "2", "-o", str(output)]
    heeds_ctrl_c = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a background job would not
    with subprocess.Popen(COMMAND + arguments, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c) as process:
        limit = time.monotonic() + 120
        while not (parts_of(output) / "block_000002.npz").is_file() and time.monotonic() < limit:
            time.sleep(0.05)
        workers = children(process.pid)
        assert len(workers) == 2
        yield process, workers


@needs_proc
def test_ctrl_c_on_the_real_command(gammaml, tmp_path):
    output = tmp_path / "gamma.dl1.h5"
    with working(output) as (process, workers):
        os.kill(process.pid, signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(timeout=20) == 130
    assert said.splitlines()[-1] == "gammaml: interrupted; the same command goes on from here"
    assert "Traceback" not in said
    assert not output.exists()
    assert not any(Path(f"/proc/{pid}").is_dir() for pid in workers)
    kept = {path: path.stat().st_mtime_ns for path in parts_of(output).glob("block_*.npz")}
    assert parts_of(output) / "block_000002.npz" in kept  # blocks end in any order
    result = gammaml("simulate", "toy-3x3", *SMALL, "--showers", 1999, "-o", output)
    assert result.exit_code == 2
    assert "parts of another production" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@needs_proc
def test_workers_end_in_silence_when_the_command_is_killed(tmp_path):
    with working(tmp_path / "gamma.dl1.h5") as (process, _):
        os.kill(process.pid, signal.SIGKILL)
        said = process.stderr.read()  # to its end, which comes when the last worker is gone
    assert "Traceback" not in said


def test_observe(gammaml, simulated, tmp_path):
    output = tmp_path / "run.dl1.h5"
    fluxes = ("--minutes", 0.001, "--gamma-flux", 2e-7, "--proton-flux", 2e-4, "--ra", 10)
    files = (simulated / "gamma.dl1.h5", simulated / "proton.dl1.h5")
    result = gammaml("observe", *files, "-o", output, *fluxes)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{output}: ")
    assert result.stdout.endswith(f" gammas, from RA 10, Dec 22.014; truth in {tmp_path / 'run.truth.ecsv'}\n")
    assert not io.read_events(output).is_simulated
    result = gammaml("observe", *files, "-o", tmp_path / "long.dl1.h5", "--minutes", 600)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "expected for 600 min; simulate" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"run.dl1.h5", "run.truth.ecsv"}
