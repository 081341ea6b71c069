"""Productions of simulated events: showers, telescopes, cameras, DL1 files; and observations made of them."""

from gammaml.production.card import Card
from gammaml.production.corsika import produce_from_corsika
from gammaml.production.observe import Observation, observe, truth_path
from gammaml.production.run import produce

__all__ = ["Card", "Observation", "observe", "produce", "produce_from_corsika", "truth_path"]
