"""A source in observed events: published significances, and made-up sources of known place and strength."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.table import QTable
from astropy.time import Time

from gammaml import performance, plots, sky
from gammaml.errors import InputError, SettingError

SOURCE = (0.3 * u.deg, 0.4 * u.deg)


def made_field(n_background=4000, n_source=200, place=SOURCE, seed=0):
    """Directions flat over the field of view and a source of 0.1 degrees; images whose axes point to these."""
    rng = np.random.default_rng(seed)
    directions = rng.uniform(-2, 2, (n_background, 2))
    source = [value.to_value("deg") for value in place] + rng.normal(0, 0.05, (n_source, 2))
    directions = np.concatenate([directions, source])
    turn, distance = rng.uniform(-np.pi, np.pi, len(directions)), rng.uniform(0.5, 1.0, len(directions))
    image = directions + distance[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return QTable(
        {
            "reco_fov_lon": directions[:, 0] * u.deg,
            "reco_fov_lat": directions[:, 1] * u.deg,
            "hillas_fov_lon": image[:, 0] * u.deg,
            "hillas_fov_lat": image[:, 1] * u.deg,
            "hillas_psi": (np.rad2deg(turn) + 90) % 180 * u.deg - 90 * u.deg,
        }
    )


def li_ma(n_on, n_off, alpha):
    """Equation 17 written out."""
    on = n_on * np.log((1 + alpha) / alpha * n_on / (n_on + n_off))
    off = n_off * np.log((1 + alpha) * n_off / (n_on + n_off))
    return np.sqrt(2 * (on + off))


@pytest.mark.parametrize(
    ("n_on", "n_off", "alpha", "significance"),
    [
        (1327, 1949, 1 / 3, li_ma(1327, 1949, 1 / 3)),
        (10, 4_200_000, 1e-6, 2.39792),  # gammapy 0.1, introduction: 10 events on a background of 4.2
        (10, 0, 0.5, np.sqrt(20 * np.log(3))),  # without off events the second term is zero
        (5, 100, 1.0, 0.0),
        (0, 0, 1.0, 0.0),
    ],
)
def test_significance(n_on, n_off, alpha, significance):
    found = performance.excess(n_on, n_off, alpha)
    assert found.significance == pytest.approx(significance, abs=1e-3)
    assert found.excess == n_on - alpha * n_off
    assert found.excess_uncert == pytest.approx(np.sqrt(n_on + alpha**2 * n_off))


def test_place_of_a_source():
    """A telescope that points at the source has it in the middle; 0.5 degrees beside it, at the other side."""
    where = EarthLocation.from_geodetic(-17.9 * u.deg, 28.8 * u.deg, 2200 * u.m)
    source = SkyCoord(83.63 * u.deg, 22.01 * u.deg)
    time = Time("2020-01-17T23:30:00") + np.linspace(0, 1, 5) * u.hour
    horizontal = source.transform_to(AltAz(obstime=time, location=where))
    alt, az = sky.fov_to_altaz(0.0, 0.5, horizontal.alt.deg, horizontal.az.deg)
    for pointing, lat in (((horizontal.alt.deg, horizontal.az.deg), 0.0), ((alt, az), -0.5)):
        dl2 = QTable({"time": time, "pointing_alt": pointing[0] * u.deg, "pointing_az": pointing[1] * u.deg})
        found = performance.source_offset(dl2, source, where)
        np.testing.assert_allclose(u.Quantity(found).to_value("deg"), np.array([[0.0], [lat]]) * np.ones(5), atol=1e-6)


def test_reflected_places():
    places = performance.reflected_offsets(*SOURCE, 3)
    got = [[value.to_value("deg") for value in place] for place in places]
    np.testing.assert_allclose(got, [[-0.4, 0.3], [-0.3, -0.4], [0.4, -0.3]], atol=1e-5)  # on a plane
    distance = [sky.angular_separation(lat, lon, 0, 0) for lon, lat in got]
    np.testing.assert_allclose(distance, sky.angular_separation(0.4, 0.3, 0, 0), rtol=1e-12)


def test_theta2_finds_a_source():
    table = performance.theta2_counts(made_field(), *SOURCE, theta2_cut=0.04 * u.deg**2, n_off=3)
    meta = table.meta
    assert abs(meta["excess"] - 200) < 4 * meta["excess_uncert"]
    assert meta["significance"] == pytest.approx(li_ma(meta["n_on"], meta["n_off"], 1 / 3), rel=1e-9)
    assert meta["significance"] > 8
    assert table["n_on"][:2].sum() == meta["n_on"]
    assert table["n_off"][:2].sum() == meta["n_off"]


def test_theta2_without_a_source():
    """The significance of nothing is a unit normal, cut at zero."""
    found = [
        performance.theta2_counts(made_field(4000, 0, seed=seed), *SOURCE, theta2_cut=0.04 * u.deg**2, n_off=3).meta
        for seed in range(200)
    ]
    pulls = np.array([meta["excess"] / meta["excess_uncert"] for meta in found])
    assert abs(pulls.mean()) < 0.25
    assert 0.85 < pulls.std() < 1.15
    assert np.mean([meta["significance"] > 1 for meta in found]) == pytest.approx(0.16, abs=0.08)


def test_alpha_finds_a_source_in_the_middle():
    middle = (0.0 * u.deg, 0.0 * u.deg)
    meta = performance.alpha_counts(made_field(place=middle), *middle).meta
    assert abs(meta["excess"] - 200) < 5 * meta["excess_uncert"]
    assert meta["significance"] > 5
    assert meta["alpha"] == pytest.approx(1 / 6)


def test_alpha_of_known_images():
    dl2 = QTable({"hillas_fov_lon": [1.0, 1, 0] * u.deg, "hillas_fov_lat": [0.0, 1, -1] * u.deg})
    dl2["hillas_psi"] = [0.0, 0, 89] * u.deg
    np.testing.assert_allclose(performance.alpha_angle(dl2, 0 * u.deg, 0 * u.deg).value, [0, 45, 1], atol=1e-9)


def test_not_reconstructed_events_do_not_count():
    field = made_field()
    field["reco_fov_lon"][:10] = np.nan
    table = performance.theta2_counts(field, *SOURCE, theta2_cut=0.04 * u.deg**2)
    assert table.meta["counts"].startswith("4,190 events")


def test_refusals():
    field, cut = made_field(50, 0), 0.04 * u.deg**2
    with pytest.raises(InputError, match="regions that overlap"):
        performance.theta2_counts(field, 0.05 * u.deg, 0 * u.deg, theta2_cut=cut)
    with pytest.raises(InputError, match="regions that overlap"):
        performance.theta2_counts(field, *SOURCE, theta2_cut=cut, n_off=20)
    with pytest.raises(InputError, match="no event with directions"):
        performance.theta2_counts(field[:0], *SOURCE, theta2_cut=cut)
    with pytest.raises(InputError, match="hillas_psi"):
        performance.alpha_counts(field[["hillas_fov_lon", "hillas_fov_lat"]], *SOURCE)
    with pytest.raises(InputError, match="a column 'time'"):
        performance.source_offset(field, None, None)
    with pytest.raises(SettingError, match="an off region above"):
        performance.alpha_counts(field, *SOURCE, on=30 * u.deg)
    with pytest.raises(InputError, match="counts of zero or more"):
        performance.excess(-1, 3, 1.0)
    with pytest.raises(SettingError, match="a number above zero"):
        performance.excess(1, 3, 0.0)


def test_plots_show_the_counts():
    table = performance.theta2_counts(made_field(), *SOURCE, theta2_cut=0.04 * u.deg**2)
    ax = plots.plot_theta2(table, label="made")
    np.testing.assert_array_equal(ax.containers[-1][0].get_ydata(), table["n_on"])
    assert "σ" in ax.get_legend_handles_labels()[1][-1]
    other = performance.alpha_counts(made_field(), *SOURCE)
    ax = plots.plot_alpha(other)
    np.testing.assert_array_equal(ax.containers[-1][0].get_ydata(), other["n_on"])
    assert ax.get_ylim()[0] == 0
