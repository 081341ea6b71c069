"""Bundles + events → DL2 tables: a row an image (`to_dl2`) or a row a shower (`combine_telescopes`)."""

import warnings

import astropy.units as u
import numpy as np

from gammaml import __version__, batches, images, parameters
from gammaml.errors import RangeWarning, SettingError
from gammaml.progress import track
from gammaml.tasks import TASKS, to_columns

ZENITH_TOLERANCE = 5.0  # degrees beyond the training range before a warning
NOISE_TOLERANCE = 1.3  # factor beyond the training range before a warning
RANGE_TOLERANCE = 1.25  # the same, of energies and intensities
KEPT = (
    "obs_id",
    "event_id",
    "tel_id",
    "shower_id",
    "event_type",
    "time",
    "pointing_alt",
    "pointing_az",
)


def predict(bundle, events, *, show=False):
    """A network's answers.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents
    show : bool
        Follow the progress on standard error.

    Returns
    -------
    dict of str to array (n_images, n_outputs)
        By task. NaN for images without a finite charge.

    Raises
    ------
    gammaml.errors.InputError
        For images of a camera that the network was not trained on.
    """
    inputs = bundle.inputs.for_camera(events.camera)
    shape = parameters.shape(events.table)
    answers = {task.name: np.empty((len(events), task.n_outputs), np.float32) for task in bundle.tasks}
    with track("predicting", len(events), show=show) as progress:
        for rows, x in batches.prefetch(batches.in_order(events, shape, inputs)):
            for name, values in bundle.model.predict_on_batch(x).items():
                answers[name][rows] = values
            progress.advance(len(x["parameters"]))
    for values in answers.values():
        values[images.dark_images(events)] = np.nan
    return answers


def to_dl2(events, *, gammaness=None, energy=None, direction=None, show=False):
    """Reconstruct events: one row an image.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
    gammaness, energy, direction : gammaml.bundle.Bundle or gammaml.forest.Forest, optional
        What answers each task; a joint network may be given for several.

    Returns
    -------
    astropy.table.QTable
        Keys, pointing, truth where known, image parameters, and ``gammaness``, ``reco_energy``,
        ``reco_alt``, ``reco_az``, ``reco_fov_lon``, ``reco_fov_lat`` for the tasks given; ``in_training`` marks
        showers that a network was trained or validated on. Its ``meta`` has what a DL2 file needs.

    Warns
    -----
    gammaml.errors.RangeWarning
        For events outside the range of energy, zenith, intensity or noise that a network was trained in.
    """
    given = {"gammaness": gammaness, "energy": energy, "direction": direction}
    given = {name: predictor for name, predictor in given.items() if predictor is not None}
    _check_given(given)
    table = events.table.copy()
    in_training = np.zeros(len(events), bool)
    answers = {}
    for predictor in dict.fromkeys(given.values()):
        forest = _is_forest(predictor)
        answers[predictor] = predictor.predict(events) if forest else predict(predictor, events, show=show)
    for name, predictor in given.items():
        for column, values in to_columns(TASKS[name], answers[predictor][name], events).items():
            table[column] = values
        if not _is_forest(predictor):
            in_training |= np.isin(np.asarray(events.table["shower_id"]), predictor.training_showers)
            warn_outside_range(predictor, events, table)
    table["in_training"] = in_training
    table.meta.update(
        level="telescope",
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


def _is_forest(predictor):
    return predictor.reconstructor == "Forest"


def _check_given(given):
    if not given:
        raise SettingError("prediction", "no network", "one for gammaness, energy or direction", "give at least one")
    for name, predictor in given.items():
        learnt = [task.name for task in predictor.tasks]
        if name not in learnt:
            raise SettingError(
                f"the network for {name}", f"one that learnt {', '.join(learnt)}", f"one for {name}", "give another"
            )


def _describe(predictor):
    """What a product says of a predictor."""
    if _is_forest(predictor):
        return {"network": "forest"}
    known = ("gammaml", "versions", "seed", "sources", "n_training", "best_epoch")
    return {"network": predictor.settings.network, **{name: predictor.metadata.get(name) for name in known}}


def warn_outside_range(bundle, events, table):
    """Warn of events outside what `bundle` was trained on, one line a quantity."""
    low, high = bundle.metadata["range"]["zenith"]
    zenith = 90 - events.table["pointing_alt"].to_value(u.deg)
    _warn("zenith", "deg", zenith, (low, high), (low - ZENITH_TOLERANCE, high + ZENITH_TOLERANCE))
    low, high = bundle.metadata["range"]["noise"]
    noise = np.median(images.pixel_noise(events))
    _warn("median pixel noise", "p.e.", noise, (low, high), (low / NOISE_TOLERANCE, high * NOISE_TOLERANCE))
    low, high = bundle.metadata["range"]["intensity"]
    intensity = np.asarray(events.table["hillas_intensity"], float)
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
    count; one whose intensity is unknown counts little, and alone it counts fully.

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
        table["reco_alt"], table["reco_az"] = _mean_direction(dl2, weight, row)
    table["in_training"] = np.bincount(row, np.asarray(dl2["in_training"])) > 0
    table.meta = {**dl2.meta, "level": "subarray"}
    return table


def _mean(values, weight, row):
    """Weighted mean of the finite values of each shower; NaN where there is none."""
    weight = np.where(np.isfinite(values), weight, 0.0)
    total = np.bincount(row, weight)
    mean = np.bincount(row, weight * np.nan_to_num(values)) / np.where(total > 0, total, 1)
    return np.where(total > 0, mean, np.nan)


def _mean_direction(dl2, weight, row):
    alt, az = dl2["reco_alt"].to_value(u.rad), dl2["reco_az"].to_value(u.rad)
    vectors = (np.cos(alt) * np.cos(az), np.cos(alt) * np.sin(az), np.sin(alt))
    x, y, z = (_mean(vector, weight, row) for vector in vectors)
    return np.rad2deg(np.arctan2(z, np.hypot(x, y))) * u.deg, np.mod(np.rad2deg(np.arctan2(y, x)), 360) * u.deg
