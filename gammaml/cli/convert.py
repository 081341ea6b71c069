"""``gammaml convert``."""

import click

from gammaml.cli import options
from gammaml.cli.voice import done
from gammaml.errors import InputError


@click.command("convert")
@options.files
@click.option("-o", "--output", type=options.FILE, required=True, metavar="OUT.dl1.h5", help="DL1 file to write.")
@options.selection
@options.overwrite
def command(files, output, selection, overwrite):
    """Write the images of any files that gammaml reads (sim_telarray, …) to one ctapipe DL1 file.

    Waveforms are calibrated and made into images as ctapipe does it by default. Several files must come from one array,
    and from different runs.
    """
    from gammaml.io import write_dl1
    from gammaml.io.write_tables import check_output

    check_output(output, overwrite)
    cameras = read(files, selection)
    write_dl1(cameras, output, overwrite=overwrite)
    done(f"{output}: {sum(map(len, cameras)):,} images")


def read(files, selection):
    """The events of all files, a list of one item a camera.

    Raises
    ------
    InputError
        Where files come from different arrays, of which a DL1 file can hold one.
    """
    from gammaml.events import by_camera
    from gammaml.io import read_cameras
    from gammaml.io.checks import check_labels

    parts = [(file, events) for file in files for events in read_cameras(file, selection)]
    first, known = parts[0]
    for file, events in parts:
        if not events.subarray.same_telescopes(known.subarray):
            got, expected = f"other telescopes than in {first}", "one array"
            raise InputError(file, got, expected, "convert each array's files to a file of their own")
    if all(events.is_simulated for _, events in parts):
        check_labels("files to convert", [events.table for _, events in parts])
    return by_camera([events for _, events in parts])
