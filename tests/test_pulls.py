"""Errors drawn from a known sigma: what pulls and coverage say of it."""

import astropy.units as u
import numpy as np
import pytest
from fake_dl2 import make_events, with_uncertainties
from scipy import stats

from gammaml import performance
from gammaml.errors import InputError, SettingError

every_quantity = pytest.mark.parametrize("quantity", ["energy", "direction"])
EXPECTED = {"energy": stats.norm, "direction": stats.rayleigh}


def stated(factor, n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    return with_uncertainties(make_events(n, 0, rng), rng, factor=factor)


RIGHT = stated(1.0)


@every_quantity
def test_right_uncertainties_give_the_expected_distribution(quantity):
    found = performance.pulls(RIGHT, quantity)
    assert abs(found.meta["shift"]) < 4 * found.meta["shift_uncert"]
    assert abs(found.meta["width"] - 1) < 4 * found.meta["width_uncert"]
    assert 0.002 < found.meta["width_uncert"] < 0.02
    distance = (found["density"] - found["expected_density"]) / found["density_uncert"]
    assert 0.5 < np.sqrt(np.mean(distance**2)) < 1.5
    middle = (found["low"] + found["high"]) / 2
    np.testing.assert_allclose(found["expected_density"], EXPECTED[quantity].pdf(middle), atol=0.005)


@every_quantity
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_wrong_uncertainties_show_in_the_width(quantity, factor):
    found = performance.pulls(stated(factor), quantity)
    assert abs(found.meta["width"] - 1 / factor) < 4 * found.meta["width_uncert"]
    expected = 0 if quantity == "energy" else (1 / factor - 1) * np.sqrt(2 * np.log(2))  # median of Rayleigh's
    assert abs(found.meta["shift"] - expected) < 4 * found.meta["shift_uncert"]


def test_a_bias_of_one_sigma_is_a_shift_of_one():
    table = RIGHT.copy()
    ratio = table["reco_energy_uncert"] / table["reco_energy"]
    table["reco_energy"] = table["reco_energy"] * np.exp(ratio)
    table["reco_energy_uncert"] = ratio * table["reco_energy"]
    found, before = performance.pulls(table), performance.pulls(RIGHT)
    assert found.meta["shift"] == pytest.approx(before.meta["shift"] + 1, abs=1e-9)
    assert found.meta["width"] == pytest.approx(before.meta["width"], abs=1e-9)


def test_pulls_are_those_of_the_definition():
    """sigma of log10(E) = 0.1: a factor of 10 in energy is a pull of 10."""
    table = RIGHT[:12]
    table["reco_energy"] = 10 * table["true_energy"]
    table["reco_energy_uncert"] = 0.1 * np.log(10) * table["reco_energy"]
    found = performance.pulls(table, pull_bins=[9.99, 10.01, 10.02])
    assert list(found["n_events"]) == [12, 0]
    assert found["density"][0] == pytest.approx(1 / 0.02)
    table["reco_alt"], table["reco_az"] = table["true_alt"] + 0.3 * u.deg, table["true_az"]
    table["ang_distance_uncert"] = (0.1 * u.deg).to(u.rad)
    assert list(performance.pulls(table, "direction", pull_bins=[2.99, 3.01])["n_events"]) == [12]


def test_density_is_the_share_of_all_gammas_also_of_those_beyond_the_bins():
    found = performance.pulls(RIGHT, pull_bins=np.linspace(0, 1, 5))
    assert found["n_events"].sum() < found.meta["n_events"] == len(RIGHT)
    assert np.sum(found["density"]) / 4 == pytest.approx(0.3413, abs=0.015)  # a normal value within 0 and 1 sigma
    assert np.sum(found["expected_density"]) / 4 == pytest.approx(0.3413, abs=1e-4)


@every_quantity
def test_coverage_of_right_uncertainties_is_the_level(quantity):
    found = performance.coverage(RIGHT, quantity)
    assert found["nominal"][[0, -1]].tolist() == [0.1, 0.95]
    half = (found["observed_high"] - found["observed_low"]) / 2
    assert np.all(np.abs(found["observed"] - found["nominal"]) < 4 * half)
    np.testing.assert_allclose(half, np.sqrt(found["nominal"] * (1 - found["nominal"]) / len(RIGHT)), rtol=0.05)
    np.testing.assert_array_equal(found["n_events"], np.rint(found["observed"] * len(RIGHT)))


def test_coverage_of_uncertainties_half_as_large():
    table, levels = stated(0.5), np.array([0.3, 0.6826894921370859, 0.9])
    normal = 2 * stats.norm.cdf(stats.norm.ppf((1 + levels) / 2) / 2) - 1
    rayleigh = 1 - (1 - levels) ** 0.25  # half the radius: a quarter of the exponent
    for quantity, expected in (("energy", normal), ("direction", rayleigh)):
        found = performance.coverage(table, quantity, levels)
        np.testing.assert_allclose(found["observed"], expected, atol=0.015)
        assert np.all(found["observed"] < levels - 0.1)


def test_hadrons_do_not_count():
    rng = np.random.default_rng(4)
    both = performance.combine([RIGHT, with_uncertainties(make_events(500, 101, rng), rng, factor=0.1)])
    found = performance.pulls(both)
    np.testing.assert_array_equal(found["n_events"], performance.pulls(RIGHT)["n_events"])
    assert found.meta["counts"] == "20,000 gamma events"


def test_uses_of_one_shower_add_nothing_to_the_certainty():
    once = RIGHT[:500]
    once["shower_id"] = once["event_id"]
    often = once[np.repeat(np.arange(500), 4)]
    often["event_id"] = np.arange(2000)
    for table in (performance.pulls, performance.coverage):
        first, second = table(once), table(often)
        name = "observed_high" if "observed_high" in first.colnames else "density_uncert"
        seen = first["n_events"] > 1
        np.testing.assert_allclose(second[name][seen], first[name][seen], rtol=1e-9)


@every_quantity
def test_unusable_uncertainties_are_left_out(quantity):
    table = RIGHT[:1000]
    name = {"energy": "reco_energy_uncert", "direction": "ang_distance_uncert"}[quantity]
    for row, value in enumerate((0.0, -1.0, np.nan, np.inf)):
        table[name][row] = value * table[name].unit
    for found in (performance.pulls(table, quantity), performance.coverage(table, quantity)):
        assert found.meta["n_events"] == 996
        assert "4 not reconstructed" in found.meta["counts"]


def test_few_gammas_have_no_uncertainty_of_the_width():
    meta = performance.pulls(RIGHT[:9]).meta
    assert np.isfinite(meta["width"])
    assert np.isnan(meta["width_uncert"])


def test_what_cannot_be_asked_for():
    table = RIGHT[:100]
    for function in (performance.pulls, performance.coverage):
        with pytest.raises(SettingError, match="got 'theta', expected energy or direction"):
            function(table, "theta")
    for levels in ([0.5, 1.0], [0.0], [], 0.5, [np.nan]):
        with pytest.raises(SettingError, match="levels"):
            performance.coverage(table, levels=levels)
    with pytest.raises(SettingError, match="pull_bins"):
        performance.pulls(table, pull_bins=[1.0])
    table.remove_column("ang_distance_uncert")
    with pytest.raises(InputError, match="predicted sigma of each of the two components"):
        performance.pulls(table, "direction")
