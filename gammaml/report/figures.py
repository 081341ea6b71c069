"""Which tables a report computes, and how each is drawn."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import matplotlib as mpl
import numpy as np
from astropy.table import QTable
from astropy.units import Quantity
from matplotlib.figure import Figure as Canvas

from gammaml import performance, plots
from gammaml.errors import InputError
from gammaml.performance.quantities import has

GAMMANESS_BINS = np.linspace(0, 1, 21)
INTENSITY_BINS_PER_DECADE = 4
UNCERTAINTIES = {
    "energy": ("reco_energy", "reco_energy_uncert"),
    "direction": ("reco_alt", "reco_az", "ang_distance_uncert"),
}
SHOWERS = ("reco_energy", "reco_alt", "reco_az", "gammaness", "pointing_alt", "pointing_az")
HEIGHT = 0.9  # of a figure, in column widths
MORE_HEIGHT = 0.12  # for each curve beyond two, for its lines in legend and note


@dataclass(frozen=True)
class Figure:
    """One figure of the report: file name, title, plot function, tables by label, height in column widths.

    `labelled` says that the name has the label in it already; `references` are curves of others, by name.
    """

    name: str
    title: str
    plot: Callable
    tables: dict[str, QTable]
    height: float = HEIGHT
    labelled: bool = False
    references: dict[str, QTable] = field(default_factory=dict)

    def table_name(self, label):
        """File name of the numbers behind one curve."""
        return f"{self.name}.ecsv" if self.labelled else f"{self.name}_{slug(label)}.ecsv"

    def numbers(self, place=0):
        """File name -> table of its numbers; ``meta["figure"]`` says how to draw them, and `place` in what order."""
        found, plot = {}, partial(self.plot)  # one of a partial is that partial
        for series, (label, table) in enumerate(self.tables.items()):
            drawn = {"name": self.name, "title": self.title, "height": self.height}
            drawn |= {"plot": plot.func.__name__, "options": plot.keywords}
            drawn |= {"place": place, "series": series, "label": label, "labelled": self.labelled}
            found[self.table_name(label)] = QTable(table)
            found[self.table_name(label)].meta["figure"] = drawn
        return found | {f"{self.name}_reference_{slug(name)}.ecsv": each for name, each in self.references.items()}

    def draw(self):
        """The drawn `matplotlib.figure.Figure`, unknown to pyplot, as wide as the style in use says."""
        width, usual = mpl.rcParams["figure.figsize"]
        height = self.height + MORE_HEIGHT * max(0, len(self.tables) + len(self.references) - 2)
        ax = Canvas(figsize=(width, usual * height / HEIGHT), layout="constrained").add_subplot()
        for label, table in self.tables.items():
            self.plot(table, ax, label)
        for name, table in self.references.items():
            plots.plot_reference(table, ax, name)
        return ax.figure

    def per_label(self):
        """The same, a figure for each label; itself where it has none."""
        if not self.tables:
            yield self
        for label, table in self.tables.items():
            name, title = f"{self.name}_{slug(label)}", f"{self.title}, {label}"
            yield replace(self, name=name, title=title, tables={label: table}, labelled=True)


def slug(label):
    """A label as a part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "table"


def compute_figures(tables):
    """All figures whose task is in `tables`.

    Parameters
    ----------
    tables : dict of str to astropy.table.QTable

    Returns
    -------
    figures : list of Figure
    problems : list of str
        What could not be computed, and why, each with the title of its figure.
    """
    computing = _Computing(tables, performance.energy_bins(next(iter(tables.values()))))
    figures, missing = [], []
    for figure in _every_figure(computing):
        if figure.tables:
            figures.append(figure)
        elif not computing.has_note(figure.title):
            missing.append(figure.title)
    problems = computing.problems()
    if missing:
        problems.append(f"left out {', '.join(missing)}: none of the tables has the columns for it")
    return figures, problems


def _every_figure(computing):
    yield from _classification(computing)
    yield from _energy(computing)
    yield from _direction(computing)
    yield from _area(computing)
    yield from _showers(computing)
    for quantity in UNCERTAINTIES:
        yield from _uncertainty(computing, quantity)
    yield from _cuts(computing)
    yield from _by_offset(computing)
    yield from _shower(computing)
    yield from _biases(computing)


def _intensity_bins(dl2):
    return performance.log_bins(np.asarray(dl2["hillas_intensity"]), INTENSITY_BINS_PER_DECADE)


@dataclass(frozen=True)
class _Computing:
    """Tables by label, the edges in true energy that all of them share, and what went wrong so far.

    `notes` has the titles of what could not be computed, or is in doubt, by label and reason.
    """

    tables: dict[str, QTable]
    edges: Quantity
    notes: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def of(self, title, compute, *needs):
        """`compute` of each table that has the quantities it needs, by label; errors and warnings are noted."""
        found = {}
        for label, table in self.tables.items():
            if not all(has(table, name) for name in needs):
                continue
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", UserWarning)
                try:
                    found[label] = compute(table)
                except InputError as error:
                    self.notes.setdefault((label, str(error), "left out "), []).append(title)
            for warning in said:
                self.notes.setdefault((label, str(warning.message), ""), []).append(title)
        return found

    def figure(self, name, title, plot, compute, *needs, height=HEIGHT):
        """The figure of what :meth:`of` finds."""
        return Figure(name, title, plot, self.of(title, compute, *needs), height)

    def shared(self, bins, *needs):
        """`bins`, edges or a function of a table, of the first table that has the quantities it needs."""
        return bins(next(table for table in self.tables.values() if all(has(table, name) for name in needs)))

    def has_note(self, title):
        """Whether something was said of a figure."""
        return any(title in titles for titles in self.notes.values())

    def problems(self):
        """A text for each reason, with what it concerns."""
        return [
            f"{label}, {what}{', '.join(dict.fromkeys(titles))}: {reason}"
            for (label, reason, what), titles in self.notes.items()
        ]


def _classification(computing):
    figure, score = computing.figure, "gammaness"
    yield figure("roc", "ROC curve", plots.plot_roc, performance.roc_curve, score)
    yield _auc(computing, "true_energy", lambda _: computing.edges, "true energy")
    yield _auc(computing, "hillas_intensity", _intensity_bins, "image intensity", name="auc_intensity")
    shares = partial(performance.gammaness_distribution, gammaness_bins=GAMMANESS_BINS)
    yield figure("gammaness", "Distribution of gammaness", plots.plot_gammaness_distribution, shares, score)
    yield figure("reliability", "Reliability of gammaness", plots.plot_reliability, performance.reliability, score)


def _auc(computing, column, bins, words, name=None):
    def compute(dl2):
        return performance.auc_in_bins(dl2, column, computing.shared(bins, column))

    title = f"AUC in bins of {words}"
    return computing.figure(name or f"auc_{column}", title, plots.plot_auc_in_bins, compute, "gammaness", column)


def _cuts(computing):
    figure, precision, quality = computing.figure, performance.precision_recall, performance.quality_factor
    yield figure("precision_recall", "Precision and recall", plots.plot_precision_recall, precision, "gammaness")
    yield figure("quality_factor", "Quality factor", plots.plot_quality_factor, quality, "gammaness")
    yield _auc(computing, "multiplicity", performance.multiplicity_bins, "multiplicity")


def _energy(computing):
    edges = computing.edges
    yield computing.figure(
        "energy_resolution",
        "Energy resolution and bias",
        plots.plot_energy_resolution,
        lambda dl2: performance.energy_resolution(dl2, edges),
        "reco_energy",
        height=1.15,
    )
    matrices = computing.figure(
        "migration_matrix",
        "Energy migration",
        plots.plot_migration_matrix,
        lambda dl2: performance.migration_matrix(dl2, edges, edges),
        "reco_energy",
    )
    yield from matrices.per_label()


def _direction(computing):
    plot, needs = partial(plots.plot_angular_resolution, levels=(68, 95)), ("reco_alt", "reco_az")

    def resolution(dl2):
        return performance.angular_resolution(dl2, computing.edges)

    def point_spread(dl2):
        return performance.point_spread(dl2, computing.shared(performance.theta_bins, *needs))

    yield computing.figure("angular_resolution", "Angular resolution", plot, resolution, *needs)
    yield computing.figure("point_spread", "Point spread function", plots.plot_point_spread, point_spread, *needs)


def _by_offset(computing):
    """In bins of the true offset of the source; left out where all gammas have the same."""
    by, figure = "true_offset", computing.figure

    def binned(judge):
        return lambda dl2: judge(dl2, computing.shared(performance.offset_bins, by), by=by)

    energy, direction = binned(performance.energy_resolution), binned(performance.angular_resolution)
    titles = "Energy resolution and bias by offset", "Angular resolution by offset"
    figures = (
        _auc(computing, by, performance.offset_bins, "offset"),
        figure("energy_offset", titles[0], plots.plot_energy_resolution, energy, by, "reco_energy", height=1.15),
        figure("angular_offset", titles[1], plots.plot_angular_resolution, direction, by, "reco_alt", "reco_az"),
    )
    yield from (found for found in figures if any(len(table) > 1 for table in found.tables.values()))


def _shower(computing):
    edges = computing.edges
    core, height = ("true_core_x", "reco_core_x", "reco_core_y"), ("true_h_max", "reco_h_max")
    plot = partial(plots.plot_core_resolution, levels=(68, 95))
    yield computing.figure("core", "Core error", plot, lambda dl2: performance.core_resolution(dl2, edges), *core)
    yield computing.figure(
        "h_max",
        "Height of the shower maximum",
        plots.plot_h_max_resolution,
        lambda dl2: performance.h_max_resolution(dl2, edges),
        *height,
        height=1.15,
    )


def _biases(computing):
    title, compute = "Rank correlations", performance.correlations
    for figure in computing.figure("correlations", title, plots.plot_correlations, compute, "gammaness").per_label():
        yield replace(figure, height=0.5 + 0.05 * _n_parameters(figure))
    title, compute = "Gammaness against everything", performance.gammaness_profile
    for figure in computing.figure("profile", title, plots.plot_gammaness_profile, compute, "gammaness").per_label():
        yield replace(figure, height=0.4 + 0.25 * np.ceil(_n_parameters(figure) / 3))


def _n_parameters(figure):
    return max((len(set(table["parameter"])) for table in figure.tables.values()), default=0)


def _uncertainty(computing, quantity):
    needs = UNCERTAINTIES[quantity]
    # ctapipe's Hillas reconstruction has the column, but NaN in it: as good as none.
    stated = {label: dl2 for label, dl2 in computing.tables.items() if _any_finite(dl2, needs[-1])}
    figure = replace(computing, tables=stated).figure
    title = f"Pulls of the {quantity}"
    pulls = figure(f"pulls_{quantity}", title, plots.plot_pulls, lambda dl2: performance.pulls(dl2, quantity), *needs)
    yield pulls
    figure = replace(computing, tables={label: stated[label] for label in pulls.tables}).figure
    title = f"Coverage of the predicted {quantity}"
    yield figure(f"coverage_{quantity}", title, plots.plot_coverage, lambda dl2: performance.coverage(dl2, quantity))


def _any_finite(dl2, name):
    return name in dl2.colnames and bool(np.any(np.isfinite(dl2[name])))


def _area(computing):
    def compute(dl2):
        return performance.effective_area(dl2, computing.edges)

    yield computing.figure("effective_area", "Effective area", plots.plot_effective_area, compute)


def _showers(computing):
    """What counts showers and not images: areas after cuts, background rate and sensitivity."""
    title, plot = "Effective area after cuts", plots.plot_effective_area_by_cut
    by_cut = computing.figure("effective_area_by_cut", title, plot, performance.effective_area_by_cut, *SHOWERS)
    yield from by_cut.per_label()
    # The others would fail of the same.
    computing = replace(computing, tables={label: computing.tables[label] for label in by_cut.tables})
    title, plot = "Effective area by offset", plots.plot_effective_area_by_offset
    by_offset = computing.figure("effective_area_by_offset", title, plot, performance.effective_area_by_offset)
    yield from (found for found in by_offset.per_label() if _several_offsets(found))
    title, plot = "Background rate", plots.plot_background_rate
    yield computing.figure("background_rate", title, plot, performance.background_rate, height=1.0)
    title, plot = "Sensitivity", plots.plot_sensitivity
    yield computing.figure("sensitivity", title, plot, performance.sensitivity, height=1.15)


def _several_offsets(figure):
    return all(len(np.unique(table["fov_offset_low"])) > 1 for table in figure.tables.values())
