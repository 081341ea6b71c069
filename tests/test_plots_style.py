"""Figures fit a journal's column, and are told apart in grey and by the colour-blind."""

import io
import itertools
import re

import matplotlib as mpl
import numpy as np
import pytest
from fake_dl2 import make_events
from matplotlib.colors import to_rgb

from gammaml import performance, plots
from gammaml.errors import SettingError
from gammaml.plots.style import COLORS, LINES, MARKERS, SMALLEST

XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # IEC 61966-2-1
# Machado, Oliveira & Fernandes 2009, severity 1, of linear RGB.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
STYLES = [  # and the width in mm
    ("aa", "sans", 1, 88),
    ("aa", "serif", 1, 88),
    ("aa", "serif", 2, 180),
    ("apj", "serif", 1, 3.5 * 25.4),
    ("apj", "sans", 2, 7.1 * 25.4),
    ("astropart", "sans", 1, 90),
    ("astropart", "serif", 2, 190),
]


def linear(color):
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*, a*, b* of linear RGB under D65."""
    ratio = XYZ @ np.clip(rgb, 0, 1) / (XYZ @ np.ones(3))
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def made(quality):
    rng = np.random.default_rng(int(10 * quality))
    return performance.combine([make_events(800, primary, rng, quality=quality) for primary in (0, 101)])


@pytest.fixture(scope="module")
def curves():
    """Two angular resolutions and two ROC curves."""
    tables = [made(1.0), made(0.6)]
    bins = performance.energy_bins(tables[0])
    areas = [performance.angular_resolution(table, bins) for table in tables]
    return [performance.roc_curve(table) for table in tables], areas


def test_lightness_is_what_it_should_be():
    np.testing.assert_allclose(lab(linear("white")), [100, 0, 0], atol=0.05)
    np.testing.assert_allclose(lab(linear("red")), [53.24, 80.09, 67.20], atol=0.05)


def test_series_differ_in_lightness():
    lightness = sorted(lab(linear(color))[0] for color in COLORS)
    assert np.diff(lightness).min() > 10
    assert lightness[-1] < 75  # of white paper's 100
    first, second = (lab(linear(color))[0] for color in COLORS[:2])
    assert abs(first - second) > 20


@pytest.mark.parametrize("kind", BLINDNESS)
def test_series_differ_for_the_colour_blind(kind):
    seen = [lab(np.array(BLINDNESS[kind]) @ linear(color)) for color in COLORS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 12


def test_series_differ_in_line_and_marker():
    assert len(set(LINES)) == len(set(MARKERS)) == len(COLORS)


@pytest.mark.parametrize(("journal", "font", "columns", "width"), STYLES)
def test_figures_fit_a_column_and_embed_fonts(curves, journal, font, columns, width):
    with plots.print_style(journal, font, columns=columns):
        axes = []
        for plot, tables in zip((plots.plot_roc, plots.plot_angular_resolution), curves, strict=True):
            ax = plot(tables[0], label="CNN")
            axes.append(plot(tables[1], ax, "forest, ±0.3°"))
        file = io.BytesIO()
        axes[1].figure.savefig(file, format="pdf")
    for ax in axes:
        assert ax.figure.get_figwidth() * 25.4 == pytest.approx(width, abs=0.05)
        ax.figure.draw_without_rendering()
        assert ax.get_position().width > 0.7
        box = ax.get_legend().get_window_extent()
        assert box.x1 <= ax.figure.bbox.x1 + 1
    pdf = file.getvalue()
    box = [float(value) for value in re.search(rb"/MediaBox \[ ([\d. ]+) \]", pdf)[1].split()]
    assert box[2] / 72 * 25.4 == pytest.approx(width, abs=0.1)
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert {"sans": b"DejaVuSans", "serif": b"STIX"}[font] in pdf
    assert {"sans": b"STIX", "serif": b"DejaVuSans"}[font] not in pdf


@pytest.mark.parametrize("wrong", [{"journal": "nature"}, {"font": "comic"}, {"columns": 3}])
def test_an_unknown_style(wrong):
    with pytest.raises(SettingError, match="choose one of these"):
        plots.print_style(**wrong)


def test_a_style_ends():
    before = dict(mpl.rcParams)
    with plots.print_style("apj", "serif", columns=2):
        assert mpl.rcParams["font.family"] == ["STIXGeneral"]
    assert dict(mpl.rcParams) == before


def test_a_wide_legend_gets_fewer_columns_and_smaller_print(curves):
    _, tables = curves
    with plots.print_style():
        figure = mpl.figure.Figure(layout="constrained")
        ax = figure.add_subplot()
        for number in range(4):
            plots.plot_angular_resolution(tables[number % 2], ax, f"a network with quite a long name, number {number}")
        figure.draw_without_rendering()
    assert ax.get_legend()._ncols == 1
    assert ax.get_position().width > 0.7
    plots.plot_angular_resolution(tables[0], ax, 3 * "far too long ")
    assert min(text.get_fontsize() for text in ax.get_legend().get_texts()) >= SMALLEST
