"""sim_telarray files without their pixels: whether a file is one, and how many events and images it has."""

import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MARKERS = {b"\x37\x8a\x1f\xd4": "little", b"\xd4\x1f\x8a\x37": "big"}  # how each object starts, in either byte order
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
HEAD_BYTES = 512
CORSIKA_RUN = 1200  # first object of photons on the ground, which have met no telescope


def first_object(path):
    """The type of the first object of a file in the format of sim_telarray, packed by gzip or zstd or not.

    Parameters
    ----------
    path : Path

    Returns
    -------
    int or None
        eventio's number of the type; None for a file of another format.
    """
    with Path(path).open("rb") as file:
        start = file.read(HEAD_BYTES)
    if start.startswith(GZIP):
        with suppress(zlib.error):
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start)
    elif start.startswith(ZSTD):
        start = _unpacked_start(path)
    for marker, order in MARKERS.items():
        if start.startswith(marker) and len(start) >= 8:
            return int.from_bytes(start[4:8], order) & 0xFFFF
    return None


def _unpacked_start(path):
    import zstandard

    try:
        with Path(path).open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
            return stream.read(HEAD_BYTES)
    except zstandard.ZstdError:
        return b""


class Contents(NamedTuple):
    """Triggered showers; calibration events; images by tel_id; triggered showers by CORSIKA's code of their primary."""

    n_events: int
    n_calibration: int
    n_images: dict
    primaries: dict


def count_contents(path):
    """What a sim_telarray file has, by the headers alone, in the time that unpacking it takes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Contents
    """
    from eventio import EventIOFile
    from eventio.simtel.objects import ArrayEvent, CalibrationEvent, MCShower, TelescopeEvent

    n_calibration, n_images, primaries, primary = 0, Counter(), Counter(), None
    with EventIOFile(path) as file:
        for item in file:
            if isinstance(item, MCShower):
                primary = int(item.parse()["primary_id"])
            elif isinstance(item, ArrayEvent) and primary is not None:
                telescopes = [int(part.telescope_id) for part in item if isinstance(part, TelescopeEvent)]
                primaries[primary] += bool(telescopes)
                n_images.update(telescopes)
            n_calibration += isinstance(item, CalibrationEvent)
    return Contents(primaries.total(), n_calibration, dict(n_images), dict(primaries))
