"""Reports are compared by what they have saved."""

from functools import partial

import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import make_events, some_figures

from gammaml import performance, plots, report
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.report import compare, saved
from gammaml.report.figures import Figure


def made(quality, seed, n=500):
    parts = [make_events(n, primary, np.random.default_rng([seed, primary]), quality=quality) for primary in (0, 101)]
    both = performance.combine(parts)
    both["in_training"] = False
    return both


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Two reports, the second of a better network beside the same forest."""
    folder = tmp_path_factory.mktemp("reports")
    forest = made(0.6, 3)
    with some_figures("roc", "migration_matrix_forest", "migration_matrix_resnet", "angular_resolution"):
        report.write_report({"resnet": made(0.8, 1), "forest": forest}, folder / "first")
        report.write_report({"transformer": made(1.3, 2), "forest": forest}, folder / "second")
    return [folder / "first", folder / "second"]


@pytest.fixture(scope="module")
def compared(reports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared") / "out"
    return folder, report.write_comparison(reports, folder, command="gammaml compare first second -o out")


def test_significance_is_difference_over_combined_error(compared):
    _, table = compared
    row = table[(table["quantity"] == "AUC") & (table["label_a"] == "first: resnet")]
    assert list(row["label_b"]) == ["second: transformer"]
    assert row["difference"] == row["value_b"] - row["value_a"] > 0.05
    expected = row["difference"] / np.hypot(row["value_a_uncert"], row["value_b_uncert"])
    np.testing.assert_allclose(row["significance"], expected)
    assert row["significance"] > 5
    same = table[table["label_a"] == "first: forest"]
    assert set(same["label_b"]) == {"second: forest"}
    np.testing.assert_allclose(same["difference"], 0)
    np.testing.assert_allclose(same["significance"], 0)


def test_known_numbers():
    columns = ("label", "auc", "auc_uncert", "energy_bias", "energy_bias_uncert")
    first = QTable(rows=[("CNN", 0.90, 0.03, np.nan, np.nan)], names=columns)
    second = QTable(rows=[("CNN", 0.95, 0.04, 0.1, 0.1)], names=columns)
    (row,) = compare.compare_summaries({"a": first, "b": second})
    assert row["quantity"] == "AUC"
    np.testing.assert_allclose([row["difference"], row["difference_uncert"], row["significance"]], [0.05, 0.05, 1.0])
    text = report.difference_text(compare.compare_summaries({"a": first, "b": second}))
    assert "0.900 ± 0.030" in text
    assert text.endswith("0.050 ± 0.050  1.0 σ")


def test_every_report_is_compared_with_the_first():
    row = QTable(rows=[("CNN", 0.9, 0.01)], names=("label", "auc", "auc_uncert"))
    table = compare.compare_summaries({"a": row, "b": row, "c": row})
    assert list(table["label_a"]) == ["a: CNN", "a: CNN"]
    assert list(table["label_b"]) == ["b: CNN", "c: CNN"]


def test_nothing_in_common_is_an_empty_table():
    first = QTable(rows=[("CNN", 0.9, 0.01)], names=("label", "auc", "auc_uncert"))
    second = QTable(rows=[("CNN", 0.9, 0.01)], names=("label", "energy_bias", "energy_bias_uncert"))
    assert len(compare.compare_summaries({"a": first, "b": second})) == 0


def test_figures_have_the_curves_of_all_reports_in_their_order(reports):
    figures, problems = saved.read_figures(saved.named_folders(reports))
    assert problems == []
    found = {figure.name: figure for figure in figures}
    labels = ["first: resnet", "first: forest", "second: transformer", "second: forest"]
    assert list(found["roc"].tables) == labels
    assert found["roc"].plot.func is plots.plot_roc
    assert [name for name in found if not name.startswith("migration")] == ["roc", "angular_resolution"]
    matrices = {name: list(figure.tables) for name, figure in found.items() if name.startswith("migration")}
    assert matrices["migration_matrix_forest_first"] == ["first: forest"]
    assert len(matrices) == 3
    ax = found["angular_resolution"].draw().axes[0]
    assert ax.get_legend_handles_labels()[1] == [f"{label}, {level} %" for label in labels for level in (68, 95)]
    for container, (label, table) in zip(ax.containers[::2], found["angular_resolution"].tables.items(), strict=True):
        shown = table[np.isfinite(table["angular_resolution_uncert"])]
        np.testing.assert_allclose(container.lines[0].get_ydata(), shown["angular_resolution"].value, err_msg=label)


def test_the_folder_of_a_comparison(compared):
    folder, table = compared
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "differences.ecsv", "differences.tex", "summary.ecsv", "summary.tex", "roc.pdf"} <= names
    assert "roc_second-transformer.ecsv" in names
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == len([name for name in names if name.endswith(".png")])
    assert "as if the samples were independent" in page
    assert page.index("<th>first: resnet</th><th>second: transformer</th>") < page.index("<th>first: forest</th>")
    assert "gammaml compare first second -o out" in page
    np.testing.assert_array_equal(QTable.read(folder / "differences.ecsv")["significance"], table["significance"])
    assert len(QTable.read(folder / "summary.ecsv")) == 4


def test_a_comparison_replaces_only_a_comparison(reports, compared, tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "read_figures", lambda _: ([], ["none"]))
    with pytest.raises(OutputError, match="existing folder"):
        report.write_comparison(reports, compared[0])
    report.write_comparison(reports, tmp_path / "out")
    report.write_comparison(reports, tmp_path / "out", overwrite=True)
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        report.write_comparison(reports, tmp_path / "out", overwrite=True)


def test_folders_of_one_name_get_that_of_their_parents(tmp_path):
    folders = [tmp_path / "a" / "report", tmp_path / "b" / "report"]
    assert list(saved.named_folders(folders)) == ["a/report", "b/report"]
    for wrong in (folders[:1], [folders[0], folders[0]], []):
        with pytest.raises(SettingError, match="two or more folders"):
            saved.named_folders(wrong)


def test_a_folder_that_is_no_report(reports, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no summary\.ecsv in it"):
        report.write_comparison([reports[0], tmp_path / "empty"], tmp_path / "out")
    (tmp_path / "empty" / "summary.ecsv").write_text("garbage")
    with pytest.raises(InputError, match="damaged table") as caught:
        report.write_comparison([reports[0], tmp_path / "empty"], tmp_path / "out")
    assert "\n" not in str(caught.value)
    QTable({"a": [1]}).write(tmp_path / "empty" / "summary.ecsv", overwrite=True)
    with pytest.raises(InputError, match="without labels"):
        report.write_comparison([reports[0], tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_options_of_a_plot_are_kept(tmp_path):
    def plot_roc(table, ax, label, *, levels):
        raise NotImplementedError

    table = QTable({"a": [1.0]})
    drawn = Figure("x", "X", partial(plot_roc, levels=(68, 95)), {"CNN": table})
    for name, numbers in drawn.numbers().items():
        numbers.write(tmp_path / name, format="ascii.ecsv")
    (found,), problems = saved.read_figures({"first": tmp_path})
    assert problems == []
    assert found.plot.func is plots.plot_roc
    assert tuple(found.plot.keywords["levels"]) == (68, 95)


def test_a_figure_of_a_later_version_is_left_out(reports, tmp_path):
    table = QTable({"a": [1]})
    table.meta["figure"] = {"plot": "plot_of_tomorrow", "title": "Tomorrow", "name": "x", "labelled": False}
    table.write(tmp_path / "x.ecsv")
    figures, problems = saved.read_figures({"first": reports[0], "later": tmp_path})
    assert problems == ["Tomorrow, later: drawn by plot_of_tomorrow, which is not known here"]
    assert figures
