"""The command ``gammaml``: a verb is loaded when it is used, and an error ends in one line."""

import importlib
import os
import shlex
import warnings

import click

from gammaml import __version__
from gammaml.cli import options, voice
from gammaml.errors import GammamlError

VERBS = (
    "demo",
    "info",
    "show",
    "convert",
    "simulate",
    "observe",
    "train",
    "check",
    "predict",
    "evaluate",
    "compare",
    "irf",
    "dl3",
    "source",
    "doctor",
    "completion",
)
ANYWHERE = ("--debug", "--quiet")  # options that may stand behind the verb too


class Failure(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message, exit_code=2):
        super().__init__(" ".join(str(message).split()))
        self.exit_code = exit_code

    def show(self, file=None):
        click.echo(f"{voice.coloured('gammaml:', 'red')} {self.message}", file=file, err=True)


class Verbs(click.Group):
    """Finds the verbs in the modules of this package, and turns what a user can mend into a `Failure`."""

    def list_commands(self, ctx):
        return list(VERBS)

    def get_command(self, ctx, name):
        return importlib.import_module(f"gammaml.cli.{name}").command if name in VERBS else None

    def parse_args(self, ctx, args):
        ctx.meta[options.COMMAND] = shlex.join(["gammaml", *args])
        first = [word for word in ANYWHERE if word in args]
        return super().parse_args(ctx, first + [word for word in args if word not in ANYWHERE])

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of our output has gone; click knows what to do
            raise
        except (GammamlError, OSError, KeyboardInterrupt) as error:
            if ctx.params["debug"]:
                raise
            raise _failure(error) from error


def _failure(error):
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", 130)
    if isinstance(error, OSError) and error.strerror:
        return Failure(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    return Failure(error)


@click.group(cls=Verbs)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--quiet", is_flag=True, help="Say only warnings, errors and what was asked for.")
@click.option(
    "--log",
    type=click.Choice(voice.LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    envvar="GAMMAML_LOG",
    show_envvar=True,
    help="Least of what is said on the way.",
)
@click.version_option(__version__, prog_name="gammaml", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx, debug, quiet, log):
    """From images of Cherenkov telescopes to gamma-ray physics.

    Train networks on simulated camera images, reconstruct files with them, and make the performance figures.
    """
    ctx.with_resource(voice.speaking(voice.QUIET if quiet else log))
    ctx.with_resource(warnings.catch_warnings())
    warnings.showwarning = _show_warning
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _show_warning(message, *_):
    voice.warn(message)
