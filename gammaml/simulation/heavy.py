"""Muons, hadrons and nuclei in the compiled shower."""

import math

from gammaml.simulation import atmosphere
from gammaml.simulation.cherenkov import SPEED_OF_LIGHT
from gammaml.simulation.compilation import compiled, inlined
from gammaml.simulation.decays import decay
from gammaml.simulation.hadronic import MEAN_FREE_PATH, cross_section, interact, rest_mass
from gammaml.simulation.particles import (
    CHARGE,
    DECAY_LENGTH,
    ETA,
    FIRST_NUCLEUS,
    MU_MINUS,
    MU_PLUS,
    NEUTRINO,
    PI_ZERO,
)
from gammaml.simulation.rng import exponential, uniform
from gammaml.simulation.stack import HADRONS, MUONS, make, mark_first
from gammaml.simulation.steps import LIGHT_FORCE, advance, count_crossing, is_over, wander

HADRON_KINETIC = 0.3  # GeV below which hadrons, and muons below a third of it, are left
# cm2/g, b of dE/dX = a + b E for muons in air: a = b E at 1115 GeV, their critical energy (D. E. Groom et al., ADNDT 78
# (2001) 183)
MUON_RADIATION = 2.8e-6
NEVER = 1e30
GOES_ON, INTERACTS, DECAYS = range(3)


@inlined
def charge_of(code):
    return float(code % 100) if code >= FIRST_NUCLEUS else CHARGE[code]


@inlined
def is_muon(code):
    return code in (MU_MINUS, MU_PLUS)


@compiled
def heavy_loss(beta_gamma, conditions):
    """Mean loss of a singly charged heavy particle, GeV cm2/g."""
    place = min(max((math.log10(beta_gamma) + 0.5) * 20.0, 0.0), conditions.heavy_loss.shape[0] - 1.001)
    i = int(place)
    return conditions.heavy_loss[i] + (conditions.heavy_loss[i + 1] - conditions.heavy_loss[i]) * (place - i)


@compiled
def longest_step(code, z, conditions):
    """Longest step in m: short for muons near the ground, whose light makes rings and arcs."""
    if charge_of(code) == 0.0:
        return 1e9
    if not is_muon(code):
        return 400.0
    above = z - conditions.ground
    return 15.0 if above < 1500.0 else 60.0 if above < 4000.0 else 200.0


@compiled
def _interaction_depth(rng, p, straight, world, record):
    """Depth (g/cm2 along its way) to a hadron's or nucleus' interaction; never for muons and what decays at once."""
    code = p.code
    nucleus = code >= FIRST_NUCLEUS
    if is_muon(code) or not (nucleus or DECAY_LENGTH[code] == 0.0 or DECAY_LENGTH[code] > 1.0):
        return NEVER
    per_nucleon = p.energy / (code // 100) if nucleus else p.energy
    drawn = exponential(rng) * MEAN_FREE_PATH / cross_section(code, per_nucleon, world.hadrons)
    if straight and world.conditions.fixed_height > 0.0:
        return (atmosphere.depth(world.conditions.fixed_height, world.conditions.layers) - p.depth) / -p.uz
    return drawn


@compiled
def follow_heavy(rng, p, world, record):
    """One muon, hadron or nucleus until it interacts, decays, stops or reaches the ground."""
    conditions = world.conditions
    if p.code in (PI_ZERO, ETA):
        _decay(rng, p, record)
        return
    mass = rest_mass(p.code)
    least = mass + (HADRON_KINETIC / 3.0 if is_muon(p.code) else HADRON_KINETIC)
    straight = not is_muon(p.code) and record.tally.first_height == 0.0  # a primary to its first interaction
    to_interaction = _interaction_depth(rng, p, straight, world, record)
    lifetime = NEVER  # its own, as a length in m
    if p.code < FIRST_NUCLEUS and DECAY_LENGTH[p.code] > 0.0:
        lifetime = exponential(rng) * DECAY_LENGTH[p.code]
    while not is_over(p, least, conditions, record):
        beta_gamma = math.sqrt(p.energy * p.energy / (mass * mass) - 1.0)
        path, length, end = _plan(p, to_interaction, lifetime * beta_gamma, conditions)
        to_interaction -= path
        lifetime -= length / beta_gamma
        if charge_of(p.code) != 0.0:
            _step(rng, p, path, length, straight, world, record)
        else:
            _fly_straight(p, length, beta_gamma, conditions)
        if end == INTERACTS:
            mark_first(p, record)
            interact(rng, p, world, record)
            return
        if end == DECAYS:
            _decay(rng, p, record)
            return


@compiled
def _plan(p, to_interaction, to_decay, conditions):
    """The next step: g/cm2, m, and what is at its end."""
    length = longest_step(p.code, p.z, conditions)
    end = DECAYS if to_decay <= length else GOES_ON
    z_after = p.z + p.uz * min(length, to_decay)
    if z_after <= conditions.ground:
        z_after = conditions.ground
        end = GOES_ON
    depth_after = min(atmosphere.depth(z_after, conditions.layers), conditions.ground_depth)
    path = (depth_after - p.depth) / -p.uz
    if path >= to_interaction:
        path = to_interaction
        z_after = atmosphere.height(p.depth - path * p.uz, conditions.layers)
        end = INTERACTS
    return path, (z_after - p.z) / p.uz, end


@compiled
def _step(rng, p, path, length, straight, world, record):
    """Move a charged particle; it loses energy, scatters and bends."""
    conditions = world.conditions
    mass = rest_mass(p.code)
    charge = charge_of(p.code)
    gamma2_inverse = mass * mass / (p.energy * p.energy)
    momentum = p.energy * math.sqrt(1.0 - gamma2_inverse)
    loss = path * charge * charge * heavy_loss(momentum / mass, conditions)
    if is_muon(p.code):
        loss += path * MUON_RADIATION * p.energy
    loss = min(loss, p.energy - mass)
    direction = (p.ux, p.uy, p.uz)
    if straight:
        directions, shares = (direction, direction, direction), (uniform(rng), 0.0, 0.0)
    else:
        turn = LIGHT_FORCE * charge * length / momentum
        beta_momentum = (momentum * momentum / p.energy) / abs(charge)
        directions, shares = wander(rng, direction, beta_momentum, path, turn, conditions.field)
    down = advance(rng, p, directions, shares, path, p.weight * charge * charge, gamma2_inverse, world, record)
    count_crossing(record, MUONS if is_muon(p.code) else HADRONS, p, down, conditions)
    p.energy -= loss
    record.tally.ionisation += loss * p.weight


@compiled
def _fly_straight(p, length, beta_gamma, conditions):
    """Move a neutral particle."""
    p.x += p.ux * length
    p.y += p.uy * length
    p.z += p.uz * length
    p.depth = min(atmosphere.depth(p.z, conditions.layers), conditions.ground_depth)
    p.time += length / SPEED_OF_LIGHT * math.sqrt(1.0 + 1.0 / (beta_gamma * beta_gamma))


@compiled
def _decay(rng, p, record):
    for product, energy, away in decay(rng, p.code, p.energy, (p.ux, p.uy, p.uz)):
        if product == NEUTRINO:
            record.tally.neutrinos += energy * p.weight
        elif product >= 0:
            make(record, p, product, energy, away, p.weight)
