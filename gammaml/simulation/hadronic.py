"""Hadrons, nuclei and their interactions in the compiled shower.

Interactions of nucleons, pions and kaons come from the stored table (`hadronic_library`). A nucleus strikes with as
many of its nucleons as Glauber's mean says (`wounded`); the others fly on as a lighter nucleus, which will interact in
its turn: semi-superposition, J. Engel et al., Phys. Rev. D 46 (1992) 5013. A photon above a few GeV sometimes acts as a
pion would (vector-meson dominance).
"""

import math

from gammaml.simulation.compilation import compiled
from gammaml.simulation.geometry import rotate
from gammaml.simulation.particles import (
    ANTINEUTRON,
    ANTIPROTON,
    CONJUGATE,
    FIRST_NUCLEUS,
    ISOSPIN,
    K_LONG,
    K_MINUS,
    K_PLUS,
    MASS,
    NEUTRON,
    PI_MINUS,
    PI_PLUS,
    PROTON,
    PROTON_MASS,
)
from gammaml.simulation.rng import azimuth, uniform
from gammaml.simulation.stack import make

# Depth (g/cm2) of one mean free path at 1 mb: A / N_A, with the mean mass 14.54 of the nuclei of air.
MEAN_FREE_PATH = 24144.0
LEAST_ENERGY = 0.3  # GeV; products below are not followed
LARGEST_SINE = 0.95  # of a product's angle; beyond, no light comes down
LEAST_FRAGMENT = 4  # nucleons

# Photons on air: 0.115 mb on a nucleon (PDG, plateau), with shadowing 0.93, on 14.5 nucleons, in cm2/g.
PHOTONUCLEAR = 0.115 * 14.5 * 0.93 / MEAN_FREE_PATH
PHOTONUCLEAR_FROM = 2.0  # GeV


@compiled
def projectile_class(code):
    """Row of the table of interactions."""
    if code in (PI_PLUS, PI_MINUS):
        return 1
    return 2 if code in (K_PLUS, K_MINUS, K_LONG) else 0


@compiled
def energy_bin(rng, energy, table):
    """Energy bin of the table, drawn between the two nearest."""
    place = (math.log10(energy) - table.log10_energy_first) / table.log10_energy_step
    return min(max(math.floor(place + uniform(rng)), 0), table.cross_section.shape[1] - 1)


@compiled
def cross_section(code, energy, table):
    """Production cross-section on air, mb; `energy` is a nucleus' energy per nucleon."""
    row = projectile_class(code) if code < FIRST_NUCLEUS else 0
    place = (math.log10(energy) - table.log10_energy_first) / table.log10_energy_step
    i = min(max(int(place), 0), table.cross_section.shape[1] - 2)
    share = min(max(place - i, 0.0), 1.0)
    nucleon = table.cross_section[row, i] * (1.0 - share) + table.cross_section[row, i + 1] * share
    return nucleon * nuclear_ratio(code // 100) if code >= FIRST_NUCLEUS else nucleon


@compiled
def nuclear_ratio(a):
    """Cross-section of a nucleus of `a` nucleons on air over a nucleon's: overlapping spheres.

    sigma ∝ (A^1/3 + AIR_REACH)², the form of Bradt & Peters (Phys. Rev. 77 (1950) 54); with 0.7 it follows the ratios
    of SIBYLL 2.3d for helium, nitrogen, silicon and iron within 8 % between 0.1 and 10 TeV per nucleon.
    """
    return ((a ** (1.0 / 3.0) + AIR_REACH) / (1.0 + AIR_REACH)) ** 2


AIR_REACH = 0.7


@compiled
def nucleon_code(charge_share, rng):
    """A proton or a neutron of a nucleus with Z/A = charge_share."""
    return PROTON if uniform(rng) < charge_share else NEUTRON


@compiled
def interact(rng, p, world, record):
    """Let the particle `p` interact: its products wait on the stack, the rest goes to the budget as nuclear."""
    record.tally.n_interactions += 1
    if p.code >= FIRST_NUCLEUS:
        _nucleus(rng, p, world.hadrons, record)
    else:
        _hadron(rng, p, p.code, p.energy, world.hadrons, record)


@compiled
def _hadron(rng, p, code, energy, table, record):
    """Products of a hadron that strikes where `p` is, along its direction."""
    row = projectile_class(code)
    which = energy_bin(rng, energy, table)
    event = int(uniform(rng) * (table.offset.shape[2] - 1))
    cos_azimuth, sin_azimuth = azimuth(rng)
    conjugate = code in (PI_MINUS, K_MINUS, ANTIPROTON, ANTINEUTRON)
    isospin = code in (NEUTRON, ANTINEUTRON)
    left = energy
    for i in range(table.offset[row, which, event], table.offset[row, which, event + 1]):
        product = table.code[i] + 0
        if conjugate:
            product = CONJUGATE[product]
        if isospin:
            product = ISOSPIN[product]
        px = table.px[i] * cos_azimuth - table.py[i] * sin_azimuth
        py = table.px[i] * sin_azimuth + table.py[i] * cos_azimuth
        left -= _product(p, product, table.energy_fraction[i] * energy, px, py, record)
    record.tally.nuclear += left * p.weight


@compiled
def _product(p, code, energy, px, py, record):
    """Let a product of an interaction wait; returns its energy, 0 for what is not followed."""
    mass = MASS[code]
    if energy < LEAST_ENERGY or energy <= mass:
        return 0.0
    across = math.sqrt(px * px + py * py)
    sine = across / math.sqrt(energy * energy - mass * mass)
    if sine > LARGEST_SINE:
        return 0.0
    direction = (p.ux, p.uy, p.uz)
    if across > 1e-9:
        direction = rotate(direction, math.sqrt(1.0 - sine * sine), sine, px / across, py / across)
    make(record, p, code, energy, direction, p.weight)
    return energy


@compiled
def _nucleus(rng, p, table, record):
    """Some nucleons of a nucleus strike, the others fly on together, or one by one where they are few."""
    a = p.code // 100
    charge_share = (p.code % 100) / a
    each = p.energy / a
    # Glauber: nucleons struck on average = A sigma(nucleon) / sigma(nucleus); at least one is.
    share = (a / nuclear_ratio(a) - 1.0) / (a - 1.0)
    struck = 1
    for _ in range(a - 1):
        if uniform(rng) < share:
            struck += 1
    for _ in range(struck):
        _hadron(rng, p, nucleon_code(charge_share, rng), each, table, record)
    direction = (p.ux, p.uy, p.uz)
    rest = a - struck
    if rest >= LEAST_FRAGMENT:
        make(record, p, 100 * rest + int(rest * charge_share + 0.5), each * rest, direction, p.weight)
    else:
        for _ in range(rest):
            make(record, p, nucleon_code(charge_share, rng), each, direction, p.weight)


@compiled
def rest_mass(code):
    """Mass in GeV."""
    return MASS[code] if code < FIRST_NUCLEUS else (code // 100) * PROTON_MASS
