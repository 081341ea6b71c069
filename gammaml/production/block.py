"""A block of showers: from the card to the images of the cameras that triggered."""

import numpy as np
from astropy import units as u

from gammaml import sky
from gammaml.production.record import Recorder
from gammaml.simulation import particles
from gammaml.simulation.primary import Primary
from gammaml.simulation.shower import Simulator


class Observatory(Recorder):
    """An array ready to record showers of its own.

    Parameters
    ----------
    card : Card
    array : ArrayDescription

    Raises
    ------
    SettingError
        Energies that no such primary can have, or beyond the hadronic table.
    """

    def __init__(self, card, array):
        super().__init__(card, array)
        self.simulator = Simulator(array.site, self.detectors())
        for energy in (card.energy_min, card.energy_max):
            self.simulator.check(Primary(card.primary, energy * u.TeV, zenith=card.zenith * u.deg))

    def block(self, number):
        """Images of the showers of one block.

        Parameters
        ----------
        number : int

        Returns
        -------
        dict
            `Images` by telescope type.
        """
        return self.images(row for shower in self.card.numbers(number) for row in self._shower(shower))

    def _shower(self, number):
        """Rows of all events that one shower makes."""
        card = self.card
        draw = np.random.default_rng([card.seed, card.primary_number, number])
        primary, cores = draw_primary(card, draw), draw_cores(card, draw)
        shower, events = self.observe(primary, cores, number, draw)
        return self.rows(number, _truth(shower), cores, events)

    def observe(self, primary, cores, number, draw):
        """A shower, and what the array sees of it.

        Parameters
        ----------
        primary : Primary
        cores : array (n_uses, 2)
            m, x north and y west.
        number : int
            Of the shower: other random numbers for each.
        draw : numpy.random.Generator

        Returns
        -------
        Shower
        iterator
            Of `record`.
        """
        shower = self.simulator.shower(primary, seed=self.card.seed, number=number, cores=cores * u.m)
        return shower, self.record(shower.photo_electrons, len(cores), number, draw)


def draw_primary(card, draw):
    """A primary of random energy and direction.

    Parameters
    ----------
    card : Card
    draw : numpy.random.Generator

    Returns
    -------
    Primary
    """
    power, level = card.index + 1, draw.random()
    low, high = card.energy_min, card.energy_max
    if abs(power) < 1e-9:
        energy = low * (high / low) ** level
    else:
        energy = (low**power + level * (high**power - low**power)) ** (1 / power)
    energy = min(max(energy, low), high)  # which rounding may leave
    # Evenly on the spherical cap of the cone: its point at an angle from the centre, in a direction of the plane there.
    distance = np.arccos(1 - draw.random() * (1 - np.cos(np.deg2rad(card.viewcone))))
    turn = draw.uniform(0, 2 * np.pi)
    lon = np.arctan2(np.sin(distance) * np.sin(turn), np.cos(distance))
    lat = np.arcsin(np.sin(distance) * np.cos(turn))
    alt, az = sky.fov_to_altaz(np.rad2deg(lon), np.rad2deg(lat), *centre(card))
    return Primary(card.primary, energy * u.TeV, zenith=(90 - float(alt)) * u.deg, azimuth=float(az) % 360 * u.deg)


def centre(card):
    """Altitude and azimuth, in degrees, of the source or the cone's centre."""
    alt, az = sky.fov_to_altaz(0.0, card.offset, 90 - card.zenith, card.azimuth)
    return float(alt), float(az) % 360


def draw_cores(card, draw):
    """Places (reuse, 2) on the ground, m, evenly on the disc of the card: x north, y west."""
    radius = card.scatter * np.sqrt(draw.random(card.reuse))
    angle = draw.uniform(0, 2 * np.pi, card.reuse)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


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
