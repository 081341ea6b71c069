"""A ctapipe plugin for made-up files: observations of one telescope, as waveforms of one light pulse a pixel."""

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation
from astropy.time import Time
from ctapipe.containers import (
    ArrayEventContainer,
    EventType,
    ObservationBlockContainer,
    R1CameraContainer,
    SchedulingBlockContainer,
    TelescopeTriggerContainer,
)
from ctapipe.instrument import (
    CameraDescription,
    CameraReadout,
    OpticsDescription,
    ReflectorShape,
    SubarrayDescription,
    TelescopeDescription,
)
from ctapipe.instrument.optics import SizeType
from ctapipe.io import DataLevel, EventSource
from made_events import FOCAL_LENGTH, hexagonal_camera

from gammaml.io.hillas import to_ctapipe_geometry

SIGNATURE = "waveforms"
N_SAMPLES = 30
CAMERA = hexagonal_camera(rings=4, name="PluginCam")


def write_waveforms(path, charges, event_types=None):
    """A file of events of some charges (n_events,), p.e. a pixel."""
    event_types = [32] * len(charges) if event_types is None else event_types
    path.write_text("\n".join([SIGNATURE, *(f"{q} {t}" for q, t in zip(charges, event_types, strict=True))]))
    return path


def _subarray():
    pulse = np.exp(-0.5 * ((np.arange(100) - 50) / 10) ** 2)[None]
    readout = CameraReadout("PluginCam", 1 * u.GHz, pulse, 0.1 * u.ns, 1, CAMERA.n_pixels, N_SAMPLES)
    optics = OpticsDescription(
        "PLUGIN", SizeType.MST, 1, FOCAL_LENGTH * u.m, FOCAL_LENGTH * u.m, 100 * u.m**2, 80, ReflectorShape.PARABOLIC
    )
    camera = CameraDescription("PluginCam", to_ctapipe_geometry(CAMERA), readout)
    place = {1: [0, 0, 0] * u.m}
    site = EarthLocation.from_geocentric(5327448, -1718665, 3051566, u.m)
    return SubarrayDescription("made", place, {1: TelescopeDescription("MST", optics, camera)}, site)


class MadeEventSource(EventSource):
    """Reads what `write_waveforms` wrote."""

    is_simulation = False
    datalevels = (DataLevel.R1,)
    observation_blocks = {7: ObservationBlockContainer(obs_id=7)}  # noqa: RUF012  (as ctapipe has it)
    scheduling_blocks = {7: SchedulingBlockContainer(sb_id=7)}  # noqa: RUF012

    def __init__(self, input_url=None, **settings):
        super().__init__(input_url=input_url, **settings)
        self._subarray = _subarray()

    @staticmethod
    def is_compatible(path):
        with open(path, "rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE.encode()

    @property
    def subarray(self):
        return self._subarray

    def _generator(self):
        for count, line in enumerate(self.input_url.read_text().splitlines()[1:]):
            charge, event_type = line.split()
            yield self._event(count, float(charge), EventType(int(event_type)))

    def _event(self, count, charge, event_type):
        event = ArrayEventContainer(count=count)
        event.index.obs_id, event.index.event_id = 7, count + 1
        event.trigger.event_type = event_type
        event.trigger.time = Time(60000 + count / 86400, format="mjd", scale="tai")
        event.trigger.tels_with_trigger = [1]
        event.trigger.tel[1] = TelescopeTriggerContainer(time=event.trigger.time, event_type=event_type)
        pulse = np.exp(-0.5 * (np.arange(N_SAMPLES) - 15.0) ** 2) / np.sqrt(2 * np.pi)
        waveform = np.full((1, CAMERA.n_pixels, 1), charge, np.float32) * pulse
        status = np.zeros(CAMERA.n_pixels, np.uint8)
        gain = np.zeros(CAMERA.n_pixels, int)
        event.r1.tel[1] = R1CameraContainer(waveform=waveform, pixel_status=status, selected_gain_channel=gain)
        event.monitoring.tel[1].camera.coefficients.outlier_mask = np.zeros((1, CAMERA.n_pixels), bool)
        event.monitoring.tel[1].pointing.altitude = np.deg2rad(70) * u.rad
        event.monitoring.tel[1].pointing.azimuth = np.deg2rad(-10) * u.rad
        return event
