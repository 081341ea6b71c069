"""Known answers of what is judged in bins of other things than energy, of the point spread, the core and the height."""

import astropy.units as u
import numpy as np
import pytest
from fake_dl2 import AZ, array_events, gaussian_scores, make_events, with_core_and_height
from pyirf.benchmarks import angular_resolution as pyirf_angular_resolution
from scipy.optimize import brentq
from scipy.stats import norm

from gammaml import performance
from gammaml.errors import InputError, SettingError
from gammaml.performance import quantities
from gammaml.performance.uncertainty import CONTAINMENT_68

WHOLE = np.array([0.05, 20.0]) * u.TeV
BINS = np.array([0.1, 0.3, 1.0, 10.0]) * u.TeV
OFFSETS = np.array([0.0, 1.0, 2.0]) * u.deg
LEVELS = {"": CONTAINMENT_68, "_50": 0.5, "_80": 0.8, "_95": 0.95}


def of_rayleigh(level, sigma):
    return sigma * np.sqrt(-2 * np.log(1 - level))


@pytest.fixture(scope="module")
def gammas():
    return with_core_and_height(make_events(20_000, 0, np.random.default_rng(1)), np.random.default_rng(2))


@pytest.fixture(scope="module")
def two_offsets():
    """Gammas 0.5 deg and 1.5 deg off the pointing, these with twice the errors and a bias."""
    rng = np.random.default_rng(0)
    near = array_events(8000, 0, rng, offset=0.5, sigma=0.05, width=0.1)
    far = array_events(8000, 0, rng, offset=1.5, sigma=0.1, width=0.2, bias=0.1)
    return performance.combine([near, far])


# Containment


@pytest.mark.parametrize("suffix", LEVELS)
def test_containments_of_a_normal_point_spread(gammas, suffix):
    found = performance.angular_resolution(gammas, BINS)
    angle, uncert = found[f"angular_resolution{suffix}"].value, found[f"angular_resolution{suffix}_uncert"].value
    level = LEVELS[suffix]
    expected = of_rayleigh(level, 0.1)
    assert np.all(np.abs(angle - expected) < 4 * uncert)
    # Standard error of a quantile: sqrt(p (1 - p) / n) over the density there.
    density = expected / 0.1**2 * (1 - level)
    np.testing.assert_allclose(uncert, np.sqrt(level * (1 - level) / found["n_events"]) / density, rtol=0.35)


def test_containments_are_those_of_pyirf(gammas):
    found, events = performance.angular_resolution(gammas, BINS), gammas["true_energy",]
    events["theta"] = quantities.values(gammas, "direction_error") * u.deg
    expected = pyirf_angular_resolution(events, BINS, quantile=list(LEVELS.values()))
    for suffix, level in LEVELS.items():
        name = f"angular_resolution_{100 * level:.0f}"
        np.testing.assert_allclose(found[f"angular_resolution{suffix}"].value, expected[name].value, rtol=1e-12)


def test_a_containment_of_95_percent_needs_a_hundred_events(gammas):
    found = performance.angular_resolution(gammas[:99], WHOLE)
    assert np.isfinite(found["angular_resolution_95"][0])
    assert np.isnan(found["angular_resolution_95_uncert"][0])
    assert np.isfinite(found["angular_resolution_uncert"][0])
    assert np.isfinite(performance.angular_resolution(gammas[:100], WHOLE)["angular_resolution_95_uncert"][0])


# Bins of other things


def test_offset_is_that_of_the_source_from_the_pointing(two_offsets):
    offset = quantities.values(two_offsets, "true_offset")
    np.testing.assert_allclose(offset, np.repeat([0.5, 1.5], 8000), rtol=1e-6)


def test_resolutions_by_offset_come_back(two_offsets):
    angle = performance.angular_resolution(two_offsets, OFFSETS, by="true_offset")
    expected = of_rayleigh(CONTAINMENT_68, np.array([0.05, 0.1])) * u.deg
    assert np.all(np.abs(angle["angular_resolution"] - expected) < 4 * angle["angular_resolution_uncert"])
    assert list(angle["true_offset_high"].to_value(u.deg)) == [1, 2]
    energy = performance.energy_resolution(two_offsets, OFFSETS, by="true_offset")
    assert np.all(np.abs(energy["resolution"] - [0.1, 0.2]) < 4 * energy["resolution_uncert"])
    assert np.all(np.abs(energy["bias"] - [0.0, 0.1]) < 4 * energy["bias_uncert"])
    assert list(energy["n_events"]) == [8000, 8000]
    for table in (angle, energy):
        assert table.meta["column"] == "true_offset"
        assert "in bins of true offset from the pointing" in table.meta["definition"]


def test_auc_by_offset_and_by_multiplicity():
    rng = np.random.default_rng(0)
    parts = []
    for offset, separation in ((0.5, 2.0), (1.5, 1.0)):
        part = gaussian_scores(5000, separation, rng)
        where = array_events(10_000, 0, rng, offset=offset)
        for name in ("true_alt", "true_az", "pointing_alt", "pointing_az"):
            part[name] = where[name]
        part["multiplicity"] = 2 if offset < 1 else 3
        part.meta["simulation"] = None
        parts.append(part)
    table = performance.combine(parts)
    expected = norm.cdf(np.array([2.0, 1.0]) / np.sqrt(2))
    by_offset = performance.auc_in_bins(table, "true_offset", OFFSETS)
    by_multiplicity = performance.auc_in_bins(table, "multiplicity", performance.multiplicity_bins(table))
    for found in (by_offset, by_multiplicity):
        assert np.all(np.abs(found["auc"] - expected) < 4 * found["auc_uncert"])
        assert list(found["n_gamma"]) == list(found["n_hadron"]) == [5000, 5000]
    assert by_offset["low"].unit == u.deg
    assert list(by_multiplicity["low"]) == [1.5, 2.5]


@pytest.mark.parametrize(
    ("numbers", "edges"),
    [
        ([2, 3, 4], [1.5, 2.5, 3.5, 4.5]),
        ([1], [0.5, 1.5]),
        ([3, 70], [2.5, 3.5, 4.5, 5.5, 7.5, 10.5, 15.5, 22.5, 31.5, 44.5, 63.5, 70.5]),
    ],
)
def test_multiplicity_bins_hold_all(numbers, edges):
    table = make_events(len(numbers), 0, np.random.default_rng(0))
    table["multiplicity"] = numbers
    np.testing.assert_array_equal(performance.multiplicity_bins(table), edges)


def test_offset_bins_hold_the_gammas(two_offsets):
    edges = performance.offset_bins(two_offsets)
    np.testing.assert_allclose(edges.to_value(u.deg), np.linspace(0, 1.5, 6))
    one = performance.offset_bins(two_offsets[:8000])
    np.testing.assert_allclose(one.to_value(u.deg), [0, 1], atol=1e-6)


def test_offset_bins_without_a_pointing(gammas, two_offsets):
    with pytest.raises(InputError, match="pointing_alt"):
        performance.offset_bins(gammas)
    nowhere = two_offsets.copy()
    nowhere["pointing_alt"] = np.nan * u.deg
    with pytest.raises(InputError, match="true_offset"):
        performance.offset_bins(nowhere)


def test_bins_by_a_column_of_a_file_that_the_package_does_not_know(gammas):
    table = gammas.copy()
    table["hillas_length"] = np.where(np.arange(len(table)) % 4 == 0, 0.1, 0.3) * u.deg
    found = performance.energy_resolution(table, [0, 0.2, 0.4] * u.deg, by="hillas_length")
    assert list(found["n_events"]) == [5000, 15_000]
    with pytest.raises(SettingError, match="hillas_length_bins"):
        performance.energy_resolution(table, [0, 0.2, 0.4] * u.m, by="hillas_length")
    with pytest.raises(InputError, match="hillas_width"):
        performance.energy_resolution(table, [0, 0.2, 0.4] * u.deg, by="hillas_width")


def test_impact_of_array_events_is_the_distance_of_the_axis_from_the_origin():
    table = make_events(2, 0, np.random.default_rng(0))
    table["true_alt"], table["true_az"] = [90, 30] * u.deg, [0, 0] * u.deg
    table["true_core_x"], table["true_core_y"] = [30, 100] * u.m, [40, 0] * u.m
    np.testing.assert_allclose(quantities.values(table, "true_impact"), [50, 50])


# Core and height


def test_containments_of_the_core_come_back(gammas):
    found = performance.core_resolution(gammas, BINS)
    for suffix, level in LEVELS.items():
        distance, uncert = found[f"core_resolution{suffix}"], found[f"core_resolution{suffix}_uncert"]
        assert np.all(np.abs(distance - of_rayleigh(level, 20) * u.m) < 4 * uncert)
        assert np.all(uncert < 0.1 * distance)


def test_bias_and_width_of_the_height_come_back(gammas):
    found = performance.h_max_resolution(gammas, BINS)
    assert np.all(np.abs(found["bias"] - 100 * u.m) < 4 * found["bias_uncert"])
    assert np.all(np.abs(found["resolution"] - 400 * u.m) < 4 * found["resolution_uncert"])
    np.testing.assert_allclose(
        found["bias_uncert"].value, np.sqrt(np.pi / 2) * 400 / np.sqrt(found["n_events"]), rtol=0.25
    )


@pytest.mark.parametrize("compute", [performance.core_resolution, performance.h_max_resolution])
def test_empty_bins_few_events_and_holes(gammas, compute):
    table = gammas[gammas["true_energy"] < 1 * u.TeV][:1000].copy()
    table["reco_core_x"][:5], table["reco_h_max"][:5] = np.nan * u.m, np.nan * u.m
    found = compute(table, [0.1, 1, 5, 10] * u.TeV)
    assert list(found["n_events"]) == [995, 0, 0]
    assert "5 not reconstructed" in found.meta["counts"]
    assert all(np.isnan(found[name][1:]).all() for name in found.colnames[4:])
    few = compute(table[5:14], [0.1, 1] * u.TeV)
    uncertain = [name for name in few.colnames if name.endswith("_uncert")]
    assert np.isnan([few[name][0].value for name in uncertain]).all()


# Point spread

EDGES = np.linspace(0, 0.5, 11) * u.deg


def share_within(angle, parts):
    """Of directions that are a mixture of normal point spreads, share and sigma of each."""
    return sum(share * (1 - np.exp(-(angle**2) / 2 / sigma**2)) for share, sigma in parts)


@pytest.mark.parametrize("parts", [((1.0, 0.1),), ((0.8, 0.05), (0.2, 0.3))])
def test_density_and_tails_of_a_known_point_spread(parts):
    rng = np.random.default_rng(0)
    tables = [array_events(int(20_000 * share), 0, rng, offset=1.0, sigma=sigma) for share, sigma in parts]
    found = performance.point_spread(performance.combine(tables), EDGES)
    edges = EDGES.value
    expected = np.diff(share_within(edges, parts)) / np.pi / np.diff(edges**2)
    density, uncert = found["density"].to_value(u.deg**-2), found["density_uncert"].to_value(u.deg**-2)
    pull = (density - expected) / uncert
    assert np.abs(pull).max() < 4
    r68 = brentq(lambda angle: share_within(angle, parts) - CONTAINMENT_68, 1e-3, 1)
    assert abs(found.meta["r68"] - r68) < 4 * found.meta["r68_uncert"]
    tail = 1 - share_within(3 * r68, parts)
    assert abs(found.meta["tail_fraction"] - tail) < 4 * found.meta["tail_fraction_uncert"]
    assert found.meta["n_beyond"] + found["n_events"].sum() == found.meta["n_events"] == 20_000


def test_density_adds_up_to_one(gammas):
    found = performance.point_spread(gammas, [0, 0.1, 0.2, 3] * u.deg)
    ring = 2 * np.pi * (np.cos(found["low"]) - np.cos(found["high"])) * u.sr
    assert np.sum(found["density"] * ring).to_value(u.one) == pytest.approx(1)


def test_no_tail_keeps_an_uncertainty_and_empty_rings_none_of_their_density(gammas):
    found = performance.point_spread(gammas[:300], [0, 0.6, 1, 2] * u.deg)
    assert (found["density"][-1], found["n_events"][-1], found.meta["n_tail"]) == (0, 0, 0)
    assert found["density_uncert"][-1] > 0
    assert 0 < found.meta["tail_fraction_uncert"] < 0.01
    assert np.isnan(performance.point_spread(gammas[:9], EDGES).meta["r68_uncert"])


def test_default_rings_hold_nearly_all(gammas):
    edges = performance.theta_bins(gammas)
    found = performance.point_spread(gammas, edges)
    assert found["n_events"].sum() == pytest.approx(0.99 * len(gammas), abs=1)
    assert edges[0] == 0 * u.deg
    with pytest.raises(SettingError, match="theta_edges"):
        performance.point_spread(gammas, edges.value)


def test_directions_across_north_count_like_others():
    rng = np.random.default_rng(0)
    table = array_events(3000, 0, rng, offset=1.0, sigma=0.1)
    turned = table.copy()
    for name in ("true_az", "reco_az", "pointing_az"):
        turned[name] = np.mod(table[name] - AZ * u.deg, 360 * u.deg)
    found, expected = (performance.point_spread(t, EDGES) for t in (turned, table))
    np.testing.assert_allclose(found["density"].value, expected["density"].value)
    np.testing.assert_allclose(
        quantities.values(turned, "true_offset"), quantities.values(table, "true_offset"), atol=1e-9
    )
