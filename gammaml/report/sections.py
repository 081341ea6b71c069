"""The sections that a report and a comparison of reports have in common."""

from html import escape

from gammaml.report import origin
from gammaml.report.latex import summary_latex
from gammaml.report.page import Section, definition_list, figure_section, grid, items, links
from gammaml.report.text import summary_rows

SUMMARY_FILES = ("summary.ecsv", "summary.tex")


def write_summary(folder, summary):
    """The summary as ECSV and as a LaTeX table."""
    table, latex = (folder / name for name in SUMMARY_FILES)
    summary.write(table, format="ascii.ecsv")
    latex.write_text(summary_latex(summary), encoding="ascii")


def summary_section(summary):
    """The whole samples in numbers."""
    below = f'<p class="small"><a href="#definitions">definitions</a>, {links(SUMMARY_FILES)}</p>'
    return Section("summary", "Summary", f"{grid(summary_rows(summary))}\n{below}")


def figures_section(figures, images):
    """All figures; `images` are their PNG data by name."""
    return Section("figures", "Figures", parts=tuple(figure_section(each, images[each.name]) for each in figures))


def missing_section(problems):
    """The figures that could not be made or are in doubt, and why."""
    return Section("missing", "Not in this report, or in doubt", items(problems))


def definitions_section(summary, figures):
    """What was computed, figure by figure."""
    found = {"Summary": summary.meta["definition"]}
    for figure in figures:
        texts = dict.fromkeys(table.meta.get("definition", "") for table in figure.tables.values())
        found[figure.title] = " ".join(filter(None, texts))
    merged = {}
    for title, text in found.items():
        if text:
            merged.setdefault(text, []).append(title)
    return Section("definitions", "Definitions", definition_list({", ".join(k): text for text, k in merged.items()}))


def origin_sections(tables, dataset):
    """Where the events and their reconstructions come from."""
    trained = tuple(
        Section(f"training-{number}", title, definition_list(facts))
        for number, (title, facts) in enumerate(origin.training(tables).items())
    )
    simulated = origin.simulations(tables)
    return [
        Section("cuts", "Cuts", definition_list(origin.cuts(tables))),
        Section("dataset", "Dataset", definition_list(origin.sources(tables) | dataset)),
        Section("simulations", "Simulations", grid(simulated) if simulated else ""),
        Section("training", "Training", parts=trained),
        Section("seeds", "Seeds", definition_list(origin.seeds(tables))),
    ]


def making_sections(command):
    """With what versions the page was made, and by what command."""
    return [
        Section("versions", "Versions", definition_list(origin.versions())),
        Section("command", "Command", f"<pre>{escape(command)}</pre>" if command else ""),
    ]
