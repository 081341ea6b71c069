"""A block of showers: from the card to the images of the cameras that triggered."""

from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import QTable

from gammaml import sky
from gammaml.io.hillas import image_parameters
from gammaml.simulation import arrays, particles, readout, rng, telescope
from gammaml.simulation.primary import Primary
from gammaml.simulation.shower import Simulator

CAMERA_STREAM = 1 << 40  # showers have numbers below


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


class Observatory:
    """An array ready to record showers.

    Parameters
    ----------
    card : Card
    """

    def __init__(self, card):
        self.card = card
        self.array = arrays.array(card.array)
        self.simulator = Simulator(self.array.site, arrays.detectors(self.array))
        self.axes = telescope.pointing_axes(90 - card.zenith, card.azimuth)
        self.types = sorted({each.type.name for each in self.array.telescopes})
        self.rasters = {each.type.name: telescope.build_raster(each.type.camera) for each in self.array.telescopes}
        self.cameras = [self._camera(each) for each in self.array.telescopes]

    def _camera(self, each):
        camera = readout.build_camera(each.type, [self.card.seed, each.tel_id])
        return camera if self.card.night_sky < 0 else camera._replace(night_sky=float(self.card.night_sky))

    def block(self, numbers):
        """Images of some showers.

        Parameters
        ----------
        numbers : iterable of int

        Returns
        -------
        dict
            `Images` by telescope type.
        """
        found = {name: [] for name in self.types}
        for number in numbers:
            for name, row in self._shower(number):
                found[name].append(row)
        return {name: self._images(name, rows) for name, rows in found.items()}

    def _shower(self, number):
        """Rows of all events that one shower makes: (type, (columns, image, peak time, true image))."""
        card = self.card
        draw = np.random.default_rng([card.seed, number])
        primary = self._primary(draw)
        radius = card.scatter * np.sqrt(draw.random(card.reuse))
        angle = draw.uniform(0, 2 * np.pi, card.reuse)
        cores = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        shower = self.simulator.shower(primary, seed=card.seed, number=number, cores=cores * u.m)
        light = shower.photo_electrons
        light = light[np.argsort(light["detector"], kind="stable")]
        edges = np.searchsorted(light["detector"], np.arange(card.reuse * len(self.cameras) + 1))
        truth = _truth(shower)
        stream = rng.stream(card.seed, CAMERA_STREAM + number)
        for use in range(card.reuse):
            event = []
            for index in range(len(self.cameras)):
                first, last = edges[use * len(self.cameras) + index :][:2]
                if last - first >= card.least_light:
                    seen = self._record(index, light[first:last], draw, stream)
                    if seen is not None:
                        event.append((index, seen))
            if len(event) >= self.array.minimum_telescopes:
                x, y = cores[use]
                keys = {"event_id": 100 * number + use, "true_core_x": x, "true_core_y": y}
                for index, seen in event:
                    each = self.array.telescopes[index]
                    yield each.type.name, (truth | keys | {"tel_id": each.tel_id}, *seen)

    def _primary(self, draw):
        """A primary of random energy and direction."""
        card = self.card
        power = card.index + 1
        low, high = card.energy_min, card.energy_max
        level = draw.random()
        if abs(power) < 1e-9:
            energy = low * (high / low) ** level
        else:
            energy = (low**power + level * (high**power - low**power)) ** (1 / power)
        # Uniform on the spherical cap of the cone.
        cosine = 1 - draw.random() * (1 - np.cos(np.deg2rad(card.viewcone)))
        distance, turn = np.rad2deg(np.arccos(cosine)), draw.uniform(0, 2 * np.pi)
        lon, lat = distance * np.sin(turn), distance * np.cos(turn)
        centre_alt = 90 - card.zenith + card.offset
        alt, az = sky.fov_to_altaz(*_on_sphere(lon, lat), centre_alt, card.azimuth)
        return Primary(card.primary, energy * u.TeV, zenith=(90 - float(alt)) * u.deg, azimuth=float(az) * u.deg)

    def _record(self, index, light, draw, stream):
        """Image, peak time and true image of one camera, None where it did not trigger."""
        each = self.array.telescopes[index].type
        lon, lat, time = telescope.to_focal_plane(light, each, self.axes, draw)
        pixel = telescope.to_pixels(lon, lat, self.rasters[each.name])
        pixel[draw.random(len(pixel)) >= each.pixel_fill] = -1
        pixel, time = pixel[pixel >= 0], time[pixel >= 0]
        if len(pixel) < self.card.least_light:
            return None
        camera = self.cameras[index]
        window = camera.n_samples * camera.sample
        time = time - np.quantile(time, 0.1) + readout.TRIGGER_AT * window + draw.uniform(0, camera.sample)
        return readout.read_out(stream, pixel, time, camera)

    def _images(self, name, rows):
        camera = next(each.type.camera for each in self.array.telescopes if each.type.name == name)
        stacks = [np.array([row[i] for row in rows]).reshape(len(rows), camera.n_pixels) for i in (1, 2, 3)]
        image, peak_time, true_image = stacks
        columns = {key: np.array([row[0][key] for row in rows]) for key in (rows[0][0] if rows else ())}
        table = QTable({key: values * UNITS.get(key, 1) for key, values in columns.items()})
        if rows:
            for key, values in image_parameters(image, peak_time, camera).items():
                table[key] = values
        return Images(table, image.astype(np.float32), peak_time.astype(np.float32), true_image.astype(np.int32))


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


def _on_sphere(lon, lat):
    """Longitude and latitude of a point at a distance and direction given as a plane vector, degrees."""
    distance = np.deg2rad(np.hypot(lon, lat))
    if distance == 0:
        return 0.0, 0.0
    turn = np.arctan2(lon, lat)
    latitude = np.arcsin(np.sin(distance) * np.cos(turn))
    longitude = np.arctan2(np.sin(distance) * np.sin(turn), np.cos(distance))
    return np.rad2deg(longitude), np.rad2deg(latitude)


def _truth(shower):
    primary = shower.primary
    return {
        "true_energy": primary.energy.to_value(u.TeV),
        "true_alt": 90 - primary.zenith.to_value(u.deg),
        "true_az": primary.azimuth.to_value(u.deg),
        "true_h_first_int": shower.first_interaction.value,
        "true_x_max": shower.x_max.value,
        "true_starting_grammage": 0.0,
        "true_shower_primary_id": particles.PRIMARIES[primary.particle][1],
    }
