"""One look for all figures: sizes, colours, axes, and the definition beneath."""

import math
import textwrap
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from gammaml.errors import SettingError
from gammaml.plots.names import axis_name, is_logarithmic

# Widths of one and of two columns in mm, as the journals' guides for authors give them: Astronomy & Astrophysics;
# The Astrophysical Journal (3.5 and 7.1 inches); Astroparticle Physics, as all of Elsevier's.
JOURNALS = MappingProxyType({"aa": (88.0, 180.0), "apj": (88.9, 180.3), "astropart": (90.0, 190.0)})
FONTS = MappingProxyType(  # all come with matplotlib, so that figures look alike everywhere
    {
        "sans": MappingProxyType({"font.family": "DejaVu Sans", "mathtext.fontset": "dejavusans"}),
        "serif": MappingProxyType({"font.family": "STIXGeneral", "mathtext.fontset": "stix"}),
    }
)
COLUMN_WIDTH = JOURNALS["aa"][0] / 25.4  # inches
HEIGHTS = (0.9, 0.5)  # of figures one and two columns wide, in their widths
# Okabe & Ito 2008, but for the wine of Tol 2021; those of the series differ in lightness too, for prints in grey.
BLUE, ORANGE, GREEN, VERMILLION, WINE, BLACK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#882255", "#000000"
COLORS = (BLUE, ORANGE, BLACK, GREEN, WINE)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
SERIES = "gammaml-series-"
NOTE = "gammaml-note"
MINOR_LABEL_SPAN = 100  # of an energy axis; narrower ones have labels within the decades
NOTE_INDENT = 32  # points
LEGEND_SHARE = 0.82  # of the width of a figure, for its legend
SMALLEST = 5  # points, of any text
NOTE_CHARACTERS = 33  # of the note, for each inch of the axes

PRINT_STYLE = MappingProxyType(
    {
        "figure.figsize": (COLUMN_WIDTH, HEIGHTS[0] * COLUMN_WIDTH),
        "figure.dpi": 150,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 300,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        **FONTS["sans"],
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


def print_style(journal="aa", font="sans", columns=1):
    """A context in which figures are made and saved for a journal: PDF with embedded TrueType fonts.

    Parameters
    ----------
    journal : str
        "aa" (Astronomy & Astrophysics), "apj" (The Astrophysical Journal) or "astropart" (Astroparticle Physics).
    font : str
        "sans" or "serif".
    columns : int
        Whether figures are one or two columns wide.

    Returns
    -------
    contextlib.AbstractContextManager

    Raises
    ------
    SettingError
        Another journal, font or number of columns.
    """
    for name, value, known in (("journal", journal, JOURNALS), ("font", font, FONTS), ("columns", columns, (1, 2))):
        if value not in known:
            raise SettingError(name, repr(value), " or ".join(map(str, known)), "choose one of these")
    width = JOURNALS[journal][columns - 1] / 25.4
    size = (width, HEIGHTS[columns - 1] * width)
    return mpl.rc_context({**PRINT_STYLE, **FONTS[font], "figure.figsize": size})


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
    """A legend above the axes, where it hides nothing; in fewer columns or smaller where it would be too wide."""
    if not ax.get_legend_handles_labels()[1]:
        return
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderpad": 0.2, "columnspacing": 1.2}
    room = LEGEND_SHARE * ax.figure.bbox.width
    for ncols in range(columns, 0, -1):
        legend = ax.legend(ncols=ncols, **place)
        width = legend.get_window_extent().width
        if width <= room:
            return
    for text in legend.get_texts():
        text.set_fontsize(max(SMALLEST, text.get_fontsize() * room / width))


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
        va="top", ha="left", fontsize=SMALLEST, color="0.25", linespacing=1.25, gid=NOTE,
    )  # fmt: skip
