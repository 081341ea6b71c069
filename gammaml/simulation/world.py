"""What the compiled shower reads."""

from typing import NamedTuple

import numpy as np

from gammaml.simulation import atmosphere
from gammaml.simulation.cherenkov import Light
from gammaml.simulation.hadronic_library import HadronicTable

N_HEAVY_LOSS = 150

# What holds everywhere in a shower, in one record, which compiled code passes on as a pointer.
CONDITIONS = np.dtype(
    [
        ("layers", atmosphere.LAYERS),
        ("refractivity", "f8"),  # (n - 1) / density, cm3/g
        ("refractivity_at_ground", "f8"),
        ("ground", "f8"),  # observation level, m above sea level
        ("ground_depth", "f8"),  # vertical, g/cm2
        ("slant", "f8"),  # 1/cos(zenith angle) of the shower
        ("field", "f8", 3),  # T, along x, y, z
        ("heavy_loss", "f8", N_HEAVY_LOSS),  # of a singly charged heavy particle, GeV cm2/g, over log10(beta gamma)
        ("thin_energy", "f8"),  # GeV, below which only one of two products is followed
        ("largest_weight", "f8"),
        ("step_scale", "f8"),  # lengths of electron steps over their default
        ("fixed_height", "f8"),  # of the first interaction, m; 0 where it is drawn
    ]
)


class World(NamedTuple):
    """Everything the compiled shower reads.

    Parameters
    ----------
    conditions : record of CONDITIONS
    tables : record of TABLES
    hadrons : HadronicTable
    light : Light
    """

    conditions: np.void
    tables: np.void
    hadrons: HadronicTable
    light: Light
