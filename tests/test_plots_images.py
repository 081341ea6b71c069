"""Figures look as they did: against the pictures in ``tests/baseline``, one of each family of plots.

A figure that is meant to look otherwise: ``make baseline``, look at the pictures that changed, commit them.
"""

import astropy.units as u
import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import make_events, with_uncertainties
from made_events import hexagonal_camera
from matplotlib.figure import Figure

from gammaml import performance, plots
from gammaml.plots.style import NOTE, PRINT_STYLE
from gammaml.simulation import arrays

BASELINE = "3.11"  # of matplotlib, which drew the pictures; others draw letters otherwise
pytestmark = pytest.mark.skipif(
    not mpl.__version__.startswith(f"{BASELINE}."), reason=f"the pictures are of matplotlib {BASELINE}"
)
# Another shade of one colour differs by 2 and more, a marker by 10; 3.11.0 and 3.11.2 by nothing.
picture = pytest.mark.mpl_image_compare(
    baseline_dir="baseline", tolerance=1.5, savefig_kwargs={"dpi": 72}, style=dict(PRINT_STYLE)
)
REFERENCE = QTable({"energy": [0.01, 0.1, 1, 100] * u.TeV, "angular_resolution": [0.3, 0.2, 0.05, 0.04] * u.deg})
REFERENCE.meta["quantity"] = "angular_resolution"
HISTORY = QTable({"epoch": [1, 2, 3], "loss": [0.7, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.55]})


def made(quality):
    rng = np.random.default_rng(int(10 * quality))
    both = performance.combine([make_events(1500, primary, rng, quality=quality) for primary in (0, 101)])
    return with_uncertainties(both, rng, factor=quality)


BEST, WORSE = made(1.0), made(0.6)
BINS = np.geomspace(0.1, 10, 8) * u.TeV
OVERLAID = {
    "roc": (plots.plot_roc, performance.roc_curve),
    "auc": (plots.plot_auc_in_bins, lambda dl2: performance.auc_in_bins(dl2, "true_energy", BINS)),
    "gammaness": (
        plots.plot_gammaness_distribution,
        lambda dl2: performance.gammaness_distribution(dl2, np.linspace(0, 1, 11)),
    ),
    "reliability": (plots.plot_reliability, performance.reliability),
    "energy": (plots.plot_energy_resolution, lambda dl2: performance.energy_resolution(dl2, BINS)),
    "area": (plots.plot_effective_area, lambda dl2: performance.effective_area(dl2, BINS)),
    "pulls": (plots.plot_pulls, performance.pulls),
    "coverage": (plots.plot_coverage, lambda dl2: performance.coverage(dl2, "direction")),
}


def drawn(draw, stretch=1.0):
    """A figure in print style that `draw` has drawn on, without the note: its words may change.

    The axes have their place, so that letters of another width in another matplotlib do not move them.
    """
    width, height = PRINT_STYLE["figure.figsize"]
    figure = Figure(figsize=(width, stretch * height), layout="none")
    figure.subplots_adjust(left=0.18, right=0.82, bottom=0.16, top=0.82)
    draw(figure.add_subplot())
    for text in [text for ax in figure.axes for text in ax.texts if text.get_gid() == NOTE]:
        text.remove()
    return figure


@picture
@pytest.mark.parametrize("name", OVERLAID)
def test_two_curves(name):
    plot, compute = OVERLAID[name]

    def draw(ax):
        plot(compute(BEST), ax, "CNN")
        plot(compute(WORSE), ax, "forest")

    return drawn(draw, stretch=1.25 if name == "energy" else 1.0)


@picture
def test_migration():
    table = performance.migration_matrix(BEST, BINS, BINS)
    return drawn(lambda ax: plots.plot_migration_matrix(table, ax, "CNN"))


@picture
def test_reference():
    table = performance.angular_resolution(BEST, BINS)

    def draw(ax):
        plots.plot_angular_resolution(table, ax, "CNN")
        plots.plot_reference(REFERENCE, ax, "CTAO")

    return drawn(draw)


@picture
def test_theta2():
    rng = np.random.default_rng(0)
    angles = np.concatenate([rng.uniform(-1, 1, (4000, 2)), rng.normal((0.5, 0), 0.07, (300, 2))])
    events = QTable({"reco_fov_lon": angles[:, 0] * u.deg, "reco_fov_lat": angles[:, 1] * u.deg})
    table = performance.theta2_counts(events, 0.5 * u.deg, 0 * u.deg, theta2_cut=0.04 * u.deg**2)
    return drawn(lambda ax: plots.plot_theta2(table, ax))


@picture
def test_loss():
    return drawn(lambda ax: plots.plot_loss_curves(HISTORY, ax, "CNN"))


@picture
def test_camera():
    camera = hexagonal_camera(rings=4)
    return drawn(lambda ax: plots.plot_camera(camera, np.arange(camera.n_pixels, dtype=float), ax))


@picture
def test_array():
    return drawn(lambda ax: plots.plot_array(arrays.subarray(arrays.array("hess")), ax))


@picture
def test_light_density():
    distance = np.linspace(0, 300, 13) * u.m
    return drawn(lambda ax: plots.plot_light_density(distance, 50 * np.exp(-distance.value / 80) / u.m**2, ax, "1 TeV"))
