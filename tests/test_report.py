"""A report is whole or not there, self-contained, and says the numbers that were put in."""

import base64
import re

import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import make_events, some_figures, with_uncertainties

from gammaml import performance, report
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.report import figures, write
from gammaml.report.text import value_text

PER_LABEL = ("migration_matrix", "correlations", "profile")
HISTORY = QTable({"epoch": [1, 2], "loss": [0.7, 0.5]})


def made(quality, n=600):
    parts = [make_events(n, primary, np.random.default_rng(primary), quality=quality) for primary in (0, 101)]
    both = performance.combine(parts)
    both["in_training"] = np.arange(len(both)) % 5 == 0
    return both


@pytest.fixture(scope="module")
def tables():
    return {"CNN": made(1.0), "random forest": made(0.6)}


@pytest.fixture(scope="module")
def written(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "deep" / "figures"
    summary = report.write_report(
        tables,
        folder,
        histories={"energy": HISTORY},
        remarks=report.Remarks({"site": "<nowhere>"}, ("mind the gap",), "gammaml evaluate 'a b.h5'"),
    )
    return folder, summary


@pytest.fixture
def one_figure():
    """Reports of one figure, where the figures themselves do not matter."""
    with some_figures("roc"):
        yield


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_figure_has_its_files_and_numbers(written, tables):
    folder, _ = written
    stems = ["roc", "auc_true_energy", "gammaness", "reliability", "energy_resolution", "angular_resolution"]
    stems += ["effective_area", "precision_recall", "quality_factor", "point_spread"]
    both = len(stems)
    stems += [f"{name}_{label}" for name in PER_LABEL for label in ("cnn", "random-forest")] + ["loss_energy"]
    expected = [f"{stem}.{suffix}" for stem in stems for suffix in ("pdf", "png")]
    expected += [f"{stem}_{label}.ecsv" for stem in stems[:both] for label in ("cnn", "random-forest")]
    expected += [f"{stem}.ecsv" for stem in stems[both:]]
    assert names(folder) == sorted([*expected, "index.html", "summary.ecsv", "summary.tex"])
    assert names(folder.parent) == ["figures"]
    saved = QTable.read(folder / "angular_resolution_cnn.ecsv")
    computed = performance.angular_resolution(tables["CNN"], performance.energy_bins(tables["CNN"]))
    np.testing.assert_array_equal(saved["angular_resolution"], computed["angular_resolution"])
    assert saved.meta["definition"] == computed.meta["definition"]


def test_page_is_self_contained(written):
    page = (written[0] / "index.html").read_text(encoding="utf-8")
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 17
    for source in sources:
        kind, data = source.split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
    assert not re.search(r"https?:|<script|<link|@import", page)
    links = set(re.findall(r'href="([^"#]*)"', page))
    assert links
    assert links == set(names(written[0])) - {"index.html"}
    anchors, ids = re.findall(r'href="#([^"]*)"', page), re.findall(r'id="([^"]*)"', page)
    assert set(anchors) == set(ids)
    assert len(set(ids)) == len(ids)


def test_page_says_what_was_done(written, tables):
    page = (written[0] / "index.html").read_text(encoding="utf-8")
    assert "&lt;nowhere&gt;" in page
    assert "<nowhere>" not in page
    assert "mind the gap" in page
    assert "240 seen in training" in page
    for package in ("gammaml", "pyirf", "numpy"):
        assert f"<dt>{package}</dt>" in page
    auc = performance.auc(tables["CNN"])
    assert f"{auc.value:.3f} ± {auc.uncertainty:.3f}" in page or f"{auc.value:.4f} ± {auc.uncertainty:.4f}" in page


def test_summary_has_a_row_a_label(written, tables):
    folder, summary = written
    assert list(summary["label"]) == ["CNN", "random forest"]
    for row, table in zip(summary, tables.values(), strict=True):
        expected = performance.summary(table)[0]
        assert row["auc"] == expected["auc"]
        assert row["angular_resolution"] == expected["angular_resolution"]
    assert QTable.read(folder / "summary.ecsv")["energy_width"][1] == summary["energy_width"][1]


def test_summary_text_lines_up(written):
    text = report.summary_text(written[1])
    lines = text.split("\n")
    start = lines[0].index("random forest")
    assert lines[1].startswith("AUC")
    assert all(line[start - 1] == " " and line[start] != " " for line in lines)
    assert "angular resolution, deg" in text
    assert "nan" not in text


def test_0_has_no_sign():
    assert [value_text(-1e-5, error) for error in (0.01, np.nan)] == ["0.000 ± 0.010", "-1e-05"]


def test_existing_folder_stays_as_it_is(tables, tmp_path, one_figure):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "roc.pdf").write_text("old")
    with pytest.raises(OutputError, match="existing folder"):
        report.write_report(tables, folder)
    assert (folder / "roc.pdf").read_text() == "old"
    report.write_report(tables, folder, overwrite=True)
    assert (folder / "roc.pdf").read_bytes().startswith(b"%PDF")
    assert names(tmp_path) == ["figures"]


@pytest.mark.parametrize("stranger", ["thesis.tex", "data.h5"])
def test_a_folder_with_other_things_is_never_replaced(tables, tmp_path, stranger):
    (tmp_path / stranger).write_text("years of work")
    with pytest.raises(OutputError, match=stranger):
        report.write_report(tables, tmp_path, overwrite=True)
    assert (tmp_path / stranger).read_text() == "years of work"


def test_a_file_is_never_replaced(tables, tmp_path):
    path = tmp_path / "figures"
    path.write_text("")
    with pytest.raises(OutputError, match="a file"):
        report.write_report(tables, path, overwrite=True)


@pytest.mark.parametrize("earlier", [False, True])
def test_an_interrupted_report_leaves_nothing(tables, tmp_path, monkeypatch, one_figure, earlier):
    folder = tmp_path / "figures"
    if earlier:
        folder.mkdir()
        (folder / "index.html").write_text("old")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "render_page", interrupt)
    with pytest.raises(KeyboardInterrupt):
        report.write_report(tables, folder, overwrite=earlier)
    assert names(tmp_path) == (["figures"] if earlier else [])
    assert not earlier or (folder / "index.html").read_text() == "old"


def test_a_place_that_cannot_be_written(tables, tmp_path, one_figure):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        report.write_report(tables, tmp_path / "file" / "figures")


def test_only_the_tasks_that_are_there(tables, tmp_path):
    table = tables["CNN"][::2]
    table.remove_columns(["gammaness", "reco_alt"])
    report.write_report({"energy only": table}, tmp_path / "out")
    stems = {path.stem for path in (tmp_path / "out").glob("*.pdf")}
    assert stems == {"energy_resolution", "migration_matrix_energy-only", "effective_area"}
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "energy only, left out" not in page


def test_what_cannot_be_computed_becomes_a_warning(tables, tmp_path):
    table = tables["CNN"][tables["CNN"]["true_shower_primary_id"] == 0]
    table.remove_columns(["in_training", "reco_alt", "reco_az"])
    table.meta["simulation"] = None
    table["gammaness"] = np.asarray(table["gammaness"])
    report.write_report({"CNN": table}, tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    for text in (
        "gammas only",
        "left out ROC curve, AUC in bins of true energy,",
        "no simulated runs",
        "no column in_training",
        "No weighted values",
    ):
        assert text in page
    assert re.search("<li>CNN, left out ROC curve, .*: DL2 table: got gammas only", page)
    assert re.search("<li>CNN, left out Effective area: DL2 table: got no simulated runs", page)
    assert re.search("<li>left out .*Angular resolution.*: none of the tables has the columns", page)
    assert not (tmp_path / "out" / "roc.pdf").exists()


def test_labels_on_different_events_are_a_warning(tables, tmp_path, one_figure):
    table = tables["CNN"]
    report.write_report({"CNN": table, "forest": table[:-100]}, tmp_path / "out")
    assert "not evaluated on the same events" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_input_files_are_named(tables, tmp_path, one_figure):
    table = tables["CNN"].copy()
    table.meta["sources"] = ({"name": "gamma.dl1.h5", "sha256": "abc123"},)
    report.write_report({"CNN": table}, tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "gamma.dl1.h5" in page
    assert "abc123" in page


def test_image_intensity_where_a_table_has_it(tables):
    table = tables["CNN"].copy()
    table["hillas_intensity"] = 100 * table["true_energy"].value
    table["hillas_intensity"][::3] = np.nan
    found, problems = figures.compute_figures({"forest": tables["random forest"], "CNN": table})
    counts = next(figure for figure in found if figure.name == "auc_intensity").tables
    assert list(counts) == ["CNN"]
    assert 0 < np.sum(counts["CNN"]["n_gamma"] + counts["CNN"]["n_hadron"]) < len(table)
    assert all("quality factor" in problem or "none of the tables has the columns" in problem for problem in problems)


def test_pulls_and_coverage_of_the_tables_that_state_uncertainties(tables, tmp_path, monkeypatch):
    stated = with_uncertainties(tables["CNN"][::2], np.random.default_rng(0))
    unknown = stated.copy()
    unknown["ang_distance_uncert"] = unknown["ang_distance_uncert"] * np.nan
    unknown.remove_column("reco_energy_uncert")
    together = {"CNN": stated, "Hillas": unknown, "random forest": tables["random forest"][::2]}
    found, problems = figures.compute_figures(together)
    assert all("quality factor" in problem or "none of the tables has the columns" in problem for problem in problems)
    names_of = {figure.name: list(figure.tables) for figure in found}
    cnn_alone = {f"{name}_cnn" for name in PER_LABEL}
    uncertain = {f"{what}_{quantity}" for what in ("pulls", "coverage") for quantity in ("energy", "direction")}
    assert {name for name, labels in names_of.items() if labels == ["CNN"]} == uncertain | cnn_alone
    chosen = [figure for figure in found if figure.name in uncertain]
    monkeypatch.setattr(write, "compute_figures", lambda _: (chosen, []))
    report.write_report({"CNN": stated}, tmp_path / "out")
    expected = [f"{name}{ending}" for name in uncertain for ending in (".pdf", ".png", "_cnn.ecsv")]
    assert names(tmp_path / "out") == sorted([*expected, "index.html", "summary.ecsv", "summary.tex"])
    saved = QTable.read(tmp_path / "out" / "pulls_energy_cnn.ecsv")
    assert saved.meta["width"] == performance.pulls(stated).meta["width"]


def test_uncertainties_that_only_some_files_state(tables):
    gammas = tables["CNN"][tables["CNN"]["true_shower_primary_id"] == 0]
    stated = with_uncertainties(gammas, np.random.default_rng(0))
    both = performance.combine([stated, tables["CNN"][tables["CNN"]["true_shower_primary_id"] == 101]])
    found = {figure.name: figure for figure in figures.compute_figures({"CNN": both})[0]}
    pulls = found["pulls_direction"].tables["CNN"]
    assert pulls.meta["n_events"] == np.sum(~stated["in_training"])


@pytest.mark.parametrize("labels", [(), ("CNN", "cnn")])
def test_labels_must_differ(tables, tmp_path, labels):
    with pytest.raises(SettingError):
        report.write_report(dict.fromkeys(labels, tables["CNN"]), tmp_path / "out")


def test_nothing_to_judge_is_an_error_and_writes_nothing(tables, tmp_path):
    table = tables["CNN"].copy()
    table.remove_columns(["gammaness", "reco_energy", "reco_alt"])
    with pytest.raises(InputError) as caught:
        report.write_report({"CNN": table}, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_same_input_gives_the_same_files(tables, written, tmp_path, one_figure):
    report.write_report(tables, tmp_path / "again")
    for name in ("roc.pdf", "roc.png", "roc_cnn.ecsv", "summary.ecsv"):
        assert (tmp_path / "again" / name).read_bytes() == (written[0] / name).read_bytes()
