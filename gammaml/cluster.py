"""Work on a dask cluster: a client of its scheduler, and results as they come."""

from contextlib import contextmanager
from itertools import islice

from gammaml.errors import SettingError

PATIENCE = 30  # s for a scheduler or a worker to come


def in_turn(client, function, tasks):
    """Results of a function for many tasks, as they come; at most two a thread are under way or wait.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        Must be importable on the workers.
    tasks : iterable of tuple
        Its arguments.

    Yields
    ------
    number : int
        Of the task.
    result : object
        What the function returned, or the exception if the worker was killed again and again
        (``distributed.KilledWorker``).

    Raises
    ------
    Exception
        What the function raised.
    SettingError
        Where the cluster has no workers.
    """
    from distributed import KilledWorker, as_completed

    numbers = {}

    def submitted():
        for number, task in enumerate(tasks):
            future = client.submit(function, *task, pure=False)
            numbers[future.key] = number
            yield future

    futures = submitted()
    running = as_completed(islice(futures, _at_once(client)))
    for future in running:
        try:
            result = future.result()
        except KilledWorker as error:
            result = error
        yield numbers.pop(future.key), result
        running.update(islice(futures, 1))


def _at_once(client):
    """Tasks to keep the workers busy with, while few results wait in memory."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        address = client.scheduler.address
        raise SettingError(address, "a scheduler without workers", "at least one", "start some") from error
    return 2 * sum(client.nthreads().values())


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
