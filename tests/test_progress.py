"""Progress in a log: plain lines with rate and time left."""

import pytest

from gammaml import progress


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00 min"), (75, "1:15 min"), (3600, "1:00 h"), (7325, "2:02 h")])
def test_clock(seconds, text):
    assert progress.clock(seconds) == text


@pytest.mark.parametrize(("rate", "text"), [(1234.5, "1,234/s"), (12.3, "12/s"), (1.26, "1.3/s"), (0.052, "0.052/s")])
def test_rate(rate, text):
    assert progress.per_second(rate) == text


def test_lines_tell_rate_and_time_left(capsys, monkeypatch):
    now = iter([0.0, 20.0, 40.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    with progress.track("training", 1000, done=200) as work:
        work.advance(400, "loss 0.5")
        work.advance(400)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "training: 600/1,000 events, 20/s, 0:20 min left loss 0.5"
    assert last == "training: 1,000/1,000 events, 20/s, 0:00 min left"


def test_silence(capsys):
    with progress.track("training", 10, show=False) as work:
        work.advance(10)
        work.say("epoch 1")
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with progress.track("training", 10) as work:
        work.advance(10, "loss 0.5")
        work.say("epoch 1/1: loss 0.5")
    said = capsys.readouterr().err
    assert "epoch 1/1: loss 0.5" in said
    assert "10/10 events" in said
