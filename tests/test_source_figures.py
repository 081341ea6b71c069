"""A source by place, time and gammaness: made-up observations of known sources, and the verb that draws them."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.table import QTable
from astropy.time import Time
from fake_dl2 import array_events
from made_events import made_subarray

from gammaml import performance, plots, sky
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.io.dl2 import write_dl2
from gammaml.performance.regression import theta
from gammaml.report.source import write_source

SOURCE = SkyCoord(83.6 * u.deg, 22.0 * u.deg)
SUBARRAY = made_subarray()
LOCATION = EarthLocation.from_geocentric(*SUBARRAY.reference_location, unit=u.m)
CUT = 0.2**2 * u.deg**2
MINUTES, SIGMA = 20.0, 0.06


def observation(n_background=6000, n_source=300, *, run=1, beside=(0.0, 0.5), seed=0):
    """Array events even over 2.5 degrees, as often at any time, and a source at an offset from the pointing."""
    rng, n = np.random.default_rng(seed), n_background + n_source
    radius, turn = 2.5 * np.sqrt(rng.uniform(size=n)), rng.uniform(0, 2 * np.pi, n)
    is_gamma = rng.permutation(n) < n_source
    near = np.array(beside) + rng.normal(0, SIGMA, (n, 2))
    lon, lat = np.where(is_gamma, near.T, [radius * np.cos(turn), radius * np.sin(turn)])
    table = QTable({"obs_id": np.full(n, run), "event_id": np.arange(n) + 1})
    table["time"] = Time(60000.0 + run / 24, np.sort(rng.uniform(0, MINUTES, n)) / 1440, format="mjd", scale="tai")
    pointing = sky.pointing_beside(SOURCE.ra.deg, SOURCE.dec.deg, *beside)
    for name, value in zip(("alt", "az", "ra", "dec"), (70.0, 180.0, *pointing), strict=True):
        table[f"pointing_{name}"] = np.full(n, value) * u.deg
    alt, az = sky.fov_to_altaz(lon, lat, 70.0, 180.0)
    for name, values in {"reco_fov_lon": lon, "reco_fov_lat": lat, "reco_alt": alt, "reco_az": az}.items():
        table[name] = values * u.deg
    table["reco_energy"] = np.ones(n) * u.TeV
    table["gammaness"] = np.where(is_gamma, rng.beta(6, 2, n), rng.beta(2, 6, n))
    table["telescopes"], table["multiplicity"] = np.ones((n, 2), bool), np.full(n, 2)
    table.meta = {"reconstructor": "Gammaml", "subarray": SUBARRAY, "level": "subarray"}
    return table


def offset(dl2):
    return performance.source_offset(dl2, SOURCE, LOCATION)


def test_the_source_is_where_the_gammas_come_from():
    for beside in ((0.0, 0.5), (-0.4, 0.3), (0.7, -0.2)):
        lon, lat = offset(observation(10, 5, beside=beside))
        np.testing.assert_allclose([lon.value[0], lat.value[0]], beside, atol=1e-9)


def test_on_and_off_events():
    dl2 = observation()
    on, off = performance.on_off(dl2, *offset(dl2), theta2_cut=CUT, n_off=3)
    meta = performance.theta2_counts(dl2, *offset(dl2), theta2_cut=CUT, n_off=3).meta
    assert (on.sum(), off.sum()) == (meta["n_on"], meta["n_off"])
    assert not (on & off).any()


def test_a_map_finds_the_source():
    dl2 = observation()
    table = performance.sky_map(dl2, SOURCE, LOCATION, radius=0.15 * u.deg)
    within = 300 * (1 - np.exp(-0.5 * (0.15 / SIGMA) ** 2))
    middle = table[len(table) // 2]
    assert (middle["lon"], middle["lat"]) == (0 * u.deg, 0 * u.deg)
    assert middle["excess"] == pytest.approx(within, abs=4 * np.sqrt(middle["n_on"]))
    best = table[np.nanargmax(table["significance"])]
    assert np.hypot(best["lon"], best["lat"]) < 0.08 * u.deg
    assert middle["n_off"] * middle["alpha"] == pytest.approx(6000 * (0.15 / 2.5) ** 2, rel=0.15)  # an even field


def test_a_map_of_nothing():
    """The significance of nothing is a unit normal."""
    table = performance.sky_map(observation(20_000, 0), SOURCE, LOCATION, radius=0.1 * u.deg)
    assert abs(table.meta["mean"]) < 0.2
    assert 0.85 < table.meta["width"] < 1.15
    known = np.isfinite(table["significance"])
    assert known.sum() > 0.95 * len(table)
    assert 0.3 < (table["significance"][known] < 0).mean() < 0.7


def test_a_map_has_east_and_north():
    """A second source half a degree east of the first and a little north, in runs on both sides."""
    runs = []
    for run, lat in ((1, 0.5), (2, -0.5)):
        dl2 = observation(3000, 200, run=run, beside=(0.0, lat), seed=run)
        east = sky.icrs_to_fov(*_beside(0.5, 0.2), dl2["pointing_ra"][0].value, dl2["pointing_dec"][0].value)
        alt, az = sky.fov_to_altaz(*east, 70.0, 180.0)
        dl2["reco_alt"][:100], dl2["reco_az"][:100] = alt * u.deg, az * u.deg
        runs.append(dl2)
    dl2 = performance.combine([_named(run) for run in runs])
    table = performance.sky_map(dl2, SOURCE, LOCATION)
    far = table[(table["lon"] > 0.3 * u.deg) & np.isfinite(table["significance"])]
    best = far[np.argmax(far["significance"])]
    assert (best["lon"].value, best["lat"].value) == pytest.approx((0.5, 0.2), abs=0.101)
    assert best["n_on"] >= 200


def _beside(lon, lat):
    there = SOURCE.spherical_offsets_by(lon * u.deg, lat * u.deg)
    return there.ra.deg, there.dec.deg


def _named(dl2):
    dl2["true_shower_primary_id"] = np.zeros(len(dl2), int)
    return dl2


def test_maps_that_cannot_be():
    dl2 = observation(100, 0)
    with pytest.raises(SettingError, match="step: got 3 deg"):
        performance.sky_map(dl2, SOURCE, LOCATION, step=3 * u.deg)
    with pytest.raises(InputError, match=r"deg from the source, expected less than 10 deg"):
        performance.sky_map(dl2, SkyCoord(SOURCE.ra + 90 * u.deg, SOURCE.dec), LOCATION)
    dl2["pointing_ra"][:50] += 1 * u.deg
    with pytest.raises(InputError, match="telescopes that do not follow the sky"):
        performance.sky_map(dl2, SOURCE, LOCATION)
    dl2["reco_alt"] = np.nan * u.deg
    with pytest.raises(InputError, match="no event with directions"):
        performance.sky_map(dl2, SOURCE, LOCATION)


def test_light_curve_of_a_steady_source():
    """With a pause of five minutes the rate stays, and the events of all bins are those of theta²."""
    dl2 = observation(20_000, 2000)
    minute = (dl2["time"] - dl2["time"][0]).to_value(u.min)
    dl2 = dl2[(minute < 5) | (minute > 10.2)]
    table = performance.light_curve(dl2, *offset(dl2), triggers=dl2["time"], theta2_cut=CUT, time_bin=2 * u.min)
    assert table["exposure"].sum().to_value(u.min) == pytest.approx(MINUTES - 5.2, abs=0.05)
    assert len(table) == 8  # one of ten lies in the pause whole, another but for its end
    meta = performance.theta2_counts(dl2, *offset(dl2), theta2_cut=CUT).meta
    assert table["n_on"].sum() == meta["n_on"]
    assert table["excess"].sum() == meta["excess"]
    pull = (table["rate"] - 2000 / MINUTES / u.min) / table["rate_uncert"]
    assert np.abs(pull).max() < 3.5
    assert (pull**2).sum() < 25


def test_a_flare():
    dl2 = observation(5000, 1000)
    on, _ = performance.on_off(dl2, *offset(dl2), theta2_cut=CUT)
    late = (dl2["time"] - dl2["time"][0]).to_value(u.min) > 10
    flare = dl2[~on | late]
    table = performance.light_curve(flare, *offset(flare), triggers=dl2["time"], theta2_cut=CUT)
    first, second = table[table["high"] <= 10 * u.min], table[table["low"] >= 10 * u.min]
    assert (first["n_on"] == 0).all()
    assert np.mean(second["rate"]).to_value("min-1") == pytest.approx(50, rel=0.15)
    with pytest.raises(SettingError, match="time_bin"):
        performance.light_curve(dl2, *offset(dl2), triggers=dl2["time"], theta2_cut=CUT, time_bin=0 * u.min)


def test_gammaness_of_the_excess_is_that_of_gammas():
    dl2 = observation(5000, 1000)
    table = performance.source_gammaness(dl2, *offset(dl2), theta2_cut=CUT, n_off=3)
    assert table["excess"].sum() == pytest.approx(1000, abs=4 * np.sqrt(table["n_on"].sum()))
    middle = (table["low"] + table["high"]) / 2
    assert np.average(middle, weights=table["excess"]) == pytest.approx(6 / 8, abs=0.02)
    assert np.average(middle, weights=table["n_off"]) == pytest.approx(2 / 8, abs=0.02)


def test_simulated_gammas_beside_it():
    dl2, gammas = observation(5000, 1000), array_events(4000, 0, np.random.default_rng(1), sigma=SIGMA)
    table = performance.source_gammaness(dl2, *offset(dl2), theta2_cut=CUT, n_off=3, gammas=gammas)
    assert table["expected"].sum() == pytest.approx(table["excess"].sum())
    near = theta(gammas) < 0.2
    assert table["n_gamma"].sum() == near.sum()
    ax = plots.plot_source_gammaness(table)
    assert ax.get_legend_handles_labels()[1] == ["off", "on", "simulated gammas", "excess"]


def test_figures_show_the_numbers():
    dl2 = observation(2000, 200)
    rates = performance.light_curve(dl2, *offset(dl2), triggers=dl2["time"], theta2_cut=CUT)
    ax = plots.plot_light_curve(rates, label="made")
    np.testing.assert_array_equal(ax.containers[0][0].get_ydata(), rates["rate"].value)
    table = performance.sky_map(dl2, SOURCE, LOCATION)
    ax = plots.plot_sky_map(table, column="n_on")
    shown = ax.collections[0].get_array()
    np.testing.assert_array_equal(shown.ravel(), table["n_on"])
    assert ax.get_xlim()[0] > ax.get_xlim()[1]  # east is left


NAMES = ("theta2", "sky_counts", "sky_excess", "sky_significance", "light_curve", "gammaness")


def test_the_verb(gammaml, tmp_path):
    write_dl2(observation(3000, 300), tmp_path / "run.dl2.h5")
    command = ("source", tmp_path / "run.dl2.h5", "--ra", 83.6, "--dec", 22, "-o", tmp_path / "found")
    result = gammaml(*command, "--min-gammaness", 0.3)
    assert result.exit_code == 0, result.stderr
    assert "significance" in result.stdout
    expected = {f"{name}.{ending}" for name in NAMES for ending in ("pdf", "png", "ecsv")}
    assert {path.name for path in (tmp_path / "found").iterdir()} == expected
    table = QTable.read(tmp_path / "found" / "theta2.ecsv", format="ascii.ecsv")
    assert table.meta["excess"] == pytest.approx(300, abs=70)
    result = gammaml(*command)
    assert result.exit_code == 2
    assert "existing folder" in result.stderr
    assert gammaml(*command, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dec", 22.5), "regions that overlap"),
        (("--min-gammaness", 1.1), "no event that passes the cut"),
        (("--dec", 95), "no place on the sky"),
        (("--theta-cut", 0), "theta_cut: got 0 deg"),
        (("--off", 0), "n_off: got 0"),
        (("--off", 30), "regions that overlap"),
        (("--time-bin", 0), "time_bin"),
    ],
)
def test_what_the_verb_refuses(gammaml, tmp_path, options, said):
    write_dl2(observation(100, 10, beside=(0.0, -0.5)), tmp_path / "run.dl2.h5")
    place = {"--ra": 83.6, "--dec": 22} | dict([options])
    arguments = [part for pair in place.items() for part in pair]
    result = gammaml("source", tmp_path / "run.dl2.h5", *arguments, "-o", tmp_path / "found")
    assert result.exit_code == 2
    assert said in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"run.dl2.h5"}


def test_a_folder_of_others_stays(tmp_path):
    dl2 = observation(100, 10)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputError, match="other things"):
        write_source(dl2, SOURCE, tmp_path, selected=np.ones(len(dl2), bool), overwrite=True)
