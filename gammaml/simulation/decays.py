"""Decays in flight in the compiled shower: isotropic two-body, phase-space three-body, and the muon's own spectrum.

Branching ratios: Particle Data Group, Phys. Rev. D 110 (2024) 030001; rare modes go to the common ones. Neutrinos are
not followed; their energy goes to the budget.
"""

import math

from gammaml.simulation.compilation import compiled
from gammaml.simulation.geometry import rotate
from gammaml.simulation.particles import (
    ANTINEUTRON,
    ANTIPROTON,
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
    NEUTRINO,
    NEUTRON,
    PI_MINUS,
    PI_PLUS,
    PI_ZERO,
    POSITRON,
    PROTON,
)
from gammaml.simulation.rng import azimuth, uniform


@compiled
def breakup_momentum(mass, mass_1, mass_2):
    """Momentum of both products in the rest frame of a decaying `mass`, GeV (PDG, eq. 49.17)."""
    squared = (mass**2 - (mass_1 + mass_2) ** 2) * (mass**2 - (mass_1 - mass_2) ** 2)
    return math.sqrt(max(squared, 0.0)) / (2.0 * mass)


@compiled
def two_body(rng, mass, mass_1, mass_2, energy, direction):
    """Energies and directions of both products of an isotropic decay in flight.

    Parameters
    ----------
    rng : array (4,)
    mass, mass_1, mass_2, energy : float
        GeV; `energy` is the parent's total energy.
    direction : tuple of 3 floats

    Returns
    -------
    tuple
        energy_1, direction_1, energy_2, direction_2.
    """
    momentum = breakup_momentum(mass, mass_1, mass_2)
    rest_energy = math.sqrt(momentum * momentum + mass_1 * mass_1)
    cosine = 2.0 * uniform(rng) - 1.0
    across = momentum * math.sqrt(1.0 - cosine * cosine)
    gamma = energy / mass
    beta_gamma = math.sqrt(max(gamma * gamma - 1.0, 0.0))
    along_1 = gamma * momentum * cosine + beta_gamma * rest_energy
    along_2 = -gamma * momentum * cosine + beta_gamma * (mass - rest_energy)
    energy_1 = gamma * rest_energy + beta_gamma * momentum * cosine
    total_1 = math.sqrt(along_1 * along_1 + across * across) + 1e-30
    total_2 = math.sqrt(along_2 * along_2 + across * across) + 1e-30
    cos_azimuth, sin_azimuth = azimuth(rng)
    first = rotate(direction, along_1 / total_1, across / total_1, cos_azimuth, sin_azimuth)
    second = rotate(direction, along_2 / total_2, across / total_2, -cos_azimuth, -sin_azimuth)
    return energy_1, first, energy - energy_1, second


@compiled
def pair_mass(rng, mass, mass_0, mass_1, mass_2):
    """Invariant mass of products 1 and 2 of a three-body decay by phase space: density ∝ p_0 p_12 (PDG, eq. 49.22)."""
    least, most = mass_1 + mass_2, mass - mass_0
    # Each momentum is largest at one end of the range, so their product is a bound.
    bound = breakup_momentum(mass, mass_0, least) * breakup_momentum(most, mass_1, mass_2)
    while True:
        together = least + (most - least) * uniform(rng)
        if together <= 0.0:
            continue
        density = breakup_momentum(mass, mass_0, together) * breakup_momentum(together, mass_1, mass_2)
        if uniform(rng) * bound < density:
            return together


@compiled
def muon_decay(rng, energy, direction):
    """Energy and direction of the electron of a muon decay, x² (3 - 2x) with x = 2 E / m_mu at rest (PDG, eq. 58.1)."""
    while True:
        x = uniform(rng)
        if uniform(rng) < x * x * (3.0 - 2.0 * x):
            break
    mass = MASS[MU_MINUS]
    # A massless electron of momentum x m/2 recoils against a neutrino pair of mass m sqrt(1 - x).
    energy_1, first, _, _ = two_body(rng, mass, 0.0, mass * math.sqrt(1.0 - x), energy, direction)
    return energy_1, first


@compiled
def mode(rng, code):
    """Products of a decay: three codes; the last two are (code, -1) for a two-body decay."""
    u = uniform(rng)
    if code in (PI_PLUS, PI_MINUS):
        return (MU_PLUS if code == PI_PLUS else MU_MINUS), NEUTRINO, -1
    if code in (K_PLUS, K_MINUS):
        return _charged_kaon(u, code == K_PLUS)
    if code == K_LONG:
        return _long_kaon(u, uniform(rng) < 0.5)
    if code == K_SHORT:
        return (PI_PLUS, PI_MINUS, -1) if u < 0.692 else (PI_ZERO, PI_ZERO, -1)
    if code == LAMBDA:
        return (PROTON, PI_MINUS, -1) if u < 0.641 else (NEUTRON, PI_ZERO, -1)
    if code == ETA:
        return _eta(u)
    if code == PI_ZERO:
        return GAMMA, GAMMA, -1
    return (ANTIPROTON, PI_PLUS, -1) if u < 0.641 else (ANTINEUTRON, PI_ZERO, -1)


@compiled
def _charged_kaon(u, positive):
    pion, muon, electron = (PI_PLUS, MU_PLUS, POSITRON) if positive else (PI_MINUS, MU_MINUS, ELECTRON)
    if u < 0.6356:
        return muon, NEUTRINO, -1
    if u < 0.8423:
        return pion, PI_ZERO, -1
    if u < 0.8981:
        return pion, PI_PLUS, PI_MINUS
    if u < 0.9157:
        return pion, PI_ZERO, PI_ZERO
    if u < 0.9664:
        return PI_ZERO, electron, NEUTRINO
    return PI_ZERO, muon, NEUTRINO


@compiled
def _long_kaon(u, positive_pion):
    pion = PI_PLUS if positive_pion else PI_MINUS
    if u < 0.4055:
        return pion, (ELECTRON if positive_pion else POSITRON), NEUTRINO
    if u < 0.6759:
        return pion, (MU_MINUS if positive_pion else MU_PLUS), NEUTRINO
    if u < 0.8711:
        return PI_ZERO, PI_ZERO, PI_ZERO
    return PI_ZERO, PI_PLUS, PI_MINUS


@compiled
def _eta(u):
    if u < 0.394:
        return GAMMA, GAMMA, -1
    if u < 0.720:
        return PI_ZERO, PI_ZERO, PI_ZERO
    if u < 0.955:
        return PI_PLUS, PI_MINUS, PI_ZERO
    return PI_PLUS, PI_MINUS, GAMMA


@compiled
def decay(rng, code, energy, direction):
    """One decay in flight.

    Parameters
    ----------
    rng : array (4,)
    code : int
    energy : float
        Total energy, GeV.
    direction : tuple of 3 floats

    Returns
    -------
    tuple
        Three times (code, energy, direction); code -1 for a product that is not there. Neutrinos are named.
    """
    nothing = (-1, 0.0, direction)
    if code in (MU_MINUS, MU_PLUS):
        electron_energy, electron_direction = muon_decay(rng, energy, direction)
        electron = ELECTRON if code == MU_MINUS else POSITRON
        neutrinos = (NEUTRINO, energy - electron_energy, direction)
        return (electron, electron_energy, electron_direction), neutrinos, nothing
    code_0, code_1, code_2 = mode(rng, code)
    mass = MASS[code]
    if code_2 < 0:
        energy_0, first, energy_1, second = two_body(rng, mass, MASS[code_0], MASS[code_1], energy, direction)
        return (code_0, energy_0, first), (code_1, energy_1, second), nothing
    together = pair_mass(rng, mass, MASS[code_0], MASS[code_1], MASS[code_2])
    energy_0, first, rest_energy, rest = two_body(rng, mass, MASS[code_0], together, energy, direction)
    energy_1, second, energy_2, third = two_body(rng, together, MASS[code_1], MASS[code_2], rest_energy, rest)
    return (code_0, energy_0, first), (code_1, energy_1, second), (code_2, energy_2, third)
