"""Networks: a file each, its paper cited. All take the same inputs and answer by task."""

from gammaml.models.build import NETWORKS, build_model

__all__ = ["NETWORKS", "build_model"]
