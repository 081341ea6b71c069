"""One look for all figures: sizes, colours, axes, and the definition beneath."""

import math
import textwrap
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from gammaml.plots.names import axis_name, is_logarithmic

COLUMN_WIDTH = 88 / 25.4  # inches; a column of A&A is 88 mm wide
BLUE, ORANGE, GREEN, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"  # Okabe & Ito 2008
COLORS = (BLUE, ORANGE, GREEN, PURPLE, BLACK)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
SERIES = "gammaml-series-"
NOTE = "gammaml-note"
MINOR_LABEL_SPAN = 100  # of an energy axis; narrower ones have labels within the decades
NOTE_INDENT = 32  # points
NOTE_CHARACTERS = 33  # of the note, for each inch of the axes

PRINT_STYLE = MappingProxyType(
    {
        "figure.figsize": (COLUMN_WIDTH, 0.9 * COLUMN_WIDTH),
        "figure.dpi": 150,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 300,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "font.family": "sans-serif",
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.linewidth": 0.6,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "lines.linewidth": 1.1,
        "lines.markersize": 3.5,
        "errorbar.capsize": 0,
    }
)


def print_style():
    """A context in which figures are made and saved for a journal's column: PDF with embedded TrueType fonts."""
    return mpl.rc_context(dict(PRINT_STYLE))


def axes(ax, stretch=1.0):
    """`ax`, or that of a new figure `stretch` times as high as usual."""
    if ax is None:
        width, height = mpl.rcParams["figure.figsize"]
        ax = plt.subplots(layout="constrained", figsize=(width, height * stretch))[1]
    return ax


def next_series(ax):
    """Colour, line style and marker that `ax` has not used yet, as arguments of a line."""
    drawn = {artist.get_gid() for artist in ax.get_children() if str(artist.get_gid()).startswith(SERIES)}
    return series(len(drawn))


def series(number):
    """The `number`-th colour, line style and marker."""
    return {
        "color": COLORS[number % len(COLORS)],
        "linestyle": LINES[number % len(LINES)],
        "marker": MARKERS[number % len(MARKERS)],
        "gid": f"{SERIES}{number}",
    }


def energy_axis(axis, label="true energy [TeV]"):
    """Make `axis` (``ax.xaxis`` or ``ax.yaxis``) logarithmic, its ticks plain numbers."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_label_text(label)
    axis.set_major_locator(LogLocator(10))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: _minor_label(value, axis)))


def binned_axis(axis, table, prefix=""):
    """Name and scale `axis` by what the bins of `table` are of, ``meta["column"]`` or true energy.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
    table : astropy.table.QTable
        With the edges ``<prefix>low`` and ``<prefix>high``.
    prefix : str

    Returns
    -------
    array (n_bins,)
        Middle of each bin, on a logarithmic axis the geometric one.
    """
    column = table.meta.get("column", "true_energy")
    unit = getattr(table[f"{prefix}low"], "unit", None)
    low, high = (
        np.asarray(getattr(table[f"{prefix}{end}"], "value", table[f"{prefix}{end}"])) for end in ("low", "high")
    )
    if is_logarithmic(column):
        energy_axis(axis, axis_name(column, unit))
        return np.sqrt(low * high)
    axis.set_label_text(axis_name(column, unit))
    axis.set_major_locator(MaxNLocator(6, integer=column == "multiplicity"))
    return (low + high) / 2


def _minor_label(value, axis):
    """2 and 5 of a decade, where the decades alone would be too few labels."""
    low, high = sorted(axis.get_view_interval())
    digit = round(value / 10 ** math.floor(math.log10(value) + 1e-9))
    return f"{value:.6g}" if digit in (2, 5) and high < MINOR_LABEL_SPAN * low else ""


def bounded(ax, **limits):
    """Fit the y axis to all that has been drawn, then fix the ends given: ``bottom``, ``top``."""
    ax.set_autoscaley_on(True)
    ax.autoscale_view(scalex=False)
    ax.set_ylim(**limits)


def legend_above(ax, columns=2):
    """A legend above the axes, where it hides nothing."""
    if ax.get_legend_handles_labels()[1]:
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderpad": 0.2}
        ax.legend(ncols=columns, columnspacing=1.2, **place)


def note(ax, table, label=None, indent=NOTE_INDENT):
    """Print what `table` holds, and of how many events, small beneath the axes; once for all tables of `ax`.

    It begins `indent` points left of the axes.
    """
    width = int(ax.get_window_extent().width / ax.figure.dpi * NOTE_CHARACTERS)
    counts = table.meta.get("counts", "")
    counts = textwrap.wrap(f"{label}: {counts}" if label and counts else counts, width)
    existing = [text for text in ax.texts if text.get_gid() == NOTE]
    if existing:
        existing[0].set_text("\n".join([existing[0].get_text(), *counts]))
        return
    text = "\n".join(textwrap.wrap(table.meta.get("definition", ""), width) + counts)
    if not text:
        return
    below_labels = -(2.6 * mpl.rcParams["font.size"] + 9)
    ax.annotate(
        text, (0, 0), xycoords="axes fraction", xytext=(-indent, below_labels), textcoords="offset points",
        va="top", ha="left", fontsize=5, color="0.25", linespacing=1.25, gid=NOTE,
    )  # fmt: skip
