"""Our images of the truth of somebody else's events."""

import dataclasses
import json
import tomllib

import numpy as np
from astropy import units as u

from gammaml import sky
from gammaml.production import Card
from gammaml.production.block import Observatory
from gammaml.simulation import DetectionEfficiency, Primary


def scaled(array, throughput):
    """An array whose telescopes detect so much more of the light, once for each type."""
    kinds = {each.type for each in array.telescopes}
    brighter = {
        kind: dataclasses.replace(
            kind,
            efficiency=DetectionEfficiency(kind.efficiency.wavelength, kind.efficiency.efficiency * throughput),
        )
        for kind in kinds
    }
    telescopes = tuple(dataclasses.replace(each, type=brighter[each.type]) for each in array.telescopes)
    return dataclasses.replace(array, telescopes=telescopes)


def write_scaled(path, throughput, output):
    """The file of an array with more efficient cameras, of which one telescope is enough for an event."""
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds, telescopes = settings.pop("types"), settings.pop("telescopes")
    lines = [f"{key} = {json.dumps(value)}" for key, value in (settings | {"minimum_telescopes": 1}).items()]
    for name, kind in kinds.items():
        camera = kind.pop("camera")
        camera["efficiency"] = [share * throughput for share in camera["efficiency"]]
        for table, values in ((f"types.{name}", kind), (f"types.{name}.camera", camera)):
            lines += [f"[{table}]"] + [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    for telescope in telescopes:
        lines += ["[[telescopes]]"] + [f"{key} = {json.dumps(value)}" for key, value in telescope.items()]
    output.write_text("\n".join(lines), encoding="utf-8")


def simulate(sample, *, throughput=1.0, repeats=1, seed=1, night_sky=-1.0, keep_images=False):
    """Image parameters of ours, of the same energies, directions, first interactions and cores.

    Parameters
    ----------
    sample : Sample
    throughput : float
        Of the optics, over what the array's file says.
    repeats : int
        Showers of ours for each event of theirs.
    seed : int
    night_sky : float
        p.e. a ns and pixel; the array's own where negative.
    keep_images : bool
        With the columns `image`, `peak_time` and `true_image` too.

    Returns
    -------
    QTable
        A row an image that triggered: event, telescope, repeat, light (Cherenkov photo-electrons) and the parameters.
    """
    array = scaled(sample.array, throughput)
    particle = str(sample.truth["particle"][0])
    observatory = Observatory(Card("theirs", particle, seed=seed, night_sky=night_sky), array)
    rows = []
    for event, truth in enumerate(sample.truth):
        for repeat in range(repeats):
            rows += [(event, repeat, index, *images) for index, images in _observe(observatory, truth, event, repeat)]
    return _table(rows, sample, array, keep_images)


def _observe(observatory, truth, event, repeat):
    pointing = [truth[f"pointing_{name}"].to_value(u.deg) for name in ("alt", "az")]
    observatory.axes = sky.axes(*pointing)
    primary = Primary(
        str(truth["particle"]),
        truth["energy"],
        zenith=90 * u.deg - truth["alt"],
        azimuth=truth["az"],
        first_interaction=truth["first"],
    )
    core = np.array([[truth["core_x"].to_value(u.m), truth["core_y"].to_value(u.m)]])
    draw = np.random.default_rng([observatory.card.seed, event, repeat])
    _, events = observatory.observe(primary, core, 1000 * event + repeat, draw)
    return next(iter(events))


def _table(rows, sample, array, keep_images):
    camera = array.telescopes[0].type.camera
    event, repeat, index = np.array([row[:3] for row in rows], int).reshape(-1, 3).T
    image, peak_time, true_image = (np.array([row[i] for row in rows]).reshape(-1, camera.n_pixels) for i in (3, 4, 5))
    table = sample.measure(image, peak_time, camera)
    table["event"], table["repeat"], table["telescope"] = event, repeat, index
    table["light"] = true_image.sum(axis=1).astype(float)
    if keep_images:
        table["image"], table["peak_time"], table["true_image"] = image, peak_time, true_image
    return table


def paired(theirs, ours):
    """Images that both have, cleaned: rows of theirs, and of the first repeat of ours that triggered, one to one.

    Theirs are only of events that triggered. Given the truth and that both triggered, both are drawn from the same
    distribution where the simulations are equal: nothing of the choice remains.

    Parameters
    ----------
    theirs, ours : QTable

    Returns
    -------
    QTable, QTable
    """
    places = {}
    for row in np.flatnonzero(np.isfinite(ours["width"])):
        places.setdefault((int(ours["event"][row]), int(ours["telescope"][row])), row)
    keys = zip(theirs["event"].tolist(), theirs["telescope"].tolist(), strict=True)
    both = [(row, places[key]) for row, key in enumerate(keys) if key in places and np.isfinite(theirs["width"][row])]
    mine, yours = np.array(both, int).reshape(-1, 2).T
    return theirs[mine], ours[yours]
