"""FACT's photon streams, event by event: JSON lines or binary, compressed or not (Mueller et al., ICRC 2017).

An event holds, for each of 1440 channels by their CHID, the slices of 0.5 ns in which photons arrived.
"""

import gzip
import itertools
import json
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gammaml.errors import InputError

N_CHANNELS = 1440
LARGEST_SLICE = 1023  # FACT reads 300 slices, or 1024 on request
GZIP = b"\x1f\x8b"
BINARY = b"phs\x04"
END_OF_CHANNEL = 255  # in binary files, after the slices of each channel
# The names that the passes of the photon extraction give the same thing.
ARRIVALS = ("PhotonArrivals_500ps", "PhotonArrivals")
NAMES = {
    "night": ("Night", "NIGHT"),
    "run": ("Run", "RUNID"),
    "event": ("Event", "EventNum"),
    "reuse": ("Reuse",),
    "time": ("UnixTime_s_us", "UnixTimeUTC"),
    "trigger": ("Trigger", "TriggerType"),
    "zenith": ("Zd_deg", "ZdPointing"),
    "azimuth": ("Az_deg", "AzPointing"),
    "saturated": ("SaturatedPixels", "Saturation", "Saturated_pixels"),
}
TRUTH = ("MCorsikaEvtHeader.", "CorsikaEvtHeader.", "MSimSourcePos.", "MMcEvt.")


class Stream(NamedTuple):
    """One event.

    Parameters
    ----------
    header : dict
        What the file says of the event, by the keys of `NAMES`; numbers of the simulation by their own names.
    slices : array of int (n_photons,)
        Arrival slices, channel by channel.
    n_photons : array of int (1440,)
        Photons of each channel.
    """

    header: dict
    slices: np.ndarray
    n_photons: np.ndarray

    @property
    def channels(self):
        """Channel of each photon, (n_photons,)."""
        return np.repeat(np.arange(N_CHANNELS), self.n_photons)


def is_photon_stream(path, head):
    """Whether a file, of which `head` are the first bytes, is a photon stream or is named like one."""
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head)
        except zlib.error:
            head = b""
    name = path.name.removesuffix(".gz")
    return head.startswith(BINARY[:3]) or head.lstrip().startswith(b"{") or name.endswith((".jsonl", ".phs"))


def read_streams(path):
    """The events of a file, one after the other.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    Stream

    Raises
    ------
    gammaml.errors.InputError
        Where the file is truncated or damaged, or holds something else: names the line or the event.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == GZIP
        with gzip.open(path) if compressed else path.open("rb") as file:
            binary = file.read(len(BINARY)).startswith(BINARY[:3])
            file.seek(0)
            yield from (_binary_events if binary else _json_events)(path, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        got = f"a truncated or damaged gzip file ({str(error).rstrip('.').lower()})"
        raise InputError(path, got, "a whole file", "fetch it again") from error
    except OSError as error:
        raise InputError(path, error.strerror.lower(), "a file that may be read", "check the name") from error


def _json_events(path, file):
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield _json_event(f"{path}: line {number}", line)


def _json_event(where, line):
    try:
        event = json.loads(line)
    except ValueError as error:
        got = f"no JSON ({str(error).split(':')[0].lower()})"
        raise InputError(where, got, "an event of a photon stream", "fetch the file again") from error
    lists = next((event[name] for name in ARRIVALS if name in event), None) if isinstance(event, dict) else None
    if not isinstance(lists, list):
        got, expected = "no list PhotonArrivals_500ps", "an event of a photon stream"
        raise InputError(where, got, expected, "check which file it is")
    _check_channels(where, len(lists))
    known = {key: event[name] for key, names in NAMES.items() for name in names if name in event}
    truth = {name: value for name, value in event.items() if name.startswith(TRUTH)}
    try:
        n_photons = np.fromiter(map(len, lists), int, N_CHANNELS)
        slices = np.array(list(itertools.chain.from_iterable(lists)) or np.empty(0, int))
    except (TypeError, ValueError) as error:
        raise _bad_slices(where, "something else than lists of numbers") from error
    if slices.dtype.kind not in "iu" or (len(slices) and not 0 <= slices.min() <= slices.max() <= LARGEST_SLICE):
        raise _bad_slices(where, "arrival slices that are none")
    return Stream(known | truth, slices, n_photons)


def _bad_slices(where, got):
    return InputError(where, got, f"whole numbers from 0 to {LARGEST_SLICE}", "check how the file was made")


def _check_channels(where, number):
    if number != N_CHANNELS:
        raise InputError(where, f"{number} pixels", f"the {N_CHANNELS} of FACT's camera", "check which file it is")


def _binary_events(path, file):
    for number in itertools.count(1):
        start = file.read(5)
        if not start:
            return
        where = f"{path}: event {number}"
        if start[:4] != BINARY or start[4] > 1:
            raise InputError(where, f"the bytes {start!r}", "phs, version 4", "fetch the file again")
        try:
            yield _binary_event(where, file, simulated=start[4] == 1)
        except struct.error as error:
            raise InputError(where, "the end of the file", "a whole event", "fetch the file again") from error


def _binary_event(where, file, *, simulated):
    """An event behind its first five bytes; little-endian, not aligned."""

    def read(layout):
        return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))

    header = dict(zip(("run", "event", "reuse") if simulated else ("night", "run", "event"), read("3I"), strict=True))
    if not simulated:
        seconds, microseconds, header["trigger"] = read("3I")
        header["time"] = seconds, microseconds
    header["zenith"], header["azimuth"] = read("2f")
    (length,) = read("I")
    symbols = np.frombuffer(file.read(length), np.uint8)
    (n_saturated,) = read("H")
    header["saturated"] = read(f"{n_saturated}H")
    ends = np.flatnonzero(symbols == END_OF_CHANNEL)
    _check_channels(where, len(ends))
    return Stream(header, symbols[symbols != END_OF_CHANNEL].astype(int), np.diff(ends, prepend=-1) - 1)
