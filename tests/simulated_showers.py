"""What is measured on our own showers for the comparison with published physics, by tests and by the page alike."""

import functools

import astropy.units as u
import numpy as np

from gammaml.simulation import NO_THINNING, DetectionEfficiency, Detectors, Primary, Simulator, Site, site
from gammaml.simulation.particles import MU_MINUS

RADIATION_LENGTH = 36.62  # g/cm2, air (PDG)
CRITICAL_ENERGY = 0.081  # GeV, as in Greisen's formula
ALPHA = 1 / 137.035999
LEVEL = 2200 * u.m  # where light densities are published
RINGS = np.array([20.0, 40.0, 60.0, 80.0, 100.0, 110.0, 120.0, 130.0, 145.0, 160.0, 180.0, 210.0, 250.0, 300.0])  # m
PER_RING, SPHERE_RADIUS = 12, 5.0


def place(atmosphere="us-standard", altitude=LEVEL):
    """A site with an atmosphere and without a magnetic field."""
    known = site("la-palma")
    return Site("here", altitude, known.latitude, known.longitude, 0 * u.uT, 0 * u.uT, 0 * u.deg, atmosphere)


@functools.cache
def bare(atmosphere="us-standard"):
    """Simulator without telescopes at sea level, for longitudinal profiles."""
    return Simulator(place(atmosphere, 0 * u.m), None, thinning=NO_THINNING)


def elongation(energies=(100.0, 1000.0, 10000.0), *, numbers=(200, 100, 40), seed=9):
    """Mean maxima (g/cm2) and errors of gammas that all begin at 22 km: (n_energies,) each."""
    means, errors = [], []
    for energy, n in zip(energies, numbers, strict=True):
        primary = Primary("gamma", energy * u.GeV, first_interaction=22 * u.km)
        depth = np.array([bare().shower(primary, seed=seed, number=k).x_max.value for k in range(n)])
        means.append(depth.mean())
        errors.append(depth.std(ddof=1) / np.sqrt(n))
    return np.array(means), np.array(errors)


def threshold_at(depth):
    """Energy (MeV) of electrons at the Cherenkov threshold at a depth (g/cm2)."""
    air = bare().atmosphere
    return 0.511 * air.cherenkov_threshold(air.height(depth * u.g / u.cm**2))


def profiles(particle, energy, *, n, seed=1):
    """Numbers of electrons, muons, hadrons and light by slant depth: (n, bins, 4); energy in GeV."""
    primary = Primary(particle, energy * u.GeV)
    return np.array([bare().shower(primary, seed=seed, number=k).crossings for k in range(n)])


def maxima(particle, energy, *, n, seed=1):
    """Depths of the maxima of n vertical showers, g/cm2; energy in GeV."""
    primary = Primary(particle, energy * u.GeV)
    showers = (bare().shower(primary, seed=seed, number=k) for k in range(n))
    return np.array([shower.x_max.value for shower in showers])


def greisen(depth, energy):
    """Electrons of a photon's shower at a depth (g/cm2); K. Greisen, Prog. Cosmic Ray Phys. 3 (1956) 1."""
    beta = np.log(energy / CRITICAL_ENERGY)
    t = np.maximum(depth / RADIATION_LENGTH, 1e-9)
    age = 3 * t / (t + 2 * beta)
    return 0.31 / np.sqrt(beta) * np.exp(t * (1 - 1.5 * np.log(age)))


def hillas_share(energy):
    """Share of the electrons' track above an energy (MeV) at maximum; A. M. Hillas, J. Phys. G 8 (1982) 1461, eq. 1."""
    e_0 = 44 - 17 * (1 - 1.46) ** 2
    return (0.89 * e_0 - 1.2) / (e_0 + energy) / (1 + 1e-4 * energy) ** 2


def hillas_mean_w(energy):
    """Mean of w = 2 (1 - cos theta) (E / 21 MeV)² at an energy in MeV; Hillas 1982, eq. 5."""
    v = energy / 1e3
    return 0.0054 * energy * (1 + v) / (1 + 13 * v + 8.3 * v**2)


def lafebre_spectrum(energy):
    """dN / d ln E of electrons at maximum, in MeV; S. Lafebre et al., Astropart. Phys. 31 (2009) 243, eq. 6."""
    return energy / ((energy + 5.64) * (energy + 123.0))


def lafebre_angles(theta, energy):
    """dN / d Omega at theta (deg) of electrons of an energy (MeV), any scale; Lafebre et al. 2009, eq. 8."""
    b_1, b_2 = -3.73 + 0.92 * energy**0.210, 32.9 - 4.84 * np.log(energy)
    a_1, a_2 = -0.399, -8.36 + 0.440 * np.log(energy)
    return ((np.exp(b_1) * theta**a_1) ** (-1 / 3) + (np.exp(b_2) * theta**a_2) ** (-1 / 3)) ** -3


def lafebre_mean_angle(energy):
    """Mean angle (deg) to the axis of electrons of an energy in MeV; the angles are fitted up to 60 degrees."""
    theta = np.linspace(1e-3, 60, 20001)
    weight = lafebre_angles(theta, energy) * np.sin(np.radians(theta))
    return (theta * weight).sum() / weight.sum()


def electrons_at_maximum(energy=300.0, *, n=40, seed=3, window=1.0):
    """Electrons within `window` radiation lengths of their showers' maxima.

    Steps are a quarter of the usual: a piece of track has one energy, and usual steps lose up to 15 % of it.

    Returns
    -------
    energy : array
        MeV.
    theta : array
        Angle to the axis, rad.
    weight : array
        Depth crossed times statistical weight: numbers at a level are proportional to it.
    """
    simulator = Simulator(place(altitude=0 * u.m), None, thinning=NO_THINNING, step_scale=0.25)
    parts = []
    for k in range(n):
        shower = simulator.shower(Primary("gamma", energy * u.GeV), seed=seed, number=k, tracks=6_000_000)
        tracks = shower.tracks[shower.tracks["code"] <= 2]
        near = np.abs(tracks["depth"] - shower.x_max.value) < window * RADIATION_LENGTH
        tracks = tracks[near]
        way = (tracks["end"] - tracks["start"]).astype(float)
        length = np.linalg.norm(way, axis=1)
        cosine = np.clip(-way[:, 2] / np.maximum(length, 1e-6), -1, 1)
        parts.append((tracks["energy"] * 1e3, np.arccos(cosine), tracks["path"] * tracks["weight"] * cosine))
    return tuple(np.concatenate(columns).astype(float) for columns in zip(*parts, strict=True))


def ring_detectors(*, absorption=False):
    """Spheres of 5 m on circles of `RINGS` around the core."""
    angle = np.arange(PER_RING) * 2 * np.pi / PER_RING
    x, y = np.outer(RINGS, np.cos(angle)).ravel(), np.outer(RINGS, np.sin(angle)).ravel()
    position = np.column_stack([x, y, np.full(x.size, SPHERE_RADIUS)])
    return Detectors(position * u.m, SPHERE_RADIUS * u.m, DetectionEfficiency.flat(300, 600, absorption=absorption))


def light_pool(energy, *, n, atmosphere="us-standard", absorption=False, step_scale=1.0, seed=7):
    """Photons/m2 on each of `RINGS` of n vertical gamma showers, 300 to 600 nm, at 2200 m.

    Returns
    -------
    density : array (n, n_rings)
    angle : array (n, n_rings)
        Rms angle (deg) of the light across the plane of axis and telescope: the width of an image.
    """
    simulator = _pool_simulator(atmosphere, absorption, step_scale)
    density, angle = np.zeros((n, len(RINGS))), np.zeros((n, len(RINGS)))
    for k in range(n):
        light = simulator.shower(Primary("gamma", energy * u.GeV), seed=seed, number=k).photo_electrons
        ring = light["detector"] // PER_RING
        count = np.bincount(ring, minlength=len(RINGS))
        density[k] = count / (PER_RING * np.pi * SPHERE_RADIUS**2)
        azimuth = (light["detector"] % PER_RING) * 2 * np.pi / PER_RING
        across = np.degrees(light["uy"] * np.cos(azimuth) - light["ux"] * np.sin(azimuth))
        seen = np.abs(across) < 1
        squares = np.bincount(ring[seen], across[seen] ** 2, len(RINGS))
        angle[k] = np.sqrt(squares / np.maximum(np.bincount(ring[seen], minlength=len(RINGS)), 1))
    return density, angle


@functools.cache
def _pool_simulator(atmosphere, absorption, step_scale):
    detectors = ring_detectors(absorption=absorption)
    return Simulator(place(atmosphere), detectors, thinning=NO_THINNING, step_scale=step_scale)


def mean_within(density, radius):
    """Mean over the disc of a radius (m) of a density on `RINGS`."""
    r = np.linspace(0.5, radius, 500)
    return (np.interp(r, RINGS, density) * r).sum() / r.sum()


def frank_tamm(wavelengths):
    """Photons per metre and per sin² theta_c between two wavelengths (nm): 2 pi alpha (1/l1 - 1/l2)."""
    return 2 * np.pi * ALPHA * (1 / wavelengths[0] - 1 / wavelengths[1]) * 1e9


def muon_rings(energy=2000.0, *, n=60, radius=6.0, seed=5):
    """Rings of vertical muons on the middle of a mirror.

    They start at the top of the air; with this energy few decay, and they stay within a metre.

    Returns
    -------
    angle : array
        Mean angle (deg) of each ring.
    number : array
        Its photons, 300 to 600 nm.
    """
    detectors = Detectors([[0, 0, radius]] * u.m, radius * u.m, DetectionEfficiency.flat(300, 600))
    simulator = Simulator(place(), detectors)
    number, angle = [], []
    for k in range(n):
        light = simulator.shower(Primary("muon", energy * u.GeV), seed=seed, number=k).photo_electrons
        light = light[light["emitter"] == MU_MINUS]
        if len(light):
            number.append(len(light))
            angle.append(np.degrees(np.hypot(light["ux"], light["uy"]).mean()))
    return np.array(angle), np.array(number)


def muon_ring_expected(radius=6.0):
    """Mean angle (deg) and photons of a ring, Frank and Tamm: all the light of the last radius / tan(theta_c)."""
    height = np.linspace(LEVEL.value + radius, LEVEL.value + 2 * radius / 0.02, 4000)
    angle = bare().atmosphere.cherenkov_angle(height * u.m).to_value(u.rad)
    falls_in = (height - height[0]) * np.tan(angle) < radius
    weight = np.sin(angle) ** 2 * falls_in
    number = frank_tamm((300.0, 600.0)) * np.trapezoid(weight, height)
    return np.degrees((angle * weight).sum() / weight.sum()), number
