"""``gammaml predict``."""

import click

from gammaml.cli import options
from gammaml.cli.quiet import quietly
from gammaml.cli.voice import done, note, trouble, warn
from gammaml.errors import InputError, OutputError
from gammaml.progress import track

SOME_FAILED = 3  # exit code


def _networks(gammaness, energy, direction):
    given = {"gammaness": gammaness, "energy": energy, "direction": direction}
    given = {task: path for task, path in given.items() if path is not None}
    if not given:
        raise click.UsageError("give at least one of --gammaness, --energy, --direction")
    return given


networks_options = options.packed(
    "networks",
    _networks,
    *(
        click.option(f"--{task}", type=options.FILE, metavar="X.gammaml", help=f"Network for the {task}.")
        for task in ("gammaness", "energy", "direction")
    ),
)


@click.command("predict")
@options.files
@networks_options
@click.option("-o", "--output", type=options.FILE, metavar="OUT.dl2.h5", help="Where one file goes.")
@click.option("--output-dir", type=options.FILE, metavar="DIR", help="Where several files go, each as NAME.dl2.h5.")
@options.selection
@options.min_telescopes
@click.option("--held-out", is_flag=True, help="Only showers that no network has seen in its training.")
@options.overwrite
@click.option("--resume", is_flag=True, help="With --output-dir: leave out files whose DL2 file is there already.")
@options.scheduler
def command(files, networks, output, output_dir, selection, min_telescopes, held_out, overwrite, resume, scheduler):
    """Reconstruct files of images with trained networks, and with the forests trained beside them.

    Each file becomes a ctapipe DL2 file with a row an image and a row a shower, or with networks of array events a row
    a shower. A joint network may be given for several tasks. Of several files, one that cannot be used does not stop
    the others: it is named, and the exit code is 3.
    """
    targets = _targets(files, output, output_dir)
    work = []
    for file, target in zip(files, targets, strict=True):
        if resume and target.exists():
            note(f"{target}: reconstructed before")
        else:
            work.append((file, target))
    _check_targets([target for _, target in work], {*files, *networks.values()}, overwrite)
    with quietly():
        from gammaml import cluster, reconstruct
    choice = reconstruct.Choice(selection, held_out, min_telescopes, overwrite)
    with cluster.connected(scheduler) as client:
        outcomes = (_here if client is None else _on_cluster)(work, networks, choice, client)
        failed = _report(outcomes, stop=len(files) == 1)
    if failed:
        trouble(f"{len(failed)} of {len(work)} files failed: {', '.join(map(str, failed))}")
        raise SystemExit(SOME_FAILED)


def _here(work, networks, choice, client):
    """Reconstruct file by file: yields each with its DL2 file, and the number of its images or what is wrong."""
    from gammaml import bundle, reconstruct

    bundles = bundle.load_each(networks)
    for file, target in work:
        try:
            yield file, target, reconstruct.to_file(file, target, bundles, choice)
        except InputError as error:
            yield file, target, error


def _on_cluster(work, networks, choice, client):
    """The same on the workers of a cluster, in any order."""
    from gammaml import bundle, reconstruct

    bundle.takes_arrays(bundle.load_each(networks))  # what is wrong with a network is wrong with all files
    with track("reconstructing", len(work), unit="files") as progress:
        for file, target, outcome, said in reconstruct.on_cluster(work, networks, choice, client):
            for text in said:
                warn(text)
            yield file, target, outcome
            progress.advance(1)


def _report(outcomes, *, stop):
    """Say what became of each file; returns those that could not be used, the first of which is raised to `stop`."""
    failed = []
    for file, target, outcome in outcomes:
        if isinstance(outcome, Exception):
            if stop:
                raise outcome
            trouble(outcome if str(file) in str(outcome) else f"{file}: {outcome}")
            failed.append(file)
        else:
            done(f"{target}: {outcome:,} images")
    return failed


def _targets(files, output, output_dir):
    """The DL2 file of each input; the folder for several is made where it is missing."""
    if (output is None) == (output_dir is None) or (output and len(files) > 1):
        raise click.UsageError("give --output for one file, or --output-dir for several")
    if output:
        return [output]
    output_dir.mkdir(parents=True, exist_ok=True)
    return [output_dir / f"{file.name.removesuffix('.h5').removesuffix('.dl1')}.dl2.h5" for file in files]


def _check_targets(targets, inputs, overwrite):
    from gammaml.io.write_tables import check_output

    inputs = {path.resolve() for path in inputs}
    for index, target in enumerate(targets):
        if target.resolve() in inputs:
            raise OutputError(target, "the name of an input", "a new name", "choose another one")
        if target in targets[:index]:
            raise OutputError(target, "two inputs of this name", "a name for each", "predict them one by one")
        check_output(target, overwrite)
