"""How columns and quantities are called on axes."""

NAMES = {
    "true_energy": "true energy",
    "reco_energy": "reco. energy",
    "true_offset": "true offset",
    "reco_offset": "reco. offset",
    "zenith": "zenith angle",
    "true_impact": "true impact",
    "multiplicity": "telescopes",
    "true_h_max": "true h$_\\mathrm{max}$",
    "reco_h_max": "reco. h$_\\mathrm{max}$",
    "hillas_intensity": "image intensity",
    "hillas_length": "image length",
    "hillas_width": "image width",
    "hillas_r": "distance of image",
    "hillas_skewness": "image skewness",
    "hillas_kurtosis": "image kurtosis",
    "leakage_intensity_width_2": "leakage",
    "concentration_cog": "concentration",
    "morphology_n_pixels": "pixels of image",
    "morphology_n_islands": "islands of image",
    "timing_slope": "time gradient",
    "timing_deviation": "time deviation",
    "gammaness": "gammaness",
    "energy_error": "energy error",
    "direction_error": "direction error",
}
UNITS = {"hillas_intensity": "p.e."}  # those that files do not state
LOGARITHMIC = ("energy", "intensity", "n_pixels")  # ends of the names of what is shown on a logarithmic axis


def name_of(column):
    """What a column or quantity is called."""
    return NAMES.get(column, column.replace("_", " "))


def axis_name(column, unit=None):
    """Name with unit, as a label of an axis."""
    unit = UNITS.get(column, "" if unit is None else f"{unit}")
    return f"{name_of(column)} [{unit}]" if unit else name_of(column)


def is_logarithmic(column):
    """Whether a column is shown on a logarithmic axis."""
    return column.endswith(LOGARITHMIC)
