"""Calibration on validation events: gammaness that is the probability of a gamma, and widths that hold what they say.

Guo et al. 2017, ICML, section 4.2: the logits of a trained network are divided by one number T, which is fitted on
events that the network was not trained on. Of a softmax over two classes only the difference of the logits matters, and
that is the logit of its gammaness. It stretches logits and does not shift them: gammaness is a probability where the
share of gammas is that of the training.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from gammaml.errors import InputError, SettingError

WHERE = "temperature scaling"
ONE_SIGMA = 0.6827
LIMITS = (0.01, 100.0)  # of a fitted temperature


def fit_temperature(gammaness, is_gamma, weights=None):
    """The temperature that makes gammaness most likely as the probability of a gamma.

    Parameters
    ----------
    gammaness : array (n,)
        In [0, 1]; NaN does not count.
    is_gamma : array of bool (n,)
    weights : array (n,), optional
        Not below zero; 1 where not given.

    Returns
    -------
    float
        From 0.01 to 100; above 1 where the scores are over-confident.

    Raises
    ------
    gammaml.errors.InputError
        Where the events do not determine it: one class alone, classes that a gammaness of 0.5 separates without an
        error (best would be 0), or scores no better than chance (best would be infinite).

    References
    ----------
    Guo et al. 2017, ICML, eq. 9, on the negative log-likelihood of two classes.
    """
    scores, gammas, weights = _checked_events(gammaness, is_gamma, weights)
    margin = np.where(gammas, 1, -1) * _logit(scores)  # above 0 on the right side
    if np.all(margin >= 0):
        raise _undetermined("no event on the wrong side of 0.5", "use more events, or a temperature of 1")
    if np.average(margin, weights=weights) <= 0:  # then the slope at 1 / T = 0 is not downhill, and the loss is convex
        raise _undetermined("scores no better than chance", "train longer, or use a temperature of 1")

    def loss(log_temperature):
        return np.average(np.logaddexp(0, -margin * np.exp(-log_temperature)), weights=weights)

    return float(np.exp(minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded", options={"xatol": 1e-8}).x))


def apply_temperature(gammaness, temperature):
    """Gammaness with its logit divided by a temperature.

    Parameters
    ----------
    gammaness : array (n,)
        In [0, 1]; NaN stays NaN.
    temperature : float
        Above zero; 1 changes nothing.

    Returns
    -------
    array of float64 (n,)
        In the same order as before: the ROC curve does not change.

    Raises
    ------
    gammaml.errors.SettingError
        Where the temperature is not above zero and finite.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise SettingError("temperature", f"{temperature}", "a number above zero", "fit it, or use 1")
    return expit(_logit(_checked_scores(gammaness)) / temperature)


def _logit(scores):
    """log(p / (1 - p)) as float64; a p of 0 or 1 is one that its own precision has rounded there."""
    precision = np.finfo(scores.dtype)
    p = scores.astype(np.float64)
    # Half of the smallest step that it can tell from them, so that 0 and 1 stay the first and the last in order.
    return np.log(np.maximum(p, precision.tiny / 2)) - np.log(np.maximum(1 - p, precision.epsneg / 2))


def _checked_scores(gammaness):
    scores = np.asarray(gammaness)
    scores = scores if np.issubdtype(scores.dtype, np.floating) else scores.astype(np.float64)
    outside = (scores < 0) | (scores > 1)
    if outside.any():
        got = f"a gammaness of {scores[outside][0]:g}"
        raise InputError(WHERE, got, "values in [0, 1], 1 = gamma", "convert the score, logits by a sigmoid")
    return scores


def _checked_events(gammaness, is_gamma, weights):
    """Scores, classes and weights of the events that count."""
    scores, gammas = _checked_scores(gammaness), np.asarray(is_gamma, bool)
    weights = np.ones(scores.shape) if weights is None else np.asarray(weights, np.float64)
    if not scores.shape == gammas.shape == weights.shape or scores.ndim != 1:
        got = f"gammaness, is_gamma and weights of shapes {scores.shape}, {gammas.shape} and {weights.shape}"
        raise InputError(WHERE, got, "one value each for each event", "take them from the same events")
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise InputError(WHERE, "weights below zero or not finite", "weights of zero or more", "check the weights")
    counting = np.isfinite(scores) & (weights > 0)
    scores, gammas, weights = scores[counting], gammas[counting], weights[counting]
    if gammas.all() or not gammas.any():
        got = f"{gammas.sum()} gammas and {(~gammas).sum()} hadrons with a gammaness"
        raise _undetermined(got, "add events of the other class, or use a temperature of 1")
    return scores, gammas, weights


def _undetermined(got, do):
    return InputError(WHERE, got, "events of both classes that determine a temperature", do)


def fit_width(answer, truth):
    """What predicted widths must be multiplied with for 68.27 % of the errors to lie within them.

    Parameters
    ----------
    answer : array (n, k + 1)
        Values, and the natural logarithm of their width.
    truth : array (n, k)

    Returns
    -------
    float
        1 without events.
    """
    distance = np.linalg.norm(answer[:, :-1] - truth, axis=1) * np.exp(-answer[:, -1].astype(float))
    if not len(distance):
        return 1.0
    # Within what that share of a normal distribution of one or two components lies.
    expected = 1.0 if truth.shape[1] == 1 else np.sqrt(-2 * np.log(1 - ONE_SIGMA))
    return float(np.quantile(distance, ONE_SIGMA) / expected)


def correct(task, answer, correction):
    """Correct a network's answers in place, by its temperature or the factor of its widths.

    Parameters
    ----------
    task : gammaml.tasks.Task
    answer : array (n, n_outputs)
    correction : float or None
        None where there is nothing to correct.
    """
    if correction is None:
        return
    if task.is_classification:
        answer[:, 1] = apply_temperature(answer[:, 1], correction)
        answer[:, 0] = 1 - answer[:, 1]
    else:
        answer[:, -1] += np.log(correction)
