"""Counts, excess and significance about places around a source."""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from pyirf.statistics import li_ma_significance

from gammaml import sky
from gammaml.columns import require
from gammaml.errors import InputError, SettingError
from gammaml.io.celestial import to_icrs
from gammaml.performance.selection import WHERE, bare

FARTHEST = 10.0  # deg, of a source from the pointing: more than any field of view
MOST_MOTION = 0.1  # degrees that a pointing may move on the sky during a run
LEAST = 1e-9  # weight of the ratio of areas where no off event is
FINENESS = 5  # points of an even field along the radius of the on region
DIRECTIONS = ("reco_alt", "reco_az")
POINTING = ("pointing_alt", "pointing_az")


def sky_map(dl2, source, location, *, radius=0.1 * u.deg, excluded=0.3 * u.deg, size=2 * u.deg, step=0.05 * u.deg):
    """Excess and significance about places around a source, against rings in the field of view.

    The off region of a place is the ring about the pointing in which it lies, as wide as the on region, without that
    and without the surroundings of the source: acceptance depends on the offset from the pointing alone.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        obs_id, time, pointing_alt, pointing_az, reco_alt, reco_az; cuts on gammaness come before.
    source : astropy.coordinates.SkyCoord
        In the middle of the map.
    location : astropy.coordinates.EarthLocation
        Of the telescopes.
    radius, excluded : astropy.units.Quantity
        Of the on regions, and of what is no background around the source.
    size, step : astropy.units.Quantity
        Side of the map, and between its places; on regions of neighbours overlap.

    Returns
    -------
    astropy.table.QTable
        A row a place, lon running fastest: lon, lat (deg from the source, to the east and to the north), n_on, n_off,
        alpha, excess, significance (Li & Ma; negative where events lack). NaN where there is no ring, as near the
        pointing. ``meta`` has radius, excluded, ra, dec; mean and width of the significances outside of `excluded`, 0
        and about 1 where nothing else shines.

    Raises
    ------
    gammaml.errors.InputError
        Where no event has a direction, telescopes do not follow the sky, or the source is far from their pointing.

    References
    ----------
    Berge, Funk & Hinton 2007, A&A 466, 1219, section 4.
    """
    radii = [value.to_value(u.deg) for value in (radius, excluded)]
    events, pointing, run = _around(dl2, source, location)
    places = _places(size.to_value(u.deg), step.to_value(u.deg))
    n_on, n_off, weight, ratio = np.zeros((4, len(places)))
    for number in np.unique(run):
        middle = pointing[run == number].mean(axis=0)
        if np.hypot(*(pointing[run == number] - middle).T).max() > MOST_MOTION:
            got = "telescopes that do not follow the sky in one run"
            raise InputError("sky_map", got, "one pointing a run", "give each pointing an obs_id of its own")
        away = np.hypot(*middle)
        if not away < FARTHEST:
            got = f"a pointing {away:.3g} deg from the source"
            raise InputError("sky_map", got, f"less than {FARTHEST:g} deg", "check the coordinates of the source")
        on, off = _counts(events[run == number], places, middle, *radii)
        n_on, n_off = n_on + on, n_off + off
        weight += off + LEAST
        ratio += (off + LEAST) * _ratio(places, middle, *radii)
    return _table(places, (n_on, n_off, ratio / weight), (source.icrs, radius, excluded))


def _around(dl2, source, location):
    """Directions and pointings (n, 2) in degrees east and north of the source, and obs_id, of reconstructed events."""
    require(dl2, "obs_id", *DIRECTIONS, *POINTING, where=WHERE)
    dl2 = dl2[np.isfinite(bare(dl2, "reco_alt"))]
    if not len(dl2):
        raise InputError("sky_map", "no event with directions", "at least one", "check the reconstruction and the cuts")
    place, found = [value.to_value(u.m) for value in location.geocentric], []
    for names in (DIRECTIONS, POINTING):
        ra, dec = to_icrs(dl2, *(bare(dl2, name) for name in names), place)
        found.append(np.stack(sky.altaz_to_fov(dec, ra, source.icrs.dec.deg, source.icrs.ra.deg), axis=1))
    return *found, np.asarray(dl2["obs_id"])


def _places(size, step):
    if not 0 < step < size:
        raise SettingError("step", f"{step:g} deg", f"more than 0, less than the size of {size:g} deg", "change it")
    half = round(size / 2 / step)
    lat, lon = np.meshgrid(*2 * [np.linspace(-half, half, 2 * half + 1) * step], indexing="ij")
    return np.stack([lon.ravel(), lat.ravel()], axis=1)


def _counts(points, places, pointing, radius, excluded):
    """How many points lie in the on region of each place, and in its ring: two arrays (n_places,)."""
    distance, free = np.hypot(*(points - pointing).T), np.hypot(*points.T) > excluded
    result = np.empty((2, len(places)))
    for number, place in enumerate(places):
        on = np.hypot(*(points - place).T) < radius
        ring = np.abs(distance - np.hypot(*(place - pointing))) < radius
        result[:, number] = on.sum(), (ring & free & ~on).sum()
    return result


def _ratio(places, pointing, radius, excluded):
    """Area of the on region over that of the ring, NaN where the ring is the smaller, by counting an even field."""
    step, reach = radius / FINENESS, np.hypot(*(places - pointing).T).max() + radius
    field = _places(2 * (reach + step), step) + pointing
    on, ring = np.pi * radius**2, _counts(field, places, pointing, radius, excluded)[1] * step**2
    return np.where(ring >= on, on / np.maximum(ring, on), np.nan)


def _table(places, counts, about):
    (n_on, n_off, alpha), (source, radius, excluded) = counts, about
    table = QTable({"lon": places[:, 0] * u.deg, "lat": places[:, 1] * u.deg})
    table["n_on"], table["n_off"], table["alpha"] = n_on.astype(int), n_off.astype(int), alpha
    table["excess"] = n_on - alpha * n_off
    with np.errstate(divide="ignore", invalid="ignore"):  # a lack of on events is an excess of off events
        above, below = li_ma_significance(n_on, n_off, alpha), li_ma_significance(n_off, n_on, 1 / alpha)
    table["significance"] = np.where(np.isnan(alpha), np.nan, np.nan_to_num(above) - np.nan_to_num(below))
    far = table["significance"][(np.hypot(*places.T) > excluded.to_value(u.deg)) & np.isfinite(alpha)]
    mean, width = float(np.mean(far)), float(np.std(far))
    definition = (
        f"Events within {radius:g} of each place; off: the ring about the pointing in which it lies, without what is "
        f"within {excluded:g} of the source. Significance: Li & Ma 1983, equation 17."
    )
    here = f"significance at the source {table['significance'][len(table) // 2]:.1f} sigma"
    text = f"{here}; beyond {excluded:g} from it {mean:.2f} on average, {width:.2f} wide"
    where = {"ra": float(source.ra.deg), "dec": float(source.dec.deg), "radius": radius, "excluded": excluded}
    table.meta = {"definition": definition, "counts": text, **where, "mean": mean, "width": width}
    return table
