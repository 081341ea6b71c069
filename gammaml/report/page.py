"""The report as one HTML page that needs no other file."""

import base64
import platform
from datetime import UTC, datetime
from html import escape
from importlib import metadata

import numpy as np

import gammaml
from gammaml.report.text import summary_rows

PACKAGES = ("numpy", "scipy", "astropy", "pyirf", "scikit-learn", "ctapipe", "keras", "tensorflow", "matplotlib")
MAX_ROWS = 60  # a longer table is only in its file
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
img { width: 100%; max-width: 36rem; display: block; }
.scroll { overflow-x: auto; font-size: .8rem; } .small { font-size: .85rem; color: #444; }
.warnings { background: #fff4e5; border-left: 4px solid #d55e00; padding: .5rem 1rem; }
summary { cursor: pointer; font-size: .85rem; } dt { font-weight: 600; } dd { margin: 0 0 .3rem 1rem; }
"""


def render_page(summary, figures, images, dataset, warnings):
    """The page as a string.

    Parameters
    ----------
    summary : astropy.table.QTable
    figures : list of gammaml.report.figures.Figure
    images : dict of str to bytes
        PNG data by figure name.
    dataset : dict of str to str
    warnings : list of str

    Returns
    -------
    str
    """
    labels = ", ".join(escape(str(label)) for label in summary["label"])
    body = [
        f"<h1>Performance of {labels}</h1>",
        _warnings(warnings),
        "<h2>Summary</h2>",
        _grid(summary_rows(summary)),
        f'<p class="small">{escape(summary.meta["definition"])}</p>',
        *(_figure(figure, images[figure.name]) for figure in figures),
        _definition_list("Dataset", dataset),
        _definition_list("Versions", versions()),
    ]
    head = f'<meta charset="utf-8"><title>Performance of {labels}</title><style>{STYLE}</style>'
    text = "\n".join(part for part in body if part)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{text}\n</body></html>\n'


def versions():
    """Name -> version of gammaml and of what it computed with, and when."""
    found = {"gammaml": gammaml.__version__, "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {"written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def _warnings(warnings):
    items = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<div class="warnings"><strong>Warnings</strong><ul>{items}</ul></div>' if items else ""


def _definition_list(title, entries):
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items())
    return f"<h2>{title}</h2>\n<dl>{items}</dl>" if items else ""


def _figure(figure, png):
    title, data = escape(figure.title), base64.b64encode(png).decode()
    definitions = dict.fromkeys(table.meta.get("definition", "") for table in figure.tables.values())
    counts = [f"{label}: {table.meta['counts']}" for label, table in figure.tables.items() if "counts" in table.meta]
    files = [f"{figure.name}.{kind}" for kind in ("pdf", "png")]
    files += [figure.table_name(label) for label in figure.tables]
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in files)
    return "\n".join(
        [
            f'<h2 id="{figure.name}">{title}</h2>',
            f'<img alt="{title}" src="data:image/png;base64,{data}">',
            *(f'<p class="small">{escape(text)}</p>' for text in [*definitions, *counts] if text),
            f'<p class="small">{links}</p>',
            *(_numbers(label, table) for label, table in figure.tables.items() if len(table) <= MAX_ROWS),
        ]
    )


def _numbers(label, table):
    names = [f"{name} [{table[name].unit}]" if getattr(table[name], "unit", None) else name for name in table.colnames]
    columns = [np.asarray(getattr(table[name], "value", table[name])) for name in table.colnames]
    cells = [[_number(value) for value in row] for row in zip(*columns, strict=True)]
    head = f"<summary>numbers: {escape(label)}</summary>"
    return f'<details>{head}<div class="scroll">{_grid([names, *cells])}</div></details>'


def _number(value):
    if not np.issubdtype(np.asarray(value).dtype, np.floating):
        return f"{value}"
    return f"{value:.4g}" if np.isfinite(value) else "–"


def _grid(rows):
    """An HTML table; the first row is its head."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:]]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
