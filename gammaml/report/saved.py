"""What a report has saved, read again."""

from functools import partial
from pathlib import Path

from astropy.table import QTable

from gammaml import plots
from gammaml.errors import InputError, SettingError
from gammaml.report.figures import Figure, slug

DO = "give folders that gammaml evaluate has written"


def named_folders(folders):
    """Name -> folder of each report: its last part, or the two last where the last are alike.

    Raises
    ------
    gammaml.errors.SettingError
        Where there are fewer than two, or names are alike still.
    """
    paths = [Path(folder) for folder in folders]
    for length in (1, 2):
        names = ["/".join(path.absolute().parts[-length:]) for path in paths]
        if len(set(map(slug, names))) == len(names) >= 2:
            return dict(zip(names, paths, strict=True))
    got = ", ".join(names) or "none"
    raise SettingError("reports", got, "two or more folders whose names differ", "rename them, or give others")


def read_summary(folder):
    """The summary of a report."""
    table = _read(folder / "summary.ecsv")
    if "label" not in table.colnames:
        raise InputError(folder / "summary.ecsv", "a table without labels", "the summary of a report", DO)
    return table


def read_figures(reports):
    """The figures of reports, each with the tables of all of them.

    Parameters
    ----------
    reports : dict of str to Path
        Name -> folder.

    Returns
    -------
    figures : list of gammaml.report.figures.Figure
        Labels are ``report: label``. One that holds a single table only stands once for each report.
    problems : list of str
        What cannot be drawn, and why.
    """
    found, problems = {}, []
    for report, path in ((report, path) for report, folder in reports.items() for path in folder.glob("*.ecsv")):
        table = _read(path)
        if "figure" not in table.meta:
            continue
        drawn = table.meta.pop("figure")
        if drawn["plot"] not in plots.__all__:
            problems.append(f"{drawn['title']}, {report}: drawn by {drawn['plot']}, which is not known here")
            continue
        own = f"_{slug(report)}" if drawn["labelled"] else ""
        found.setdefault(f"{drawn['name']}{own}", []).append((report, drawn, table))
    figures = [_figure(name, parts, list(reports)) for name, parts in found.items()]
    figures.sort(key=lambda figure: min(drawn["place"] for _, drawn, _ in found[figure.name]))
    return figures, problems


def _figure(name, parts, order):
    """A figure of (report, how it was drawn, table), in the order of the reports."""
    parts = sorted(parts, key=lambda part: (order.index(part[0]), part[1]["series"]))
    report, drawn, _ = parts[0]
    title = f"{drawn['title']}, {report}" if drawn["labelled"] else drawn["title"]
    tables = {f"{report}: {drawn['label']}": table for report, drawn, table in parts}
    plot = partial(getattr(plots, drawn["plot"]), **drawn["options"])
    return Figure(name, title, plot, tables, drawn["height"], drawn["labelled"])


def _read(path):
    try:
        return QTable.read(path, format="ascii.ecsv")
    except FileNotFoundError as error:
        raise InputError(path.parent, f"no {path.name} in it", "a report", DO) from error
    except (OSError, ValueError) as error:
        raise InputError(path, f"a damaged table ({str(error).splitlines()[0]})", "a table of a report", DO) from error
