"""Air showers: set up an observatory once, then make showers one by one."""

import math
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

from gammaml import __version__
from gammaml.errors import SettingError
from gammaml.simulation import atmosphere, electromagnetic_tables, hadronic_library, particles, rng, sites, transport
from gammaml.simulation.cherenkov import GROUP, LARGEST_AIRMASS, SPEED_OF_LIGHT, SPHERE, Light, light_yield
from gammaml.simulation.detectors import DetectionEfficiency
from gammaml.simulation.primary import THINNING, Primary
from gammaml.simulation.quantities import values
from gammaml.simulation.stack import (
    BUDGET,
    ELECTRONS,
    HADRONS,
    LIGHT,
    MUONS,
    N_PROFILE,
    PROFILE_STEP,
    TALLY,
    TRACK,
    new_record,
    push,
)
from gammaml.simulation.world import CONDITIONS, N_HEAVY_LOSS, World

DEPTH_UNIT = u.g / u.cm**2


@dataclass(frozen=True, eq=False)
class Shower:
    """What one shower left.

    Parameters
    ----------
    primary : Primary
    photo_electrons : structured array
        One row each: `detector` (row of the detectors, plus their number times the use of the shower), `x`, `y` (m,
        where the photon crosses the level of the sphere's centre, relative to it), `ux`, `uy` (direction of flight,
        north and west), `time` (ns after a plane at the speed of light through the core), `height` of emission (m
        above sea level), `emitter` (code of the particle).
    tracks : structured array
        Straight pieces of the particles' ways, where asked for.
    crossings : array (n_bins, 4)
        The numbers behind `profile`.
    tally : record
        The numbers behind `budget` and `first_interaction`, and counts: `n_steps` of electrons, hadronic
        `n_interactions`.
    air : Atmosphere
    origin : dict
        Version of gammaml, site, table of hadronic interactions (name and SHA-256), seed and number.
    """

    primary: Primary
    photo_electrons: np.ndarray
    tracks: np.ndarray
    crossings: np.ndarray
    tally: np.void
    air: atmosphere.Atmosphere
    origin: dict

    @property
    def profile(self):
        """The longitudinal profile.

        Returns
        -------
        QTable
            Slant `depth` of the bins' centres, mean numbers of `electrons`, `muons` and `hadrons` crossing each, and
            the `light` made there: metres of track times sin²(theta_c).
        """
        profile = QTable({"depth": profile_depths() * DEPTH_UNIT})
        for name, column in (("electrons", ELECTRONS), ("muons", MUONS), ("hadrons", HADRONS)):
            profile[name] = self.crossings[:, column]
        profile["light"] = self.crossings[:, LIGHT] * u.m
        return profile

    @property
    def x_max(self):
        """Slant depth where most electrons are; NaN where there are none."""
        return profile_maximum(profile_depths(), self.crossings[:, ELECTRONS]) * DEPTH_UNIT

    @property
    def h_max(self):
        """Height above sea level where most electrons are."""
        vertical = self.x_max.value * math.cos(self.primary.zenith.to_value(u.rad))
        return (atmosphere.height(vertical, self.air.layers) if np.isfinite(vertical) else np.nan) * u.m

    @property
    def first_interaction(self):
        """Its height above sea level; NaN where the primary reached the ground without one."""
        height = self.tally["first_height"]
        return (height if height > 0 else np.nan) * u.m

    @property
    def budget(self):
        """Where the primary's energy went: its parts add up to it."""
        return {name: self.tally[name] * u.GeV for name in BUDGET}


def profile_depths():
    """Centres of the profile's bins, slant g/cm2."""
    return (np.arange(N_PROFILE) + 0.5) * PROFILE_STEP


def profile_maximum(depth, electrons):
    """Depth of the largest number of electrons: vertex of a parabola through the logarithm around the peak.

    Parameters
    ----------
    depth, electrons : array (n_bins,)

    Returns
    -------
    float
        NaN where there were no electrons.
    """
    if not electrons.any():
        return np.nan
    smooth = np.convolve(electrons, np.ones(5) / 5, mode="same")
    peak = int(smooth.argmax())
    near = slice(max(peak - 6, 0), peak + 7)
    use = electrons[near] > 0
    if use.sum() < 4:
        return float(depth[peak])
    x, y = depth[near][use] - depth[peak], np.log(electrons[near][use])
    curve, slope, _ = np.polyfit(x, y, 2, w=np.sqrt(electrons[near][use]))
    vertex = -slope / (2 * curve) if curve < 0 else 0.0
    return float(depth[peak] + np.clip(vertex, x[0], x[-1]))


def _group(spheres, first, last):
    """Sphere around the spheres first:last."""
    part = spheres[first:last]
    places = np.stack([part["x"], part["y"], part["z"]], axis=1)
    centre = (places.min(0) + places.max(0)) / 2
    radius = (np.linalg.norm(places - centre, axis=1) + part["radius"]).max()
    return (*centre, radius, first, last)


class Simulator:
    """Showers over one site and its detectors.

    Parameters
    ----------
    site : str, Path or Site
        Name of a site, the TOML file of one, or a site of your own.
    detectors : Detectors or None
        None for showers without telescopes.
    hadrons : path-like or None
        Table of hadronic interactions; by default the one that comes with gammaml.
    thinning : Thinning
        By default, above 3 TeV.
    step_scale : float
        Lengths of electron steps over their default, to test that nothing depends on them.

    Raises
    ------
    SettingError, InputError
        An unknown site, an impossible setting, an unreadable table.
    """

    def __init__(self, site, detectors=None, *, hadrons=None, thinning=THINNING, step_scale=1.0):
        self.site = site if isinstance(site, sites.Site) else sites.site(site)
        self.detectors = detectors
        self.thinning = thinning
        if not 0 < step_scale <= 10:
            raise SettingError("step scale", f"{step_scale!r}", "more than 0, at most 10", "leave it at 1")
        self.step_scale = float(step_scale)
        self.atmosphere = atmosphere.atmosphere(self.site.atmosphere)
        self.hadrons, self.hadrons_metadata = hadronic_library.load(hadrons)
        self._ground = self.site.altitude.to_value(u.m)
        self._conditions = self._site_conditions()
        threshold = particles.ELECTRON_MASS / math.sqrt(2 * self._conditions["refractivity_at_ground"])
        self._tables = electromagnetic_tables.build(threshold - particles.ELECTRON_MASS)
        self._yields = self._light_yields()
        self._record = new_record(photo_electrons=200_000)

    def _light_yields(self):
        heights = np.linspace(self._ground, 100e3, 400)
        airmasses = np.linspace(1, LARGEST_AIRMASS, 13)
        efficiencies = self.detectors.efficiency if self.detectors else (DetectionEfficiency.flat(300, 600),)
        yields = [light_yield(each, airmasses, heights * u.m, self.atmosphere, self.site) for each in efficiencies]
        return np.array(yields), airmasses[1] - 1.0, heights[0], heights[1] - heights[0]

    def _light(self, cores):
        """Spheres relative to the core, once for every use of the shower."""
        n = len(self.detectors.radius) if self.detectors else 0
        spheres = np.zeros(n * len(cores), SPHERE)
        groups = np.zeros(len(cores) if n else 0, GROUP)
        if n:
            x, y, z = self.detectors.position.to_value(u.m).T
            radius = self.detectors.radius.to_value(u.m)
        for use, (core_x, core_y) in enumerate(cores if n else ()):
            part = spheres[use * n : (use + 1) * n]
            part["x"], part["y"], part["z"] = x - core_x, y - core_y, z + self._ground
            part["radius"], part["kind"] = radius, self.detectors.kind
            groups[use] = _group(spheres, use * n, (use + 1) * n)
        return Light(spheres, groups, *self._yields)

    def _site_conditions(self):
        """What is the same for every shower."""
        conditions = np.zeros((), CONDITIONS)
        layers = self.atmosphere.layers
        for name, value in layers._asdict().items():
            # Fewer layers end with the same one many times, which changes nothing.
            conditions["layers"][name] = np.pad(value, (0, atmosphere.N_LAYERS - len(value)), mode="edge")
        depth = atmosphere.depth(self._ground, layers)
        refractivity = self.atmosphere.refractivity_per_density
        conditions["refractivity"] = refractivity
        conditions["refractivity_at_ground"] = refractivity * atmosphere.density(depth, layers)
        conditions["ground"], conditions["ground_depth"] = self._ground, depth
        conditions["field"] = self.site.magnetic_field.to_value(u.T)
        beta_gamma = 10 ** (-0.5 + 0.05 * np.arange(N_HEAVY_LOSS))
        conditions["heavy_loss"] = electromagnetic_tables.heavy_loss(beta_gamma, particles.MUON_MASS)
        conditions["step_scale"] = self.step_scale
        return conditions

    def _world(self, primary, cores):
        fixed = None if primary.radiates_alone else primary.first_interaction
        conditions = self._conditions.copy()
        conditions["slant"] = 1 / math.cos(primary.zenith.to_value(u.rad))
        limits = self.thinning.limits(primary.energy.to_value(u.GeV))
        conditions["thin_energy"], conditions["largest_weight"] = limits
        conditions["fixed_height"] = 0.0 if fixed is None else fixed.to_value(u.m)
        return World(conditions[()], self._tables, self.hadrons, self._light(cores))

    def check(self, primary):
        """Raise the SettingError that `shower` would: energy beyond the table, first interaction outside the air."""
        highest = 10 ** (
            self.hadrons.log10_energy_first
            + (self.hadrons.cross_section.shape[1] - 0.5) * self.hadrons.log10_energy_step
        )
        nucleons = max(primary.code // 100, 1)
        if primary.energy.to_value(u.GeV) > highest * nucleons:
            expected = f"at most {highest * nucleons / 1e3:.4g} TeV, the end of the hadronic table"
            raise SettingError(f"energy of the {primary.particle}", f"{primary.energy:g}", expected, "lower it")
        fixed = primary.first_interaction
        if fixed is not None and not self._ground < fixed.to_value(u.m) < atmosphere.TOP:
            expected = f"between the ground, {self._ground:g} m, and {atmosphere.TOP:g} m"
            raise SettingError("first interaction", f"{fixed:g}", expected, "give a height above sea level")

    def shower(self, primary, *, seed, number=0, cores=((0.0, 0.0),) * u.m, tracks=0):
        """One shower.

        Parameters
        ----------
        primary : Primary
        seed, number : int
            The same two give the same shower, on any number of processes.
        cores : Quantity (n_uses, 2)
            Where the axis meets the observation level, x north and y west, relative to the origin of the detectors:
            the shower is used once for each.
        tracks : int
            Room for so many pieces of tracks to write down.

        Returns
        -------
        Shower

        Raises
        ------
        SettingError
            An energy beyond the hadronic table, a first interaction outside the air, a negative seed, bad cores.
        """
        self.check(primary)
        for name, value in (("seed", seed), ("number", number), ("tracks", tracks)):
            if not isinstance(value, int | np.integer) or value < 0:
                raise SettingError(name, f"{value!r}", "an integer ≥ 0", "choose another")
        cores = np.atleast_2d(values("cores", cores, u.m))
        if cores.ndim != 2 or cores.shape[1] != 2:
            raise SettingError("cores", f"shape {cores.shape}", "(n, 2)", "give x and y of each use")
        world = self._world(primary, cores)
        while True:
            record = self._empty_record(tracks)
            fits = self._start(primary, rng.stream(seed, number), world, record)
            found = record.tally["n_photo_electrons"]
            if found <= len(record.photo_electrons):
                break
            # The same shower again, with room for all its light.
            self._record = new_record(photo_electrons=int(found * 1.2))
        if not fits:
            raise RuntimeError("the stack of the shower is full: a bug")
        return self._result(primary, record, seed, number)

    def _empty_record(self, tracks):
        """The buffers of the last shower, emptied."""
        record = self._record
        record.profile[:] = 0.0
        return record._replace(tracks=np.zeros(tracks, TRACK), tally=np.zeros(1, TALLY)[0])

    def _start(self, primary, stream, world, record):
        direction = primary.direction
        given = primary.radiates_alone and primary.first_interaction is not None
        top = float(primary.first_interaction.to_value(u.m)) if given else atmosphere.TOP
        way = (top - self._ground) / -direction[2]
        position = (-direction[0] * way, -direction[1] * way, top)
        depth = atmosphere.depth(top, self.atmosphere.layers)
        energy = float(primary.energy.to_value(u.GeV))
        push(record, primary.code, energy, position, direction, -way / SPEED_OF_LIGHT, depth, 1.0)
        return transport.follow(stream, world, record)

    def _result(self, primary, record, seed, number):
        tally = record.tally
        return Shower(
            primary=primary,
            photo_electrons=record.photo_electrons[: tally["n_photo_electrons"]].copy(),
            tracks=record.tracks[: tally["n_tracks"]],
            crossings=record.profile.copy(),
            tally=tally,
            air=self.atmosphere,
            origin=self.origin | {"seed": seed, "number": number},
        )

    @property
    def origin(self):
        """What made these showers: version of gammaml, site, and table of hadronic interactions."""
        return {
            "gammaml": __version__,
            "site": self.site.name,
            "hadrons": self.hadrons_metadata["name"],
            "hadrons_sha256": self.hadrons_metadata["sha256"],
        }
