"""What long work says while it runs: a bar on a terminal, plain lines in a log, both on standard error."""

import logging
import sys
import time
from contextlib import contextmanager

QUIET_SECONDS = 15  # between two plain lines
_log = logging.getLogger("gammaml")


class _Lines:
    """Plain lines for a log; none without a stream."""

    def __init__(self, description, total, done, unit, stream):
        self.description, self.total, self.unit, self.stream = description, total, unit, stream
        self.done, self.before = done, done
        self.start = self.last = time.monotonic()

    def advance(self, count, note=""):
        self.done += count
        now = time.monotonic()
        if now - self.last > QUIET_SECONDS or self.done >= self.total:
            self.last = now
            rate = (self.done - self.before) / max(now - self.start, 1e-9)
            left = (self.total - self.done) / rate
            done = f"{self.description}: {self.done:,}/{self.total:,} {self.unit}"
            self.say(f"{done}, {per_second(rate)}, {clock(left)} left {note}")

    def say(self, line):
        if self.stream:
            print(line.rstrip(), file=self.stream, flush=True)


class _Bar:
    """A rich progress bar."""

    def __init__(self, bar, task):
        self.bar, self.task = bar, task
        self.start, self.done = time.monotonic(), 0

    def advance(self, count, note=""):
        self.done += count
        rate = self.done / max(time.monotonic() - self.start, 1e-9)
        self.bar.update(self.task, advance=count, note=note, rate=per_second(rate))

    def say(self, line):
        self.bar.console.print(line, highlight=False, soft_wrap=True)


def per_second(rate):
    """A rate, with two digits where it is small."""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


def clock(seconds):
    """Minutes and seconds, or hours and minutes."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


@contextmanager
def track(description, total, *, done=0, unit="events", show=True):
    """Follow work of `total` units.

    Parameters
    ----------
    description : str
    total : int
    done : int
        Units that an earlier run has done.
    unit : str
    show : bool
        Say nothing when False, or when the level of the logger "gammaml" is above INFO.

    Yields
    ------
    object
        With `advance(count, note="")` and `say(line)`.
    """
    show = show and _log.level <= logging.INFO
    if not show or not sys.stderr.isatty():
        yield _Lines(description, total, done, unit, sys.stderr if show else None)
    else:
        from rich import progress as rich_progress
        from rich.console import Console

        columns = ("{task.description}", rich_progress.BarColumn(), "{task.completed:,.0f}/{task.total:,.0f} " + unit)
        end = ("{task.fields[rate]}", rich_progress.TimeRemainingColumn(), "{task.fields[note]}")
        with rich_progress.Progress(*columns, *end, console=Console(stderr=True)) as bar:
            yield _Bar(bar, bar.add_task(description, total=total, completed=done, note="", rate=""))
