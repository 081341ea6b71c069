"""What starts a shower, and how much of it is followed."""

import math
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from gammaml.errors import SettingError
from gammaml.simulation import particles
from gammaml.simulation.quantities import values

LARGEST_ZENITH = 60 * u.deg


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
        Height above sea level; drawn when None. An electron, a positron or a muon, which radiate all along, starts
        there; else at the top of the air, like all others.

    Raises
    ------
    SettingError
        An unknown particle, an energy of no more than its mass, a direction too low, a wrong unit.
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
        if not 0 <= values("zenith", self.zenith, u.deg) <= LARGEST_ZENITH.value:
            got = f"{self.zenith.to(u.deg):.4g}"
            raise SettingError("zenith", got, f"0 to {LARGEST_ZENITH:g}", "choose a direction higher up")
        values("azimuth", self.azimuth, u.deg)
        if self.first_interaction is not None:
            values("first interaction", self.first_interaction, u.m)
        where, mass = f"energy of the {self.particle}", particles.mass_of(self.code)
        if not values(where, self.energy, u.GeV) > mass:
            expected = f"more than its mass, {mass:.6g} GeV"
            raise SettingError(where, f"{self.energy:g}", expected, "give a total energy")

    @property
    def code(self):
        """Code inside the simulation."""
        return particles.PRIMARIES[self.particle][0]

    @property
    def radiates_alone(self):
        """Whether it has no first interaction that starts the shower: an electron, a positron, a muon."""
        return self.code in (particles.ELECTRON, particles.POSITRON, particles.MU_MINUS)

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
        above = self.above
        if not isinstance(above, u.Quantity) or not above.unit.is_equivalent(u.GeV) or not above >= 0 * u.GeV:
            raise SettingError("thinning", f"above {above!r}", "an energy ≥ 0", "give it as value * u.TeV")
        if not 0 <= self.fraction < 1 or not 1 <= self.largest_weight < np.inf:
            got = f"fraction {self.fraction:g}, largest weight {self.largest_weight:g}"
            raise SettingError("thinning", got, "0 ≤ fraction < 1 and weight ≥ 1", "or leave it out")

    def limits(self, energy):
        """Energy in GeV below which products are thinned, and largest weight, for a primary's energy in GeV."""
        if energy <= self.above.to_value(u.GeV):
            return 0.0, 1.0
        return self.fraction * energy, float(self.largest_weight)


THINNING = Thinning()
NO_THINNING = Thinning(above=np.inf * u.TeV)
