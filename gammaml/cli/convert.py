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

    parts = [(file, events) for file in files for events in read_cameras(file, selection)]
    first, known = parts[0]
    for file, events in parts:
        if not _same_telescopes(events.subarray, known.subarray):
            got, expected = f"other telescopes than in {first}", "one array"
            raise InputError(file, got, expected, "convert each array's files to a file of their own")
    return by_camera([events for _, events in parts])


def _same_telescopes(first, second):
    """Whether two arrays have telescopes of the same types and numbers at the same places, to a centimetre."""
    import numpy as np

    one, other = (
        [(each.tel_id, each.tel_type, *np.round(each.position, 2)) for each in subarray.telescopes]
        for subarray in (first, second)
    )
    return one == other
