"""Where directions of events lie on the sky."""

from gammaml import sky
from gammaml.columns import bare


def to_icrs(events, alt, az, location):
    """ICRS coordinates of a direction of each event.

    Parameters
    ----------
    events : astropy.table.QTable (n_events,)
        pointing_alt, pointing_az, and time; or pointing_ra, pointing_dec, of a field of view that does not turn on the
        sky, as runs of :func:`gammaml.production.observe` have it.
    alt, az : array (n_events,)
        Degrees.
    location : tuple
        Of the array, ITRS x, y, z in m.

    Returns
    -------
    ra, dec : array (n_events,)
        Degrees.
    """
    if "pointing_ra" not in events.colnames:
        return sky.altaz_to_icrs(alt, az, events["time"], location)
    offset = sky.altaz_to_fov(alt, az, bare(events["pointing_alt"]), bare(events["pointing_az"]))
    return sky.fov_to_icrs(*offset, bare(events["pointing_ra"]), bare(events["pointing_dec"]))
