"""Performance tables, simulated showers, arrays and cameras to figures for print: ``ax=None`` -> ``ax``.

A plot function computes nothing and saves nothing. Called again with the same ``ax`` it lays the next table over the
first, in the next colour, line style and marker. What was computed stands small beneath each figure.

>>> with plots.print_style():                                    # doctest: +SKIP
...     ax = plots.plot_roc(performance.roc_curve(network), label="CNN")
...     plots.plot_roc(performance.roc_curve(forest), ax, label="forest")
...     ax.figure.savefig("roc.pdf")
"""

from gammaml.plots.areas import (
    plot_background_rate,
    plot_effective_area_by_cut,
    plot_effective_area_by_offset,
    plot_sensitivity,
)
from gammaml.plots.classification import plot_auc_in_bins, plot_gammaness_distribution, plot_reliability, plot_roc
from gammaml.plots.conditions import plot_conditions, plot_distribution
from gammaml.plots.correlations import plot_correlations, plot_gammaness_profile
from gammaml.plots.cuts import plot_precision_recall, plot_quality_factor
from gammaml.plots.event import can_show, plot_event, plot_ground, plot_image, show
from gammaml.plots.explain import (
    plot_embedding,
    plot_event_saliency,
    plot_feature_maps,
    plot_gallery,
    plot_kernels,
    plot_saliency,
)
from gammaml.plots.instrument import plot_array, plot_camera
from gammaml.plots.point_spread import plot_point_spread
from gammaml.plots.pulls import plot_coverage, plot_pulls
from gammaml.plots.reference import plot_reference
from gammaml.plots.regression import (
    plot_angular_resolution,
    plot_core_resolution,
    plot_effective_area,
    plot_energy_resolution,
    plot_h_max_resolution,
    plot_migration_matrix,
)
from gammaml.plots.shower import plot_light_density, plot_shower_profile, plot_shower_tracks
from gammaml.plots.source import plot_alpha, plot_light_curve, plot_sky_map, plot_source_gammaness, plot_theta2
from gammaml.plots.style import COLUMN_WIDTH, PRINT_STYLE, print_style
from gammaml.plots.training import plot_loss_curves

__all__ = [
    "COLUMN_WIDTH",
    "PRINT_STYLE",
    "can_show",
    "plot_alpha",
    "plot_angular_resolution",
    "plot_array",
    "plot_auc_in_bins",
    "plot_background_rate",
    "plot_camera",
    "plot_conditions",
    "plot_core_resolution",
    "plot_correlations",
    "plot_coverage",
    "plot_distribution",
    "plot_effective_area",
    "plot_effective_area_by_cut",
    "plot_effective_area_by_offset",
    "plot_embedding",
    "plot_energy_resolution",
    "plot_event",
    "plot_event_saliency",
    "plot_feature_maps",
    "plot_gallery",
    "plot_gammaness_distribution",
    "plot_gammaness_profile",
    "plot_ground",
    "plot_h_max_resolution",
    "plot_image",
    "plot_kernels",
    "plot_light_curve",
    "plot_light_density",
    "plot_loss_curves",
    "plot_migration_matrix",
    "plot_point_spread",
    "plot_precision_recall",
    "plot_pulls",
    "plot_quality_factor",
    "plot_reference",
    "plot_reliability",
    "plot_roc",
    "plot_saliency",
    "plot_sensitivity",
    "plot_shower_profile",
    "plot_shower_tracks",
    "plot_sky_map",
    "plot_source_gammaness",
    "plot_theta2",
    "print_style",
    "show",
]
