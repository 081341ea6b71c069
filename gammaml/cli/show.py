"""``gammaml show``."""

import click

from gammaml.cli import options
from gammaml.cli.quiet import quietly
from gammaml.cli.voice import done
from gammaml.errors import InputError, SettingError

NAMES = {"Gammaml": "network", "Forest": "forest"}  # of reconstructions, in figures
METHODS = ("integrated_gradients", "grad_cam", "occlusion")
PICTURES = (".png", ".pdf", ".svg")
RESOLUTION = 150  # dots an inch of a PNG


def _event(ctx, param, value):
    """obs_id or None, and event_id, of 'OBS/EVENT' or 'EVENT'."""
    if value is None:
        return None
    obs_id, _, event_id = value.rpartition("/")
    if not event_id.isdecimal() or (obs_id and not obs_id.isdecimal()):
        raise click.BadParameter(f"{value!r} is neither an event id nor OBS/EVENT")
    return {"obs_id": int(obs_id) if obs_id else None, "event_id": int(event_id)}


def picture_name(ctx, param, value):
    """A file name that a figure can be saved under."""
    if value is not None and value.suffix not in PICTURES:
        raise click.BadParameter(f"{str(value)!r} does not end in one of {', '.join(PICTURES)}")
    return value


def _choice(event, index, brightest):
    asked = {"--event": event is not None, "--index": index is not None, "--brightest": brightest}
    given = [name for name, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise click.UsageError(f"give one of {' and '.join(given)}")
    return event or {"index": index}


choice = options.packed(
    "choice",
    _choice,
    click.option("--event", callback=_event, metavar="[OBS/]EVENT", help="Which event."),
    click.option("--index", type=click.IntRange(0), metavar="N", help="The event of this number in --list, from 0."),
    click.option("--brightest", is_flag=True, help="The event with the most light: the default."),
)


def _saliency(bundle, saliency, of):
    if bundle is None and (saliency or of):
        raise click.UsageError("give --bundle, the network that --saliency and --of ask")
    return None if bundle is None else {"path": bundle, "method": saliency or METHODS[0], "output": of}


saliency_options = options.packed(
    "saliency",
    _saliency,
    click.option("--bundle", type=options.FILE, metavar="X.gammaml", help="Show what this network looks at."),
    click.option("--saliency", type=click.Choice(METHODS), help="How; by default by integrated gradients."),
    click.option("--of", metavar="TASK", help="Which answer of the network: gammaness, energy or direction."),
)


@click.command("show")
@click.argument("file", type=options.FILE)
@choice
@click.option("--list", "listed", is_flag=True, help="List the events, and draw none.")
@click.option("--dl2", type=options.FILE, metavar="X.dl2.h5", help="What was reconstructed of these events.")
@click.option("--channel", type=click.Choice(("image", "peak_time")), default="image", show_default=True)
@saliency_options
@click.option("-o", "--output", type=options.FILE, callback=picture_name, metavar="X.png", help="PNG, PDF or SVG.")
@options.selection
@options.overwrite
def command(file, choice, listed, dl2, channel, saliency, output, selection, overwrite):
    """Draw an event of a file: its images, where it came from, and what was reconstructed of it.

    FILE is any file of images that gammaml reads. Without -o a window opens. With --bundle, each image stands beside
    what the pixels contribute to the network's answer.
    """
    from gammaml import event_view, io, plots

    if not listed:
        _check_output(output, overwrite, plots)
    events = io.read_cameras(file, selection)
    if listed:
        for line in _lines(event_view.list_events(events)):
            click.echo(line)
        return
    events = event_view.select_event(events, **choice)
    view = event_view.view_event(events, reconstructions(dl2) if dl2 else None)
    figure = plots.plot_event(view, channel=channel) if saliency is None else _explained(view, events, saliency)
    if output is None:
        plots.show()
    else:
        write_picture(figure, output, overwrite)


def _explained(view, events, asked):
    """The figure of what a network looks at in an event."""
    with quietly():
        from gammaml import bundle, explain
    from gammaml import plots

    network = bundle.load(asked["path"])
    pixels = {}
    for part in _as_taken(events, network):
        made = getattr(explain, asked["method"])(network, part, asked["output"])
        pixels |= explain.by_telescope(made, part)
    title = f"{asked['method'].replace('_', ' ')}, {network.settings.network}"
    return plots.plot_event_saliency(view, pixels, label=explain.LABELS[made.output], title=title)


def _as_taken(events, network):
    """The images as a network takes them: all at once, or camera by camera."""
    from gammaml.cli.train import as_arrays
    from gammaml.reconstruct import known_cameras

    if network.settings.is_array or network.settings.mapping != "resampled":
        events = known_cameras(events[0].sources[0]["name"], events, {"explained": network})
    return [as_arrays(events, 1)] if network.settings.is_array else events


def _check_output(output, overwrite, plots):
    """Raise, before a file is read, what would go wrong in the end."""
    from gammaml.io.write_tables import check_output

    if output is not None:
        check_output(output, overwrite)
    elif not plots.can_show():
        raise SettingError("gammaml show", "no display to open a window on", "a file name", "give one with -o")


def write_picture(figure, output, overwrite):
    """Save a figure under its name."""
    from gammaml.io.write_tables import whole_file

    with whole_file(output, overwrite) as temporary:
        figure.savefig(temporary, dpi=RESOLUTION)
    done(output)


def reconstructions(path):
    """What network and forest, or the reconstruction of lstchain, made of events: dict of name to DL2 table."""
    from gammaml.io.dl2 import levels, read_dl2

    tables, error = {}, None
    for name in NAMES:
        try:
            table = read_dl2(path, reconstructor=name, level=levels(path)[0])
        except InputError as failure:
            error = error or failure
        else:
            tables[NAMES.get(table.meta["reconstructor"], table.meta["reconstructor"])] = table
    if not tables:
        raise error
    return tables


def _lines(table):
    """A line an event."""
    from gammaml.io.wording import name_primary

    yield f"{'index':>7} {'event':>18} {'images':>7} {'p.e.':>10}  truth"
    for number, row in enumerate(table):
        truth = ""
        if "true_energy" in table.colnames:
            code = int(row["true_shower_primary_id"])
            truth = f"{name_primary(code)}, {row['true_energy'].to_value('TeV'):.3g} TeV"
        name = f"{row['obs_id']}/{row['event_id']}"
        line = f"{number:>7} {name:>18} {row['multiplicity']:>7} {row['hillas_intensity']:>10,.0f}  {truth}"
        yield line.rstrip()
