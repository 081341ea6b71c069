"""Frozen event data: telescopes, cameras, and one row an image (`TelescopeEvents`)."""

import mmap
import os
import tempfile
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from astropy.table import QTable, vstack

from gammaml import sky
from gammaml.columns import GAMMA_PRIMARY
from gammaml.errors import InputError, OutputError

MEMORY_LIMIT = 512 * 2**20  # bytes of pixel data above which they go to a memory-mapped file


@dataclass(frozen=True, eq=False)
class Readout:
    """Reference pulse of a camera: shape (n_channels, n_samples), sample width in ns, sampling rate in GHz."""

    pulse_shape: np.ndarray
    pulse_sample_width: float
    sampling_rate: float
    n_samples: int = 1


@dataclass(frozen=True, eq=False)
class Optics:
    """A telescope's mirror, as ctapipe's OpticsDescription; areas in m2, lengths in m."""

    name: str
    size_type: str
    reflector_shape: str
    mirror_area: float
    n_mirrors: int
    n_mirror_tiles: int
    equivalent_focal_length: float
    effective_focal_length: float

    @property
    def focal_length(self):
        """Effective focal length where known (it includes the coma), else the equivalent one."""
        effective = self.effective_focal_length
        return effective if np.isfinite(effective) else self.equivalent_focal_length


@dataclass(frozen=True, eq=False)
class Camera:
    """Pixels of a camera in the CameraFrame.

    Parameters
    ----------
    name : str
    pixel_x, pixel_y : array (n_pixels,)
        Positions in m.
    pixel_area : array (n_pixels,)
        In m2.
    pixel_type : str
        "hexagon", "square" or "circle".
    pixel_rotation, camera_rotation : float
        In degrees, as in ctapipe's CameraGeometry.
    focal_length : float
        In m; turns positions into angles.
    readout : Readout or None
    """

    name: str
    pixel_x: np.ndarray
    pixel_y: np.ndarray
    pixel_area: np.ndarray
    pixel_type: str
    pixel_rotation: float
    camera_rotation: float
    focal_length: float
    readout: Readout | None = None

    @property
    def n_pixels(self):
        return len(self.pixel_x)

    @property
    def fov_lon(self):
        """Pixel offsets along azimuth, degrees."""
        return sky.camera_to_fov(self.pixel_x, self.pixel_y, self.focal_length, self.camera_rotation)[0]

    @property
    def fov_lat(self):
        """Pixel offsets along altitude, degrees."""
        return sky.camera_to_fov(self.pixel_x, self.pixel_y, self.focal_length, self.camera_rotation)[1]

    @property
    def pixel_width(self):
        """Distance between opposite sides of a typical pixel, degrees."""
        area = np.median(self.pixel_area)
        width = np.sqrt(area * 2 / np.sqrt(3)) if self.pixel_type == "hexagon" else np.sqrt(area)
        return float(np.rad2deg(width / self.focal_length))

    def same_pixels(self, other):
        """Whether every pixel of both cameras sees the same patch of sky, to a fifth of a pixel."""
        if self.n_pixels != other.n_pixels or self.pixel_type != other.pixel_type:
            return False
        distance = np.hypot(self.fov_lon - other.fov_lon, self.fov_lat - other.fov_lat)
        return bool(distance.max() < 0.2 * self.pixel_width)


@dataclass(frozen=True, eq=False)
class Telescope:
    """One telescope: position (3,) in m in the ground frame, optics and camera."""

    tel_id: int
    name: str
    tel_type: str
    position: np.ndarray
    optics: Optics
    camera: Camera


@dataclass(frozen=True, eq=False)
class Subarray:
    """The telescopes of an array; reference_location is ITRS x, y, z in m."""

    name: str
    reference_location: tuple
    telescopes: tuple

    @property
    def tel_ids(self):
        return np.array([telescope.tel_id for telescope in self.telescopes])

    def same_telescopes(self, other):
        """Whether both have telescopes of the same numbers, types and mirrors at the same places, to a centimetre."""
        one, two = ([(each.tel_id, each.tel_type) for each in subarray.telescopes] for subarray in (self, other))
        return one == two and np.array_equal(self._places(), other._places(), equal_nan=True)

    def _places(self):
        """Mirror area and position of each telescope, rounded; NaN where the file does not say."""
        return np.array([(each.optics.mirror_area, *each.position) for each in self.telescopes]).round(2)

    def telescope(self, tel_id):
        """The telescope with this id."""
        for telescope in self.telescopes:
            if telescope.tel_id == tel_id:
                return telescope
        known = ", ".join(map(str, self.tel_ids))
        raise InputError(f"subarray {self.name}", f"tel_id {tel_id}", f"one of {known}", "check the telescope ids")


@dataclass(frozen=True, eq=False)
class PixelStore:
    """Charges and peak times of many images, float32 (n_stored, n_pixels), in memory or memory-mapped.

    Parameters
    ----------
    image, peak_time : array
        p.e. and ns.
    mapping : mmap.mmap or None
        The file both arrays live in, where they were too large for memory.
    """

    image: np.ndarray
    peak_time: np.ndarray
    mapping: mmap.mmap | None = None

    @classmethod
    def allocate(cls, n_images, n_pixels):
        """An empty store; above `MEMORY_LIMIT` in a nameless temporary file, gone with the last reference."""
        size = 2 * n_images * n_pixels * 4
        if size <= MEMORY_LIMIT:
            return cls(*np.empty((2, n_images, n_pixels), np.float32))
        with tempfile.TemporaryFile(prefix="gammaml-") as file:
            _reserve(file, size)
            mapping = mmap.mmap(file.fileno(), size)
        both = np.frombuffer(mapping, np.float32).reshape(2, n_images, n_pixels)
        return cls(both[0], both[1], mapping)

    def read(self, rows):
        """Charges and peak times of `rows`, two arrays (n_rows, n_pixels) float32."""
        image, peak_time = self.image[rows], self.peak_time[rows]
        self.release()
        return image, peak_time

    def release(self):
        """Hand mapped pages back, so that what has been touched does not count as this process' memory."""
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)


def _reserve(file, size):
    """Give a file its room at once: a disk that fills while mapped pages are written kills the process."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        file.truncate(size)
    except OSError as error:
        got, expected = os.strerror(error.errno).lower(), f"room for {size / 1e9:.1f} GB of images"
        raise OutputError(tempfile.gettempdir(), got, expected, "free some, or set TMPDIR to another disk") from error


@dataclass(frozen=True, eq=False)
class TelescopeEvents:
    """Camera images with what is known of each: one row an image.

    Parameters
    ----------
    table : astropy.table.QTable
        One row an image: keys, pointing, image parameters, truth (see :mod:`gammaml.columns`).
    pixels : PixelStore
    rows : array of int (n_images,)
        Where in `pixels` each row's image is; selections share the store.
    camera : Camera
        All images come from cameras with these pixels.
    subarray : Subarray
    simulation : astropy.table.QTable or None
        Thrown showers, a row a run, as ctapipe's ``/configuration/simulation/run``.
    sources : tuple of dict
        Name and SHA-256 of each input file.
    """

    table: QTable
    pixels: PixelStore
    rows: np.ndarray
    camera: Camera
    subarray: Subarray
    simulation: QTable | None = None
    sources: tuple = field(default=())

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        """The events selected by a slice, mask or index array; images are not copied."""
        index = np.arange(len(self))[index]
        return replace(self, table=self.table[index], rows=self.rows[index])

    def read_pixels(self, index=slice(None)):
        """Charges (p.e.) and peak times (ns) of some events, two arrays (n, n_pixels) float32."""
        return self.pixels.read(self.rows[index])

    @property
    def image(self):
        """All charges, p.e., (n_images, n_pixels) float32."""
        return self.pixels.image[self.rows]

    @property
    def peak_time(self):
        """All peak times, ns, (n_images, n_pixels) float32."""
        return self.pixels.peak_time[self.rows]

    @property
    def tel_types(self):
        """Names of the telescope types in these events."""
        ids = np.unique(np.asarray(self.table["tel_id"]))
        return tuple(sorted({self.subarray.telescope(i).tel_type for i in ids}))

    @property
    def is_simulated(self):
        return "true_energy" in self.table.colnames

    @property
    def is_gamma(self):
        """Mask (n_images,) of simulated gammas."""
        return np.asarray(self.table["true_shower_primary_id"]) == GAMMA_PRIMARY


def as_list(events):
    """Events of one camera, a sequence of several cameras', or the images of array events, as a list."""
    return [events] if isinstance(events, TelescopeEvents) else list(getattr(events, "cameras", events))


def concatenate(parts):
    """Events of several files or types with one camera, in the given order.

    Parameters
    ----------
    parts : list of TelescopeEvents

    Raises
    ------
    gammaml.errors.InputError
        Where there is nothing to join, or the cameras differ.
    """
    if not parts:
        raise InputError("concatenate", "no events", "at least one TelescopeEvents", "give some")
    first = parts[0]
    for part in parts[1:]:
        if not first.camera.same_pixels(part.camera):
            raise InputError(
                "concatenate",
                f"the cameras {first.camera.name} and {part.camera.name} with different pixels",
                "one camera",
                "select one telescope type",
            )
    if len(parts) == 1:
        return first
    warn_of_arrays([part.subarray for part in parts])
    store = PixelStore.allocate(sum(map(len, parts)), first.camera.n_pixels)
    start = 0
    for part in parts:
        for low in range(0, len(part), 4096):
            image, peak_time = part.read_pixels(slice(low, low + 4096))
            store.image[start : start + len(image)], store.peak_time[start : start + len(image)] = image, peak_time
            start += len(image)
            store.release()
    simulations = [part.simulation for part in parts if part.simulation is not None]
    return replace(
        first,
        table=vstack([part.table for part in parts], metadata_conflicts="silent"),
        pixels=store,
        rows=np.arange(start),
        simulation=vstack(simulations, metadata_conflicts="silent") if simulations else None,
        sources=tuple(source for part in parts for source in part.sources),
    )


def warn_of_arrays(subarrays):
    """Warn where events come from different arrays: the first stands for all, and gammas and hadrons may show it."""
    other = next((each for each in subarrays if not subarrays[0].same_telescopes(each)), None)
    if other is not None:
        said = f"events of different telescopes ({subarrays[0].name}, {other.name}) are taken together"
        warnings.warn(f"{said}; where gammas and hadrons differ in it, a network learns that", stacklevel=4)


def by_camera(parts):
    """Events of any cameras as a list with one item a camera, in the order in which the cameras appear.

    Parameters
    ----------
    parts : list of TelescopeEvents
    """
    cameras = []
    for part in parts:
        same = [group for group in cameras if group[0].camera.same_pixels(part.camera)]
        if same:
            same[0].append(part)
        else:
            cameras.append([part])
    return [concatenate(group) for group in cameras]
