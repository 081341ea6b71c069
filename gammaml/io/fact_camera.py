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
        do = "put it there: it is resources/FACTmap111030.txt of FACT's software as CSV, or part of the package pyfact"
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


def extract_charges(counts, neighbours, broken=()):
    """Charges and peak times of one event.

    Each pixel is integrated over `WINDOW` about the time when its neighbours are brightest, as gammaml's simulations
    and ctapipe's NeighborPeakWindowSum do: its own night sky does not choose the time. The night sky of a slice, for
    it changes along the time window, is what pixels have there whose own window is elsewhere; the brightest tenth is
    left out, for its pulses reach beyond.

    Parameters
    ----------
    counts : array of int (n_pixels, n_slices)
    neighbours : array of int (n_pixels, 6)
        As :func:`touching_pixels` gives them.
    broken : sequence of int
        Pixels whose charge is 0.

    Returns
    -------
    charge, peak_time : array (n_pixels,)
        p.e., less night sky and cross-talk; ns from the first slice, the neighbours' time where there is no photon.
    """
    n_pixels, n_slices = counts.shape
    padded = np.vstack([counts, np.zeros((1, n_slices), counts.dtype)])
    peak = sum(padded[column] for column in neighbours.T).argmax(axis=1)
    first = np.clip(peak - WINDOW // 2, 0, n_slices - WINDOW)
    inside = _window_sums(counts, first)
    working = np.ones(n_pixels, bool)
    working[list(broken)] = False
    faint = working & (inside <= np.quantile(inside, 0.9))
    charge = inside - _window_sums(_night_sky(counts[faint], first[faint])[None], first)
    moment = _window_sums(counts * (np.arange(n_slices) + 0.5), first)
    time = np.where(inside > 0, moment / np.maximum(inside, 1), peak + 0.5)
    return np.where(working, charge, 0.0) * PHOTONS_PER_CHARGE, time * SLICE


def _night_sky(counts, first):
    """Mean photons a pixel in each slice, (n_slices,), of pixels whose window, from `first` on, is elsewhere."""
    slices = np.arange(counts.shape[1])
    elsewhere = (slices < first[:, None]) | (slices >= first[:, None] + WINDOW)
    photons, pixels = (counts * elsewhere).sum(axis=0), elsewhere.sum(axis=0)
    mean = photons.sum() / max(pixels.sum(), 1)
    return np.where(pixels > 0, photons / np.maximum(pixels, 1), mean)


def _window_sums(values, first):
    """Sums (n_pixels,) over `WINDOW` slices from `first` (n_pixels,) on, of values (n_pixels or 1, n_slices)."""
    total = np.pad(np.cumsum(values, axis=1), [(0, 0), (1, 0)])
    row = np.arange(len(first)) if len(values) > 1 else 0
    return total[row, first + WINDOW] - total[row, first]
