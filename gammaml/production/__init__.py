"""Productions of simulated events: showers, telescopes, cameras, DL1 files."""

from gammaml.production.card import Card
from gammaml.production.run import produce

__all__ = ["Card", "produce"]
