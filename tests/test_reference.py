"""Curves of others are read from tables of text, and drawn in grey beside own ones."""

import astropy.units as u
import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import make_events

from gammaml import performance, plots, report
from gammaml.errors import InputError, SettingError
from gammaml.io.reference import read_reference

ENERGY, ANGLE = [0.1, 1.0, 10.0], [0.1, 0.06, 0.05]
TEXTS = {
    "blanks": "energy angular_resolution\n0.1 0.1\n1 0.06\n10 0.05\n",
    "a comment for a head": "# CTAO, 50 h\n#\n# energy [TeV]  angular_resolution [deg]\n0.1 0.1\n1 0.06\n10 0.05\n",
    "units": "energy [GeV], psf [arcmin]\n100, 6\n1000, 3.6\n10000, 3\n",
    "not in order, with gaps": "r68 (deg) energy (TeV)\n0.05 10\nnan 3\n0.1 0.1\n\n# more\n0.06 1\n",
    "bins": "e_min [TeV]\te_max [TeV]\tang_res [deg]\n0.05\t0.2\t0.1\n0.5\t2\t0.06\n5\t20\t0.05\n",
    "three columns": "energy angular_resolution angular_resolution_uncert\n0.1 1e-1 0.01\n1 .06 0.01\n10 5E-2 0.01\n",
}
WRONG = {
    "no table at all": "hello\nworld\n",
    "nothing": "",
    "no head": "0.1 0.1\n1 0.06\n",
    "no energy": "x angular_resolution\n1 2\n2 3\n",
    "no quantity": "energy loudness\n1 2\n2 3\n",
    "two quantities": "energy effective_area angular_resolution\n1 2 3\n2 3 4\n",
    "columns that differ": "energy angular_resolution\n1 2\n2 3 4\n",
    "no unit": "energy [TeV] angular_resolution [quark]\n1 2\n2 3\n",
    "another unit": "energy [TeV] angular_resolution [m]\n1 2\n2 3\n",
    "one point": "energy angular_resolution\n1 2\n",
    "broken ECSV": "# %ECSV 1.0\n# ---\n# datatype: [\n",
}


@pytest.fixture(scope="module")
def resolution():
    events = make_events(2000, 0, np.random.default_rng(0))
    return performance.angular_resolution(events, performance.energy_bins(events))


def reference(quantity="angular_resolution", values=ANGLE, unit="deg"):
    table = QTable({"energy": ENERGY * u.TeV, quantity: u.Quantity(values, unit)})
    table.meta["quantity"] = quantity
    return table


@pytest.mark.parametrize("name", TEXTS)
def test_tables_of_text(tmp_path, name):
    (tmp_path / "curve.txt").write_text(TEXTS[name])
    table = read_reference(tmp_path / "curve.txt")
    assert table.meta == {"quantity": "angular_resolution", "source": "curve.txt"}
    np.testing.assert_allclose(table["energy"].to_value("TeV"), ENERGY)
    np.testing.assert_allclose(table["angular_resolution"].to_value("deg"), ANGLE)


@pytest.mark.parametrize(
    ("quantity", "given", "unit", "factor"),
    [
        ("sensitivity", "TeV / (cm2 s)", "erg / (cm2 s)", 1.602177),
        ("effective_area", "km2", "m2", 1e6),
        ("angular_resolution", "rad", "deg", 57.29578),
        ("energy_resolution", "%", "", 0.01),
    ],
)
def test_ecsv_with_units(tmp_path, quantity, given, unit, factor):
    QTable({"energy": ENERGY * u.TeV, quantity: u.Quantity([3, 2, 1], given)}).write(tmp_path / "curve.ecsv")
    table = read_reference(tmp_path / "curve.ecsv")
    assert table[quantity].unit == u.Unit(unit)
    np.testing.assert_allclose(table[quantity].value, factor * np.array([3, 2, 1]), rtol=1e-6)


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_file_is_named_in_one_line(tmp_path, name):
    path = tmp_path / "curve.txt"
    path.write_text(WRONG[name])
    with pytest.raises(InputError, match=r"curve\.txt: got") as caught:
        read_reference(path)
    assert "\n" not in str(caught.value)


def test_other_bad_files(tmp_path):
    (tmp_path / "binary").write_bytes(b"\x89PNG\xff\xfe")
    for name in ("binary", "none", ""):
        with pytest.raises(InputError):
            read_reference(tmp_path / name)


def test_references_are_grey_beneath_and_last_in_the_legend(resolution):
    ax = plots.plot_angular_resolution(resolution, label="CNN")
    limits, color = ax.get_xlim(), ax.lines[0].get_color()
    plots.plot_reference(reference(), ax, "CTAO")
    plots.plot_reference(reference(values=[1.0, 0.9, 0.8]), ax, "H.E.S.S.")
    assert ax.get_legend_handles_labels()[1] == ["CNN", "CTAO", "H.E.S.S."]
    own, first, second = (container.lines[0] for container in ax.containers)
    np.testing.assert_array_equal(first.get_xydata(), np.transpose([ENERGY, ANGLE]))
    for line in (first, second):
        red, green, blue = mpl.colors.to_rgb(line.get_color())
        assert red == green == blue
        assert line.get_linewidth() < own.get_linewidth()
        assert line.get_zorder() < own.get_zorder()
    assert first.get_linestyle() != second.get_linestyle()
    assert own.get_color() == color
    assert ax.get_xlim() == limits
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > 1
    plots.plot_angular_resolution(resolution, ax, "forest")
    assert ax.containers[-1].lines[0].get_color() != color  # references take no colour of the series


def test_only_the_energies_of_the_figure_count(resolution):
    ax = plots.plot_angular_resolution(resolution)
    wide = QTable({"energy": [1e-3, 2e-3, 0.01, 0.3, 3, 300, 1e3] * u.TeV})
    wide["angular_resolution"] = [50, 40, 0.2, 0.1, 0.05, 0.01, 60] * u.deg
    wide.meta["quantity"] = "angular_resolution"
    plots.plot_reference(wide, ax, "wide")
    np.testing.assert_allclose(ax.containers[-1].lines[0].get_xdata(), [0.01, 0.3, 3, 300])
    assert ax.get_ylim()[1] < 1


def test_each_curve_is_in_the_figure_of_its_quantity(tmp_path):
    events = make_events(500, 0, np.random.default_rng(1))
    curves = [
        ("CTAO", reference()),
        ("CTAO", reference("effective_area", [1e5, 1e6, 2e6], "m2")),
        ("MAGIC", reference("energy_resolution", [0.2, 0.15, 0.2], "")),
        ("MAGIC", reference("sensitivity", [1e-12, 1e-13, 1e-12], "erg / (cm2 s)")),
    ]
    events.remove_column("gammaness")
    report.write_report({"CNN": events}, tmp_path / "out", references=curves)
    saved = {path.name for path in (tmp_path / "out").glob("*_reference_*.ecsv")}
    assert saved >= {
        "angular_resolution_reference_ctao.ecsv",
        "effective_area_reference_ctao.ecsv",
        "energy_resolution_reference_magic.ecsv",
    }
    assert read_reference(tmp_path / "out" / "effective_area_reference_ctao.ecsv")["effective_area"][1] == 1e6 * u.m**2
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    drawn = "sensitivity_reference_magic.ecsv" in saved
    assert drawn != ("MAGIC: no figure of sensitivity" in page)


def test_one_name_one_curve(tmp_path):
    events = make_events(100, 0, np.random.default_rng(1))
    with pytest.raises(SettingError, match="two curves of angular_resolution"):
        report.write_report({"CNN": events}, tmp_path / "out", references=[("A", reference()), ("a", reference())])
    assert list(tmp_path.iterdir()) == []
