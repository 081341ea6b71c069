"""Electrons, positrons and photons in the compiled shower: what one interaction does.

Random numbers are drawn from the tables and shapes of `electromagnetic_tables`, whose references [n] are used here.
Energies are total energies in GeV.
"""

import math

from gammaml.simulation.compilation import compiled, inlined
from gammaml.simulation.electromagnetic_tables import SCATTERING, SCREENING
from gammaml.simulation.particles import ELECTRON_MASS
from gammaml.simulation.rng import uniform

# Scatters with p theta above this (GeV) are made one by one; softer ones together are a Gaussian angle.
HARD_SCATTER = 1.5e-3
# Momentum (GeV) that a nucleus of nitrogen, with a charge radius of 2.56 fm, takes as a whole half of the time: its
# form factor squared is exp(-q² r² / 3) (R. Hofstadter, Rev. Mod. Phys. 28 (1956) 214).
LARGEST_TRANSFER = 0.11
# What a hard scatter keeps below: one radian, beyond which the Rutherford formula for small angles fails.
LARGEST_SCATTER = 1.0


@inlined
def locate(energy, tables):
    """Row of the tables at an energy, and the share of the next row."""
    place = (math.log(energy) - tables.log_energy_first) * tables.per_log_energy
    row = min(max(int(place), 0), tables.rate.shape[0] - 2)
    return row, min(max(place - row, 0.0), 1.0)


@inlined
def rate(tables, row, share, column):
    """A macroscopic cross-section (cm2/g) or loss (GeV cm2/g) of the tables."""
    return tables.rate[row, column] * (1.0 - share) + tables.rate[row + 1, column] * share


@compiled
def _draw(rng, quantiles, row, share):
    """A number from tabulated quantiles; the energy is interpolated by drawing one of its two rows."""
    if uniform(rng) < share:
        row += 1
    place = uniform(rng) * (quantiles.shape[1] - 1)
    i = int(place)
    part = place - i
    return quantiles[row, i] * (1.0 - part) + quantiles[row, i + 1] * part


@compiled
def pair_fraction(rng, tables, row, share):
    """Energy of the poorer of a pair over the photon's."""
    return _draw(rng, tables.pair, row, share)


@compiled
def bremsstrahlung_photon(rng, tables, row, share, energy):
    """Energy of a photon above the cut, radiated by an electron of total energy `energy`."""
    kinetic = energy - ELECTRON_MASS
    if kinetic <= tables.cut:
        return kinetic
    return tables.cut * (kinetic / tables.cut) ** _draw(rng, tables.bremsstrahlung, row, share)


@compiled
def radiation_angle(rng, energy):
    """Angle between an electron of this energy and its photon, d N ∝ d x² / (1 + x²)², x = theta E / m [2]."""
    # Cut at x = 7, far out in the tail, where the small-angle form ends.
    return ELECTRON_MASS / energy * math.sqrt(1.0 / max(uniform(rng), 0.02) - 1.0)


@compiled
def compton(rng, energy):
    """Energy and 1 - cos(angle) of the photon after Compton scattering, Klein-Nishina by rejection [1, sec. 2.9]."""
    k = energy / ELECTRON_MASS
    least = 1.0 / (1.0 + 2.0 * k)
    weight_1 = -math.log(least)
    weight_2 = 0.5 * (1.0 - least * least)
    while True:
        if uniform(rng) * (weight_1 + weight_2) < weight_1:
            share = math.exp(-weight_1 * uniform(rng))
        else:
            share = math.sqrt(least * least + (1.0 - least * least) * uniform(rng))
        versine = (1.0 - share) / (k * share)
        if uniform(rng) < 1.0 - share * versine * (2.0 - versine) / (1.0 + share * share):
            return share * energy, versine


@compiled
def recoil(rng, energy, cut, positron):
    """Kinetic energy of a recoil electron above `cut`: Bhabha's spectrum for a positron, else Møller's [1]."""
    kinetic = energy - ELECTRON_MASS
    gamma = energy / ELECTRON_MASS
    least = cut / kinetic
    largest = 1.0 if positron else 0.5
    c_1 = ((gamma - 1.0) / gamma) ** 2
    c_2 = (2.0 * gamma - 1.0) / gamma**2
    y = 1.0 / (gamma + 1.0)
    b_4 = (1.0 - 2.0 * y) ** 3
    b_3 = (1.0 - 2.0 * y) ** 2 + b_4
    b_2 = (1.0 - 2.0 * y) * (3.0 + y * y)
    b_1 = 2.0 - y * y
    while True:
        e = 1.0 / (1.0 / least - uniform(rng) * (1.0 / least - 1.0 / largest))  # d e / e²
        if positron:
            shape = 1.0 - (1.0 - 1.0 / gamma**2) * e * (b_1 - e * (b_2 - e * (b_3 - e * b_4)))
        else:
            shape = (1.0 + (e / (1.0 - e)) ** 2 + c_1 * e * e - c_2 * e / (1.0 - e)) / 2.25
        if uniform(rng) < shape:
            return e * kinetic


@compiled
def elastic_cosine(kinetic, after):
    """Cosine of the angle of an electron that has `after` of the kinetic energy in electron-electron scattering."""
    ratio = after * (kinetic + 2.0 * ELECTRON_MASS) / (kinetic * (after + 2.0 * ELECTRON_MASS))
    return min(1.0, math.sqrt(max(ratio, 0.0)))


@inlined
def soft_angle(level, momentum_beta, path):
    """Polar angle after `path` g/cm2 of scatters below the hard ones.

    Gaussian of <theta²> = chi_c² [ln(1 + theta_c²/chi_a²) - 1], the screened Rutherford cross-section integrated up
    to theta_c = HARD_SCATTER / p [5].
    """
    inverse = 1.0 / (momentum_beta * momentum_beta)
    variance = SCATTERING * path * inverse * SOFT_LOGARITHM
    return min(math.sqrt(-variance * math.log(level)), 1.5)


SOFT_LOGARITHM = math.log1p((HARD_SCATTER / SCREENING) ** 2) - 1.0


@inlined
def hard_angle(rng, momentum_beta):
    """Polar angle of one scatter beyond theta_c: d N ∝ d theta² / theta⁴; 0 for what is left out at its end."""
    transfer = HARD_SCATTER / math.sqrt(uniform(rng))
    angle = transfer / momentum_beta
    return angle if angle < LARGEST_SCATTER and transfer < LARGEST_TRANSFER else 0.0


HARD_SCATTERS_PER_DEPTH = SCATTERING / HARD_SCATTER**2  # cm2/g, at any energy
