"""The folder of a report: what may be replaced, and how it appears whole or not at all."""

import os
import tempfile
from pathlib import Path

from gammaml import plots
from gammaml.errors import OutputError

PAGE = "index.html"
SUFFIXES = (".html", ".pdf", ".png", ".ecsv")
LATEX = ("summary.tex", "differences.tex")  # other files of TeX are a paper
UNDATED = {"CreationDate": None}  # the same numbers give the same PDF


def check_target(target, overwrite):
    """Raise where `target` exists, unless it is an earlier report and `overwrite` is given."""
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(target, "a file of that name", "a new folder", "choose another name")
    if not overwrite:
        raise OutputError(target, "an existing folder", "a new folder", "choose another name, or overwrite it")
    if foreign := [path.name for path in sorted(target.iterdir()) if not _is_own(path)]:
        got = f"a folder with other things in it ({foreign[0]})"
        raise OutputError(target, got, "an earlier report", "choose another name; it will not be overwritten")


def _is_own(path):
    return path.is_file() and (path.suffix in SUFFIXES or path.name in LATEX)


def write_figures(folder, figures, style):
    """Draw figures as PDF and PNG, and write their numbers.

    Parameters
    ----------
    folder : Path
    figures : list of gammaml.report.figures.Figure
    style : dict
        Arguments of :func:`gammaml.plots.print_style`.

    Returns
    -------
    dict of str to bytes
        PNG data by figure name.
    """
    images = {}
    with plots.print_style(**style):
        for figure in figures:
            drawn = figure.draw()
            drawn.savefig(folder / f"{figure.name}.pdf", metadata=UNDATED)
            drawn.set_layout_engine("none")  # it stays as it is, and need not be found again
            drawn.savefig(folder / f"{figure.name}.png")
            images[figure.name] = (folder / f"{figure.name}.png").read_bytes()
    for place, figure in enumerate(figures):
        for name, table in figure.numbers(place).items():
            table.write(folder / name, format="ascii.ecsv")
    return images


def publish(target, write):
    """Let `write` fill a folder beside `target`, then rename it; what was there goes only when that is done.

    Raises
    ------
    gammaml.errors.OutputError
        Where that cannot be written.
    """
    try:
        _publish(target, write)
    except OSError as error:
        raise OutputError(target, error.strerror or str(error), "a folder to write in", "choose another") from error


def _publish(target, write):
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
