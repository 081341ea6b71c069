"""Files of sim_telarray taken apart, and put together otherwise."""

import zstandard

RUN_HEADER, CORSIKA_RUN, TELESCOPE_DATA, MC_SHOWER, MC_EVENT, TRIGGERED = 2000, 1200, 1204, 2020, 2021, 2010
HISTOGRAMS, MONITORING, PHOTOELECTRONS = 100, (2022, 2023), 2026
OF_EVENTS = (TELESCOPE_DATA, MC_SHOWER, MC_EVENT, TRIGGERED, PHOTOELECTRONS, *MONITORING)
EXTENDED = 1 << 17


def read_objects(path):
    """Type and bytes of each object of a file packed by zstd."""
    with open(path, "rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file).read()
    objects, start = [], 0
    while start < len(data):
        word, length = (int.from_bytes(data[start + low : start + low + 4], "little") for low in (4, 12))
        stop = start + 16 + (4 if word & EXTENDED else 0) + (length & 0x3FFFFFFF)
        objects.append((word & 0xFFFF, data[start:stop]))
        start = stop
    return objects


def join(objects):
    return b"".join(data for _, data in objects)
