"""Bundles + events → DL2 tables: a row an image or a shower (`to_dl2`); means over images (`combine_telescopes`)."""

import warnings

import astropy.units as u
import numpy as np

from gammaml import __version__, array_batches, batches, calibration, images, parameters, sky
from gammaml.array_events import ArrayEvents
from gammaml.array_forest import ArrayForest
from gammaml.columns import AT_TRIGGER
from gammaml.errors import RangeWarning, SettingError
from gammaml.events import as_list
from gammaml.progress import track
from gammaml.tasks import TASKS, to_columns

ZENITH_TOLERANCE = 5.0  # degrees beyond the training range before a warning
NOISE_TOLERANCE = 1.3  # factor beyond the training range before a warning
RANGE_TOLERANCE = 1.25  # the same, of energies and intensities
AUXILIARY = ("core", "h_max", "x_max")
KEPT = (
    "obs_id",
    "event_id",
    "tel_id",
    "shower_id",
    *AT_TRIGGER,
    "pointing_alt",
    "pointing_az",
)


def predict(bundle, events, *, show=False):
    """A network's answers, calibrated as its validation events asked for.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
    show : bool
        Follow the progress on standard error.

    Returns
    -------
    dict of str to array (n_events, n_outputs)
        By task; behind them a width where one was learnt, and of the gammaness of array events the mean logarithm of
        what each image says alone, uncalibrated. NaN for images without a finite charge, and for showers without
        another image.

    Raises
    ------
    gammaml.errors.InputError
        For images of a camera that the network was not trained on.
    """
    answers = {}
    with track("predicting", len(events), show=show) as progress:
        for rows, x in batches.prefetch(network_inputs(bundle, events)):
            n = rows.stop - rows.start
            made = bundle.model.predict_on_batch(x if bundle.settings.is_array else _filled_up(x, n))
            for name, values in made.items():
                answers.setdefault(name, np.empty((len(events), values.shape[1]), np.float32))[rows] = values[:n]
            progress.advance(n)
    dark = _dark(events)
    for task in bundle.tasks:
        calibration.correct(task, answers[task.name], bundle.metadata.get("calibration", {}).get(task.name))
        answers[task.name][dark] = np.nan
    return answers


def _filled_up(x, n):
    """The inputs of n images, with zeros up to a power of two: for every new length the backend keeps some memory."""
    more = (1 << (n - 1).bit_length()) - n
    if not more:
        return x
    return {name: np.pad(values, [(0, more)] + [(0, 0)] * (values.ndim - 1)) for name, values in x.items()}


def network_inputs(bundle, events):
    """What a network is shown of all events, batch by batch: yields rows (a slice) and a dict of arrays by input."""
    if bundle.settings.is_array:
        return array_batches.in_order(array_batches.build_feed(events, bundle.inputs))
    inputs = bundle.inputs.for_camera(events.camera)
    return batches.in_order(events, parameters.shape(events.table), inputs)


def _dark(events):
    """Mask of the rows whose images all lack a finite charge."""
    if not isinstance(events, ArrayEvents):
        return images.dark_images(events)
    lit = np.zeros(len(events), bool)
    for part, row in zip(events.cameras, events.members, strict=True):
        lit[row[~images.dark_images(part)]] = True
    return ~lit


def to_dl2(events, *, gammaness=None, energy=None, direction=None, show=False):
    """Reconstruct events: one row an image, or a row a shower of array events.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
    gammaness, energy, direction : gammaml.bundle.Bundle, gammaml.forest.Forest or ArrayForest, optional
        What answers each task; a joint network may be given for several. What it learnt besides (core, h_max, x_max) is
        answered too, and where it learnt widths, ``reco_energy_uncert`` and ``ang_distance_uncert``.

    Returns
    -------
    astropy.table.QTable
        Keys, pointing, truth where known, image parameters or the classical reconstruction, and ``gammaness``,
        ``reco_energy``, ``reco_alt``, ``reco_az``, ``reco_fov_lon``, ``reco_fov_lat`` for the tasks given;
        ``in_training`` marks showers that a network was trained or validated on. Its ``meta`` has what a DL2 file
        needs.

    Warns
    -----
    gammaml.errors.RangeWarning
        For events outside the range of energy, zenith, intensity or noise that a network was trained in.
    """
    given = {"gammaness": gammaness, "energy": energy, "direction": direction}
    given = {name: predictor for name, predictor in given.items() if predictor is not None}
    is_array = isinstance(events, ArrayEvents)
    _check_given(given, is_array)
    table = events.table.copy()
    in_training = np.zeros(len(events), bool)
    answers = {}
    for predictor in dict.fromkeys(given.values()):
        forest = _is_forest(predictor)
        answers[predictor] = predictor.predict(events) if forest else predict(predictor, events, show=show)
    for name, predictor in _with_auxiliaries(given).items():
        for column, values in to_columns(TASKS[name], answers[predictor][name], table).items():
            table[column] = values
    for predictor in dict.fromkeys(given.values()):
        if not _is_forest(predictor):
            in_training |= np.isin(np.asarray(events.table["shower_id"]), predictor.training_showers)
            warn_outside_range(predictor, events, table)
    if "reco_alt" in table.colnames and np.isnan(table["pointing_alt"]).any():
        text = "their directions are offsets in the field of view only, without altitude and azimuth"
        warnings.warn(f"events without a pointing: {text}", stacklevel=2)
    table["in_training"] = in_training
    table.meta.update(
        level="subarray" if is_array else "telescope",
        reconstructor=next(iter(given.values())).reconstructor,
        subarray=events.subarray,
        simulation=events.simulation,
        sources=list(events.sources),
        provenance={"gammaml": __version__, "bundles": {n: _describe(p) for n, p in given.items()}},
    )
    return table


def baseline_dl2(events, *, gammaness=None, energy=None, direction=None):
    """As :func:`to_dl2`, by the forests that were trained with the given networks on the same events."""
    given = {"gammaness": gammaness, "energy": energy, "direction": direction}
    given = {name: bundle for name, bundle in given.items() if bundle is not None}
    table = to_dl2(events, **{name: bundle.baseline for name, bundle in given.items()})
    showers = np.asarray(events.table["shower_id"])
    for bundle in dict.fromkeys(given.values()):
        table["in_training"] |= np.isin(showers, bundle.training_showers)
    return table


def _with_auxiliaries(given):
    """What answers each task, with what the networks have learnt besides; the core after the direction it needs."""
    every = dict(given)
    for predictor in given.values():
        for task in predictor.tasks:
            if task.name in AUXILIARY:
                every.setdefault(task.name, predictor)
    return every


def _is_forest(predictor):
    return predictor.reconstructor == "Forest"


def _check_given(given, is_array):
    if not given:
        raise SettingError("prediction", "no network", "one for gammaness, energy or direction", "give at least one")
    for name, predictor in given.items():
        learnt = [task.name for task in predictor.tasks]
        if name not in learnt:
            raise SettingError(
                f"the network for {name}", f"one that learnt {', '.join(learnt)}", f"one for {name}", "give another"
            )
        takes_arrays = isinstance(predictor, ArrayForest) or (not _is_forest(predictor) and predictor.settings.is_array)
        if takes_arrays != is_array:
            kinds = ("single images", "array events")
            got, expected = f"a network for {kinds[takes_arrays]}", f"one for {kinds[is_array]}, as the events are"
            raise SettingError(f"the network for {name}", got, expected, "give networks and events of one kind")


def _describe(predictor):
    """What a product says of a predictor."""
    if _is_forest(predictor):
        return {"network": "forest"}
    known = ("gammaml", "versions", "seed", "sources", "n_training", "best_epoch")
    described = {name: predictor.metadata.get(name) for name in known}
    return {"network": predictor.settings.network, **described, "settings": predictor.plain_settings()}


def warn_outside_range(bundle, events, table):
    """Warn of events outside what `bundle` was trained on, one line a quantity."""
    cameras = as_list(events)
    low, high = bundle.metadata["range"]["zenith"]
    zenith = 90 - events.table["pointing_alt"].to_value(u.deg)
    _warn("zenith", "deg", zenith, (low, high), (low - ZENITH_TOLERANCE, high + ZENITH_TOLERANCE))
    low, high = bundle.metadata["range"]["noise"]
    noise = [np.median(images.pixel_noise(part)) for part in cameras if len(part)]
    _warn("median pixel noise", "p.e.", noise, (low, high), (low / NOISE_TOLERANCE, high * NOISE_TOLERANCE))
    low, high = bundle.metadata["range"]["intensity"]
    intensity = np.concatenate([np.asarray(part.table["hillas_intensity"], float) for part in cameras])
    _warn("intensity", "p.e.", intensity, (low, high), (low / RANGE_TOLERANCE, high * RANGE_TOLERANCE))
    name = "true_energy" if events.is_simulated else "reco_energy"
    if name in table.colnames:
        energy = table[name].to_value(u.TeV)
        if events.is_simulated:
            energy = energy[events.is_gamma]
        low, high = bundle.metadata["range"]["energy"]
        _warn("energy", "TeV", energy, (low, high), (low / RANGE_TOLERANCE, high * RANGE_TOLERANCE))


def _warn(quantity, unit, values, stated, allowed):
    values = np.atleast_1d(values)
    outside = (values < allowed[0]) | (values > allowed[1])
    if outside.any():
        worst = values[outside][np.argmax(np.abs(values[outside] - np.mean(stated)))]
        warnings.warn(
            f"{quantity}: {outside.sum()} of {len(values)} values (such as {worst:.3g} {unit}) lie outside the "
            f"{stated[0]:.3g} to {stated[1]:.3g} {unit} that the network was trained in",
            RangeWarning,
            stacklevel=4,
        )


def combine_telescopes(dl2):
    """One row a shower: the mean over its telescopes, weighted by the intensity of their images.

    Energies are averaged as logarithms, directions as vectors. An image without a prediction does not
    count; one whose intensity is unknown counts little, and alone it counts fully. Where no pointing is known, offsets
    are averaged as if all telescopes looked alike.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        One row an image, from :func:`to_dl2`.

    Returns
    -------
    astropy.table.QTable
        Keys, truth, means, ``multiplicity`` and ``telescopes`` (mask in subarray order).
    """
    keys = np.stack([np.asarray(dl2[name]) for name in ("obs_id", "event_id", "shower_id")], axis=1)
    _, first, row = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    row = row.reshape(-1)
    intensity = np.asarray(dl2["hillas_intensity"], float)
    weight = np.where(np.isfinite(intensity) & (intensity > 0), intensity, 1e-3)
    kept = [name for name in dl2.colnames if name in KEPT or name.startswith("true_")]
    table = dl2[[name for name in kept if name != "tel_id"]][first]
    table["multiplicity"] = np.bincount(row)
    tel_ids = dl2.meta["subarray"].tel_ids
    order = np.argsort(tel_ids)  # a subarray need not list its telescopes by number
    telescopes = np.zeros((len(first), len(tel_ids)), bool)
    telescopes[row, order[np.searchsorted(tel_ids, np.asarray(dl2["tel_id"]), sorter=order)]] = True
    table["telescopes"] = telescopes
    if "gammaness" in dl2.colnames:
        table["gammaness"] = _mean(np.asarray(dl2["gammaness"]), weight, row)
    if "reco_energy" in dl2.colnames:
        table["reco_energy"] = 10 ** _mean(np.log10(dl2["reco_energy"].to_value(u.TeV)), weight, row) * u.TeV
    if "reco_alt" in dl2.colnames:
        directions = [dl2[name].to_value(u.deg) for name in ("reco_alt", "reco_az")]
        table["reco_alt"], table["reco_az"] = sky.mean_direction(*directions, row, weight) * u.deg
    if "reco_fov_lon" in dl2.colnames and np.isnan(dl2["pointing_alt"]).all():
        for name in ("reco_fov_lon", "reco_fov_lat"):
            table[name] = _mean(dl2[name].to_value(u.deg), weight, row) * u.deg
    table["in_training"] = np.bincount(row, np.asarray(dl2["in_training"])) > 0
    table.meta = {**dl2.meta, "level": "subarray"}
    return table


def _mean(values, weight, row):
    """Weighted mean of the finite values of each shower; NaN where there is none."""
    weight = np.where(np.isfinite(values), weight, 0.0)
    total = np.bincount(row, weight)
    mean = np.bincount(row, weight * np.nan_to_num(values)) / np.where(total > 0, total, 1)
    return np.where(total > 0, mean, np.nan)
