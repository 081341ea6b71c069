"""How much the command line says, and where."""

import logging
import os
import pty
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def convert(gammaml, dl1_files, tmp_path):
    """`gammaml convert` with options before the verb and after its arguments."""
    return lambda *first, last=(): gammaml(*first, "convert", dl1_files["gamma"], "-o", tmp_path / "x.dl1.h5", *last)


def test_a_product_is_named(convert):
    assert "x.dl1.h5: 120 images" in convert().stdout


@pytest.mark.parametrize(("first", "last"), [(("--quiet",), ()), ((), ("--quiet",)), (("--log", "error"), ())])
def test_quiet(convert, first, last):
    result = convert(*first, last=last)
    assert (result.exit_code, result.output) == (0, "")


def test_quiet_still_answers_questions_and_says_errors(gammaml, dl1_files, tmp_path):
    assert "gamma (60)" in gammaml("--quiet", "info", dl1_files["gamma"]).stdout
    result = gammaml("--quiet", "info", tmp_path / "none.h5")
    assert result.exit_code == 2
    assert result.stderr.startswith("gammaml: ")


def test_debug_messages_name_files(convert, monkeypatch):
    monkeypatch.setenv("GAMMAML_LOG", "debug")
    said = convert().stderr
    assert "gamma.dl1.h5: reading as ctapipe DL1" in said
    assert "x.dl1.h5: written" in said


def test_an_unknown_level(gammaml, dl1_files, monkeypatch):
    monkeypatch.setenv("GAMMAML_LOG", "loud")
    result = gammaml("info", dl1_files["gamma"])
    assert result.exit_code == 2
    assert "'loud' is not one of 'error', 'warning', 'info', 'debug'" in result.stderr


def test_a_command_leaves_the_logger_as_it_was(convert):
    before = logging.getLogger("gammaml").level
    convert("--quiet")
    said = convert("--log", "debug", last=("--overwrite",)).stderr
    assert said.count("reading as") == 1
    assert logging.getLogger("gammaml").level == before


def errors_on_a_terminal(**environment):
    """What a failing command writes to a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from gammaml.cli.main import main; main()", "info", "none.h5"]
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run(command, stderr=theirs, env={**clean, **environment}, check=False)
    os.close(theirs)
    return os.read(ours, 10000).decode()


def test_colour_on_a_terminal_only_where_it_is_wanted():
    assert "\x1b[31mgammaml:\x1b[0m" in errors_on_a_terminal()
    assert "\x1b" not in errors_on_a_terminal(NO_COLOR="1")


def test_no_colour_in_a_file(gammaml):
    assert "\x1b" not in gammaml("info", "none.h5").stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(gammaml, shell):
    result = gammaml("completion", shell)
    assert result.exit_code == 0, result.stderr
    assert f"_GAMMAML_COMPLETE={shell}_complete" in result.stdout


def completed(words):
    environment = {**os.environ, "_GAMMAML_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "1"}
    command = [sys.executable, "-c", "from gammaml.cli.main import main; main(prog_name='gammaml')"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_completion_knows_verbs():
    assert completed("gammaml pre") == "plain,predict\n"


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_completion_script_is_good_bash(gammaml, tmp_path):
    script = tmp_path / "completion.sh"
    script.write_text(gammaml("completion", "bash").stdout)
    assert subprocess.run(["bash", "-n", script], capture_output=True, check=False).returncode == 0
