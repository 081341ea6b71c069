"""The shower itself: every particle is followed in three dimensions until it can make no more light.

A step of a charged particle has two parts, which meet at a random point, where it shines. Each part has a random hinge
(J. M. Fernández-Varea et al., Nucl. Instrum. Methods B 73 (1993) 447): it flies straight to a random point of the part,
is turned there by all that turns it along the part, and flies on. So its places, and the direction of its light, have
the right mean and variance however long the step is.
"""

import math
from typing import NamedTuple

import numpy as np

from gammaml.simulation import atmosphere
from gammaml.simulation.cherenkov import SPEED_OF_LIGHT, Light, emit
from gammaml.simulation.compilation import compiled, inlined
from gammaml.simulation.decays import decay
from gammaml.simulation.electromagnetic import (
    HARD_SCATTERS_PER_DEPTH,
    bremsstrahlung_photon,
    compton,
    elastic_cosine,
    hard_angle,
    locate,
    pair_fraction,
    radiation_angle,
    rate,
    recoil,
    soft_angle,
)
from gammaml.simulation.electromagnetic_tables import (
    BHABHA,
    BREMSSTRAHLUNG,
    COMPTON,
    LOSS_ELECTRON,
    LOSS_POSITRON,
    MOLLER,
    PAIR,
)
from gammaml.simulation.geometry import bend, cos_sin, rotate
from gammaml.simulation.hadronic import (
    MEAN_FREE_PATH,
    PHOTONUCLEAR,
    PHOTONUCLEAR_FROM,
    cross_section,
    interact,
    rest_mass,
)
from gammaml.simulation.hadronic_library import HadronicTable
from gammaml.simulation.particles import (
    CHARGE,
    DECAY_LENGTH,
    ELECTRON,
    ELECTRON_MASS,
    ETA,
    FIRST_NUCLEUS,
    GAMMA,
    MU_MINUS,
    MU_PLUS,
    NEUTRINO,
    PI_MINUS,
    PI_PLUS,
    PI_ZERO,
    POSITRON,
)
from gammaml.simulation.rng import azimuth, exponential, point_in_disc, poisson, uniform
from gammaml.simulation.stack import (
    ELECTRONS,
    HADRONS,
    MUONS,
    PROFILE_STEP,
    push,
    write_track,
)

RADIATION_LENGTH = 36.5  # g/cm2
LIGHT_FORCE = 0.299792458  # GeV/(T m) for one charge
# What a particle may still cross before the air is dense enough for its light, g/cm2.
ELECTRON_REACH = 25.0
PHOTON_REACH = 120.0
UPWARD = -0.02  # uz above which no light comes down any more
HADRON_KINETIC = 0.3  # GeV below which hadrons, and muons below a third of it, are left
HARD_EVENT, GROUND_REACHED, PLAIN = range(3)
INTERACTION, DECAY = range(2)
N_HEAVY_LOSS = 150
ROOM = 20_000  # places on the stack that one particle may need for its products


# What holds everywhere in a shower, in one record, which compiled code passes on as a pointer.
CONDITIONS = np.dtype(
    [
        ("layers", atmosphere.LAYERS),
        ("refractivity", "f8"),  # (n - 1) / density, cm3/g
        ("refractivity_at_ground", "f8"),
        ("ground", "f8"),  # observation level, m above sea level
        ("ground_depth", "f8"),  # vertical, g/cm2
        ("slant", "f8"),  # 1/cos(zenith angle) of the shower
        ("field", "f8", 3),  # T, along x, y, z
        ("heavy_loss", "f8", N_HEAVY_LOSS),  # of a singly charged heavy particle, GeV cm2/g, over log10(beta gamma)
        ("thin_energy", "f8"),  # GeV, below which only one of two products is followed
        ("largest_weight", "f8"),
        ("step_scale", "f8"),  # lengths of electron steps over their default
        ("fixed_height", "f8"),  # of the first interaction, m; 0 where it is drawn
    ]
)


class World(NamedTuple):
    """Everything the compiled shower reads.

    Parameters
    ----------
    conditions : record of CONDITIONS
    tables : record of TABLES
    hadrons : HadronicTable
    light : Light
    """

    conditions: np.void
    tables: np.void
    hadrons: HadronicTable
    light: Light


@inlined
def threshold(depth, conditions):
    """Total energy (GeV) at which an electron makes Cherenkov light: gamma = 1 / sqrt(2 (n - 1))."""
    return ELECTRON_MASS / math.sqrt(2.0 * conditions.refractivity * atmosphere.density(depth, conditions.layers))


@compiled
def thin(rng, share, energy, weight, conditions):
    """Weights of two products, of which one may be 0: Hillas' thinning, unbiased (Nucl. Phys. B 52 (1997) 29).

    `share` is the first one's part of the energy.
    """
    if energy > conditions.thin_energy or weight > 0.5 * conditions.largest_weight:
        return weight, weight
    least = weight / conditions.largest_weight
    keep_first = min(max(share, least), 1.0 - least)
    if uniform(rng) < keep_first:
        return weight / keep_first, 0.0
    return 0.0, weight / (1.0 - keep_first)


@compiled
def mark_first(position, record):
    """Remember where the first interaction was."""
    if record.tally.first_height == 0.0:
        record.tally.first_height = position[2]


@compiled
def follow_photon(rng, p, world, record):
    """One photon to its interaction: pair, Compton scattering, or as a hadron."""
    conditions = world.conditions
    energy = p.energy
    direction = (p.ux, p.uy, p.uz)
    cut = threshold(min(p.depth + PHOTON_REACH, conditions.ground_depth), conditions)
    if energy < cut:
        record.tally.below_threshold += energy * p.weight
        return
    if p.uz > UPWARD:
        record.tally.escaped += energy * p.weight
        return
    row, share = locate(energy, world.tables)
    pair = rate(world.tables, row, share, PAIR)
    scatter = rate(world.tables, row, share, COMPTON)
    nuclear = PHOTONUCLEAR if energy > PHOTONUCLEAR_FROM else 0.0
    total = pair + scatter + nuclear
    path = exponential(rng) / total
    if conditions.fixed_height > 0.0 and record.tally.first_height == 0.0:
        path = (atmosphere.depth(conditions.fixed_height, conditions.layers) - p.depth) / -p.uz
    depth = p.depth - path * p.uz
    if depth >= conditions.ground_depth:
        record.tally.ground += energy * p.weight
        return
    height = atmosphere.height(depth, conditions.layers)
    way = (height - p.z) / p.uz
    position = (p.x + p.ux * way, p.y + p.uy * way, height)
    time = p.time + way / SPEED_OF_LIGHT
    mark_first(position, record)
    kind = uniform(rng) * total
    if kind < pair:
        _pair(rng, energy, row, share, position, direction, time, depth, p.weight, world, record)
    elif kind < pair + scatter:
        _compton(rng, energy, position, direction, time, depth, p.weight, record)
    else:
        pion = PI_PLUS if uniform(rng) < 0.5 else PI_MINUS
        interact(rng, pion, energy, position, direction, time, depth, p.weight, world, record)


@compiled
def _pair(rng, energy, row, share, position, direction, time, depth, weight, world, record):
    conditions = world.conditions
    fraction = pair_fraction(rng, world.tables, row, share)
    first, second = (ELECTRON, POSITRON) if uniform(rng) < 0.5 else (POSITRON, ELECTRON)
    weight_1, weight_2 = thin(rng, fraction, energy, weight, conditions)
    c, s = azimuth(rng)
    for code, part, w, sign in ((first, fraction, weight_1, 1.0), (second, 1.0 - fraction, weight_2, -1.0)):
        if w > 0.0:
            angle = radiation_angle(rng, part * energy)
            away = rotate(direction, math.cos(angle), math.sin(angle), sign * c, sign * s)
            push(record, code, part * energy, position, away, time, depth, w)


@compiled
def _compton(rng, energy, position, direction, time, depth, weight, record):
    photon, versine = compton(rng, energy)
    electron = energy - photon + ELECTRON_MASS
    momentum = math.sqrt(electron * electron - ELECTRON_MASS * ELECTRON_MASS)
    c, s = azimuth(rng)
    cosine = 1.0 - versine
    sine = math.sqrt(max(versine * (2.0 - versine), 0.0))
    push(record, GAMMA, photon, position, rotate(direction, cosine, sine, c, s), time, depth, weight)
    recoil_cosine = min((energy - photon * cosine) / max(momentum, 1e-9), 1.0)
    recoil_sine = math.sqrt(max(1.0 - recoil_cosine * recoil_cosine, 0.0))
    away = rotate(direction, recoil_cosine, recoil_sine, -c, -s)
    push(record, ELECTRON, electron, position, away, time, depth, weight)
    record.tally.electrons_met -= ELECTRON_MASS * weight


@inlined
def electron_step(energy, depth, conditions):
    """Longest step (g/cm2) of an electron: short where it scatters much, and where the air is thin."""
    radiation_lengths = min(max(16.0 * energy * energy, 0.015), 0.12)  # 0.04 (E / 50 MeV)²
    return min(radiation_lengths * RADIATION_LENGTH, 0.15 * depth + 0.05) * conditions.step_scale


@inlined
def deflect(rng, direction, momentum_beta, path, turn, field):
    """Direction after `path` g/cm2: soft and hard scattering, and the magnetic field."""
    x, y, squared = point_in_disc(rng)
    cosine, sine = cos_sin(soft_angle(squared, momentum_beta, path))
    scale = 1.0 / math.sqrt(squared)
    direction = rotate(direction, cosine, sine, x * scale, y * scale)
    for _ in range(poisson(rng, HARD_SCATTERS_PER_DEPTH * path)):
        cosine, sine = cos_sin(hard_angle(rng, momentum_beta))
        c, s = azimuth(rng)
        direction = rotate(direction, cosine, sine, c, s)
    return bend(direction, turn, field)


@inlined
def wander(rng, direction, momentum_beta, path, turn, field):
    """The three directions of a step, and its shares: up to the light, on the first leg, on the last leg."""
    light = uniform(rng)
    rest = 1.0 - light
    middle = deflect(rng, direction, momentum_beta, path * light, turn * light, field)
    last = deflect(rng, middle, momentum_beta, path * rest, turn * rest, field)
    return (direction, middle, last), (light, light * uniform(rng), rest * uniform(rng))


@inlined
def along(directions, shares):
    """Mean direction of a step, whose length says how much of it is straight."""
    first, middle, last = directions
    _, a, c = shares
    b = 1.0 - a - c
    return (
        first[0] * a + middle[0] * b + last[0] * c,
        first[1] * a + middle[1] * b + last[1] * c,
        first[2] * a + middle[2] * b + last[2] * c,
    )


@inlined
def fly(
    rng,
    code,
    track,
    gamma2_inverse,
    position,
    directions,
    shares,
    time,
    depth,
    depth_after,
    path,
    conditions,
    light,
    record,
):
    """Move along the legs of a step and shine where its two parts meet; returns position after and time flown."""
    x, y, z = position
    mean = along(directions, shares)
    z_after = atmosphere.height(depth_after, conditions.layers)
    if mean[2] < -0.05:
        length = (z_after - z) / mean[2]
    else:
        length = path * 0.01 / atmosphere.density(0.5 * (depth + depth_after), conditions.layers)
    first, middle, _ = directions
    share = shares[0]
    a = shares[1] * length
    b = share * length - a
    place = (x + first[0] * a + middle[0] * b, y + first[1] * a + middle[1] * b, z + first[2] * a + middle[2] * b)
    flight = length / (SPEED_OF_LIGHT * math.sqrt(1.0 - gamma2_inverse))
    shine_depth = depth + (depth_after - depth) * share
    emit(
        rng,
        code,
        track * length,
        gamma2_inverse,
        place,
        middle,
        time + share * flight,
        shine_depth,
        conditions,
        light,
        record,
    )
    return (x + mean[0] * length, y + mean[1] * length, z_after), flight


@inlined
def count_crossing(record, kind, depth, depth_after, weight, conditions):
    """Add a particle to the profile: the share of a bin of slant depth that it crosses."""
    i = int(0.5 * (depth + depth_after) * conditions.slant / PROFILE_STEP)
    if i < record.profile.shape[0]:
        record.profile[i, kind] += weight * (depth_after - depth) * conditions.slant / PROFILE_STEP


@compiled
def follow_electron(rng, p, world, record):
    """One electron or positron until it falls below the Cherenkov threshold or reaches the ground."""
    conditions = world.conditions
    light = world.light
    tables = world.tables
    budget = record.tally
    code = p.code
    positron = code == POSITRON
    recoil_column = BHABHA if positron else MOLLER
    loss_column = LOSS_POSITRON if positron else LOSS_ELECTRON
    energy = p.energy
    weight = p.weight
    position = (p.x, p.y, p.z)
    direction = (p.ux, p.uy, p.uz)
    time = p.time
    depth = p.depth
    to_event = exponential(rng)  # mean free paths to the next photon or recoil
    least = np.inf  # the threshold falls on the way down: only an energy below an older one needs a new one
    while True:
        if energy < least:
            least = threshold(min(depth + ELECTRON_REACH, conditions.ground_depth), conditions)
            if energy < least:
                budget.below_threshold += energy * weight
                return
        if direction[2] > UPWARD:
            budget.escaped += energy * weight
            return
        record.tally.n_steps += 1
        row, share = locate(energy, tables)
        radiate = rate(tables, row, share, BREMSSTRAHLUNG)
        events = radiate + rate(tables, row, share, recoil_column)
        path = electron_step(energy, depth, conditions)
        event = events * path >= to_event
        if event:
            path = to_event / events
        if depth - path * direction[2] > conditions.ground_depth:
            path = (conditions.ground_depth - depth) / -direction[2]
            event = False
        loss = min(rate(tables, row, share, loss_column) * path, energy - 2.0 * ELECTRON_MASS)
        middle = energy - 0.5 * loss
        length = path * 0.01 / atmosphere.density(depth - 0.5 * path * direction[2], conditions.layers)
        turn = (LIGHT_FORCE if positron else -LIGHT_FORCE) * length / middle
        if record.tally.first_height == 0.0:
            turn = 0.0  # the axis of a shower is that of its primary at the first interaction
        directions, shares = wander(rng, direction, middle, path, turn, conditions.field)
        depth_after = depth - path * along(directions, shares)[2]
        depth_after = min(max(depth_after, 0.0), conditions.ground_depth)
        gamma2_inverse = (ELECTRON_MASS / middle) ** 2
        start = position
        position, flight = fly(
            rng,
            code,
            weight,
            gamma2_inverse,
            position,
            directions,
            shares,
            time,
            depth,
            depth_after,
            path,
            conditions,
            light,
            record,
        )
        count_crossing(record, ELECTRONS, depth, depth_after, weight, conditions)
        if record.tracks.shape[0] > 0:
            write_track(record, code, weight, middle, depth, path, start, position)
        direction = directions[2]
        depth = depth_after
        time += flight
        energy -= loss
        budget.ionisation += loss * weight
        to_event -= events * path
        if depth >= conditions.ground_depth - 0.01:
            budget.ground += energy * weight
            return
        if event:
            mark_first(position, record)
        if event and energy - ELECTRON_MASS > tables.cut:
            if uniform(rng) * events < radiate:
                photon = bremsstrahlung_photon(rng, tables, row, share, energy)
                photon_weight, weight_after = thin(rng, photon / energy, energy, weight, conditions)
                if photon_weight > 0.0:
                    angle = radiation_angle(rng, energy)
                    c, s = azimuth(rng)
                    away = rotate(direction, math.cos(angle), math.sin(angle), c, s)
                    push(record, GAMMA, photon, position, away, time, depth, photon_weight)
                if weight_after == 0.0:
                    return
                weight = weight_after
                energy -= photon
            elif (energy - ELECTRON_MASS) * (1.0 if positron else 0.5) > tables.cut:
                kinetic = energy - ELECTRON_MASS
                given = recoil(rng, energy, tables.cut, positron)
                c, s = azimuth(rng)
                cosine = elastic_cosine(kinetic, given)
                away = rotate(direction, cosine, math.sqrt(1.0 - cosine * cosine), c, s)
                push(record, ELECTRON, given + ELECTRON_MASS, position, away, time, depth, weight)
                budget.electrons_met -= ELECTRON_MASS * weight
                cosine = elastic_cosine(kinetic, kinetic - given)
                direction = rotate(direction, cosine, math.sqrt(1.0 - cosine * cosine), -c, -s)
                energy -= given
        if event:
            to_event = exponential(rng)


@compiled
def heavy_loss(beta_gamma, conditions):
    """Mean loss of a singly charged heavy particle, GeV cm2/g."""
    place = min(max((math.log10(beta_gamma) + 0.5) * 20.0, 0.0), conditions.heavy_loss.shape[0] - 1.001)
    i = int(place)
    return conditions.heavy_loss[i] + (conditions.heavy_loss[i + 1] - conditions.heavy_loss[i]) * (place - i)


@compiled
def heavy_step(muon, charged, z, conditions):
    """Longest step in m: short for muons near the ground, whose light makes rings and arcs."""
    if not charged:
        return 1e9
    above = z - conditions.ground
    if not muon:
        return 400.0
    return 15.0 if above < 1500.0 else 60.0 if above < 4000.0 else 200.0


@compiled
def _share_decay(rng, code, energy, position, direction, time, depth, weight, record):
    for product, product_energy, away in decay(rng, code, energy, direction):
        if product == NEUTRINO:
            record.tally.neutrinos += product_energy * weight
        elif product >= 0:
            push(record, product, product_energy, position, away, time, depth, weight)


@compiled
def follow_heavy(rng, p, world, record):
    """One muon, hadron or nucleus until it interacts, decays, stops or reaches the ground."""
    conditions = world.conditions
    light = world.light
    budget = record.tally
    code = p.code
    energy = p.energy
    weight = p.weight
    position = (p.x, p.y, p.z)
    direction = (p.ux, p.uy, p.uz)
    time = p.time
    depth = p.depth
    if code in (PI_ZERO, ETA):
        _share_decay(rng, code, energy, position, direction, time, depth, weight, record)
        return
    nucleus = code >= FIRST_NUCLEUS
    muon = code in (MU_MINUS, MU_PLUS)
    charge = float(code % 100) if nucleus else CHARGE[code]
    mass = rest_mass(code)
    least = mass + (HADRON_KINETIC / 3.0 if muon else HADRON_KINETIC)
    to_interaction = 1e30
    if not muon and (nucleus or DECAY_LENGTH[code] == 0.0 or DECAY_LENGTH[code] > 1.0):
        per_nucleon = energy / (code // 100) if nucleus else energy
        to_interaction = exponential(rng) * MEAN_FREE_PATH / cross_section(code, per_nucleon, world.hadrons)
    primary = not muon and record.tally.first_height == 0.0  # flies straight to its first interaction
    if primary and conditions.fixed_height > 0.0:
        to_interaction = (atmosphere.depth(conditions.fixed_height, conditions.layers) - depth) / -direction[2]
    lifetime = 1e30  # its own, as a length in m
    if not nucleus and DECAY_LENGTH[code] > 0.0:
        lifetime = exponential(rng) * DECAY_LENGTH[code]
    while True:
        if energy < least:
            budget.below_threshold += energy * weight
            return
        if direction[2] > UPWARD:
            budget.escaped += energy * weight
            return
        # The end of this step: as far as it may be, to the decay, to the interaction, or to the ground.
        length = heavy_step(muon, charge != 0.0, position[2], conditions)
        beta_gamma = math.sqrt(energy * energy / (mass * mass) - 1.0)
        to_decay = lifetime * beta_gamma
        decays = to_decay <= length
        length = min(length, to_decay)
        z_after = max(position[2] + direction[2] * length, conditions.ground)
        depth_after = min(atmosphere.depth(z_after, conditions.layers), conditions.ground_depth)
        path = (depth_after - depth) / -direction[2]
        interacts = path >= to_interaction
        if interacts:
            path = to_interaction
            depth_after = depth - path * direction[2]
            z_after = atmosphere.height(depth_after, conditions.layers)
        flown = (z_after - position[2]) / direction[2]
        grounded = not interacts and z_after <= conditions.ground
        decays = decays and not interacts and not grounded
        to_interaction -= path
        lifetime -= flown / beta_gamma
        gamma2_inverse = mass * mass / (energy * energy)
        if charge != 0.0:
            momentum = energy * math.sqrt(1.0 - gamma2_inverse)
            loss = path * charge * charge * heavy_loss(momentum / mass, conditions)
            if muon:
                loss += path * MUON_RADIATION * energy
            loss = min(loss, energy - mass)
            directions, shares = (direction, direction, direction), (uniform(rng), 0.0, 0.0)
            if not primary:
                turn = LIGHT_FORCE * charge * flown / momentum
                beta_momentum = (momentum * momentum / energy) / abs(charge)
                directions, shares = wander(rng, direction, beta_momentum, path, turn, conditions.field)
            start = position
            # The turn changes where the step ends; the depth stays what was planned unless that is below ground.
            depth_turned = min(max(depth - path * along(directions, shares)[2], 0.0), conditions.ground_depth)
            position, flight = fly(
                rng,
                code,
                weight * charge * charge,
                gamma2_inverse,
                position,
                directions,
                shares,
                time,
                depth,
                depth_turned,
                path,
                conditions,
                light,
                record,
            )
            count_crossing(record, MUONS if muon else HADRONS, depth, depth_turned, weight, conditions)
            if record.tracks.shape[0] > 0:
                write_track(record, code, weight, energy, depth, path, start, position)
            depth = depth_turned
            direction = directions[2]
            energy -= loss
            budget.ionisation += loss * weight
        else:
            x, y, _z = position
            position = (x + direction[0] * flown, y + direction[1] * flown, z_after)
            depth = depth_after
            flight = flown / SPEED_OF_LIGHT / math.sqrt(1.0 - gamma2_inverse)
        time += flight
        if interacts:
            mark_first(position, record)
            interact(rng, code, energy, position, direction, time, depth, weight, world, record)
            return
        if decays:
            _share_decay(rng, code, energy, position, direction, time, depth, weight, record)
            return
        if grounded or depth >= conditions.ground_depth - 0.01:
            budget.ground += energy * weight
            return


# cm2/g, b of dE/dX = a + b E for muons in air: a = b E at 1115 GeV, their critical energy (D. E. Groom et al., ADNDT 78
# (2001) 183)
MUON_RADIATION = 2.8e-6


@compiled
def follow(rng, world, record):
    """Follow the particles on the stack, and all they make, to the end.

    Returns
    -------
    bool
        False where the stack had too little room.
    """
    current = record.current
    p = current[0]
    while record.tally.n_waiting > 0:
        n = record.tally.n_waiting - 1
        if n > record.stack.shape[0] - ROOM:
            return False
        record.tally.n_waiting = n
        current[0] = record.stack[n]
        if p.code == GAMMA:
            follow_photon(rng, p, world, record)
        elif p.code == ELECTRON or p.code == POSITRON:
            follow_electron(rng, p, world, record)
        else:
            follow_heavy(rng, p, world, record)
    return True
