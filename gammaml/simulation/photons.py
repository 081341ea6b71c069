"""Photons in the compiled shower: from where they are made to their interaction."""

import math

from gammaml.simulation import atmosphere
from gammaml.simulation.cherenkov import SPEED_OF_LIGHT
from gammaml.simulation.compilation import compiled
from gammaml.simulation.electromagnetic import compton, locate, pair_fraction, radiation_angle, rate
from gammaml.simulation.electromagnetic_tables import COMPTON, PAIR
from gammaml.simulation.geometry import rotate
from gammaml.simulation.hadronic import PHOTONUCLEAR, PHOTONUCLEAR_FROM, interact
from gammaml.simulation.particles import ELECTRON, ELECTRON_MASS, GAMMA, PI_MINUS, PI_PLUS, POSITRON
from gammaml.simulation.rng import azimuth, exponential, uniform
from gammaml.simulation.stack import make, mark_first, thin
from gammaml.simulation.steps import is_over, threshold

PHOTON_REACH = 120.0  # g/cm2 that a photon may still cross before the air is dense enough for the light of its pair


@compiled
def follow_photon(rng, p, world, record):
    """One photon to its interaction: pair, Compton scattering, or as a hadron."""
    conditions = world.conditions
    if is_over(p, threshold(min(p.depth + PHOTON_REACH, conditions.ground_depth), conditions), conditions, record):
        return
    row, share = locate(p.energy, world.tables)
    pair = rate(world.tables, row, share, PAIR)
    scatter = rate(world.tables, row, share, COMPTON)
    nuclear = PHOTONUCLEAR if p.energy > PHOTONUCLEAR_FROM else 0.0
    total = pair + scatter + nuclear
    path = exponential(rng) / total
    if conditions.fixed_height > 0.0 and record.tally.first_height == 0.0:
        path = (atmosphere.depth(conditions.fixed_height, conditions.layers) - p.depth) / -p.uz
    depth = p.depth - path * p.uz
    if depth >= conditions.ground_depth:
        record.tally.ground += p.energy * p.weight
        return
    height = atmosphere.height(depth, conditions.layers)
    way = (height - p.z) / p.uz
    p.x += p.ux * way
    p.y += p.uy * way
    p.z = height
    p.depth = depth
    p.time += way / SPEED_OF_LIGHT
    mark_first(p, record)
    kind = uniform(rng) * total
    if kind < pair:
        _pair(rng, p, pair_fraction(rng, world.tables, row, share), world.conditions, record)
    elif kind < pair + scatter:
        _compton(rng, p, record)
    else:
        p.code = PI_PLUS if uniform(rng) < 0.5 else PI_MINUS
        interact(rng, p, world, record)


@compiled
def _pair(rng, p, fraction, conditions, record):
    first, second = (ELECTRON, POSITRON) if uniform(rng) < 0.5 else (POSITRON, ELECTRON)
    weight_1, weight_2 = thin(rng, fraction, p.energy, p.weight, conditions)
    direction = (p.ux, p.uy, p.uz)
    c, s = azimuth(rng)
    for code, part, weight, sign in ((first, fraction, weight_1, 1.0), (second, 1.0 - fraction, weight_2, -1.0)):
        if weight > 0.0:
            angle = radiation_angle(rng, part * p.energy)
            away = rotate(direction, math.cos(angle), math.sin(angle), sign * c, sign * s)
            make(record, p, code, part * p.energy, away, weight)


@compiled
def _compton(rng, p, record):
    photon, versine = compton(rng, p.energy)
    electron = p.energy - photon + ELECTRON_MASS
    momentum = math.sqrt(electron * electron - ELECTRON_MASS * ELECTRON_MASS)
    direction = (p.ux, p.uy, p.uz)
    c, s = azimuth(rng)
    cosine = 1.0 - versine
    sine = math.sqrt(max(versine * (2.0 - versine), 0.0))
    make(record, p, GAMMA, photon, rotate(direction, cosine, sine, c, s), p.weight)
    recoil_cosine = min((p.energy - photon * cosine) / max(momentum, 1e-9), 1.0)
    recoil_sine = math.sqrt(max(1.0 - recoil_cosine * recoil_cosine, 0.0))
    make(record, p, ELECTRON, electron, rotate(direction, recoil_cosine, recoil_sine, -c, -s), p.weight)
    record.tally.electrons_met -= ELECTRON_MASS * p.weight
