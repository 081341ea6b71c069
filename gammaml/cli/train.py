"""``gammaml train``."""

import time
from contextlib import suppress
from dataclasses import replace

import click

from gammaml.cli import options
from gammaml.cli.quiet import quietly
from gammaml.cli.voice import done, note, trouble, warn
from gammaml.config import TrainSettings, read_toml

DEFAULT_NETWORK = {"telescope": "resnet", "array": "array_transformer"}
LOSSES = (".loss.csv", ".loss.pdf", ".loss.png")


def _fractions(ctx, param, value):
    try:
        fractions = tuple(float(part) for part in value.split(","))
    except ValueError:
        fractions = ()
    if len(fractions) < 2:
        raise click.BadParameter(f"{value!r} is not two or three numbers with commas, as 0.7,0.1,0.2")
    return fractions


def _bundle_name(ctx, param, value):
    if value.suffix != ".gammaml":
        raise click.BadParameter(f"{str(value)!r} does not end in .gammaml")
    return value


def _settings(level, network, encoder, epochs, seed, uncertainty, config):
    settings = read_toml(TrainSettings, config) if config else TrainSettings()
    if level is not None and network is None and settings.is_array != (level == "array"):
        network = DEFAULT_NETWORK[level]
    given = {"network": network, "encoder": encoder, "epochs": epochs, "seed": seed, "uncertainty": uncertainty or None}
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    if level is not None and settings.is_array != (level == "array"):
        raise click.UsageError(f"--level {level} and --network {network} do not go together; leave one of them")
    return settings


settings_options = options.packed(
    "settings",
    _settings,
    click.option("--level", type=click.Choice(tuple(DEFAULT_NETWORK)), help="Learn from images, or array events."),
    click.option(
        "--network",
        metavar="NAME",
        help="Of images: resnet (the default), cnn, hillas_mlp or one of keras.applications; of array events: "
        "array_transformer (the default), deepset or crnn.",
    ),
    click.option("--encoder", metavar="NAME", help="What looks at each image of an array event: resnet, cnn, …"),
    click.option("--epochs", type=click.IntRange(1), metavar="N", help="Passes over the training events."),
    click.option("--seed", type=int, metavar="N", help="Of the split, the weights and the shuffling."),
    click.option("--uncertainty", is_flag=True, help="Also learn the uncertainties of energy and direction."),
    click.option("--config", type=options.FILE, metavar="FILE.toml", help="Settings; other options go before them."),
)


@click.command("train")
@click.argument("task")
@options.files
@click.option("-o", "--output", required=True, type=options.FILE, callback=_bundle_name, metavar="X.gammaml")
@settings_options
@options.selection
@click.option(
    "--split",
    default="0.7,0.1,0.2",
    show_default=True,
    callback=_fractions,
    help="Shares of the showers for training, for validation, and left for tests.",
)
@options.min_telescopes
@click.option(
    "--match-noise", type=options.FILE, metavar="OBSERVATION", help="Add noise to the images, up to that observed."
)
@click.option("--from", "start", type=options.FILE, metavar="Y.gammaml", help="Network whose weights to start from.")
@click.option("--resume", is_flag=True, help="Go on from where a training for this output was interrupted.")
@options.overwrite
def command(task, files, output, settings, selection, split, min_telescopes, match_noise, start, resume, overwrite):
    """Train a network on simulated DL1 files, and a Hillas-parameter forest on the same events.

    TASK is gammaness, energy or direction, or several with commas for one joint network, which may learn h_max, x_max
    and, of array events, core besides. Beside X.gammaml come the losses as X.loss.csv, .pdf and .png. Ctrl-C keeps the
    best network so far.
    """
    from gammaml import io
    from gammaml import split as splitting
    from gammaml.tasks import get_tasks

    began = time.monotonic()
    tasks = [known.name for known in get_tasks(task.split(","))]
    overwrite = overwrite or (resume and run_folder(output).is_dir())
    check_products(output, overwrite)
    many = settings.is_array or settings.mapping == "resampled"
    events = (io.read_cameras if many else io.read_events)(files, selection)
    settings = settings if match_noise is None else _as_observed(settings, match_noise, events, selection)
    training, validation, *_ = splitting.by_shower(events, fractions=split, seed=settings.seed)
    if settings.is_array:
        training, validation = (as_arrays(part, min_telescopes) for part in (training, validation))
    bundle = fit(training, validation, tasks, settings, output, resume=resume, start=start)
    save(bundle, output, overwrite=overwrite)
    done(f"{output}: {summary(bundle, time.monotonic() - began)}")
    if not is_finished(bundle):
        trouble("interrupted; the same command with --resume goes on")
        raise click.exceptions.Exit(130)
    remove_checkpoint(output)


def _as_observed(settings, observation, events, selection):
    """The settings, with the pixel noise of an observation for each camera of the events."""
    from gammaml import io, night_sky

    return replace(settings, match_noise=night_sky.levels(io.read_cameras(observation, selection), events))


def run_folder(output):
    """Where a training keeps its checkpoint."""
    return output.with_suffix(".training")


def check_products(output, overwrite):
    """Raise, before hours of work, what would go wrong when saving."""
    from gammaml.io.write_tables import check_output

    for suffix in (".gammaml", *LOSSES):
        check_output(output.with_suffix(suffix), overwrite)


def as_arrays(cameras, min_telescopes):
    """Array events of the images of all cameras."""
    from gammaml import array_events

    return array_events.build(cameras, min_telescopes=min_telescopes)


def fit(training, validation, tasks, settings, output, *, resume, start=None):
    """A bundle, trained from the start, from another bundle, or from the checkpoint beside `output`."""
    from gammaml.checkpoint import CHECKPOINT

    with quietly():
        from gammaml import bundle, train
    checkpoint = run_folder(output) / CHECKPOINT
    if resume and not checkpoint.is_file():
        note(f"{checkpoint}: nothing to resume, starting anew")
    if not resume and checkpoint.is_file():
        warn(f"{checkpoint}: discarding the checkpoint of an earlier training (--resume would go on)")
        checkpoint.unlink()
    known = {"settings": settings, "run_dir": checkpoint.parent}
    start = None if start is None else bundle.load(start)
    return train.fit(settings.network, training, validation, task=tasks, start=start, **known)


def save(bundle, output, *, overwrite):
    """Write the bundle, then its losses as a table and a figure."""
    from astropy.table import QTable

    from gammaml import plots
    from gammaml.io.write_tables import whole_file

    bundle.save(output, overwrite=overwrite)
    history = QTable(rows=bundle.metadata["history"])
    csv, *figures = (output.with_suffix(suffix) for suffix in LOSSES)
    with whole_file(csv, overwrite) as temporary:
        history.write(temporary, format="ascii.csv", overwrite=True)
    with plots.print_style():
        figure = plots.plot_loss_curves(history).figure
        for path in figures:
            with whole_file(path, overwrite) as temporary:
                figure.savefig(temporary)


def summary(bundle, seconds):
    """One line on a training."""
    from gammaml.progress import clock

    metadata, noun = bundle.metadata, "showers" if bundle.settings.is_array else "images"
    counts = " and ".join(f"{count:,} {kind}" for kind, count in metadata["n_training"].items())
    return (
        f"{bundle.settings.network} for {', '.join(task.name for task in bundle.tasks)}; "
        f"best epoch {metadata['best_epoch']} of {len(metadata['history'])}; "
        f"trained on {counts} {noun}, validated on {metadata['n_validation']:,}; {clock(seconds)}"
    )


def is_finished(bundle):
    """Whether the training went to its last epoch, or stopped because it no longer got better."""
    done = len(bundle.metadata["history"])
    settings = bundle.settings
    return done >= settings.n_epochs or done - bundle.metadata["best_epoch"] >= settings.patience


def remove_checkpoint(output):
    """Take the checkpoint away; the folder too, unless something else is in it."""
    from gammaml.checkpoint import CHECKPOINT

    (run_folder(output) / CHECKPOINT).unlink(missing_ok=True)
    with suppress(OSError):
        run_folder(output).rmdir()
