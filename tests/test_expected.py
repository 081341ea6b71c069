"""Events that a power law gives: where all thrown showers are seen, flux × area × time (× solid angle)."""

import astropy.units as u
import numpy as np
import pytest
from fake_dl2 import E_MAX, E_MIN, RADIUS, make_events, simulated_run

from gammaml.errors import InputError
from gammaml.performance import expected_events

N = 20_000
POINT, DIFFUSE = u.Unit("cm-2 s-1 TeV-1"), u.Unit("cm-2 s-1 sr-1 TeV-1")


def thrown(primary, **changes):
    """All showers of a run, each seen once, at up to a degree from the pointing."""
    dl2 = make_events(N, primary, np.random.default_rng(primary))
    dl2["pointing_alt"], dl2["pointing_az"] = np.full(N, 70.0) * u.deg, np.zeros(N) * u.deg
    dl2.meta["simulation"] = simulated_run(dl2["obs_id"][0], N, **changes)
    return dl2


def integral(index):
    """Of E^index over the thrown energies, TeV."""
    return (E_MAX ** (index + 1) - E_MIN ** (index + 1)) / (index + 1)


@pytest.mark.parametrize("index", [-2.0, -2.62, -1.5])
def test_gammas_of_a_source(index):
    found = expected_events(thrown(0), 3e-11 * POINT, index, 2 * u.h)
    area = np.pi * (RADIUS * 100) ** 2
    uncert = np.sqrt(np.sum(found**2))
    assert found.sum() == pytest.approx(3e-11 * integral(index) * area * 7200, abs=4 * uncert)
    assert uncert < 0.05 * found.sum()


def test_protons_come_from_a_solid_angle_and_a_ring():
    cone = {"max_viewcone_radius": 3 * u.deg, "min_scatter_range": 100 * u.m}
    found = expected_events(thrown(101, **cone), 1e-5 * DIFFUSE, -2.7, 1 * u.s)
    area, angle = np.pi * ((RADIUS * 100) ** 2 - 1e4**2), 2 * np.pi * (1 - np.cos(np.deg2rad(3)))
    assert found.sum() == pytest.approx(1e-5 * integral(-2.7) * area * angle, rel=0.05)


def test_the_thrown_index_does_not_matter():
    """Each event counts by its energy, flux over the density of thrown ones."""
    flat = expected_events(thrown(0), 3e-11 * POINT, -2.0, 1 * u.h)
    np.testing.assert_allclose(flat, flat[0], rtol=1e-6)  # thrown as the source shines
    assert expected_events(thrown(0), 0 * POINT, -2.0, 1 * u.h).sum() == 0


def test_what_is_no_source_and_no_sky():
    with pytest.raises(InputError, match="gammas from a cone of 2 deg"):
        expected_events(thrown(0, max_viewcone_radius=2 * u.deg), 1e-11 * POINT, -2.0, 1 * u.h)
    with pytest.raises(InputError, match="background from one direction"):
        expected_events(thrown(101), 1e-5 * DIFFUSE, -2.7, 1 * u.s)
    with pytest.raises(InputError, match="no run of hadrons"):
        expected_events(thrown(0), 1e-5 * DIFFUSE, -2.7, 1 * u.s)
