"""``gammaml show`` and ``gammaml info --plot``."""

import pytest
from matplotlib.figure import Figure

from gammaml import plots

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def cnn(trained_cnn, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "cnn.gammaml"
    trained_cnn.save(path)
    return path


def refusal(result):
    assert result.exit_code == 2, result.output
    *_, line = result.stderr.splitlines()
    return line


@pytest.fixture
def drawn(monkeypatch):
    """Events that would be drawn."""
    views = []

    def draw(view, **_):
        views.append(view)
        return Figure()

    monkeypatch.setattr(plots, "plot_event", draw)
    return views


def test_a_list_of_events(gammaml, dl1_files):
    result = gammaml("show", dl1_files["proton"], "--list")
    assert result.exit_code == 0, result.stderr
    head, first, *others = result.stdout.splitlines()
    assert head.split() == ["index", "event", "images", "p.e.", "truth"]
    assert first.split()[:3] == ["0", "2/0", "2"]
    assert first.split()[4] == "proton,"
    assert len(others) == 59


@pytest.mark.parametrize("choice", [(), ("--event", "1/201", "--channel", "peak_time"), ("--index", 3)])
def test_a_picture(gammaml, dl1_files, tmp_path, choice):
    output = tmp_path / "event.png"
    result = gammaml("show", dl1_files["gamma"], *choice, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{output}\n"
    assert output.read_bytes().startswith(PNG)


def test_the_event_that_was_asked_for(gammaml, dl1_files, tmp_path, drawn):
    for choice in (("--event", "1/201"), ("--event", "201"), ("--brightest",)):
        gammaml("show", dl1_files["gamma"], *choice, "-o", tmp_path / "event.pdf", "--overwrite")
    by_key, by_id, brightest = drawn
    assert (by_key.obs_id, by_key.event_id) == (by_id.obs_id, by_id.event_id) == (1, 201)
    assert brightest.images[0].intensity > by_id.images[0].intensity
    assert (tmp_path / "event.pdf").read_bytes().startswith(b"%PDF")


def test_with_what_was_reconstructed(gammaml, dl1_files, trained, tmp_path, drawn):
    networks = ("--gammaness", trained, "--energy", trained, "--direction", trained)
    dl2 = tmp_path / "gamma.dl2.h5"
    assert gammaml("predict", dl1_files["gamma"], *networks, "-o", dl2).exit_code == 0
    result = gammaml("show", dl1_files["gamma"], "--event", 201, "--dl2", dl2, "-o", tmp_path / "event.png")
    assert result.exit_code == 0, result.stderr
    (view,) = drawn
    for name in ("network", "forest"):
        assert 0 <= view.answers[name].gammaness <= 1
        assert view.answers[name].energy > 0
        assert set(view.images[0].directions) >= {"true", name}


@pytest.mark.parametrize("method", ["integrated_gradients", "grad_cam", "occlusion"])
def test_what_a_network_looks_at(gammaml, dl1_files, cnn, tmp_path, method):
    output = tmp_path / "event.png"
    asked = ("--bundle", cnn, "--saliency", method, "--of", "energy", "-o", output)
    result = gammaml("show", dl1_files["gamma"], "--event", 201, *asked)
    assert result.exit_code == 0, result.stderr
    assert output.read_bytes().startswith(PNG)


def test_info_with_a_picture(gammaml, dl1_files, tmp_path):
    output = tmp_path / "event.png"
    result = gammaml("info", dl1_files["gamma"], "--plot", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == str(output)
    assert output.read_bytes().startswith(PNG)
    assert "a file that exists" in refusal(gammaml("info", dl1_files["gamma"], "--plot", output))
    assert gammaml("info", dl1_files["gamma"], "--plot", output, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--event", 7, "-o", "x.png"), "gamma.dl1.h5: event 7: got no images of it, expected one of 60 events"),
        (("--event", "x", "-o", "x.png"), "neither an event id nor OBS/EVENT"),
        (("--index", 60, "-o", "x.png"), "got index 60, expected 0 to 59"),
        (("--index", 0, "--brightest", "-o", "x.png"), "give one of --index and --brightest"),
        (("-o", "x.jpg"), "does not end in one of .png, .pdf, .svg"),
        (("-o", "nowhere/x.png"), "nowhere/x.png"),
        ((), "no display to open a window on, expected a file name; give one with -o"),
        (("--saliency", "grad_cam", "-o", "x.png"), "give --bundle"),
        (("--channel", "waveform", "-o", "x.png"), "waveform"),
    ],
)
def test_refusals_leave_nothing(gammaml, dl1_files, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(gammaml("show", dl1_files["gamma"], *arguments))
    assert not list(tmp_path.iterdir())


def test_other_files_and_other_networks(gammaml, dl1_files, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "got" in refusal(gammaml("show", trained, "-o", "x.png"))
    assert "none.h5: " in refusal(gammaml("show", "none.h5", "-o", "x.png"))
    assert "sees no image" in refusal(gammaml("show", dl1_files["gamma"], "--bundle", trained, "-o", "x.png"))
    assert "got" in refusal(gammaml("show", dl1_files["gamma"], "--dl2", dl1_files["gamma"], "-o", "x.png"))
    assert not list(tmp_path.iterdir())
