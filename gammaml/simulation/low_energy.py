"""Hadrons on air below 80 GeV: a leading particle, and longitudinal phase space for the rest.

1. The projectile strikes nu nucleons at rest, nu - 1 from Poisson's law with mean A sigma_hN / sigma_hA - 1 (Bialas,
   Bleszynski & Czyz, Nucl. Phys. B 111 (1976) 461).
2. A leading particle keeps a share x of the projectile's kinetic energy, less after each further nucleon. In a
   diffractive interaction it is the projectile itself, with x near 1.
3. The rest of energy and momentum, struck nucleons included, becomes mesons and recoiling nucleons. The number of
   mesons depends only on the energy W that is free for them (Basile et al., Phys. Lett. B 92 (1980) 367), their
   transverse momenta follow exp(-mT / T), and their rapidities y = a + b * xi come from random xi, with a and b such
   that energy and momentum are conserved exactly (Jadach, Comput. Phys. Commun. 9 (1975) 297).
4. Of the pions a third is neutral before charges are drawn: on nuclei of isospin 0 nucleons and kaons make half as many
   pi0 as charged pions, at every momentum.

Charge, strangeness and baryon number are conserved. Nuclear excitation, Fermi motion and absorption of pions are left
out. What the constants were fitted to, and how well the model does (model / measured, number and energy):

- p + p, 7 to 158 GeV/c, charged particles (Thomé et al., Nucl. Phys. B 129 (1977) 365): number 0.93 to 1.03;
- p + C, 12 GeV/c, pions at 30-210 mrad (HARP, Astropart. Phys. 29 (2008) 257): pi+ 1.02 and 1.14, pi- 0.90 and 1.18
  (below 1 GeV/c too few, above 5 GeV/c, where there are hardly any, several times too many);
- pi+ + C, the same: pi+ 1.23 and 1.29, pi- 0.94 and 1.13;
- pi + C, 158 GeV/c (NA61/SHINE, Phys. Rev. D 107 (2023) 062004), 2-79 GeV/c: pions of the projectile's sign 0.93 and
  1.08, of the other sign 0.86 and 1.03;
- eta / pi0 = 0.078 ± 0.006 in p + p at 400 GeV/c (LEBC-EHS, Z. Phys. C 50 (1991) 405): 0.080 at 158 GeV/c;
- shares of energy of SIBYLL 2.3d at 80 to 100 GeV.
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

    leading: dict  # code of the leading particle, unless diffractive: probability before charge is conserved
    x_shape: tuple  # a, b, c: x after the first nucleon follows Beta(a, b (E / 80 GeV)**c)
    diffraction: float  # share at 80 GeV of interactions with 1 - x from 1/(1 - x) instead
    extra_struck: float  # mean of nu - 1 in air
    total: tuple  # P, R1, R2 of the total cross-section on nucleons (mean of p and n for pions), mb


PROJECTILES = {
    PROTON: Projectile({PROTON: 0.66, NEUTRON: 0.34}, (1.3, 1.45, 0.5), 0.05, 0.62, (34.41, 13.07, 7.394)),
    PI_PLUS: Projectile(
        {PI_PLUS: 0.47, PI_ZERO: 0.20, PI_MINUS: 0.27, ETA: 0.06}, (0.7, 3.0, 0.35), 0.13, 0.43, (18.75, 9.56, 0.0)
    ),
    K_PLUS: Projectile({K_PLUS: 0.6, K_SHORT: 0.2, K_LONG: 0.2}, (1.3, 3.4, 0.0), 0.06, 0.30, (16.36, 4.29, 3.408)),
}
DIFFRACTION_POWER = -0.25  # the share of diffraction goes as E**DIFFRACTION_POWER
DIFFRACTIVE_LOSS = (0.02, 0.3)  # range of 1 - x
KEPT = 0.5  # x falls by a factor u**KEPT at each further nucleon, u uniform
PION_T, KAON_T, BARYON_T = 0.165, 0.155, 0.10  # T of exp(-mT / T), GeV
MESONS, MESON_POWER = 3.3, 0.46  # mean number of mesons MESONS * (W / GeV)**MESON_POWER
ETA_SHARE = 0.03  # etas of all light mesons
EXCHANGE = 0.34  # chance of a struck nucleon to change its charge
CHARGE_ATTEMPTS = 30  # to find charges that add up
SOFTNESS, ASYMMETRY = 0.2, 0.15  # density of the places of mesons: (1 - xi)**(SOFTNESS - ASYMMETRY * charge)
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
    lead, lead_momentum = _leading(rng, projectile, energy, len(struck))
    if lead_momentum is None:
        return None
    beam = np.array([energy + MASS[struck].sum(), 0, 0, np.sqrt(energy**2 - MASS[projectile] ** 2)])
    rest = beam - lead_momentum
    mass_squared = rest[0] ** 2 - (rest[1:] ** 2).sum()
    free = np.sqrt(max(mass_squared, 0)) - MASS[struck].sum()
    if free <= 0:
        return None
    lead, code = _flavours(rng, lead, struck, CHARGE[projectile] + CHARGE[struck].sum(), free)
    if code is None:
        return None
    lead_momentum[0] = np.sqrt(MASS[lead] ** 2 + (lead_momentum[1:] ** 2).sum())
    momentum = phase_space(rng, code, beam - lead_momentum, len(struck))
    if momentum is None:
        return None
    return np.concatenate([[lead], code]), np.concatenate([lead_momentum[None], momentum])


def _leading(rng, projectile, energy, n_struck):
    """Code and four-momentum of the leading particle; no momentum where its pT is too large for its energy."""
    model = PROJECTILES[projectile]
    if rng.random() < model.diffraction * (energy / 80) ** DIFFRACTION_POWER:
        lowest, highest = DIFFRACTIVE_LOSS
        lead, x = projectile, 1 - lowest * (highest / lowest) ** rng.random()
    else:
        a, b, c = model.x_shape
        lead = rng.choice(list(model.leading), p=list(model.leading.values()))
        x = rng.beta(a, b * (energy / 80) ** c) * np.prod(rng.random(n_struck - 1) ** KEPT)
    lead_energy = MASS[lead] + x * (energy - MASS[projectile])
    px, py = _transverse(rng, np.array([lead]))[:, 0]
    longitudinal = lead_energy**2 - MASS[lead] ** 2 - px**2 - py**2
    return lead, np.array([lead_energy, px, py, np.sqrt(longitudinal)]) if longitudinal > 0 else None


def _flavours(rng, lead, struck, charge, free):
    """The leading particle, and the recoiling baryons and produced particles (None where charge is against it)."""
    pairs = rng.poisson(KAON_PAIRS * max(free - KAON_THRESHOLD, 0))
    antinucleons = rng.poisson(ANTINUCLEONS * max(free - ANTINUCLEON_THRESHOLD, 0))
    lambdas = min(rng.poisson(LAMBDAS * max(free - LAMBDA_THRESHOLD, 0)), 1)
    heavy = _heavy(rng, pairs, lambdas, antinucleons)
    recoiling = np.array(struck)
    hyperon = []
    if lambdas and lead in (PROTON, NEUTRON) and rng.random() < 0.5:
        lead = LAMBDA
    elif lambdas:
        hyperon, recoiling = [LAMBDA], recoiling[1:]
    n_mesons = max(rng.poisson(MESONS * free**MESON_POWER), free > QUASI_ELASTIC)
    n_light = max(n_mesons - len(heavy), 0)
    n_eta = rng.binomial(n_light, ETA_SHARE)
    n_zero = rng.binomial(n_light - n_eta, 1 / 3)
    charge -= CHARGE[lead] + CHARGE[heavy].sum()
    charged = _charged(rng, recoiling, n_light - n_eta - n_zero, charge)
    if charged is None:
        return lead, None
    return lead, np.concatenate([hyperon, *charged, heavy, [PI_ZERO] * n_zero, [ETA] * n_eta]).astype(int)


def _heavy(rng, pairs, lambdas, antinucleons):
    """Kaons in pairs or with a Lambda, antinucleons with nucleons."""
    return np.concatenate(
        [
            rng.choice([K_PLUS, K_SHORT, K_LONG], pairs + lambdas, p=[0.5, 0.25, 0.25]),
            rng.choice([K_MINUS, K_SHORT, K_LONG], pairs, p=[0.5, 0.25, 0.25]),
            rng.choice([PROTON, NEUTRON], antinucleons),
            rng.choice([ANTIPROTON, ANTINEUTRON], antinucleons),
        ]
    )


def _charged(rng, recoiling, n_pions, charge):
    """Recoiling nucleons and charged pions of a total charge; None where a few attempts find none."""
    for _ in range(CHARGE_ATTEMPTS):
        exchanged = rng.random(len(recoiling)) < EXCHANGE
        nucleons = np.where(exchanged, PROTON + NEUTRON - recoiling, recoiling)
        pions = rng.choice([PI_PLUS, PI_MINUS], n_pions)
        if CHARGE[nucleons].sum() + CHARGE[pions].sum() == charge:
            return nucleons, pions
    return None


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
    Negative particles have no valence quark of the (positive) projectiles and are rarer at their end, positive more
    frequent, neutral between.
    """
    xi = rng.random(len(code))
    power = SOFTNESS - ASYMMETRY * CHARGE[code[n_recoil:]]
    xi[n_recoil:] = 1 - (1 - xi[n_recoil:]) ** (1 / (1 + power))
    xi[:n_recoil] *= 0.3 + 0.6 * np.exp(-free / 3)
    return xi - xi.min()
