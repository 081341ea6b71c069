"""What collects light: spheres, one a telescope, and how much of the light they detect."""

from dataclasses import dataclass, field

import numpy as np
from astropy import units as u

from gammaml.errors import SettingError
from gammaml.simulation.quantities import values
from gammaml.simulation.transmission import LONGEST, SHORTEST


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
        if not (np.diff(wavelength) > 0).all() or wavelength[0] < SHORTEST or wavelength[-1] > LONGEST:
            got = f"wavelengths from {wavelength[0]:g} to {wavelength[-1]:g} nm"
            expected = f"rising, within {SHORTEST:g} to {LONGEST:g} nm"
            raise SettingError("detection efficiency", got, expected, "give nanometres")
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
        position = np.atleast_2d(values("detectors' positions", self.position, u.m))
        radius = values("detectors' radii", self.radius, u.m)
        efficiency = self.efficiency if isinstance(self.efficiency, tuple) else (self.efficiency,)
        kind = np.zeros(len(position), int) if self.kind is None else np.asarray(self.kind)
        if position.ndim != 2 or position.shape[1] != 3 or not len(position):
            raise SettingError("detectors", f"positions {position.shape}", "(n, 3)", "give x, y, z in metres")
        if np.shape(radius) not in ((), (len(position),)):
            got = f"{np.size(radius)} radii"
            raise SettingError("detectors", got, f"one, or one for each of {len(position)}", "give these")
        radius = np.broadcast_to(radius, len(position)).copy()
        if (position[:, 2] < 0).any():
            got = f"a detector at {position[:, 2].min():g} m"
            raise SettingError("detectors", got, "z ≥ 0 m above the observation level", "raise it above the ground")
        if not (radius > 0).all():
            raise SettingError("detectors", f"a radius of {radius.min():g} m", "more than 0 m", "give radii in metres")
        if kind.shape != (len(position),) or not np.isin(kind, np.arange(len(efficiency))).all():
            raise SettingError("detectors", f"kinds {kind}", f"0 to {len(efficiency) - 1}", "name an efficiency each")
        for name, value in (("position", position * u.m), ("radius", radius * u.m)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "efficiency", efficiency)
        object.__setattr__(self, "kind", kind)
