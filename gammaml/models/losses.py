"""Losses by name, and with a width that is learnt beside the value."""

import keras
from keras import ops

from gammaml.errors import SettingError

HUBER_DELTA = 0.2  # in log10(E/TeV) or degrees: errors beyond it are the tails, and count by their size
WIDTH_WEIGHT = 0.01  # of the width's part: it shall learn from the errors, and hardly change what the network sees
IMAGES_WEIGHT = 0.5  # of what the images of an array event say alone
LOWEST, HIGHEST = -7.0, 4.0  # of the logarithm of a width


def build_loss(task, settings):
    """The loss of a task.

    Parameters
    ----------
    task : gammaml.tasks.Task
    settings : gammaml.config.TrainSettings
        With losses by name, or the user's own function of (truth, prediction).

    Returns
    -------
    callable
        From truth and prediction (batch, n_outputs) to (batch,).

    Raises
    ------
    gammaml.errors.SettingError
        For a name that Keras does not know.
    """
    loss = settings.loss.get(task.name, task.loss)
    try:
        function = _huber if loss == "huber" else keras.losses.get(loss)
    except ValueError as error:
        expected, do = "mse, mae, huber, log_cosh or a function", "choose one of these"
        raise SettingError(f"loss of {task.name}", repr(loss), expected, do) from error
    if task.is_classification and settings.is_array:
        return _with_images(function, task)
    return _with_width(function, task) if settings.uncertainty and task.uncertainty else function


def _huber(truth, values):
    return keras.losses.huber(truth, values, delta=HUBER_DELTA)


def _with_images(function, task):
    """A loss of the event's probabilities, and the mean cross-entropy of its images', whose logarithms stand behind."""
    n = task.n_outputs

    def loss(truth, answer):
        return function(truth, answer[:, :n]) - IMAGES_WEIGHT * ops.sum(truth * answer[:, n:], axis=1)

    return loss


def _with_width(function, task):
    """A loss of the values, and the negative logarithm of a Gaussian's likelihood for the width behind them.

    The width (of each component; a von Mises-Fisher distribution's for small angles) learns from the errors as they
    are, without changing them: Nix & Weigend 1994, ICNN, eq. 1, with the gradient by the mean stopped, for with it hard
    events are neglected (Seitzer et al. 2022, ICLR).
    """
    n = task.n_outputs

    def loss(truth, answer):
        values, log_width = answer[:, :n], ops.clip(answer[:, n], LOWEST, HIGHEST)
        squared = ops.sum(ops.square(ops.stop_gradient(truth - values)), axis=1)
        likelihood = n * log_width + 0.5 * squared * ops.exp(-2 * log_width)
        return function(truth, values) + WIDTH_WEIGHT * likelihood

    return loss
