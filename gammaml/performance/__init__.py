"""From DL2 tables to the numbers of a paper: QTable in, QTable out.

Every result has its statistical uncertainty and its number of events. ``meta["definition"]`` says in one text what was
computed, ``meta["counts"]`` which events went in; figures print both. Rows marked ``in_training`` never count.
"""

from gammaml.performance.areas import effective_area_by_cut, effective_area_by_offset
from gammaml.performance.classification import (
    Auc,
    auc,
    auc_in_bins,
    gammaness_distribution,
    reliability,
    roc_curve,
)
from gammaml.performance.correlations import correlations, gammaness_profile
from gammaml.performance.cuts import precision_recall, quality_factor
from gammaml.performance.expected import expected_events
from gammaml.performance.irf_cuts import IrfSettings
from gammaml.performance.irfs import Irfs, build_irfs
from gammaml.performance.point_spread import point_spread, theta_bins
from gammaml.performance.pulls import coverage, pulls
from gammaml.performance.quantities import QUANTITIES, multiplicity_bins, offset_bins
from gammaml.performance.rates import background_rate
from gammaml.performance.regression import (
    angular_resolution,
    core_resolution,
    energy_resolution,
    h_max_resolution,
    migration_matrix,
)
from gammaml.performance.selection import combine, energy_bins, log_bins, test_events
from gammaml.performance.sensitivity import SensitivitySettings, sensitivity
from gammaml.performance.simulated import effective_area, event_weights
from gammaml.performance.sky_map import sky_map
from gammaml.performance.source import alpha_angle, on_off, reflected_offsets, source_offset, theta2
from gammaml.performance.source_counts import Excess, alpha_counts, excess, theta2_counts
from gammaml.performance.source_events import light_curve, source_gammaness
from gammaml.performance.totals import summary
from gammaml.performance.uncertainty import MIN_EVENTS

__all__ = [
    "MIN_EVENTS",
    "QUANTITIES",
    "Auc",
    "Excess",
    "IrfSettings",
    "Irfs",
    "SensitivitySettings",
    "alpha_angle",
    "alpha_counts",
    "angular_resolution",
    "auc",
    "auc_in_bins",
    "background_rate",
    "build_irfs",
    "combine",
    "core_resolution",
    "correlations",
    "coverage",
    "effective_area",
    "effective_area_by_cut",
    "effective_area_by_offset",
    "energy_bins",
    "energy_resolution",
    "event_weights",
    "excess",
    "expected_events",
    "gammaness_distribution",
    "gammaness_profile",
    "h_max_resolution",
    "light_curve",
    "log_bins",
    "migration_matrix",
    "multiplicity_bins",
    "offset_bins",
    "on_off",
    "point_spread",
    "precision_recall",
    "pulls",
    "quality_factor",
    "reflected_offsets",
    "reliability",
    "roc_curve",
    "sensitivity",
    "sky_map",
    "source_gammaness",
    "source_offset",
    "summary",
    "test_events",
    "theta2",
    "theta2_counts",
    "theta_bins",
]
