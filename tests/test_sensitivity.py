"""Areas after cuts, background rate and sensitivity: known answers come back, pyirf's are the same."""

import operator
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, vstack
from fake_dl2 import E_MAX, E_MIN, INDEX, RADIUS, array_events, simulated_run, used_again, with_gammaness
from pyirf.binning import create_histogram_table
from pyirf.cut_optimization import optimize_cuts
from pyirf.cuts import evaluate_binned_cut
from pyirf.sensitivity import calculate_sensitivity, estimate_background
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import (
    CRAB_HEGRA,
    IRFDOC_ELECTRON_SPECTRUM,
    IRFDOC_PROTON_SPECTRUM,
    PowerLaw,
    calculate_event_weights,
)
from pyirf.utils import cone_solid_angle
from scipy.integrate import quad
from scipy.optimize import brentq

from gammaml import performance, report
from gammaml.errors import InputError, SettingError, SimulationWarning, StatisticsWarning
from gammaml.performance import IrfSettings, SensitivitySettings
from gammaml.performance.sensitivity import GAMMANESS_EFFICIENCIES, THETA_EFFICIENCIES
from gammaml.report import figures
from gammaml.sky import angular_separation

AREA = np.pi * RADIUS**2 * u.m**2
CONE, SIGMA = 1.5, 0.1  # degrees
WIDE = {"bins_per_decade": 2}
FIGURES = ("effective_area_by_cut_cnn", "effective_area_by_offset_cnn", "background_rate", "sensitivity")
pytestmark = pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")


@pytest.fixture(scope="module")
def gammas():
    rng = np.random.default_rng(1)
    return with_gammaness(array_events(20_000, 0, rng, cone=CONE, sigma=SIGMA, width=0), rng, 1)


def made_protons(share, n=30_000, **changes):
    rng = np.random.default_rng(2)
    return with_gammaness(array_events(n, 101, rng, **({"cone": CONE, "sigma": 0, "width": 0} | changes)), rng, share)


@pytest.fixture(scope="module")
def protons():
    return made_protons(0.2)


@pytest.fixture(scope="module")
def electrons():
    rng = np.random.default_rng(3)
    table = with_gammaness(array_events(6000, 1, rng, cone=CONE, sigma=0, width=0), rng, 1)
    table["obs_id"], table.meta["simulation"]["obs_id"] = 3, 3
    return table


@pytest.fixture(scope="module")
def both(gammas, protons):
    return performance.combine([gammas, protons])


def with_run(table, **changes):
    """A copy whose showers were thrown in another way."""
    table = table.copy()
    run = table.meta["simulation"]
    table.meta["simulation"] = simulated_run(run["obs_id"][0], run["n_showers"][0], **changes)
    return table


def flux(spectrum, low, high):
    """Integral of a spectrum of pyirf over energies in TeV, in its own unit times TeV."""
    unit = spectrum(1 * u.TeV).unit * u.TeV
    return quad(lambda energy: spectrum(energy * u.TeV).value, low.to_value(u.TeV), high.to_value(u.TeV))[0] * unit


# Effective area


def test_effective_area_after_each_cut(gammas):
    table = performance.effective_area_by_cut(gammas, IrfSettings(theta_containment=0.68, **WIDE))
    for cut, share in (("none", 1), ("gammaness", 0.7), ("gammaness, theta", 0.7 * 0.68)):
        rows = table[table["cut"] == cut]
        assert len(rows) == 4
        assert np.all(np.abs(rows["effective_area"] - share * AREA) < 4 * rows["effective_area_uncert"])
        np.testing.assert_allclose(
            rows["effective_area_uncert"] / rows["effective_area"], 1 / np.sqrt(rows["n_events"]), rtol=1e-9
        )
    before = performance.effective_area(gammas, np.append(rows["true_energy_low"], rows["true_energy_high"][-1:]))
    for name in ("n_events", "n_simulated", "effective_area", "effective_area_uncert"):
        np.testing.assert_allclose(table[table["cut"] == "none"][name], before[name], rtol=1e-9)


def test_effective_area_without_a_cut_in_theta(gammas):
    assert set(performance.effective_area_by_cut(gammas, IrfSettings())["cut"]) == {"none", "gammaness"}


def test_effective_area_by_offset(both):
    seen = both.copy()
    names = ("true_alt", "true_az", "pointing_alt", "pointing_az")
    offset = angular_separation(*(seen[name].value for name in names))
    seen = seen[(offset < 0.75) | (seen["event_id"] % 2 == 0)]  # further out, every other event
    settings = IrfSettings(fov_offset_bins=[0, 0.75, CONE] * u.deg, **WIDE)
    table = performance.effective_area_by_offset(seen, settings)
    for low, share in ((0, 0.7), (0.75, 0.35)):
        rows = table[table["fov_offset_low"] == low * u.deg]
        assert np.all(np.abs(rows["effective_area"] - share * AREA) < 4 * rows["effective_area_uncert"])
    irfs = performance.build_irfs(seen, settings)
    np.testing.assert_allclose(table["effective_area"].value.reshape(2, 4).T, irfs.effective_area.value, rtol=1e-12)
    np.testing.assert_array_equal(table["n_events"].reshape(2, 4).T, irfs.n_gamma)


def test_gammas_of_one_direction_have_one_offset():
    gammas = array_events(2000, 0, np.random.default_rng(4), offset=0.5)
    table = performance.effective_area_by_offset(gammas, IrfSettings(**WIDE))
    assert len(np.unique(table["fov_offset_low"])) == 1
    assert "one direction" in table.meta["definition"]


# Background rate


def test_background_rate_comes_back(both, electrons):
    table = performance.background_rate(performance.combine([both, electrons]), IrfSettings(**WIDE))
    shares = {"proton": 0.2 * 0.7, "electron": 0.7}
    spectra = {"proton": IRFDOC_PROTON_SPECTRUM, "electron": IRFDOC_ELECTRON_SPECTRUM}
    total = 0
    for name, spectrum in spectra.items():
        expected = u.Quantity(
            [flux(spectrum, row["reco_energy_low"], row["reco_energy_high"]) * AREA * shares[name] for row in table]
        ).to("1/(s sr)")
        total = total + expected
        found = table[f"{name}_rate"] * (table["reco_energy_high"] - table["reco_energy_low"]) / expected
        assert np.all(np.abs(found - 1) < 4 / np.sqrt(table[f"n_{name}"]))
    assert np.all(np.abs(table["rate_in_bin"] - total) < 4 * table["rate_in_bin_uncert"])
    width = table["reco_energy_high"] - table["reco_energy_low"]
    np.testing.assert_allclose((table["rate"] * width / table["rate_in_bin"]).to_value(u.one), 1)
    np.testing.assert_array_equal(table["n_events"], table["n_proton"] + table["n_electron"])
    assert "no electrons" not in table.meta["definition"]


def test_background_rate_is_that_of_the_response(both):
    table = performance.background_rate(both, IrfSettings(**WIDE))
    irfs = performance.build_irfs(both, IrfSettings(fov_offset_bins=[0, 1, CONE] * u.deg, **WIDE))
    np.testing.assert_allclose(table["rate"].value, irfs.background[:, 0].to_value("1/(s TeV sr)"), rtol=1e-9)
    np.testing.assert_array_equal(table["n_events"], irfs.n_background[:, 0])
    assert np.all(table["n_effective"] <= table["n_events"])
    assert "no electrons" in table.meta["definition"]


def test_uses_of_one_shower_count_as_one(gammas):
    protons = made_protons(0.2, n=3000)
    once, again = (
        performance.background_rate(performance.combine([gammas, table]), IrfSettings(**WIDE))
        for table in (protons, used_again(protons, 5))
    )
    np.testing.assert_array_equal(again["n_events"], 5 * once["n_events"])
    for name in ("rate", "rate_uncert", "n_effective"):
        np.testing.assert_allclose(again[name], once[name], rtol=1e-9)


def test_few_showers_are_said_for_each_bin(gammas):
    few = performance.combine([gammas, made_protons(0.2, n=1000)])
    with pytest.warns(StatisticsWarning, match=r"in 3 of 4 bins \(0\.316-1 TeV: ") as said:
        table = performance.background_rate(few, IrfSettings(**WIDE))
    text = str(said[0].message)
    assert all(f"TeV: {n:.3g}" in text for n in table["n_effective"][1:])
    assert np.all(table["rate_uncert"][table["n_events"] == 0] > 0)


# Sensitivity


def detected_excess(background, alpha=0.2):
    """Excess of five sigma (Li & Ma 1983, eq. 17), at least ten events and five per cent of the background."""

    def sigma(excess):
        on, off = excess + background, background / alpha
        first = on * np.log((1 + alpha) / alpha * on / (on + off))
        return np.sqrt(2 * (first + off * np.log((1 + alpha) * off / (on + off)))) - 5

    return max(10, 0.05 * background, brentq(sigma, 1, 1e7) if background > 0 else 0)


def expected_sensitivity(row, time, share):
    """In units of the Crab nebula, with the best of the efficiencies tried."""
    bin_ends = row["reco_energy_low"], row["reco_energy_high"]
    gammas = (flux(CRAB_HEGRA, *bin_ends) * AREA * time).to_value(u.one)
    background = flux(IRFDOC_PROTON_SPECTRUM, *bin_ends) * AREA * time * share
    tried = []
    for gammaness in GAMMANESS_EFFICIENCIES:
        for within in THETA_EFFICIENCIES:
            on = cone_solid_angle(SIGMA * np.sqrt(-2 * np.log(1 - within)) * u.deg)
            excess = detected_excess((background * on * gammaness).to_value(u.one))
            tried.append(excess / (gammas * gammaness * within))
    return min(tried)


@pytest.mark.parametrize(
    ("time", "share", "limit"), [(50 * u.h, 0.2, "background"), (2 * u.h, 0.2, "significance"), (2 * u.h, 0, "excess")]
)
def test_sensitivity_comes_back(gammas, time, share, limit):
    table = performance.sensitivity(
        performance.combine([gammas, made_protons(share)]), SensitivitySettings(time=time, **WIDE)
    )
    assert limit in table["limited_by"]
    expected = np.array([expected_sensitivity(row, time, share) for row in table])
    # The cuts are chosen with statistics of their own, and can only be worse than the best: by a few per cent.
    low, high = (table[f"sensitivity_crab{end}"] / table["sensitivity_crab"] for end in ("_low", "_high"))
    ratio = table["sensitivity_crab"] / expected
    assert np.all(ratio > 1 - 3 * (1 - low) - 0.02)
    reach = 3 * (high - 1) if share else 3 / np.sqrt(table["n_gamma"])  # without background, the upper end is far up
    assert np.all(ratio < 1 + reach + 0.08)
    energy = table["reco_energy_center"]
    crab = (energy**2 * CRAB_HEGRA(energy)).to("erg/(cm2 s)")
    np.testing.assert_allclose(table["sensitivity"], table["sensitivity_crab"] * crab)


def test_cuts_are_those_of_the_best_efficiencies(gammas):
    """Without background the loosest cuts are best: 95 % in gammaness, 90 % in theta."""
    table = performance.sensitivity(performance.combine([gammas, made_protons(0)]), SensitivitySettings(**WIDE))
    inner = table[:2]
    for half in (1, 2):
        np.testing.assert_allclose(inner[f"gammaness_cut_{half}"], 0.525, atol=0.01)
        np.testing.assert_allclose(inner[f"theta_cut_{half}"].value, SIGMA * np.sqrt(-2 * np.log(0.1)), rtol=0.06)


def pyirf_events(dl2, info, target, inside):
    """What pyirf's functions take, made as its example ``calculate_eventdisplay_irfs`` does."""
    time, table = 50 * u.h, QTable()
    table["gh_score"], table["reco_energy"] = np.asarray(dl2["gammaness"]), dl2["reco_energy"]
    pointing = dl2["pointing_alt"].value, dl2["pointing_az"].value
    direction = {kind: (dl2[f"{kind}_alt"].value, dl2[f"{kind}_az"].value) for kind in ("true", "reco")}
    table["theta"] = angular_separation(*direction["true"], *direction["reco"]) * u.deg
    for kind in ("true", "reco"):
        table[f"{kind}_source_fov_offset"] = angular_separation(*direction[kind], *pointing) * u.deg
    thrown = PowerLaw.from_simulation(info, time)
    if target is CRAB_HEGRA and info.viewcone_max > 0 * u.deg:
        thrown = thrown.integrate_cone(0 * u.deg, 1 * u.deg)
    table["weight"] = calculate_event_weights(dl2["true_energy"], target, thrown)
    table["multiplicity"], table["half"] = 1, np.arange(len(dl2)) % 2
    return table[table[inside] <= 1 * u.deg]


def pyirf_sensitivity(signal, background, bins):
    """Cuts of one half applied to the other, both ways, by pyirf's functions alone."""
    signal_hists, background_hists = [], []
    for tuned in (0, 1):
        tuning = [table[table["half"] == tuned] for table in (signal, background)]
        for table in tuning:
            table["weight"] *= 2
        _, _, theta_cuts, gh_cuts = optimize_cuts(
            *tuning,
            bins,
            multiplicity_cuts=[1],
            gh_cut_efficiencies=GAMMANESS_EFFICIENCIES,
            theta_cut_efficiencies=THETA_EFFICIENCIES,
            alpha=0.2,
            theta_max_value=1 * u.deg,
            progress=False,
        )
        judged = [table[table["half"] != tuned] for table in (signal, background)]
        for table in judged:
            table["selected"] = evaluate_binned_cut(table["gh_score"], table["reco_energy"], gh_cuts, operator.ge)
        judged[0]["selected"] &= evaluate_binned_cut(
            judged[0]["theta"], judged[0]["reco_energy"], theta_cuts, operator.le
        )
        gammas, hadrons = (table[table["selected"]] for table in judged)
        signal_hists.append(create_histogram_table(gammas, bins, key="reco_energy"))
        ring = {"fov_offset_min": 0 * u.deg, "fov_offset_max": 1 * u.deg}
        background_hists.append(
            estimate_background(hadrons, reco_energy_bins=bins, theta_cuts=theta_cuts, alpha=0.2, **ring)
        )
    for first, second in (signal_hists, background_hists):
        for name in ("n", "n_weighted"):
            first[name] = first[name] + second[name]
    result = calculate_sensitivity(signal_hists[0], background_hists[0], alpha=0.2)
    return result["relative_sensitivity"], signal_hists[0]["n"]


@pytest.mark.parametrize("offset", [None, 0.5])
def test_sensitivity_is_that_of_pyirf(electrons, offset):
    protons = made_protons(1)  # where none pass, several pairs of cuts would be equally good
    gammas = array_events(15_000, 0, np.random.default_rng(5), cone=CONE, offset=offset, sigma=SIGMA)
    found = performance.sensitivity(
        performance.combine([gammas, protons, electrons]), SensitivitySettings(bins_per_decade=3)
    )
    energies = {"energy_min": E_MIN * u.TeV, "energy_max": E_MAX * u.TeV, "spectral_index": INDEX}
    signal, *hadrons = (
        pyirf_events(
            table,
            SimulatedEventsInfo(
                n_showers=len(table),
                max_impact=RADIUS * u.m,
                viewcone_min=0 * u.deg,
                viewcone_max=(0 if offset and target is CRAB_HEGRA else CONE) * u.deg,
                **energies,
            ),
            target,
            f"{kind}_source_fov_offset",
        )
        for table, target, kind in (
            (gammas, CRAB_HEGRA, "true"),
            (protons, IRFDOC_PROTON_SPECTRUM, "reco"),
            (electrons, IRFDOC_ELECTRON_SPECTRUM, "reco"),
        )
    )
    bins = np.append(found["reco_energy_low"], found["reco_energy_high"][-1:])
    relative, n_gamma = pyirf_sensitivity(signal, vstack(hadrons), bins)
    assert len(bins) == 7
    np.testing.assert_array_equal(found["n_gamma"], n_gamma)
    np.testing.assert_allclose(found["sensitivity_crab"], relative, rtol=1e-9)


def test_the_choice_of_cuts_does_not_flatter():
    """Where gammaness knows nothing, chance alone makes cuts look good on the events that they were chosen on."""
    rng, n = np.random.default_rng(6), 1500
    gammas = with_gammaness(array_events(n, 0, rng, cone=1, sigma=SIGMA, width=0), rng, 1)
    found = []
    for _ in range(5):
        protons = with_gammaness(array_events(60, 101, rng, cone=1, sigma=0, width=0), rng, 1)
        dl2 = performance.combine([gammas, protons])
        table = performance.sensitivity(dl2, SensitivitySettings(bins_per_decade=1, time=2 * u.h))
        found.append(table["sensitivity_crab"][0] / expected_sensitivity(table[0], 2 * u.h, 1))
    assert np.mean(found) > 0.95


def test_showers_of_the_training_do_not_change_the_sensitivity(both):
    table = both.copy()
    table["in_training"] = np.random.default_rng(0).uniform(size=len(table)) < 0.5
    half, whole = (performance.sensitivity(events, SensitivitySettings(**WIDE)) for events in (table, both))
    np.testing.assert_allclose(half["sensitivity_crab"][:3] / whole["sensitivity_crab"][:3], 1, atol=0.2)


# Bad input


@pytest.mark.parametrize("compute", [performance.background_rate, performance.sensitivity])
def test_no_protons(gammas, compute):
    with pytest.raises(InputError, match="no protons"):
        compute(gammas)


@pytest.mark.parametrize("name", ["gammaness", "reco_energy", "pointing_alt"])
def test_columns_that_are_missing(both, name):
    table = both.copy()
    table.remove_column(name)
    with pytest.raises(InputError, match=f"expected a column '{name}'"):
        performance.sensitivity(table)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy_range_max": 9 * u.TeV}, "protons were thrown from 0.1 to 9 TeV, gammas from 0.1 to 10 TeV"),
        ({"energy_range_min": 0.2 * u.TeV}, "protons were thrown from 0.2 to 10 TeV"),
    ],
)
def test_energies_that_do_not_match(gammas, protons, changes, message):
    energy = protons["true_energy"]
    low, high = changes.get("energy_range_min", 0.1 * u.TeV), changes.get("energy_range_max", 10 * u.TeV)
    narrow = with_run(protons[(energy > low) & (energy < high)], max_viewcone_radius=CONE * u.deg, **changes)
    for compute in (performance.background_rate, performance.sensitivity, performance.build_irfs):
        with pytest.warns(SimulationWarning, match=message):
            compute(performance.combine([gammas, narrow]))


def test_energies_that_reach_further_are_no_matter(gammas, protons):
    wide = with_run(protons, max_viewcone_radius=CONE * u.deg, energy_range_min=0.05 * u.TeV)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SimulationWarning)
        performance.background_rate(performance.combine([gammas, wide]))


def test_altitudes_that_do_not_match(gammas, protons):
    other = protons.copy()
    for name in ("pointing_alt", "true_alt", "reco_alt"):
        other[name] = other[name] - 10 * u.deg
    other = with_run(other, max_viewcone_radius=3 * u.deg)
    with pytest.warns(SimulationWarning, match=r"gammas is 70\.0 deg, of protons 60\.0 deg"):
        performance.background_rate(performance.combine([gammas, other]))


def test_background_of_one_direction(gammas, protons):
    with pytest.raises(InputError, match="background from one direction"):
        performance.sensitivity(performance.combine([gammas, with_run(protons)]))


def test_gammas_too_far_from_the_pointing(protons):
    far = array_events(1000, 0, np.random.default_rng(7), offset=1.4)
    table = performance.combine([far, protons])
    with pytest.raises(InputError, match=r"gammas of one direction up to 1\.4 deg"):
        performance.sensitivity(table)
    found = performance.sensitivity(table, SensitivitySettings(max_offset=CONE * u.deg, **WIDE))
    assert np.isfinite(found["sensitivity_crab"]).any()


def test_all_events_are_cut_away(both):
    table = both.copy()
    table["reco_energy"] = 1000 * u.TeV
    with pytest.raises(InputError, match="0 gammas within 1 deg of the pointing and 0"):
        performance.sensitivity(table)
    rate = performance.background_rate(table)
    assert np.all(rate["n_events"] == 0)
    assert np.all(np.isnan(rate["rate_uncert"]))


def test_background_that_is_too_far(gammas, protons):
    table = performance.combine([gammas, protons])
    with pytest.raises(InputError, match="no protons reconstructed within 1e-06 deg"):
        performance.background_rate(table, max_offset=1e-6 * u.deg)


def test_one_shower_cannot_be_divided(gammas):
    one = made_protons(1, n=1000, cone=0.5)
    one["shower_id"] = 1
    with pytest.raises(InputError, match=r"and 1 of background near the pointing, expected enough to divide"):
        performance.sensitivity(performance.combine([gammas, one]))


def test_predictions_that_are_none_are_counted(both):
    table = both.copy()
    table["gammaness"][::4] = np.nan
    for compute in (performance.effective_area_by_cut, performance.background_rate, performance.sensitivity):
        assert "not reconstructed" in compute(table).meta["counts"]
    whole, part = (performance.effective_area_by_cut(events)["effective_area"][:5] for events in (both, table))
    np.testing.assert_allclose((part / whole).value, 0.75, atol=0.05)


@pytest.mark.parametrize(
    "changes", [{"time": 0 * u.h}, {"time": 50}, {"alpha": -1}, {"bins_per_decade": 0}, {"max_offset": 1 * u.h}]
)
def test_settings_that_make_no_sense(changes):
    with pytest.raises(SettingError):
        SensitivitySettings(**changes)


# In the report


def few_events(dl2):
    """Every sixteenth event, as if no more had been thrown."""
    table = dl2[np.asarray(dl2["event_id"]) % 16 == 0]
    table.meta["simulation"] = dl2.meta["simulation"].copy()
    table.meta["simulation"]["n_showers"] = table.meta["simulation"]["n_showers"] // 16
    return table


@pytest.fixture
def showers_alone(monkeypatch):
    """The other figures have tests of their own."""
    for name in ("_classification", "_energy", "_direction", "_area", "_cuts", "_by_offset", "_shower", "_biases"):
        monkeypatch.setattr(figures, name, lambda _: ())


def test_the_report_has_what_the_tables_allow(both, tmp_path, monkeypatch, showers_alone):
    table = few_events(both)
    found, problems = figures.compute_figures({"CNN": table})
    assert [figure.name for figure in found] == list(FIGURES)
    assert any(
        text.startswith("CNN, Background rate, Sensitivity: fewer")
        or text.startswith("CNN, Sensitivity: fewer than 10 eff")
        for text in problems
    )
    monkeypatch.setattr(report.write, "compute_figures", lambda _: (found, []))
    report.write_report({"CNN": table}, tmp_path / "out")
    assert {path.stem for path in (tmp_path / "out").glob("*.pdf")} == set(FIGURES)
    saved = QTable.read(tmp_path / "out" / "sensitivity_cnn.ecsv")
    assert saved["sensitivity"].unit == u.erg / u.cm**2 / u.s
    assert "Li &amp; Ma" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_the_report_names_what_it_leaves_out(both, gammas, showers_alone):
    found, problems = figures.compute_figures({"CNN": few_events(performance.combine([gammas]))})
    assert [figure.name for figure in found] == list(FIGURES[:2])
    assert any(
        text.startswith("CNN, left out Background rate, Sensitivity: ") and "no protons" in text for text in problems
    )
    images = few_events(both)
    images["tel_id"], images["event_id"] = 1, images["event_id"] // 32
    found, problems = figures.compute_figures({"CNN": images})
    assert found == []
    assert sum("a row an image" in text for text in problems) == 1
