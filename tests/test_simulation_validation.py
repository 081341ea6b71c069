"""The simulation against CORSIKA's showers and published shower physics; docs/simulation.md has the numbers."""

from itertools import pairwise

import corsika_comparison as compared
import corsika_showers as corsika
import numpy as np
import pytest
import simulated_showers as simulated

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corsika_data(shared_data):
    """The folder of shared data, where it has CORSIKA's photons."""
    if not (shared_data / corsika.GAMMAS).is_file():
        pytest.skip(f"no {corsika.GAMMAS} in the shared data")
    return shared_data


@pytest.fixture(scope="module")
def gammas(corsika_data):
    return compared.gammas(corsika_data)


@pytest.fixture(scope="module")
def protons(corsika_data):
    return compared.protons(corsika_data)


def within(value, error, tolerance):
    """Whether values are within a tolerance, beyond twice their error, of 1."""
    return np.all(np.abs(np.asarray(value) - 1) < tolerance + 2 * np.asarray(error))


# CORSIKA 6.990, EGS4, zenith 20 degrees, Paranal: 18 gammas of 0.1 to 5 TeV, ten uses of 70 telescopes each


def test_gammas_give_corsikas_light_in_all_and_at_every_distance(gammas):
    total = gammas.theirs.sum(axis=1) / gammas.ours.sum(axis=2).mean(axis=1)
    assert total.mean() == pytest.approx(1, abs=0.03)  # 0.993 ± 0.011
    ratio, error, _ = compared.mean_ratio(gammas.theirs, gammas.ours)
    assert within(ratio, error, 0.10)
    beyond = compared.GAMMA_DISTANCES[:-1] >= 130
    assert within(ratio[beyond], error[beyond], 0.05)


def test_corsikas_gammas_are_drawn_from_the_same_distributions_as_ours(gammas):
    in_all = compared.rank(gammas.theirs.sum(axis=1), gammas.ours.sum(axis=2))
    assert compared.uniform_probability(in_all) > 0.01
    for i in range(gammas.theirs.shape[1]):
        lit = gammas.ours[:, :, i].mean(axis=1) > compared.LEAST_PHOTONS
        ranks = compared.rank(gammas.theirs[lit, i], gammas.ours[lit, :, i])
        assert compared.uniform_probability(ranks) > 0.01


def test_times_angles_and_heights_of_the_light_are_corsikas(gammas):
    difference, error, expected, probability = compared.shape_differences(gammas)
    names = [f"{name} {kind}" for name in compared.SHAPES for kind in ("median", "width")]
    at = {name: i for i, name in enumerate(names)}
    assert probability.min() > 0.002  # the smallest of 32
    assert np.all(np.abs(difference) < 3.5 * error)
    for name, largest in (("delay median", 0.05), ("inward median", 0.1), ("inward width", 0.15)):
        i = at[name]
        assert np.all(np.abs(difference[:, i]) < (largest + 2 * error[:, i] / expected[:, i]) * expected[:, i])
    assert np.all(np.abs(difference[:, at["across median"]]) < 0.03)  # degrees; no light falls to one side
    height = at["height median"]
    assert np.all(np.abs(difference[:, height]) < 100 + 2 * error[:, height])  # m


def test_longitudinal_profiles_of_gammas_are_corsikas(corsika_data):
    profiles = compared.gamma_profiles(corsika_data)
    light = profiles.their_light / profiles.our_light.mean(axis=1)
    assert light.mean() == pytest.approx(1, abs=0.03)  # 0.994 ± 0.006
    ours = compared.mean_depth(profiles.depth, profiles.ours)
    shift = compared.mean_depth(profiles.depth, profiles.theirs) - ours.mean(axis=1)
    assert abs(shift.mean()) < 20  # g/cm2; 6 ± 7
    ranks = compared.rank(compared.mean_depth(profiles.depth, profiles.theirs), ours)
    assert compared.uniform_probability(ranks) > 0.01
    # CORSIKA counts electrons above 20 MeV, we those that shine: Hillas' spectrum between the two.
    tracks = (profiles.theirs.sum(axis=1) / profiles.ours.sum(axis=2).mean(axis=1)).mean()
    shining = simulated.hillas_share(simulated.threshold_at(np.mean(ours)))
    assert tracks == pytest.approx(simulated.hillas_share(20) / shining, rel=0.05)


def test_the_air_over_the_site_decides_the_light_near_the_axis(gammas, corsika_data):
    """K. Bernlöhr, Astropart. Phys. 12 (2000) 255: profiles move light by up to 60 % between climates."""
    both = compared.gammas(corsika_data, atmosphere="us-standard"), gammas
    standard, own = ((each.ours / each.energy[:, None, None]).mean(axis=1).sum(axis=0) for each in both)
    distance = compared.GAMMA_DISTANCES[:-1]
    near, far = (distance >= 60) & (distance < 130), distance >= 180
    share = [light[near].sum() / light[far].sum() for light in (standard, own)]
    assert share[0] / share[1] > 1.04  # 1.09, and 0.02 from one sample of showers to another
    assert np.all(np.abs(standard[far] / own[far] - 1) < 0.05)


# CORSIKA 7.74, diffuse, La Palma: 200 protons of 10 GeV to 20 TeV, 20 uses of one telescope each


def test_protons_make_corsikas_light(protons):
    ratio, error = compared.per_energy(protons.energy, protons.their_light, protons.our_light)
    assert within(ratio, error, 0.10)


def test_protons_give_corsikas_light_at_every_distance(protons):
    ratio, error = compared.per_energy(protons.energy, protons.theirs, protons.ours)
    assert within(ratio, error, 0.15)


def test_protons_make_corsikas_muons(protons):
    ratio, error = compared.per_energy(protons.energy, protons.their_muons, protons.our_muons)
    assert within(ratio, error, 0.10)


def test_corsikas_protons_are_among_ours(protons):
    """Ranks show what means hide: of light p = 0.05, of muons 0.01, as CORSIKA's protons make 7 % more of them."""
    for theirs, ours in ((protons.their_light, protons.our_light), (protons.their_muons, protons.our_muons)):
        assert compared.uniform_probability(compared.rank(theirs, ours)) > 0.001


# Published shower physics


def test_gammas_reach_their_maximum_where_greisen_says():
    """K. Greisen 1956: x_max = X0 ln(E / 81 MeV); with 47 g/cm2 or more of spread, the pair's mean free path."""
    for energy, n in ((100.0, 300), (1000.0, 100)):
        depth = simulated.maxima("gamma", energy, n=n)
        expected = simulated.RADIATION_LENGTH * np.log(energy / simulated.CRITICAL_ENERGY)
        assert depth.mean() == pytest.approx(expected, rel=0.06)
        assert 47 < depth.std() < 85


def test_gammas_grow_one_radiation_length_deeper_for_each_factor_e():
    depth, error = simulated.elongation()
    per_decade = (depth[-1] - depth[0]) / 2
    assert per_decade == pytest.approx(np.log(10) * simulated.RADIATION_LENGTH, abs=2 * np.hypot(*error[[0, -1]]) / 2)
    assert error.max() < 10


def test_number_of_electrons_is_greisens_times_hillas_share():
    """Greisen counts all electrons, we those that shine; by 5 to 10 % fewer, as are CORSIKA's above 20 MeV."""
    for energy, n in ((100.0, 300), (1000.0, 100)):
        electrons = simulated.profiles("gamma", energy, n=n)[:, :, 0].mean(axis=0)
        depth = (np.arange(len(electrons)) + 0.5) * 10.0
        expected = simulated.greisen(depth, energy)
        peak = depth[electrons.argmax()]
        share = electrons.max() / expected.max()
        assert 0.87 < share / simulated.hillas_share(simulated.threshold_at(peak)) < 1.02
        width = np.sqrt(np.cov(depth, aweights=electrons) / np.cov(depth, aweights=expected))
        assert width == pytest.approx(1, abs=0.05)


@pytest.fixture(scope="module")
def electrons():
    return simulated.electrons_at_maximum()


def test_energies_of_electrons_at_maximum(electrons):
    """S. Lafebre et al., Astropart. Phys. 31 (2009) 243, equation 6, from 50 MeV to 2 GeV."""
    energy, _, weight = electrons
    edges = np.array([50, 70, 100, 150, 200, 300, 500, 1000, 2000])
    found = np.histogram(energy, edges, weights=weight)[0]
    fine = [np.geomspace(*pair, 200) for pair in pairwise(edges)]
    expected = np.array([np.trapezoid(simulated.lafebre_spectrum(e) / e, e) for e in fine])
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), rtol=0.12)


def test_angles_of_electrons_at_maximum(electrons):
    """Lafebre et al. 2009, equation 8, within 8 %; A. M. Hillas, J. Phys. G 8 (1982) 1461, within 15 %."""
    energy, theta, weight = electrons
    for low, high in ((50, 70), (70, 100), (100, 150), (150, 200), (200, 300), (300, 500), (500, 1000)):
        part = (energy > low) & (energy < high) & (theta < np.radians(60))
        grid = np.geomspace(low, high, 30)
        common = simulated.lafebre_spectrum(grid)
        mean = np.degrees(np.average(theta[part], weights=weight[part]))
        published = np.average([simulated.lafebre_mean_angle(e) for e in grid], weights=common)
        assert mean == pytest.approx(published, rel=0.08)
        w = 2 * (1 - np.cos(theta[part])) * (energy[part] / 21) ** 2
        usual = w < 20  # one electron in a thousand, from hadrons or a hard collision, is beyond
        mean = np.average(w[usual], weights=weight[part][usual])
        assert mean == pytest.approx(np.average(simulated.hillas_mean_w(grid), weights=common), rel=0.15)


def test_protons_fluctuate_more_than_gammas_and_make_the_muons():
    """J. Matthews, Astropart. Phys. 22 (2005) 387: muons grow as E^0.85 to 0.93; a gamma has a few per cent of them."""
    low, high = (simulated.profiles("proton", energy, n=n) for energy, n in ((300.0, 400), (3000.0, 80)))
    muons = [sample[:, :, 1].mean(axis=0).max() for sample in (low, high)]
    assert 0.78 < np.log10(muons[1] / muons[0]) < 0.95
    gamma = simulated.profiles("gamma", 3000.0, n=40)
    assert 0.01 < gamma[:, :, 1].mean(axis=0).max() / muons[1] < 0.10
    light = [sample[:, :, 3].sum(axis=1) for sample in (gamma, high)]
    spread = [np.ptp(np.percentile(one, (16, 84))) / one.mean() for one in light]
    assert spread[1] > 3 * spread[0]
    # Half of a TeV proton's energy goes into light-making electrons, as against a gamma's.
    assert 0.4 < light[1].mean() / light[0].mean() < 0.7
    spread = [simulated.maxima(particle, 1000.0, n=80).std() for particle in ("proton", "gamma")]
    assert spread[0] > 1.5 * spread[1]


def test_muon_rings_have_the_radius_and_light_of_frank_and_tamm():
    angle, number = simulated.muon_rings()
    expected_angle, expected_number = simulated.muon_ring_expected()
    assert np.median(angle) == pytest.approx(expected_angle, rel=0.01)
    assert np.median(number) == pytest.approx(expected_number, rel=0.03)


def test_light_pool_of_100_gev_gammas_ends_with_a_hump():
    """At 115 to 130 m for 2200 m: where the light of electrons that are not yet scattered falls."""
    density = simulated.light_pool(100.0, n=200)[0].mean(axis=0)
    assert 110 <= simulated.RINGS[density.argmax()] <= 130
    edge = np.searchsorted(simulated.RINGS, 120.0)
    assert density[edge] > 1.15 * density[simulated.RINGS <= 60].mean()
    assert density[simulated.RINGS == 180] < 0.5 * density[edge]


def test_halved_steps_move_nothing():
    (usual, usual_angle), (short, short_angle) = (
        simulated.light_pool(100.0, n=400, step_scale=scale, seed=seed) for scale, seed in ((1.0, 11), (0.5, 12))
    )
    for first, second in ((usual, short), (usual_angle, short_angle)):
        ratio = second.mean(axis=0) / first.mean(axis=0)
        error = np.hypot(first.std(axis=0), second.std(axis=0)) / np.sqrt(len(first)) / first.mean(axis=0)
        assert within(ratio, error, 0.02)
