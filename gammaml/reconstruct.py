"""Files of images → DL2 files, part by part, so that memory does not grow with their length; here or on a cluster."""

import gc
import logging
import warnings
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from astropy.table import vstack

from gammaml import __version__, array_events, bundle, cluster, conditions, predict
from gammaml.errors import GammamlError, InputError, RangeWarning
from gammaml.io import Selection, only_camera
from gammaml.io.describe import tel_types
from gammaml.io.dl1 import nothing_left
from gammaml.io.dl2_writer import write_dl2_parts
from gammaml.io.formats import read_parts
from gammaml.split import select_showers

PART = 4096  # array events in memory at a time
ONE_AT_A_TIME = Lock()  # networks use all cores, and a worker of dask may have several threads
ANSWERS = ("gammaness", "reco_energy", "reco_fov_lon")


@dataclass(frozen=True)
class Choice:
    """What to reconstruct of files, and how to write it.

    Parameters
    ----------
    selection : gammaml.io.Selection
    held_out : bool
        Only showers that no network has seen in its training.
    min_telescopes : int
        Fewest images of an array event.
    overwrite : bool
    """

    selection: Selection = field(default_factory=Selection)
    held_out: bool = False
    min_telescopes: int = 1
    overwrite: bool = False


def to_file(file, target, bundles, choice=Choice(), *, show=True):
    """Reconstruct the images of a file, by networks and by the forests trained beside them, into a DL2 file.

    Parameters
    ----------
    file, target : str or Path
    bundles : dict of str to gammaml.bundle.Bundle
        By task.
    choice : Choice
    show : bool
        Follow the progress on standard error.

    Returns
    -------
    int
        Number of images.

    Raises
    ------
    gammaml.errors.InputError
        Where the file is damaged, or no image is left that the networks can take.
    gammaml.errors.OutputError
        Where the DL2 file exists or cannot be written.
    """
    counts = []
    parts = _reconstructed(file, bundles, choice, counts, show)
    write_dl2_parts(_warned_once(parts), target, overwrite=choice.overwrite)
    return sum(counts)


def on_cluster(work, networks, choice, client):
    """Reconstruct files on the workers of a dask cluster, one a task; a worker loads the networks once.

    Files and networks must have the same names on all machines.

    Parameters
    ----------
    work : list of (Path, Path)
        Files, and where their DL2 files go.
    networks : dict of str to Path
        By task.
    choice : Choice
    client : distributed.Client

    Yields
    ------
    file, target : Path
    outcome : int or GammamlError
        The number of images, or what is wrong with the file.
    said : list of str
        Warnings.
    """
    names = tuple((task, str(Path(path).resolve())) for task, path in networks.items())
    tasks = [(__version__, Path(file).resolve(), Path(target).resolve(), names, choice) for file, target in work]
    for number, result in cluster.in_turn(client, _remote, tasks):
        outcome, said = (result, []) if isinstance(result, Exception) else result
        yield *work[number], outcome, said


@lru_cache(maxsize=1)
def _loaded(names):
    return bundle.load_each(dict(names))


def _remote(version, file, target, names, choice):
    """A file, reconstructed by a worker: number of images, or what is wrong, and warnings."""
    if version != __version__:
        raise InputError("worker's gammaml", __version__, version, "install the same on all machines")
    with ONE_AT_A_TIME, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        try:
            outcome = to_file(file, target, _loaded(names), choice, show=False)
        except GammamlError as error:
            outcome = error
    return outcome, [str(each.message) for each in said if issubclass(each.category, UserWarning)]


def _warned_once(parts):
    """The same parts; of what lies outside the training range each quantity is named once."""
    known = set()
    parts = iter(parts)
    while True:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            part = next(parts, None)
        for each in said:
            quantity = str(each.message).partition(":")[0] if each.category is RangeWarning else str(each.message)
            if quantity not in known:
                known.add(quantity)
                warnings.warn(each.message, stacklevel=2)
        if part is None:
            return
        yield part


def _reconstructed(file, bundles, choice, counts, show):
    """DL2 tables and the events they are of, part by part; the numbers of images are added to `counts`."""
    answer = _arrays if bundle.takes_arrays(bundles) else _images
    found = lit = False
    for cameras in read(file, bundles, choice):
        if not found:
            _compare_conditions(file, cameras, bundles)
        found = True
        tables = answer(cameras, bundles, choice.min_telescopes, show)
        if tables is None:
            continue
        lit |= any(np.isfinite(tables[0][name]).any() for name in ANSWERS if name in tables[0].colnames)
        counts.append(sum(map(len, cameras)))
        yield tables, cameras
        del tables, cameras
        gc.collect()  # tables hold each other; Python counts objects, not bytes, and lets them lie
    if not found:
        raise InputError(file, "only showers seen in training", "others too", "give another file, or leave --held-out")
    if not counts:
        expected = f"some with images of {choice.min_telescopes}"
        raise InputError(file, "events of fewer telescopes", expected, "ask for fewer, or give another file")
    if not lit:
        raise InputError(file, "no image with a finite charge", "some light", "check how the file was made")


def _compare_conditions(file, cameras, bundles):
    """Say of the first part of an observation whether it was taken under conditions that the networks know."""
    if any(part.is_simulated for part in cameras):
        return
    for network in dict.fromkeys(bundles.values()):
        try:
            said = conditions.verdict(conditions.compare(cameras, network))
        except InputError as error:
            said = f"not compared; {error}"
        if said.startswith("ok"):
            logging.getLogger("gammaml").info("%s: conditions %s", file, said)
        else:
            warnings.warn(f"{file}: conditions {said}", stacklevel=2)


def read(file, bundles, choice=Choice()):
    """The events of a file that the networks can take: yields lists of one item a camera, part by part."""
    selection = choice.selection
    of_arrays = bundle.takes_arrays(bundles)
    for_all = of_arrays or all(each.settings.mapping == "resampled" for each in bundles.values())
    if not for_all and selection.tel_type is None:
        selection = replace(selection, tel_type=_known_type(file, next(iter(bundles.values()))))
    usable, unknown = False, nothing_left(file)
    for cameras in read_parts(file, selection, PART):
        try:
            cameras = known_cameras(file, cameras, bundles) if of_arrays else cameras
        except InputError as error:  # other parts of the file may have other cameras
            unknown = error
            continue
        usable = True
        if not for_all:
            only_camera(file, cameras)
        kept = _held_out(cameras, bundles) if choice.held_out else cameras
        if kept:
            yield kept
    if not usable:
        raise unknown


def known_cameras(file, cameras, bundles):
    """The images of cameras that all networks know; a warning names those that are left out."""
    known = [part for part in cameras if all(each.knows(part.camera) for each in bundles.values())]
    lost = sorted(name for part in cameras if part not in known for name in part.tel_types)
    trained = sorted({name for each in bundles.values() for name in each.metadata["tel_types"]})
    if not known:
        got, expected = f"images of {', '.join(lost)}", f"some of {', '.join(trained)}"
        raise InputError(file, got, expected, "use networks that were trained with these telescopes")
    if lost:
        warnings.warn(f"{file}: leaving out {', '.join(lost)}, which the networks do not know", stacklevel=2)
    return known


def _known_type(file, network):
    """The telescope type that the network was trained on, where the file has several."""
    present = tel_types(file)
    known = [name for name in network.metadata["tel_types"] if name in present]
    return known[0] if len(known) == 1 and len(present) > 1 else None


def _held_out(cameras, bundles):
    seen = np.concatenate([each.training_showers for each in bundles.values()])
    kept = [select_showers(events, ~np.isin(events.table["shower_id"], seen)) for events in cameras]
    return [events for events in kept if len(events)]


def _images(cameras, bundles, min_telescopes, show):
    """Tables of the events of each camera, and their means over the images of a shower."""
    networks = [predict.to_dl2(events, **bundles, show=show) for events in cameras]
    forests = [predict.baseline_dl2(events, **bundles) for events in cameras]
    tables = [vstack(parts, metadata_conflicts="silent") for parts in (networks, forests)]
    combined = [predict.combine_telescopes(table) for table in tables]
    return tables + [table[table["multiplicity"] >= min_telescopes] for table in combined]


def _arrays(cameras, bundles, min_telescopes, show):
    """Tables of array events; None where all have too few images."""
    events = array_events.build(cameras)
    events = events[np.asarray(events.table["multiplicity"]) >= min_telescopes]
    if not len(events):
        return None
    return [predict.to_dl2(events, **bundles, show=show), predict.baseline_dl2(events, **bundles)]
