"""What long work says while it runs: a bar on a terminal, plain lines in a log, both on standard error."""

import sys
import time
from contextlib import contextmanager

QUIET_SECONDS = 15  # between two plain lines


class _Silent:
    """Stands in where nothing is to be shown."""

    def advance(self, count, note=""):
        pass

    def say(self, line):
        pass


class _Lines(_Silent):
    """Plain lines for a log."""

    def __init__(self, description, total, unit):
        self.description, self.total, self.unit = description, total, unit
        self.done, self.start, self.last = 0, time.monotonic(), time.monotonic()

    def advance(self, count, note=""):
        self.done += count
        now = time.monotonic()
        if now - self.last > QUIET_SECONDS or self.done >= self.total:
            self.last = now
            rate = self.done / max(now - self.start, 1e-9)
            left = (self.total - self.done) / rate
            done = f"{self.description}: {self.done:,}/{self.total:,} {self.unit}"
            self.say(f"{done}, {rate:,.0f}/s, {clock(left)} left {note}")

    def say(self, line):
        print(line.rstrip(), file=sys.stderr, flush=True)


class _Bar(_Silent):
    """A rich progress bar."""

    def __init__(self, bar, task):
        self.bar, self.task = bar, task
        self.start, self.done = time.monotonic(), 0

    def advance(self, count, note=""):
        self.done += count
        rate = self.done / max(time.monotonic() - self.start, 1e-9)
        self.bar.update(self.task, advance=count, note=note, rate=f"{rate:,.0f}/s")

    def say(self, line):
        self.bar.console.print(line, highlight=False, soft_wrap=True)


def clock(seconds):
    """Minutes and seconds, or hours and minutes."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


@contextmanager
def track(description, total, *, unit="events", show=True):
    """Follow work of `total` units.

    Parameters
    ----------
    description : str
    total : int
    unit : str
    show : bool
        Say nothing when False.

    Yields
    ------
    object
        With `advance(count, note="")` and `say(line)`.
    """
    if not show:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(description, total, unit)
    else:
        from rich import progress as rich_progress
        from rich.console import Console

        columns = ("{task.description}", rich_progress.BarColumn(), "{task.completed:,.0f}/{task.total:,.0f} " + unit)
        end = ("{task.fields[rate]}", rich_progress.TimeRemainingColumn(), "{task.fields[note]}")
        with rich_progress.Progress(*columns, *end, console=Console(stderr=True)) as bar:
            yield _Bar(bar, bar.add_task(description, total=total, note="", rate=""))
