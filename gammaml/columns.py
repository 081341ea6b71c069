"""The one list of column names: unit and meaning of each, and what a table must have.

Names follow ctapipe's data model: ``true_`` for simulated truth, ``reco_`` for reconstruction, ``stereo_`` for
its classical form without a network, ``hillas_``, ``leakage_``, … for image parameters. Alt/az are horizontal
coordinates; ``fov_lon`` and ``fov_lat`` are offsets from the pointing in ctapipe's TelescopeFrame. ``gammaness``
is in [0, 1], 1 = gamma.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from gammaml.errors import InputError


@dataclass(frozen=True)
class Column:
    """Unit and meaning of one column."""

    unit: u.UnitBase | None
    description: str


KEYS = ("obs_id", "event_id", "tel_id")
EVENT_KEYS = KEYS[:2]
# What names of image parameters begin with.
IMAGE_PARAMETERS = (
    "hillas_",
    "timing_",
    "leakage_",
    "concentration_",
    "morphology_",
    "intensity_",
    "peak_time_",
    "core_psi",
)
AT_TRIGGER = ("time", "event_type", "pointing_ra", "pointing_dec")  # what is known of an array event as it is taken

COLUMNS = {
    "obs_id": Column(None, "observation block"),
    "event_id": Column(None, "array event"),
    "tel_id": Column(None, "telescope"),
    "shower_id": Column(None, "simulated shower; equal for all uses of one shower"),
    "event_type": Column(None, "ctapipe EventType: 32 is a subarray trigger"),
    "time": Column(None, "trigger time"),
    "multiplicity": Column(None, "telescopes combined into this array event"),
    "pointing_alt": Column(u.deg, "altitude of the telescope axis"),
    "pointing_az": Column(u.deg, "azimuth of the telescope axis, north to east"),
    "pointing_ra": Column(u.deg, "right ascension of the axis; only where the field of view does not turn on the sky"),
    "pointing_dec": Column(u.deg, "declination of the axis; only where the field of view does not turn on the sky"),
    "true_energy": Column(u.TeV, "simulated energy"),
    "true_alt": Column(u.deg, "simulated altitude"),
    "true_az": Column(u.deg, "simulated azimuth, north to east"),
    "true_fov_lon": Column(u.deg, "simulated offset from the pointing along azimuth"),
    "true_fov_lat": Column(u.deg, "simulated offset from the pointing along altitude"),
    "true_core_x": Column(u.m, "simulated core, ground frame"),
    "true_core_y": Column(u.m, "simulated core, ground frame"),
    "true_h_first_int": Column(u.m, "height of the first interaction above sea level"),
    "true_tilted_lon": Column(u.m, "simulated core in the plane that faces the pointing; array events only"),
    "true_tilted_lat": Column(u.m, "simulated core in the plane that faces the pointing; array events only"),
    "true_h_max": Column(u.m, "height of shower maximum above sea level, in a standard atmosphere"),
    "true_x_max": Column(u.g / u.cm**2, "depth of shower maximum"),
    "true_shower_primary_id": Column(None, "CORSIKA particle code: 0 gamma, 101 proton"),
    "hillas_intensity": Column(None, "charge in the cleaned image, p.e."),
    "stereo_alt": Column(u.deg, "altitude from the axes of the images of an array event"),
    "stereo_az": Column(u.deg, "azimuth from the axes of the images of an array event, north to east"),
    "stereo_core_x": Column(u.m, "core from the axes of the images of an array event, ground frame"),
    "stereo_core_y": Column(u.m, "core from the axes of the images of an array event, ground frame"),
    "stereo_h_max": Column(u.m, "height at which the lines of sight to the images of an array event meet"),
    "stereo_telescopes": Column(None, "images in the stereo reconstruction"),
    "reco_energy": Column(u.TeV, "reconstructed energy"),
    "reco_energy_uncert": Column(u.TeV, "predicted uncertainty: reco_energy x ln(10) x sigma of log10(reco_energy)"),
    "reco_alt": Column(u.deg, "reconstructed altitude"),
    "reco_az": Column(u.deg, "reconstructed azimuth, north to east"),
    "reco_fov_lon": Column(u.deg, "reconstructed offset from the pointing along azimuth"),
    "reco_fov_lat": Column(u.deg, "reconstructed offset from the pointing along altitude"),
    "ang_distance_uncert": Column(u.deg, "predicted sigma of each of the two components of the offset in direction"),
    "reco_core_x": Column(u.m, "reconstructed core, ground frame"),
    "reco_core_y": Column(u.m, "reconstructed core, ground frame"),
    "reco_h_max": Column(u.m, "reconstructed height of shower maximum above sea level"),
    "reco_x_max": Column(u.g / u.cm**2, "reconstructed depth of shower maximum"),
    "gammaness": Column(None, "probability-like score of being a gamma, 0 to 1"),
    "in_training": Column(None, "the shower took part in training the network"),
}

GAMMA_PRIMARY = 0
SUBARRAY_EVENT_TYPE = 32


def require(table, *names, where="table"):
    """Raise unless `table` has every column in `names`.

    Parameters
    ----------
    table : astropy.table.Table
    names : str
        Column names.
    where : str
        What to call the table in the message.

    Raises
    ------
    gammaml.errors.InputError
        Names the first missing column, and the columns there are.
    """
    for name in names:
        if name not in table.colnames:
            meaning = f" ({COLUMNS[name].description})" if name in COLUMNS else ""
            raise InputError(
                where,
                f"the columns {', '.join(table.colnames) or 'none'}",
                f"a column {name!r}{meaning}",
                "make or read the table with this column",
            )


def bare(column):
    """A column's values as a float array, angles in degrees, all else in the unit it has."""
    is_angle = isinstance(column, u.Quantity) and column.unit.is_equivalent("deg")
    values = column.to_value(u.deg) if is_angle else getattr(column, "value", column)
    return np.asarray(values, float)
