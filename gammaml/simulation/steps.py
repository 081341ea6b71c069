"""Steps of charged particles through air.

A step of a charged particle has two parts, which meet at a random point, where it shines. Each part has a random hinge
(J. M. Fernández-Varea et al., Nucl. Instrum. Methods B 73 (1993) 447): it flies straight to a random point of the part,
is turned there by all that turns it along the part, and flies on. So its places, and the direction of its light, have
the right mean and variance however long the step is.
"""

import math

from gammaml.simulation import atmosphere
from gammaml.simulation.cherenkov import SPEED_OF_LIGHT, emit
from gammaml.simulation.compilation import inlined
from gammaml.simulation.electromagnetic import HARD_SCATTERS_PER_DEPTH, hard_angle, soft_angle
from gammaml.simulation.geometry import bend, cos_sin, rotate
from gammaml.simulation.particles import ELECTRON_MASS
from gammaml.simulation.rng import azimuth, point_in_disc, poisson, uniform
from gammaml.simulation.stack import PROFILE_STEP, write_track

LIGHT_FORCE = 0.299792458  # GeV/(T m) for one charge
UPWARD = -0.02  # uz above which no light comes down any more
AT_GROUND = 0.01  # g/cm2 above the observation level that count as there


@inlined
def threshold(depth, conditions):
    """Total energy (GeV) at which an electron makes Cherenkov light: gamma = 1 / sqrt(2 (n - 1))."""
    return ELECTRON_MASS / math.sqrt(2.0 * conditions.refractivity * atmosphere.density(depth, conditions.layers))


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
def advance(rng, p, directions, shares, path, track, gamma2_inverse, world, record):
    """Move a charged particle along the legs of a step; it shines where the two parts of the step meet.

    Parameters
    ----------
    rng : array (4,)
    p : record of PARTICLE
        Place, time, depth and direction are those after the step when it returns.
    directions, shares : tuple of 3
        Of `wander`.
    path : float
        g/cm2.
    track : float
        charge² × weight: how bright it is.
    gamma2_inverse : float
    world : World
    record : Record

    Returns
    -------
    float
        Vertical depth (g/cm2) that it went down.
    """
    conditions = world.conditions
    first, middle, last = directions
    mean = along(directions, shares)
    depth_after = min(max(p.depth - path * mean[2], 0.0), conditions.ground_depth)
    z_after = atmosphere.height(depth_after, conditions.layers)
    if mean[2] < -0.05:
        length = (z_after - p.z) / mean[2]
    else:
        length = path * 0.01 / atmosphere.density(0.5 * (p.depth + depth_after), conditions.layers)
    a = shares[1] * length
    b = shares[0] * length - a
    place = (p.x + first[0] * a + middle[0] * b, p.y + first[1] * a + middle[1] * b, p.z + first[2] * a + middle[2] * b)
    flight = length / (SPEED_OF_LIGHT * math.sqrt(1.0 - gamma2_inverse))
    down = depth_after - p.depth
    shining = (p.time + shares[0] * flight, p.depth + down * shares[0])
    emit(rng, p, track * length, gamma2_inverse, place, middle, shining, conditions, world.light, record)
    after = (p.x + mean[0] * length, p.y + mean[1] * length, z_after)
    if record.tracks.shape[0] > 0:
        write_track(record, p, path, after)
    p.x, p.y, p.z = after
    p.ux, p.uy, p.uz = last
    p.time += flight
    p.depth = depth_after
    return down


@inlined
def count_crossing(record, kind, p, down, conditions):
    """Add a particle that went `down` to its depth to the profile: the share of a bin of slant depth it crossed."""
    i = int((p.depth - 0.5 * down) * conditions.slant / PROFILE_STEP)
    if i < record.profile.shape[0]:
        record.profile[i, kind] += p.weight * down * conditions.slant / PROFILE_STEP


@inlined
def is_over(p, least, conditions, record):
    """Whether a particle is followed no more; its energy then goes to the budget."""
    budget = record.tally
    if p.energy < least:
        budget.below_threshold += p.energy * p.weight
        return True
    if p.uz > UPWARD:
        budget.escaped += p.energy * p.weight
        return True
    if p.depth >= conditions.ground_depth - AT_GROUND:
        budget.ground += p.energy * p.weight
        return True
    return False
