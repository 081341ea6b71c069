"""Hadrons on air below 80 GeV: a leading particle, and longitudinal phase space for the rest.

1. The projectile strikes nu nucleons at rest, nu - 1 from Poisson's law with mean A sigma_hN / sigma_hA - 1 (Bialas,
   Bleszynski & Czyz, Nucl. Phys. B 111 (1976) 461).
2. A leading particle of the projectile's kind keeps a share x of its kinetic energy, less after each further nucleon.
3. The rest of energy and momentum, struck nucleons included, becomes mesons and recoiling nucleons. The number of
   mesons depends only on the energy W that is free for them (Basile et al., Phys. Lett. B 92 (1980) 367), their
   transverse momenta follow exp(-mT / T), and their rapidities y = a + b * xi come from random xi, with a and b such
   that energy and momentum are conserved exactly (Jadach, Comput. Phys. Commun. 9 (1975) 297).

Charge, strangeness and baryon number are conserved. Nuclear excitation, Fermi motion and absorption of pions are left
out. The constants are fitted to proton-proton multiplicities, to pions of 12 GeV/c protons on carbon (HARP, Astropart.
Phys. 29 (2008) 257), to 158 GeV/c pions on carbon (NA61/SHINE, Phys. Rev. D 107 (2023) 062004) and to SIBYLL 2.3d at 80
to 100 GeV.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import exp1

from gammaml.simulation.particles import (
    ANTINEUTRON,
    ANTIPROTON,
    CHARGE,
    ETA,
    K_LONG,
    K_MINUS,
    K_PLUS,
    K_SHORT,
    LAMBDA,
    MASS,
    NEUTRON,
    PI_MINUS,
    PI_PLUS,
    PI_ZERO,
    PROTON,
    PROTON_MASS,
)

NAME = "gammaml low-energy 1"
AIR_MASS_NUMBER = 14.54
ATTEMPTS = 10_000  # of which a few are needed on average, some hundred at the lowest energies


class Projectile(NamedTuple):
    """What distinguishes a class of projectiles."""

    leading: dict  # code of the leading particle: probability before charge is conserved
    x_shape: tuple  # a, b, c: x after the first nucleon follows Beta(a, b (E / 80 GeV)**c)
    diffraction: float  # share of interactions with 1 - x from 1/(1 - x) instead
    extra_struck: float  # mean of nu - 1 in air
    total: tuple  # P, R1, R2 of the total cross-section on nucleons (mean of p and n for pions), mb


PROJECTILES = {
    PROTON: Projectile({PROTON: 0.66, NEUTRON: 0.34}, (1.5, 2.2, 0.25), 0.07, 0.62, (34.41, 13.07, 7.394)),
    PI_PLUS: Projectile(
        {PI_PLUS: 0.75, PI_ZERO: 0.05, PI_MINUS: 0.15, ETA: 0.05}, (1.0, 4.0, 0.0), 0.11, 0.43, (18.75, 9.56, 0.0)
    ),
    K_PLUS: Projectile({K_PLUS: 0.6, K_SHORT: 0.2, K_LONG: 0.2}, (1.3, 3.4, 0.0), 0.06, 0.30, (16.36, 4.29, 3.408)),
}
DIFFRACTIVE_LOSS = (0.02, 0.3)  # range of 1 - x
KEPT = 0.5  # x falls by a factor u**KEPT at each further nucleon, u uniform
PION_T, KAON_T, BARYON_T = 0.165, 0.155, 0.10  # T of exp(-mT / T), GeV
MESONS, MESON_POWER = 2.9, 0.55  # mean number of mesons MESONS * (W / GeV)**MESON_POWER
NEUTRAL, ETA_SHARE = 0.37, 0.14  # neutral light mesons of all light mesons, and etas of those
QUASI_ELASTIC = 0.5  # W in GeV above which at least one meson is made
KAON_PAIRS, LAMBDAS, ANTINUCLEONS = 0.03, 0.02, 0.012  # mean number for each GeV of W above threshold
KAON_THRESHOLD, LAMBDA_THRESHOLD, ANTINUCLEON_THRESHOLD = 1.2, 0.8, 3.0  # W in GeV


def cross_section(projectile, energy, high, *, join=80.0):
    """Production cross-section on air below the energy of the high-energy model, to whose value it is joined.

    Protons follow the energy dependence of Letaw, Silberberg & Tsao, Astrophys. J. Suppl. 51 (1983) 271;
    mesons that of the total cross-section on nucleons (Particle Data Group, Chin. Phys. C 40 (2016) 100001, sect. 51),
    seen through a nucleus of Gaussian thickness (Glauber & Matthiae, Nucl. Phys. B 21 (1970) 135).

    Parameters
    ----------
    projectile : int
        PROTON, PI_PLUS or K_PLUS.
    energy : float
        Total, GeV.
    high : float
        Cross-section at the energy `join`, mb.
    join : float
        GeV.

    Returns
    -------
    float
        mb.
    """
    if projectile == PROTON:
        return high * _letaw_shape(energy) / _letaw_shape(join)
    at_energy, at_join = (AIR_MASS_NUMBER * hadron_nucleon(projectile, e) for e in (energy, join))
    disc = brentq(lambda area: _gaussian_nucleus(at_join, area) - high, 1.0, 1e4)
    return _gaussian_nucleus(at_energy, disc)


def _letaw_shape(energy):
    kinetic = 1e3 * (energy - PROTON_MASS)  # MeV
    return 1 - 0.62 * np.exp(-kinetic / 200) * np.sin(10.9 * kinetic**-0.28)


def _gaussian_nucleus(absorption, disc):
    """Integral of 1 - exp(-n e^-t) over the area disc * t, with n = absorption / disc: disc (gamma + ln n + E1(n))."""
    opacity = absorption / disc
    return disc * (np.euler_gamma + np.log(opacity) + exp1(opacity))


def hadron_nucleon(projectile, energy):
    """Total cross-section in mb, s in units of sM (PDG 2016): P + H ln²(s) + R1 s^-0.4473 - R2 s^-0.5486."""
    constant, first, second = PROJECTILES[projectile].total
    mass = MASS[projectile]
    s = mass**2 + PROTON_MASS**2 + 2 * energy * PROTON_MASS
    ratio = s / (mass + PROTON_MASS + 2.1206) ** 2
    return constant + 0.2720 * np.log(ratio) ** 2 + first * ratio**-0.4473 - second * ratio**-0.5486


def interaction(rng, projectile, energy, struck=None):
    """Draw the products of one interaction.

    Parameters
    ----------
    rng : numpy.random.Generator
    projectile : int
        PROTON, PI_PLUS or K_PLUS.
    energy : float
        Total, GeV.
    struck : list of int, optional
        Codes of the struck nucleons; default: drawn for air.

    Returns
    -------
    code : ndarray of int, shape (n,)
    momentum : ndarray, shape (n, 4)
        Energy, px, py and pz (along the projectile) in GeV. Energies add up to `energy` and the masses of the struck.
    """
    for _ in range(ATTEMPTS):
        target = _struck_in_air(rng, projectile) if struck is None else struck
        products = _attempt(rng, projectile, energy, np.array(target))
        if products is not None:
            return products
    raise RuntimeError(f"no final state for particle {projectile} of {energy} GeV")


def _struck_in_air(rng, projectile):
    return rng.choice([PROTON, NEUTRON], 1 + rng.poisson(PROJECTILES[projectile].extra_struck))


def _attempt(rng, projectile, energy, struck):
    """Codes and momenta of the products, or None where they are against a conservation law."""
    model = PROJECTILES[projectile]
    recoil = rng.choice([PROTON, NEUTRON], len(struck))
    lead = rng.choice(list(model.leading), p=list(model.leading.values()))
    lead_momentum = _leading(rng, model, lead, energy, MASS[projectile], len(struck))
    if lead_momentum is None:
        return None
    beam = np.array([energy + MASS[struck].sum(), 0, 0, np.sqrt(energy**2 - MASS[projectile] ** 2)])
    rest = beam - lead_momentum
    mass_squared = rest[0] ** 2 - (rest[1:] ** 2).sum()
    free = np.sqrt(max(mass_squared, 0)) - MASS[recoil].sum()
    if free <= 0:
        return None
    lead, recoil, mesons = _flavours(rng, lead, recoil, free)
    code = np.concatenate([recoil, mesons])
    if CHARGE[lead] + CHARGE[code].sum() != CHARGE[projectile] + CHARGE[struck].sum():
        return None
    lead_momentum[0] = np.sqrt(MASS[lead] ** 2 + (lead_momentum[1:] ** 2).sum())
    momentum = phase_space(rng, code, beam - lead_momentum, len(recoil))
    if momentum is None:
        return None
    return np.concatenate([[lead], code]), np.concatenate([lead_momentum[None], momentum])


def _leading(rng, model, lead, energy, mass, n_struck):
    """Four-momentum of the leading particle, or None where its transverse momentum is too large for its energy."""
    a, b, c = model.x_shape
    if rng.random() < model.diffraction:
        lowest, highest = DIFFRACTIVE_LOSS
        x = 1 - lowest * (highest / lowest) ** rng.random()
    else:
        x = rng.beta(a, b * (energy / 80) ** c)
    x *= np.prod(rng.random(n_struck - 1) ** KEPT)
    lead_energy = MASS[lead] + x * (energy - mass)
    px, py = _transverse(rng, np.array([lead]))[:, 0]
    longitudinal = lead_energy**2 - MASS[lead] ** 2 - px**2 - py**2
    return np.array([lead_energy, px, py, np.sqrt(longitudinal)]) if longitudinal > 0 else None


def _flavours(rng, lead, recoil, free):
    """The leading particle, the recoiling baryons and the produced particles, strangeness and baryons in pairs."""
    n_mesons = max(rng.poisson(MESONS * free**MESON_POWER), free > QUASI_ELASTIC)
    pairs = rng.poisson(KAON_PAIRS * max(free - KAON_THRESHOLD, 0))
    lambdas = rng.poisson(LAMBDAS * max(free - LAMBDA_THRESHOLD, 0))
    antinucleons = rng.poisson(ANTINUCLEONS * max(free - ANTINUCLEON_THRESHOLD, 0))
    if lambdas:
        lambdas, lead, recoil = 1, *_one_lambda(rng, lead, recoil)
    strange = rng.choice([K_PLUS, K_SHORT, K_LONG], pairs + lambdas, p=[0.5, 0.25, 0.25])
    antistrange = rng.choice([K_MINUS, K_SHORT, K_LONG], pairs, p=[0.5, 0.25, 0.25])
    baryons = rng.choice([PROTON, NEUTRON], antinucleons)
    antibaryons = rng.choice([ANTIPROTON, ANTINEUTRON], antinucleons)
    light = rng.choice(
        [PI_PLUS, PI_MINUS, PI_ZERO, ETA],
        max(n_mesons - 2 * pairs - lambdas - 2 * antinucleons, 0),
        p=[(1 - NEUTRAL) / 2, (1 - NEUTRAL) / 2, NEUTRAL * (1 - ETA_SHARE), NEUTRAL * ETA_SHARE],
    )
    return lead, recoil, np.concatenate([strange, antistrange, baryons, antibaryons, light])


def _one_lambda(rng, lead, recoil):
    """One nucleon, the leading one with equal chance, turned into a Lambda."""
    if lead in (PROTON, NEUTRON) and rng.random() < 0.5:
        return LAMBDA, recoil
    return lead, np.concatenate([[LAMBDA], recoil[1:]])


def _transverse(rng, code):
    """px and py in GeV, shape (2, n), of the law dN/d(pT²) ~ exp(-mT / T)."""
    mass = MASS[code]
    kaon = np.isin(code, [K_PLUS, K_MINUS, K_SHORT, K_LONG])
    temperature = np.where(mass > 0.9, BARYON_T, np.where(kaon, KAON_T, PION_T))
    # mT exp(-mT / T) dmT from m upwards is a mixture of Gamma distributions of shape 1 and 2
    shape = np.where(rng.random(len(code)) < mass / (mass + temperature), 1, 2)
    transverse_mass = mass + rng.gamma(shape, temperature)
    momentum = np.sqrt(transverse_mass**2 - mass**2)
    azimuth = rng.uniform(0, 2 * np.pi, len(code))
    return momentum * np.array([np.cos(azimuth), np.sin(azimuth)])


def phase_space(rng, code, total, n_recoil):
    """Momenta of particles that add up to a given one.

    Parameters
    ----------
    rng : numpy.random.Generator
    code : ndarray of int, shape (n,)
        The recoiling baryons first.
    total : ndarray, shape (4,)
        Energy, px, py, pz in GeV.
    n_recoil : int

    Returns
    -------
    ndarray, shape (n, 4), or None
        None where the transverse masses alone exceed the energy.
    """
    if len(code) < 2:
        return None
    transverse = _transverse(rng, code)
    transverse += ((total[1:3] - transverse.sum(axis=1)) / len(code))[:, None]
    transverse_mass = np.sqrt(MASS[code] ** 2 + (transverse**2).sum(axis=0))
    forward, backward = total[0] + total[3], total[0] - total[3]
    if transverse_mass.sum() ** 2 >= forward * backward:
        return None
    free = np.sqrt(forward * backward) - MASS[code[:n_recoil]].sum()
    xi = _rapidity_places(rng, code, n_recoil, free)

    def excess(b):
        growth = np.exp(b * xi)
        return np.log((transverse_mass * growth).sum() * (transverse_mass / growth).sum() / (forward * backward))

    rapidity = brentq(excess, 0, 60 / xi.max()) * xi
    rapidity += np.log(forward / (transverse_mass * np.exp(rapidity)).sum())
    energy, longitudinal = transverse_mass * np.cosh(rapidity), transverse_mass * np.sinh(rapidity)
    return np.column_stack([energy, *transverse, longitudinal])


def _rapidity_places(rng, code, n_recoil, free):
    """Places xi between the target's end, 0, and the projectile's.

    Recoiling baryons stay at the target's end, less so at small free energy W, where all directions are equal.
    Negative particles share no valence quark pair with the (positive) projectiles and are rare at their end.
    """
    xi = rng.random(len(code))
    negative = CHARGE[code] < 0
    xi[negative] = 1 - (1 - xi[negative]) ** (5 / 6)
    xi[:n_recoil] *= 0.3 + 0.6 * np.exp(-free / 3)
    return xi - xi.min()
