"""Least flux of a point source that can be detected, by pyirf."""

import logging
import operator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
from astropy.table import vstack
from pyirf.binning import calculate_bin_indices
from pyirf.cut_optimization import optimize_cuts
from pyirf.cuts import evaluate_binned_cut
from pyirf.sensitivity import relative_sensitivity
from pyirf.utils import cone_solid_angle

from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import InputError, SettingError
from gammaml.performance.irf_cuts import check_energy_bins, passes_gammaness, thrown_energy_bins
from gammaml.performance.irf_events import OBSERVED, background, require_array_events, sample
from gammaml.performance.rates import (
    MAX_OFFSET,
    background_radius,
    background_text,
    energy_columns,
    near_pointing,
    warn_of_few_showers,
    weigh,
)
from gammaml.performance.selection import WHERE, bin_index
from gammaml.performance.spectra import CRAB, CRAB_TEXT, source_weights
from gammaml.performance.uncertainty import MIN_EVENTS

SIGNIFICANCE, MIN_EXCESS, MIN_BACKGROUND_SHARE = 5, 10, 0.05  # pyirf's defaults
GAMMANESS_EFFICIENCIES = np.append(np.linspace(0.1, 0.9, 9), 0.95)
THETA_EFFICIENCIES = np.linspace(0.4, 0.9, 6)
STRENGTH = 1000  # events of a source, for pyirf to find the excess that is needed relative to it
MIN_THETA_CUT = 0.02 * u.deg  # pyirf's default
ENERGY_FLUX = u.erg / u.cm**2 / u.s


@dataclass(frozen=True)
class SensitivitySettings:
    """What a source is observed with.

    Parameters
    ----------
    time : astropy.units.Quantity
    alpha : float
        Exposure of the on region over that of the off regions.
    bins_per_decade : int
        Of reconstructed energy.
    energy_range : astropy.units.Quantity (2,), optional
        Where not given, that of the thrown gammas.
    max_offset : astropy.units.Quantity
        Gammas and background count up to this angle from the pointing, or up to the end of the cone of the background.
    """

    time: u.Quantity = 50 * u.h
    alpha: float = 0.2
    bins_per_decade: int = 5
    energy_range: u.Quantity | None = None
    max_offset: u.Quantity = MAX_OFFSET

    def __post_init__(self):
        check_energy_bins(self)
        for name, unit in (("time", u.h), ("alpha", u.one), ("max_offset", u.deg)):
            value = u.Quantity(getattr(self, name))
            if not (value.unit.is_equivalent(unit) and value > 0 * unit):
                raise SettingError(name, f"{value}", f"more than 0 {unit}".strip(), "change it")


OBSERVATION = SensitivitySettings()


def sensitivity(dl2, settings=OBSERVATION):
    """Least flux of a point source that is detected, differential in bins of reconstructed energy.

    In each bin pyirf's ``relative_sensitivity``: five sigma by Li & Ma 1983, ApJ 272, 317, eq. 17, at least ten gammas,
    and five per cent of the background. The cuts in gammaness and theta of each bin are the best ones (pyirf's
    ``optimize_cuts``) for one half of the showers, gammas and background, and applied to the other half, and the other
    way round: as if half of the time were analysed with one pair of cuts and half with the other. No shower is judged
    with cuts that it helped to choose.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        Array events of gammas, protons, and electrons where there are any; see :func:`gammaml.performance.build_irfs`.
        Diffuse gammas are those of a source anywhere within ``max_offset`` of the pointing.
    settings : SensitivitySettings

    Returns
    -------
    astropy.table.QTable
        reco_energy_low, reco_energy_high, reco_energy_center, n_gamma, n_background (simulated ones that pass),
        n_effective (the number of equally weighted background showers with the same relative uncertainty), crab_excess,
        background (expected in the time, in the on region), sensitivity_crab (in units of the Crab nebula), sensitivity
        (E2 dN/dE, erg/(cm2 s)), each also with ``_low`` and ``_high``, the ends of the 68.27 % interval, limited_by
        ("significance", "excess", "background", or "unknown"), and of each half gammaness_cut_1, gammaness_cut_2,
        theta_cut_1, theta_cut_2. NaN where no gamma passes, or no background is reconstructed, whatever the cuts.

    Raises
    ------
    gammaml.errors.InputError
        Where gammas, protons, a column or the thrown showers are missing, or no gamma passes.

    Warns
    -----
    gammaml.errors.StatisticsWarning
        Where few background showers are left, with their number in each such bin.
    gammaml.errors.SimulationWarning
        Where gammas and background do not fit each other.
    """
    require_array_events(dl2)
    gammas = sample(dl2, (GAMMA_PRIMARY,), "gammas")
    hadrons = background(dl2, gammas)
    radius, edges = background_radius(hadrons, settings.max_offset), thrown_energy_bins(gammas, settings)
    halves = _halves(_signal(gammas, settings.time, radius, edges), _background(hadrons, settings.time, radius))
    cuts = [_best_cuts(*half, edges, radius, settings.alpha) for half in halves]
    judged = [_judged(*half, *other, edges, radius) for half, other in zip(halves, reversed(cuts), strict=True)]
    signal, noise = (weigh(vstack(parts), vstack(parts)["passed"], edges) for parts in zip(*judged, strict=True))
    result = _detection(signal, noise, edges, settings.alpha)
    for number, (gammaness, theta) in enumerate(cuts, start=1):
        result[f"gammaness_cut_{number}"], result[f"theta_cut_{number}"] = gammaness["cut"], theta["cut"].to(u.deg)
    most = np.max(signal.n * np.isfinite(result["sensitivity_crab"]))
    if most < MIN_EVENTS:
        got = f"at most {most} gammas in a bin of energy after the cuts"
        raise InputError(WHERE, got, f"at least {MIN_EVENTS}", "add events, or take wider bins")
    warn_of_few_showers(result)
    result.meta = {
        "definition": _definition(settings, gammas, hadrons, radius),
        "counts": f"{gammas.counts}, {hadrons.counts}; after the cuts {signal.n.sum():,} + {noise.n.sum():,}",
    }
    return result


def _signal(gammas, time, radius, edges):
    """The gammas within `radius` and the bins of energy, weighted to the Crab nebula in `time`."""
    offset = gammas.events["true_source_fov_offset"]
    near = offset <= radius
    if any(info.viewcone_max <= info.viewcone_min for info, *_ in gammas.runs) and not near.all():
        got = f"gammas of one direction up to {offset.max():.3g} from the pointing"
        raise InputError(WHERE, got, f"up to {radius:.3g}", "take a larger angle, or other gammas")
    events = gammas.events[near & calculate_bin_indices(gammas.events["reco_energy"], edges)[1]]
    if len(events) < 2 * MIN_EVENTS:
        got = f"{len(events)} gammas within {radius:.3g} of the pointing and {edges[0].value:.3g} to {edges[-1]:.3g}"
        raise InputError(WHERE, got, f"at least {2 * MIN_EVENTS}", "add gammas, or take a larger angle")
    events["weight"] = source_weights(replace(gammas, events=events), CRAB, time, radius)
    return events["reco_energy", "gh_score", "theta", "weight", "shower"]


def _background(hadrons, time, radius):
    events = near_pointing(hadrons, radius)
    events["weight"] *= (time / OBSERVED).to_value(u.one)
    return events["reco_energy", "gh_score", "reco_source_fov_offset", "weight", "shower"]


def _halves(*tables):
    """Every other shower of each table, and the rest."""
    halves = [[table[np.asarray(table["shower"]) % 2 == half] for table in tables] for half in (0, 1)]
    if min(len(table) for half in halves for table in half) == 0:
        numbers = [len(np.unique(table["shower"])) for table in tables]
        got = "{} showers of gammas and {} of background near the pointing".format(*numbers)
        raise InputError(WHERE, got, "enough to divide them in two halves", "add events")
    return halves


def _best_cuts(signal, noise, edges, radius, alpha):
    """Tables of the best cuts in gammaness and theta by energy, for events that are half of all."""
    # How strong the source is does not change which cuts are best, but pyirf seeks its flux between bounds.
    index, _ = calculate_bin_indices(signal["reco_energy"], edges)
    of_bin = np.bincount(index, signal["weight"], len(edges) - 1)
    signal = _with(signal, weight=STRENGTH * signal["weight"] / of_bin[index], multiplicity=1)
    noise = _with(noise, weight=2 * noise["weight"], multiplicity=1)
    with _quiet_pyirf():
        _, _, theta, gammaness = optimize_cuts(
            signal,
            noise,
            edges,
            multiplicity_cuts=[1],
            gh_cut_efficiencies=GAMMANESS_EFFICIENCIES,
            theta_cut_efficiencies=THETA_EFFICIENCIES,
            fov_offset_max=radius,
            alpha=alpha,
            theta_min_value=MIN_THETA_CUT,
            theta_max_value=radius,
            progress=False,
        )
    return gammaness, theta


@contextmanager
def _quiet_pyirf():
    """Without a line in the log for each pair of cuts that detects nothing."""
    log = logging.getLogger("pyirf.sensitivity")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _with(table, **columns):
    table = table.copy()
    for name, values in columns.items():
        table[name] = values
    return table


def _judged(signal, noise, gammaness, theta, edges, radius):
    """Events with the column passed; background weighted to the solid angle of the on region, as pyirf does it."""
    within = evaluate_binned_cut(signal["theta"], signal["reco_energy"], theta, operator.le)
    index = np.clip(bin_index(noise["reco_energy"].to_value(u.TeV), edges.to_value(u.TeV)), 0, len(edges) - 2)
    share = (cone_solid_angle(theta["cut"]) / cone_solid_angle(radius)).to_value(u.one)[index]
    return (
        _with(signal, passed=within & passes_gammaness(signal, gammaness)),
        _with(noise, passed=passes_gammaness(noise, gammaness), weight=share * noise["weight"]),
    )


def _detection(signal, noise, edges, alpha):
    """What is needed in each bin, and how much of the Crab nebula that is."""
    excess = _needed_excess(noise.total, alpha)
    with_less, with_more = (_needed_excess(np.maximum(noise.total + sign * noise.uncert, 0), alpha) for sign in (-1, 1))
    result = energy_columns(edges)
    result["n_gamma"], result["n_background"], result["n_effective"] = signal.n, noise.n, noise.n_effective
    result["crab_excess"], result["background"] = signal.total, noise.total
    energy, known = result["reco_energy_center"], (signal.total > 0) & np.isfinite(noise.uncert)
    with np.errstate(divide="ignore", invalid="ignore"):
        crab, of_signal = np.where(known, excess / signal.total, np.nan), signal.uncert / signal.total
        low = crab * np.maximum(1 - np.hypot(1 - with_less / excess, of_signal), 0)
        high = crab * (1 + np.hypot(with_more / excess - 1, of_signal))
    for suffix, values in {"": crab, "_low": low, "_high": high}.items():
        result[f"sensitivity_crab{suffix}"] = values
        result[f"sensitivity{suffix}"] = (values * energy**2 * CRAB(energy)).to(ENERGY_FLUX)
    result["limited_by"] = np.select(
        [~np.isfinite(crab), np.isclose(excess, np.maximum(MIN_EXCESS, MIN_BACKGROUND_SHARE * noise.total))],
        ["unknown", np.where(MIN_BACKGROUND_SHARE * noise.total > MIN_EXCESS, "background", "excess")],
        "significance",
    )
    return result


def _needed_excess(noise, alpha):
    """Excess (n_bins,) that is detected on a background."""
    needs = {
        "min_significance": SIGNIFICANCE,
        "min_signal_events": MIN_EXCESS,
        "min_excess_over_background": MIN_BACKGROUND_SHARE,
    }
    with _quiet_pyirf(), np.errstate(divide="ignore", invalid="ignore"):
        return STRENGTH * relative_sensitivity(STRENGTH + noise, noise / alpha, alpha, **needs)


def _definition(settings, gammas, hadrons, radius):
    one = all(info.viewcone_max <= info.viewcone_min for info, *_ in gammas.runs)
    where = "gammas of one direction" if one else f"gammas up to {radius:g} from the pointing"
    return (
        f"Sensitivity (pyirf): least flux of a point source in each bin of reconstructed energy "
        f"({settings.bins_per_decade} a decade) with {SIGNIFICANCE} sigma (Li & Ma 1983, eq. 17), {MIN_EXCESS} gammas "
        f"and {MIN_BACKGROUND_SHARE:.0%} of the background in {settings.time:g}, alpha {settings.alpha:g}. Cuts in "
        "gammaness and theta by energy: the best ones of one half of the showers, applied to the other half, and the "
        f"other way round. {where.capitalize()}, background up to {radius:g}. {CRAB_TEXT}; {background_text(hadrons)}. "
        f"Uncertainty: Poisson, by shower; open: fewer than {MIN_EVENTS} effective background showers."
    )
