"""From images of Cherenkov telescopes to gamma-ray physics."""

__version__ = "0.1.0"
