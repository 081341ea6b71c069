"""Cherenkov light of the compiled shower, straight from a piece of track into the spheres of telescopes.

A sphere stands for everything that a telescope can collect light with, as in CORSIKA's IACT option (K. Bernlöhr,
Astropart. Phys. 30 (2008) 149). The light of a short piece of track is a cone; where it crosses the plane through a
sphere's centre it is a ring, of which an arc lies within the sphere. Only photons on that arc that will be detected are
made: their number is Poisson distributed about N_total arc / 2 pi.
"""

import math
from typing import NamedTuple

import numpy as np
from astropy import units as u

from gammaml.simulation import atmosphere
from gammaml.simulation.compilation import compiled, inlined
from gammaml.simulation.electromagnetic_tables import ALPHA
from gammaml.simulation.geometry import rotate
from gammaml.simulation.rng import poisson, uniform
from gammaml.simulation.stack import LIGHT, PROFILE_STEP
from gammaml.simulation.transmission import optical_depth

SPEED_OF_LIGHT = 0.299792458  # m/ns
LARGEST_AIRMASS = 4.0
LEAST_DOWNWARD = -0.05  # uz of light that is followed

SPHERE = np.dtype([("x", "f8"), ("y", "f8"), ("z", "f8"), ("radius", "f8"), ("kind", "i8")])
GROUP = np.dtype([("x", "f8"), ("y", "f8"), ("z", "f8"), ("radius", "f8"), ("first", "i8"), ("last", "i8")])


class Light(NamedTuple):
    """What the compiled emission reads.

    Parameters
    ----------
    spheres : structured array of SPHERE
    groups : structured array of GROUP
        Spheres around consecutive spheres, which save asking each of them.
    yields : array (n_kinds, n_airmasses, n_heights)
        Detected photons per metre of track and per sin²(theta_c), by kind of detector, 1/cos(zenith angle) of the
        light, and height of emission.
    airmass_step, height_first, height_step : float
        The first airmass is 1; heights in m above sea level.
    """

    spheres: np.ndarray
    groups: np.ndarray
    yields: np.ndarray
    airmass_step: float
    height_first: float
    height_step: float


def light_yield(efficiency, airmasses, heights, air, site):
    """Detected photons per metre and per sin²(theta_c): 2 pi alpha ∫ efficiency T / lambda² d lambda.

    Frank & Tamm; PDG, eq. 34.43.

    Parameters
    ----------
    efficiency : DetectionEfficiency
    airmasses : array (n_airmasses,)
    heights : Quantity (n_heights,)
        Of emission, above sea level; the first is the observation level.
    air : Atmosphere
    site : Site

    Returns
    -------
    array (n_airmasses, n_heights)
    """
    wavelength = efficiency.wavelength
    weights = efficiency.efficiency / (wavelength * 1e-9) ** 2
    vertical = np.zeros((len(heights), len(wavelength)))
    if efficiency.absorption:
        vertical = optical_depth(
            heights, wavelength * u.nm, observer=heights[0], atmosphere=air, aerosols=site.aerosols
        )
    integrals = [np.trapezoid(np.exp(-vertical * x) * weights, wavelength * 1e-9, axis=1) for x in airmasses]
    return 2 * np.pi * ALPHA * np.array(integrals)


@compiled
def _yield(light, kind, airmass, height):
    """Bilinear interpolation in the table of yields."""
    a = min(max((airmass - 1.0) / light.airmass_step, 0.0), light.yields.shape[1] - 1.0001)
    h = min(max((height - light.height_first) / light.height_step, 0.0), light.yields.shape[2] - 1.0001)
    i = int(a)
    j = int(h)
    a -= i
    h -= j
    low = light.yields[kind, i, j] * (1.0 - h) + light.yields[kind, i, j + 1] * h
    high = light.yields[kind, i + 1, j] * (1.0 - h) + light.yields[kind, i + 1, j + 1] * h
    return low * (1.0 - a) + high * a


@inlined
def half_arc(offset, ring, radius):
    """Half the arc (rad) of a ring that lies in a disc whose centre is `offset` from the ring's centre; 0 for none."""
    if offset + ring <= radius:
        return math.pi
    cosine = (offset * offset + ring * ring - radius * radius) / (2.0 * offset * ring)
    if cosine >= 1.0:
        return 0.0
    return math.acos(max(cosine, -1.0))


@inlined
def _is_lit(flash, group):
    """Whether the cone of light may meet a group of spheres."""
    x = group.x - flash.x
    y = group.y - flash.y
    z = group.z - flash.z
    along = x * flash.dx + y * flash.dy + z * flash.dz
    offset2 = x * x + y * y + z * z - along * along
    # The cone widens across the group, by less than a twentieth of its size.
    far = along * flash.tangent + 1.05 * group.radius
    near = along * flash.tangent - 1.05 * group.radius
    return far >= 0.0 and offset2 <= far * far and (near <= 0.0 or offset2 >= near * near)


@inlined
def _light_sphere(rng, flash, index, light, conditions, record):
    """Photo-electrons of a flash in one sphere."""
    sphere = light.spheres[index]
    x = sphere.x - flash.x
    y = sphere.y - flash.y
    z = sphere.z - flash.z
    along = x * flash.dx + y * flash.dy + z * flash.dz
    if along <= 0.0 or z > -0.1:
        return
    ring = along * flash.tangent
    radius = sphere.radius
    offset2 = x * x + y * y + z * z - along * along
    if offset2 > (ring + radius) ** 2 or (ring > radius and offset2 < (ring - radius) ** 2):
        return
    offset = math.sqrt(max(offset2, 0.0))
    arc = half_arc(offset, ring, radius)
    mean = flash.strength * _yield(light, sphere.kind, -1.0 / flash.dz, flash.z) * arc / math.pi
    n = poisson(rng, mean)
    if n == 0:
        return
    if offset > 1e-6:
        toward = ((x - along * flash.dx) / offset, (y - along * flash.dy) / offset, (z - along * flash.dz) / offset)
    else:
        toward = rotate((flash.dx, flash.dy, flash.dz), 0.0, 1.0, 1.0, 0.0)
    _make(rng, n, arc, toward, flash, sphere, index, conditions, record)


@compiled
def _make(rng, n, arc, toward, flash, sphere, index, conditions, record):
    """Write down n photo-electrons within an arc about the direction `toward` a sphere."""
    ex, ey, ez = toward
    fx = flash.dy * ez - flash.dz * ey
    fy = flash.dz * ex - flash.dx * ez
    fz = flash.dx * ey - flash.dy * ex
    # Snell's law keeps n sin(zenith) in flat layers; the straight way stands for the bent one, so that what is seen of
    # the bending is from the mean to the detector.
    refraction = (1.0 + flash.slowed) / (1.0 + conditions.refractivity_at_ground)
    for _ in range(n):
        angle = (2.0 * uniform(rng) - 1.0) * arc
        a = math.cos(angle) * flash.sine
        b = math.sin(angle) * flash.sine
        kx = flash.dx * flash.cosine + ex * a + fx * b
        ky = flash.dy * flash.cosine + ey * a + fy * b
        kz = flash.dz * flash.cosine + ez * a + fz * b
        if kz > LEAST_DOWNWARD:
            continue
        at = record.tally.n_photo_electrons
        record.tally.n_photo_electrons = at + 1
        if at >= record.photo_electrons.shape[0]:
            continue
        way = (sphere.z - flash.z) / kz
        pe = record.photo_electrons[at]
        pe.detector = index
        pe.x = flash.x + kx * way - sphere.x
        pe.y = flash.y + ky * way - sphere.y
        pe.ux = kx * refraction
        pe.uy = ky * refraction
        pe.time = flash.time + way * (1.0 + flash.slowed) / SPEED_OF_LIGHT
        pe.height = flash.z
        pe.emitter = flash.code


@compiled
def emit(rng, p, track, gamma2_inverse, place, direction, when, conditions, light, record):
    """Light of a piece of track, all made at one point of it.

    Parameters
    ----------
    rng : array (4,)
    p : record of PARTICLE
        Which makes it.
    track : float
        Length (m) × charge² × weight.
    gamma2_inverse : float
        1/gamma² of the particle.
    place, direction : tuple of 3 floats
        Where (m) and whither.
    when : tuple of 2 floats
        Time (ns) and vertical depth (g/cm2) there.
    conditions : record of CONDITIONS
    light : Light
    record : Record
    """
    time, depth = when
    # cos(theta_c) = 1/(n beta)
    refractivity = conditions.refractivity * atmosphere.density(depth, conditions.layers)
    n_beta2 = (1.0 + refractivity) ** 2 * (1.0 - gamma2_inverse)
    if n_beta2 <= 1.0 or direction[2] > LEAST_DOWNWARD:
        return
    sine2 = 1.0 - 1.0 / n_beta2
    profile_bin = int(depth * conditions.slant / PROFILE_STEP)
    if profile_bin < record.profile.shape[0]:
        record.profile[profile_bin, LIGHT] += track * sine2
    flash = record.flash[0]
    flash.code = p.code
    flash.strength = track * sine2
    flash.x, flash.y, flash.z = place
    flash.dx, flash.dy, flash.dz = direction
    flash.cosine = math.sqrt(1.0 - sine2)
    flash.sine = math.sqrt(sine2)
    flash.tangent = flash.sine / flash.cosine
    flash.time = time
    # Mean of n - 1 on the way down: ∫ (n - 1) d height is k × depth, depth in g/cm2 being density × cm.
    column = conditions.refractivity * 0.01 * max(conditions.ground_depth - depth, 0.0)
    flash.slowed = column / max(flash.z - conditions.ground, 1e-3)
    for g in range(light.groups.shape[0]):
        group = light.groups[g]
        if _is_lit(flash, group):
            for index in range(group.first, group.last):
                _light_sphere(rng, flash, index, light, conditions, record)
