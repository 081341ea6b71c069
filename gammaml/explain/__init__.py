"""What a trained network sees: which pixels count, what it has learnt to look for, and which events it finds alike."""

from gammaml.explain.features import embedding, feature_maps, features, kernels, most_wrong
from gammaml.explain.saliency import LABELS, Saliency, by_telescope, grad_cam, integrated_gradients, occlusion

__all__ = [
    "LABELS",
    "Saliency",
    "by_telescope",
    "embedding",
    "feature_maps",
    "features",
    "grad_cam",
    "integrated_gradients",
    "kernels",
    "most_wrong",
    "occlusion",
]
