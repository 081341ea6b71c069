"""Made-up simulated events: ellipses whose shape tells the class, brightness the energy, axis the direction."""

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml import sky
from gammaml.events import Camera, Optics, PixelStore, Readout, Subarray, Telescope, TelescopeEvents
from gammaml.io.truth import standard_height

FOCAL_LENGTH = 16.0  # m
PIXEL_WIDTH = 0.05  # m, 0.18 degrees


def hexagonal_camera(rings=12, name="MadeCam"):
    """A camera of hexagonal pixels in rings around the centre."""
    q, r = np.meshgrid(np.arange(-rings, rings + 1), np.arange(-rings, rings + 1))
    inside = np.abs(q + r) <= rings
    x = PIXEL_WIDTH * (q + r / 2)[inside]
    y = PIXEL_WIDTH * np.sqrt(3) / 2 * r[inside]
    area = np.full(len(x), PIXEL_WIDTH**2 * np.sqrt(3) / 2)
    readout = Readout(np.exp(-0.5 * np.linspace(-3, 3, 60)[None] ** 2), 0.1, 1.0, 40)
    return Camera(name, x, y, area, "hexagon", 0.0, 0.0, FOCAL_LENGTH, readout)


def made_subarray(n_telescopes=2, camera=None):
    """Telescopes 100 m apart on a line."""
    optics = Optics("MADE", "MST", "DAVIES_COTTON", 100.0, 1, 80, FOCAL_LENGTH, FOCAL_LENGTH)
    camera = camera or hexagonal_camera()
    telescopes = tuple(
        Telescope(number, "MST", f"MST_MADE_{camera.name}", np.array([100.0 * number, 0, 0]), optics, camera)
        for number in range(1, n_telescopes + 1)
    )
    return Subarray("made", (5327448.0, -1718665.0, 3051566.0), telescopes)


def made_events(n_showers=40, *, seed=0, primary=0, n_uses=2, n_telescopes=2, camera=None, obs_id=1):
    """Events of `n_showers` showers of one primary, each used `n_uses` times and seen by all telescopes.

    Gammas are narrow, protons wide; the charge is proportional to the energy; the source lies on the axis.
    """
    rng = np.random.default_rng([seed, primary])
    subarray = made_subarray(n_telescopes, camera)
    camera = subarray.telescopes[0].camera
    shower = np.repeat(np.arange(n_showers), n_uses * n_telescopes)
    use = np.tile(np.repeat(np.arange(n_uses), n_telescopes), n_showers)
    n = len(shower)
    energy = (10 ** rng.uniform(-1, 1, n_showers))[shower]
    direction = rng.uniform(-1, 1, (n_showers, 2))[shower]
    width = np.where(primary == 0, 0.12, 0.25) * rng.uniform(0.9, 1.1, n)
    length = 2.5 * width
    psi = rng.uniform(-90, 90, n)
    axis = np.stack([np.cos(np.deg2rad(psi)), np.sin(np.deg2rad(psi))], axis=1)
    cog = direction + 0.6 * axis * rng.choice([-1, 1], n)[:, None]
    intensity = 400 * energy
    image, peak_time = _images(camera, cog, axis, (length, width, intensity), rng)
    pointing_alt, pointing_az = np.full(n, 70.0), np.full(n, 180.0)
    alt, az = sky.fov_to_altaz(direction[:, 0], direction[:, 1], pointing_alt, pointing_az)
    table = QTable(
        {
            "obs_id": np.full(n, obs_id),
            "event_id": 100 * shower + use,
            "tel_id": np.tile(np.arange(1, n_telescopes + 1), n_showers * n_uses),
            "time": Time(60000.0 + (100 * shower + use) / 86400, format="mjd", scale="tai"),
            "event_type": np.full(n, 32),
            "pointing_alt": pointing_alt * u.deg,
            "pointing_az": pointing_az * u.deg,
            "true_energy": energy * u.TeV,
            "true_alt": alt * u.deg,
            "true_az": az * u.deg,
            "true_core_x": rng.uniform(-200, 200, n_showers * n_uses)[np.arange(n) // n_telescopes] * u.m,
            "true_core_y": rng.uniform(-200, 200, n_showers * n_uses)[np.arange(n) // n_telescopes] * u.m,
            "true_h_first_int": rng.uniform(15e3, 25e3, n_showers)[shower] * u.m,
            "true_x_max": rng.uniform(250, 400, n_showers)[shower] * u.g / u.cm**2,
            "true_starting_grammage": np.zeros(n) * u.g / u.cm**2,
            "true_shower_primary_id": np.full(n, primary),
            "shower_id": shower + 1_000_000 * primary + 10_000 * seed,
            "true_fov_lon": direction[:, 0] * u.deg,
            "true_fov_lat": direction[:, 1] * u.deg,
        }
    )
    vertical = table["true_x_max"].value * np.sin(np.deg2rad(alt))
    table["true_h_max"] = standard_height(vertical) * u.m
    for name, values in _parameters(cog, psi, length, width, intensity).items():
        table[name] = values
    simulation = QTable(
        {
            "obs_id": [obs_id],
            "n_showers": [float(10 * n_showers)],
            "shower_reuse": [n_uses],
            "energy_range_min": [0.1] * u.TeV,
            "energy_range_max": [10.0] * u.TeV,
            "spectral_index": [-1.0],
            "max_scatter_range": [400.0] * u.m,
            "min_scatter_range": [0.0] * u.m,
            "max_viewcone_radius": [1.5] * u.deg,
            "min_viewcone_radius": [0.0] * u.deg,
        }
    )
    store = PixelStore(image, peak_time)
    return TelescopeEvents(table, store, np.arange(n), camera, subarray, simulation, ({"name": "made", "sha256": "0"},))


def _images(camera, cog, axis, ellipse, rng):
    length, width, intensity = (values[:, None] for values in ellipse)
    offset = np.stack([camera.fov_lon, camera.fov_lat], axis=1)[None] - cog[:, None]
    along = np.einsum("npi,ni->np", offset, axis)
    across = offset[:, :, 0] * axis[:, None, 1] - offset[:, :, 1] * axis[:, None, 0]
    shape = np.exp(-0.5 * (along / length) ** 2 - 0.5 * (across / width) ** 2)
    expected = intensity * shape / shape.sum(axis=1, keepdims=True)
    image = rng.poisson(expected) + rng.normal(0, 0.5, expected.shape)
    peak_time = 20 + 5 * along + rng.normal(0, 1, along.shape)
    return image.astype(np.float32), peak_time.astype(np.float32)


def _parameters(cog, psi, length, width, intensity):
    """Columns of ctapipe's DL1 parameters, from the truth of the ellipses."""
    n = len(psi)
    zeros = np.zeros(n)
    return {
        "hillas_intensity": intensity,
        "hillas_skewness": zeros,
        "hillas_kurtosis": np.full(n, 3.0),
        "hillas_fov_lon": cog[:, 0] * u.deg,
        "hillas_fov_lat": cog[:, 1] * u.deg,
        "hillas_r": np.hypot(*cog.T) * u.deg,
        "hillas_phi": np.rad2deg(np.arctan2(cog[:, 1], cog[:, 0])) * u.deg,
        "hillas_length": length * u.deg,
        "hillas_width": width * u.deg,
        "hillas_psi": psi * u.deg,
        "timing_slope": np.full(n, 5.0) / u.deg,
        "timing_intercept": np.full(n, 20.0),
        "timing_deviation": np.full(n, 1.0),
        "leakage_pixels_width_1": zeros,
        "leakage_pixels_width_2": zeros,
        "leakage_intensity_width_1": zeros,
        "leakage_intensity_width_2": zeros,
        "concentration_cog": np.full(n, 0.3),
        "concentration_core": np.full(n, 0.4),
        "concentration_pixel": np.full(n, 0.1),
        "morphology_n_pixels": np.full(n, 20),
        "morphology_n_islands": np.full(n, 1),
    }
