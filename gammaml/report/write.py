"""Compute, draw and write a whole report, or nothing."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.table import vstack

from gammaml import performance, plots
from gammaml.errors import SettingError
from gammaml.report import sections
from gammaml.report.figures import Figure, compute_figures, slug
from gammaml.report.folder import PAGE, check_target, publish, write_figures
from gammaml.report.page import render_page
from gammaml.report.references import with_references


@dataclass(frozen=True)
class Remarks:
    """What a page says besides its numbers.

    Parameters
    ----------
    dataset : dict of str to str
        Of the data; the input files that ``meta["sources"]`` of the tables names are added.
    warnings : sequence of str
        What a reader should know; the report adds its own.
    command : str
        What made the report.
    """

    dataset: dict = field(default_factory=dict)
    warnings: tuple = ()
    command: str = ""


def write_report(tables, output_dir, *, overwrite=False, histories=None, references=(), style=None, remarks=None):
    """Performance of one or more reconstructions of the same events: figures, their numbers, one HTML page.

    Parameters
    ----------
    tables : dict of str to astropy.table.QTable
        Label -> DL2 table of gammas and hadrons; the network first, then what it is compared with.
    output_dir : path
        Appears when whole, or not at all.
    overwrite : bool
        Whether an earlier report there may be replaced.
    histories : dict of str to astropy.table.Table, optional
        Label -> losses of a training, see :func:`gammaml.plots.plot_loss_curves`.
    references : sequence of (str, astropy.table.QTable)
        Names and curves of others, see :func:`gammaml.io.reference.read_reference`, for the figures of their quantity.
    style : dict, optional
        Arguments of :func:`gammaml.plots.print_style`.
    remarks : Remarks, optional

    Returns
    -------
    astropy.table.QTable
        A row a label, as :func:`gammaml.performance.summary`.

    Raises
    ------
    gammaml.errors.InputError
        Where a table holds nothing that can be judged.
    gammaml.errors.SettingError
        Where labels are alike, or `style` names what is not known.
    gammaml.errors.OutputError
        Where `output_dir` exists, or cannot be written.
    """
    target, style, remarks = Path(output_dir).absolute(), style or {}, remarks or Remarks()
    _check_labels(tables)
    check_target(target, overwrite)
    plots.print_style(**style)  # an unknown one is an error before the work
    summary = _summaries(tables)
    figures, problems = compute_figures(tables)
    for label, history in (histories or {}).items():
        figures += Figure("loss", "Loss", plots.plot_loss_curves, {label: history}).per_label()
    figures, unused = with_references(figures, references)
    warnings = list(dict.fromkeys([*remarks.warnings, *_doubts(tables, summary)]))

    def write(folder):
        images = write_figures(folder, figures, style)
        sections.write_summary(folder, summary)
        parts = [
            sections.summary_section(summary),
            sections.figures_section(figures, images),
            sections.missing_section([*problems, *unused]),
            sections.definitions_section(summary, figures),
            *sections.origin_sections(tables, remarks.dataset),
            *sections.making_sections(remarks.command),
        ]
        title = f"Performance of {', '.join(tables)}"
        page = render_page(title, parts, note=summary.meta["counts"], warnings=warnings)
        (folder / PAGE).write_text(page, encoding="utf-8")

    publish(target, write)
    return summary


def _check_labels(tables):
    names = [slug(label) for label in tables]
    if not names or len(set(names)) < len(names):
        got = "no tables" if not names else f"the labels {', '.join(tables)}"
        raise SettingError("tables", got, "labels that differ in letters or digits", "name each table")


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
