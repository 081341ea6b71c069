"""Reports beside each other, from the numbers that they have saved."""

from pathlib import Path

import numpy as np
from astropy.table import QTable, vstack

from gammaml import plots
from gammaml.report import sections
from gammaml.report.folder import PAGE, check_target, publish, write_figures
from gammaml.report.latex import latex_table
from gammaml.report.page import Section, grid, links, render_page, small
from gammaml.report.references import with_references
from gammaml.report.saved import named_folders, read_figures, read_summary
from gammaml.report.text import MEASURES, WEIGHTINGS, difference_grids

FILES = ("differences.ecsv", "differences.tex")
MEASURED = ("label_a", "value_a", "value_a_uncert", "label_b", "value_b", "value_b_uncert")
COLUMNS = ("quantity", *MEASURED, "difference", "difference_uncert", "significance")
TYPES = [str if name == "quantity" or name.startswith("label") else float for name in COLUMNS]
DEFINITION = (
    "Difference of each report and the first, of the rows with the same label, else of those in the same place; "
    "significance: over the uncertainties in quadrature, as if the samples were independent. On the same events the "
    "errors are alike, and differences are more significant than that."
)


def write_comparison(folders, output_dir, *, overwrite=False, references=(), style=None, command=""):
    """Figures with the curves of several reports, and how their summaries differ; no DL2 file is needed.

    Parameters
    ----------
    folders : list of path
        Two or more reports of :func:`gammaml.report.write_report`.
    output_dir : path
        Appears when whole, or not at all.
    overwrite : bool
        Whether an earlier comparison there may be replaced.
    references : sequence of (str, astropy.table.QTable)
        As of :func:`gammaml.report.write_report`.
    style : dict, optional
        Arguments of :func:`gammaml.plots.print_style`.
    command : str
        What made the comparison.

    Returns
    -------
    astropy.table.QTable
        A row a quantity, a pair of labels: quantity, label_a, value_a, value_a_uncert, label_b, value_b,
        value_b_uncert, difference (b - a), difference_uncert, significance.

    Raises
    ------
    gammaml.errors.InputError
        Where a folder is no report, or its files are damaged.
    gammaml.errors.SettingError
        Where there are fewer than two reports.
    gammaml.errors.OutputError
        Where `output_dir` exists, or cannot be written.
    """
    target, style = Path(output_dir).absolute(), style or {}
    check_target(target, overwrite)
    plots.print_style(**style)  # an unknown one is an error before the work
    reports = named_folders(folders)
    summaries = {name: read_summary(folder) for name, folder in reports.items()}
    summary, differences = _stacked(summaries), compare_summaries(summaries)
    figures, problems = read_figures(reports)
    figures, unused = with_references(figures, references)

    def write(folder):
        images = write_figures(folder, figures, style)
        sections.write_summary(folder, summary)
        parts = [
            _differences_section(folder, differences),
            sections.summary_section(summary),
            sections.figures_section(figures, images),
            sections.missing_section([*problems, *unused]),
            sections.definitions_section(summary, figures),
            *sections.making_sections(command),
        ]
        page = render_page(f"Comparison of {' and '.join(reports)}", parts, note=summary.meta["counts"])
        (folder / PAGE).write_text(page, encoding="utf-8")

    publish(target, write)
    return differences


def _differences_section(folder, differences):
    grids = difference_grids(differences)
    differences.write(folder / FILES[0], format="ascii.ecsv")
    tables = (latex_table(rows, DEFINITION, f"tab:differences-{number}") for number, rows in enumerate(grids, start=1))
    (folder / FILES[1]).write_text("\n".join(tables), encoding="ascii")
    below = f'{small(DEFINITION)}<p class="small">{links(FILES)}</p>'
    return Section("differences", "Differences", "<br>".join(map(grid, grids)) + below)


def _stacked(summaries):
    """One summary of all, the labels with the names of their reports."""
    parts = []
    for name, summary in summaries.items():
        part = summary.copy()
        part["label"] = [f"{name}: {label}" for label in summary["label"]]
        parts.append(part)
    stacked = vstack(parts, metadata_conflicts="silent")
    counts = (f"{name}: {summary.meta.get('counts', '')}" for name, summary in summaries.items())
    stacked.meta = {"definition": parts[0].meta.get("definition", ""), "counts": "; ".join(counts)}
    return stacked


def compare_summaries(summaries):
    """How summaries differ from the first of them; see :func:`write_comparison`.

    Parameters
    ----------
    summaries : dict of str to astropy.table.QTable
        Report -> its summary.

    Returns
    -------
    astropy.table.QTable
    """
    (first_name, first), *others = summaries.items()
    rows = [
        _difference(title, column, (first_name, first[a]), (name, other[b]))
        for name, other in others
        for a, b in _pairs(list(first["label"]), list(other["label"]))
        for title, column in _columns(first, other)
    ]
    result = QTable(rows=[row for row in rows if row is not None] or None, names=COLUMNS, dtype=TYPES)
    result.meta["definition"] = DEFINITION
    return result


def _pairs(first, other):
    """Places of rows that are compared: those of one label, and the others in their order."""
    same = [(first.index(label), other.index(label)) for label in first if label in other]
    left = [[i for i, label in enumerate(own) if label not in both] for own, both in ((first, other), (other, first))]
    return sorted([*same, *zip(*left, strict=False)])


def _columns(first, other):
    names = [(f"{title}{words}", f"{name}{end}") for title, name in MEASURES for words, end in WEIGHTINGS]
    return [(title, name) for title, name in names if {name, f"{name}_uncert"} <= {*first.colnames} & {*other.colnames}]


def _difference(title, column, *sides):
    """A row of the result, None where one of them does not know the quantity."""
    (value_a, uncert_a), (value_b, uncert_b) = (
        [float(getattr(row[name], "value", row[name])) for name in (column, f"{column}_uncert")] for _, row in sides
    )
    if not np.isfinite([value_a, value_b]).all():
        return None
    labels = [f"{name}: {row['label']}" for name, row in sides]
    difference, uncert = value_b - value_a, np.hypot(uncert_a, uncert_b)
    significance = difference / uncert if uncert > 0 else np.nan
    return (title, labels[0], value_a, uncert_a, labels[1], value_b, uncert_b, difference, uncert, significance)
