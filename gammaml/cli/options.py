"""Options that several verbs share."""

import functools
import inspect
from pathlib import Path

import click

FILE = click.Path(path_type=Path)
COMMAND = "gammaml.command"  # of click's meta


def command_line():
    """The command that is running, as it was typed."""
    return click.get_current_context().meta[COMMAND]


def packed(name, build, *options):
    """A decorator for options that arrive as one argument.

    Parameters
    ----------
    name : str
        The argument.
    build : callable
        Makes it from the values of the options.
    *options : click.option
        One for each parameter of `build`.
    """
    own = tuple(inspect.signature(build).parameters)

    def decorate(function):
        @functools.wraps(function)
        def wrapped(**values):
            return function(**{name: build(*(values.pop(key) for key in own))}, **values)

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _selection(tel_type, event_type, min_intensity, max_leakage, max_events):
    from gammaml.io import Selection

    return Selection(tel_type, event_type, min_intensity, max_leakage, max_events)


selection = packed(
    "selection",
    _selection,
    click.option("--tel-type", metavar="NAME", help="Telescope type or camera, with wildcards (LST_*)."),
    click.option(
        "--event-type",
        type=int,
        multiple=True,
        default=(32,),
        show_default=True,
        metavar="N",
        help="ctapipe's code of the events to take, 32 for showers; give it once for each.",
    ),
    click.option("--min-intensity", type=float, default=0.0, metavar="PE", help="Smallest charge of a cleaned image."),
    click.option(
        "--max-leakage", type=float, default=1.0, metavar="SHARE", help="Largest share of charge at the edge."
    ),
    click.option("--max-events", type=click.IntRange(1), metavar="N", help="At most N array events of each file."),
)
files = click.argument("files", nargs=-1, required=True, type=FILE)
min_telescopes = click.option(
    "--min-telescopes", type=click.IntRange(1), default=1, metavar="N", help="Fewest images of an array event."
)
scheduler = click.option("--scheduler", metavar="ADDRESS", help="Of a dask cluster, whose workers then do the work.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace what exists.")
reconstructor = click.option(
    "--reconstructor", default="Gammaml", show_default=True, metavar="NAME", help="Which reconstruction of the files."
)


def _style(journal, font, columns):
    return {"journal": journal, "font": font, "columns": columns}


style = packed(
    "style",
    _style,
    click.option(
        "--journal",
        default="aa",
        show_default=True,
        metavar="NAME",
        help="Whose column figures are made for: aa (A&A), apj (ApJ), astropart (Astroparticle Physics).",
    ),
    click.option("--font", default="sans", show_default=True, metavar="NAME", help="Of figures: sans or serif."),
    click.option(
        "--columns", type=int, default=1, show_default=True, metavar="N", help="How wide figures are: 1 or 2 columns."
    ),
)


def _references(references):
    from gammaml.io.reference import read_reference

    return [(name, read_reference(path)) for name, path in references]


class _Named(click.ParamType):
    """A name and a file, with = between."""

    name = "NAME=FILE"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        name, _, path = value.partition("=")
        if not (name.strip() and path):
            self.fail(f"{value!r} is not NAME=FILE, such as CTAO=sensitivity.txt", param, ctx)
        return name.strip(), Path(path)


references = packed(
    "references",
    _references,
    click.option(
        "--reference",
        "references",
        type=_Named(),
        multiple=True,
        metavar="NAME=FILE",
        help="A curve to draw in grey: ECSV or text, its columns energy and one of sensitivity, effective_area, "
        "angular_resolution, energy_resolution; may be repeated.",
    ),
)
