"""Read FACT's photon streams: events, truth and pointing; the charges are extracted in :mod:`gammaml.io.fact_camera`.

In simulations CORSIKA's core is in x = east, y = north of the frame in which ``MSimSourcePos`` has the azimuth of the
shower, while the azimuth of the pointing counts from its south. They do not name the primary, but its mass follows from
its energy and momentum.
"""

import re
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml.columns import SUBARRAY_EVENT_TYPE
from gammaml.errors import InputError
from gammaml.events import concatenate
from gammaml.io.assemble import assemble, check_some_wanted, check_tel_type, filled_store
from gammaml.io.fact_camera import (
    PIXEL_MAP,
    extract_charges,
    fact_subarray,
    time_window,
    touching_pixels,
)
from gammaml.io.photon_streams import N_CHANNELS, read_streams

BLOCK = 256  # events whose photons show the time window
# FACT's trigger: ctapipe's EventType. 4 is the camera's own trigger, 1024 pedestals, 256 and 512 light pulsers.
EVENT_TYPES = {4: SUBARRAY_EVENT_TYPE, 1024: 2, 256: 0, 512: 0}
TYPE_NAMES = {SUBARRAY_EVENT_TYPE: "showers", 2: "pedestals", 0: "light pulser", 255: "others"}
SHOWERS = 1_000_000  # obs_id = SHOWERS * run + shower in simulations: each has a pointing of its own, and no time
USES = 100  # event_id = USES * shower + use, as in sim_telarray
ENERGY, FIRST_INTERACTION = "MCorsikaEvtHeader.fTotalEnergy", "CorsikaEvtHeader.fFirstInteractionHeight"
CORE_EAST, CORE_NORTH = "MCorsikaEvtHeader.fX", "MCorsikaEvtHeader.fY"
SOURCE_ZENITH, SOURCE_AZIMUTH = "MSimSourcePos.fZd", "MSimSourcePos.fAz"
MOMENTUM, MOMENTUM_ZENITH = "MCorsikaEvtHeader.fMomentumZ", "MCorsikaEvtHeader.fZd"
TRUTH = (
    ENERGY,
    FIRST_INTERACTION,
    CORE_EAST,
    CORE_NORTH,
    SOURCE_ZENITH,
    SOURCE_AZIMUTH,
    MOMENTUM,
    MOMENTUM_ZENITH,
)
MASSES = {0: 0.0, 101: 0.938, 402: 3.73, 1407: 13.04, 5626: 52.1}  # GeV, by particle code


def read_fact(paths, selection):
    """Camera images of FACT's photon streams.

    Parameters
    ----------
    paths : list of str or Path
        JSON lines or binary, compressed or not; with a `PIXEL_MAP` in the same folder.
    selection : gammaml.io.dl1.Selection

    Returns
    -------
    list of gammaml.events.TelescopeEvents
        One. Charges in p.e., less night sky and cross-talk; peak times in ns from the start of the time window.

    Raises
    ------
    gammaml.errors.InputError
        Where a file is damaged or holds something else, the `PIXEL_MAP` is missing, or no event is wanted.
    """
    return [concatenate([_read_file(Path(path), selection) for path in paths])]


def describe_fact(path):
    """What is in a photon stream: dict of str to str."""
    types, n_photons, first, last, truth = [], 0, [], [], set()
    for stream in read_streams(path):
        types.append(event_type(stream.header))
        n_photons += len(stream.slices)
        first.append(stream.slices.min(initial=first[-1] if first else 1024))
        last.append(stream.slices.max(initial=0))
        truth.add("reuse" in stream.header or ENERGY in stream.header)
    check_some_wanted(path, types)
    counts = (f"{types.count(code):,} {name}" for code, name in TYPE_NAMES.items() if code in types)
    return {
        "format": "FACT photon stream",
        "array events": f"{len(types):,} ({', '.join(counts)})",
        "telescopes": "1 (FACT)",
        "SST_FACT_FACT": f"{len(types):,} images; FACT, {N_CHANNELS:,} hexagon pixels",
        "photons": f"{n_photons / len(types) / N_CHANNELS:.3g} a pixel",
        "time window": f"slices {min(first)} to {max(last)} of 0.5 ns",
        "image parameters": "no",
        "simulated": "yes" if True in truth else "no",
        PIXEL_MAP: "beside the file" if (Path(path).parent / PIXEL_MAP).is_file() else "missing beside the file",
    }


def _read_file(path, selection):
    subarray = fact_subarray(path.parent)
    check_tel_type(path, subarray.telescopes[0], selection)
    neighbours = touching_pixels(subarray.telescopes[0].camera)
    types, headers, blocks = [], [], []
    for block in _blocks(_wanted_streams(path, selection, types)):
        headers += [stream.header for stream in block]
        blocks.append(_images(path, block, neighbours))
    check_some_wanted(path, types, selection)
    store = filled_store(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))
    return assemble(path, _table(path, headers), store, subarray, selection)


def _wanted_streams(path, selection, types):
    """The first `max_events` events of wanted types; the types of all that are passed are added to `types`."""
    n_wanted = 0
    for stream in read_streams(path):
        types.append(event_type(stream.header))
        if types[-1] in selection.event_types:
            yield stream
            n_wanted += 1
            if n_wanted == selection.max_events:
                return


def _blocks(streams):
    block = []
    for stream in streams:
        block.append(stream)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _images(path, block, neighbours):
    """Charges and peak times of a block of events, two arrays (n_events, 1440) float32."""
    for stream in block:
        _check_saturated(path, stream.header.get("saturated", ()))
    window = time_window(block)
    both = np.empty((2, len(block), N_CHANNELS), np.float32)
    for number, stream in enumerate(block):
        both[:, number] = extract_charges(stream, window, neighbours)
    return both


def _check_saturated(path, channels):
    is_list = isinstance(channels, list | tuple)
    if not (is_list and all(isinstance(channel, int) and 0 <= channel < N_CHANNELS for channel in channels)):
        raise InputError(path, f"the saturated pixels {channels}", f"some of 0 to {N_CHANNELS - 1}", "fetch it again")


def event_type(header):
    """ctapipe's EventType of an event; simulated ones have no trigger word, and are showers."""
    trigger = header.get("trigger", 4)
    return EVENT_TYPES.get(trigger, 255) if isinstance(trigger, int) else 255


def _table(path, headers):
    """What the file says of each event, but for its image."""
    table = QTable(_keys(path, headers))
    table["tel_id"] = 1
    table["event_type"] = [event_type(header) for header in headers]
    simulated = "reuse" in headers[0] or ENERGY in headers[0]
    zenith, azimuth = (_numbers(path, headers, name, missing=np.nan) for name in ("zenith", "azimuth"))
    table["pointing_alt"] = (90 - zenith) * u.deg
    table["pointing_az"] = np.mod(azimuth + 180 * simulated, 360) * u.deg
    if all("time" in header for header in headers):
        seconds, microseconds = _numbers(path, headers, "time", shape=(2,)).T
        table["time"] = Time(seconds, microseconds / 1e6, format="unix", scale="utc")
    if ENERGY in headers[0]:
        for name, values in _truth(path, headers).items():
            table[name] = values
    return table


def _keys(path, headers):
    """obs_id and event_id: night and run, and event, of observations; run and shower, and use, of simulations."""
    shower = event = _numbers(path, headers, "event").astype(np.int64)
    if "night" in headers[0]:
        night, run = (_numbers(path, headers, name).astype(np.int64) for name in ("night", "run"))
        return {"obs_id": 1000 * night + run, "event_id": event}
    if "reuse" in headers[0]:
        event = USES * event + _numbers(path, headers, "reuse").astype(np.int64)
    digits = re.search(r"\d+", path.name)  # JSON lines leave the run to the name: cer011013
    run = _numbers(path, headers, "run", missing=int(digits[0]) if digits else 0)
    return {"obs_id": SHOWERS * run.astype(np.int64) + shower, "event_id": event}


def _truth(path, headers):
    energy, first, east, north, zenith, azimuth, momentum, momentum_zenith = (
        _numbers(path, headers, name) for name in TRUTH
    )
    if not (energy > 0).all():
        raise InputError(path, "a true energy at or below zero", "positive energies", "check the simulation")
    return {
        "true_energy": energy / 1000 * u.TeV,
        "true_alt": (90 - zenith) * u.deg,
        "true_az": np.mod(azimuth, 360) * u.deg,
        "true_core_x": north / 100 * u.m,
        "true_core_y": -east / 100 * u.m,
        "true_h_first_int": np.abs(first) / 100 * u.m,  # CORSIKA's minus says where the clock starts
        "true_shower_primary_id": np.full(len(energy), primary(energy, momentum / np.cos(momentum_zenith))),
    }


def primary(energy, momentum):
    """Particle code of a file's showers, by the mass that energies and momenta (GeV) give.

    Of a single precision number the square of the mass is known to 1e-7 of the energy's: so by the lower half.
    """
    low = energy <= np.median(energy)
    mass = np.sqrt(max(np.median((energy**2 - momentum**2)[low]), 0))
    return min(MASSES, key=lambda code: abs(MASSES[code] - mass))


def _numbers(path, headers, name, *, missing=None, shape=()):
    """One number, or some, of each event."""
    values = [header.get(name, missing) for header in headers]
    if any(value is None for value in values):
        raise InputError(f"{path}: event {values.index(None) + 1}", f"no {name}", "it in each event", "fetch it again")
    try:
        values = np.array(values, float)
    except (TypeError, ValueError) as error:
        raise InputError(path, f"a {name} that is no number", "numbers", "check how the file was made") from error
    if values.shape != (len(headers), *shape) or (missing is None and not np.isfinite(values).all()):
        raise InputError(path, f"a {name} that is no finite number", "numbers", "check how the file was made")
    return values
