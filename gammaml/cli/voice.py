"""What the command line says: products on standard output, the rest on standard error, as loud as the user wants it."""

import logging
import os
import time
from contextlib import contextmanager

import click

LEVELS = ("error", "warning", "info", "debug")
QUIET = "warning"
_log = logging.getLogger("gammaml")


def coloured(text, colour):
    """Text in a colour, unless the user wants none (no-color.org); click takes it off where there is no terminal."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour)


class _Terminal(logging.Handler):
    """Lines on standard error: notes as they are, what is more than a note with its kind, debugging with the clock."""

    def __init__(self):
        super().__init__()
        self.start = time.monotonic()

    def emit(self, record):
        text = " ".join(record.getMessage().split())
        if record.levelno == logging.DEBUG:
            text = f"gammaml: {time.monotonic() - self.start:.1f} s: {text}"
        elif record.levelno == logging.WARNING:
            text = f"{coloured('gammaml: warning:', 'yellow')} {text}"
        elif record.levelno > logging.WARNING:
            text = f"{coloured('gammaml:', 'red')} {text}"
        click.echo(text, err=True)


@contextmanager
def speaking(level):
    """Let the messages of gammaml of a level, one of LEVELS, and above be seen."""
    terminal, before = _Terminal(), (_log.level, _log.propagate)
    _log.addHandler(terminal)
    _log.setLevel(level.upper())
    _log.propagate = False  # a library may have a handler of its own at the root
    try:
        yield
    finally:
        _log.removeHandler(terminal)
        _log.setLevel(before[0])
        _log.propagate = before[1]


def note(text):
    """Say on the way what a user may want to know."""
    _log.info(text)


def warn(text):
    """Say what may be wrong."""
    _log.warning(text)


def trouble(text):
    """Say what went wrong, where the command goes on or has a last word."""
    _log.error(text)


def done(text):
    """Say on standard output what was made; nothing where only warnings are wanted."""
    if _log.isEnabledFor(logging.INFO):
        click.echo(text)
