"""Blocks of showers on the workers of a dask cluster."""

import pickle
from functools import lru_cache, partial
from threading import Lock

from gammaml import __version__, cluster
from gammaml.errors import InputError, OutputError
from gammaml.production.block import Observatory

ONE_AT_A_TIME = Lock()  # an observatory has one set of buffers, and a worker of dask may have several threads


def on_cluster(observatory, parts, client):
    """What makes blocks on the workers of a client: takes their numbers, yields each when it is kept here."""
    return partial(_make, observatory, parts, client)


def _make(observatory, parts, client, blocks):
    if not blocks:
        return
    plan = pickle.dumps((observatory.card, observatory.array))
    expected = versions(observatory)
    tasks = ((plan, expected, block) for block in blocks)
    for _, result in cluster.in_turn(client, remote_block, tasks):
        if isinstance(result, Exception):
            got, expected = "a worker that was killed again and again", "all of them to finish"
            raise OutputError(
                parts.folder, got, expected, "see its log; the same command goes on from here"
            ) from result
        block, images = result
        parts.write(block, images)
        yield block


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
