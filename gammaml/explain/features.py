"""What a network has learnt to look for, and which events it finds alike."""

import keras
import numpy as np

from gammaml import predict
from gammaml.columns import GAMMA_PRIMARY, require
from gammaml.errors import InputError
from gammaml.explain.subject import build_subject, encoder_names

LAST_HIDDEN = ("tail", "placed_event")  # the layer before the outputs, of networks of single images and of array events
CARRIED = ("obs_id", "event_id", "tel_id", "shower_id", "hillas_intensity", "true_energy", "true_shower_primary_id")
LEAST = 3  # events for a map


def features(bundle, events):
    """What the last hidden layer makes of events, from which all outputs are read.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents

    Returns
    -------
    array (n_events, n_features)
    """
    layer = next(layer for layer in bundle.model.layers if layer.name in LAST_HIDDEN)
    body = keras.Model(bundle.model.input, layer.output)
    return np.concatenate([body.predict_on_batch(x) for _, x in predict.network_inputs(bundle, events)])


def embedding(bundle, events, dl2=None):
    """A map of events: those that a network finds alike lie close together.

    The features, each less its mean, on their first two principal components (Pearson 1901, Phil. Mag. 2, 559).

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
        Such as have not been trained on.
    dl2 : astropy.table.QTable, optional
        What was reconstructed of the same events, row by row; its ``gammaness`` and ``reco_energy`` are carried along.

    Returns
    -------
    astropy.table.QTable
        ``component_1``, ``component_2``, and keys, truth and reconstruction where known. ``meta`` has ``variance``, the
        share of the whole that each component holds.

    Raises
    ------
    gammaml.errors.InputError
        For fewer than three events, or a table of others.
    """
    if len(events) < LEAST:
        raise InputError("events of a map", f"{len(events)}", f"at least {LEAST}", "give more")
    if dl2 is not None and len(dl2) != len(events):
        raise InputError(
            "dl2", f"{len(dl2)} rows", f"{len(events)}, one an event", "give what was made of these events"
        )
    values = features(bundle, events)
    left, length, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    table = events.table[[name for name in CARRIED if name in events.table.colnames]]
    for number in range(2):
        table[f"component_{number + 1}"] = left[:, number] * length[number]
    for name in ("gammaness", "reco_energy"):
        if dl2 is not None and name in dl2.colnames:
            table[name] = dl2[name]
    share = length**2 / max((length**2).sum(), np.finfo(float).tiny)
    noun = "showers" if bundle.settings.is_array else "images"
    table.meta = {
        "variance": share[:2],
        "definition": f"The {values.shape[1]} numbers before the outputs of {bundle.settings.network}, on their first "
        f"two principal components, which hold {100 * share[:2].sum():.0f} % of the variance.",
        "counts": f"{len(table):,} {noun}",
    }
    return table


def most_wrong(dl2, n=8):
    """The events whose class a network was surest of, and wrong.

    Parameters
    ----------
    dl2 : astropy.table.QTable
        With ``gammaness`` and ``true_shower_primary_id``.
    n : int
        At most so many.

    Returns
    -------
    array of int
        Rows on the wrong side of 0.5, the least likely class first.
    """
    require(dl2, "gammaness", "true_shower_primary_id", where="DL2 table")
    gammaness = np.asarray(dl2["gammaness"], float)
    is_gamma = np.asarray(dl2["true_shower_primary_id"]) == GAMMA_PRIMARY
    likelihood = np.where(is_gamma, gammaness, 1 - gammaness)
    order = np.argsort(likelihood, kind="stable")
    return order[likelihood[order] < 0.5][:n]


def kernels(bundle, camera=0):
    """The first convolution's kernels, (height, width, n_inputs, n_kernels); inputs are charge and time.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    camera : int
        Which kind of camera, of a network of array events.
    """
    return _first_convolution(_encoder(bundle, camera)).get_weights()[0]


def feature_maps(bundle, events, camera=0):
    """What the first convolution makes of images.

    Parameters
    ----------
    bundle : gammaml.bundle.Bundle
    events : gammaml.events.TelescopeEvents or gammaml.array_events.ArrayEvents
        A few.
    camera : int
        Which kind of camera, of a network of array events.

    Returns
    -------
    seen, maps : array (n_images, size, size, 2), (n_images, height, width, n_kernels)
        The windows that the network sees, and the maps; rows and columns as of the mapping.
    """
    encoder, subject = _encoder(bundle, camera), build_subject(bundle, events)
    seen = subject.take(np.arange(len(subject)))[list(subject.encoders)[camera]]
    first = keras.Model(encoder.input, _first_convolution(encoder).output)
    return seen, first.predict_on_batch(seen)


def _encoder(bundle, camera):
    return bundle.model.get_layer(list(encoder_names(bundle).values())[camera])


def _first_convolution(encoder):
    return next(layer for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D))
