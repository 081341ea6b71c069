"""Figures of a shower show its own particles, where they were."""

from dataclasses import replace

import astropy.units as u
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from gammaml import plots, simulation
from gammaml.errors import InputError, SettingError
from gammaml.plots.shower import COLORS
from gammaml.simulation import particles

ROOM = 200_000


@pytest.fixture(scope="module")
def simulator():
    return simulation.Simulator("la-palma")


@pytest.fixture(scope="module")
def gamma(simulator):
    return simulator.shower(simulation.Primary("gamma", 100 * u.GeV), seed=1, tracks=ROOM)


@pytest.fixture(scope="module")
def proton(simulator):
    primary = simulation.Primary("proton", 500 * u.GeV, zenith=40 * u.deg, azimuth=123 * u.deg)
    return simulator.shower(primary, seed=1, tracks=ROOM)


def lines_of(ax, kind):
    """Ends of the tracks (n, 2, 2): m sideways, km up."""
    (found,) = [collection for collection in ax.collections if collection.get_gid() == kind]
    return np.array(found.get_segments())


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def with_track(shower, *, azimuth, start, end):
    """The shower with a single electron's track, coming from some azimuth."""
    tracks = shower.tracks[:1].copy()
    tracks["code"], tracks["energy"] = particles.ELECTRON, 1.0
    tracks["start"], tracks["end"] = start, end
    tally = {"n_tracks": 1, "first_height": shower.tally["first_height"]}
    return replace(shower, tracks=tracks, tally=tally, primary=replace(shower.primary, azimuth=azimuth))


def test_tracks_of_each_kind_are_all_there_in_their_colour(proton):
    ax = plots.plot_shower_tracks(proton)
    codes = {"electrons": [particles.ELECTRON, particles.POSITRON], "muons": [particles.MU_MINUS, particles.MU_PLUS]}
    shown = {kind: len(lines_of(ax, kind)) for kind in COLORS}
    for kind, of_kind in codes.items():
        assert shown[kind] == np.isin(proton.tracks["code"], of_kind).sum() > 0
    assert sum(shown.values()) == len(proton.tracks)
    for collection in ax.collections:
        assert {to_hex(color) for color in collection.get_colors()} == {COLORS[collection.get_gid()].lower()}
    assert legend_texts(ax) == ["electrons", "hadrons", "muons"]
    assert ax.get_legend().get_title().get_text() == "proton, 500 GeV, zenith 40°"


def test_only_the_kinds_asked_for(proton):
    ax = plots.plot_shower_tracks(proton, kinds=["muons"])
    assert [collection.get_gid() for collection in ax.collections] == ["muons"]
    assert legend_texts(ax) == ["muons"]


def test_a_kind_that_the_shower_lacks_leaves_an_empty_picture(gamma):
    assert not plots.plot_shower_tracks(gamma, kinds=["hadrons"]).collections


@pytest.mark.parametrize(
    ("azimuth", "sideways"),
    # To the right for who looks south is west (y = 20 m), looking west it is north (x = 10 m).
    [(0, 20.0), (90, 10.0), (180, -20.0), (270, -10.0)],
)
def test_sideways_is_right_along_the_flight(gamma, azimuth, sideways):
    shower = with_track(gamma, azimuth=azimuth * u.deg, start=(0, 0, 9000), end=(10, 20, 8000))
    np.testing.assert_allclose(
        lines_of(plots.plot_shower_tracks(shower), "electrons"), [[[0, 9], [sideways, 8]]], atol=1e-5
    )


def test_an_inclined_axis_is_upright(proton):
    lines = lines_of(plots.plot_shower_tracks(proton), "hadrons")
    primary = lines[lines[:, 1, 1] * u.km >= proton.first_interaction]
    assert np.abs(proton.tracks["start"][:, 0]).max() > 10_000  # m, where the primary came in
    assert len(primary) > 10
    assert np.abs(primary[..., 0]).max() < 0.1


def test_muons_reach_the_ground_and_it_is_drawn(proton, simulator):
    ground = simulator.site.altitude
    ax = plots.plot_shower_tracks(proton, ground=ground)
    assert lines_of(ax, "muons")[..., 1].min() == pytest.approx(ground.to_value(u.km), abs=1e-3)
    assert ground.to_value(u.km) in [line.get_ydata()[0] for line in ax.lines if len(line.get_ydata())]
    low, high = ax.get_ylim()
    assert low < ground.to_value(u.km)
    assert high > proton.first_interaction.to_value(u.km)


def test_gamma_alone_has_a_dotted_way_to_its_first_interaction(gamma, proton):
    (way,) = [line for line in plots.plot_shower_tracks(gamma).lines if line.get_linestyle() == ":"]
    assert min(way.get_ydata()) == pytest.approx(gamma.first_interaction.to_value(u.km))
    assert not [line for line in plots.plot_shower_tracks(proton).lines if line.get_linestyle() == ":"]


def test_lower_energies_are_fainter(gamma):
    electrons = gamma.tracks
    (collection,) = plots.plot_shower_tracks(gamma).collections
    opacity = collection.get_colors()[:, 3]
    order = np.argsort(electrons["energy"])
    assert (np.diff(opacity[order]) >= 0).all()
    assert opacity.max() / opacity.min() == pytest.approx(4)


def test_a_shower_without_tracks_says_how_to_make_them(simulator):
    shower = simulator.shower(simulation.Primary("gamma", 10 * u.GeV), seed=1)
    with pytest.raises(InputError, match=r"0 pieces of its tracks, expected all.*tracks=200000"):
        plots.plot_shower_tracks(shower)


def test_a_shower_with_too_few_tracks_says_how_many_it_has(simulator, gamma):
    shower = simulator.shower(gamma.primary, seed=1, tracks=100)
    with pytest.raises(InputError, match=r"100 pieces .*tracks=200000"):
        plots.plot_shower_tracks(shower)


def test_an_unknown_kind_is_refused(gamma):
    with pytest.raises(SettingError, match="'photons', expected some of electrons, hadrons, muons"):
        plots.plot_shower_tracks(gamma, kinds=["photons"])


def test_profile_shows_the_numbers_of_the_shower(proton):
    ax = plots.plot_shower_profile(proton)
    profile = proton.profile
    drawn = {line.get_label(): line for line in ax.lines}
    for kind in COLORS:
        depth, number = drawn[kind].get_data()
        np.testing.assert_allclose(depth, profile["depth"].value[: len(depth)])
        np.testing.assert_allclose(np.nan_to_num(number), profile[kind][: len(depth)])
    assert len({line.get_linestyle() for line in drawn.values()}) == 4
    assert ax.get_yscale() == "log"


def test_profile_marks_the_maximum(proton):
    ax = plots.plot_shower_profile(proton)
    x_max = proton.x_max.value
    (line,) = [line for line in ax.lines if "max" in line.get_label()]
    assert f"{x_max:.0f}" in line.get_label()
    np.testing.assert_allclose(line.get_xdata(), x_max)


def test_heights_along_the_top_of_an_inclined_shower(proton):
    (above,) = plots.plot_shower_profile(proton).child_axes
    labels = [tick.get_text() for tick in above.get_xticklabels()]
    place = dict(zip(labels, above.get_xticks(), strict=True))
    vertical = proton.air.depth(10 * u.km).value
    assert place["10"] == pytest.approx(vertical / np.cos(np.radians(40)))
    assert "2" not in labels  # below the ground


def test_profile_of_a_gamma_has_no_hadrons(gamma):
    assert [text for text in legend_texts(plots.plot_shower_profile(gamma)) if "max" not in text] == ["electrons"]


def test_a_muon_that_reaches_the_ground_has_no_maximum(simulator):
    muon = simulator.shower(simulation.Primary("muon", 100 * u.GeV), seed=2, tracks=ROOM)
    muon = replace(muon, crossings=muon.crossings * [0, 1, 0, 1])  # without the electrons that it knocks on
    assert legend_texts(plots.plot_shower_profile(muon)) == ["muons"]
    assert np.isfinite(plots.plot_shower_tracks(muon).get_ylim()).all()


def test_profile_of_a_shower_without_light_is_refused(simulator):
    with pytest.raises(InputError, match="no particles above the Cherenkov threshold"):
        plots.plot_shower_profile(simulator.shower(simulation.Primary("gamma", 20 * u.MeV), seed=1))


def test_light_density_in_metres_and_overlaid():
    distance, density = [0.05, 0.1, 0.2] * u.km, [300.0, 200.0, 50.0] / u.m**2
    ax = plots.plot_light_density(distance, density, label="1 TeV")
    plots.plot_light_density(distance, density / 10, ax, "100 GeV")
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [50, 100, 200])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [30, 20, 5])
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    assert legend_texts(ax) == ["1 TeV", "100 GeV"]


@pytest.mark.parametrize("plot", [plots.plot_shower_tracks, plots.plot_shower_profile])
def test_a_given_axes_is_used_and_nothing_is_cut_off(plot, proton):
    with plots.print_style():
        ax = mpl.figure.Figure(figsize=(plots.COLUMN_WIDTH, plots.COLUMN_WIDTH), layout="constrained").add_subplot()
        assert plot(proton, ax) is ax
        assert plt.get_fignums() == []
        ax.figure.draw_without_rendering()
        box = ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -1
    assert box.x1 <= ax.figure.bbox.x1 + 1
    assert box.y1 <= ax.figure.bbox.y1 + 1
