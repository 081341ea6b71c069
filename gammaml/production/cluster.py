"""Blocks of showers on the workers of a dask cluster."""

import pickle
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import islice
from threading import Lock

from gammaml import __version__
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.production.block import Observatory

PATIENCE = 30  # s for a scheduler or a worker to come
ONE_AT_A_TIME = Lock()  # an observatory has one set of buffers, and a worker of dask may have several threads


def on_cluster(observatory, parts, client):
    """What makes blocks on the workers of a client: takes their numbers, yields each when it is kept here."""
    return partial(_make, observatory, parts, client)


def _make(observatory, parts, client, blocks):
    if not blocks:
        return
    from distributed import KilledWorker, as_completed

    plan = pickle.dumps((observatory.card, observatory.array))
    expected = versions(observatory)
    rest = iter(blocks)
    submitted = (client.submit(remote_block, plan, expected, block, pure=False) for block in rest)
    try:
        running = as_completed(islice(submitted, _at_once(client)))
        for future in running:
            block, images = future.result()
            parts.write(block, images)
            yield block
            running.update(islice(submitted, 1))
    except KilledWorker as error:
        got, expected = "a worker that was killed again and again", "all of them to finish"
        raise OutputError(parts.folder, got, expected, "see its log; the same command goes on from here") from error


def _at_once(client):
    """Blocks to keep the workers busy with, while few results wait in memory."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        address = client.scheduler.address
        raise SettingError(address, "a scheduler without workers", "at least one", "start some") from error
    return 2 * sum(client.nthreads().values())


def versions(observatory):
    """What must be the same wherever showers of one production are made."""
    return {"gammaml": __version__, "hadronic table": observatory.simulator.hadrons_metadata["sha256"][:12]}


@lru_cache(maxsize=1)
def _observatory(plan):
    return Observatory(*pickle.loads(plan))


def remote_block(plan, expected, block):
    """A block, made by a worker: its number and its `Images` by telescope type.

    Parameters
    ----------
    plan : bytes
        Card and array, pickled.
    expected : dict
        The `versions` of whom it is for.
    block : int
    """
    with ONE_AT_A_TIME:
        observatory = _observatory(plan)
        for name, version in versions(observatory).items():
            if version != expected[name]:
                raise InputError(f"worker's {name}", version, expected[name], "install the same on all machines")
        return block, observatory.block(block)


@contextmanager
def connected(address):
    """A client of the dask scheduler at an address, such as ``tcp://10.0.0.1:8786``; None for no address.

    Raises
    ------
    SettingError
        dask's distributed is not installed, or nobody answers at the address.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        do = "pip install 'gammaml[distributed]'"
        raise SettingError("scheduler", "no package distributed", "dask's distributed", do) from error
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        got = str(error).splitlines()[0]
        raise SettingError(f"scheduler {address}", got, "the address of a dask scheduler", "check it") from error
    with client:
        yield client
