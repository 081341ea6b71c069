"""sim_telarray files without their pixels: whether a file is one, and how many events and images it has."""

import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

OBJECT_STARTS = (b"\x37\x8a\x1f\xd4", b"\xd4\x1f\x8a\x37")  # of eventio, in either byte order
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def is_eventio(path, head):
    """Whether a file is in the format of sim_telarray, compressed by gzip or zstd or not.

    Parameters
    ----------
    path : Path
    head : bytes
        The first bytes of the file.
    """
    start = head
    if head.startswith(GZIP):
        with suppress(zlib.error):
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head)
    elif head.startswith(ZSTD):
        start = _unpacked_start(path)
    return start.startswith(OBJECT_STARTS)


def _unpacked_start(path):
    import zstandard

    try:
        with Path(path).open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
            return stream.read(len(OBJECT_STARTS[0]))
    except (OSError, zstandard.ZstdError):
        return b""


def count_images(path):
    """Triggered showers, and images of each telescope, by the headers alone.

    Parameters
    ----------
    path : Path

    Returns
    -------
    n_events : int
    n_images : dict of int to int
        By tel_id.
    """
    from eventio import EventIOFile
    from eventio.simtel.objects import ArrayEvent, TelescopeEvent

    n_events, n_images = 0, Counter()
    with EventIOFile(path) as file:
        for item in file:
            if isinstance(item, ArrayEvent):
                n_events += 1
                n_images.update(int(part.telescope_id) for part in item if isinstance(part, TelescopeEvent))
    return n_events, n_images
