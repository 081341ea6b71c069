"""Our showers of the same primaries as CORSIKA's: light by distance, its shape, and longitudinal profiles."""

import functools
from typing import NamedTuple

import corsika_showers as corsika
import numpy as np
from scipy.stats import kstest
from simulated_showers import frank_tamm

from gammaml.simulation import NO_THINNING, Simulator

GAMMA_DISTANCES = np.array([0, 60, 100, 130, 180, 260, 400, 800])  # m from the axis
PROTON_DISTANCES = np.array([0, 200, 300, 500, 1000, 2000])
SHAPE_DISTANCES = np.array([0, 100, 150, 250, 500])
SHAPES = ("delay", "inward", "across", "height")
LEAST_PHOTONS, LEAST_BUNCHES = 50, 60
STEP = 20.0  # g/cm2, vertical, of CORSIKA's profiles


class Gammas(NamedTuple):
    """Light of CORSIKA's gammas and of n of ours each.

    Parameters
    ----------
    energy : array (n_showers,)
        GeV.
    theirs, ours : array (n_showers, n_distances), (n_showers, n, n_distances)
        Photons by distance.
    their_shape, our_shape : array (n_showers, n_shape_distances, 8), (n_showers, n, n_shape_distances, 8)
        Median and half the width of the central 68 % of each of `SHAPES`; NaN where there was little light.
    """

    energy: np.ndarray
    theirs: np.ndarray
    ours: np.ndarray
    their_shape: np.ndarray
    our_shape: np.ndarray


class Protons(NamedTuple):
    """Protons likewise: all photons made, the track of their muons (g/cm2, vertical), and light by distance."""

    energy: np.ndarray
    their_light: np.ndarray
    our_light: np.ndarray
    their_muons: np.ndarray
    our_muons: np.ndarray
    theirs: np.ndarray
    ours: np.ndarray


class Profiles(NamedTuple):
    """Electrons by vertical depth: CORSIKA's above 20 MeV, ours above the Cherenkov threshold; and all photons made."""

    energy: np.ndarray
    depth: np.ndarray
    theirs: np.ndarray
    ours: np.ndarray
    their_light: np.ndarray
    our_light: np.ndarray


def rank(theirs, ours):
    """Where CORSIKA's value lies among ours, 0 to 1; ours (..., n) along the last axis."""
    below = (ours < np.asarray(theirs)[..., None]).sum(-1) + 0.5 * (ours == np.asarray(theirs)[..., None]).sum(-1)
    return (below + 0.5) / (ours.shape[-1] + 1)


def uniform_probability(ranks):
    """Probability that ranks of this many showers are farther from uniform than these (Kolmogorov-Smirnov)."""
    return kstest(ranks, "uniform").pvalue


@functools.cache
def read_gammas(folder):
    """CORSIKA's gammas without the two that cannot be compared, and their conditions."""
    showers, conditions = corsika.read(folder / corsika.GAMMAS)
    left_out = (corsika.NOT_ELECTROMAGNETIC, corsika.BROKEN)
    return [shower for shower in showers if shower.number not in left_out], conditions


@functools.cache
def gammas(folder, *, n=14, atmosphere=None, step_scale=1.0, seed=5):
    """Compare the gammas; `folder` holds the shared data."""
    showers, conditions = read_gammas(folder)
    simulator = corsika.simulator(corsika.GAMMAS, conditions, atmosphere=atmosphere, step_scale=step_scale)
    telescopes = conditions["telescopes"]
    ours, our_shape = [], []
    for shower in showers:
        distance = corsika.distances(shower, telescopes)
        for number in range(n):
            light = simulator.shower(shower.primary, seed=seed, number=number, cores=shower.cores).photo_electrons
            ours.append(_by_distance(distance, np.bincount(light["detector"], minlength=len(distance))))
            our_shape.append(_shape(corsika.around_axis(light, shower, telescopes)))
    return Gammas(
        np.array([shower.energy for shower in showers]),
        np.array([_by_distance(corsika.distances(shower, telescopes), shower.counts) for shower in showers]),
        np.reshape(ours, (len(showers), n, -1)),
        np.array([_shape(corsika.around_axis(shower.light, shower, telescopes)) for shower in showers]),
        np.reshape(our_shape, (len(showers), n, len(SHAPE_DISTANCES) - 1, -1)),
    )


def _by_distance(distance, counts, edges=GAMMA_DISTANCES):
    return np.histogram(distance, edges, weights=counts)[0]


def _shape(light):
    """Medians and half widths by distance: (n_distances, 8)."""
    rows = np.full((len(SHAPE_DISTANCES) - 1, 2 * len(SHAPES)), np.nan)
    where = np.digitize(light["distance"], SHAPE_DISTANCES) - 1
    for i in range(len(rows)):
        part = light[where == i]
        if len(part) >= LEAST_BUNCHES:
            low, middle, high = np.transpose([_quantiles(part[name], part["photons"]) for name in SHAPES])
            rows[i] = np.column_stack([middle, (high - low) / 2]).ravel()
    return rows


def _quantiles(values, weights):
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.interp(np.array([0.16, 0.5, 0.84]) * weights.sum(), below, values[order])


def mean_ratio(theirs, ours):
    """Mean over showers of CORSIKA's light over the mean of ours, its error, and the number of showers, by distance."""
    expected = ours.mean(axis=1)
    ratio = np.where(expected > LEAST_PHOTONS, theirs / np.maximum(expected, 1), np.nan)
    number = np.isfinite(ratio).sum(axis=0)
    return np.nanmean(ratio, axis=0), np.nanstd(ratio, axis=0, ddof=1) / np.sqrt(number), number


def shape_differences(compared):
    """CORSIKA - ours, error, our mean and KS probability of the ranks: four arrays (n_shape_distances, 8)."""
    expected = compared.our_shape.mean(axis=1)
    difference = compared.their_shape - expected
    used = np.isfinite(difference)
    error = np.nanstd(difference, axis=0, ddof=1) / np.sqrt(used.sum(axis=0))
    ranks = rank(compared.their_shape, np.moveaxis(compared.our_shape, 1, -1))
    probability = np.array(
        [[uniform_probability(ranks[used[:, i, j], i, j]) for j in range(used.shape[2])] for i in range(used.shape[1])]
    )
    return np.nanmean(difference, axis=0), error, np.nanmean(expected, axis=0), probability


@functools.cache
def gamma_profiles(folder, *, n=16, seed=1):
    """Longitudinal profiles of the gammas; number 7 is whole here."""
    showers, conditions = corsika.read(folder / corsika.GAMMAS, keep_light=False)
    showers = [shower for shower in showers if shower.number != corsika.NOT_ELECTROMAGNETIC]
    site = corsika.simulator(corsika.GAMMAS, conditions).site
    simulator = Simulator(site, None, thinning=NO_THINNING)
    per_light = frank_tamm(conditions["wavelengths"])
    depth = showers[0].depth
    ours, light = [], []
    for shower in showers:
        cosine = np.cos(shower.primary.zenith).value
        for number in range(n):
            profile = simulator.shower(shower.primary, seed=seed, number=number).profile
            ours.append(np.interp(depth, profile["depth"].value * cosine, profile["electrons"]))
            light.append(profile["light"].value.sum() * per_light)
    return Profiles(
        np.array([shower.energy for shower in showers]),
        depth,
        np.array([shower.electrons for shower in showers]),
        np.reshape(ours, (len(showers), n, -1)),
        np.array([shower.n_photons for shower in showers]),
        np.reshape(light, (len(showers), n)),
    )


def mean_depth(depth, electrons):
    """Mean depth of the electrons' track, g/cm2."""
    return (depth * electrons).sum(-1) / electrons.sum(-1)


@functools.cache
def protons(folder, *, n=29, seed=3):
    """Compare the protons."""
    showers, conditions = corsika.read(folder / corsika.PROTONS, keep_light=False)
    simulator = corsika.simulator(corsika.PROTONS, conditions)
    per_light = frank_tamm(conditions["wavelengths"])
    light, muons, ours = [], [], []
    distance = [corsika.distances(shower, conditions["telescopes"]) for shower in showers]
    for shower, away in zip(showers, distance, strict=True):
        cosine = np.cos(shower.primary.zenith).value
        for number in range(n):
            made = simulator.shower(shower.primary, seed=seed, number=number, cores=shower.cores)
            light.append(made.profile["light"].value.sum() * per_light)
            muons.append(made.profile["muons"].sum() * 10.0 * cosine)
            counts = np.bincount(made.photo_electrons["detector"], minlength=len(away))
            ours.append(_by_distance(away, counts, PROTON_DISTANCES))
    shape = (len(showers), n)
    counted = zip(showers, distance, strict=True)
    return Protons(
        np.array([shower.energy for shower in showers]),
        np.array([shower.n_photons for shower in showers]),
        np.reshape(light, shape),
        np.array([shower.muons.sum() * STEP for shower in showers]),
        np.reshape(muons, shape),
        np.array([_by_distance(away, shower.counts, PROTON_DISTANCES) for shower, away in counted]),
        np.reshape(ours, (*shape, -1)),
    )


def per_energy(energy, theirs, ours):
    """Sum over showers of theirs/E over that of ours/E, and the fluctuation of this ratio that ours predict.

    Parameters
    ----------
    energy : array (n_showers,)
    theirs, ours : array (n_showers, ...), (n_showers, n, ...)
    """
    weights = (1 / energy).reshape(-1, *[1] * (theirs.ndim - 1))
    expected = (ours.mean(axis=1) * weights).sum(axis=0)
    variance = (ours.var(axis=1, ddof=1) * weights**2).sum(axis=0)
    return (theirs * weights).sum(axis=0) / expected, np.sqrt(variance) / expected
