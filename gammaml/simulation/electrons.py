"""Electrons and positrons in the compiled shower."""

import math

import numpy as np

from gammaml.simulation import atmosphere
from gammaml.simulation.compilation import compiled, inlined
from gammaml.simulation.electromagnetic import (
    bremsstrahlung_photon,
    elastic_cosine,
    locate,
    radiation_angle,
    rate,
    recoil,
)
from gammaml.simulation.electromagnetic_tables import BHABHA, BREMSSTRAHLUNG, LOSS_ELECTRON, LOSS_POSITRON, MOLLER
from gammaml.simulation.geometry import rotate
from gammaml.simulation.particles import ELECTRON, ELECTRON_MASS, GAMMA, POSITRON
from gammaml.simulation.rng import azimuth, exponential, uniform
from gammaml.simulation.stack import ELECTRONS, make, mark_first, thin
from gammaml.simulation.steps import LIGHT_FORCE, advance, count_crossing, is_over, threshold, wander

RADIATION_LENGTH = 36.5  # g/cm2
ELECTRON_REACH = 25.0  # g/cm2 that an electron may still cross before the air is dense enough for its light


@inlined
def longest_step(energy, depth, conditions):
    """Longest step (g/cm2) of an electron: short where it scatters much, and where the air is thin."""
    radiation_lengths = min(max(16.0 * energy * energy, 0.015), 0.12)  # 0.04 (E / 50 MeV)²
    return min(radiation_lengths * RADIATION_LENGTH, 0.15 * depth + 0.05) * conditions.step_scale


@compiled
def follow_electron(rng, p, world, record):
    """One electron or positron until it falls below the Cherenkov threshold or reaches the ground."""
    conditions = world.conditions
    to_event = exponential(rng)  # mean free paths to the next photon or recoil
    least = np.inf  # the threshold falls on the way down: only an energy below an older one needs a new one
    while True:
        if p.energy < least:
            least = threshold(min(p.depth + ELECTRON_REACH, conditions.ground_depth), conditions)
        if is_over(p, least, conditions, record):
            return
        crossed, event = _step(rng, p, to_event, world, record)
        to_event -= crossed
        if event:
            mark_first(p, record)
            if p.energy - ELECTRON_MASS > world.tables.cut:
                _event(rng, p, world, record)
                if p.weight == 0.0:
                    return
            to_event = exponential(rng)


@inlined
def _step(rng, p, to_event, world, record):
    """One step; returns how many mean free paths it was, and whether a photon or recoil is made at its end."""
    conditions = world.conditions
    tables = world.tables
    positron = p.code == POSITRON
    record.tally.n_steps += 1
    row, share = locate(p.energy, tables)
    events = rate(tables, row, share, BREMSSTRAHLUNG) + rate(tables, row, share, BHABHA if positron else MOLLER)
    path = longest_step(p.energy, p.depth, conditions)
    event = events * path >= to_event
    if event:
        path = to_event / events
    if p.depth - path * p.uz > conditions.ground_depth:
        path = (conditions.ground_depth - p.depth) / -p.uz
        event = False
    loss = rate(tables, row, share, LOSS_POSITRON if positron else LOSS_ELECTRON) * path
    loss = min(loss, p.energy - 2.0 * ELECTRON_MASS)
    middle = p.energy - 0.5 * loss
    length = path * 0.01 / atmosphere.density(p.depth - 0.5 * path * p.uz, conditions.layers)
    turn = (LIGHT_FORCE if positron else -LIGHT_FORCE) * length / middle
    if record.tally.first_height == 0.0:
        turn = 0.0  # the axis of a shower is that of its primary at the first interaction
    directions, shares = wander(rng, (p.ux, p.uy, p.uz), middle, path, turn, conditions.field)
    down = advance(rng, p, directions, shares, path, p.weight, (ELECTRON_MASS / middle) ** 2, world, record)
    count_crossing(record, ELECTRONS, p, down, conditions)
    p.energy -= loss
    record.tally.ionisation += loss * p.weight
    return events * path, event


@compiled
def _event(rng, p, world, record):
    """A photon or a recoil electron above the cut; the weight is 0 where thinning leaves the electron."""
    row, share = locate(p.energy, world.tables)
    radiate = rate(world.tables, row, share, BREMSSTRAHLUNG)
    collide = rate(world.tables, row, share, BHABHA if p.code == POSITRON else MOLLER)
    if uniform(rng) * (radiate + collide) < radiate:
        _radiate(rng, p, bremsstrahlung_photon(rng, world.tables, row, share, p.energy), world.conditions, record)
    elif (p.energy - ELECTRON_MASS) * (1.0 if p.code == POSITRON else 0.5) > world.tables.cut:
        _recoil(rng, p, world.tables.cut, record)


@compiled
def _radiate(rng, p, photon, conditions, record):
    photon_weight, weight = thin(rng, photon / p.energy, p.energy, p.weight, conditions)
    if photon_weight > 0.0:
        angle = radiation_angle(rng, p.energy)
        c, s = azimuth(rng)
        away = rotate((p.ux, p.uy, p.uz), math.cos(angle), math.sin(angle), c, s)
        make(record, p, GAMMA, photon, away, photon_weight)
    p.weight = weight
    p.energy -= photon


@compiled
def _recoil(rng, p, cut, record):
    kinetic = p.energy - ELECTRON_MASS
    given = recoil(rng, p.energy, cut, p.code == POSITRON)
    direction = (p.ux, p.uy, p.uz)
    c, s = azimuth(rng)
    cosine = elastic_cosine(kinetic, given)
    away = rotate(direction, cosine, math.sqrt(1.0 - cosine * cosine), c, s)
    make(record, p, ELECTRON, given + ELECTRON_MASS, away, p.weight)
    record.tally.electrons_met -= ELECTRON_MASS * p.weight
    cosine = elastic_cosine(kinetic, kinetic - given)
    p.ux, p.uy, p.uz = rotate(direction, cosine, math.sqrt(1.0 - cosine * cosine), -c, -s)
    p.energy -= given
