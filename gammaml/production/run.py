"""Productions: many showers, on all cores or a cluster, into one DL1 file."""

import hashlib
import os
from dataclasses import asdict
from pathlib import Path

from gammaml.errors import SettingError
from gammaml.io.write_tables import check_output
from gammaml.production.block import Observatory
from gammaml.production.cluster import on_cluster
from gammaml.production.cores import on_cores
from gammaml.production.gather import write_file
from gammaml.production.parts import Parts
from gammaml.progress import track
from gammaml.simulation import arrays


def produce(card, output, *, processes=None, client=None, overwrite=False, show=True):
    """Simulate a production and write it as a DL1 file.

    The file is the same for any number of processes or workers. Finished blocks are kept in a folder beside it, named
    after it with ``.parts``: the same call after an interruption goes on from there.

    Parameters
    ----------
    card : Card
    output : str or Path
    processes : int or None
        All cores when None.
    client : distributed.Client or None
        Its workers make the showers, instead of processes of this machine; the file is written here.
    overwrite : bool
        Whether an existing file may be replaced.
    show : bool
        Say how far it is, on standard error.

    Returns
    -------
    dict
        Numbers of showers thrown, array events and images.

    Raises
    ------
    InputError, SettingError
        An impossible card or array, or no event that triggered.
    OutputError
        The file exists, its folder cannot be written, the disk is full, or a worker was killed.
    """
    output = Path(output)
    if processes is not None and processes < 1:
        raise SettingError("processes", processes, "at least 1", "choose another number")
    check_output(output, overwrite)
    observatory = Observatory(card, arrays.array(card.array))
    origin = identity(observatory)
    parts = Parts(output, origin)
    if client is None:
        make = on_cores(observatory, parts, processes or os.cpu_count())
    else:
        make = on_cluster(observatory, parts, client)
    _work(card, parts, make, show)
    return write_file(card, observatory.array, parts, output, origin=origin, overwrite=overwrite)


def identity(observatory):
    """What decides the events: parts must share it to become one file, which carries it."""
    card, site = observatory.card, observatory.array.site
    known = arrays.ARRAYS / f"{card.array}.toml"
    file = known if card.array in arrays.names() else Path(card.array)
    return {
        "card": asdict(card),
        "block": card.block_size,
        "array": hashlib.sha256(file.read_bytes()).hexdigest(),
        "site_settings": repr(site),
    } | observatory.simulator.origin


def _work(card, parts, make, show):
    """Make the blocks that are missing: `make` takes their numbers and yields each when it is kept."""
    missing = parts.missing(card.n_blocks)
    finished = set(range(card.n_blocks)) - set(missing)
    done, events = (sum(map(count, finished)) for count in (lambda block: len(card.numbers(block)), parts.n_events))
    with track(f"{card.primary}s on {card.array}", card.showers, done=done, unit="showers", show=show) as progress:
        for block in make(missing):
            events += parts.n_events(block)
            progress.advance(len(card.numbers(block)), f"{events:,} events")
