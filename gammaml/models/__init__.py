"""Networks: a file each, its paper cited; losses, and weights taken over from another network."""

from gammaml.models.build import build_model
from gammaml.models.losses import build_loss
from gammaml.models.transfer import transfer

__all__ = ["build_loss", "build_model", "transfer"]
