"""One HTML page that needs no other file: headings, tables, lists and figures, and how they look."""

import base64
from dataclasses import dataclass
from html import escape

import numpy as np

MAX_ROWS = 60  # a longer table is only in its file
STYLE = """
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 0 auto; padding: 1rem; max-width: 46rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid #ccc; }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
h1, h2, h3, p, li, dd, dt, pre { overflow-wrap: anywhere; }
nav { font-size: .9rem; background: #f6f6f6; padding: .5rem 1rem; } nav ul { margin: 0; padding-left: 1.1rem; }
nav > ul { padding: 0; list-style: none; } nav li { margin: .15rem 0; } a { color: #00578a; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
td:first-child { white-space: normal; min-width: 5rem; }
img { width: 100%; max-width: 36rem; height: auto; display: block; }
.scroll { overflow-x: auto; font-size: .9rem; } .small { font-size: .85rem; color: #444; }
details .scroll { font-size: .8rem; } summary { cursor: pointer; font-size: .85rem; padding: .3rem 0; }
.warnings { background: #fff4e5; border-left: 4px solid #d55e00; padding: .5rem 1rem; margin: 1rem 0; }
.warnings ul { margin: .3rem 0; padding-left: 1.1rem; }
pre { background: #f6f6f6; padding: .7rem; white-space: pre-wrap; font-size: .85rem; margin: .5rem 0; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; }
@media (max-width: 30rem) {
  th, td { padding-right: .5rem; } .scroll { font-size: .8rem; }
  nav > ul { columns: 2; column-gap: 1rem; } nav li { break-inside: avoid; } nav ul ul { display: none; }
}
@media (min-width: 64rem) {
  body { max-width: 72rem; display: grid; grid-template-columns: 16rem minmax(0, 1fr); column-gap: 3rem; }
  header { grid-column: 1 / -1; } nav { position: sticky; top: 1rem; align-self: start; max-height: 95vh;
  overflow-y: auto; } main > section:first-child h2 { margin-top: 0; }
}
@media print { nav { display: none; } section { break-inside: avoid-page; } }
"""


@dataclass(frozen=True)
class Section:
    """A part of the page: its heading, HTML, and the sections within; `anchor` is what links to it name."""

    anchor: str
    title: str
    html: str = ""
    parts: tuple = ()


def render_page(title, sections, *, note="", warnings=()):
    """The page as a string.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        Those without anything in them are left out.
    note : str
        A line beneath the title.
    warnings : sequence of str
        Stand above everything.

    Returns
    -------
    str
    """
    sections = [section for section in sections if section.html or section.parts]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    body = [
        f"<header><h1>{escape(title)}</h1>",
        f'<p class="small">{escape(note)}</p>' if note else "",
        f'<div class="warnings"><strong>Warnings</strong>{items(warnings)}</div>' if warnings else "",
        f'</header>\n<nav aria-label="Contents">{_contents(sections)}</nav>\n<main>',
        *(_section(section, 2) for section in sections),
        "</main>",
    ]
    text = "\n".join(part for part in body if part)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{text}\n</body></html>\n'


def _contents(sections):
    lines = (
        f'<li><a href="#{section.anchor}">{escape(section.title)}</a>'
        f"{_contents(section.parts) if section.parts else ''}</li>"
        for section in sections
    )
    return f"<ul>{''.join(lines)}</ul>"


def _section(section, level):
    parts = "\n".join(_section(part, level + 1) for part in section.parts)
    heading = f"<h{level}>{escape(section.title)}</h{level}>"
    return f'<section id="{section.anchor}">{heading}\n{section.html}\n{parts}</section>'


def items(texts):
    """An HTML list of texts."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def small(*texts):
    """HTML paragraphs in small print."""
    return "\n".join(f'<p class="small">{escape(text)}</p>' for text in texts if text)


def links(files):
    """HTML of links to files beside the page."""
    return ", ".join(f'<a href="{name}">{name}</a>' for name in files)


def definition_list(entries):
    """HTML of a dict of names to texts."""
    lines = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items())
    return f"<dl>{lines}</dl>" if lines else ""


def grid(rows):
    """An HTML table; the first row is its head. One wider than the page scrolls."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:]]
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def figure_section(figure, png):
    """A figure of the report: picture, counts, links to its files, numbers.

    Parameters
    ----------
    figure : gammaml.report.figures.Figure
    png : bytes

    Returns
    -------
    Section
    """
    data, labelled = base64.b64encode(png).decode(), len(figure.tables) > 1
    counts = [
        f"{label}: {table.meta['counts']}" if labelled else table.meta["counts"]
        for label, table in figure.tables.items()
        if table.meta.get("counts")
    ]
    files = [f"{figure.name}.pdf", f"{figure.name}.png", *figure.numbers()]
    parts = [
        f'<img alt="{escape(figure.title)}" src="data:image/png;base64,{data}">',
        small(*counts),
        f'<p class="small"><a href="#definitions">definition</a>, {links(files)}</p>',
        *(_numbers(label, table) for label, table in figure.tables.items() if len(table) <= MAX_ROWS),
    ]
    return Section(figure.name, figure.title, "\n".join(part for part in parts if part))


def _numbers(label, table):
    head = f"<summary>numbers: {escape(label)}</summary>"
    return f"<details>{head}{grid(table_rows(table))}</details>"


def table_rows(table):
    """The texts of a table, the first row its column names with their units."""
    names = [f"{name} [{table[name].unit}]" if getattr(table[name], "unit", None) else name for name in table.colnames]
    columns = [np.asarray(getattr(table[name], "value", table[name])) for name in table.colnames]
    return [names, *([_number(value) for value in row] for row in zip(*columns, strict=True))]


def _number(value):
    if not np.issubdtype(np.asarray(value).dtype, np.floating):
        return f"{value}"
    return f"{value:.4g}" if np.isfinite(value) else "–"
