"""What training needs of its events: checks before it starts, and what a bundle says of them after."""

import warnings

import numpy as np

from gammaml import array_events, images
from gammaml.errors import InputError
from gammaml.tasks import takes_part, target

MIN_EVENTS = 20  # of each class, in training and in validation


def usable(cameras, tasks, role):
    """The images that training can use, after checks.

    Hadrons go where only regressions are learnt; images without light, and without parameters, go in any case.

    Parameters
    ----------
    cameras : list of gammaml.events.TelescopeEvents
        One a camera.
    tasks : tuple of gammaml.tasks.Task
    role : str
        "training" or "validation", for the messages.

    Returns
    -------
    list of gammaml.events.TelescopeEvents

    Raises
    ------
    gammaml.errors.InputError
        Without truth, with one class only, with too few events, or with targets that make no sense.
    """
    kept = [_usable(events, tasks, role) for events in cameras]
    _require_enough(counts(kept), tasks, f"{role} events", "images")
    for events in kept:
        _check_targets(tasks, events, role)
    return [events for events in kept if len(events)]


def usable_arrays(events, tasks, role):
    """As :func:`usable`, for array events: an event is used as long as one image of it can be.

    Parameters
    ----------
    events : gammaml.array_events.ArrayEvents
    tasks : tuple of gammaml.tasks.Task
    role : str

    Returns
    -------
    gammaml.array_events.ArrayEvents
    """
    _require_truth(events, role)
    cameras = [_usable(images_of, tasks, role) for images_of in events.cameras]
    cameras = [each for each in cameras if len(each)]
    gamma = {"gamma": 0, "hadron": 0}
    if cameras:
        events = array_events.build(cameras)
        gamma = counts([events])
    _require_enough(gamma, tasks, f"{role} events", "showers")
    _check_targets(tasks, events, role)
    return events


def _require_enough(found, tasks, where, noun):
    needed = ("gamma", "hadron") if any(task.is_classification for task in tasks) else ("gamma",)
    for kind in needed:
        if found[kind] < MIN_EVENTS:
            got, do = f"{found[kind]} usable {kind} {noun}", f"give files with more {kind} showers"
            raise InputError(where, got, f"at least {MIN_EVENTS}", do)


def _require_truth(events, role):
    if not events.is_simulated:
        raise InputError(f"{role} events", "an observation without truth", "simulated events", "train on simulations")


def _usable(events, tasks, role):
    _require_truth(events, role)
    keep = np.any([takes_part(task, events) for task in tasks], axis=0)
    dark = images.dark_images(events)
    if dark.any():
        warnings.warn(f"{role}: {dark.sum()} images without a finite charge are left out", stacklevel=4)
    return events[keep & ~dark & np.isfinite(np.asarray(events.table["hillas_intensity"]))]


def _check_targets(tasks, events, role):
    for task in tasks:
        values = target(task, events)[takes_part(task, events)]
        low, high = task.limits
        wrong = ~((values >= low) & (values <= high)).all(axis=1)
        if wrong.any():
            raise InputError(
                f"{role} events",
                f"{wrong.sum()} with a true {task.name} such as {values[wrong][0]}",
                f"finite values from {low:g} to {high:g} (in the units of the network: log10 of TeV, degrees, …)",
                "check energies, directions and pointings in the files",
            )


def counts(parts):
    """Gammas and hadrons in a list of telescope or array events."""
    gamma = sum(int(events.is_gamma.sum()) for events in parts)
    return {"gamma": gamma, "hadron": sum(map(len, parts)) - gamma}


def sources(cameras):
    """The input files, each once."""
    return [dict(items) for items in dict.fromkeys(tuple(s.items()) for events in cameras for s in events.sources)]


def training_range(cameras):
    """Smallest and largest energy (TeV), zenith (deg), intensity and pixel noise (p.e.), as lists of two."""
    values = {
        "energy": [events.table["true_energy"].to_value("TeV") for events in cameras],
        "zenith": [90 - events.table["pointing_alt"].to_value("deg") for events in cameras],
        "intensity": [np.asarray(events.table["hillas_intensity"], float) for events in cameras],
        "noise": [np.percentile(images.pixel_noise(events), [5, 95]) for events in cameras],
    }
    joined = {name: np.concatenate(parts) for name, parts in values.items()}
    return {name: [float(np.nanmin(every)), float(np.nanmax(every))] for name, every in joined.items()}
