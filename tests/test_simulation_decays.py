"""Decays against kinematics, branching ratios and lifetimes of the Particle Data Group."""

import math

import numpy as np
import pytest
from astropy import units as u
from scipy import stats

from gammaml import simulation
from gammaml.simulation import decays, transport
from gammaml.simulation.particles import (
    ANTILAMBDA,
    CHARGE,
    DECAY_LENGTH,
    ELECTRON,
    ETA,
    GAMMA,
    K_LONG,
    K_MINUS,
    K_PLUS,
    K_SHORT,
    LAMBDA,
    MASS,
    MU_MINUS,
    MU_PLUS,
    MUON_MASS,
    NEUTRINO,
    NEUTRON,
    PI_MINUS,
    PI_PLUS,
    PI_ZERO,
    POSITRON,
    PROTON,
)
from gammaml.simulation.rng import stream
from gammaml.simulation.stack import new_record, push

UNSTABLE = (PI_PLUS, PI_MINUS, K_PLUS, K_MINUS, K_LONG, K_SHORT, LAMBDA, ANTILAMBDA, ETA, PI_ZERO)
INCLINED = (0.6, 0.0, -0.8)


def four_momenta(products):
    """(n, 4) energy and momentum of the products that are there."""
    rows = []
    for code, energy, direction in products:
        if code >= 0:
            momentum = math.sqrt(max(energy**2 - MASS[code] ** 2, 0.0))
            rows.append([energy, *(momentum * np.array(direction))])
    return np.array(rows)


@pytest.mark.parametrize("code", UNSTABLE)
@pytest.mark.parametrize("gamma", [1.0001, 3.0, 1000.0])
def test_energy_momentum_and_charge_are_conserved(code, gamma):
    state = stream(1, code)
    energy = gamma * MASS[code]
    momentum = math.sqrt(energy**2 - MASS[code] ** 2) * np.array(INCLINED)
    for _ in range(100):
        products = decays.decay(state, code, energy, INCLINED)
        assert four_momenta(products).sum(axis=0) == pytest.approx([energy, *momentum], rel=1e-5, abs=1e-6 * energy)
        charge = sum(CHARGE[product] for product, *_ in products if product >= 0)
        neutrino = any(product == NEUTRINO for product, *_ in products)
        assert charge == CHARGE[code]
        assert neutrino == any(product in (MU_PLUS, MU_MINUS, ELECTRON, POSITRON) for product, *_ in products)


def test_two_photons_have_the_mass_of_the_neutral_pion():
    state = stream(2, 0)
    for _ in range(100):
        total = four_momenta(decays.decay(state, PI_ZERO, 5.0, INCLINED)).sum(axis=0)
        assert math.sqrt(total[0] ** 2 - total[1:] @ total[1:]) == pytest.approx(0.1349768, rel=1e-5)


def test_photons_of_a_pion_share_its_energy_evenly():
    # Isotropic decay: flat between E (1 - beta) / 2 and E (1 + beta) / 2.
    state, energy = stream(3, 0), 1.0
    beta = math.sqrt(1 - (MASS[PI_ZERO] / energy) ** 2)
    photons = [decays.decay(state, PI_ZERO, energy, INCLINED)[0][1] for _ in range(5000)]
    assert stats.kstest(photons, stats.uniform((1 - beta) / 2, beta).cdf).pvalue > 0.01


def test_muons_of_a_pion_have_at_least_r_squared_of_its_energy():
    # E_mu / E_pi between (m_mu / m_pi)² = 0.573 and 1, flat, at high energy (Gaisser, Cosmic Rays, section 6.1).
    state = stream(4, 0)
    muons = [decays.decay(state, PI_PLUS, 100.0, INCLINED)[0][1] / 100 for _ in range(5000)]
    assert stats.kstest(muons, stats.uniform(0.573, 0.427).cdf).pvalue > 0.01


@pytest.mark.parametrize(("code", "electron"), [(MU_MINUS, ELECTRON), (MU_PLUS, POSITRON)])
def test_michel_spectrum(code, electron):
    # x² (3 - 2 x), whose integral is 2 x³ - x⁴ and mean 0.7 (PDG, eq. 58.1); a muon nearly at rest.
    state = stream(5, code)
    products = [decays.decay(state, code, MUON_MASS * (1 + 1e-9), INCLINED) for _ in range(20_000)]
    assert {product[0][0] for product in products} == {electron}
    x = np.array([product[0][1] for product in products]) * 2 / MUON_MASS
    assert x.mean() == pytest.approx(0.7, abs=0.004)
    assert stats.kstest(x, lambda x: 2 * x**3 - x**4).pvalue > 0.01


def test_electrons_of_fast_muons_take_0_35_of_the_energy():
    state = stream(6, 0)
    shares = [decays.decay(state, MU_PLUS, 50.0, INCLINED)[0][1] / 50 for _ in range(20_000)]
    assert np.mean(shares) == pytest.approx(0.35, abs=0.005)


@pytest.mark.parametrize(
    ("code", "products", "ratio"),
    [
        (K_PLUS, (MU_PLUS, NEUTRINO), 0.6356),
        (K_MINUS, (MU_MINUS, NEUTRINO), 0.6356),
        (K_PLUS, (PI_PLUS, PI_ZERO), 0.2067),
        (K_PLUS, (PI_PLUS, PI_PLUS, PI_MINUS), 0.0558),
        (K_MINUS, (PI_MINUS, PI_PLUS, PI_MINUS), 0.0558),
        (K_PLUS, (PI_PLUS, PI_ZERO, PI_ZERO), 0.0176),
        (K_PLUS, (PI_ZERO, POSITRON, NEUTRINO), 0.0507),
        (K_MINUS, (PI_ZERO, MU_MINUS, NEUTRINO), 0.0335),
        (K_LONG, (PI_PLUS, ELECTRON, NEUTRINO), 0.2028),
        (K_LONG, (PI_MINUS, POSITRON, NEUTRINO), 0.2028),
        (K_LONG, (PI_PLUS, MU_MINUS, NEUTRINO), 0.1352),
        (K_LONG, (PI_ZERO, PI_ZERO, PI_ZERO), 0.1952),
        (K_LONG, (PI_ZERO, PI_PLUS, PI_MINUS), 0.1254),
        (K_SHORT, (PI_PLUS, PI_MINUS), 0.6920),
        (K_SHORT, (PI_ZERO, PI_ZERO), 0.3069),
        (LAMBDA, (PROTON, PI_MINUS), 0.641),
        (LAMBDA, (NEUTRON, PI_ZERO), 0.359),
        (ETA, (GAMMA, GAMMA), 0.3936),
        (ETA, (PI_ZERO, PI_ZERO, PI_ZERO), 0.3257),
        (ETA, (PI_PLUS, PI_MINUS, PI_ZERO), 0.2302),
    ],
)
def test_branching_ratios(code, products, ratio):
    state, n = stream(7, code), 20_000
    found = sum(tuple(p for p in decays.mode(state, code) if p >= 0) == products for _ in range(n))
    assert found / n == pytest.approx(ratio, abs=3.5 * math.sqrt(ratio * (1 - ratio) / n) + 0.005)


def test_pair_mass_is_phase_space():
    # Dalitz: K⁺ → pi pi pi, density ∝ p_0 p_12.
    masses = MASS[K_PLUS], MASS[PI_PLUS], MASS[PI_PLUS], MASS[PI_MINUS]
    state = stream(8, 0)
    drawn = [decays.pair_mass(state, *masses) for _ in range(5000)]
    m = np.linspace(masses[2] + masses[3], masses[0] - masses[1], 2001)
    density = [decays.breakup_momentum(masses[0], masses[1], x) * decays.breakup_momentum(x, *masses[2:]) for x in m]
    total = np.cumsum(density)
    assert stats.kstest(drawn, lambda values: np.interp(values, m, total / total[-1])).pvalue > 0.01


def first_track(simulator, code, energy, height, number):
    """All pieces of the way of one particle that starts downwards at a height."""
    world = simulator._world(simulation.Primary("gamma", 1 * u.GeV), np.zeros((1, 2)))
    record = new_record(photo_electrons=1, tracks=5000, stack=30_000)
    depth = simulator.atmosphere.depth(height * u.m).value
    push(record, code, energy, (0.0, 0.0, height), (0.0, 0.0, -1.0), 0.0, depth, 1.0)
    transport.follow(stream(9, number), world, record)
    tracks = record.tracks[: record.tally["n_tracks"]]
    return tracks[tracks["code"] == code]


@pytest.mark.parametrize(
    ("code", "lifetime", "energy"),
    [(PI_PLUS, 26.033, 10.0), (PI_MINUS, 26.033, 3.0), (MU_MINUS, 2196.98, 1.5), (K_PLUS, 12.38, 20.0)],
)
def test_way_before_the_decay(code, lifetime, energy):
    """Exponential with c tau beta gamma; lifetimes in ns (PDG). High up, where nothing else happens."""
    simulator = simulation.Simulator("la-palma")
    mean = 0.299792458 * lifetime * math.sqrt((energy / MASS[code]) ** 2 - 1)
    assert DECAY_LENGTH[code] == pytest.approx(0.299792458 * lifetime, rel=1e-3)
    ways = []
    for number in range(300):
        tracks = first_track(simulator, code, energy, 110e3, number)
        ways.append(np.linalg.norm(tracks["end"] - tracks["start"], axis=1).sum())
    ways = np.array(ways)
    seen = ways[ways < 60e3]  # muons that come further down lose energy
    assert stats.kstest(seen, stats.truncexpon(60e3 / mean, scale=mean).cdf).pvalue > 0.01


@pytest.mark.parametrize(("code", "west"), [(MU_MINUS, 1), (MU_PLUS, -1)])
def test_muons_bend_on_a_circle(code, west):
    """Radius p / (0.2998 B), in m for GeV and T; negative particles that fall in a field to the north go west."""
    site = simulation.Site("field", 2000 * u.m, 0 * u.deg, 0 * u.deg, 50 * u.uT, 0 * u.uT)
    tracks = first_track(simulation.Simulator(site), code, 1000.0, 110e3, 0)
    after = tracks["end"][np.flatnonzero(tracks["end"][:, 2] < 70e3)[0]]
    radius = math.sqrt(1000.0**2 - MUON_MASS**2) / (0.299792458 * 50e-6)
    assert after[1] * west == pytest.approx((110e3 - after[2]) ** 2 / (2 * radius), rel=0.01)
    assert abs(after[0]) < 5


def test_muons_decay_earlier_as_they_lose_energy():
    """Survival is exp(-∫ dz / (c tau beta gamma)), with 2.1 MeV cm2/g lost on the way down."""
    simulator = simulation.Simulator("la-palma")
    heights = np.linspace(simulator.site.altitude.to_value(u.m), 12e3, 400)
    crossed = (simulator.atmosphere.depth(heights * u.m) - simulator.atmosphere.depth(12 * u.km)).value
    energy = 3.0 - 2.1e-3 * crossed
    survival = math.exp(-np.trapezoid(MUON_MASS / np.sqrt(energy**2 - MUON_MASS**2), heights) / 658.64)
    ends = [first_track(simulator, MU_MINUS, 3.0, 12e3, number)["end"][-1][2] for number in range(1500)]
    survived = np.mean(np.array(ends) < heights[0] + 1)
    assert survived == pytest.approx(survival, abs=3 * math.sqrt(survival * (1 - survival) / 1500) + 0.01)
