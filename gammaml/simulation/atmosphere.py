"""The air above a site: depth, density and refractive index as functions of height.

The depth X (g/cm2 of air above a height h above sea level) is parameterised in five layers (Heck & Knapp, CORSIKA
manual, appendix D):

    X(h) = a + b exp(-h / c)    in the lower four layers,        X(h) = a - b h / c    in the fifth,

so that the density, -dX/dh, is (X - a) / c in the lower four: no exponential is needed where X is known. The
refractive index follows the density (Gladstone & Dale): n - 1 = k rho, with one k for an atmosphere.
"""

from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import numpy as np
from astropy import units as u
from numba import njit

from gammaml.errors import SettingError

CM_PER_M = 100.0
_jit = njit(cache=True, fastmath=True, error_model="numpy")


class Layers(NamedTuple):
    """Five layers, lowest first; each field is an array (5,). Goes into the numba functions below."""

    bottom: np.ndarray  # m above sea level
    depth: np.ndarray  # g/cm2 at each bottom, falling
    a: np.ndarray  # g/cm2
    b: np.ndarray  # g/cm2
    c: np.ndarray  # m


@_jit
def depth(height, layers):
    """Vertical depth (g/cm2) at a height (m above sea level); 0 above the atmosphere."""
    if height >= layers.bottom[4]:
        return max(layers.a[4] - layers.b[4] * height / layers.c[4], 0.0)
    i = 0
    while i < 3 and height >= layers.bottom[i + 1]:
        i += 1
    return layers.a[i] + layers.b[i] * exp(-height / layers.c[i])


@_jit
def height(depth, layers):
    """Height (m above sea level) of a vertical depth (g/cm2), the inverse of `depth`; the atmosphere's top at 0."""
    if depth <= layers.depth[4]:
        return (layers.a[4] - max(depth, 0.0)) * layers.c[4] / layers.b[4]
    i = 0
    while i < 3 and depth <= layers.depth[i + 1]:
        i += 1
    return -layers.c[i] * log((depth - layers.a[i]) / layers.b[i])


@_jit
def density(depth, layers):
    """Density (g/cm3) of the air at a vertical depth (g/cm2)."""
    if depth <= layers.depth[4]:
        return layers.b[4] / (CM_PER_M * layers.c[4]) if depth > 0.0 else 0.0
    i = 0
    while i < 3 and depth <= layers.depth[i + 1]:
        i += 1
    return (depth - layers.a[i]) / (CM_PER_M * layers.c[i])


def _layers(bottom, a, b, c):
    """Layers from their bottoms (m) and CORSIKA's a, b (g/cm2) and c (m)."""
    bottom, a, b, c = (np.array(values, dtype=float) for values in (bottom, a, b, c))
    depths = a + b * np.exp(-bottom / c)
    depths[4] = a[4] - b[4] * bottom[4] / c[4]
    return Layers(bottom, depths, a, b, c)


@dataclass(frozen=True)
class Atmosphere:
    """An atmosphere in five layers; its methods take and return quantities, the layers go into numba code.

    Parameters
    ----------
    name : str
    source : str
        Where the numbers come from.
    layers : Layers
    refractivity_per_density : float
        k of n - 1 = k rho, rho in g/cm3.
    """

    name: str
    source: str
    layers: Layers
    refractivity_per_density: float

    @u.quantity_input(height=u.m)
    def depth(self, height):
        """Vertical depth (g/cm2) at heights above sea level."""
        return self._each(depth, height.to_value(u.m)) * u.g / u.cm**2

    @u.quantity_input(depth=u.g / u.cm**2)
    def height(self, depth):
        """Heights above sea level (m) of vertical depths."""
        return self._each(height, depth.to_value(u.g / u.cm**2)) * u.m

    @u.quantity_input(height=u.m)
    def density(self, height):
        """Density (g/cm3) at heights above sea level."""
        return self._each(density, self.depth(height).value) * u.g / u.cm**3

    @u.quantity_input(height=u.m)
    def refractive_index(self, height):
        """Refractive index n of blue light at heights above sea level."""
        return 1.0 + self.refractivity_per_density * self.density(height).value

    def _each(self, function, values):
        return np.vectorize(function, otypes=[float], excluded={1})(values, self.layers)


# CORSIKA manual, table D.1, ATMOD 1: US standard atmosphere, fit by J. Linsley. n - 1 = 2.83e-4 at sea level, as there.
_US_STANDARD = _layers(
    bottom=[0.0, 4e3, 10e3, 40e3, 100e3],
    a=[-186.555305, -94.919, 0.61289, 0.0, 0.01128292],
    b=[1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0],
    c=[9941.8638, 8781.5355, 6361.4304, 7721.7016, 1e7],
)
_SEA_LEVEL_DENSITY = _US_STANDARD.b[0] / (CM_PER_M * _US_STANDARD.c[0])  # g/cm3
_ATMOSPHERES = {
    "us-standard": Atmosphere(
        "us-standard", "Linsley, CORSIKA ATMOD 1", _US_STANDARD, 2.83e-4 / float(_SEA_LEVEL_DENSITY)
    )
}


def names():
    """Names of the atmospheres that `atmosphere` knows."""
    return tuple(_ATMOSPHERES)


def atmosphere(name):
    """An atmosphere by its name.

    Raises
    ------
    SettingError
        For a name that is not in `names()`.
    """
    if name not in _ATMOSPHERES:
        raise SettingError("atmosphere", repr(name), "one of " + ", ".join(names()), "use one of these names")
    return _ATMOSPHERES[name]
