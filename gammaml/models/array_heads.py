"""What every network of array events ends with: one output a task.

A number or a place that is estimated is the weighted mean of what the telescopes say, each in the frame of its own
image, and of the classical reconstruction; the network learns both what each says and how much it counts.
"""

from keras import layers, ops

from gammaml.models.array_tokens import in_rows
from gammaml.models.heads import ToSky, along_and_across, with_width

NEVER = -1e9  # a logit that leaves no weight
PLACES = {"direction": 0, "core": 1}  # of each vector in the classical reconstruction, and of its frame


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
    positive = layers.Activation("relu")(mixed)
    event = layers.Concatenate()(
        [masked_mean(mixed, tokens.mask), masked_maximum(positive, tokens.mask), inputs["event"]]
    )
    event = layers.Dense(64, activation="relu", name="event_hidden")(event)
    event = layers.Dropout(settings.dropout / 2)(event)
    parts = {"each": each, "event": event, "mask": tokens.mask, "frames": frames, "inputs": inputs}
    return {task.name: _output(task, settings, **parts) for task in tasks}


def _output(task, settings, *, each, event, mask, frames, inputs):
    if task.is_classification:
        return layers.Dense(task.n_outputs, activation="softmax", name=task.name)(event)
    logits = ops.where(mask > 0, layers.Dense(1, name=f"{task.name}_weight")(each)[..., 0], NEVER)
    if task.is_vector:
        place = PLACES[task.name]
        said = ToSky(name=f"{task.name}_said")(along_and_across(each, task.name), frames[:, :, place])
        said = ops.concatenate([said, inputs["classical"][:, place : place + 1]], axis=1)
        classical = layers.Dense(1, name=f"{task.name}_weight_classical")(event)
        logits = ops.concatenate([logits, ops.where(inputs["event"][:, :1] > 0, classical, NEVER)], axis=1)
    else:
        said = layers.Dense(task.n_outputs, name=f"{task.name}_said")(each)
    values = ops.sum(ops.softmax(logits, axis=1)[..., None] * said, axis=1)
    return with_width(values, event, task, settings)
