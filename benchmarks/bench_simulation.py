"""Showers a second on one core, with four telescopes of 12 m, one and ten uses of each shower.

pytest benchmarks/bench_simulation.py --benchmark-columns=min,rounds
"""

import astropy.units as u
import numpy as np
import pytest

from gammaml.simulation import DetectionEfficiency, Detectors, Primary, Simulator

POSITIONS = [[80, 80, 5], [-80, 80, 5], [-80, -80, 5], [80, -80, 5]] * u.m
WAVELENGTH = [280, 300, 350, 400, 450, 500, 550, 600, 650, 700]
EFFICIENCY = [0.02, 0.12, 0.25, 0.28, 0.26, 0.21, 0.12, 0.06, 0.025, 0.01]  # mirror, funnel and photomultiplier
SHOWERS = {0.1: 100, 1.0: 20, 10.0: 4}  # by energy in TeV; more for protons, which differ more


@pytest.fixture(scope="module")
def simulator():
    telescopes = Detectors(POSITIONS, 6 * u.m, DetectionEfficiency(WAVELENGTH, EFFICIENCY))
    simulator = Simulator("la-palma", telescopes)
    simulator.shower(Primary("proton", 0.1 * u.TeV), seed=0)  # compiles, or loads what is compiled
    return simulator


@pytest.mark.parametrize("uses", [1, 10])
@pytest.mark.parametrize("energy", sorted(SHOWERS))
@pytest.mark.parametrize("particle", ["gamma", "proton"])
def test_showers(benchmark, simulator, particle, energy, uses):
    n = SHOWERS[energy] * (3 if particle == "proton" else 1)
    draw = np.random.default_rng(0)
    radius, angle = 300 * np.sqrt(draw.random((n, uses))), draw.uniform(0, 2 * np.pi, (n, uses))
    cores = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1) * u.m
    primary = Primary(particle, energy * u.TeV, zenith=20 * u.deg)

    def run():
        return sum(simulator.shower(primary, seed=1, number=i, cores=cores[i]).tally["n_steps"] for i in range(n))

    steps = benchmark.pedantic(run, rounds=3, warmup_rounds=0)
    best = benchmark.stats.stats.min
    benchmark.extra_info.update(
        showers_a_second=round(n / best, 1),
        array_events_a_second=round(n * uses / best, 1),
        nanoseconds_a_step=round(best / steps * 1e9, 1),
    )
