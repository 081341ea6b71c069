"""Whole showers: energy budget, depths, thinning, reproducibility, steps, and settings that are refused."""

import math
import multiprocessing

import numpy as np
import pytest
from astropy import units as u
from scipy import stats

from gammaml import simulation
from gammaml.errors import SettingError
from gammaml.simulation import electromagnetic, particles
from gammaml.simulation.electromagnetic_tables import BREMSSTRAHLUNG, MOLLER
from gammaml.simulation.hadronic import MEAN_FREE_PATH, cross_section
from gammaml.simulation.shower import profile_maximum
from gammaml.simulation.stack import new_record

BAND = simulation.DetectionEfficiency.flat(300, 600, efficiency=0.2)
PLACES = [[x, y, 10] for x in (-80, 0, 80) for y in (-80, 0, 80)] * u.m
PRIMARIES = tuple(particles.PRIMARIES)


def make_simulator(**settings):
    return simulation.Simulator("la-palma", simulation.Detectors(PLACES, 6 * u.m, BAND), **settings)


def primary(particle="gamma", energy=100, **rest):
    return simulation.Primary(particle, energy * u.GeV, **rest)


@pytest.fixture(scope="module")
def simulator():
    return make_simulator()


def emitted(simulator, primary, n, seed=1):
    """Light made by each of n showers, m of track times sin²(theta_c)."""
    showers = (simulator.shower(primary, seed=seed, number=number) for number in range(n))
    return np.array([shower.profile["light"].value.sum() for shower in showers])


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / math.sqrt(len(values))


def assert_equal_means(first, second, *, sigmas=3.0, scale=1.0):
    (a, da), (b, db) = mean_and_error(first), mean_and_error(second)
    assert abs(a - scale * b) < sigmas * math.hypot(da, scale * db)


@pytest.mark.parametrize("particle", PRIMARIES)
@pytest.mark.parametrize("zenith", [0, 60])
@pytest.mark.parametrize("energy", [60, 500])
def test_energy_is_conserved(simulator, particle, zenith, energy):
    for number in range(3):
        shower = simulator.shower(primary(particle, energy, zenith=zenith * u.deg), seed=2, number=number)
        assert u.Quantity(list(shower.budget.values())).sum().to_value(u.GeV) == pytest.approx(energy, rel=1e-6)
        for name in ("ionisation", "below_threshold", "ground", "escaped", "neutrinos"):
            assert shower.budget[name] >= 0


@pytest.mark.parametrize("particle", PRIMARIES)
@pytest.mark.parametrize("excess", [1e-9, 1e-3, 0.3])
def test_a_primary_just_above_its_mass_ends_at_once(simulator, particle, excess):
    mass = max(particles.mass_of(particles.PRIMARIES[particle][0]), 1e-6)
    shower = simulator.shower(primary(particle, mass * (1 + excess)), seed=3)
    assert sum(shower.budget.values()).to_value(u.GeV) == pytest.approx(mass * (1 + excess), rel=1e-6)
    assert len(shower.photo_electrons) == 0
    assert np.isnan(shower.x_max)


def test_thinning_conserves_energy_on_average_and_its_light_is_unbiased(simulator):
    thinned = make_simulator(thinning=simulation.Thinning(above=0 * u.TeV, fraction=0.1, largest_weight=5))
    gamma = primary(energy=150, first_interaction=25 * u.km)
    showers = [thinned.shower(gamma, seed=4, number=number) for number in range(400)]
    totals = np.array([sum(shower.budget.values()).to_value(u.GeV) for shower in showers])
    mean, error = mean_and_error(totals)
    assert totals.std() > 1  # it does thin
    assert abs(mean - 150) < max(3 * error, 1.5)
    assert error < 3
    light = np.array([shower.profile["light"].value.sum() for shower in showers])
    assert_equal_means(light, emitted(simulator, gamma, 400, seed=5))


def test_thinned_showers_take_fewer_steps(simulator):
    gamma = primary(energy=1000)
    full, thinned = (
        make_simulator(thinning=thinning).shower(gamma, seed=6).tally["n_steps"]
        for thinning in (simulation.NO_THINNING, simulation.Thinning(above=0 * u.TeV, fraction=0.05))
    )
    assert thinned < 0.5 * full


def test_the_same_seed_makes_the_same_shower_whatever_ran_before(simulator):
    gamma = primary(energy=200)
    first = simulator.shower(gamma, seed=7, number=3).photo_electrons
    simulator.shower(primary("proton", 2000, zenith=30 * u.deg), seed=8)
    again = simulator.shower(gamma, seed=7, number=3)
    fresh = make_simulator().shower(gamma, seed=7, number=3)
    assert len(first) > 100
    assert np.array_equal(first, again.photo_electrons)
    assert np.array_equal(first, fresh.photo_electrons)
    assert np.array_equal(again.crossings, fresh.crossings)
    for seed, number in ((7, 4), (8, 3), (3, 7)):
        assert not np.array_equal(first, simulator.shower(gamma, seed=seed, number=number).photo_electrons)


def test_light_beyond_the_buffer_is_all_there(simulator):
    gamma = primary(energy=200)
    expected = simulator.shower(gamma, seed=9)
    small = make_simulator()
    small._record = new_record(photo_electrons=50)
    found = small.shower(gamma, seed=9)
    assert len(expected.photo_electrons) > 50
    assert np.array_equal(found.photo_electrons, expected.photo_electrons)
    assert np.array_equal(found.crossings, expected.crossings)
    assert found.budget == expected.budget


def _photo_electrons(number):
    return make_simulator().shower(primary(energy=80), seed=10, number=number).photo_electrons


def test_processes_change_nothing():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        parallel = pool.map(_photo_electrons, range(4))
    assert all(np.array_equal(parallel[number], _photo_electrons(number)) for number in range(4))


def test_cores_use_one_shower_many_times(simulator):
    cores = [[0, 0], [40, -20], [0, 0]] * u.m
    shower = simulator.shower(primary(energy=500), seed=11, cores=cores)
    use = shower.photo_electrons["detector"] // len(PLACES)
    counts = [np.bincount(shower.photo_electrons["detector"][use == i] % 9, minlength=9) for i in range(3)]
    assert set(use) == {0, 1, 2}
    # The first and third use differ only by the photo-electrons' own chance.
    assert np.abs(counts[0] - counts[2]).max() < 5 * math.sqrt(2 * max(counts[0].max(), 1))
    assert not np.array_equal(counts[0], counts[1])


def test_a_core_moves_the_shower():
    """The core is where the axis meets the ground: a telescope there is in the shower's middle."""
    one = simulation.Simulator("la-palma", simulation.Detectors([300, -200, 0] * u.m, 10 * u.m, BAND))
    cores = [[300, -200], [0, 0]] * u.m
    pe = [one.shower(primary(energy=300), seed=12, number=i, cores=cores).photo_electrons for i in range(5)]
    detector = np.concatenate(pe)["detector"]
    assert (detector == 0).sum() > 5 * (detector == 1).sum()


def test_showers_without_detectors():
    shower = simulation.Simulator("la-palma").shower(primary(energy=100), seed=13)
    assert len(shower.photo_electrons) == 0
    assert shower.profile["light"].sum() > 0 * u.m


def test_no_efficiency_no_light():
    dark = simulation.Detectors(PLACES, 6 * u.m, simulation.DetectionEfficiency.flat(300, 600, efficiency=0))
    assert len(simulation.Simulator("la-palma", dark).shower(primary(), seed=14).photo_electrons) == 0


def test_tracks_join_and_stay_within_their_room(simulator):
    shower = simulator.shower(primary("muon", 50), seed=15, tracks=2000)
    tracks = shower.tracks
    assert np.allclose(tracks["end"][:-1], tracks["start"][1:], atol=0.1)
    assert (np.diff(tracks["energy"]) <= 0).all()
    assert len(simulator.shower(primary(), seed=15, tracks=10).tracks) == 10


def first_depths(simulator, primary, n):
    """Slant depths (g/cm2) of first interactions above the ground."""
    heights = [simulator.shower(primary, seed=16, number=number).first_interaction.value for number in range(n)]
    slant = simulator.atmosphere.depth(np.array(heights) * u.m).value / math.cos(primary.zenith.to_value(u.rad))
    return slant[np.isfinite(slant)]


@pytest.mark.parametrize("zenith", [0, 60])
def test_first_interaction_of_gammas(simulator, zenith):
    # 9/7 X0 = 47.1 g/cm2 (PDG), 1 % more in XCOM.
    depths = first_depths(simulator, primary(energy=20, zenith=zenith * u.deg), 1200)
    assert depths.mean() == pytest.approx(9 / 7 * 36.62, rel=0.08)
    assert stats.kstest(depths, stats.expon(scale=47.6).cdf).pvalue > 0.01


@pytest.mark.parametrize(("particle", "nucleons"), [("proton", 1), ("iron", 56)])
def test_first_interaction_of_hadrons(simulator, particle, nucleons):
    energy = 100 * nucleons
    code = particles.PRIMARIES[particle][0]
    mean = MEAN_FREE_PATH / cross_section(code, 100.0, simulator.hadrons)
    depths = first_depths(simulator, primary(particle, energy, zenith=30 * u.deg), 600 if nucleons == 1 else 60)
    assert stats.kstest(depths, stats.expon(scale=mean).cdf).pvalue > 0.01
    if particle == "proton":
        assert mean == pytest.approx(88, rel=0.05)  # 275 mb at 100 GeV: PDG, proton-air


@pytest.mark.parametrize("particle", ["gamma", "proton", "iron"])
def test_a_fixed_first_interaction_is_kept(simulator, particle):
    shower = simulator.shower(primary(particle, 3000, zenith=40 * u.deg, first_interaction=21.5 * u.km), seed=17)
    assert shower.first_interaction.to_value(u.m) == pytest.approx(21_500, abs=0.1)


@pytest.mark.parametrize("particle", ["electron", "positron"])
def test_electrons_start_at_their_height(simulator, particle):
    below = [
        simulator.shower(primary(particle, 50, first_interaction=18 * u.km), seed=18, number=i).first_interaction
        for i in range(30)
    ]
    assert (u.Quantity(below) < 18 * u.km).all()
    # A photon or a recoil above the threshold comes after about 2 g/cm2.
    assert u.Quantity(below).mean() > 17.5 * u.km


def test_first_interaction_of_electrons(simulator):
    """A photon or a recoil above the threshold, which is 4/3 ln(100 GeV / 22 MeV) - 0.5 photons per X0 and more."""
    depths = first_depths(simulator, primary("electron"), 400)
    row, share = electromagnetic.locate(100.0, simulator._tables)
    rates = [electromagnetic.rate(simulator._tables, row, share, column) for column in (BREMSSTRAHLUNG, MOLLER)]
    assert rates[0] == pytest.approx((4 / 3 * math.log(100 / 0.022) - 0.8) / 36.62, rel=0.05)
    assert stats.kstest(depths, stats.expon(scale=1 / sum(rates)).cdf).pvalue > 0.01


def test_muons_never_interact_as_hadrons(simulator):
    for number in range(5):
        shower = simulator.shower(primary("muon", 30, first_interaction=5 * u.km), seed=20, number=number)
        assert shower.tally["n_interactions"] == 0


def test_muons_scatter_on_their_way(simulator):
    """Displacement on the ground after 3 km, against Highland's angle times L / 3^½ (PDG, eq. 34.21)."""
    calm = simulation.Site("calm", 2000 * u.m, 0 * u.deg, 0 * u.deg, 0 * u.uT, 0 * u.uT)
    simulator = simulation.Simulator(calm)
    ends = []
    for number in range(400):
        muon = primary("muon", 20, first_interaction=5 * u.km)
        ends.append(simulator.shower(muon, seed=21, number=number, tracks=1000).tracks["end"][-1][:2])
    air = simulator.atmosphere
    lengths = (air.depth(2 * u.km) - air.depth(5 * u.km)).value / 36.62
    theta = 0.0136 / 19.7 * math.sqrt(lengths) * (1 + 0.038 * math.log(lengths))
    width = np.quantile(np.abs(ends), 0.683)
    assert width == pytest.approx(theta * 3000 / math.sqrt(3), rel=0.15)


def test_depth_of_maximum_of_gammas(simulator):
    """X_max = X0 (ln(E/Ec) + 1/2): PDG, eq. 34.36, with 36.62 g/cm2 and 85 MeV.

    PDG counts all electrons; those above the Cherenkov threshold, ours, are most about 0.7 X0 earlier.
    """
    for energy, n in ((30, 300), (300, 100)):
        showers = [simulator.shower(primary(energy=energy), seed=22, number=number) for number in range(n)]
        x_max, error = mean_and_error(np.array([s.x_max.value for s in showers if np.isfinite(s.x_max.value)]))
        expected = 36.62 * (math.log(energy / 0.085) + 0.5 - 0.7)
        assert x_max == pytest.approx(expected, abs=10 + 3 * error)


def test_profile_maximum_of_a_known_profile():
    depth = np.arange(5, 1500, 10.0)
    profile = np.exp(-0.5 * ((depth - 333) / 120) ** 2)
    assert profile_maximum(depth, profile) == pytest.approx(333, abs=1)
    assert np.isnan(profile_maximum(depth, np.zeros_like(depth)))


def test_iron_is_much_like_56_protons(simulator):
    # The superposition model holds for means: Engel et al., Phys. Rev. D 46 (1992) 5013.
    full = make_simulator(thinning=simulation.NO_THINNING)
    iron = emitted(full, primary("iron", 56 * 50), 15, seed=23)
    protons = emitted(full, primary("proton", 50), 500, seed=24) * 56
    assert iron.mean() / protons.mean() == pytest.approx(1, abs=0.12)
    assert iron.std() / iron.mean() < 0.5 * protons.std() / protons.mean()


def lateral(step_scale, n, seed):
    """Photo-electrons (n, 7) in rings of telescopes around vertical gammas, and the light emitted (n,)."""
    ring = [
        [r * math.cos(a), r * math.sin(a), 0] for r in (20, 50, 80, 110, 140, 180, 250) for a in np.arange(8) * 0.785
    ]
    telescopes = simulation.Detectors(ring * u.m, 8 * u.m, simulation.DetectionEfficiency.flat(300, 600))
    simulator = simulation.Simulator("la-palma", telescopes, step_scale=step_scale)
    gamma = primary(energy=100, first_interaction=22 * u.km)
    showers = [simulator.shower(gamma, seed=seed, number=number) for number in range(n)]
    counts = [np.bincount(s.photo_electrons["detector"] // 8, minlength=7) for s in showers]
    return np.array(counts), np.array([s.profile["light"].value.sum() for s in showers])


@pytest.mark.slow
def test_shorter_steps_change_nothing():
    (long_counts, long_light), (short_counts, short_light) = (lateral(scale, 600, 25) for scale in (1.0, 0.5))
    assert_equal_means(long_light, short_light)
    for ring in range(7):
        assert_equal_means(long_counts[:, ring], short_counts[:, ring], sigmas=3.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"particle": "Gamma"}, "one of gamma, electron, positron, muon, proton, helium, nitrogen, silicon, iron"),
        ({"particle": 1}, "one of gamma"),
        ({"energy": 0 * u.GeV}, "more than its mass"),
        ({"energy": -1 * u.GeV}, "more than its mass"),
        ({"energy": np.nan * u.GeV}, "finite"),
        ({"energy": np.inf * u.GeV}, "finite"),
        ({"energy": 100}, "a quantity in GeV"),
        ({"energy": 1 * u.m}, "a quantity in GeV"),
        ({"particle": "proton", "energy": 0.938 * u.GeV}, "more than its mass, 0.938272 GeV"),
        ({"particle": "iron", "energy": 52 * u.GeV}, "more than its mass"),
        ({"zenith": 61 * u.deg}, "0 to 60 deg"),
        ({"zenith": -1 * u.deg}, "0 to 60 deg"),
        ({"zenith": np.nan * u.deg}, "finite"),
        ({"zenith": 20}, "a quantity in deg"),
        ({"zenith": 1 * u.m}, "a quantity in deg"),
        ({"azimuth": np.inf * u.deg}, "finite"),
        ({"azimuth": 3 * u.s}, "a quantity in deg"),
        ({"first_interaction": 20}, "a quantity in m"),
        ({"first_interaction": np.nan * u.m}, "finite"),
    ],
)
def test_primaries_that_are_refused(settings, message):
    with pytest.raises(SettingError, match=message) as caught:
        simulation.Primary(**({"particle": "gamma", "energy": 1 * u.TeV} | settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"energy": 1 * u.EeV}, {}, "end of the hadronic table"),
        ({"first_interaction": 100 * u.m}, {}, "between the ground"),
        ({"first_interaction": 200 * u.km}, {}, "between the ground"),
        ({}, {"seed": -1}, "an integer ≥ 0"),
        ({}, {"seed": 1.5}, "an integer ≥ 0"),
        ({}, {"seed": 1, "number": -1}, "an integer ≥ 0"),
        ({}, {"seed": 1, "tracks": -5}, "an integer ≥ 0"),
        ({}, {"cores": [[0, 0]]}, "a quantity in m"),
        ({}, {"cores": [[0, 0]] * u.s}, "a quantity in m"),
        ({}, {"cores": [[0, 0, 0]] * u.m}, r"\(n, 2\)"),
        ({}, {"cores": [[0, np.nan]] * u.m}, "finite"),
    ],
)
def test_showers_that_are_refused(simulator, changes, settings, message):
    gamma = simulation.Primary(**({"particle": "gamma", "energy": 1 * u.TeV} | changes))
    with pytest.raises(SettingError, match=message) as caught:
        simulator.shower(gamma, **({"seed": 1} | settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"position": [[0, 0, -5]] * u.m}, "above the observation level"),
        ({"position": [[0, 0]] * u.m}, r"\(n, 3\)"),
        ({"position": np.zeros((0, 3)) * u.m}, r"\(n, 3\)"),
        ({"position": [[0, 0, np.inf]] * u.m}, "finite"),
        ({"position": [[0, 0, 0]]}, "a quantity in m"),
        ({"position": [[0, 0, 0]] * u.deg}, "a quantity in m"),
        ({"radius": np.nan * u.m}, "finite"),
        ({"radius": np.inf * u.m}, "finite"),
        ({"radius": 0 * u.m}, "more than 0 m"),
        ({"radius": [1, 2] * u.m}, "one, or one for each of 1"),
        ({"radius": 6}, "a quantity in m"),
        ({"kind": [1]}, "0 to 0"),
        ({"kind": [0, 0]}, "0 to 0"),
    ],
)
def test_detectors_that_are_refused(settings, message):
    good = {"position": [[0, 0, 5]] * u.m, "radius": 6 * u.m, "efficiency": BAND}
    with pytest.raises(SettingError, match=message):
        simulation.Detectors(**(good | settings))


@pytest.mark.parametrize(
    ("wavelength", "efficiency", "message"),
    [
        ([300, 400], [0.1], "two rows of equal length"),
        ([300], [0.1], "two rows of equal length"),
        ([400, 300], [0.1, 0.1], "rising"),
        ([300, np.nan], [0.1, 0.1], "rising"),
        ([3e-7, 4e-7], [0.1, 0.1], "240 to 1000 nm"),
        ([300, 1500], [0.1, 0.1], "240 to 1000 nm"),
        ([300, 400], [0.1, 1.1], "0 to 1"),
        ([300, 400], [-0.1, 0.1], "0 to 1"),
        ([300, 400], [np.nan, 0.1], "0 to 1"),
    ],
)
def test_efficiencies_that_are_refused(wavelength, efficiency, message):
    with pytest.raises(SettingError, match=message):
        simulation.DetectionEfficiency(wavelength, efficiency)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fraction": 1}, "0 ≤ fraction < 1"),
        ({"fraction": np.nan}, "0 ≤ fraction < 1"),
        ({"largest_weight": 0.5}, "weight ≥ 1"),
        ({"largest_weight": np.inf}, "weight ≥ 1"),
        ({"above": 3}, "an energy"),
        ({"above": 3 * u.m}, "an energy"),
        ({"above": np.nan * u.TeV}, "an energy"),
    ],
)
def test_thinning_that_is_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        simulation.Thinning(**settings)


def test_simulators_that_are_refused():
    with pytest.raises(SettingError, match="la-palma"):
        simulation.Simulator("atlantis")
    site = simulation.Site("x", 2000 * u.m, 0 * u.deg, 0 * u.deg, 20 * u.uT, 0 * u.uT, atmosphere="ether")
    with pytest.raises(SettingError, match="us-standard"):
        simulation.Simulator(site)
    for step_scale in (0, -1, np.nan, np.inf):
        with pytest.raises(SettingError, match="step scale"):
            simulation.Simulator("la-palma", step_scale=step_scale)


def test_a_shower_says_what_made_it(simulator):
    origin = simulator.shower(simulation.Primary("gamma", 20 * u.GeV), seed=4, number=7).origin
    assert (origin["seed"], origin["number"]) == (4, 7)
    assert origin["hadrons"].startswith("SIBYLL 2.3d")
    assert len(origin["hadrons_sha256"]) == 64
    assert origin["gammaml"]
