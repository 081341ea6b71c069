"""FACT's telescope, and charges and peak times from the arrival slices of its photons.

FACT's pos_X grows where altitude falls and pos_Y where azimuth grows: so images of simulated gammas point from their
source to where the core lies.
"""

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation

from gammaml.errors import InputError
from gammaml.events import Camera, Optics, Subarray, Telescope
from gammaml.io.photon_streams import N_CHANNELS

SLICE = 0.5  # ns
WINDOW = 30  # slices, 15 ns, over which gammaml's simulation of FACT integrates too
PHOTONS_PER_CHARGE = 1 - 0.14  # cross-talk adds the rest; as in gammaml's simulation of FACT, and in CERES
PIXEL_MAP = "pixel-map.csv"
PIXEL_SPACING = 9.5e-3  # m
FOCAL_LENGTH = 4.889  # m
LONGITUDE, LATITUDE, HEIGHT = -17.8907, 28.7616, 2199.0  # deg, deg, m


def read_pixel_map(folder):
    """Where FACT's pixels are, from its table of pixels.

    Parameters
    ----------
    folder : Path
        With a file `PIXEL_MAP`.

    Returns
    -------
    array (1440, 2)
        pos_X and pos_Y by CHID, in units of the spacing.
    """
    path = folder / PIXEL_MAP
    columns = ("CHID", "pos_X", "pos_Y")
    expected = f"FACT's table of pixels with the columns {', '.join(columns)}"
    if not path.is_file():
        do = "fetch it from github.com/fact-project/pyfact, where it has this name, and put it there"
        raise InputError(path, "no such file", expected, do)
    try:
        table = np.genfromtxt(path, delimiter=",", names=True, encoding="utf-8")
        chid, x, y = (np.atleast_1d(table[name]) for name in columns)
    except (ValueError, IndexError, TypeError) as error:
        raise InputError(path, "other columns", expected, "fetch it again") from error
    position = np.stack([x, y], axis=1)
    if not np.array_equal(np.sort(chid), np.arange(N_CHANNELS)) or not np.isfinite(position).all():
        raise InputError(path, f"{len(chid)} rows", f"one for each CHID from 0 to {N_CHANNELS - 1}", "fetch it again")
    return position[np.argsort(chid)]


def fact_subarray(folder):
    """FACT as a subarray of one telescope, its pixels by CHID at the places that the `PIXEL_MAP` in a folder says."""
    position = read_pixel_map(folder) * PIXEL_SPACING
    camera = Camera(
        name="FACT",
        pixel_x=-position[:, 0],
        pixel_y=position[:, 1],
        pixel_area=np.full(N_CHANNELS, PIXEL_SPACING**2 * np.sqrt(3) / 2),
        pixel_type="hexagon",
        pixel_rotation=30.0,
        camera_rotation=0.0,
        focal_length=FOCAL_LENGTH,
    )
    optics = Optics("FACT", "SST", "DAVIES_COTTON", 9.51, 1, 30, FOCAL_LENGTH, FOCAL_LENGTH)
    place = EarthLocation.from_geodetic(LONGITUDE * u.deg, LATITUDE * u.deg, HEIGHT * u.m)
    reference = tuple(float(value.to_value("m")) for value in place.geocentric)
    return Subarray("FACT", reference, (Telescope(1, "FACT", "SST_FACT_FACT", np.zeros(3), optics, camera),))


def touching_pixels(camera):
    """Neighbours of each pixel, (n_pixels, 6) of int; `n_pixels` where there is none."""
    place = np.stack([camera.pixel_x, camera.pixel_y], axis=1)
    neighbours = np.full((len(place), 6), len(place))
    for pixel, distance in enumerate(np.hypot(*(place[:, None] - place).transpose(2, 0, 1))):
        near = np.flatnonzero((distance > 0) & (distance < 1.2 * PIXEL_SPACING))
        neighbours[pixel, : len(near)] = near
    return neighbours


def time_window(streams):
    """First slice in which any of the events has photons, and how many there are up to the last: files differ."""
    used = [stream.slices for stream in streams if len(stream.slices)]
    first = min((int(slices.min()) for slices in used), default=0)
    last = max((int(slices.max()) for slices in used), default=first)
    return first, max(last + 1 - first, WINDOW)


def photon_counts(stream, first, n_slices):
    """Photons by channel and slice, (1440, n_slices) of int; none in broken channels, which are called saturated."""
    place = stream.channels * n_slices + stream.slices - first
    counts = np.bincount(place, minlength=N_CHANNELS * n_slices).reshape(N_CHANNELS, n_slices)
    counts[list(stream.header.get("saturated", ()))] = 0
    return counts


def extract_charges(stream, window, neighbours):
    """Charges and peak times of one event.

    Each pixel is integrated over `WINDOW` about the time when its neighbours are brightest, as gammaml's simulations
    and ctapipe's NeighborPeakWindowSum do: its own night sky does not choose the time. The night sky of a slice, for
    it changes along the time window, is what pixels have there whose own window is elsewhere; the brightest tenth is
    left out, for its pulses reach beyond.

    Parameters
    ----------
    stream : gammaml.io.photon_streams.Stream
    window : (int, int)
        As :func:`time_window` gives it.
    neighbours : array of int (1440, 6)
        As :func:`touching_pixels` gives them.

    Returns
    -------
    charge, peak_time : array (1440,)
        p.e., less night sky and cross-talk, 0 in broken pixels; ns from the first slice, the neighbours' time where
        there is no photon.
    """
    first_slice, n_slices = window
    counts = np.pad(photon_counts(stream, first_slice, n_slices).astype(np.uint16), [(0, 1), (0, 0)])
    peak = sum(counts[column] for column in neighbours.T).argmax(axis=1)
    start = np.clip(peak - WINDOW // 2, 0, n_slices - WINDOW)
    working = np.ones(N_CHANNELS, bool)
    working[list(stream.header.get("saturated", ()))] = False
    pixel, time = stream.channels, stream.slices - first_slice
    inside = (time >= start[pixel]) & (time < start[pixel] + WINDOW)
    photons = np.bincount(pixel[inside], minlength=N_CHANNELS)
    moment = np.bincount(pixel[inside], time[inside] + 0.5, minlength=N_CHANNELS)
    faint = working & (photons <= np.quantile(photons, 0.9))
    total = np.cumsum([0.0, *_night_sky(time[~inside & faint[pixel]], start[faint], n_slices)])
    charge = np.where(working, photons - (total[start + WINDOW] - total[start]), 0.0)
    peak_time = np.where(working & (photons > 0), moment / np.maximum(photons, 1), peak + 0.5)
    return charge * PHOTONS_PER_CHARGE, peak_time * SLICE


def _night_sky(time, start, n_slices):
    """Mean photons a pixel in each slice, (n_slices,).

    Parameters
    ----------
    time : array of int (n_photons,)
        Slices of photons outside their pixels' windows.
    start : array of int (n_pixels,)
        Where the windows begin.
    n_slices : int
    """
    photons = np.bincount(time, minlength=n_slices)
    begin = np.bincount(start, minlength=n_slices)
    end = np.bincount(start + WINDOW, minlength=n_slices)[:n_slices]
    pixels = len(start) - np.cumsum(begin - end)  # whose window is elsewhere
    return np.where(pixels > 0, photons / np.maximum(pixels, 1), photons.sum() / max(pixels.sum(), 1))
