"""Which tables a report computes, and how each is drawn."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable
from astropy.units import Quantity
from matplotlib.figure import Figure as Canvas

from gammaml import performance, plots
from gammaml.errors import InputError, StatisticsWarning

GAMMANESS_BINS = np.linspace(0, 1, 21)
INTENSITY_BINS_PER_DECADE = 4
UNCERTAINTIES = {
    "energy": ("reco_energy", "reco_energy_uncert"),
    "direction": ("reco_alt", "reco_az", "ang_distance_uncert"),
}
SHOWERS = ("reco_energy", "reco_alt", "reco_az", "gammaness", "pointing_alt", "pointing_az")
HEIGHT = 0.9  # of a figure, in column widths


@dataclass(frozen=True)
class Figure:
    """One figure of the report: file name, title, plot function, tables by label, height in column widths.

    `labelled` says that the name has the label in it already.
    """

    name: str
    title: str
    plot: Callable
    tables: dict[str, QTable]
    height: float = HEIGHT
    labelled: bool = False

    def table_name(self, label):
        """File name of the numbers behind one curve."""
        return f"{self.name}.ecsv" if self.labelled else f"{self.name}_{slug(label)}.ecsv"

    def draw(self):
        """The drawn `matplotlib.figure.Figure`, unknown to pyplot."""
        size = (plots.COLUMN_WIDTH, self.height * plots.COLUMN_WIDTH)
        ax = Canvas(figsize=size, layout="constrained").add_subplot()
        for label, table in self.tables.items():
            self.plot(table, ax, label)
        return ax.figure

    def per_label(self):
        """The same, a figure for each label."""
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
        What could not be computed, and why.
    """
    computing = _Computing(tables, performance.energy_bins(next(iter(tables.values()))), [])
    figures = [*_classification(computing), *_energy(computing), *_direction(computing), *_area(computing)]
    figures += _showers(computing)
    figures += [figure for quantity in UNCERTAINTIES for figure in _uncertainty(computing, quantity)]
    return [figure for figure in figures if figure.tables], computing.problems


def _intensity_bins(tables):
    """Edges in p.e. from the first of `tables` that has intensities."""
    first = next(table for table in tables.values() if "hillas_intensity" in table.colnames)
    return performance.log_bins(np.asarray(first["hillas_intensity"]), INTENSITY_BINS_PER_DECADE)


@dataclass(frozen=True)
class _Computing:
    """Tables by label, the edges in true energy that all of them share, and what went wrong so far."""

    tables: dict[str, QTable]
    edges: Quantity
    problems: list[str]

    def of(self, compute, *needs):
        """`compute` of each table that has the columns it needs, by label; what goes wrong is a problem."""
        found = {}
        for label, table in self.tables.items():
            if not set(needs) <= set(table.colnames):
                continue
            try:
                found[label] = compute(table)
            except InputError as error:
                self.problems.append(f"{label}: {error}")
        return found


def _classification(computing):
    of, score, intensity = computing.of, "gammaness", "hillas_intensity"
    yield Figure("roc", "ROC curve", plots.plot_roc, of(performance.roc_curve, score))
    in_energy = of(lambda dl2: performance.auc_in_bins(dl2, "true_energy", computing.edges), score)
    yield Figure("auc_true_energy", "AUC in bins of true energy", plots.plot_auc_in_bins, in_energy)
    in_intensity = of(
        lambda dl2: performance.auc_in_bins(dl2, intensity, _intensity_bins(computing.tables)), score, intensity
    )
    yield Figure("auc_intensity", "AUC in bins of image intensity", plots.plot_auc_in_bins, in_intensity)
    shares = of(lambda dl2: performance.gammaness_distribution(dl2, GAMMANESS_BINS), score)
    yield Figure("gammaness", "Distribution of gammaness", plots.plot_gammaness_distribution, shares)
    yield Figure("reliability", "Reliability of gammaness", plots.plot_reliability, of(performance.reliability, score))


def _energy(computing):
    edges = computing.edges
    resolution = computing.of(lambda dl2: performance.energy_resolution(dl2, edges), "reco_energy")
    yield Figure("energy_resolution", "Energy resolution and bias", plots.plot_energy_resolution, resolution, 1.15)
    matrices = computing.of(lambda dl2: performance.migration_matrix(dl2, edges, edges), "reco_energy")
    yield from Figure("migration_matrix", "Energy migration", plots.plot_migration_matrix, matrices).per_label()


def _direction(computing):
    edges = computing.edges
    resolution = computing.of(lambda dl2: performance.angular_resolution(dl2, edges), "reco_alt", "reco_az")
    yield Figure("angular_resolution", "Angular resolution", plots.plot_angular_resolution, resolution)


def _uncertainty(computing, quantity):
    needs = UNCERTAINTIES[quantity]
    # ctapipe's Hillas reconstruction has the column, but NaN in it: as good as none.
    stated = {label: dl2 for label, dl2 in computing.tables.items() if _any_finite(dl2, needs[-1])}
    of = replace(computing, tables=stated).of
    pulls = of(lambda dl2: performance.pulls(dl2, quantity), *needs)
    yield Figure(f"pulls_{quantity}", f"Pulls of the {quantity}", plots.plot_pulls, pulls)
    shares = of(lambda dl2: performance.coverage(dl2, quantity), *needs) if pulls else {}
    yield Figure(f"coverage_{quantity}", f"Coverage of the predicted {quantity}", plots.plot_coverage, shares)


def _any_finite(dl2, name):
    return name in dl2.colnames and bool(np.any(np.isfinite(dl2[name])))


def _area(computing):
    area = computing.of(lambda dl2: performance.effective_area(dl2, computing.edges))
    yield Figure("effective_area", "Effective area", plots.plot_effective_area, area)


def _showers(computing):
    """What counts showers and not images: areas after cuts, background rate and sensitivity."""
    everything = "effective area after cuts, background rate and sensitivity"
    by_cut = _heard(computing, everything, performance.effective_area_by_cut)
    # The others would fail of the same.
    computing = replace(computing, tables={label: computing.tables[label] for label in by_cut})
    title = "Effective area after cuts"
    yield from Figure("effective_area_by_cut", title, plots.plot_effective_area_by_cut, by_cut).per_label()
    by_offset = _heard(computing, "effective area by offset", performance.effective_area_by_offset)
    by_offset = {label: table for label, table in by_offset.items() if len(np.unique(table["fov_offset_low"])) > 1}
    title = "Effective area by offset"
    yield from Figure("effective_area_by_offset", title, plots.plot_effective_area_by_offset, by_offset).per_label()
    rate = _heard(computing, "background rate", performance.background_rate)
    yield Figure("background_rate", "Background rate", plots.plot_background_rate, rate, 1.0)
    sensitivity = _heard(computing, "sensitivity", performance.sensitivity)
    yield Figure("sensitivity", "Sensitivity", plots.plot_sensitivity, sensitivity, 1.15)


def _heard(computing, name, compute):
    """As `computing.of`, where also what `compute` warns of is a problem, and each problem says what it is about."""
    found = {}
    for label, table in computing.tables.items():
        own = replace(computing, tables={label: table}, problems=[])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found |= own.of(compute, *SHOWERS)
        computing.problems.extend(f"{name}, {text}" for text in own.problems)
        for warning in said:
            if issubclass(warning.category, StatisticsWarning):
                computing.problems.append(f"{name}, {label}: {warning.message}")
            elif issubclass(warning.category, UserWarning):  # of the files, the same for all
                computing.problems.append(str(warning.message))
    return found
