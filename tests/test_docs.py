"""What README and documentation show is true: commands and Python run, links lead somewhere.

Three rules. On the pages of `RUN` and `QUICK` every ``gammaml`` line and every block of Python is run, in the order of
the page, on made-up files and with short trainings; on those of `COMPILED` Python is compiled only. On all pages every
line of a block that begins with ``gammaml`` is parsed by the command itself: verb, arguments, options, the types of
their values. Of commands within a sentence, which leave things out, verb and options must exist.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from urllib.parse import urlparse

import astropy.units as u
import click
import numpy as np
import pytest
import snippets
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from fake_dl2 import some_figures
from made_events import made_events

from gammaml import parameters
from gammaml.cli.main import VERBS, main
from gammaml.config import TrainSettings
from gammaml.io import write_dl1

QUICK = ("docs/simulation.md",)  # needs no files
RUN = (
    "README.md",
    "docs/start.md",
    "docs/train.md",
    "docs/process.md",
    "docs/make_irfs.md",
    "docs/add_telescope.md",
    "docs/add_network.md",
    "docs/commands.md",
    "docs/explain.md",
    "docs/irfs.md",
    "docs/performance.md",
    "docs/report.md",
)
COMPILED = ("docs/cluster.md", "docs/closed_case.md")  # needs a batch system; is a slow test of its own
PAGES = {snippets.name(page): page for page in snippets.PAGES}
TEXTS = PAGES | {snippets.name(page): page for page in snippets.NOTEBOOKS}
SHORTER = (  # the same with less to do, and with the events that there are
    ('train.fit("resnet"', 'train.fit("hillas_mlp"'),
    ('encoder="resnet"', 'encoder="cnn"'),
    ("sensitivity(dl2)", "sensitivity(dl2, performance.SensitivitySettings(bins_per_decade=1))"),
    ("obs_id=2101, event_id=28806", "obs_id=1, event_id=100"),
)
LESS_WORK = {"train": ("--epochs", "1"), "simulate": ("--showers", "40", "--processes", "1")}
NOT_RUN = ("observe",)  # takes more events than the made-up files have
EVENTS = {"2101/28806": "1/100", "2101/508": "1/100"}
POINTING, START = SkyCoord("83.63d", "22.51d"), Time(60000.8, format="mjd", scale="tai")
NETWORKS = ("gammaness", "regressions", "joint")
PRIMARIES = {"gamma": 0, "proton": 101, "electron": 1}


def simulated(primary, obs_id):
    """Made-up events of one primary, of a spectrum of which responses can be made."""
    events = made_events(110, primary=primary, obs_id=obs_id)
    events.simulation["spectral_index"] = -2.0
    return events


def observed():
    """The same as a run of twenty minutes that follows the sky half a degree from the Crab Nebula, without truth."""
    events = simulated(0, 9)
    table = events.table
    truth = [name for name in table.colnames if name.startswith("true_")]
    table.remove_columns([*truth, "shower_id"])
    table["time"] = START + np.asarray(table["event_id"]) * 0.1 * u.s
    place = EarthLocation.from_geocentric(*events.subarray.reference_location, unit="m")
    pointing = POINTING.transform_to(AltAz(obstime=table["time"], location=place))
    table["pointing_alt"], table["pointing_az"] = u.Quantity(pointing.alt), u.Quantity(pointing.az)
    return replace(events, simulation=None)


@pytest.fixture(scope="module")
def files(gammaml, trained_cnn, tmp_path_factory):
    """A folder with all that the pages name: images, networks, reconstructed events."""
    folder = tmp_path_factory.mktemp("files")
    shutil.copytree(snippets.ROOT / "data", folder / "data")
    for obs_id, (name, primary) in enumerate(PRIMARIES.items(), start=1):
        write_dl1(simulated(primary, obs_id), folder / f"{name}.dl1.h5")
    write_dl1(observed(), folder / "observation.dl1.h5")
    for name in NETWORKS:
        trained_cnn.save(folder / f"{name}.gammaml")
    images = [folder / f"{name}.dl1.h5" for name in (*PRIMARIES, "observation")]
    network = [
        argument
        for task in ("gammaness", "energy", "direction")
        for argument in (f"--{task}", folder / "joint.gammaml")
    ]
    result = gammaml("predict", *images, *network, "--output-dir", folder / "dl2")
    assert result.exit_code == 0, result.stderr
    shutil.copytree(folder / "dl2", folder, dirs_exist_ok=True)
    (reference,) = [b.text for b in snippets.blocks(PAGES["docs/report.md"]) if b.text.startswith("# energy")]
    (folder / "ctao_angular.txt").write_text(reference)
    return folder


@pytest.fixture
def folder(files, tmp_path, monkeypatch):
    """The current folder, with these files."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command_of(verb):
    return main.get_command(click.Context(main), verb)


def options_of(verb):
    return {option for each in (*command_of(verb).params, *main.params) for option in each.opts} | {"--help"}


def shorter(arguments):
    """The arguments of a command that takes seconds, and replaces what another has written."""
    verb, *rest = arguments
    rest = [EVENTS.get(argument, argument) for argument in rest]
    if "--list" in rest:
        return [verb, *rest]
    rest += LESS_WORK.get(verb, ())
    if verb == "train":
        rest += ("--encoder" if "array" in rest else "--network", "cnn")
    if "--overwrite" in options_of(verb) and "--resume" not in rest:
        rest.append("--overwrite")
    return [verb, *rest]


def run(page, gammaml, folder):
    """All blocks of a page, in their order; names that one block of Python makes are there in the next."""
    names, blocks = {}, snippets.blocks(page)
    for block in (each for each in blocks if each.name):
        (folder / block.name).write_text(block.text, encoding="utf-8")
    for block in blocks:
        for arguments in (words for words in block.commands if words[0] not in NOT_RUN):
            result = gammaml(*shorter(arguments))
            assert result.exit_code == 0, f"{arguments}: {result.stderr}\n{result.exc_info}"
        if block.language == "python" and ("gammapy" not in block.text or find_spec("gammapy")):
            code = re.sub(r"epochs=\d+", "epochs=1", block.text)
            for long, short in SHORTER:
                code = code.replace(long, short)
            exec(compile(code, snippets.name(page), "exec"), names)
    return names


@pytest.mark.parametrize("name", QUICK)
def test_a_page_runs(name, gammaml, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(PAGES[name], gammaml, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_a_long_page_runs(name, gammaml, folder):
    with some_figures("roc", "energy_resolution", "angular_resolution"):
        run(PAGES[name], gammaml, folder)


def test_every_page_with_python_is_run():
    code = [
        (name, each.text) for name, page in PAGES.items() for each in snippets.blocks(page) if each.language == "python"
    ]
    assert {name for name, _ in code} <= {*QUICK, *RUN, *COMPILED}
    for name, text in code:
        compile(text, name, "exec")


@pytest.mark.parametrize("name", PAGES)
def test_commands_are_what_the_command_line_takes(name):
    for block in snippets.blocks(PAGES[name]):
        for verb, *arguments in block.commands:
            assert verb in VERBS
            command_of(verb).make_context(verb, list(arguments), resilient_parsing=False)


@pytest.mark.parametrize("name", TEXTS)
def test_commands_in_sentences(name):
    spans = [span.split() for span in snippets.inline(TEXTS[name])]
    for _, verb, *rest in (words for words in spans if words[0] == "gammaml" and len(words) > 1 and words[1] != "VERB"):
        if verb.startswith("--"):
            continue
        assert verb in VERBS
        assert {word.partition("=")[0] for word in rest if re.match(r"--\w", word)} <= options_of(verb), (verb, rest)
    targets = re.findall(r"^([\w-]+):", (snippets.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {words[1] for words in spans if words[0] == "make" and len(words) > 1} <= set(targets)


@pytest.mark.parametrize("name", TEXTS)
def test_paths_exist(name):
    for span in snippets.inline(TEXTS[name]):
        for path in re.findall(r"(?:^|\s)((?:gammaml|benchmarks|tests|docs)/[\w/.-]+\w)(?=\s|$)", span):
            assert (snippets.ROOT / path).exists() or path == "gammaml/models/plain.py", path


@pytest.mark.parametrize("name", TEXTS)
def test_links(name):
    page = TEXTS[name]
    for target in snippets.links(page):
        parts = urlparse(target)
        if parts.scheme:
            assert parts.scheme in ("https", "http"), target
            assert "." in parts.netloc, target
            continue
        linked = (page.parent / parts.path).resolve() if parts.path else page
        assert linked.exists(), target
        assert linked.is_relative_to(snippets.ROOT), target
        if parts.fragment:
            assert parts.fragment in snippets.anchors(linked), target


def test_the_shapes():
    size = TrainSettings().size
    assert f"`image` (n, {size}, {size}, 2), `parameters` (n, {parameters.N_INPUTS})" in snippets.text(
        PAGES["README.md"]
    )


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ('<a href="b.html#here">', "every link leads somewhere"),
        ('<a href="c.html">', "a.html: no c.html"),
        ('<a href="b.html#there">', "a.html: no place b.html#there"),
        ('<script src="https://cdn.org/x.js">', "a.html: https://cdn.org/x.js comes from elsewhere"),
        ('<a href="https://elsewhere.org">', "every link leads somewhere"),
    ],
)
def test_the_check_of_built_pages(tmp_path, html, says):
    (tmp_path / "a.html").write_text(html)
    (tmp_path / "b.html").write_text('<h1 id="here">')
    command = [sys.executable, snippets.ROOT / "docs" / "check_pages.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == says
    assert done.returncode == (says != "every link leads somewhere")
