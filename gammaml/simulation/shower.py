"""Air showers: set up an observatory once, then make showers one by one."""

import math
from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.table import QTable

from gammaml.errors import SettingError
from gammaml.simulation import atmosphere, electromagnetic_tables, hadronic_library, particles, rng, sites, transport
from gammaml.simulation.cherenkov import GROUP, LARGEST_AIRMASS, SPEED_OF_LIGHT, SPHERE, Light, light_yield
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
from gammaml.simulation.transport import CONDITIONS, N_HEAVY_LOSS, World

LARGEST_ZENITH = 60 * u.deg
TOP = 112.8e3  # m, where primaries start
DEPTH_UNIT = u.g / u.cm**2


@dataclass(frozen=True, eq=False)
class DetectionEfficiency:
    """Share of the photons that fall on a telescope and become photo-electrons, by wavelength.

    Parameters
    ----------
    wavelength : array (n,)
        In nm, rising in equal steps or not.
    efficiency : array (n,)
        Between 0 and 1: reflection, funnels, window and photosensor together.
    absorption : bool
        Whether the air between takes its share too.
    """

    wavelength: np.ndarray
    efficiency: np.ndarray
    absorption: bool = True

    def __post_init__(self):
        wavelength = np.asarray(self.wavelength, float)
        efficiency = np.asarray(self.efficiency, float)
        if wavelength.shape != efficiency.shape or wavelength.ndim != 1 or len(wavelength) < 2:
            got = f"{wavelength.shape} wavelengths and {efficiency.shape} efficiencies"
            raise SettingError("detection efficiency", got, "two rows of equal length", "give one value a wavelength")
        if not (np.diff(wavelength) > 0).all() or wavelength[0] < 200 or wavelength[-1] > 1200:
            got = f"wavelengths from {wavelength[0]:g} to {wavelength[-1]:g} nm"
            raise SettingError("detection efficiency", got, "rising, within 200 to 1200 nm", "give nanometres")
        if not ((efficiency >= 0) & (efficiency <= 1)).all():
            got = f"values from {efficiency.min():g} to {efficiency.max():g}"
            raise SettingError("detection efficiency", got, "0 to 1", "give a share of the photons")
        object.__setattr__(self, "wavelength", wavelength)
        object.__setattr__(self, "efficiency", efficiency)

    @classmethod
    def flat(cls, first, last, *, efficiency=1.0, absorption=False):
        """The same for all wavelengths between two (nm); without air by default, to count photons as CORSIKA does."""
        wavelength = np.linspace(first, last, 100)
        return cls(wavelength, np.full(100, float(efficiency)), absorption)


@dataclass(frozen=True, eq=False)
class Detectors:
    """Spheres that collect light, one a telescope.

    Parameters
    ----------
    position : Quantity (n, 3)
        x to the north, y to the west, z above the observation level, of the centres.
    radius : Quantity (n,) or scalar
    efficiency : DetectionEfficiency or tuple of them
    kind : array (n,) of int
        Which of the efficiencies each has; by default the only one.
    """

    position: u.Quantity
    radius: u.Quantity
    efficiency: tuple
    kind: np.ndarray = field(default=None)

    def __post_init__(self):
        position = np.atleast_2d(self.position.to_value(u.m)).astype(float)
        radius = np.broadcast_to(self.radius.to_value(u.m), len(position)).astype(float)
        efficiency = self.efficiency if isinstance(self.efficiency, tuple) else (self.efficiency,)
        kind = np.zeros(len(position), int) if self.kind is None else np.asarray(self.kind)
        if position.shape[1] != 3 or not np.isfinite(position).all():
            raise SettingError("detectors", f"positions {position.shape}", "finite, (n, 3)", "give x, y, z in metres")
        if (position[:, 2] < 0).any():
            got = f"a detector at {position[:, 2].min():g} m"
            raise SettingError("detectors", got, "z ≥ 0 m above the observation level", "raise it above the ground")
        if not (radius > 0).all() or not np.isfinite(radius).all():
            raise SettingError("detectors", f"a radius of {radius.min():g} m", "more than 0 m", "give radii in metres")
        if kind.shape != (len(position),) or (kind < 0).any() or (kind >= len(efficiency)).any():
            raise SettingError("detectors", f"kinds {kind}", f"0 to {len(efficiency) - 1}", "name an efficiency each")
        for name, value in (("position", position * u.m), ("radius", radius * u.m)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "efficiency", efficiency)
        object.__setattr__(self, "kind", kind)


@dataclass(frozen=True)
class Primary:
    """The particle that starts a shower.

    Parameters
    ----------
    particle : str
        One of gamma, electron, positron, muon, proton, helium, nitrogen, silicon, iron.
    energy : Quantity
        Total energy.
    zenith, azimuth : Quantity
        Where it comes from; azimuth from north through east.
    first_interaction : Quantity or None
        Height above sea level; drawn when None.
    """

    particle: str
    energy: u.Quantity
    zenith: u.Quantity = 0 * u.deg
    azimuth: u.Quantity = 0 * u.deg
    first_interaction: u.Quantity | None = None

    def __post_init__(self):
        if self.particle not in particles.PRIMARIES:
            known = ", ".join(particles.PRIMARIES)
            raise SettingError("primary", f"{self.particle!r}", f"one of {known}", "name one of these")
        if not 0 * u.deg <= self.zenith <= LARGEST_ZENITH:
            got = f"{self.zenith.to(u.deg):.4g}"
            raise SettingError("zenith", got, f"0 to {LARGEST_ZENITH:g}", "choose a direction higher up")
        mass = particles.mass_of(self.code)
        if not self.energy.to_value(u.GeV) > mass:
            expected = f"more than its mass, {mass:.6g} GeV"
            raise SettingError(f"energy of the {self.particle}", f"{self.energy:g}", expected, "give a total energy")

    @property
    def code(self):
        """Code inside the simulation."""
        return particles.PRIMARIES[self.particle][0]

    @property
    def direction(self):
        """Unit vector of flight: x north, y west, z up."""
        zenith, azimuth = self.zenith.to_value(u.rad), self.azimuth.to_value(u.rad)
        return (
            -math.sin(zenith) * math.cos(azimuth),
            math.sin(zenith) * math.sin(azimuth),
            -math.cos(zenith),
        )


@dataclass(frozen=True)
class Thinning:
    """Following only one of two low-energy products, with its weight raised (Hillas, Nucl. Phys. B 52 (1997) 29).

    Parameters
    ----------
    above : Quantity
        Primaries of less energy are followed in full.
    fraction : float
        Of the primary's energy, below which products are thinned.
    largest_weight : float
    """

    above: u.Quantity = 3 * u.TeV
    fraction: float = 5e-3
    largest_weight: float = 5.0

    def __post_init__(self):
        if not 0 <= self.fraction < 1 or not self.largest_weight >= 1:
            got = f"fraction {self.fraction:g}, largest weight {self.largest_weight:g}"
            raise SettingError("thinning", got, "0 ≤ fraction < 1 and weight ≥ 1", "or leave it out")

    def limits(self, energy):
        """Energy in GeV below which products are thinned, and largest weight, for a primary's energy in GeV."""
        if energy <= self.above.to_value(u.GeV):
            return 0.0, 1.0
        return self.fraction * energy, float(self.largest_weight)


NO_THINNING = Thinning(above=np.inf * u.TeV)


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
    first_interaction, h_max : Quantity
        Heights above sea level.
    x_max : Quantity
        Slant depth where most electrons are.
    budget : dict of Quantity
        Where the primary's energy went.
    tracks : structured array
        Straight pieces of the particles' ways, where asked for.
    n_steps, n_interactions : int
        Electron steps and hadronic interactions.
    crossings : array (n_bins, 4)
        The numbers behind `profile`.
    """

    primary: Primary
    photo_electrons: np.ndarray
    first_interaction: u.Quantity
    x_max: u.Quantity
    h_max: u.Quantity
    budget: dict
    tracks: np.ndarray
    n_steps: int
    n_interactions: int
    crossings: np.ndarray

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

    def __init__(self, site, detectors=None, *, hadrons=None, thinning=Thinning(), step_scale=1.0):
        self.site = site if isinstance(site, sites.Site) else sites.site(site)
        self.detectors = detectors
        self.thinning = thinning
        self.step_scale = float(step_scale)
        self.atmosphere = atmosphere.atmosphere(self.site.atmosphere)
        self.hadrons, self.hadrons_metadata = hadronic_library.load(hadrons)
        layers = self.atmosphere.layers
        self._ground = self.site.altitude.to_value(u.m)
        self._ground_depth = atmosphere.depth(self._ground, layers)
        self._refractivity = self.atmosphere.refractivity_per_density
        density = atmosphere.density(self._ground_depth, layers)
        threshold = particles.ELECTRON_MASS / math.sqrt(2 * self._refractivity * density)
        self._tables = electromagnetic_tables.build(threshold - particles.ELECTRON_MASS)
        beta_gamma = 10 ** (-0.5 + 0.05 * np.arange(N_HEAVY_LOSS))
        self._heavy_loss = electromagnetic_tables.heavy_loss(beta_gamma, particles.MUON_MASS)
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
        for use, (core_x, core_y) in enumerate(cores if n else ()):
            part = spheres[use * n : (use + 1) * n]
            x, y, z = self.detectors.position.to_value(u.m).T
            part["x"], part["y"], part["z"] = x - core_x, y - core_y, z + self._ground
            part["radius"], part["kind"] = self.detectors.radius.to_value(u.m), self.detectors.kind
            groups[use] = _group(spheres, use * n, (use + 1) * n)
        return Light(spheres, groups, *self._yields)

    def _world(self, primary, cores):
        fixed = primary.first_interaction
        conditions = np.zeros((), CONDITIONS)
        for name, value in self.atmosphere.layers._asdict().items():
            # Fewer layers end with the same one many times, which changes nothing.
            conditions["layers"][name] = np.pad(value, (0, atmosphere.N_LAYERS - len(value)), mode="edge")
        density = atmosphere.density(self._ground_depth, self.atmosphere.layers)
        conditions["refractivity"] = self.atmosphere.refractivity_per_density
        conditions["refractivity_at_ground"] = self.atmosphere.refractivity_per_density * density
        conditions["ground"], conditions["ground_depth"] = self._ground, self._ground_depth
        conditions["slant"] = 1 / math.cos(primary.zenith.to_value(u.rad))
        conditions["field"] = self.site.magnetic_field.to_value(u.T)
        conditions["heavy_loss"] = self._heavy_loss
        limits = self.thinning.limits(primary.energy.to_value(u.GeV))
        conditions["thin_energy"], conditions["largest_weight"] = limits
        conditions["step_scale"] = self.step_scale
        conditions["fixed_height"] = 0.0 if fixed is None else fixed.to_value(u.m)
        return World(conditions[()], self._tables, self.hadrons, self._light(cores))

    def _check(self, primary):
        highest = 10 ** (
            self.hadrons.log10_energy_first
            + (self.hadrons.cross_section.shape[1] - 0.5) * self.hadrons.log10_energy_step
        )
        nucleons = max(primary.code // 100, 1)
        if primary.energy.to_value(u.GeV) > highest * nucleons:
            expected = f"at most {highest * nucleons / 1e3:.4g} TeV, the end of the hadronic table"
            raise SettingError(f"energy of the {primary.particle}", f"{primary.energy:g}", expected, "lower it")
        fixed = primary.first_interaction
        if fixed is not None and not self._ground < fixed.to_value(u.m) < TOP:
            expected = f"between the ground, {self._ground:g} m, and {TOP:g} m"
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
            An energy beyond the hadronic table, a first interaction outside the air, a negative seed.
        """
        self._check(primary)
        if seed < 0 or number < 0:
            raise SettingError("seed", f"seed {seed}, number {number}", "integers ≥ 0", "choose others")
        world = self._world(primary, np.atleast_2d(cores.to_value(u.m)))
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
        return self._result(primary, record, world)

    def _empty_record(self, tracks):
        """The buffers of the last shower, emptied."""
        record = self._record
        record.profile[:] = 0.0
        return record._replace(tracks=np.zeros(tracks, TRACK), tally=np.zeros(1, TALLY)[0])

    def _start(self, primary, stream, world, record):
        direction = primary.direction
        way = (TOP - self._ground) / -direction[2]
        position = (-direction[0] * way, -direction[1] * way, TOP)
        depth = atmosphere.depth(TOP, self.atmosphere.layers)
        energy = float(primary.energy.to_value(u.GeV))
        push(record, primary.code, energy, position, direction, -way / SPEED_OF_LIGHT, depth, 1.0)
        return transport.follow(stream, world, record)

    def _result(self, primary, record, world):
        tally = record.tally
        x_max = profile_maximum(profile_depths(), record.profile[:, ELECTRONS])
        h_max = (
            atmosphere.height(x_max / world.conditions["slant"], self.atmosphere.layers)
            if np.isfinite(x_max)
            else np.nan
        )
        first = record.tally["first_height"]
        return Shower(
            primary=primary,
            photo_electrons=record.photo_electrons[: tally["n_photo_electrons"]].copy(),
            first_interaction=(first if first > 0 else np.nan) * u.m,
            x_max=x_max * DEPTH_UNIT,
            h_max=h_max * u.m,
            budget={name: tally[name] * u.GeV for name in BUDGET},
            tracks=record.tracks[: tally["n_tracks"]].copy(),
            n_steps=int(tally["n_steps"]),
            n_interactions=int(tally["n_interactions"]),
            crossings=record.profile.copy(),
        )
