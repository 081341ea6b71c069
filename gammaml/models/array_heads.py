"""What every network of array events ends with: one output a task.

A number or a place that is estimated is the weighted mean of what the telescopes say, each in the frame of its own
image; the network learns both what each says and how much it counts. Places are said twice: first beside the classical
reconstruction, then beside the first answer, when each telescope has been told how that lies from it. Numbers and
gammaness come last, for what an image means depends on how far from the core it was taken (Hofmann et al. 1999,
Astropart. Phys. 12, 135: the impact distance gives the energy).

For gammaness each image speaks alone too, and its own answer is part of the loss: a label an image teaches its encoder
more than a label an event (deep supervision: Lee et al. 2015, AISTATS, 562).
"""

from typing import NamedTuple

from keras import layers, ops

from gammaml.models.array_tokens import in_rows
from gammaml.models.heads import ToSky, along_and_across, with_width

NEVER = -1e9  # a logit that leaves no weight
PLACES = {"direction": 0, "core": 1}  # of each vector in the classical reconstruction, and of its frame
HIDDEN = 64  # width of the layers here
NEAR = 0.05  # deg, or 100 m: distances well below it are as none


class View(NamedTuple):
    """What is known of array events.

    Parameters
    ----------
    each : tensor (batch, n_slots, width)
        By each telescope.
    event : tensor (batch, HIDDEN)
        By all together.
    mask : tensor (batch, n_slots)
        1 where there is an image, else 0.
    frames : tensor (batch, n_slots, 2, 3, 2)
        Origin, axis and normal of each image, for directions and for cores.
    """

    each: object
    event: object
    mask: object
    frames: object


def masked_mean(values, mask):
    """Mean (batch, width) over the slots (batch, n_slots, width) that have an image."""
    total = ops.sum(values * mask[..., None], axis=1)
    return total / ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)


def masked_maximum(values, mask):
    """Maximum over the slots that have an image, of values at least 0."""
    return ops.max(values * mask[..., None], axis=1)


def array_outputs(mixed, tokens, inputs, tasks, settings):
    """One output a task.

    Parameters
    ----------
    mixed : tensor (batch, n_slots, width)
        What each telescope knows, having heard the others.
    tokens : gammaml.models.array_tokens.Tokens
    inputs : dict of tensors
        ``frame_k`` (n_images, 2, 3, 2), origin, axis and normal for directions and for cores; ``event`` (batch, n),
        whose first says whether there is a classical reconstruction; ``classical`` (batch, 2, 2), direction and core.
    tasks : tuple of gammaml.tasks.Task
    settings : gammaml.config.TrainSettings

    Returns
    -------
    dict of str to tensor
    """
    cameras = sum(name.startswith("frame") for name in inputs)
    frames = ops.concatenate([inputs[f"frame_{number}"] for number in range(cameras)], axis=0)
    frames = in_rows(frames, inputs["slot"], tokens.mask)
    each = layers.Concatenate(name="each")([mixed, tokens.known])
    view = View(each, _event(mixed, tokens.mask, inputs, settings, "first"), tokens.mask, frames)
    vectors = [task.name for task in tasks if task.is_vector]
    known = inputs["event"][:, :1] > 0
    places = {name: _place(name, view, inputs["classical"][:, PLACES[name]], known, "first_") for name in vectors}
    view = _placed(view, places, inputs, settings)
    places = {name: _place(name, view, places[name], ops.ones_like(known), "") for name in vectors}
    answers = {task.name: places[task.name] if task.is_vector else _number(task, view, tokens.token) for task in tasks}
    return {task.name: with_width(answers[task.name], view.event, task, settings) for task in tasks}


def _event(mixed, mask, inputs, settings, name):
    """What all telescopes together say of an event (batch, HIDDEN)."""
    positive = layers.Activation("relu")(mixed)
    event = layers.Concatenate()([masked_mean(mixed, mask), masked_maximum(positive, mask), inputs["event"]])
    event = layers.Dense(HIDDEN, activation="relu", name=f"{name}_event")(event)
    return layers.Dropout(settings.dropout / 2)(event)


def _place(name, view, candidate, known, prefix):
    """A direction or core (batch, 2): what the telescopes say, and a candidate where it is known (batch, 1)."""
    offsets = along_and_across(view.each, prefix + name)
    said = ToSky(name=f"{prefix}{name}_said")(offsets, view.frames[:, :, PLACES[name]])
    said = ops.concatenate([said, candidate[:, None]], axis=1)
    weight = layers.Dense(1, name=f"{prefix}{name}_weight_candidate")(view.event)
    return _weighted(said, [_logits(view, prefix + name), ops.where(known, weight, NEVER)])


def _placed(view, places, inputs, settings):
    """The same view, each telescope knowing how these places lie from it."""
    seen = [_seen_from(places[name], view.frames[:, :, PLACES[name]]) for name in places]
    hidden = layers.Concatenate()([view.each, *seen]) if seen else view.each
    for number in range(2):
        hidden = layers.Dense(HIDDEN, activation="relu", name=f"placed_{number}")(hidden)
    each = layers.Concatenate(name="each_placed")([hidden, view.each])
    return view._replace(each=each, event=_event(hidden, view.mask, inputs, settings, "placed"))


def _seen_from(place, frames):
    """A place (batch, 2) from each telescope: logarithm of its distance, along and across the axis of the image."""
    offset = place[:, None] - frames[:, :, 0]
    along = ops.sum(offset[:, :, None] * frames[:, :, 1:], axis=-1)
    distance = ops.log(ops.sum(ops.square(offset), axis=-1, keepdims=True) + NEAR**2) / 2
    return ops.concatenate([distance, ops.clip(along, -8, 8)], axis=-1)


def _gammaness(task, view, token):
    """Probabilities (batch, 2) of an event; behind them, for the loss, the mean logarithm of those of its images.

    Each image speaks alone, from its token (batch, n_slots, width). Logits add as far as images are independent: the
    network learns how much each counts, and what all together say besides.
    """
    hidden = layers.Dense(HIDDEN, activation="relu", name="alone_hidden")(token)
    alone = layers.Dense(1, name=f"{task.name}_alone")(hidden)[..., 0]
    counts = ops.sigmoid(_logits(view, task.name))
    together = layers.Dense(1, name=f"{task.name}_together")(view.event)[:, 0]
    logit = together + ops.sum(counts * alone, axis=1)
    event = ops.softmax(ops.stack([ops.zeros_like(logit), logit], axis=1))
    of_images = masked_mean(ops.log_softmax(ops.stack([ops.zeros_like(alone), alone], axis=2)), view.mask)
    return layers.Concatenate(name=f"{task.name}_probability")([event, of_images])


def _number(task, view, token):
    if task.is_classification:
        return _gammaness(task, view, token)
    said = layers.Dense(task.n_outputs, name=f"{task.name}_said")(view.each)
    return _weighted(said, [_logits(view, task.name, use_bias=False)])  # it would add the same to all logits


def _logits(view, name, *, use_bias=True):
    logits = layers.Dense(1, use_bias=use_bias, name=f"{name}_weight")(view.each)[..., 0]
    return ops.where(view.mask > 0, logits, NEVER)


def _weighted(said, logits):
    """Mean (batch, n) of values (batch, n_said, n); the logits of their weights come in parts, joined here."""
    return ops.sum(ops.softmax(ops.concatenate(logits, axis=1), axis=1)[..., None] * said, axis=1)
