"""DL2 tables drawn from known distributions: what the performance functions must give back."""

from contextlib import contextmanager

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, vstack
from scipy.stats import norm

from gammaml import sky
from gammaml.performance import combine
from gammaml.report import write

E_MIN, E_MAX, INDEX, RADIUS = 0.1, 10.0, -2.0, 300.0


def simulated_run(obs_id, n_showers, **changes):
    """One row of ``meta["simulation"]``, columns as ctapipe's."""
    row = {
        "obs_id": obs_id,
        "n_showers": n_showers,
        "shower_reuse": 1,
        "energy_range_min": E_MIN * u.TeV,
        "energy_range_max": E_MAX * u.TeV,
        "spectral_index": INDEX,
        "min_scatter_range": 0 * u.m,
        "max_scatter_range": RADIUS * u.m,
        "min_viewcone_radius": 0 * u.deg,
        "max_viewcone_radius": 0 * u.deg,
    }
    return QTable(
        {
            name: [value] if not hasattr(value, "unit") else u.Quantity([value])
            for name, value in (row | changes).items()
        }
    )


def thrown_energies(n, rng, index=INDEX):
    """Energies in TeV from the simulated power law."""
    low, high = E_MIN ** (index + 1), E_MAX ** (index + 1)
    return (low + rng.uniform(size=n) * (high - low)) ** (1 / (index + 1))


def make_events(n, primary, rng, *, quality=1.0, bias=0.0):
    """`n` events of one primary, all thrown ones detected.

    E_reco / E_true - 1 is normal with mean `bias` and width 0.2 / `quality`; the offset is normal in both directions
    with 0.1 deg / `quality`; the logit of gammaness is normal around +-`quality`.
    """
    table = QTable()
    table["obs_id"] = np.full(n, 1 if primary == 0 else 2)
    table["event_id"] = np.arange(n)
    table["true_shower_primary_id"] = np.full(n, primary)
    energy = thrown_energies(n, rng)
    table["true_energy"] = energy * u.TeV
    table["true_alt"], table["true_az"] = np.full(n, 70.0) * u.deg, np.mod(rng.uniform(-1, 1, n), 360) * u.deg
    table["reco_energy"] = np.maximum(energy * (1 + rng.normal(bias, 0.2 / quality, n)), 1e-3) * u.TeV
    width = 0.1 / quality
    table["reco_alt"] = table["true_alt"] + rng.normal(0, width, n) * u.deg
    shift = rng.normal(0, width, n) / np.cos(table["reco_alt"].to_value(u.rad))
    table["reco_az"] = np.mod(table["true_az"].value + shift, 360) * u.deg
    score = rng.normal(quality if primary == 0 else -quality, 1.0, n)
    table["gammaness"] = 1 / (1 + np.exp(-2 * quality * score))
    table.meta["simulation"] = simulated_run(table["obs_id"][0] if n else 1, n)
    return table


def with_uncertainties(dl2, rng, *, factor=1.0):
    """`dl2` reconstructed anew, the errors of each event drawn from a sigma of its own; stated is `factor` times that.

    log10(E_reco / E_true) is normal with sigma from 0.05 to 0.3, each component of the offset with 0.02 to 0.3 deg.
    """
    table, n = dl2.copy(), len(dl2)
    sigma, width = rng.uniform(0.05, 0.3, n), rng.uniform(0.02, 0.3, n)
    table["reco_energy"] = table["true_energy"] * 10 ** rng.normal(0, sigma)
    table["reco_alt"] = table["true_alt"] + rng.normal(0, width) * u.deg
    shift = rng.normal(0, width) / np.cos(table["reco_alt"].to_value(u.rad))
    table["reco_az"] = np.mod(table["true_az"].value + shift, 360) * u.deg
    table["reco_energy_uncert"] = factor * np.log(10) * sigma * table["reco_energy"]
    table["ang_distance_uncert"] = factor * width * u.deg
    return table


ALT, AZ = 70.0, 180.0  # where the telescopes point


def around(alt, az, distance, angle):
    """Directions some degrees away from others, at a position angle in radians."""
    distance = np.deg2rad(distance)
    lon = np.arctan2(np.sin(distance) * np.cos(angle), np.cos(distance))
    return sky.fov_to_altaz(np.rad2deg(lon), np.rad2deg(np.arcsin(np.sin(distance) * np.sin(angle))), alt, az)


def array_events(n, primary, rng, *, cone=2.0, offset=None, sigma=0.1, bias=0.0, width=0.2):
    """`n` array events, all thrown ones detected, with what IRFs need.

    Directions are even over a cone of `cone` degrees around the pointing, or all `offset` degrees from it.
    E_reco / E_true - 1 is normal with mean `bias` and width `width`, the reconstructed direction with `sigma` degrees
    in each component; gammaness is even from 0 to 1 for gammas, and the square of such a number for others.
    """
    table = make_events(n, primary, rng)
    flat = rng.uniform(np.cos(np.deg2rad(cone)), 1, n)
    distance = np.rad2deg(np.arccos(flat)) if offset is None else np.full(n, offset)
    alt, az = around(ALT, AZ, distance, rng.uniform(0, 2 * np.pi, n) if offset is None else 0.0)
    reco = around(alt, az, sigma * rng.rayleigh(size=n), rng.uniform(0, 2 * np.pi, n))
    for name, values in {"true_alt": alt, "true_az": az, "reco_alt": reco[0], "reco_az": reco[1]}.items():
        table[name] = values * u.deg
    table["pointing_alt"], table["pointing_az"] = np.full(n, ALT) * u.deg, np.full(n, AZ) * u.deg
    table["reco_energy"] = table["true_energy"] * np.maximum(1 + rng.normal(bias, width, n), 1e-2)
    table["gammaness"] = rng.uniform(size=n) ** (1 if primary == 0 else 2)
    viewcone = (0 if offset is not None else cone) * u.deg
    table.meta["simulation"] = simulated_run(table["obs_id"][0], n, max_viewcone_radius=viewcone)
    return table


def with_gammaness(dl2, rng, share):
    """`dl2` with a gammaness even from 0.5 to 1 for gammas and a `share` of the others, and below 0.5 for the rest."""
    table, n = dl2.copy(), len(dl2)
    like_gammas = (table["true_shower_primary_id"] == 0) | (rng.uniform(size=n) < share)
    table["gammaness"] = 0.5 * rng.uniform(size=n) + np.where(like_gammas, 0.5, 0.0)
    return table


def used_again(dl2, uses):
    """`dl2` in which each shower was used so many times, and seen each time."""
    table = vstack([dl2] * uses, metadata_conflicts="silent")
    table["shower_id"] = table["event_id"]
    table["event_id"] = np.arange(len(table))
    table.meta["simulation"] = dl2.meta["simulation"].copy()
    table.meta["simulation"]["shower_reuse"] = [uses]
    return table


def with_core_and_height(dl2, rng, *, sigma=20.0, bias=100.0, width=400.0):
    """`dl2` with cores and heights of the maximum: errors of the core are normal with `sigma` m in x and y.

    Those of the height are normal with mean `bias` and width `width` in m.
    """
    table, n = dl2.copy(), len(dl2)
    for name in ("core_x", "core_y"):
        table[f"true_{name}"] = rng.uniform(-200, 200, n) * u.m
        table[f"reco_{name}"] = table[f"true_{name}"] + rng.normal(0, sigma, n) * u.m
    table["true_h_max"] = rng.normal(9000, 1000, n) * u.m
    table["reco_h_max"] = table["true_h_max"] + rng.normal(bias, width, n) * u.m
    return table


def gaussian_scores(n, separation, rng):
    """Gammas and hadrons, `n` of each, whose scores are two normal distributions of width 1."""
    table = combine([make_events(n, 0, rng), make_events(n, 101, rng)])
    table["gammaness"] = norm.cdf(rng.normal(size=2 * n) + np.repeat([separation, 0], n))
    return table


@contextmanager
def some_figures(*names):
    """Reports of these figures alone, where the others would only take time."""

    def chosen(tables):
        figures, problems = compute(tables)
        return [figure for figure in figures if figure.name in names], problems

    compute = write.compute_figures
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "compute_figures", chosen)
        yield
