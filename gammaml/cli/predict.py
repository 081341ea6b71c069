"""``gammaml predict``."""

from dataclasses import replace

import click

from gammaml.cli import options
from gammaml.cli.quiet import quietly
from gammaml.cli.voice import done, note, trouble, warn
from gammaml.errors import InputError, OutputError, SettingError

SOME_FAILED = 3  # exit code
ANSWERS = ("gammaness", "reco_energy", "reco_fov_lon")


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
def command(files, networks, output, output_dir, selection, min_telescopes, held_out, overwrite, resume):
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
    bundles = load(networks)

    def reconstruct(file, target):
        cameras = read(file, selection, bundles, held_out=held_out)
        compare(file, cameras, bundles)
        write(cameras, bundles, target, overwrite=overwrite, min_telescopes=min_telescopes)
        done(f"{target}: {sum(map(len, cameras)):,} images")

    if len(files) == 1:
        for pair in work:
            reconstruct(*pair)
    elif failed := _one_by_one(reconstruct, work):
        trouble(f"{len(failed)} of {len(work)} files failed: {', '.join(map(str, failed))}")
        raise SystemExit(SOME_FAILED)


def _one_by_one(reconstruct, work):
    """Reconstruct files; returns those that could not be, each with its reason printed."""
    failed = []
    for file, target in work:
        try:
            reconstruct(file, target)
        except InputError as error:
            trouble(error)
            failed.append(file)
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


def load(networks):
    """Bundle by task; a joint network is loaded once."""
    with quietly():
        from gammaml import bundle
    loaded = {path: bundle.load(path) for path in dict.fromkeys(networks.values())}
    return {task: loaded[path] for task, path in networks.items()}


def read(file, selection, bundles, *, held_out=False):
    """The events of a file that the networks can take, a list of one item a camera."""
    from gammaml import io

    if takes_arrays(bundles):
        cameras = known_cameras(file, io.read_cameras(file, selection), bundles)
    elif all(bundle.settings.mapping == "resampled" for bundle in bundles.values()):
        cameras = io.read_cameras(file, selection)
    else:
        known = selection.tel_type or _known_type(file, next(iter(bundles.values())))
        cameras = [io.read_events(file, replace(selection, tel_type=known))]
    return _held_out(file, cameras, bundles) if held_out else cameras


def takes_arrays(bundles):
    """Whether the networks take array events; one kind must do for all.

    Raises
    ------
    SettingError
        Where some do and some do not.
    """
    kinds = {task: bundle.settings.is_array for task, bundle in bundles.items()}
    if len(set(kinds.values())) > 1:
        single = ", ".join(task for task, is_array in kinds.items() if not is_array)
        got, expected = f"networks of array events, and of single images for {single}", "one kind"
        raise SettingError("networks", got, expected, "give networks trained at one --level")
    return any(kinds.values())


def known_cameras(file, cameras, bundles):
    """The images of cameras that all networks know; a warning names those that are left out."""
    known = [part for part in cameras if all(_knows(bundle, part.camera) for bundle in bundles.values())]
    lost = sorted(name for part in cameras if part not in known for name in part.tel_types)
    trained = sorted({name for bundle in bundles.values() for name in bundle.metadata["tel_types"]})
    if not known:
        got, expected = f"images of {', '.join(lost)}", f"some of {', '.join(trained)}"
        raise InputError(file, got, expected, "use networks that were trained with these telescopes")
    if lost:
        warn(f"{file}: leaving out {', '.join(lost)}, which the networks do not know")
    return known


def _knows(bundle, camera):
    return any(camera.same_pixels(inputs.camera) for inputs in bundle.of_cameras)


def _known_type(file, bundle):
    """The telescope type that the network was trained on, where the file has several."""
    from gammaml.io.describe import tel_types

    present = tel_types(file)
    known = [name for name in bundle.metadata["tel_types"] if name in present]
    return known[0] if len(known) == 1 and len(present) > 1 else None


def _held_out(file, cameras, bundles):
    import numpy as np

    from gammaml.split import select_showers

    seen = np.concatenate([bundle.training_showers for bundle in bundles.values()])
    kept = [select_showers(events, ~np.isin(events.table["shower_id"], seen)) for events in cameras]
    kept = [events for events in kept if len(events)]
    if not kept:
        raise InputError(file, "only showers seen in training", "others too", "give another file, or leave --held-out")
    return kept


def compare(file, cameras, bundles):
    """Say of an observation whether it was taken under conditions that the networks know."""
    from gammaml import conditions

    if any(part.is_simulated for part in cameras):
        return
    for bundle in dict.fromkeys(bundles.values()):
        try:
            said = conditions.verdict(conditions.compare(cameras, bundle))
        except InputError as error:
            said = f"not compared; {error}"
        say = note if said.startswith("ok") else warn
        say(f"{file}: conditions {said}")


def write(cameras, bundles, target, *, overwrite, min_telescopes=1):
    """Predict the events, by networks and forests, and write one DL2 file."""
    import numpy as np

    from gammaml.io.dl2 import write_dl2

    answer = _arrays if takes_arrays(bundles) else _images
    tables = answer(cameras, bundles, min_telescopes)
    if not any(np.isfinite(tables[0][name]).any() for name in ANSWERS if name in tables[0].colnames):
        name = cameras[0].sources[0]["name"]
        raise InputError(name, "no image with a finite charge", "some light", "check how the file was made")
    write_dl2(tables, target, overwrite=overwrite, events=cameras)


def _images(cameras, bundles, min_telescopes):
    """Tables of the events of each camera, and their means over the images of a shower."""
    from astropy.table import vstack

    from gammaml import predict

    networks = [predict.to_dl2(events, **bundles, show=True) for events in cameras]
    forests = [predict.baseline_dl2(events, **bundles) for events in cameras]
    tables = [vstack(parts, metadata_conflicts="silent") for parts in (networks, forests)]
    combined = [predict.combine_telescopes(table) for table in tables]
    return tables + [table[table["multiplicity"] >= min_telescopes] for table in combined]


def _arrays(cameras, bundles, min_telescopes):
    """Tables of array events."""
    from gammaml import predict
    from gammaml.cli.train import as_arrays

    events = as_arrays(cameras, min_telescopes)
    return [predict.to_dl2(events, **bundles, show=True), predict.baseline_dl2(events, **bundles)]
