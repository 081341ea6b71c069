"""Gradients of a network's answer by its inputs, with any backend of Keras.

Keras has no function for gradients that all its backends share, but all of them train: a step of plain gradient descent
of length one, from zero, is the gradient.
"""

import keras
from keras import ops


class Ascent(keras.Model):
    """A score of inputs, to some of which trainable steps are added."""

    def __init__(self, score, shapes):
        super().__init__()
        self.score = score  # a function, whose own weights are not seen as this model's, and stay as they are
        self.steps = {name: self.add_weight(shape=shape, initializer="zeros") for name, shape in shapes.items()}

    def call(self, x):
        return self.score(x | {name: x[name] + step for name, step in self.steps.items()})

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return -ops.sum(y_pred)


def build_gradient(score, x, names):
    """A function from network inputs to gradients of a score.

    Parameters
    ----------
    score : callable
        From network inputs by name to a tensor (n_events,).
    x : dict of str to array
        Network inputs of the shapes that will be given.
    names : sequence of str
        Inputs by which to differentiate.

    Returns
    -------
    callable
        From network inputs by name to a dict of arrays: derivatives of the sum of all scores.
    """
    model = Ascent(score, {name: x[name].shape for name in names})
    model.compile(optimizer=keras.optimizers.SGD(1.0), jit_compile=False)

    def gradient(inputs):
        for step in model.steps.values():
            step.assign(ops.zeros_like(step))
        model.train_on_batch(inputs)
        return {name: ops.convert_to_numpy(ops.copy(step)) for name, step in model.steps.items()}

    return gradient


def split_encoder(encoder):
    """An encoder in two, at the last feature maps that all it answers goes through.

    Parameters
    ----------
    encoder : keras.Model
        From images to features.

    Returns
    -------
    before, after : callable, keras.Model
        From images to feature maps (n, height, width, channels), and from these to what the encoder answers.
    """
    last = encoder.layers[-1]
    if isinstance(last, keras.Model):
        before, after = split_encoder(last)
        leading = keras.Model(encoder.input, encoder.layers[-2].output)
        return (lambda image, training: before(leading(image, training=training), training=training)), after
    for layer in reversed(encoder.layers):
        if len(layer.output.shape) == 4:
            try:
                after = keras.Model(layer.output, encoder.output)
            except ValueError:  # another way leads past it
                continue
            return keras.Model(encoder.input, layer.output), after
    raise AssertionError("an encoder begins with an image")


def behind_encoders(model, after, shapes):
    """The network without its eyes: feature maps take the place of images.

    Parameters
    ----------
    model : keras.Model
    after : dict of str to keras.Model
        By name of the encoder, from feature maps to features.
    shapes : dict of str to tuple
        Of the feature maps, by name of the image input.

    Returns
    -------
    keras.Model
        With the layers, and so the weights, of `model`.
    """
    inputs = {
        name: keras.Input(shapes.get(name, each.shape[1:]), name=name, dtype=each.dtype)
        for name, each in model.input.items()
    }
    bare = keras.Model(model.input, model.output)  # cloning would compile a compiled one again, losses and all
    return keras.models.clone_model(
        bare, input_tensors=inputs, clone_function=lambda layer: after.get(layer.name, layer)
    )
