"""Arrays of telescopes, each a TOML file: where they stand, what their mirrors collect, what their cameras record.

The files of `names()` lie in ``data/arrays``; every number there has its source. An own array is a file with the same
keys. Positions: x to the north, y to the west, z of the ground there above the site's observation level.
"""

import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import EarthLocation

from gammaml.errors import InputError, SettingError
from gammaml.events import Camera, Optics, Readout, Subarray, Telescope
from gammaml.simulation import array_keys, sites
from gammaml.simulation.detectors import DetectionEfficiency, Detectors
from gammaml.simulation.lattices import hexagonal_pixels, square_pixels

ARRAYS = Path(__file__).parent / "data" / "arrays"
MARGIN = 0.1  # m that a sphere is larger than the mirror, so that none of the mirror's light is missed
PULSE_STEP = 0.125  # ns between the samples of a reference pulse: exact, for ctapipe counts samples by dividing by it
FWHM = 2 * math.sqrt(2 * math.log(2))  # full width at half maximum of a Gaussian over its rms


@dataclass(frozen=True, eq=False)
class TelescopeType:
    """Optics and camera response that telescopes of one kind share.

    Parameters
    ----------
    name : str
    optics : Optics
    camera : Camera
        With a Gaussian reference pulse.
    efficiency : DetectionEfficiency
        Mirror, window, light guides and photosensor; gaps between mirrors and shadows not yet taken off.
    mirror_diameter : float
        Of the disc that the mirror fills, m.
    shadowing : float
        Share of the light kept off by camera and masts.
    height : float
        Of the mirror's centre above the ground, m.
    psf, psf_growth : float
        Radius with 80 % of a star's light on the axis, deg, and what each degree off the axis adds to it.
    focus_distance : float
        Distance in focus, m.
    pixel_spacing, pixel_width : float
        Between centres of neighbours, and between opposite sides of what catches light, m.
    night_sky : float
        Photo-electrons of the night sky, GHz a pixel.
    pulse_width : float
        Full width at half maximum of the pulse of one photo-electron, ns.
    single_pe_spread : float
        Rms over mean of the charge of one photo-electron, cross-talk apart.
    crosstalk : float
        Probability that a photo-electron makes another one.
    electronic_noise : float
        Rms of a sample, in amplitudes of one photo-electron.
    gain_spread : float
        Rms over mean from pixel to pixel.
    saturation : float
        Largest charge, photo-electrons a pixel.
    dead_pixels : float
        Share of the pixels without signal.
    time_jitter : float
        Rms of the time that a photosensor takes, ns.
    trigger_threshold : float
        Amplitude, in photo-electrons, that each of `trigger_multiplicity` touching pixels must reach.
    trigger_multiplicity : int
    trigger_rings : int
        The amplitude is of a pixel's sum with those so many rings around it; 0 for the pixel alone.
    trigger_window : float
        ns of which the trigger takes the mean; one sample where it is shorter.
    integration_window : float
        ns.
    """

    name: str
    optics: Optics
    camera: Camera
    efficiency: DetectionEfficiency
    mirror_diameter: float
    shadowing: float
    height: float
    psf: float
    psf_growth: float
    focus_distance: float
    pixel_spacing: float
    pixel_width: float
    night_sky: float
    pulse_width: float
    single_pe_spread: float
    crosstalk: float
    electronic_noise: float
    gain_spread: float
    saturation: float
    dead_pixels: float
    time_jitter: float
    trigger_threshold: float
    trigger_multiplicity: int
    trigger_rings: int
    trigger_window: float
    integration_window: float

    @property
    def tel_type(self):
        """As ctapipe writes it: size, optics, camera."""
        return f"{self.optics.size_type}_{self.optics.name}_{self.camera.name}"

    @property
    def mirror_share(self):
        """Share of the light on the disc of `mirror_diameter` that mirrors reflect: no gap, no shadow."""
        return self.optics.mirror_area / _disc(self.mirror_diameter) * (1 - self.shadowing)

    @property
    def pixel_fill(self):
        """Share of the camera's surface that catches light."""
        return (self.pixel_width / self.pixel_spacing) ** 2


@dataclass(frozen=True, eq=False)
class ArrayTelescope:
    """One telescope: its type, and its position on the ground in m."""

    tel_id: int
    type: TelescopeType
    x: float
    y: float
    z: float


@dataclass(frozen=True, eq=False)
class ArrayDescription:
    """Telescopes on a site.

    Parameters
    ----------
    name, description : str
    site : Site
    source : str
        Publications of the numbers.
    minimum_telescopes : int
        Triggered telescopes that an event needs.
    telescopes : tuple of ArrayTelescope
    """

    name: str
    description: str
    site: sites.Site
    source: str
    minimum_telescopes: int
    telescopes: tuple


def names():
    """Names of the arrays that `array` knows."""
    return tuple(sorted(path.stem for path in ARRAYS.glob("*.toml")))


def array(name_or_path):
    """An array by its name, or from a file.

    Parameters
    ----------
    name_or_path : str or Path
        One of `names()`, or the path of a TOML file with the same keys.

    Returns
    -------
    ArrayDescription

    Raises
    ------
    SettingError
        For a name that is not in `names()`.
    InputError
        For a file that cannot be read, an unknown or missing key, or an impossible value: names file and key.
    """
    if str(name_or_path) in names():
        return _read_array(ARRAYS / f"{name_or_path}.toml")
    if Path(name_or_path).suffix == ".toml":
        return _read_array(Path(name_or_path))
    raise SettingError("array", repr(name_or_path), "one of " + ", ".join(names()) + ", or a .toml file", "use one")


def subarray(description):
    """The array as image files describe it.

    Positions are of the mirrors' centres, as in files of sim_telarray.

    Parameters
    ----------
    description : ArrayDescription

    Returns
    -------
    Subarray
    """
    site = description.site
    place = EarthLocation.from_geodetic(site.longitude, site.latitude, site.altitude)
    reference = tuple(axis.to_value(u.m).item() for axis in place.geocentric)
    telescopes = []
    for telescope in description.telescopes:
        kind = telescope.type
        position = np.array([telescope.x, telescope.y, telescope.z + kind.height])
        name = kind.optics.name
        telescopes.append(Telescope(telescope.tel_id, name, kind.tel_type, position, kind.optics, kind.camera))
    return Subarray(description.name, reference, tuple(telescopes))


def detectors(description):
    """What collects light for the shower simulation: a sphere around each mirror, in the order of the telescopes.

    The efficiencies hold for light that falls on the disc of `mirror_diameter`; light on the sphere's rim outside it
    is to be dropped where images are made.

    Parameters
    ----------
    description : ArrayDescription

    Returns
    -------
    Detectors
    """
    kinds = list(dict.fromkeys(telescope.type for telescope in description.telescopes))
    position = [[t.x, t.y, t.z + t.type.height] for t in description.telescopes]
    radius = [t.type.mirror_diameter / 2 + MARGIN for t in description.telescopes]
    efficiency = tuple(
        DetectionEfficiency(kind.efficiency.wavelength, kind.efficiency.efficiency * kind.mirror_share)
        for kind in kinds
    )
    return Detectors(
        position * u.m, radius * u.m, efficiency, np.array([kinds.index(t.type) for t in description.telescopes])
    )


def _disc(diameter):
    return math.pi * diameter**2 / 4


def _read_array(path):
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, error, "a TOML file that describes an array", "mend the file") from error
    values = array_keys.values(f"{path}: ", {"name": path.stem} | settings, array_keys.ARRAY_KEYS)
    types = {name: _telescope_type(f"{path}: types.{name}.", name, table) for name, table in values["types"].items()}
    telescopes = _telescopes(path, values["telescopes"], types)
    if values["minimum_telescopes"] > len(telescopes):
        got, expected = values["minimum_telescopes"], f"at most {len(telescopes)}, the number of telescopes"
        raise InputError(f"{path}: minimum_telescopes", got, expected, "mend this value")
    text = (values["name"], values["description"], _site(path, values["site"]), values["source"])
    return ArrayDescription(*text, values["minimum_telescopes"], telescopes)


def _site(path, name):
    """A site by its name, or from a file beside the array's."""
    try:
        return sites.site(path.parent / name if name.endswith(".toml") else name)
    except SettingError as error:
        raise InputError(f"{path}: site", error.got, error.expected, error.do) from error


def _telescopes(path, tables, types):
    telescopes = {}
    for number, table in enumerate(tables, 1):
        where = f"{path}: telescopes, number {number}, "
        values = array_keys.values(where, table, array_keys.TELESCOPE_KEYS)
        if values["type"] not in types:
            raise InputError(f"{where}type", repr(values["type"]), "one of " + ", ".join(types), "mend this value")
        if values["id"] in telescopes:
            raise InputError(f"{where}id", f"{values['id']} again", "an id of its own", "mend this value")
        place = (values["x"], values["y"], values["z"])
        telescopes[values["id"]] = ArrayTelescope(values["id"], types[values["type"]], *place)
    return tuple(telescopes.values())


def _telescope_type(where, name, table):
    mirror = array_keys.values(where, table, array_keys.TYPE_KEYS)
    camera = array_keys.values(f"{where}camera.", mirror["camera"], array_keys.CAMERA_KEYS)
    camera = {"pixel_width": camera["pixel_spacing"]} | camera
    optics = _optics(where, name, mirror)
    parts = {
        "name": name,
        "optics": optics,
        "camera": _camera(f"{where}camera.", camera, optics.focal_length),
        "efficiency": _efficiency(f"{where}camera.", camera),
    }
    numbers = {field.name: (mirror | camera).get(field.name) for field in fields(TelescopeType)}
    return TelescopeType(**(numbers | parts))


def _optics(where, name, values):
    disc = _disc(values["mirror_diameter"])
    if values["mirror_area"] > disc:
        got, expected = f"{values['mirror_area']:g} m2", f"at most {disc:.1f} m2, the disc of mirror_diameter"
        raise InputError(f"{where}mirror_area", got, expected, "mend one of them")
    return Optics(
        name,
        values["size_type"],
        values["reflector"],
        values["mirror_area"],
        values["n_mirrors"],
        values["n_mirror_tiles"],
        values["focal_length"],
        values.get("effective_focal_length", values["focal_length"]),  # without coma they are the same
    )


def _efficiency(where, values):
    try:
        return DetectionEfficiency(values["efficiency_wavelength"], values["efficiency"])
    except SettingError as error:
        key = "efficiency_wavelength" if "wavelength" in error.got else "efficiency"
        raise InputError(f"{where}{key}", error.got, error.expected, error.do) from error


def _camera(where, values, focal_length):
    spacing, width, n_pixels = values["pixel_spacing"], values["pixel_width"], values["n_pixels"]
    if width > spacing:
        got, expected = f"{width:g} m", f"at most pixel_spacing, {spacing:g} m"
        raise InputError(f"{where}pixel_width", got, expected, "mend one of them")
    square = values["shape"] == "square"
    if square and math.isqrt(n_pixels) ** 2 != n_pixels:
        raise InputError(f"{where}n_pixels", n_pixels, "a square number such as 1600", "mend this value")
    x, y = spacing * (square_pixels if square else hexagonal_pixels)(n_pixels).T
    rotation = values["pixel_rotation"]
    cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    return Camera(
        values["name"],
        cosine * x - sine * y,
        sine * x + cosine * y,
        np.full(n_pixels, width**2 * (1 if square else math.sqrt(3) / 2)),
        values["shape"],
        rotation,
        0.0,
        focal_length,
        _readout(values["pulse_width"], values["sampling_rate"], values["n_samples"]),
    )


def _readout(pulse_width, sampling_rate, n_samples):
    """Gaussian pulse of unit area, over four times its width."""
    n_steps = 2 * math.ceil(2 * pulse_width / PULSE_STEP) + 1
    time = PULSE_STEP * (np.arange(n_steps) - n_steps // 2)
    pulse = np.exp(-((time * FWHM / pulse_width) ** 2) / 2)
    return Readout(pulse[None] / (pulse.sum() * PULSE_STEP), PULSE_STEP, sampling_rate, n_samples)
