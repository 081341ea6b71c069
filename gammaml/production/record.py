"""Light on the mirrors of an array, to the images of the cameras that triggered."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import QTable

from gammaml import sky
from gammaml.io.hillas import image_parameters
from gammaml.production.card import LARGEST_REUSE
from gammaml.simulation import arrays, readout, rng, telescope

CAMERA_STREAM = 1 << 40  # showers have numbers below
VARIED = 1  # the random numbers of a shower's conditions
UNITS = {
    "true_energy": u.TeV,
    "true_alt": u.deg,
    "true_az": u.deg,
    "true_core_x": u.m,
    "true_core_y": u.m,
    "true_h_first_int": u.m,
    "true_x_max": u.g / u.cm**2,
    "true_starting_grammage": u.g / u.cm**2,
}


class Images(NamedTuple):
    """Images of cameras of one type, with what belongs to each.

    Parameters
    ----------
    table : QTable
    image, peak_time : array (n_images, n_pixels) of float32
        p.e. and ns.
    true_image : array (n_images, n_pixels) of int32
        Cherenkov photo-electrons.
    """

    table: QTable
    image: np.ndarray
    peak_time: np.ndarray
    true_image: np.ndarray


class Eye(NamedTuple):
    """A telescope as it sees one shower.

    Parameters
    ----------
    kind : arrays.TelescopeType
    camera : readout.Camera
    share : float
        Of the simulated photo-electrons that are made.
    """

    kind: arrays.TelescopeType
    camera: readout.Camera
    share: float


class Recorder:
    """An array ready to record the light of showers.

    Parameters
    ----------
    card : Card
    array : ArrayDescription
    """

    def __init__(self, card, array):
        self.card, self.array = card, array
        self.axes = sky.axes(90 - card.zenith, card.azimuth)
        self.types = {each.type.name: each.type for each in array.telescopes}
        self.rasters = {name: telescope.build_raster(kind.camera) for name, kind in self.types.items()}
        self.eyes = [Eye(each.type, self._camera(each), 1.0) for each in array.telescopes]

    def _camera(self, each):
        camera = readout.build_camera(each.type, [self.card.seed, each.tel_id])
        return camera if self.card.night_sky < 0 else camera._replace(night_sky=float(self.card.night_sky))

    def detectors(self):
        """As bright as the brightest of varied telescopes; the others drop some of their light."""
        nominal = arrays.detectors(self.array)
        brightest = 1 + self.card.vary
        return replace(
            nominal,
            efficiency=tuple(
                replace(each, efficiency=np.minimum(each.efficiency * brightest, 1.0)) for each in nominal.efficiency
            ),
        )

    def record(self, light, n_uses, number, draw):
        """What the array sees of a shower's light.

        Parameters
        ----------
        light : structured array
            As `Shower.photo_electrons`.
        n_uses : int
            Times that the shower is used.
        number : int
            Of the shower: other random numbers for each.
        draw : numpy.random.Generator

        Yields
        ------
        list
            For each use, (index of the telescope, (image, peak time, true image)) of the cameras that triggered; none
            where the array did not.
        """
        stream = rng.stream([self.card.seed, self.card.primary_number], CAMERA_STREAM + number)
        n, eyes = len(self.eyes), self._varied(number)
        light = _by_detector(light, n_uses * n)
        for use in range(n_uses):
            yield self._event(light[use * n :][:n], eyes, draw, stream)

    def rows(self, number, truth, cores, events):
        """Rows of all events that one shower makes: (type, (columns, image, peak time, true image)).

        Parameters
        ----------
        number : int
            Of the shower.
        truth : dict
            What all its events have in common, by column.
        cores : array (n_uses, 2)
            m, x north and y west.
        events : iterable
            Of `record`.
        """
        for use, ((x, y), seen) in enumerate(zip(cores, events, strict=True)):
            keys = {"event_id": LARGEST_REUSE * number + use, "true_core_x": x, "true_core_y": y}
            for index, images in seen:
                each = self.array.telescopes[index]
                yield each.type.name, (truth | keys | {"tel_id": each.tel_id}, *images)

    def images(self, rows):
        """`Images` by telescope type, of `rows` of some showers."""
        found = {name: [] for name in sorted(self.types)}
        for name, row in rows:
            found[name].append(row)
        return {name: self._images(name, own) for name, own in found.items()}

    def _varied(self, number):
        """The telescopes, each with conditions of its own for this shower where the card says so."""
        if not self.card.vary:
            return self.eyes
        draw = np.random.default_rng([self.card.seed, self.card.primary_number, number, VARIED])
        return [vary(eye, draw, self.card.vary) for eye in self.eyes]

    def _event(self, light, eyes, draw, stream):
        """(index of the telescope, images) of the cameras that triggered, none where the array did not.

        No camera is read out once too few others are left for the array to trigger.
        """
        least = self.array.minimum_telescopes
        bright = [index for index, part in enumerate(light) if len(part) >= self.card.least_light]
        if len(bright) < least:
            return []
        hit = [(index, *self._pixels(eyes[index], light[index], draw)) for index in bright]
        hit = [each for each in hit if len(each[1]) >= self.card.least_light]
        seen, left = [], len(hit)
        for index, pixel, time in hit:
            if len(seen) + left < least:
                return []
            left -= 1
            images = readout.read_out(stream, pixel, time, eyes[index].camera)
            if images is not None:
                seen.append((index, _narrow(images)))
        return seen if len(seen) >= least else []

    def _pixels(self, eye, light, draw):
        """Pixel and time, in the window, of the photo-electrons of one camera."""
        lon, lat, time = telescope.to_focal_plane(light, eye.kind, self.axes, draw)
        pixel = telescope.to_pixels(lon, lat, self.rasters[eye.kind.name])
        pixel[draw.random(len(pixel)) >= eye.kind.pixel_fill * eye.share] = -1
        pixel, time = pixel[pixel >= 0], time[pixel >= 0]
        if len(time):
            early = np.partition(time, len(time) // 10)[len(time) // 10]
            sample = eye.camera.sample
            start = readout.TRIGGER_AT * eye.camera.n_samples * sample + draw.uniform(0, sample)
            time = time - early + start
        return pixel, time

    def _images(self, name, rows):
        camera = self.types[name].camera
        stacks = [np.array([row[i] for row in rows]).reshape(len(rows), camera.n_pixels) for i in (1, 2, 3)]
        columns = {key: np.array([row[0][key] for row in rows]) for key in (rows[0][0] if rows else ())}
        table = QTable({key: values * UNITS.get(key, 1) for key, values in columns.items()})
        if rows:
            for key, values in image_parameters(*stacks[:2], camera).items():
                table[key] = values
        return Images(table, *stacks)


def vary(eye, draw, spread):
    """A telescope under conditions that nobody has told the analysis of.

    Parameters
    ----------
    eye : Eye
        As it is calibrated.
    draw : numpy.random.Generator
    spread : float
        Night sky, detection efficiency, point spread, width of the pulse and jitter are each multiplied by a number
        evenly between 1 - spread and 1 + spread.

    Returns
    -------
    Eye
    """
    light, night_sky, psf, pulse, jitter = draw.uniform(1 - spread, 1 + spread, 5)
    kind, camera = eye.kind, eye.camera
    return Eye(
        replace(kind, psf=kind.psf * psf, psf_growth=kind.psf_growth * psf),
        camera._replace(
            night_sky=camera.night_sky * night_sky,
            pulse=readout.pulse_samples(kind.pulse_width * pulse, camera.sample),
            jitter=camera.jitter * jitter,
        ),
        light / (1 + spread),
    )


def _by_detector(light, n):
    """Photo-electrons of each of n detectors."""
    light = light[np.argsort(light["detector"], kind="stable")]
    return np.split(light, np.searchsorted(light["detector"], np.arange(1, n)))


def _narrow(images):
    """As they are stored: parameters are computed from what a reader will find."""
    image, peak_time, true_image = images
    return image.astype(np.float32), peak_time.astype(np.float32), true_image.astype(np.int32)
