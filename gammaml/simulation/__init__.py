"""Air showers from the primary to photo-electrons: every particle that can make Cherenkov light is followed.

>>> import astropy.units as u
>>> from gammaml import simulation
>>> light = simulation.DetectionEfficiency.flat(300, 600, efficiency=0.2, absorption=True)
>>> telescopes = simulation.Detectors([[0, 0, 10], [120, 0, 10]] * u.m, 6 * u.m, light)
>>> simulator = simulation.Simulator("la-palma", telescopes)
>>> shower = simulator.shower(simulation.Primary("gamma", 300 * u.GeV, zenith=20 * u.deg), seed=1)
>>> shower.photo_electrons["detector"].max() < 2
True
"""

from gammaml.simulation.detectors import DetectionEfficiency, Detectors
from gammaml.simulation.primary import NO_THINNING, Primary, Thinning
from gammaml.simulation.shower import Shower, Simulator
from gammaml.simulation.sites import Site, site

__all__ = [
    "NO_THINNING",
    "DetectionEfficiency",
    "Detectors",
    "Primary",
    "Shower",
    "Simulator",
    "Site",
    "Thinning",
    "site",
]
