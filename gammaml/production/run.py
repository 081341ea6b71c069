"""Productions: many showers, on all cores, into one DL1 file."""

import hashlib
import os
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from gammaml import __version__
from gammaml.errors import InputError, OutputError
from gammaml.events import PixelStore, TelescopeEvents
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.write_tables import check_output
from gammaml.production.block import Observatory
from gammaml.production.parts import Parts
from gammaml.progress import track
from gammaml.simulation import arrays, hadronic_library, particles

BLOCK = 20  # showers
FIRST_TIME = 60000.0  # MJD of the first event: simulated events have no time of their own
RATE = 100.0  # a second

_observatory = None  # of this process, for the blocks that it works on


def produce(card, output, *, processes=None, overwrite=False, show=True):
    """Simulate a production and write it as a DL1 file.

    What an interrupted run has finished is not done again, and the file is the same.

    Parameters
    ----------
    card : Card
    output : str or Path
    processes : int or None
        All cores when None.
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
        An impossible card or array.
    OutputError
        The file exists, its folder cannot be written, the disk is full, or a worker was killed.
    """
    output = Path(output)
    array = arrays.array(card.array)
    check_output(output, overwrite)
    _, hadrons = hadronic_library.load()
    identity = {"card": asdict(card), "version": __version__, "block": BLOCK}
    digests = {"array": _digest(card.array), "hadrons": hadrons["sha256"]}
    parts = Parts(output, identity | digests)
    n_blocks = -(-card.showers // BLOCK)
    _work(card, parts, n_blocks, processes or os.cpu_count(), show)
    events, true_images = gather(card, array, parts, n_blocks)
    counts = write(events, true_images, output, overwrite)
    parts.remove()
    return {"showers": card.showers} | counts


def _digest(array):
    """SHA-256 of an array's file."""
    path = arrays.ARRAYS / f"{array}.toml" if array in arrays.names() else Path(array)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _work(card, parts, n_blocks, processes, show):
    """Make the blocks that are missing."""
    missing = parts.missing(n_blocks)
    done = card.showers - sum(len(_numbers(card, block)) for block in missing)
    description = f"{card.primary}s on {card.array}"
    with track(description, card.showers, done=done, unit="showers", show=show) as progress:
        for block, n_events in _blocks(card, parts, missing, processes):
            progress.advance(len(_numbers(card, block)), f"{n_events} events in this block")


def _numbers(card, block):
    return range(block * BLOCK, min((block + 1) * BLOCK, card.showers))


def _blocks(card, parts, missing, processes):
    """Work on blocks in some processes; yields (block, number of events) as each is kept."""
    if not missing:
        return
    # The first block is made here: it compiles what is not compiled yet, once.
    _start(card)
    first, *missing = missing
    yield _one(card, parts, first)
    if processes == 1:
        for block in missing:
            yield _one(card, parts, block)
        return
    context = get_context("spawn")  # a fork of a process with threads of numerical libraries may hang
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(card,)) as pool:
        try:
            yield from _as_completed(pool, card, parts, missing, 2 * processes)
        except BrokenProcessPool as error:
            got = "a worker that died"
            raise OutputError(parts.folder, got, "all of them to finish", "run again: it goes on from here") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _as_completed(pool, card, parts, missing, at_once):
    """Results of blocks of which few wait at a time."""
    waiting, rest = set(), iter(missing)
    while True:
        for block in rest:
            waiting.add(pool.submit(_one, card, parts, block))
            if len(waiting) >= at_once:
                break
        if not waiting:
            return
        finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            yield future.result()


def _start(card):
    global _observatory
    _observatory = Observatory(card)


def _one(card, parts, block):
    images = _observatory.block(_numbers(card, block))
    parts.write(block, images)
    ids = [np.asarray(part.table["event_id"]) for part in images.values() if len(part.table)]
    return block, len(np.unique(np.concatenate(ids))) if ids else 0


def gather(card, array, parts, n_blocks):
    """Events of all blocks, by telescope type, and their true images.

    Returns
    -------
    events : list of TelescopeEvents
    true_images : list of array (n_images, n_pixels) of int32
    """
    subarray = arrays.subarray(array)
    events, true_images = [], []
    for name in sorted({each.type.name for each in array.telescopes}):
        camera = next(each.type.camera for each in array.telescopes if each.type.name == name)
        tables = [parts.read(block, name).table for block in range(n_blocks)]
        n = sum(map(len, tables))
        if n == 0:
            continue
        store = PixelStore.allocate(n, camera.n_pixels)
        true = PixelStore.allocate(n, camera.n_pixels).image.view(np.int32)
        first = 0
        for block in range(n_blocks):
            part = parts.read(block, name)
            last = first + len(part.table)
            store.image[first:last], store.peak_time[first:last] = part.image, part.peak_time
            true[first:last] = part.true_image
            first = last
        table = _complete(card, tables)
        events.append(TelescopeEvents(table, store, np.arange(n), camera, subarray, thrown(card), ()))
        true_images.append(true)
    if not events:
        raise InputError("production", "no event that triggered", "some", "throw more showers, or of more energy")
    return events, true_images


def _complete(card, tables):
    """One table of all, with what is the same for all events."""
    tables = [table for table in tables if len(table)]
    table = QTable()
    for name in tables[0].colnames:
        columns = [each[name] for each in tables]
        table[name] = u.Quantity(np.concatenate(columns)) if hasattr(columns[0], "unit") else np.concatenate(columns)
    n = len(table)
    table["obs_id"] = np.full(n, obs_id(card))
    table["pointing_alt"] = np.full(n, 90 - card.zenith) * u.deg
    table["pointing_az"] = np.full(n, card.azimuth % 360) * u.deg
    table["event_type"] = np.full(n, 32)
    table["time"] = Time(FIRST_TIME + np.asarray(table["event_id"]) / RATE / 86400, format="mjd", scale="tai")
    return table


def obs_id(card):
    """Number of the run: different for other primaries and seeds."""
    if card.obs_id >= 0:
        return card.obs_id
    return 100 * card.seed + list(particles.PRIMARIES).index(card.primary) + 1


def thrown(card):
    """Table of what was thrown, as ctapipe's simulation configuration: one row."""
    return QTable(
        {
            "obs_id": [obs_id(card)],
            "n_showers": [float(card.showers)],
            "shower_reuse": [card.reuse],
            "energy_range_min": [card.energy_min] * u.TeV,
            "energy_range_max": [card.energy_max] * u.TeV,
            "spectral_index": [card.index],
            "max_scatter_range": [card.scatter] * u.m,
            "min_scatter_range": [0.0] * u.m,
            "max_viewcone_radius": [card.viewcone] * u.deg,
            "min_viewcone_radius": [0.0] * u.deg,
            "max_alt": [90 - card.zenith] * u.deg,
            "min_alt": [90 - card.zenith] * u.deg,
            "max_az": [card.azimuth % 360] * u.deg,
            "min_az": [card.azimuth % 360] * u.deg,
        }
    )


def write(events, true_images, output, overwrite):
    """Write the events; returns numbers of array events and images."""
    write_dl1(events, output, true_images=true_images, overwrite=overwrite)
    ids = np.unique(np.concatenate([np.asarray(part.table["event_id"]) for part in events]))
    return {"events": len(ids), "images": sum(map(len, events))}
