"""Camera pixels to what networks see: grids, channels, symmetries and augmentation."""

from gammaml.images.augmentation import add_night_sky, kill_pixels
from gammaml.images.channels import (
    Scaling,
    bad_images,
    bright_pixels,
    build_images,
    centre_cell,
    noise,
    relative_time,
    repair_charge,
    scale_charge,
)
from gammaml.images.lattice import neighbours
from gammaml.images.mapping import AXIAL_NEIGHBOURS, LatticeMapping, build_lattice_mapping, mapping_from_dict
from gammaml.images.quality import Pedestals, dark_images, outside, pedestals, pixel_noise
from gammaml.images.resampling import ResamplingMapping, build_resampling_mapping
from gammaml.images.symmetry import Symmetry, apply_symmetries, common_symmetries, find_symmetries, turned

__all__ = [
    "AXIAL_NEIGHBOURS",
    "LatticeMapping",
    "Pedestals",
    "ResamplingMapping",
    "Scaling",
    "Symmetry",
    "add_night_sky",
    "apply_symmetries",
    "bad_images",
    "bright_pixels",
    "build_images",
    "build_lattice_mapping",
    "build_resampling_mapping",
    "centre_cell",
    "common_symmetries",
    "dark_images",
    "find_symmetries",
    "kill_pixels",
    "mapping_from_dict",
    "neighbours",
    "noise",
    "outside",
    "pedestals",
    "pixel_noise",
    "relative_time",
    "repair_charge",
    "scale_charge",
    "turned",
]
