"""Electrons and photons in air against published cross-sections, and what is drawn against the formulas."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from gammaml.simulation import electromagnetic, electromagnetic_tables, geometry, heavy, steps
from gammaml.simulation.electromagnetic_tables import (
    AIR,
    AVOGADRO,
    BETHE_CONSTANT,
    BHABHA,
    BREMSSTRAHLUNG,
    COMPTON,
    MOLLER,
    PAIR,
    SCATTERING,
)
from gammaml.simulation.particles import ELECTRON_MASS, MUON_MASS
from gammaml.simulation.rng import stream

CUT = 0.02  # GeV
TABLES = electromagnetic_tables.build(CUT)
ENERGIES = np.exp(TABLES["log_energy_first"] + np.arange(len(TABLES["rate"])) / TABLES["per_log_energy"])
EVERYTHING = 1e9  # a cut above all energies
# Pair production by photons in nitrogen, oxygen, argon, in barn an atom, on the nucleus and on electrons: XCOM
# (M. J. Berger et al., NIST Standard Reference Database 8), whose air has 0.01705 cm2/g in all at 20 MeV.
XCOM_PAIR = {
    0.02: (0.1599 + 0.0165, 0.2084 + 0.01885, 1.038 + 0.04221),
    0.05: (0.2325 + 0.0290, 0.3028 + 0.03309, 1.495 + 0.07337),
    0.1: (0.2819 + 0.03832, 0.3668 + 0.04368, 1.791 + 0.09573),
    1.0: (0.3779 + 0.06014, 0.4882 + 0.06784, 2.323 + 0.1440),
    10.0: (0.3996 + 0.06658, 0.5148 + 0.07468, 2.437 + 0.1573),
    100.0: (0.4030 + 0.0677, 0.5190 + 0.07585, 2.455 + 0.1596),
}


def rate_at(energy, column):
    row, share = electromagnetic.locate(energy, TABLES)
    return electromagnetic.rate(TABLES, row, share, column)


def xcom_pair(energy):
    """cm2/g of air."""
    barns = XCOM_PAIR[energy]
    return sum(fraction * AVOGADRO / a * 1e-24 * barn for (_, a, fraction), barn in zip(AIR, barns, strict=True))


def distribution(density, low, high):
    """Cumulative distribution of a positive density between two ends, tabulated evenly in the logarithm."""
    x = np.geomspace(low, high, 4001)
    total = integrate.cumulative_simpson(density(x) * x, x=np.log(x), initial=0)
    return lambda values: np.interp(values, x, total / total[-1])


def test_radiation_length():
    # 36.62 g/cm2: PDG, dry air.
    assert electromagnetic_tables.radiation_length() == pytest.approx(36.62, rel=0.006)


@pytest.mark.parametrize(("positron", "published"), [(False, 0.08792), (True, 0.08596)])
def test_critical_energy(positron, published):
    # PDG, dry air at 1 atm, Rossi's definition: the collision loss in one radiation length is the energy.
    energies = np.geomspace(0.05, 0.15, 2001)
    loss = [electromagnetic_tables.collision_loss(e, EVERYTHING, positron, relative_density=1.0) for e in energies]
    excess = np.array(loss) * electromagnetic_tables.radiation_length() - energies
    assert np.interp(0, -excess, energies) == pytest.approx(published, rel=0.01)


def test_ionisation_and_radiation_are_equal_above_the_critical_energy():
    # Berger & Seltzer (1964): 800 MeV / (Z + 1.2), 94 MeV for air's 7.31 (PDG, section 34.4.4).
    energies = np.geomspace(0.05, 0.2, 31)
    fraction = np.linspace(1e-6, 1 - 1e-6, 2001)
    spectra = [electromagnetic_tables.bremsstrahlung_spectrum(fraction, energy) for energy in energies]
    radiated = integrate.simpson(spectra, x=fraction) * energies
    ionised = [electromagnetic_tables.collision_loss(e, EVERYTHING, relative_density=1.0) for e in energies]
    assert np.interp(0, radiated - ionised, energies) == pytest.approx(0.094, rel=0.06)


@pytest.mark.parametrize("energy", XCOM_PAIR)
def test_pair_production(energy):
    assert rate_at(energy, PAIR) == pytest.approx(xcom_pair(energy), rel=0.005)


def test_attenuation_of_photons_of_20_mev():
    # 0.01705 cm2/g: Hubbell & Seltzer, NISTIR 5632, dry air.
    assert rate_at(0.02, PAIR) + rate_at(0.02, COMPTON) == pytest.approx(0.01705, rel=0.005)


def test_pairs_at_high_energies():
    # 7/9 of a radiation length (PDG, eq. 34.33); XCOM is 1 % less.
    assert rate_at(1e4, PAIR) == pytest.approx(7 / 9 / 36.62, rel=0.02)


def test_compton_scattering():
    energy = 0.03
    k = energy / ELECTRON_MASS
    least = 1 / (1 + 2 * k)

    def spectrum(share):  # Klein & Nishina, by the photon's share of the energy
        versine = (1 - share) / (k * share)
        return (1 / share + share) * (1 - share * versine * (2 - versine) / (1 + share**2))

    state = stream(1, 0)
    drawn = np.array([electromagnetic.compton(state, energy) for _ in range(20_000)])
    share = drawn[:, 0] / energy
    assert stats.kstest(share, distribution(spectrum, least, 1)).pvalue > 0.01
    assert np.allclose(drawn[:, 1], (1 - share) / (k * share))  # Compton's angle
    assert rate_at(energy, COMPTON) == pytest.approx(0.1549 * 0.49919 / 7 * AVOGADRO * 1e-24, rel=0.01)  # XCOM, N


def test_collision_loss_of_electrons():
    # 1.979 MeV cm2/g at 10 MeV: Berger et al., ESTAR, NIST, dry air near sea level.
    loss = electromagnetic_tables.collision_loss(0.01 + ELECTRON_MASS, EVERYTHING, relative_density=1.0)
    assert loss == pytest.approx(1.979e-3, rel=0.003)


@pytest.mark.parametrize("energy", [0.1, 1.0, 100.0])
@pytest.mark.parametrize(("positron", "largest"), [(False, 0.5), (True, 1.0)])
def test_recoils_and_restricted_loss_are_the_whole_loss(energy, positron, largest):
    shape = electromagnetic_tables.bhabha_spectrum if positron else electromagnetic_tables.moller_spectrum
    gamma, kinetic = energy / ELECTRON_MASS, energy - ELECTRON_MASS
    fraction = np.geomspace(CUT / kinetic, min(largest, 1 - 1e-12), 4001)
    given = integrate.simpson(shape(fraction, gamma), x=np.log(fraction)) * BETHE_CONSTANT / (1 - gamma**-2)
    soft = electromagnetic_tables.collision_loss(energy, CUT, positron)
    assert soft + given == pytest.approx(electromagnetic_tables.collision_loss(energy, EVERYTHING, positron), rel=1e-3)


@pytest.mark.parametrize(("positron", "largest", "column"), [(False, 0.5, MOLLER), (True, 1.0, BHABHA)])
def test_recoils_follow_their_spectrum(positron, largest, column):
    energy = 0.5
    gamma, kinetic = energy / ELECTRON_MASS, energy - ELECTRON_MASS
    shape = electromagnetic_tables.bhabha_spectrum if positron else electromagnetic_tables.moller_spectrum
    state = stream(2, 0)
    drawn = [electromagnetic.recoil(state, energy, CUT, positron) / kinetic for _ in range(20_000)]
    high = min(largest, 1 - 1e-9)
    assert stats.kstest(drawn, distribution(lambda e: shape(e, gamma) / e**2, CUT / kinetic, high)).pvalue > 0.01
    total = integrate.quad(lambda e: shape(e, gamma) / e**2, CUT / kinetic, high)[0]
    assert rate_at(energy, column) == pytest.approx(total * BETHE_CONSTANT / kinetic, rel=0.01)


def test_muon_loss():
    # Groom et al., At. Data Nucl. Data Tables 78 (2001) 183: least ionisation in dry air 1.815 MeV cm2/g, and
    # radiation as strong as ionisation at 1115 GeV.
    beta_gamma = np.geomspace(1, 1e5, 2001)
    loss = electromagnetic_tables.heavy_loss(beta_gamma, MUON_MASS, 1.0)
    assert loss.min() == pytest.approx(1.815e-3, rel=0.003)
    assert 3 < beta_gamma[loss.argmin()] < 3.6
    at_critical = np.interp(1115 / MUON_MASS, beta_gamma, loss)
    assert pytest.approx(at_critical, rel=0.03) == heavy.MUON_RADIATION * 1115


@pytest.mark.parametrize("row", [60, 110])
def test_pairs_follow_their_spectrum(row):
    energy = ENERGIES[row]
    state = stream(3, row)
    drawn = [electromagnetic.pair_fraction(state, TABLES, row, 0.0) for _ in range(20_000)]
    expected = distribution(lambda x: electromagnetic_tables.pair_spectrum(x, energy), ELECTRON_MASS / energy, 0.5)
    assert stats.kstest(drawn, expected).pvalue > 0.01


@pytest.mark.parametrize("row", [45, 60, 110])
def test_radiated_photons_follow_their_spectrum(row):
    energy = ENERGIES[row]
    state = stream(4, row)
    drawn = [electromagnetic.bremsstrahlung_photon(state, TABLES, row, 0.0, energy) for _ in range(20_000)]
    kinetic = energy - ELECTRON_MASS

    def spectrum(k):
        return electromagnetic_tables.bremsstrahlung_spectrum(k / energy, energy) / k

    assert stats.kstest(drawn, distribution(spectrum, CUT, kinetic)).pvalue > 0.01
    total = integrate.quad(lambda v: spectrum(math.exp(v)) * math.exp(v), math.log(CUT), math.log(kinetic))[0]
    assert TABLES["rate"][row, BREMSSTRAHLUNG] == pytest.approx(total, rel=2e-3)


def test_bremsstrahlung_of_high_energies_is_that_of_full_screening():
    # d sigma/dk = (4/3 - 4/3 y + y²) / (X0 k), PDG eq. 34.29, to 2.5 % where y is not near 1.
    y = np.array([0.01, 0.1, 0.5])
    expected = (4 / 3 - 4 / 3 * y + y**2) / 36.62
    assert electromagnetic_tables.bremsstrahlung_spectrum(y, 1e5) == pytest.approx(expected, rel=0.025)


def scatter(momentum, path, n, seed):
    """Projected angles, and polar angles, of n particles after one step."""
    state, down, none = stream(seed, 0), (0.0, 0.0, -1.0), np.zeros(3)
    after = np.array([steps.deflect(state, down, momentum, path, 0.0, none) for _ in range(n)])
    assert np.allclose(np.linalg.norm(after, axis=1), 1)
    return after[:, :2], np.arccos(np.minimum(-after[:, 2], 1))


@pytest.mark.parametrize("radiation_lengths", [0.03, 0.1, 1.0])
def test_multiple_scattering_is_highlands(radiation_lengths):
    # PDG eq. 34.16, good to 11 % from 1e-3 X0: width of the central 98 % of the projected angle.
    momentum, path = 10.0, radiation_lengths * 36.62
    expected = 0.0136 / momentum * math.sqrt(radiation_lengths) * (1 + 0.038 * math.log(radiation_lengths))
    angles = scatter(momentum, path, 20_000, 5)[0].ravel()
    assert np.std(angles[np.abs(angles) < np.quantile(np.abs(angles), 0.98)]) == pytest.approx(expected, rel=0.1)


def test_large_angles_are_rutherfords():
    # Beyond the core one scatter does all: chi_c² / theta² (Bethe, Phys. Rev. 89 (1953) 1256).
    momentum, path, n = 1.0, 0.2, 60_000
    polar = scatter(momentum, path, n, 6)[1]
    for angle in (6e-3, 12e-3):
        expected = n * SCATTERING * path / angle**2
        assert (polar > angle).sum() == pytest.approx(expected, abs=3 * math.sqrt(expected) + 0.1 * expected)


def test_screening_angle_and_strength_are_molieres():
    # chi_c² = 0.157 Z (Z + 1) / A x / p² in MeV²; nitrogen alone, Z (Z + 1) / A = 4.0, is most of air.
    assert pytest.approx(0.157 * 4.17, rel=0.01) == SCATTERING * 1e6
    # chi_a = 1.167 (1.13 + 3.76 (Z/137)²)^½ hbar / (a_TF p) = 1.13^½ alpha m Z^⅓ / 0.885 for light atoms, Z = 7.3.
    expected = math.sqrt(1.13 + 3.76 * (7.3 / 137) ** 2) * ELECTRON_MASS / 137 * 7.3 ** (1 / 3) / 0.885
    assert pytest.approx(expected, rel=0.02) == electromagnetic.SCREENING


def test_rotate_turns_by_the_angle():
    rng = np.random.default_rng(7)
    for _ in range(200):
        before = rng.normal(size=3)
        before /= np.linalg.norm(before)
        polar, azimuth = rng.uniform(0, math.pi), rng.uniform(0, 2 * math.pi)
        after = geometry.rotate(tuple(before), math.cos(polar), math.sin(polar), math.cos(azimuth), math.sin(azimuth))
        assert np.linalg.norm(after) == pytest.approx(1)
        assert before @ np.array(after) == pytest.approx(math.cos(polar), abs=1e-12)


def test_cos_sin_series():
    for angle in np.linspace(0, 1.5, 61):
        assert geometry.cos_sin(angle) == pytest.approx((math.cos(angle), math.sin(angle)), abs=1e-7)


@pytest.mark.parametrize(("sign", "east"), [(1, True), (-1, False)])
def test_positive_particles_are_pushed_east(sign, east):
    # Moving down in a field to the north: q u × B points east (-y) for q > 0; the east-west effect of cosmic rays.
    after = geometry.bend((0.0, 0.0, -1.0), sign * 1e-3, np.array([1.0, 0.0, 0.0]))
    assert after[0] == 0
    assert (after[1] < 0) == east
    assert abs(after[1]) == pytest.approx(1e-3, rel=1e-5)
