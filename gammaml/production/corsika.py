"""Showers of CORSIKA on our telescopes: photon bunches on the ground into a DL1 file."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from astropy import units as u

from gammaml import __version__
from gammaml.errors import InputError, SettingError
from gammaml.io.corsika import read_run, read_showers
from gammaml.io.tables import file_source
from gammaml.io.write_tables import check_output
from gammaml.production.gather import write_file
from gammaml.production.parts import Parts
from gammaml.production.record import Recorder
from gammaml.progress import track
from gammaml.simulation import arrays, particles
from gammaml.simulation.arrays import ArrayTelescope
from gammaml.simulation.bunches import detect, optical_depths
from gammaml.simulation.shower import profile_maximum

NAMES = {code: name for name, (_, code) in particles.PRIMARIES.items()}


def produce_from_corsika(path, card, output, *, overwrite=False, show=True):
    """See the showers of a file of CORSIKA with our telescopes, and write the images as a DL1 file.

    Each sphere of the file gets a telescope. The uses of a shower have one `shower_id`, as in our productions. The
    air's transmission is that of the array's site, from CORSIKA's observation level.

    Parameters
    ----------
    path : str or Path
        Of the IACT option, see :mod:`gammaml.io.corsika`.
    card : Card
        Of which `array`, `offset`, `night_sky`, `vary`, `least_light`, `seed` and `obs_id` hold; the rest is the
        file's.
    output : str or Path
    overwrite : bool
        Whether an existing file may be replaced.
    show : bool
        Say how far it is, on standard error.

    Returns
    -------
    dict
        Numbers of showers, array events and images.

    Raises
    ------
    InputError
        A damaged file, an unknown primary, or no event that triggered.
    SettingError
        An array of several types of telescopes, or of larger ones than the spheres.
    OutputError
        The file exists, its folder cannot be written, or the disk is full.
    """
    output = Path(output)
    check_output(output, overwrite)
    run = read_run(path)
    card = fill_card(card, run, path)
    recorder = Recorder(card, place_telescopes(arrays.array(card.array), run))
    origin = {"card": asdict(card), "gammaml": __version__, "hadrons": f"showers of CORSIKA {run.version:g}"}
    origin["source"] = list(file_source(path).values())
    parts = Parts(output, origin)
    with track(f"CORSIKA's {card.primary}s on {card.array}", run.showers, unit="showers", show=show) as progress:
        card = replace(card, showers=_record(recorder, run, read_showers(path), parts, progress))
    return write_file(card, recorder.array, parts, output, origin=origin, overwrite=overwrite)


def fill_card(card, run, path):
    """A card with what a file of CORSIKA says; the telescopes point `offset` below the source."""
    if run.primary not in NAMES:
        expected = f"one of {', '.join(NAMES.values())}"
        raise InputError(path, f"a primary with the code {run.primary}", expected, "use another file")
    return replace(
        card,
        primary=NAMES[run.primary],
        showers=max(run.showers, 1),
        energy_min=run.energy[0],
        energy_max=run.energy[1],
        index=run.index,
        viewcone=run.viewcone,
        scatter=run.scatter,
        reuse=run.reuse,
        zenith=90 - run.alt + card.offset,
        azimuth=run.az,
        obs_id=card.obs_id if card.obs_id >= 0 else run.number,
    )


def place_telescopes(array, run):
    """An array with a telescope of its type in each sphere of a file, on its site at CORSIKA's observation level."""
    kinds = list(dict.fromkeys(each.type for each in array.telescopes))
    if len(kinds) > 1:
        got = f"telescopes of the types {', '.join(kind.name for kind in kinds)}"
        raise SettingError(f"array {array.name}", got, "one type, for all spheres of the file", "choose another array")
    smallest = run.telescopes[:, 3].min()
    if kinds[0].mirror_diameter / 2 > smallest:
        got = f"a mirror of {kinds[0].mirror_diameter:g} m"
        expected = f"at most {2 * smallest:g} m, which fits into the spheres of the file"
        raise SettingError(f"array {array.name}", got, expected, "choose an array of smaller telescopes")
    places = run.telescopes[:, :3] - [0, 0, kinds[0].height]
    telescopes = tuple(ArrayTelescope(i, kinds[0], *place) for i, place in enumerate(places.tolist(), 1))
    field = {"field_north": run.field_north * u.T, "field_down": run.field_down * u.T}
    site = replace(array.site, altitude=run.altitude * u.m, declination=run.turned * u.deg, **field)
    least = min(array.minimum_telescopes, len(telescopes))
    return replace(array, site=site, telescopes=telescopes, minimum_telescopes=least)


def _record(recorder, run, showers, parts, progress):
    """Keep the images of all showers, block by block; how many showers there were."""
    efficiency = recorder.detectors().efficiency[0]
    depths = optical_depths(recorder.array.site, (efficiency.wavelength[0], efficiency.wavelength[-1]))
    detected = partial(detect, efficiency=efficiency, depths=depths, wavelengths=run.wavelengths)
    size, number, rows = recorder.card.block_size, 0, []
    for shower in showers:
        rows += _see(recorder, shower, detected)
        number += 1
        progress.advance(1)
        if number % size == 0:
            parts.write(number // size - 1, recorder.images(rows))
            rows = []
    if number % size:
        parts.write(number // size, recorder.images(rows))
    return number


def _see(recorder, shower, detected):
    """Rows of the events of one shower; `detected` makes photo-electrons of bunches."""
    card = recorder.card
    draw = np.random.default_rng([card.seed, card.primary_number, shower.number])
    events = recorder.record(detected(shower.light, draw), len(shower.cores), shower.number, draw)
    return recorder.rows(shower.number, _truth(shower), shower.cores, events)


def _truth(shower):
    slant = shower.depth / np.sin(np.deg2rad(shower.alt))
    return {
        "true_energy": shower.energy,
        "true_alt": shower.alt,
        "true_az": shower.az,
        "true_h_first_int": shower.first_interaction,
        "true_x_max": profile_maximum(slant, shower.electrons) if len(slant) else np.nan,
        "true_starting_grammage": 0.0,
        "true_shower_primary_id": shower.primary,
    }
