"""Blocks of showers on the cores of this machine.

Each worker is a Python of its own that is told the numbers of blocks on its standard input and says on its standard
output when each is kept. A script that calls `produce` needs no ``if __name__ == "__main__"`` for it; Ctrl-C reaches
only the process that gives out the work, and workers end when that is gone.
"""

import contextlib
import os
import pickle
import selectors
import subprocess
import sys
from functools import partial

from gammaml.errors import OutputError
from gammaml.production.block import Observatory

FIRST = 1  # blocks made by the process that gives out the work: that compiles, once for all, what is not compiled yet


def on_cores(observatory, parts, processes):
    """What makes blocks in some processes: takes their numbers, yields each when it is kept."""
    return partial(_make, observatory, parts, processes)


def _make(observatory, parts, processes, blocks):
    n_here = len(blocks) if processes == 1 else FIRST
    for block in blocks[:n_here]:
        parts.write(block, observatory.block(block))
        yield block
    rest = blocks[n_here:]
    if rest:
        with _workers(min(processes, len(rest))) as workers:
            try:
                yield from _share(workers, (observatory.card, observatory.array, parts), rest)
            except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
                got, expected = "a worker that was killed", "all of them to finish"
                raise OutputError(parts.folder, got, expected, "the same command goes on from here") from error


@contextlib.contextmanager
def _workers(number):
    """Processes that are killed at the end, whatever they do."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", "from gammaml.production.cores import work; work()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers = []
    try:
        for _ in range(number):
            workers.append(subprocess.Popen(command, env=environment, start_new_session=True, **pipes))
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            with contextlib.suppress(BrokenPipeError):
                worker.communicate()


def _share(workers, plan, blocks):
    """Give each worker a block when it is idle; yields blocks as they are kept."""
    rest = iter(blocks)
    with selectors.DefaultSelector() as busy:
        for worker in workers:
            _tell(worker, plan)
            busy.register(worker.stdout, selectors.EVENT_READ, worker)
            _tell(worker, next(rest))
        while busy.get_map():
            for key, _ in busy.select():
                answer = pickle.load(key.fileobj)
                if isinstance(answer, Exception):
                    raise answer
                following = next(rest, None)
                if following is None:
                    busy.unregister(key.fileobj)
                else:
                    _tell(key.data, following)
                yield answer


def _tell(worker, message):
    pickle.dump(message, worker.stdin)
    worker.stdin.flush()


def work():
    """What a worker does: keep blocks until there are no more orders."""
    orders = sys.stdin.buffer
    # Nobody gives orders any more, or hears the answers: closing these fails as well.
    with contextlib.suppress(EOFError, BrokenPipeError), os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what else is printed shall not be taken for an answer
        card, array, parts = pickle.load(orders)
        observatory = Observatory(card, array)
        while True:
            pickle.dump(_answer(observatory, parts, pickle.load(orders)), answers)
            answers.flush()


def _answer(observatory, parts, block):
    """The number of a block that is kept now, or what went wrong."""
    try:
        parts.write(block, observatory.block(block))
    except Exception as error:
        return error
    return block
