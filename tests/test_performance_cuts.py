"""Known answers of cuts in gammaness: precision and recall, quality factor, and what few events allow to say."""

import warnings

import numpy as np
import pytest
from fake_dl2 import gaussian_scores
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from sklearn.metrics import average_precision_score, precision_recall_curve

from gammaml import performance
from gammaml.errors import InputError, SettingError, StatisticsWarning

SEPARATION = 1.5


@pytest.fixture(scope="module")
def table():
    return gaussian_scores(10_000, SEPARATION, np.random.default_rng(0))


def gamma_efficiency(cut):
    return norm.sf(norm.ppf(cut) - SEPARATION)


def weights(table, share):
    """Of each event, so that hadrons make up a share of as many gammas as hadrons."""
    return np.where(table["true_shower_primary_id"] == 0, 1 - share, share)


@pytest.mark.parametrize("share", [None, 0.1, 0.99])
def test_precision_of_two_gaussians(table, share):
    found = performance.precision_recall(table, hadron_share=share)[10:]
    cut, hadrons = found["gammaness_min"], 0.5 if share is None else share
    gamma, hadron = gamma_efficiency(cut), norm.sf(norm.ppf(cut))
    np.testing.assert_allclose(found["recall"], gamma, atol=4 * 0.5 / np.sqrt(10_000))
    expected = gamma * (1 - hadrons) / (gamma * (1 - hadrons) + hadron * hadrons)
    width = found["precision_high"] - found["precision_low"]
    assert np.all(np.abs(found["precision"] - expected)[:-1] < 2.5 * width[:-1])
    assert found["precision"][-1] == pytest.approx(1 - hadrons)  # all pass
    assert f"{hadrons:.3g} of the events are hadrons" in found.meta["definition"]


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_precision_and_average_are_those_of_scikit_learn_also_with_ties(table, share):
    rounded = table.copy()
    rounded["gammaness"] = np.round(rounded["gammaness"], 2)
    found = performance.precision_recall(rounded, hadron_share=share)
    is_gamma = rounded["true_shower_primary_id"] == 0
    sample = {"y_score": rounded["gammaness"], "sample_weight": weights(rounded, share)}
    assert found.meta["average_precision"] == pytest.approx(average_precision_score(is_gamma, **sample), abs=1e-12)
    precision, recall, cuts = precision_recall_curve(is_gamma, **sample)
    rows = np.searchsorted(cuts, found["gammaness_min"])
    np.testing.assert_allclose(found["precision"], precision[rows], rtol=1e-12)
    np.testing.assert_allclose(found["recall"], recall[rows], rtol=1e-12)


def test_precision_recall_counts_and_has_both_ends(table):
    found = performance.precision_recall(table)
    assert len(found) <= 100
    row = found[len(found) // 2]
    passed = table["gammaness"] >= row["gammaness_min"]
    is_gamma = table["true_shower_primary_id"] == 0
    assert (row["n_gamma"], row["n_hadron"]) == (np.sum(passed & is_gamma), np.sum(passed & ~is_gamma))
    assert (found["recall"][-1], found["n_hadron"][-1]) == (1, 10_000)
    assert np.all(found["precision_low"] <= found["precision"])
    assert np.all(found["precision_high"] >= found["precision"])


def test_average_precision_uncertainty_is_the_scatter_of_many_samples():
    samples = [gaussian_scores(150, 1.0, np.random.default_rng(seed)) for seed in range(80)]
    found = [performance.precision_recall(sample, n_bootstrap=50).meta for sample in samples]
    scatter = np.std([meta["average_precision"] for meta in found])
    assert np.mean([meta["average_precision_uncert"] for meta in found]) == pytest.approx(scatter, rel=0.25)


@pytest.mark.parametrize("compute", [performance.precision_recall, performance.quality_factor])
def test_uses_of_one_shower_add_nothing_to_the_certainty(compute):
    once = gaussian_scores(300, 1.0, np.random.default_rng(3))
    once["shower_id"] = once["event_id"]
    often = once[np.repeat(np.arange(len(once)), 4)]
    single, repeated = compute(once), compute(often)
    if compute is performance.precision_recall:
        assert repeated.meta["average_precision_uncert"] == pytest.approx(
            single.meta["average_precision_uncert"], rel=0.02
        )
        names = ("precision_low", "precision_high")
    else:
        names = ("gamma_efficiency_uncert", "hadron_efficiency_uncert")
    common = np.isin(repeated["gammaness_min"], single["gammaness_min"])
    rows = np.searchsorted(single["gammaness_min"], repeated["gammaness_min"][common])
    if compute is performance.precision_recall:
        rows = [list(single["gammaness_min"]).index(cut) for cut in repeated["gammaness_min"][common]]
    for name in names:
        np.testing.assert_allclose(repeated[name][common], single[name][rows], rtol=0.02)


@pytest.mark.parametrize("share", [0, 1, -0.2, np.nan])
def test_a_share_of_hadrons_is_between_0_and_1(table, share):
    with pytest.raises(SettingError, match="hadron_share"):
        performance.precision_recall(table, hadron_share=share)


def quality(cut):
    return gamma_efficiency(cut) / np.sqrt(norm.sf(norm.ppf(cut)))


def test_quality_factor_of_two_gaussians(table):
    cuts = np.array([0.2, 0.5, 0.8, 0.95, 0.99])
    found = performance.quality_factor(table, cuts)
    assert np.all(np.abs(found["quality_factor"] - quality(cuts)) < 4 * found["quality_factor_uncert"])
    # What both counts, each Poisson at its size, make of the error: n_h is the smaller.
    expected = found["quality_factor"] * np.sqrt(
        (1 / found["gamma_efficiency"] - 1) / 10_000 + (1 / found["hadron_efficiency"] - 1) / 40_000
    )
    np.testing.assert_allclose(found["quality_factor_uncert"], expected, rtol=0.02)


def test_best_cut_is_where_the_quality_factor_is_largest(table):
    score = minimize_scalar(lambda x: -quality(norm.cdf(x)), bounds=(-1, 5), method="bounded").x
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        meta = performance.quality_factor(table).meta
    assert 0 < meta["best_cut_uncert"] < 0.05
    assert abs(meta["best_cut"] - norm.cdf(score)) < 4 * meta["best_cut_uncert"]
    assert abs(meta["best_quality_factor"] - quality(norm.cdf(score))) < 4 * meta["best_quality_factor_uncert"]
    assert meta["n_hadron_best"] == np.sum(
        (table["gammaness"] >= meta["best_cut"]) & (table["true_shower_primary_id"] == 101)
    )


def test_best_cut_uncertainty_is_the_scatter_of_many_samples():
    cuts = np.linspace(0, 0.98, 50)
    samples = (gaussian_scores(1000, SEPARATION, np.random.default_rng(seed)) for seed in range(50))
    found = [performance.quality_factor(sample, cuts, n_bootstrap=40).meta for sample in samples]
    scatter = np.std([meta["best_cut"] for meta in found])
    assert np.mean([meta["best_cut_uncert"] for meta in found]) == pytest.approx(scatter, rel=0.35)


def test_cuts_that_few_hadrons_pass_have_no_quality_factor():
    sample = gaussian_scores(200, 4.0, np.random.default_rng(0))
    with pytest.warns(StatisticsWarning, match="the hardest that 10 hadrons pass"):
        found = performance.quality_factor(sample)
    assert np.all(np.isfinite(found["quality_factor"]) == (found["n_hadron"] >= 10))
    assert found.meta["n_hadron_best"] >= 10
    with pytest.warns(StatisticsWarning, match="expected at least 500"):
        none = performance.quality_factor(sample, min_hadrons=500)
    assert np.isnan(none["quality_factor"]).all()
    assert np.isnan([none.meta["best_cut"], none.meta["best_cut_uncert"], none.meta["best_quality_factor"]]).all()


@pytest.mark.parametrize("cuts", [[], [1.2], [-0.1], [np.nan]])
def test_cuts_are_between_0_and_1(table, cuts):
    with pytest.raises(SettingError, match="gammaness_cuts"):
        performance.quality_factor(table, cuts)


@pytest.mark.parametrize("compute", [performance.precision_recall, performance.quality_factor])
def test_predictions_that_are_no_number_are_counted(table, compute):
    holes = table[::20].copy()
    holes["gammaness"][:7] = np.nan
    found = compute(holes)
    assert found.meta["n_not_reconstructed"] == 7
    assert "7 not reconstructed" in found.meta["counts"]
    assert found["n_gamma"].max() == 493
    with pytest.raises(InputError, match="gammas only"):
        compute(holes[holes["true_shower_primary_id"] == 0])


@pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")
def test_few_showers_of_one_class_among_many_of_the_other():
    sample = gaussian_scores(300, 1.0, np.random.default_rng(0))[:310]
    sample["shower_id"] = np.where(sample["true_shower_primary_id"] == 0, sample["event_id"], sample["event_id"] // 2)
    precision, quality_of_five = performance.precision_recall(sample), performance.quality_factor(sample)
    assert 0 < precision.meta["average_precision_uncert"] < 0.1
    assert np.isfinite(quality_of_five.meta["best_cut_uncert"])


@pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")
@pytest.mark.parametrize("n", [1, 4])
def test_a_handful_of_events_gives_numbers_without_uncertainty(n):
    few = gaussian_scores(n, 1.0, np.random.default_rng(0))
    assert np.isfinite(performance.precision_recall(few).meta["average_precision"])
    assert np.isnan(performance.precision_recall(few).meta["average_precision_uncert"])
    assert np.isnan(performance.quality_factor(few)["quality_factor"]).all()
