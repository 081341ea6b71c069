"""Known answers: what was put into a made DL2 table comes out of each function."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import (
    E_MAX,
    E_MIN,
    INDEX,
    RADIUS,
    gaussian_scores,
    make_events,
    simulated_run,
    thrown_energies,
    with_core_and_height,
)
from pyirf.irf.energy_dispersion import energy_migration_matrix
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from gammaml import performance
from gammaml.errors import GammamlError, InputError, SettingError
from gammaml.performance.uncertainty import (
    bootstrap_quantiles,
    fraction_interval,
    weighted_quantile,
    wilson_interval,
)

BINS = np.array([0.1, 0.3, 1.0, 10.0]) * u.TeV
WHOLE = np.array([0.05, 20.0]) * u.TeV
AREA = np.pi * RADIUS**2
FUNCTIONS = {
    "roc_curve": performance.roc_curve,
    "auc": lambda dl2: QTable([performance.auc(dl2)._asdict()]),
    "auc_in_bins": lambda dl2: performance.auc_in_bins(dl2, "true_energy", BINS),
    "gammaness_distribution": lambda dl2: performance.gammaness_distribution(dl2, np.linspace(0, 1, 11)),
    "reliability": performance.reliability,
    "precision_recall": performance.precision_recall,
    "quality_factor": performance.quality_factor,
    "energy_resolution": lambda dl2: performance.energy_resolution(dl2, BINS),
    "migration_matrix": lambda dl2: performance.migration_matrix(dl2, BINS, BINS),
    "angular_resolution": lambda dl2: performance.angular_resolution(dl2, BINS),
    "point_spread": lambda dl2: performance.point_spread(dl2, np.linspace(0, 0.5, 6) * u.deg),
    "core_resolution": lambda dl2: performance.core_resolution(dl2, BINS),
    "h_max_resolution": lambda dl2: performance.h_max_resolution(dl2, BINS),
    "correlations": performance.correlations,
    "gammaness_profile": performance.gammaness_profile,
    "pulls_energy": performance.pulls,
    "pulls_direction": lambda dl2: performance.pulls(dl2, "direction"),
    "coverage_energy": performance.coverage,
    "coverage_direction": lambda dl2: performance.coverage(dl2, "direction"),
    "effective_area": lambda dl2: performance.effective_area(dl2, BINS),
    "summary": performance.summary,
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@pytest.fixture(scope="module")
def gammas():
    return make_events(20_000, 0, np.random.default_rng(1), bias=0.1)


@pytest.fixture(scope="module")
def hadrons():
    return make_events(10_000, 101, np.random.default_rng(2))


@pytest.fixture(scope="module")
def both(gammas, hadrons):
    table = with_core_and_height(performance.combine([gammas, hadrons]), np.random.default_rng(3))
    table["reco_energy_uncert"], table["ang_distance_uncert"] = 0.2 * table["reco_energy"], 0.1 * u.deg
    return table


# Gammaness


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.5])
def test_auc_of_two_gaussians(separation):
    found = performance.auc(gaussian_scores(20_000, separation, np.random.default_rng(0)))
    assert abs(found.value - norm.cdf(separation / np.sqrt(2))) < 4 * found.uncertainty
    assert (found.n_gamma, found.n_hadron) == (20_000, 20_000)


def test_auc_uncertainty_is_the_scatter_of_many_samples():
    found = [performance.auc(gaussian_scores(100, 1.0, np.random.default_rng(seed))) for seed in range(150)]
    scatter = np.std([area.value for area in found])
    assert np.mean([area.uncertainty for area in found]) == pytest.approx(scatter, rel=0.2)


def test_auc_is_that_of_scikit_learn_also_weighted_and_with_ties(both):
    table = both.copy()
    table["gammaness"] = np.round(table["gammaness"], 2)
    is_gamma, weights = table["true_shower_primary_id"] == 0, performance.event_weights(table)
    assert performance.auc(table).value == pytest.approx(roc_auc_score(is_gamma, table["gammaness"]), abs=1e-12)
    weighted = roc_auc_score(is_gamma, table["gammaness"], sample_weight=weights)
    assert performance.auc(table, weighted=True).value == pytest.approx(weighted, abs=1e-12)


def test_uses_of_one_shower_add_nothing_to_the_certainty():
    once = gaussian_scores(300, 1.0, np.random.default_rng(3))
    once["shower_id"] = once["event_id"]
    often = once[np.repeat(np.arange(len(once)), 4)]
    often["event_id"] = np.arange(len(often))
    assert performance.auc(often).uncertainty == pytest.approx(performance.auc(once).uncertainty, rel=1e-9)
    often.remove_column("shower_id")
    assert performance.auc(often).uncertainty == pytest.approx(performance.auc(once).uncertainty / 2, rel=0.01)
    one, four = (performance.angular_resolution(table, WHOLE)["angular_resolution_uncert"] for table in (once, often))
    assert four[0] < 0.7 * one[0]


def test_shares_of_showers_seen_several_times_are_as_uncertain_as_of_showers_seen_once():
    passed, showers = np.arange(200) % 3 == 0, np.arange(200)
    once = fraction_interval(passed, showers)
    np.testing.assert_allclose(once, wilson_interval(passed.sum(), 200), rtol=1e-12)
    np.testing.assert_allclose(fraction_interval(np.repeat(passed, 5), np.repeat(showers, 5)), once, rtol=1e-12)
    np.testing.assert_allclose(
        fraction_interval(np.ones(50, bool), np.repeat(np.arange(10), 5)), wilson_interval(10, 10), rtol=1e-12
    )


def test_auc_of_perfect_separation_keeps_an_uncertainty():
    table = gaussian_scores(20, 0.0, np.random.default_rng(0))
    table["gammaness"] = (table["true_shower_primary_id"] == 0).astype(float)
    found = performance.auc(table)
    assert found.value == 1
    assert 0.01 < found.uncertainty < 0.05


def test_roc_curve_has_both_ends_and_the_area(both):
    curve = performance.roc_curve(both)
    gamma, hadron = curve["gamma_efficiency"], curve["hadron_efficiency"]
    assert len(curve) <= 1000
    assert (gamma[0], hadron[0], gamma[-1], hadron[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(gamma, hadron) == pytest.approx(curve.meta["auc"], abs=1e-3)
    middle = curve[len(curve) // 2]
    passed = both["gammaness"] >= middle["gammaness_min"]
    assert middle["n_gamma"] == np.sum(passed & (both["true_shower_primary_id"] == 0))


def test_auc_in_bins_counts_and_leaves_out_bins_without_a_class(both):
    table = both[~((both["true_energy"] > 1 * u.TeV) & (both["true_shower_primary_id"] == 101))]
    found = performance.auc_in_bins(table, "true_energy", BINS)
    assert found["n_hadron"][2] == 0
    assert found["n_gamma"][2] > 0
    assert np.isnan(found["auc"][2])
    assert np.isnan(found["auc_uncert"][2])
    inside = table[(table["true_energy"] >= BINS[0]) & (table["true_energy"] < BINS[1])]
    assert found["auc"][0] == performance.auc(inside).value
    assert found["low"].unit == u.TeV


def test_auc_in_bins_of_intensity(both):
    table = both.copy()
    table["hillas_intensity"] = np.geomspace(50, 5000, len(table))
    found = performance.auc_in_bins(table, "hillas_intensity", np.array([10.0, 100.0, 10_000.0]))
    assert np.sum(found["n_gamma"] + found["n_hadron"]) == len(table)


def test_gammaness_distribution_adds_up(both):
    found = performance.gammaness_distribution(both, np.linspace(0, 1, 21))
    for name, n in (("gamma", 20_000), ("hadron", 10_000)):
        assert found[f"n_{name}"].sum() == n
        assert found[f"{name}_fraction"].sum() == pytest.approx(1)
        assert np.all(found[f"{name}_fraction_uncert"] > 0)


def test_reliability_of_a_score_that_is_the_probability():
    rng = np.random.default_rng(0)
    table = gaussian_scores(20_000, 0.0, rng)
    table["gammaness"] = rng.uniform(size=len(table))
    table["true_shower_primary_id"] = np.where(rng.uniform(size=len(table)) < table["gammaness"], 0, 101)
    found = performance.reliability(table)
    width = found["observed_high"] - found["observed_low"]
    assert np.all(np.abs(found["observed"] - found["predicted"]) < 2 * width)
    assert found.meta["brier_score"] == pytest.approx(1 / 6, abs=0.003)  # mean of p (1 - p)
    assert found.meta["expected_calibration_error"] < 0.01
    table["gammaness"] = np.sqrt(table["gammaness"])  # mean of |p - p^2| is 1/6 of uniform p, here 2 ∫ q (q - q^2) dq
    assert performance.reliability(table).meta["expected_calibration_error"] == pytest.approx(1 / 6, abs=0.01)


# Energy and direction


def test_energy_bias_and_resolution_come_back(gammas):
    found = performance.energy_resolution(gammas, BINS)
    assert np.all(np.abs(found["bias"] - 0.1) < 4 * found["bias_uncert"])
    assert np.all(np.abs(found["resolution"] - 0.2) < 4 * found["resolution_uncert"])
    # Standard error of a median: sqrt(pi / 2) sigma / sqrt(n); of a half width from 16 to 84 %: 0.926 sigma / sqrt(n).
    n = found["n_events"]
    np.testing.assert_allclose(found["bias_uncert"], np.sqrt(np.pi / 2) * 0.2 / np.sqrt(n), rtol=0.25)
    np.testing.assert_allclose(found["resolution_uncert"], 0.926 * 0.2 / np.sqrt(n), rtol=0.25)


@pytest.mark.parametrize("unit", [u.deg, u.rad])
def test_point_spread_of_known_width_comes_back(gammas, unit):
    table = gammas.copy()
    table["reco_alt"] = table["reco_alt"].to(unit)
    found = performance.angular_resolution(table, BINS)
    expected = 0.1 * np.sqrt(-2 * np.log(1 - 0.6826894921370859)) * u.deg
    assert np.all(np.abs(found["angular_resolution"] - expected) < 4 * found["angular_resolution_uncert"])
    assert np.all(found["angular_resolution_uncert"] < 0.03 * expected)
    assert found["n_events"].sum() == len(gammas)


def test_energies_may_come_in_another_unit(gammas):
    table = gammas.copy()
    table["true_energy"], table["reco_energy"] = table["true_energy"].to(u.GeV), table["reco_energy"].to(u.GeV)
    found, expected = (performance.energy_resolution(t, bins) for t, bins in ((table, BINS.to(u.GeV)), (gammas, BINS)))
    np.testing.assert_allclose(found["resolution"], expected["resolution"], rtol=1e-6)


def test_bins_with_few_or_no_events(gammas):
    some = gammas[gammas["true_energy"] < 0.3 * u.TeV][:1000]
    five = gammas[gammas["true_energy"] > 1 * u.TeV][:5]
    found = performance.energy_resolution(performance.combine([some, five]), BINS)
    assert list(found["n_events"][1:]) == [0, 5]
    assert np.isnan(found["resolution"][1])
    assert np.isfinite(found["resolution"][2])
    assert np.isnan(found["resolution_uncert"][1:]).all()


def test_bootstrap_depends_on_the_seed_alone(gammas):
    first, again, other = (performance.angular_resolution(gammas, WHOLE, seed=seed) for seed in (1, 1, 2))
    assert first["angular_resolution_uncert"][0] == again["angular_resolution_uncert"][0]
    assert first["angular_resolution_uncert"][0] != other["angular_resolution_uncert"][0]


def test_weighted_quantiles_are_those_of_repeated_rows():
    values, times = np.sort(np.random.default_rng(0).normal(size=2000)), np.repeat([1, 3], 1000)
    found = weighted_quantile(values, [0.16, 0.5, 0.84], times)
    np.testing.assert_allclose(found, np.quantile(np.repeat(values, times), [0.16, 0.5, 0.84]), atol=5e-3)


def test_weights_take_away_from_the_certainty():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=5000), rng.exponential(size=5000) ** 2
    draw = {"clusters": np.arange(5000), "n_bootstrap": 400, "rng": rng}
    found = bootstrap_quantiles(values, [0.5], weights=weights, **draw)[1].std()
    expected = np.sqrt(np.pi / 2) * np.sqrt(np.sum(weights**2)) / np.sum(weights)
    assert found == pytest.approx(expected, rel=0.2)


def test_migration_matrix_is_that_of_pyirf(gammas):
    reco = np.array([1e-4, 0.2, 1.0, 1e4]) * u.TeV
    found = performance.migration_matrix(gammas, BINS, reco)
    events = QTable(gammas, copy=True)
    events["true_source_fov_offset"] = 0.5 * u.deg
    expected = energy_migration_matrix(events, BINS, reco, [0, 1] * u.deg)[..., 0]
    np.testing.assert_allclose(found["probability"], expected.ravel(), rtol=1e-12)
    assert found["n_events"].sum() == len(gammas)
    assert found["reco_energy_low"][1] == 0.2 * u.TeV  # reconstructed energy runs fastest


# Simulated showers


def test_effective_area_where_all_or_half_are_detected(gammas):
    found = performance.effective_area(gammas, BINS)
    area, uncert = found["effective_area"].to_value(u.m**2), found["effective_area_uncert"].to_value(u.m**2)
    poisson = AREA / np.sqrt(found["n_simulated"])  # made energies scatter around the expected spectrum
    assert np.all(np.abs(area - AREA) < 4 * poisson)
    half = performance.effective_area(gammas[::2], BINS)
    assert np.all(np.abs(half["effective_area"].value - AREA / 2) < 4 * poisson)
    np.testing.assert_allclose(uncert, poisson, rtol=0.05)
    np.testing.assert_allclose(half["effective_area_uncert"].value, poisson / np.sqrt(2), rtol=0.05)


def test_effective_area_of_one_wide_bin_is_not_counted_twice(gammas):
    found = performance.effective_area(gammas, WHOLE)
    assert found["n_simulated"][0] == pytest.approx(len(gammas))
    assert found["effective_area"][0].value == pytest.approx(AREA)


def test_effective_area_outside_the_simulated_range_is_unknown(gammas):
    found = performance.effective_area(gammas, np.array([0.01, 0.1, 10.0]) * u.TeV)
    assert np.isnan(found["effective_area"][0])
    assert found["n_simulated"][0] == 0


def test_effective_area_adds_runs_of_different_radius(gammas):
    rng = np.random.default_rng(5)
    wide = make_events(5000, 0, rng)  # thrown over four times the area, only the inner quarter detected
    wide["obs_id"] = 7
    wide.meta["simulation"] = simulated_run(7, 20_000, max_scatter_range=2 * RADIUS * u.m)
    found = performance.effective_area(performance.combine([gammas, wide]), WHOLE)
    assert found["n_simulated"][0] == pytest.approx(40_000)
    assert found["effective_area"][0].value == pytest.approx(AREA)


def test_effective_area_counts_a_shower_once_and_uses_of_it_each(gammas):
    images = gammas[np.repeat(np.arange(len(gammas)), 3)]
    images["tel_id"] = np.tile([1, 2, 3], len(gammas))
    images.meta["simulation"] = simulated_run(1, len(gammas) / 10, shower_reuse=10)
    assert performance.effective_area(images, WHOLE)["effective_area"][0].value == pytest.approx(AREA)


def test_effective_area_uncertainty_is_the_scatter_of_reused_showers():
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        table = make_events(400, 0, rng)[np.repeat(np.arange(400), 10)]
        table["shower_id"], table["event_id"] = table["event_id"], np.arange(4000)
        table = table[(table["shower_id"] % 2 == 0) & (rng.uniform(size=4000) < 0.7)]  # half the showers never seen
        table.meta["simulation"] = simulated_run(1, 400, shower_reuse=10)
        found.append(performance.effective_area(table, BINS[2:])[0])
    area, uncert = ([row[name].value for row in found] for name in ("effective_area", "effective_area_uncert"))
    assert np.mean(area) == pytest.approx(0.35 * AREA, rel=0.1)
    assert np.mean(uncert) == pytest.approx(np.std(area), rel=0.15)
    assert np.mean(uncert) > 2 * np.mean(area) / np.sqrt(np.mean([row["n_events"] for row in found]))


def test_effective_area_allows_for_showers_of_the_training(both):
    table = both.copy()
    table["in_training"] = np.random.default_rng(0).uniform(size=len(table)) < 0.7
    found = performance.effective_area(table, WHOLE)
    assert found["effective_area"][0].value == pytest.approx(AREA)
    again = performance.effective_area(performance.test_events(table), WHOLE)
    assert again["effective_area"][0].value == pytest.approx(AREA)


def test_effective_area_of_images_allows_for_showers_of_the_training(gammas):
    images = gammas[np.repeat(np.arange(len(gammas)), np.where(gammas["event_id"] % 2, 4, 1))]
    images["in_training"] = images["event_id"] % 2 == 1  # those with four images
    found = performance.effective_area(images, WHOLE)
    assert found["n_simulated"][0] == pytest.approx(len(gammas) / 2)
    images["tel_id"] = 1
    assert performance.effective_area(images, WHOLE)["effective_area"][0].value == pytest.approx(AREA)


def test_effective_area_counts_what_is_reconstructed(gammas):
    table = gammas.copy()
    table["reco_energy"][::4] = np.nan
    found = performance.effective_area(table, WHOLE)
    assert found["effective_area"][0].value == pytest.approx(0.75 * AREA)
    assert "5,000 not reconstructed" in found.meta["counts"]


@pytest.mark.parametrize("change", [{"spectral_index": -1.0}, {"energy_range_max": E_MIN * u.TeV}, {"n_showers": None}])
def test_effective_area_needs_a_sound_simulation(gammas, change):
    table = gammas.copy()
    name, value = next(iter(change.items()))
    if value is None:
        table.meta["simulation"] = None
    else:
        table.meta["simulation"][name] = u.Quantity([value])
    with pytest.raises(InputError, match="simulat"):
        performance.effective_area(table, BINS)


def test_runs_that_may_be_gammas_or_hadrons_are_an_error(gammas, hadrons):
    table = performance.combine([gammas, hadrons])
    table["obs_id"] = 1
    runs = QTable(table.meta["simulation"])
    runs["obs_id"] = 1
    runs.remove_column("true_shower_primary_id")
    table.meta["simulation"] = runs
    with pytest.raises(InputError, match=r"performance\.combine"):
        performance.effective_area(table, BINS)


def test_runs_without_a_primary_get_that_of_their_events(gammas, hadrons):
    table = performance.combine([gammas, hadrons])
    runs = QTable(table.meta["simulation"], masked=True)
    runs["true_shower_primary_id"].mask = [True, False]
    table.meta["simulation"] = runs
    assert performance.effective_area(table, WHOLE)["n_simulated"][0] == pytest.approx(len(gammas))


def test_combine_tells_files_with_one_obs_id_apart(gammas, hadrons):
    table = hadrons.copy()
    table["obs_id"] = 1
    table.meta["simulation"]["obs_id"] = 1
    found = performance.effective_area(performance.combine([gammas, table]), WHOLE)
    assert found["n_simulated"][0] == pytest.approx(len(gammas))


def test_combine_masks_what_one_file_lacks(gammas, hadrons):
    table = hadrons.copy()
    table.remove_columns(["reco_energy", "gammaness"])
    both = performance.combine([gammas, table])
    with pytest.raises(InputError, match="gammas only"):
        performance.auc(both)
    assert performance.energy_resolution(both, WHOLE)["n_events"][0] == len(gammas)


@pytest.mark.parametrize(("primary", "index"), [(0, -2.5), (101, -2.7)])
def test_weights_give_the_stated_spectrum(both, primary, index):
    rows = both["true_shower_primary_id"] == primary
    weights = performance.event_weights(both)[rows]
    assert weights.mean() == pytest.approx(1)
    energy = both["true_energy"][rows].value
    low, high = E_MIN ** (index + 1), E_MAX ** (index + 1)
    expected = (0.3 ** (index + 1) - low) / (high - low)
    assert weights[energy < 0.3].sum() / weights.sum() == pytest.approx(expected, abs=0.01)


def test_weights_know_that_runs_overlap(gammas):
    rng = np.random.default_rng(8)
    upper = make_events(2000, 0, rng)
    upper["obs_id"], upper["true_energy"] = 9, np.clip(thrown_energies(200_000, rng), 1, None)[:2000] * u.TeV
    upper = upper[upper["true_energy"] > 1 * u.TeV]
    upper.meta["simulation"] = simulated_run(9, len(upper), energy_range_min=1 * u.TeV)
    table = performance.combine([gammas, upper])
    weights, energy = performance.event_weights(table, gamma_index=INDEX), table["true_energy"].value
    expected = (1 - 1 / E_MAX) / (1 / E_MIN - 1 / E_MAX)  # share above 1 TeV of E^-2
    assert weights[energy > 1].sum() / weights.sum() == pytest.approx(expected, rel=0.1)


def test_weights_refuse_energies_that_were_not_simulated(gammas):
    table = gammas.copy()
    table["true_energy"][0] = 100 * u.TeV
    with pytest.raises(InputError, match="100 TeV"):
        performance.event_weights(table)


# All together


def test_summary_gives_back_what_was_put_in(both):
    row = performance.summary(both)[0]
    expected = {"auc": norm.cdf(2 / np.sqrt(2)), "energy_bias": 0.1, "energy_width": 0.2 / 1.1 / np.log(10)}
    for name, value in expected.items():
        assert abs(row[name] - value) < max(4 * row[f"{name}_uncert"], 0.01 * value)
        assert abs(row[f"{name}_weighted"] - value) < max(4 * row[f"{name}_weighted_uncert"], 0.02 * value)
    assert abs(row["angular_resolution"] - 0.1515 * u.deg) < 4 * row["angular_resolution_uncert"]
    assert (row["n_gamma"], row["n_hadron"], row["n_energy"], row["n_direction"]) == (20_000, 10_000, 20_000, 20_000)


def test_summary_of_some_tasks(gammas):
    table = gammas.copy()
    table.remove_columns(["gammaness", "reco_alt"])
    table.meta["simulation"] = None
    found = performance.summary(table)
    assert np.isfinite(found["energy_width"][0])
    assert np.isnan(found["energy_width_weighted"][0])
    assert np.isnan(found["auc"][0])
    assert np.isnan(found["angular_resolution"][0])
    assert len(found.meta["missing"]) == 2
    assert "simulated runs" in found.meta["unweighted_because"]


@pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")
@every_function
def test_events_of_the_training_never_count(both, name):
    table = both[::5]
    table["in_training"] = np.arange(len(table)) % 2 == 0
    poisoned = table.copy()
    poisoned["gammaness"][::2], poisoned["reco_energy"][::2], poisoned["reco_alt"][::2] = 0.5, 99 * u.TeV, 0 * u.deg
    found, expected = FUNCTIONS[name](poisoned), FUNCTIONS[name](table)
    for column in expected.colnames:
        np.testing.assert_array_equal(found[column], expected[column])
    if name != "auc":
        assert found.meta["n_in_training"] in (len(table) // 2, 2000)  # all, or gammas alone
        assert found.meta["definition"]


def only(dl2, primary):
    return dl2[dl2["true_shower_primary_id"] == primary]


def without(dl2, *names):
    table = dl2[::10]
    table.remove_columns(names)
    return table


def nothing_reconstructed(dl2):
    table = dl2[::10]
    for name in ("reco_energy", "reco_alt", "gammaness", "reco_core_x", "reco_h_max"):
        table[name] = table[name] * np.nan
    return table


BROKEN = {
    "empty": lambda dl2: dl2[:0],
    "hadrons only": lambda dl2: without(only(dl2, 101), "reco_alt"),
    "all NaN": nothing_reconstructed,
    "no reco columns": lambda dl2: without(
        dl2, "reco_energy", "reco_alt", "gammaness", "true_energy", "reco_core_x", "reco_h_max"
    ),
    "no truth": lambda dl2: without(dl2, "true_shower_primary_id"),
    "all in training": lambda dl2: all_in_training(dl2),
}


def all_in_training(dl2):
    table = dl2[::10]
    table["in_training"] = True
    return table


@every_function
@pytest.mark.parametrize("fault", BROKEN)
def test_tables_that_cannot_be_judged_are_one_line(both, name, fault):
    if fault == "hadrons only" and name in ("correlations", "gammaness_profile"):
        pytest.skip("one class is enough")
    with pytest.raises(InputError) as caught:
        FUNCTIONS[name](BROKEN[fault](both))
    assert "\n" not in str(caught.value)


def test_gammaness_is_between_0_and_1(both):
    table = both[::10]
    table["gammaness"][0] = 1.5
    with pytest.raises(InputError, match=r"1\.5"):
        performance.auc(table)


@pytest.mark.parametrize("bins", [[0.1, 1.0], [1.0, 0.1] * u.TeV, [1.0] * u.TeV, [1.0, 2.0] * u.m])
def test_wrong_bins_are_an_error(gammas, bins):
    with pytest.raises(SettingError):
        performance.energy_resolution(gammas, bins)


def test_a_wrong_unit_is_an_error(gammas):
    table = gammas[:100]
    table["reco_energy"] = table["reco_energy"].value * u.m
    with pytest.raises(GammamlError, match="reco_energy in m"):
        performance.energy_resolution(table, BINS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1, 10.0], [0.1, 1, 10]), ([0.11, 0.12], [0.1, 1]), ([1.0], [1, 10]), ([np.nan, 0, 5, 11], [1, 10, 100])],
)
def test_log_bins_hold_all_values(values, expected):
    np.testing.assert_allclose(performance.log_bins(np.array(values, np.float32), 1), expected)


def test_energy_bins_are_those_of_the_gammas(both):
    np.testing.assert_allclose(performance.energy_bins(both, 1).to_value(u.TeV), [0.1, 1, 10])
