"""Showers of CORSIKA with their light, from files of its IACT option, and ours of the same primaries.

Of these files, beside what :mod:`gammaml.io.corsika` says: time is 0 when a particle at the speed of light, which
started with the shower, is at the core; nothing is absorbed.
"""

import dataclasses
import itertools

import astropy.units as u
import numpy as np

from gammaml.io.corsika import read_run, read_showers
from gammaml.simulation import NO_THINNING, DetectionEfficiency, Detectors, Primary, Simulator, site

SPEED_OF_LIGHT = 0.299792458  # m/ns
GAMMAS = "corsika_photons/run102_gamma_za20deg_azm0deg-paranal-sst.corsika.zst"
PROTONS = "corsika_photons/a556d29b_run1_proton_za20deg_azm0deg_North_1LST_test-lst-array.corsika.zst"
SITE_OF = {GAMMAS: "paranal", PROTONS: "la-palma"}
PARTICLE = {0: "gamma", 101: "proton"}
LIGHT_KEPT = ("detector", "x", "y", "ux", "uy", "time", "height", "photons")
# Of the gammas: 6 interacts with a nucleus, 7 has lost its early light (its bunches lie beside the telescopes).
NOT_ELECTROMAGNETIC, BROKEN = 6, 7

LIGHT = np.dtype([(name, "f8") for name in ("distance", "delay", "inward", "across", "height", "photons")])


@dataclasses.dataclass(frozen=True, eq=False)
class CorsikaShower:
    """One shower with all its uses.

    Parameters
    ----------
    number : int
    primary : Primary
        With CORSIKA's first interaction.
    cores : Quantity (n_uses, 2)
    counts : array (n_uses * n_telescopes,)
        Photons in each sphere.
    light : dict of arrays
        The bunches: detector (as in ours), x, y, ux, uy, time, height, photons; metres and ns.
    depth : array (n,)
        Vertical g/cm2, of the profile's entries.
    electrons, muons : array (n,)
        Above 20 MeV and 100 MeV.
    n_photons : float
        All photons made.
    """

    number: int
    primary: Primary
    cores: u.Quantity
    counts: np.ndarray
    light: dict
    depth: np.ndarray
    electrons: np.ndarray
    muons: np.ndarray
    n_photons: float

    @property
    def energy(self):
        """GeV."""
        return self.primary.energy.to_value(u.GeV)


def read(path, *, most=None, keep_light=True):
    """Showers of a file and its header's conditions.

    Parameters
    ----------
    path : path-like
    most : int or None
        Showers to read.
    keep_light : bool
        False for the counts alone.

    Returns
    -------
    list of CorsikaShower
    dict
        telescopes (n, 4) in m (x, y, z, radius), wavelengths (nm), altitude, field_north, field_down, declination.
    """
    run = read_run(path)
    showers = [_shower(each, len(run.telescopes), keep_light) for each in itertools.islice(read_showers(path), most)]
    return showers, {
        "telescopes": run.telescopes,
        "wavelengths": run.wavelengths,
        "altitude": run.altitude * u.m,
        "field_north": run.field_north * u.T,
        "field_down": run.field_down * u.T,
        "declination": run.turned * u.deg,
    }


def _shower(shower, n_telescopes, keep_light):
    primary = Primary(
        PARTICLE[shower.primary],
        shower.energy * u.TeV,
        zenith=(90 - shower.alt) * u.deg,
        azimuth=shower.az * u.deg,
        first_interaction=shower.first_interaction * u.m,
    )
    light = shower.light
    counts = np.bincount(light["detector"], light["photons"], minlength=len(shower.cores) * n_telescopes)
    return CorsikaShower(
        shower.number,
        primary,
        shower.cores * u.m,
        counts,
        {name: light[name].astype(int if name == "detector" else float) for name in LIGHT_KEPT} if keep_light else {},
        shower.depth,
        shower.electrons,
        shower.muons,
        shower.n_photons,
    )


def simulator(name, conditions, *, atmosphere=None, step_scale=1.0):
    """Our simulator for the site, telescopes and wavelengths of a file; another atmosphere where one is named."""
    place = site(SITE_OF[name])
    known = {key: conditions[key] for key in ("altitude", "field_north", "field_down", "declination")}
    place = dataclasses.replace(place, **known, atmosphere=atmosphere or place.atmosphere)
    telescopes = conditions["telescopes"]
    detectors = Detectors(
        telescopes[:, :3] * u.m, telescopes[:, 3] * u.m, DetectionEfficiency.flat(*conditions["wavelengths"])
    )
    return Simulator(place, detectors, thinning=NO_THINNING, step_scale=step_scale)


def places(shower, telescopes):
    """Centres of the spheres relative to the core, for each use: (n_uses * n_telescopes, 3), m."""
    cores = shower.cores.to_value(u.m)
    relative = np.repeat(telescopes[None, :, :3], len(cores), axis=0)
    relative[:, :, :2] -= cores[:, None]
    return relative.reshape(-1, 3)


def distances(shower, telescopes):
    """Distance of each sphere from the shower's axis, m."""
    return np.linalg.norm(np.cross(places(shower, telescopes), shower.primary.direction), axis=1)


def around_axis(light, shower, telescopes):
    """Light relative to the shower's axis.

    Parameters
    ----------
    light : mapping
        `CorsikaShower.light`, or the photo-electrons of one of our showers.
    shower : CorsikaShower
    telescopes : array (n, 4)

    Returns
    -------
    structured array of LIGHT
        `distance` of its telescope from the axis (m); `delay` behind a plane at the speed of light (ns); the angles in
        degrees between its direction and the axis: `inward`, as of light that comes from the axis, and `across`;
        `height` of emission (m); `photons`.
    """
    axis = np.array(shower.primary.direction)
    detector = np.asarray(light["detector"])
    centre = places(shower, telescopes)[detector]
    at = centre + np.column_stack([light["x"], light["y"], np.zeros(len(detector))])
    ux, uy = (np.asarray(light[name], float) for name in ("ux", "uy"))
    direction = np.column_stack([ux, uy, -np.sqrt(1 - ux**2 - uy**2)])
    outward = centre - np.outer(centre @ axis, axis)
    distance = np.linalg.norm(outward, axis=1)
    outward /= distance[:, None]
    rows = np.zeros(len(detector), LIGHT)
    rows["distance"], rows["height"] = distance, light["height"]
    rows["delay"] = light["time"] - at @ axis / SPEED_OF_LIGHT
    rows["inward"] = np.degrees(np.sum(direction * outward, axis=1))
    rows["across"] = np.degrees(np.sum(direction * np.cross(axis, outward), axis=1))
    rows["photons"] = light["photons"] if "photons" in _names(light) else 1.0
    return rows


def _names(light):
    return light.keys() if isinstance(light, dict) else light.dtype.names
