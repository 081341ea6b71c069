"""Figures of one simulated shower: its tracks, its growth, its light on the ground."""

import numpy as np
from astropy import units as u
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from gammaml.errors import InputError, SettingError
from gammaml.plots.style import BLACK, BLUE, GREEN, LINES, VERMILLION, axes, legend_above, next_series

COLORS = {"electrons": BLUE, "hadrons": VERMILLION, "muons": GREEN}  # in the order in which they are drawn
KINDS = tuple(COLORS)
WIDTHS = {"electrons": 0.3, "hadrons": 0.6, "muons": 0.6}  # points
OPAQUE = {"electrons": 2.0, "hadrons": 1.0, "muons": 1.0}  # GeV, from where on tracks are drawn in full colour
FAINTEST = 0.25
MANY = {"electrons": 50_000, "hadrons": 1000, "muons": 8000}  # pieces of tracks; more are drawn fainter
HALF_WIDTH = 400  # m, of the picture of the tracks
ROOM_ABOVE = 1.05  # the first interaction
LOWEST_TOP = 20.0  # km, of the picture of the tracks
THICKNESS = 0.03  # of the drawn ground, of the height of the picture
ROOM_FOR_LEGEND = 6  # times the largest number
FEWEST = 0.5  # particles, at the bottom of the profile
HEIGHTS = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30])  # km, with a label on the axis of the profile
DEPTH = u.g / u.cm**2


def plot_shower_tracks(shower, ax=None, *, kinds=KINDS, ground=None):
    """The charged particles of a shower, as seen along the azimuth from which it came.

    Horizontally, the distance from the vertical plane through the shower axis, to the right for who looks where the
    shower flies: to the west for one from the north. So the axis is upright for any zenith angle and widths are true;
    against heights they are stretched. Neutral particles, and those below the Cherenkov threshold, leave no tracks. The
    fainter a line, the lower its energy.

    Parameters
    ----------
    shower : gammaml.simulation.Shower
        Made with room for all its tracks: ``simulator.shower(…, tracks=200_000)``.
    ax : matplotlib.axes.Axes, optional
        New when None. Its limits can be changed afterwards; all tracks are there.
    kinds : sequence of str
        Which of electrons, hadrons, muons.
    ground : Quantity, optional
        Height of the ground above sea level, to draw it: ``simulator.site.altitude``.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        A shower without all its tracks.
    SettingError
        Another kind of particle.
    """
    _check(shower, kinds)
    ax = axes(ax, stretch=1.4)
    for kind in KINDS:
        if kind in kinds:
            _draw_tracks(shower, ax, kind)
    first = shower.first_interaction.to_value(u.km)
    top = ROOM_ABOVE * np.fmax(first, LOWEST_TOP)
    if shower.primary.particle == "gamma":
        ax.plot([0, 0], [first, top], color="0.4", linestyle=":", zorder=0.5)  # it leaves no track of its own
    ax.set(xlim=(-HALF_WIDTH, HALF_WIDTH), ylim=(0, top))
    if ground is not None:
        _draw_ground(ax, ground.to_value(u.km))
    ax.set(xlabel="distance from the shower axis, sideways [m]", ylabel="height above sea level [km]")
    legend_above(ax, columns=3)
    if legend := ax.get_legend():
        legend.set_title(_title(shower.primary))
        legend.set_alignment("left")
    return ax


def _check(shower, kinds):
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise SettingError("kinds", repr(unknown[0]), "some of " + ", ".join(KINDS), "give a list of these")
    room, written = len(shower.tracks), int(shower.tally["n_tracks"])
    if room == 0 or room < written:
        do = f"make it with simulator.shower(…, tracks={max(written, 200_000)})"
        raise InputError("shower", f"{room} pieces of its tracks", "all of them", do)


def _draw_tracks(shower, ax, kind):
    """Draw the tracks of one kind of particle, if there are any."""
    tracks = shower.tracks[_is_kind(shower.tracks["code"], kind)]
    if not len(tracks):
        return
    azimuth = shower.primary.azimuth.to_value(u.rad)
    ends = np.stack([tracks["start"], tracks["end"]], axis=1)  # (n, 2, 3)
    sideways = ends[..., 0] * np.sin(azimuth) + ends[..., 1] * np.cos(azimuth)
    lines = np.stack([sideways, ends[..., 2] / 1e3], axis=-1)
    color = np.tile(to_rgba(COLORS[kind]), (len(tracks), 1))
    color[:, 3] = np.clip(tracks["energy"] / OPAQUE[kind], FAINTEST, 1) * min(1, (MANY[kind] / len(tracks)) ** 0.5)
    ax.add_collection(LineCollection(lines, colors=color, linewidths=WIDTHS[kind], rasterized=True, gid=kind))
    ax.plot([], [], color=COLORS[kind], label=kind)


def _draw_ground(ax, height):
    top = ax.get_ylim()[1]
    bottom = height - THICKNESS * (top - height)
    ax.axhspan(bottom, height, color="0.75", linewidth=0)
    ax.axhline(height, color=BLACK, linewidth=0.8)
    ax.set_ylim(bottom, top)


def _is_kind(code, kind):
    from gammaml.simulation import particles  # numba takes a while to load

    electrons = np.isin(code, (particles.ELECTRON, particles.POSITRON))
    muons = np.isin(code, (particles.MU_MINUS, particles.MU_PLUS))
    return {"electrons": electrons, "muons": muons, "hadrons": ~(electrons | muons)}[kind]


def _title(primary):
    energy = primary.energy.to(u.TeV if primary.energy >= 1 * u.TeV else u.GeV)
    return f"{primary.particle}, {energy.value:.4g} {energy.unit}, zenith {primary.zenith.to_value(u.deg):.3g}°"


def plot_shower_profile(shower, ax=None):
    """Numbers of charged particles above the Cherenkov threshold, against slant depth and height.

    Parameters
    ----------
    shower : gammaml.simulation.Shower
    ax : matplotlib.axes.Axes, optional
        New when None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        A shower without particles above the Cherenkov threshold.
    """
    ax = axes(ax)
    depth, numbers = _numbers(shower)
    for kind, line in zip(KINDS, LINES, strict=False):
        if np.nanmax(numbers[kind], initial=0) > 0:
            ax.plot(depth, numbers[kind], color=COLORS[kind], linestyle=line, label=kind)
    if np.isfinite(x_max := shower.x_max.to_value(DEPTH)):
        text = f"$X_\\mathrm{{max}}$ = {x_max:.0f} g/cm$^2$"
        ax.axvline(x_max, color="0.4", linewidth=0.8, linestyle=":", label=text)
    most = np.nanmax(list(numbers.values()))
    ax.set(yscale="log", ylim=(FEWEST, ROOM_FOR_LEGEND * most), xlim=(0, depth[-1]))
    ax.set(xlabel="slant depth [g/cm$^2$]", ylabel="particles above the Cherenkov threshold")
    _height_axis(shower, ax)
    ax.legend(loc="upper left", ncols=2, columnspacing=1.2)
    ax.set_title(_title(shower.primary), fontsize="medium", loc="left")
    return ax


def _numbers(shower):
    """Depth in g/cm2 and, of each kind, the number there, NaN for none: to the last bin that is all above the ground.

    Particles that reach the ground cross only a part of the bin it lies in.
    """
    profile = shower.profile
    numbers = np.array([profile[kind] for kind in KINDS])
    crossed = np.flatnonzero(numbers.any(axis=0))
    if len(crossed) < 2:
        raise InputError("shower", "no particles above the Cherenkov threshold", "some", "give the primary more energy")
    numbers = np.where(numbers > 0, numbers, np.nan)[:, : crossed[-1]]
    return profile["depth"].to_value(DEPTH)[: crossed[-1]], dict(zip(KINDS, numbers, strict=True))


def _height_axis(shower, ax):
    """Heights above sea level along the top."""
    depth = shower.air.depth(HEIGHTS * u.km).to_value(DEPTH) / np.cos(shower.primary.zenith)
    shown = depth < ax.get_xlim()[1]
    ax.tick_params(which="both", top=False)
    above = ax.secondary_xaxis("top")
    above.set_xticks(depth[shown], [f"{height:g}" for height in HEIGHTS[shown]])
    above.set_xlabel("height above sea level [km]")


def plot_light_density(distance, density, ax=None, label=None):
    """Light on the ground against distance from the shower axis.

    Parameters
    ----------
    distance : Quantity (n,)
        Of the detectors.
    density : Quantity (n,)
        Photons or photo-electrons by area.
    ax : matplotlib.axes.Axes, optional
        New when None.
    label : str, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes(ax)
    ax.plot(distance.to_value(u.m), density.to_value(u.m**-2), label=label, **next_series(ax))
    ax.set(xlabel="distance from the shower axis [m]", ylabel="density of light [m$^{-2}$]", yscale="log")
    ax.set_xlim(left=0)
    legend_above(ax)
    return ax
