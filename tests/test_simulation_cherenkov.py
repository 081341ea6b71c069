"""Cherenkov light of a muon near telescopes, and of a few pieces of track, against Frank and Tamm's formula."""

import math

import numpy as np
import pytest
from astropy import units as u
from scipy import integrate

from gammaml import simulation
from gammaml.simulation import cherenkov, steps
from gammaml.simulation.particles import MU_MINUS, MUON_MASS
from gammaml.simulation.rng import poisson, stream
from gammaml.simulation.stack import new_record

SPEED_OF_LIGHT = 0.299792458  # m/ns
BAND = simulation.DetectionEfficiency.flat(300, 600)
GROUND = 2000.0  # m
CALM = simulation.Site("calm", GROUND * u.m, 0 * u.deg, 0 * u.deg, 0 * u.uT, 0 * u.uT)  # no magnetic field


def detectors(position, radius, efficiency=BAND):
    return simulation.Detectors(position * u.m, radius * u.m, efficiency)


def muon(energy, height, **direction):
    return simulation.Primary("muon", energy * u.GeV, first_interaction=height * u.m, **direction)


def simulator(position=(0, 0, 0), radius=12, efficiency=BAND):
    return simulation.Simulator(CALM, detectors(position, radius, efficiency))


def ring_angles(pe):
    """Angle (rad) of each photo-electron from their mean direction."""
    return np.hypot(pe["ux"] - pe["ux"].mean(), pe["uy"] - pe["uy"].mean())


def cherenkov_angle(air, height, energy, mass=MUON_MASS):
    beta = math.sqrt(1 - (mass / energy) ** 2)
    return np.arccos(1 / (air.refractive_index(height * u.m) * beta))


@pytest.fixture(scope="module")
def ring():
    """A muon of 100 GeV that falls from 300 m on the centre of a detector of 12 m: all its light is detected."""
    telescope = simulator()
    return telescope, telescope.shower(muon(100, GROUND + 300), seed=1).photo_electrons


def test_radius_of_a_muon_ring(ring):
    telescope, pe = ring
    expected = cherenkov_angle(telescope.atmosphere, pe["height"].astype(float), 100)
    assert np.median(ring_angles(pe) / expected) == pytest.approx(1, abs=0.01)
    assert np.degrees(np.median(expected)) == pytest.approx(1.24, abs=0.03)  # LST rings: 1.2 deg at 2.2 km


def test_light_of_a_muon_ring(ring):
    """Frank & Tamm: 2 pi alpha sin²(theta) (1/lambda_1 - 1/lambda_2) photons a metre (PDG, eq. 34.43)."""
    telescope, pe = ring
    heights = np.linspace(GROUND, GROUND + 300, 101)
    sine2 = np.sin(cherenkov_angle(telescope.atmosphere, heights, 100)) ** 2
    per_metre = 2 * math.pi / 137.036 * (1 / 300e-9 - 1 / 600e-9)
    assert len(pe) == pytest.approx(per_metre * integrate.simpson(sine2, x=heights), rel=0.03)
    assert (pe["emitter"] == MU_MINUS).mean() > 0.99


def test_light_arrives_with_its_delay(ring):
    """From d above: d (n / cos(theta) - 1/beta) / c after a plane at the speed of light."""
    telescope, pe = ring
    distance = pe["height"].astype(float) - GROUND
    angle = cherenkov_angle(telescope.atmosphere, pe["height"].astype(float), 100)
    n = telescope.atmosphere.refractive_index((GROUND + distance / 2) * u.m)
    beta = math.sqrt(1 - (MUON_MASS / 100) ** 2)
    # The muon left the plane's place at the start of its way, and is a little late since.
    late = (300 - distance) * (1 / beta - 1)
    expected = (distance * (n / np.cos(angle) - 1) + late) / SPEED_OF_LIGHT
    assert pe["time"] == pytest.approx(expected, abs=0.01)


def test_efficiency_scales_the_light(ring):
    half = simulator(efficiency=simulation.DetectionEfficiency.flat(300, 600, efficiency=0.5))
    n = len(half.shower(muon(100, GROUND + 300), seed=2).photo_electrons)
    assert n / len(ring[1]) == pytest.approx(0.5, rel=0.04)


def test_each_detector_has_its_kind_of_efficiency():
    dim = simulation.DetectionEfficiency.flat(300, 600, efficiency=0.25)
    both = simulation.Detectors([[0, 0, 0], [0, 0, 0]] * u.m, 12 * u.m, (BAND, dim), kind=[1, 0])
    pe = simulation.Simulator(CALM, both).shower(muon(100, GROUND + 300), seed=2).photo_electrons
    dimmer, brighter = np.bincount(pe["detector"])
    assert dimmer / brighter == pytest.approx(0.25, rel=0.06)


def test_air_absorbs():
    through_air = simulation.DetectionEfficiency.flat(300, 600, absorption=True)
    near = [
        len(simulator((0, 0, 0), 300, e).shower(muon(1e4, 12e3), seed=3).photo_electrons) for e in (BAND, through_air)
    ]
    assert 0.6 < near[1] / near[0] < 0.9  # transmission of 300 to 600 nm over 0 to 10 km: Bernlöhr 2008, figure 5


def test_threshold():
    """n beta = 1 is at 4.9 GeV for a muon at 2 km, where n - 1 = 2.3e-4."""
    telescope = simulator()
    least = MUON_MASS * float(telescope.atmosphere.cherenkov_threshold(GROUND * u.m))
    assert least == pytest.approx(MUON_MASS / math.sqrt(2 * 2.3e-4), rel=0.02)
    assert len(telescope.shower(muon(0.98 * least, GROUND + 300), seed=4).photo_electrons) == 0
    assert len(telescope.shower(muon(1.2 * least, GROUND + 300), seed=4).photo_electrons) > 100


@pytest.mark.parametrize(("zenith", "azimuth"), [(20, 0), (40, 90), (60, 215)])
def test_inclined_muons_hit_the_core_at_time_zero(zenith, azimuth):
    direction = {"zenith": zenith * u.deg, "azimuth": azimuth * u.deg}
    pe = simulator().shower(muon(500, GROUND + 200, **direction), seed=5).photo_electrons
    assert len(pe) > 1000
    # It flies away from where it comes from; x north, y west.
    expected = -math.sin(math.radians(zenith)) * np.array(
        [math.cos(math.radians(azimuth)), -math.sin(math.radians(azimuth))]
    )
    assert [pe["ux"].mean(), pe["uy"].mean()] == pytest.approx(expected, abs=2e-3)
    assert 0 <= np.median(pe["time"]) < 1
    assert np.median(np.hypot(pe["x"], pe["y"])) < 12


def test_plane_front_on_distant_detectors():
    """Detectors towards and away from the source see a front that sweeps the ground with c / sin(zenith)."""
    pair = simulator([[30, 0, 0], [-30, 0, 0]], 5)
    light = [
        pair.shower(simulation.Primary("gamma", 300 * u.GeV, zenith=40 * u.deg), seed=6, number=i) for i in range(8)
    ]
    pe = np.concatenate([shower.photo_electrons for shower in light])
    early, late = (np.median(pe["time"][pe["detector"] == i]) for i in (0, 1))
    # Coming from the north (+x): the northern one is hit first.
    assert late - early == pytest.approx(60 * math.sin(math.radians(40)) / SPEED_OF_LIGHT, rel=0.03)


def test_raised_detectors_are_hit_earlier():
    low, high = (simulator((0, 0, z), 12).shower(muon(500, GROUND + 250), seed=7).photo_electrons for z in (0, 100))
    assert np.median(low["time"]) == pytest.approx(0, abs=1)
    assert np.median(high["time"]) == pytest.approx(-100 / SPEED_OF_LIGHT, abs=1)
    assert high["height"].min() > GROUND + 100


def test_refraction():
    """Snell in flat layers: n sin(zenith) stays; seen from the ground, light from the mean n on its way is steeper."""
    telescope = simulator((0, 0, 0), 400)
    pe = telescope.shower(muon(1e4, 12e3, zenith=60 * u.deg), seed=8).photo_electrons
    air = telescope.atmosphere
    column = (air.depth(GROUND * u.m) - air.depth(pe["height"].astype(float) * u.m)).value * 0.01  # of g/cm3 × m
    mean = 1 + air.refractivity_per_density * column / (pe["height"] - GROUND)
    expected = math.sin(math.radians(60)) * mean / air.refractive_index(GROUND * u.m)
    unbent = -math.sin(math.radians(60)) - pe["ux"].mean()
    assert len(pe) > 100_000
    cone = 1 / air.refractive_index(pe["height"].astype(float) * u.m)  # cos(theta_c): what a ring's mean falls short
    assert -pe["ux"].mean() == pytest.approx((expected * cone).mean(), abs=4e-5)
    assert abs(unbent) > 4e-5  # which the refraction is needed for


@pytest.mark.parametrize(
    ("offset", "ring", "radius"),
    [(0, 3, 5), (4, 3, 5), (6, 3, 5), (3, 6, 4), (1, 3, 5), (20, 15, 12), (2, 30, 5), (9, 3, 5)],
)
def test_half_arc(offset, ring, radius):
    angle = (np.arange(20_000) + 0.5) / 20_000 * 2 * math.pi
    inside = np.hypot(ring * np.cos(angle) - offset, ring * np.sin(angle)) < radius
    expected = inside.mean() * math.pi
    assert cherenkov.half_arc(float(offset), float(ring), float(radius)) == pytest.approx(expected, abs=1e-3)


def test_light_far_away_is_zero():
    far = simulator([[5000, 0, 0], [0, -5000, 0]], 10)
    assert len(far.shower(simulation.Primary("gamma", 300 * u.GeV), seed=9).photo_electrons) == 0


def test_groups_only_save_time():
    """The same photo-electrons from one group of spheres, and from a group for each."""
    rng = np.random.default_rng(10)
    place = np.column_stack([rng.uniform(-200, 200, (30, 2)), rng.uniform(0, 40, 30)])
    many = simulator(place, rng.uniform(2, 15, 30))
    primary = simulation.Primary("gamma", 100 * u.GeV, zenith=50 * u.deg, first_interaction=20 * u.km)
    together = many._world(primary, np.zeros((1, 2)))
    spheres = together.light.spheres
    groups = np.concatenate(
        [np.array([(s["x"], s["y"], s["z"], s["radius"], i, i + 1)], cherenkov.GROUP) for i, s in enumerate(spheres)]
    )
    alone = together._replace(light=together.light._replace(groups=groups))
    found = []
    for world in (together, alone):
        record = new_record(photo_electrons=100_000)
        many._start(primary, stream(11, 0), world, record)
        found.append(record.photo_electrons[: record.tally["n_photo_electrons"]])
    assert len(found[0]) > 500
    assert np.array_equal(*found)


def test_places_and_directions_within_a_step():
    """<y²> = theta² L² / 3 and <y theta> = theta² L / 2, as of scattering all along; the light's angle at its share."""
    state, down, none = stream(12, 0), (0.0, 0.0, -1.0), np.zeros(3)
    drawn = [steps.wander(state, down, 20.0, 1.0, 0.0, none) for _ in range(20_000)]
    directions = np.array([step[0] for step in drawn])[:, :, 0]  # projected angles of the three legs
    light, first, last = np.array([step[1] for step in drawn]).T
    legs = np.stack([first, 1 - first - last, last], axis=1)
    angle, aside = directions[:, 2], (legs * directions).sum(axis=1)
    usual = np.abs(angle) < 4 * np.quantile(np.abs(angle), 0.683)  # without the few hard scatters
    variance = np.mean(angle[usual] ** 2)
    assert np.mean(aside[usual] ** 2) == pytest.approx(variance / 3, rel=0.05)
    assert np.mean(aside[usual] * angle[usual]) == pytest.approx(variance / 2, rel=0.05)
    assert np.mean(directions[usual, 1] ** 2) == pytest.approx(variance / 2, rel=0.05)
    late = usual & (light > 0.9)
    assert np.mean(directions[late, 1] ** 2) == pytest.approx(0.95 * np.mean(angle[late] ** 2), rel=0.1)


def test_a_step_moves_along_its_legs():
    empty = simulation.Simulator(CALM)
    world = empty._world(simulation.Primary("gamma", 1 * u.GeV), np.zeros((1, 2)))
    theta, shares = 1e-3, (0.5, 0.2, 0.4)
    directions = [(math.sin(angle), 0.0, -math.cos(angle)) for angle in (0.0, theta, 2 * theta)]
    depth, after = (float(empty.atmosphere.depth(height * u.m).value) for height in (5000, 4900))
    record = new_record(photo_electrons=1)
    particle = record.current[0]
    for name, value in {"code": MU_MINUS, "z": 5000.0, "uz": -1.0, "depth": depth, "weight": 1.0}.items():
        particle[name] = value
    down = steps.advance(stream(12, 0), particle, tuple(directions), shares, after - depth, 1.0, 1e-6, world, record)
    assert down == pytest.approx(after - depth, rel=1e-5)
    place = tuple(float(particle[name]) for name in "xyz")
    assert place == pytest.approx((100 * theta * (0.4 + 2 * 0.4), 0, 4900), abs=1e-3)
    assert particle["time"] == pytest.approx(100 / SPEED_OF_LIGHT, rel=1e-5)
    assert particle["ux"] == pytest.approx(math.sin(2 * theta))


@pytest.mark.parametrize("mean", [0.3, 5.0, 11.9, 12.1, 200.0])
def test_poisson(mean):
    state = stream(13, 0)
    drawn = np.array([poisson(state, mean) for _ in range(20_000)])
    assert drawn.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / 20_000))
    assert drawn.var() == pytest.approx(mean, rel=0.05)
    assert poisson(state, 0.0) == 0
