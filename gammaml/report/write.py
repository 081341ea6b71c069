"""Compute, draw and write a whole report, or nothing."""

import os
import tempfile
from pathlib import Path

import numpy as np
from astropy.table import QTable, vstack

from gammaml import performance, plots
from gammaml.errors import OutputError, SettingError
from gammaml.report.figures import Figure, compute_figures, slug
from gammaml.report.page import render_page

SUFFIXES = (".html", ".pdf", ".png", ".ecsv")
UNDATED = {"CreationDate": None}  # the same numbers give the same PDF


def write_report(tables, output_dir, *, overwrite=False, dataset=None, histories=None, warnings=()):
    """Performance of one or more reconstructions of the same events: figures, their numbers, one HTML page.

    Parameters
    ----------
    tables : dict of str to astropy.table.QTable
        Label -> DL2 table of gammas and hadrons; the network first, then what it is compared with.
    output_dir : path
        Appears when whole, or not at all.
    overwrite : bool
        Whether an earlier report there may be replaced.
    dataset : dict of str to str, optional
        What the page says of the data; the input files that ``meta["sources"]`` of the tables names are added.
    histories : dict of str to astropy.table.Table, optional
        Label -> losses of a training, see :func:`gammaml.plots.plot_loss_curves`.
    warnings : sequence of str
        What a reader should know; the report adds its own.

    Returns
    -------
    astropy.table.QTable
        A row a label, as :func:`gammaml.performance.summary`.

    Raises
    ------
    gammaml.errors.InputError
        Where a table holds nothing that can be judged.
    gammaml.errors.OutputError
        Where `output_dir` exists, or cannot be written.
    """
    target = Path(output_dir).absolute()
    _check_labels(tables)
    _check_target(target, overwrite)
    summary = _summaries(tables)
    figures, problems = compute_figures(tables)
    for label, history in (histories or {}).items():
        figures += Figure("loss", "Loss", plots.plot_loss_curves, {label: history}).per_label()
    notes = [*warnings, *_doubts(tables, summary), *problems]
    about = _sources(tables) | (dataset or {})
    try:
        _publish(target, lambda folder: _write(folder, summary, figures, about, list(dict.fromkeys(notes))))
    except OSError as error:
        raise OutputError(target, error.strerror or str(error), "a folder to write in", "choose another") from error
    return summary


def _check_labels(tables):
    names = [slug(label) for label in tables]
    if not names or len(set(names)) < len(names):
        got = "no tables" if not names else f"the labels {', '.join(tables)}"
        raise SettingError("tables", got, "labels that differ in letters or digits", "name each table")


def _check_target(target, overwrite):
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(target, "a file of that name", "a new folder", "choose another name")
    if not overwrite:
        raise OutputError(target, "an existing folder", "a new folder", "choose another name, or overwrite it")
    foreign = [path.name for path in sorted(target.iterdir()) if path.is_dir() or path.suffix not in SUFFIXES]
    if foreign:
        got = f"a folder with other things in it ({foreign[0]})"
        raise OutputError(target, got, "an earlier report", "choose another name; it will not be overwritten")


def _summaries(tables):
    rows = []
    for label, table in tables.items():
        row = performance.summary(table)
        row.add_column([label], name="label", index=0)
        rows.append(row)
    result = vstack(rows, metadata_conflicts="silent")
    result.meta = rows[0].meta | {
        "counts": "; ".join(f"{label}: {row.meta['counts']}" for label, row in zip(tables, rows, strict=True)),
        "unweighted_because": next((text for row in rows if (text := row.meta["unweighted_because"])), ""),
    }
    return result


def _doubts(tables, summary):
    """What makes the numbers less certain than their uncertainties say."""
    for label, table in tables.items():
        if "in_training" not in table.colnames:
            yield f"{label}: the table does not say which events took part in the training (no column in_training)."
    first, *others = (_keys(table) for table in tables.values())
    if not all(np.array_equal(first, keys) for keys in others):
        yield "The labels were not evaluated on the same events."
    if summary.meta["unweighted_because"]:
        yield f"No weighted values: {summary.meta['unweighted_because']}"


def _keys(table):
    """Sorted keys (n_rows, n_keys) of the test events."""
    events = performance.test_events(table)
    names = [name for name in ("obs_id", "event_id", "tel_id") if name in events.colnames]
    return np.unique(np.stack([np.asarray(events[name]) for name in names], axis=1), axis=0)


def _sources(tables):
    """Name -> SHA-256 of the input files."""
    sources = (source for table in tables.values() for source in table.meta.get("sources", ()))
    return {source["name"]: f"SHA-256 {source['sha256']}" for source in sources}


def _write(folder, summary, figures, dataset, warnings):
    images = {}
    with plots.print_style():
        for figure in figures:
            drawn = figure.draw()
            drawn.savefig(folder / f"{figure.name}.pdf", metadata=UNDATED)
            drawn.savefig(folder / f"{figure.name}.png")
            images[figure.name] = (folder / f"{figure.name}.png").read_bytes()
    for figure in figures:
        for label, table in figure.tables.items():
            QTable(table).write(folder / figure.table_name(label), format="ascii.ecsv")
    summary.write(folder / "summary.ecsv", format="ascii.ecsv")
    page = render_page(summary, figures, images, dataset, warnings)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _publish(target, write):
    """Let `write` fill a folder beside `target`, then rename it; what was there goes only when that is done."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        new.mkdir()
        write(new)
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(new, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
