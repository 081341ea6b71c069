"""The look at an installation, and its self-test."""

import numpy as np
import pytest

from gammaml import __version__, doctor


def test_this_installation_works(gammaml):
    result = gammaml("doctor")
    assert result.exit_code == 0, result.stdout
    assert __version__ in result.stdout
    assert "BAD" not in result.stdout
    for name in (*doctor.NEEDED, "machine", "Keras backend", "network", "DL2 file"):
        assert f"ok   {name} " in result.stdout


def test_a_missing_package_is_bad(gammaml, monkeypatch):
    monkeypatch.setattr(doctor, "NEEDED", ("numpy", "no-such-package"))
    monkeypatch.setattr(doctor, "self_test", lambda: [])
    result = gammaml("doctor")
    assert result.exit_code == 1
    assert "BAD  no-such-package" in result.stdout
    assert "ok   numpy" in result.stdout


def test_an_optional_package_may_be_missing(monkeypatch):
    monkeypatch.setattr(doctor, "OPTIONAL", ("no-such-package",))
    monkeypatch.setattr(doctor, "self_test", lambda: [])
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["no-such-package"] == ("no-such-package", "not installed, optional", True)


@pytest.mark.parametrize(
    ("broken", "replacement", "bad"),
    [
        ("_learn", lambda grids, is_wide: (0.5, np.full(4, 0.5)), "network"),
        ("_through_file", lambda scores, subarray: False, "DL2 file"),
    ],
)
def test_the_self_test_notices_what_is_broken(monkeypatch, broken, replacement, bad):
    monkeypatch.setattr(doctor, "_learn", lambda grids, is_wide: (1.0, np.linspace(0, 1, 4)))
    monkeypatch.setattr(doctor, broken, replacement)
    assert [finding.name for finding in doctor.self_test() if not finding.good] == [bad]
