"""Known answers of correlations and profiles, with holes, ties and one class only."""

import astropy.units as u
import numpy as np
import pytest
from fake_dl2 import array_events, make_events
from scipy.stats import norm, spearmanr

from gammaml import performance
from gammaml.errors import InputError
from gammaml.performance.correlations import _spearman


def events(n, primary, rng, *, correlation):
    """Gammaness that follows the image's length: both normal with a correlation, gammaness by its percentile."""
    table = make_events(n, primary, rng)
    score = rng.normal(size=n)
    table["hillas_length"] = (correlation * score + np.sqrt(1 - correlation**2) * rng.normal(size=n)) * u.deg
    table["gammaness"] = norm.cdf(score)
    table["hillas_width"] = rng.normal(size=n) * u.deg
    return table


@pytest.fixture(scope="module")
def both():
    rng = np.random.default_rng(0)
    return performance.combine([events(3000, 0, rng, correlation=0.6), events(2000, 101, rng, correlation=-0.3)])


def row(table, particle, target, parameter):
    chosen = (table["particle"] == particle) & (table["target"] == target) & (table["parameter"] == parameter)
    return table[chosen][0]


@pytest.mark.parametrize(("particle", "correlation", "n"), [("gamma", 0.6, 3000), ("hadron", -0.3, 2000)])
def test_correlation_of_two_normal_numbers(both, particle, correlation, n):
    table = performance.correlations(both)
    found = row(table, particle, "gammaness", "hillas_length")
    expected = 6 / np.pi * np.arcsin(correlation / 2)  # Pearson 1907
    assert abs(found["correlation"] - expected) < 4 * found["correlation_uncert"]
    assert found["n_events"] == n
    nothing = row(table, particle, "gammaness", "hillas_width")
    assert abs(nothing["correlation"]) < 4 * nothing["correlation_uncert"]
    assert nothing["correlation_uncert"] == pytest.approx(1 / np.sqrt(n), rel=0.05)


def test_biases_of_energy_and_direction_are_seen(both):
    table = both.copy()
    table["reco_energy"] = table["true_energy"] * 1.1 ** table["hillas_width"].value
    table["reco_alt"] = table["true_alt"] + 0.1 * np.abs(table["hillas_length"])
    table["reco_az"] = table["true_az"]
    found = performance.correlations(table)
    for particle in ("gamma", "hadron"):
        assert row(found, particle, "energy_error", "hillas_width")["correlation"] == pytest.approx(1, abs=1e-6)
        folded = spearmanr(np.abs(table["hillas_length"].value), table["hillas_length"].value).statistic
        direction = row(found, particle, "direction_error", "hillas_length")
        assert abs(direction["correlation"] - folded) < 0.1
        assert abs(row(found, particle, "direction_error", "hillas_width")["correlation"]) < 0.1


@pytest.mark.parametrize("n_values", [None, 3])
def test_correlations_are_those_of_scipy_also_with_ties_and_holes(both, n_values):
    table = both[:500].copy()
    if n_values:
        table["hillas_length"] = np.round(table["hillas_length"].value) * u.deg
    table["hillas_length"][:20] = np.nan
    found = row(performance.correlations(table), "gamma", "gammaness", "hillas_length")
    expected = spearmanr(table["gammaness"][20:], table["hillas_length"][20:].value).statistic
    assert found["correlation"] == pytest.approx(expected, abs=1e-12)
    assert found["n_events"] == 480


@pytest.mark.parametrize(("correlation", "n_uses", "digits"), [(0.0, 1, 9), (0.8, 1, 9), (0.5, 1, 0), (0.5, 4, 9)])
def test_uncertainty_is_the_scatter_of_many_samples(correlation, n_uses, digits):
    rng, found, n = np.random.default_rng(0), [], 200
    showers = np.repeat(np.arange(n), n_uses)
    for _ in range(400):
        x = rng.normal(size=n)
        y = np.round(correlation * x + np.sqrt(1 - correlation**2) * rng.normal(size=n), digits)
        found.append(_spearman(x[showers], y[showers], showers)[1:])
    values, uncertainties = np.transpose(found)
    assert np.mean(uncertainties) == pytest.approx(np.std(values), rel=0.1)


def test_what_cannot_be_known_is_left_open(both):
    table = both[:12].copy()
    table["hillas_length"][:3] = np.nan
    table["hillas_width"] = 1.0 * u.deg
    found = performance.correlations(table, ["hillas_length", "hillas_width"])
    assert set(found["particle"]) == {"gamma"}
    assert np.isnan(found["correlation"]).all()
    assert set(found["n_events"]) == {9, 12}


def test_parameters_are_those_that_are_there_and_vary():
    rng = np.random.default_rng(0)
    table = performance.combine([array_events(300, primary, rng) for primary in (0, 101)])
    table["multiplicity"] = rng.integers(2, 5, 600)
    table["hillas_intensity"] = np.nan
    found = performance.correlations(table)
    assert set(found["parameter"]) == {"true_energy", "reco_energy", "true_offset", "multiplicity"}
    assert set(found["target"]) == {"gammaness", "energy_error", "direction_error"}
    table["multiplicity"] = 2
    assert set(performance.gammaness_profile(table)["parameter"]) == {"true_energy", "reco_energy", "true_offset"}


def test_named_parameters_must_be_there(both):
    with pytest.raises(InputError, match="pointing_alt"):
        performance.correlations(both, ["zenith"])
    with pytest.raises(InputError, match="no parameter that varies"):
        performance.correlations(both["obs_id", "event_id", "true_shower_primary_id", "gammaness"])


def test_profile_has_the_median_and_the_band_put_in():
    rng = np.random.default_rng(0)
    table = make_events(20_000, 0, rng)
    table["hillas_length"] = rng.uniform(0, 1, len(table)) * u.deg
    middle = np.where(table["hillas_length"].value < 0.5, 0.3, 0.6)
    table["gammaness"] = middle + 0.05 * np.clip(rng.normal(size=len(table)), -4, 4)
    found = performance.gammaness_profile(table, ["hillas_length"], n_bins=4)
    assert list(found["n_events"]) == [5000] * 4
    assert set(found["unit"]) == {"deg"}
    expected = np.array([0.3, 0.3, 0.6, 0.6])
    n = found["n_events"]
    np.testing.assert_allclose(found["gammaness_50_uncert"], np.sqrt(np.pi / 2 / n) * 0.05, rtol=0.2)
    inner = [0, 3]  # the bin edges lie at the step but for the noise of the quantiles
    assert np.all(np.abs(found["gammaness_50"] - expected)[inner] < 4 * found["gammaness_50_uncert"][inner])
    np.testing.assert_allclose(found["gammaness_84"] - found["gammaness_16"], 0.1, rtol=0.1)
    np.testing.assert_allclose(found["center"], [0.125, 0.375, 0.625, 0.875], atol=0.02)


def test_profile_median_uncertainty_knows_showers(both):
    table = both[:3000].copy()
    table["shower_id"] = table["event_id"]
    often = table[np.repeat(np.arange(len(table)), 4)]
    once, repeated = (performance.gammaness_profile(t, ["true_energy"], n_bins=3) for t in (table, often))
    np.testing.assert_allclose(repeated["gammaness_50_uncert"], once["gammaness_50_uncert"], rtol=0.1)
    often["shower_id"] = np.arange(len(often))
    naive = performance.gammaness_profile(often, ["true_energy"], n_bins=3)
    np.testing.assert_allclose(2 * naive["gammaness_50_uncert"], once["gammaness_50_uncert"], rtol=0.25)


def test_profile_of_few_distinct_values_has_a_bin_for_each(both):
    table = both.copy()
    table["multiplicity"] = np.arange(len(table)) % 3 + 2
    found = performance.gammaness_profile(table, ["multiplicity"])
    assert list(found["center"]) == [2, 3, 4] * 2
    assert list(found["particle"]) == ["gamma"] * 3 + ["hadron"] * 3
    assert found["n_events"].sum() == len(table)


@pytest.mark.parametrize(("n", "n_bins"), [(12, 1), (60, 3), (1000, 10)])
def test_few_events_have_few_bins(both, n, n_bins):
    found = performance.gammaness_profile(both[:n], ["hillas_width"])
    assert len(found) == n_bins
    assert np.isfinite(found["gammaness_50_uncert"]).all()


def test_a_named_parameter_without_values_has_no_bins(both):
    table = both.copy()
    table["hillas_length"] = np.nan * u.deg
    found = performance.gammaness_profile(table, ["hillas_length", "hillas_width"], n_bins=2)
    assert list(found["parameter"]) == ["hillas_width"] * 4


def test_profile_with_holes_empty_bins_and_few_events(both):
    table = both.copy()
    table["gammaness"][:10] = np.nan
    is_hadron = table["true_shower_primary_id"] == 101
    table["hillas_length"] = np.where(is_hadron, 5.0, table["hillas_length"].value) * u.deg
    table["hillas_length"][10:50] = np.nan
    table = table[~is_hadron | (np.cumsum(is_hadron) <= 4)]
    found = performance.gammaness_profile(table, ["hillas_length"], n_bins=5)
    assert "10 not reconstructed" in found.meta["counts"]
    hadrons = found[found["particle"] == "hadron"]
    assert list(hadrons["n_events"]) == [0, 0, 0, 0, 4]
    assert np.isnan(hadrons["gammaness_50"][:4]).all()
    assert np.isnan(hadrons["gammaness_50_uncert"]).all()
    assert found["n_events"].sum() == 3000 - 50 + 4
