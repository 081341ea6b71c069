"""Under which conditions events were taken, and how those of an observation differ from those of the training.

The same numbers are measured of the events that a network learns from, where they travel in its bundle, and of an
observation. They need no truth: noise and pedestal of pixels outside the images, broken pixels, zenith, the share of
images that survive the cleaning, the spectrum of their intensities, telescopes per event.
"""

from gammaml.conditions.compare import LIMITS, compare, verdict, warn_of_classes
from gammaml.conditions.measure import Conditions, measure

__all__ = ["LIMITS", "Conditions", "compare", "measure", "verdict", "warn_of_classes"]
