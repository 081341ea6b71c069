"""The air above a site: depth, density and refractive index as functions of height.

The depth X (g/cm2 of air above a height h above sea level) is parameterised in layers, as in CORSIKA (Heck et al. 1998,
FZKA 6019; user's guide, appendix D):

    X(h) = a + b exp(-h / c)    in all layers but the highest,        X(h) = a - b h / c    in the highest,

so that the density, -dX/dh, is (X - a) / c below the highest: no exponential is needed where X is known. The
refractive index follows the density (Gladstone & Dale 1863): n - 1 = k rho, with one k for an atmosphere.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import QTable
from scipy.interpolate import CubicSpline

from gammaml.errors import InputError, SettingError
from gammaml.simulation.compilation import inlined

CM_PER_M = 100.0
TOP = 112.8e3  # m, where the highest layer ends, as in CORSIKA
FIT_BOTTOMS = np.array([0.0, 6.0, 11.0, 15.0, 18.0, 22.0, 28.0, 34.0, 41.0, 50.0]) * 1e3  # m
DATA = Path(__file__).parent / "data"
_DEPTH = u.g / u.cm**2
_DENSITY = u.g / u.cm**3


class Layers(NamedTuple):
    """The layers, lowest first, as numba code takes them; each field is an array (n,)."""

    bottom: np.ndarray  # m above sea level
    depth: np.ndarray  # g/cm2 at each bottom, falling
    a: np.ndarray  # g/cm2
    b: np.ndarray  # g/cm2
    c: np.ndarray  # m


N_LAYERS = 10
# The same as a record, which compiled code passes on as a pointer: the functions below take either.
LAYERS = np.dtype([(name, "f8", N_LAYERS) for name in Layers._fields])


@inlined
def depth(height, layers):
    """Vertical depth (g/cm2) at a height (m above sea level); 0 above the atmosphere."""
    i, last = 0, layers.bottom.size - 1
    while i < last and height >= layers.bottom[i + 1]:
        i += 1
    if i == last:
        return max(layers.a[i] - layers.b[i] * height / layers.c[i], 0.0)
    return layers.a[i] + layers.b[i] * exp(-height / layers.c[i])


@inlined
def height(depth, layers):
    """Height (m above sea level) of a vertical depth (g/cm2), the inverse of `depth`; the atmosphere's top at 0."""
    i, last = 0, layers.depth.size - 1
    while i < last and depth <= layers.depth[i + 1]:
        i += 1
    if i == last:
        return (layers.a[i] - max(depth, 0.0)) * layers.c[i] / layers.b[i]
    return -layers.c[i] * log((depth - layers.a[i]) / layers.b[i])


@inlined
def density(depth, layers):
    """Density (g/cm3) of the air at a vertical depth (g/cm2); 0 above the atmosphere."""
    i, last = 0, layers.depth.size - 1
    while i < last and depth <= layers.depth[i + 1]:
        i += 1
    if i == last:
        return layers.b[i] / (CM_PER_M * layers.c[i]) if depth > 0.0 else 0.0
    return (depth - layers.a[i]) / (CM_PER_M * layers.c[i])


@dataclass(frozen=True)
class Atmosphere:
    """An atmosphere in layers; its methods take and return quantities, the layers go into numba code.

    Parameters
    ----------
    name : str
    source : str
        Where the numbers come from.
    layers : Layers
    refractivity_per_density : float
        k of n - 1 = k rho, rho in g/cm3, for light of about 400 nm: as in CORSIKA, n does not depend on the wavelength.
    """

    name: str
    source: str
    layers: Layers
    refractivity_per_density: float

    @u.quantity_input(height=u.m)
    def depth(self, height):
        """Vertical depth (g/cm2) at heights above sea level."""
        return self._each(depth, height.to_value(u.m)) * _DEPTH

    @u.quantity_input(depth=_DEPTH)
    def height(self, depth):
        """Heights above sea level (m) of vertical depths."""
        return self._each(height, depth.to_value(_DEPTH)) * u.m

    @u.quantity_input(height=u.m)
    def density(self, height):
        """Density (g/cm3) at heights above sea level."""
        return self._each(density, self.depth(height).value) * _DENSITY

    @u.quantity_input(height=u.m)
    def refractive_index(self, height):
        """Refractive index n at heights above sea level."""
        return 1.0 + self.refractivity_per_density * self.density(height).value

    @u.quantity_input(height=u.m)
    def cherenkov_threshold(self, height):
        """Lorentz factor above which a charged particle radiates, 1 / sqrt(1 - 1 / n^2), at heights above sea level."""
        return 1.0 / np.sqrt(1.0 - self.refractive_index(height) ** -2)

    @u.quantity_input(height=u.m)
    def cherenkov_angle(self, height):
        """Largest Cherenkov angle, arccos(1 / n), at heights above sea level."""
        return np.degrees(np.arccos(1.0 / self.refractive_index(height))) * u.deg

    def _each(self, function, values):
        return np.vectorize(function, otypes=[float], excluded={1})(values, self.layers)


def make_layers(bottom, a, b, c):
    """Layers from their bottoms (m above sea level), a and b (g/cm2) and c (m), arrays (n,) as in CORSIKA's manual."""
    bottom, a, b, c = (np.array(values, dtype=float) for values in (bottom, a, b, c))
    depths = a + b * np.exp(-bottom / c)
    depths[-1] = a[-1] - b[-1] * bottom[-1] / c[-1]
    return Layers(bottom, depths, a, b, c)


@u.quantity_input(height=u.m, depth=_DEPTH)
def fit_layers(height, depth):
    """Ten layers that follow a profile of the atmosphere: the depth to about 0.2 %, the density to 1.5 %.

    At the layers' ends (`FIT_BOTTOMS`) the depth is met exactly. Inside, c is the slope of the straight line that the
    density is of the depth; above the last bottom, 50 km, the rest of the air is spread evenly up to 112.8 km.

    Parameters
    ----------
    height : Quantity (n,)
        Above sea level, rising, from 0 to 50 km or more.
    depth : Quantity (n,)
        Vertical depth at these heights, falling.

    Returns
    -------
    Layers

    Raises
    ------
    InputError
        For a profile that does not fall, is not finite, or does not cover 0 to 50 km.
    """
    height, depth = height.to_value(u.m), depth.to_value(_DEPTH)
    _check_profile(height, depth)
    log_depth = CubicSpline(height[depth > 0], np.log(depth[depth > 0]))
    fits = [_fit_layer(log_depth, *ends) for ends in pairwise(FIT_BOTTOMS)]
    rest = np.exp(log_depth(FIT_BOTTOMS[-1]))
    thickness = TOP - FIT_BOTTOMS[-1]
    a, b, c = np.transpose([*fits, (rest * TOP / thickness, rest, thickness)])
    return make_layers(FIT_BOTTOMS, a, b, c)


def _fit_layer(log_depth, low, high):
    """(a, b, c) of one exponential layer from the heights low to high (m)."""
    heights = np.linspace(low, high, 21)
    depths = np.exp(log_depth(heights))
    densities = -depths * log_depth(heights, 1)  # g/cm2 per m
    c = 1.0 / np.polyfit(depths, densities, 1, w=1.0 / densities)[0]
    b = (depths[0] - depths[-1]) / (exp(-low / c) - exp(-high / c))
    return depths[0] - b * exp(-low / c), b, c


def _check_profile(height, depth):
    def refuse(got, expected):
        raise InputError("atmospheric profile", got, expected, "mend the table (height, depth in g/cm2)")

    if height.shape != depth.shape or height.ndim != 1 or height.size < 10:
        refuse(f"shapes {height.shape} and {depth.shape}", "two columns of at least 10 rows")
    if not (np.isfinite(height).all() and np.isfinite(depth).all()):
        refuse("numbers that are not finite", "finite numbers")
    if not ((np.diff(height) > 0).all() and (np.diff(depth) < 0).all() and depth[-1] >= 0):
        refuse("rows out of order", "heights that rise and depths that fall to 0 or more")
    covered = height[depth > 0]
    if covered[0] > 0 or covered[-1] < FIT_BOTTOMS[-1]:
        refuse(f"heights from {covered[0] / 1e3:g} to {covered[-1] / 1e3:g} km", "heights from 0 to at least 50 km")


def read_profile(path):
    """Read an atmospheric profile in the format of CORSIKA's atmprof files.

    Parameters
    ----------
    path : str or Path
        Text file, comments after #; columns: height (km), density (g/cm3), depth (g/cm2), n - 1; others are ignored.

    Returns
    -------
    QTable
        Columns height (m), density (g/cm3), depth (g/cm2), refractivity.

    Raises
    ------
    InputError
        For a file that cannot be read, or whose density and depth disagree by more than 5 % below 30 km.
    """
    try:
        values = np.loadtxt(path, comments="#", usecols=(0, 1, 2, 3), ndmin=2).T
    except (OSError, ValueError) as error:
        message = str(error).splitlines()[0]
        raise InputError(path, message, "four columns: height km, g/cm3, g/cm2, n - 1", "mend the file") from error
    units = (u.km, _DENSITY, _DEPTH, u.one)
    profile = QTable([*map(u.Quantity, values, units)], names=["height", "density", "depth", "refractivity"])
    profile["height"] = profile["height"].to(u.m)
    _check_profile(profile["height"].value, profile["depth"].value)
    _check_density(path, profile[profile["height"] <= 30 * u.km])
    return profile


def _check_density(path, profile):
    """The air between two rows, with a density that falls exponentially, must be the difference of their depths."""
    change = np.diff(profile["density"]) / np.diff(np.log(profile["density"].value))
    between = (change * np.diff(profile["height"])).to_value(_DEPTH)
    worst = np.abs(between / -np.diff(profile["depth"].value) - 1).max()
    if not worst < 0.05:
        got = f"density and depth that disagree by {worst:.0%}"
        raise InputError(path, got, "g/cm3 and g/cm2 of the same air", "check the columns and their units")


def atmosphere(name):
    """An atmosphere by its name, or from a file.

    Parameters
    ----------
    name : str or Path
        One of `names()`, or the path of a text file (.dat, .txt) that `read_profile` reads.

    Returns
    -------
    Atmosphere

    Raises
    ------
    SettingError
        For a name that is not in `names()`.
    InputError
        For a file that cannot be used.
    """
    if str(name) in _SOURCES:
        return _known(str(name))
    if Path(name).suffix in (".dat", ".txt"):
        return _from_file(name, Path(name).stem, str(name))
    raise SettingError(
        "atmosphere", repr(name), "one of " + ", ".join(names()) + ", or a .dat file", "use one of these"
    )


def names():
    """Names of the atmospheres that `atmosphere` knows."""
    return tuple(_SOURCES)


_MSIS = "NRLMSISE-00, yearly mean at midnight (Picone et al. 2002), latitude {} deg"
_SOURCES = {
    "us-standard": "US standard atmosphere, fit by J. Linsley: CORSIKA user's guide, table D.1, ATMOD 1",
    "la-palma": _MSIS.format(22),
    "paranal": _MSIS.format(-19),
    "namibia": _MSIS.format(-17),
    "tucson": _MSIS.format(26),
}


@cache
def _known(name):
    if name == "us-standard":
        return _us_standard()
    return _from_file(DATA / f"atmosphere_{name}.dat", name, _SOURCES[name])


def _us_standard():
    layers = make_layers(
        bottom=[0.0, 4e3, 10e3, 40e3, 100e3],
        a=[-186.555305, -94.919, 0.61289, 0.0, 0.01128292],
        b=[1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0],
        c=[9941.8638, 8781.5355, 6361.4304, 7721.7016, 1e7],
    )
    at_sea_level = density(layers.depth[0], layers)
    return Atmosphere("us-standard", _SOURCES["us-standard"], layers, 2.83e-4 / at_sea_level)


def _from_file(path, name, source):
    profile = read_profile(path)
    layers = fit_layers(profile["height"], profile["depth"])
    showers = (profile["height"] >= 2 * u.km) & (profile["height"] <= 20 * u.km)
    refractivity = profile["refractivity"][showers].value.sum() / profile["density"][showers].value.sum()
    return Atmosphere(name, source, layers, float(refractivity))
