"""Figures show the numbers of their table, all of them readable, and leave nothing behind."""

import io
import re
import zlib
from functools import partial

import astropy.units as u
import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import make_events, with_core_and_height
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from pyirf.spectral import CRAB_HEGRA

from gammaml import performance, plots
from gammaml.calibration import apply_temperature, fit_temperature
from gammaml.errors import SettingError
from gammaml.plots.style import NOTE


def made(quality):
    rng = np.random.default_rng(int(10 * quality))
    both = performance.combine(
        [make_events(n, primary, rng, quality=quality) for n, primary in ((3000, 0), (2000, 101))]
    )
    both["reco_energy_uncert"] = 0.2 * both["reco_energy"]  # of the worse ones, too small
    both["ang_distance_uncert"] = 0.1 * u.deg
    both["hillas_intensity"] = np.asarray(100 * both["true_energy"].value)
    both["multiplicity"] = np.arange(len(both)) % 3 + 2
    both["pointing_alt"] = both["true_alt"] + rng.uniform(0, 2, len(both)) * u.deg
    both["pointing_az"] = both["true_az"]
    both.meta["simulation"]["max_viewcone_radius"] = 2 * u.deg
    return with_core_and_height(both, rng)


BEST, WORSE = made(1.0), made(0.6)
BINS = performance.energy_bins(BEST)
OFFSETS = np.linspace(0, 2, 5) * u.deg
ALONE = ("migration", "correlations", "profile")  # of one table
HISTORY = QTable({"epoch": [1, 2, 3], "loss": [0.7, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.55]})
SEVERAL = ("area_by_cut", "area_by_offset")  # curves of one table


def _once(compute):
    """`compute`, which takes long, of each table once."""
    found = {}

    def of(dl2):
        if id(dl2) not in found:
            found[id(dl2)] = compute(dl2)
        return found[id(dl2)].copy()

    return of


def _area_by_offset(dl2):
    settings = performance.IrfSettings(fov_offset_bins=[0, 0.2, 0.4] * u.deg)
    return performance.effective_area_by_offset(dl2, settings)


FIGURES = {
    "roc": (plots.plot_roc, performance.roc_curve),
    "auc_energy": (plots.plot_auc_in_bins, lambda dl2: performance.auc_in_bins(dl2, "true_energy", BINS)),
    "auc_intensity": (
        plots.plot_auc_in_bins,
        lambda dl2: performance.auc_in_bins(dl2, "hillas_intensity", np.geomspace(10, 1000, 6)),
    ),
    "auc_multiplicity": (
        plots.plot_auc_in_bins,
        lambda dl2: performance.auc_in_bins(dl2, "multiplicity", performance.multiplicity_bins(dl2)),
    ),
    "precision_recall": (plots.plot_precision_recall, performance.precision_recall),
    "quality_factor": (plots.plot_quality_factor, performance.quality_factor),
    "gammaness": (
        plots.plot_gammaness_distribution,
        lambda dl2: performance.gammaness_distribution(dl2, np.linspace(0, 1, 11)),
    ),
    "reliability": (plots.plot_reliability, performance.reliability),
    "energy": (plots.plot_energy_resolution, lambda dl2: performance.energy_resolution(dl2, BINS)),
    "direction": (plots.plot_angular_resolution, lambda dl2: performance.angular_resolution(dl2, BINS)),
    "energy_offset": (
        plots.plot_energy_resolution,
        lambda dl2: performance.energy_resolution(dl2, OFFSETS, by="true_offset"),
    ),
    "containment": (
        partial(plots.plot_angular_resolution, levels=(68, 95)),
        lambda dl2: performance.angular_resolution(dl2, BINS),
    ),
    "point_spread": (
        plots.plot_point_spread,
        lambda dl2: performance.point_spread(dl2, np.linspace(0, 0.4, 11) * u.deg),
    ),
    "core": (plots.plot_core_resolution, lambda dl2: performance.core_resolution(dl2, BINS)),
    "h_max": (plots.plot_h_max_resolution, lambda dl2: performance.h_max_resolution(dl2, BINS)),
    "correlations": (plots.plot_correlations, performance.correlations),
    "profile": (plots.plot_gammaness_profile, performance.gammaness_profile),
    "pulls_energy": (plots.plot_pulls, performance.pulls),
    "pulls_direction": (plots.plot_pulls, lambda dl2: performance.pulls(dl2, "direction")),
    "coverage_energy": (plots.plot_coverage, performance.coverage),
    "coverage_direction": (plots.plot_coverage, lambda dl2: performance.coverage(dl2, "direction")),
    "area": (plots.plot_effective_area, lambda dl2: performance.effective_area(dl2, BINS)),
    "area_by_cut": (plots.plot_effective_area_by_cut, performance.effective_area_by_cut),
    "area_by_offset": (plots.plot_effective_area_by_offset, _area_by_offset),
    "background": (plots.plot_background_rate, performance.background_rate),
    "sensitivity": (plots.plot_sensitivity, _once(performance.sensitivity)),
    "migration": (plots.plot_migration_matrix, lambda dl2: performance.migration_matrix(dl2, BINS, BINS)),
    "loss": (plots.plot_loss_curves, lambda _: HISTORY),
}
pytestmark = pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")
every_figure = pytest.mark.parametrize("name", FIGURES)
overlaid_figures = pytest.mark.parametrize("name", [name for name in FIGURES if name not in (*ALONE, *SEVERAL)])


def overlay(name):
    plot, compute = FIGURES[name]
    ax = plot(compute(BEST), label="CNN")
    return plot(compute(WORSE), ax, "forest")


def note_text(figure):
    return "\n".join(text.get_text() for ax in figure.axes for text in ax.texts if text.get_gid() == NOTE)


@overlaid_figures
def test_overlay_differs_in_more_than_colour(name):
    ax = overlay(name)
    labels = ax.get_legend_handles_labels()[1]
    assert {label.split(",")[0] for label in labels} == {"CNN", "forest"}
    assert len(set(labels)) == len(labels)
    lines = [line for line in ax.lines if str(line.get_gid()).startswith("gammaml-series")]
    if name in ("gammaness", "pulls_energy", "pulls_direction"):
        assert {patch.get_linestyle() for patch in ax.patches} == {"-", "--"}
    else:
        assert len({line.get_linestyle() for line in lines}) == 2
        assert len({to_hex(line.get_color()) for line in lines}) == 2


@overlaid_figures
def test_nothing_overlaps_and_nothing_is_cut_off(name):
    with plots.print_style():
        figure = overlay(name).figure
        figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [ax.xaxis.get_tightbbox(renderer) for ax in figure.axes]
    boxes += [ax.yaxis.get_tightbbox(renderer) for ax in figure.axes]
    boxes += [text.get_window_extent(renderer) for ax in figure.axes for text in ax.texts if text.get_gid() == NOTE]
    boxes = [box for box in boxes if box is not None]  # the upper of two panels has no labels along x
    notes = boxes[-1:] if name != "loss" else []
    for note in notes:
        assert not any(note.overlaps(other) for other in boxes[:-1])
    for box in boxes:
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1


@every_figure
def test_definition_and_counts_are_printed(name):
    plot, compute = FIGURES[name]
    table = compute(BEST)
    text = note_text(plot(table).figure)
    printed = " ".join(text.split())
    assert table.meta.get("definition", "") in printed
    assert table.meta.get("counts", "") in printed
    if name not in (*ALONE, "loss", *SEVERAL):
        both = note_text(overlay(name).figure)
        assert "CNN: " in both
        assert "forest: " in both
        assert both.count(table.meta["definition"][:20]) == 1


@every_figure
def test_a_given_axes_is_used_and_pyplot_left_alone(name):
    plot, compute = FIGURES[name]
    ax = mpl.figure.Figure().add_subplot()
    settings = dict(mpl.rcParams)
    table = compute(BEST)
    before = table.copy()
    assert plot(table, ax) is ax
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == settings
    assert table.colnames == before.colnames
    for column in table.colnames:
        np.testing.assert_array_equal(table[column], before[column])


def drawn_points(ax):
    container = next(c for c in ax.containers if isinstance(c, ErrorbarContainer))
    x, y = container.lines[0].get_data()
    segments = container.lines[2][0].get_segments()
    return np.asarray(x), np.asarray(y), np.array([(s[1, 1] - s[0, 1]) / 2 for s in segments])


@pytest.mark.parametrize(
    ("name", "column"), [("direction", "angular_resolution"), ("area", "effective_area"), ("energy", "resolution")]
)
def test_points_are_the_numbers_of_the_table(name, column):
    plot, compute = FIGURES[name]
    table = compute(BEST)
    x, y, uncert = drawn_points(plot(table))
    shown = table[table["n_events"] >= performance.MIN_EVENTS]
    np.testing.assert_allclose(y, u.Quantity(shown[column]).value)
    np.testing.assert_allclose(uncert, u.Quantity(shown[f"{column}_uncert"]).value)
    assert np.all((x > shown["true_energy_low"].value) & (x < shown["true_energy_high"].value))


@pytest.mark.parametrize(("name", "column"), [("background", "rate"), ("sensitivity", "sensitivity")])
def test_points_of_few_background_showers_are_open(name, column):
    plot, compute = FIGURES[name]
    table = compute(BEST)
    table["n_effective"][:3] = 100
    shown = table[table["n_gamma"] >= performance.MIN_EVENTS] if name == "sensitivity" else table[table["n_events"] > 0]
    few = shown["n_effective"] < performance.MIN_EVENTS
    assert 0 < few.sum() < len(shown)
    ax = plot(table)
    container = next(c for c in ax.containers if isinstance(c, ErrorbarContainer))
    np.testing.assert_allclose(container.lines[0].get_ydata(), shown[column].value)
    hollow = next(line for line in ax.lines if line.get_markerfacecolor() == "white")
    np.testing.assert_allclose(hollow.get_ydata(), shown[column].value[few])


def test_sensitivity_stands_beside_shares_of_the_crab_nebula():
    table = FIGURES["sensitivity"][1](BEST)
    ax = plots.plot_sensitivity(table)
    crab = next(line for line in ax.lines if line.get_linestyle() == ":")
    energy = table["reco_energy_center"]
    expected = (energy**2 * CRAB_HEGRA(energy)).to_value("erg/(cm2 s)")
    np.testing.assert_allclose(crab.get_ydata(), expected[table["n_gamma"] >= performance.MIN_EVENTS])
    assert [text.get_text() for text in ax.texts if "Crab" in text.get_text() and text.get_gid() != NOTE] == [
        "100% Crab",
        "10% Crab",
        "1% Crab",
    ]


@pytest.mark.parametrize(("name", "column"), [("area_by_cut", "cut"), ("area_by_offset", "fov_offset_low")])
def test_a_curve_a_cut_or_offset(name, column):
    plot, compute = FIGURES[name]
    table = compute(BEST)
    ax = plot(table, label="CNN")
    assert len({to_hex(line.get_color()) for line in ax.lines}) == len(np.unique(table[column]))
    assert ax.get_title() == "CNN"
    assert len(set(ax.get_legend_handles_labels()[1])) == len(np.unique(table[column]))
    first = table[(table[column] == table[column][0]) & (table["n_events"] > 0)]
    np.testing.assert_allclose(drawn_points(ax)[1], first["effective_area"].value)


def test_points_by_offset_stand_in_the_middle_of_their_bins():
    table = FIGURES["energy_offset"][1](BEST)
    ax = plots.plot_energy_resolution(table)
    x, y, _ = drawn_points(ax)
    np.testing.assert_allclose(x, [0.25, 0.75, 1.25, 1.75])
    np.testing.assert_allclose(y, table["resolution"])
    below = next(axes for axes in ax.figure.axes if axes is not ax)
    assert (ax.get_xscale(), below.get_xlabel()) == ("linear", "true offset [deg]")


def test_multiplicities_are_whole_numbers():
    ax = plots.plot_auc_in_bins(FIGURES["auc_multiplicity"][1](BEST))
    ax.figure.draw_without_rendering()
    np.testing.assert_array_equal(drawn_points(ax)[0], [2, 3, 4])
    assert {tick.get_text() for tick in ax.get_xticklabels()} >= {"2", "3", "4"}


@pytest.mark.parametrize("column", ["angular_resolution", "core_resolution"])
def test_each_containment_has_its_numbers(column):
    plot, compute = getattr(plots, f"plot_{column}"), getattr(performance, column)
    table = compute(BEST, BINS)
    ax = plot(table, label="CNN", levels=(68, 95, 50))
    labels = [container.get_label() for container in ax.containers]
    assert labels == ["CNN, 68 %", "CNN, 95 %", "CNN, 50 %"]
    for container, suffix in zip(ax.containers, ("", "_95", "_50"), strict=True):
        values, uncert = u.Quantity(table[f"{column}{suffix}"]).value, table[f"{column}{suffix}_uncert"]
        shown = (table["n_events"] >= performance.MIN_EVENTS) & np.isfinite(uncert)
        np.testing.assert_allclose(container.lines[0].get_ydata(), values[shown])


def test_precision_recall_leaves_out_the_first_few_events():
    table = performance.precision_recall(BEST)
    curve = plots.plot_precision_recall(table).lines[0]
    shown = table[table["n_gamma"] + table["n_hadron"] >= performance.MIN_EVENTS]
    assert 0 < len(table) - len(shown) < 20
    np.testing.assert_array_equal(curve.get_xydata().T, [shown["recall"], shown["precision"]])


@pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")
def test_best_cut_is_marked_and_cuts_few_hadrons_pass_are_not_drawn():
    table = performance.quality_factor(BEST, min_hadrons=200)
    ax = plots.plot_quality_factor(table)
    x, y, _ = drawn_points(ax)
    best = table.meta
    np.testing.assert_allclose((x[0], y[0]), (best["best_cut"], best["best_quality_factor"]))
    assert len(ax.lines[0].get_xdata()) == np.sum(table["n_hadron"] >= 200) < len(table)
    nothing = plots.plot_quality_factor(performance.quality_factor(BEST, min_hadrons=5000))
    assert len(nothing.lines[0].get_xdata()) == 0


def test_point_spread_has_a_logarithmic_density_without_empty_rings():
    table = performance.point_spread(BEST, [0, 0.1, 0.2, 1, 2] * u.deg)
    ax = plots.plot_point_spread(table)
    np.testing.assert_allclose(drawn_points(ax)[1], table["density"][:-1].value)
    assert ax.get_yscale() == "log"
    assert f"r68 {table.meta['r68']:.3f}°" in ax.get_legend_handles_labels()[1][0]


def test_heat_map_has_each_correlation_in_its_cell():
    table = FIGURES["correlations"][1](BEST)
    ax = plots.plot_correlations(table, label="CNN")
    parameters = list(dict.fromkeys(table["parameter"]))
    cells = np.ma.filled(ax.collections[0].get_array(), np.nan).reshape(len(parameters), 6)
    texts = {text.get_position(): text for text in ax.texts}
    columns = [(c, t) for c in ("gamma", "hadron") for t in ("gammaness", "energy_error", "direction_error")]
    for row in table:
        i, j = parameters.index(row["parameter"]), columns.index((row["particle"], row["target"]))
        assert cells[i, j] == row["correlation"]
        text = texts[j + 0.5, i + 0.5]
        assert float(text.get_text().replace("−", "-")) == pytest.approx(row["correlation"], abs=0.0051)
        assert (text.get_color() == "0.55") == (abs(row["correlation"]) <= 3 * row["correlation_uncert"])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["gammas", "hadrons"]


def test_profile_has_a_panel_a_parameter_with_both_classes():
    table = FIGURES["profile"][1](BEST)
    ax = plots.plot_gammaness_profile(table)
    parameters = list(dict.fromkeys(table["parameter"]))
    assert len(ax.child_axes) == len(parameters)
    for panel, parameter in zip(ax.child_axes, parameters, strict=True):
        for container, particle in zip(panel.containers, ("gamma", "hadron"), strict=True):
            rows = table[(table["parameter"] == parameter) & (table["particle"] == particle)]
            np.testing.assert_allclose(container.lines[0].get_ydata(), rows["gammaness_50"])
    gammas = plots.plot_gammaness_profile(performance.gammaness_profile(BEST[:3000]))
    assert gammas.get_legend().get_texts()[0].get_text() == "gammas"
    assert len(gammas.get_legend().get_texts()) == 1


@pytest.mark.parametrize("name", ["correlations", "profile"])
def test_figures_of_one_table_lose_nothing_at_their_edges(name):
    plot, compute = FIGURES[name]
    with plots.print_style():
        ax = plot(compute(BEST), label="CNN")
        ax.figure.draw_without_rendering()
    renderer, figure = ax.figure.canvas.get_renderer(), ax.figure.bbox
    for box in [part.get_tightbbox(renderer) for part in (ax, *ax.child_axes)]:
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.x1 + 1
        assert box.y1 <= figure.y1 + 1


def test_energy_bias_has_a_panel_of_its_own():
    table = FIGURES["energy"][1](BEST)
    ax = plots.plot_energy_resolution(table)
    below = next(axes for axes in ax.figure.axes if axes is not ax)
    np.testing.assert_allclose(drawn_points(below)[1], table["bias"][table["n_events"] >= 10])
    plots.plot_energy_resolution(table, ax)
    assert len(ax.figure.axes) == 2


def test_energy_resolution_needs_a_subplot():
    table = FIGURES["energy"][1](BEST)
    with pytest.raises(SettingError):
        plots.plot_energy_resolution(table, mpl.figure.Figure().add_axes((0, 0, 1, 1)))


def test_bins_with_few_events_are_not_drawn():
    few = performance.combine([BEST[BEST["true_energy"] < 1 * u.TeV], BEST[BEST["true_energy"] > 3 * u.TeV][:5]])
    x = drawn_points(plots.plot_angular_resolution(FIGURES["direction"][1](few)))[0]
    assert len(x) == 5
    assert x.max() < 1


def test_bins_of_too_few_showers_are_not_drawn():
    table = BEST.copy()
    table["shower_id"] = np.where(table["true_energy"] > 1 * u.TeV, 1, table["event_id"])
    x = drawn_points(plots.plot_angular_resolution(FIGURES["direction"][1](table)))[0]
    assert len(x) == 5
    assert x.max() < 1


def test_overlay_stretches_to_the_larger_values():
    low, high = (performance.angular_resolution(table, BINS) for table in (BEST, WORSE))
    ax = plots.plot_angular_resolution(low)
    plots.plot_angular_resolution(high, ax)
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > np.nanmax(high["angular_resolution"].value)


def test_energy_ticks_are_plain_numbers():
    ax = plots.plot_angular_resolution(FIGURES["direction"][1](BEST))
    ax.figure.draw_without_rendering()
    labels = [tick.get_text() for tick in ax.get_xticklabels(which="both") if tick.get_text()]
    assert {"0.2", "1", "5", "10"} <= set(labels)
    assert ax.get_xscale() == "log"


def test_migration_matrix_has_true_energy_along_x():
    table = FIGURES["migration"][1](BEST)
    ax = plots.plot_migration_matrix(table, label="CNN")
    n = len(BINS) - 1
    drawn = np.ma.filled(ax.collections[0].get_array(), 0).reshape(n, n)
    np.testing.assert_allclose(drawn.T.ravel(), np.nan_to_num(table["probability"]))
    assert ax.get_title() == "CNN"


@pytest.mark.parametrize("name", ["pulls_energy", "pulls_direction"])
def test_pulls_stand_over_the_distribution_expected(name):
    plot, compute = FIGURES[name]
    table = compute(BEST)
    ax = plot(table)
    np.testing.assert_allclose(ax.patches[0].get_data().values, table["density"])
    np.testing.assert_allclose(drawn_points(ax)[2], table["density_uncert"])
    expected = [line for line in ax.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(expected[0].get_ydata(), table["expected_density"])
    plot(compute(WORSE), ax)
    assert len([line for line in ax.lines if line.get_linestyle() == ":"]) == 1
    assert f"width {table.meta['width']:.2f}" in ax.get_legend_handles_labels()[1][0]


def test_coverage_is_drawn_with_its_interval_and_the_diagonal():
    table = performance.coverage(WORSE, "direction")
    ax = plots.plot_coverage(table, label="CNN")
    x, y, half = drawn_points(ax)
    np.testing.assert_array_equal(x, table["nominal"])
    np.testing.assert_array_equal(y, table["observed"])
    np.testing.assert_allclose(half, (table["observed_high"] - table["observed_low"]) / 2)
    assert any(np.array_equal(line.get_xydata(), [[0, 0], [1, 1]]) for line in ax.lines)


def test_reliability_before_and_after_calibration():
    before, after = BEST.copy(), BEST.copy()
    before["gammaness"] = apply_temperature(BEST["gammaness"], 0.4)
    is_gamma = before["true_shower_primary_id"] == 0
    temperature = fit_temperature(before["gammaness"], is_gamma)
    after["gammaness"] = apply_temperature(before["gammaness"], temperature)
    found = {"before": performance.reliability(before), f"after, T = {temperature:.2f}": performance.reliability(after)}
    errors = [table.meta["expected_calibration_error"] for table in found.values()]
    assert errors[1] < errors[0] / 2  # not 0: of 5 events 3 are gammas, which no temperature can tell
    with plots.print_style():
        ax = mpl.figure.Figure(layout="constrained").add_subplot()
        for label, table in found.items():
            plots.plot_reliability(table, ax, label)
        ax.figure.draw_without_rendering()
    texts = ax.get_legend().get_texts()
    for (label, _), error, text in zip(found.items(), errors, texts, strict=True):
        assert text.get_text().startswith(f"{label}, Brier")
        assert text.get_text().endswith(f"ECE {error:.3f}")
        assert text.get_window_extent().x1 <= ax.figure.bbox.x1


def test_loss_curves_without_validation():
    ax = plots.plot_loss_curves(HISTORY["epoch", "loss"])
    assert ax.get_legend_handles_labels()[1] == ["training"]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), HISTORY["loss"])


def test_print_style_is_a_column_wide_embeds_fonts_and_ends():
    before = mpl.rcParams["pdf.fonttype"]
    with plots.print_style():
        ax = plots.plot_roc(performance.roc_curve(BEST))
        file = io.BytesIO()
        ax.figure.savefig(file, format="pdf")
    assert mpl.rcParams["pdf.fonttype"] == before
    assert ax.figure.get_figwidth() * 25.4 == pytest.approx(88)
    pdf = file.getvalue()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    streams = re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    assert any(b" l\n" in zlib.decompressobj().decompress(stream) for stream in streams)  # lines, not pixels
