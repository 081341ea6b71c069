"""Temperature scaling: a known temperature comes back, and the order of the events stays."""

import numpy as np
import pytest
from fake_dl2 import make_events
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import log_loss, roc_auc_score

from gammaml import calibration, performance
from gammaml.calibration import apply_temperature, fit_temperature
from gammaml.errors import InputError, SettingError
from gammaml.tasks import get_tasks

SCORES = st.lists(st.floats(0, 1) | st.just(np.nan), min_size=1, max_size=20)
SINGLE = st.floats(0, 1, width=32, allow_subnormal=False)
TEMPERATURES = st.floats(0.05, 20)


def drawn(n=20_000, seed=0, spread=2.0):
    """Logits, and classes drawn with the probabilities that these stand for."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, spread, n)
    return truth, rng.uniform(size=n) < expit(truth)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 5.0])
def test_a_known_temperature_comes_back(temperature):
    truth, is_gamma = drawn()
    found = fit_temperature(expit(temperature * truth), is_gamma)
    p = expit(truth)
    uncert = temperature / np.sqrt(np.sum(truth**2 * p * (1 - p)))  # Fisher information of 1 / T, at the truth
    assert abs(found - temperature) < 4 * uncert < 0.08 * temperature


def test_the_temperature_is_the_most_likely_one():
    truth, is_gamma = drawn(500)
    scores, weights = expit(3 * truth), np.random.default_rng(1).uniform(0, 2, 500)
    found = fit_temperature(scores, is_gamma, weights)
    loss = [log_loss(is_gamma, apply_temperature(scores, found * f), sample_weight=weights) for f in (0.99, 1, 1.01)]
    assert loss[1] < min(loss[0], loss[2])
    assert found != pytest.approx(fit_temperature(scores, is_gamma), rel=1e-3)


def test_weights_are_repetitions():
    truth, is_gamma = drawn(1000)
    scores, times = expit(2 * truth), np.arange(1000) % 3
    repeated = fit_temperature(np.repeat(scores, times), np.repeat(is_gamma, times))
    assert fit_temperature(scores, is_gamma, times) == pytest.approx(repeated, rel=1e-6)


def test_events_without_gammaness_do_not_count():
    truth, is_gamma = drawn(1000)
    scores = expit(2 * truth)
    more, classes = np.append(scores, [np.nan] * 500), np.append(is_gamma, np.ones(500, bool))
    assert fit_temperature(more, classes) == fit_temperature(scores, is_gamma)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_rounded_to_0_and_1_are_no_harm(dtype):
    truth, is_gamma = drawn(spread=4.0)
    scores = expit(dtype(4 * truth)).astype(dtype)
    assert np.sum(scores == 1) > (500 if dtype == np.float32 else 10)
    found = fit_temperature(scores, is_gamma)
    assert found == pytest.approx(4, rel=0.05)
    calibrated = apply_temperature(scores, found)
    assert calibrated.dtype == np.float64
    assert 0 < calibrated.min() < calibrated.max() < 1
    assert np.isfinite(log_loss(is_gamma, calibrated))


def test_certain_and_wrong_is_a_finite_loss():
    found = fit_temperature(np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0]), [1, 1, 1, 0, 0, 0])
    assert apply_temperature(np.array([1.0]), found) == pytest.approx(2 / 3, abs=0.1)


def test_over_confident_scores_come_closer_to_their_probability():
    rng = np.random.default_rng(0)
    table = performance.combine([make_events(3000, primary, rng) for primary in (0, 101)])
    half = np.arange(len(table)) % 2 == 0
    table["gammaness"] = expit(2 * logit(np.asarray(table["gammaness"])))
    is_gamma = np.asarray(table["true_shower_primary_id"] == 0)
    before, after = table[~half], table[~half]
    temperature = fit_temperature(table["gammaness"][half], is_gamma[half])
    after["gammaness"] = apply_temperature(after["gammaness"], temperature)
    first, second = (performance.reliability(dl2).meta for dl2 in (before, after))
    assert first["expected_calibration_error"] > 0.05
    assert second["expected_calibration_error"] < first["expected_calibration_error"] / 2
    assert second["brier_score"] < first["brier_score"]
    assert performance.auc(after).value == performance.auc(before).value


@given(SCORES, TEMPERATURES)
def test_order_and_missing_values_stay(scores, temperature):
    scores = np.array(scores)
    found = apply_temperature(scores, temperature)
    known = ~np.isnan(scores)
    np.testing.assert_array_equal(np.isnan(found), ~known)
    assert np.all((found[known] >= 0) & (found[known] <= 1))
    assert np.all(np.diff(found[known][np.argsort(scores[known])]) >= 0)
    sided = np.sign(np.round(scores[known] - 0.5, 12))
    assert np.all((np.sign(found[known] - 0.5) == sided) | (sided == 0))


@given(SCORES)
def test_a_temperature_of_1_changes_nothing(scores):
    np.testing.assert_allclose(apply_temperature(np.array(scores), 1), scores, rtol=1e-12, atol=1e-300)


@given(st.lists(st.floats(1e-3, 1 - 1e-3), min_size=1), st.floats(0.3, 20))
def test_temperatures_undo_each_other(scores, temperature):
    again = apply_temperature(apply_temperature(scores, temperature), 1 / temperature)
    np.testing.assert_allclose(again, scores, rtol=1e-6)


@settings(deadline=None)  # the first call of scikit-learn is slow
@given(st.lists(st.tuples(SINGLE, st.booleans()), min_size=2, max_size=30), st.floats(1, 20))
def test_the_area_under_the_roc_curve_stays(events, temperature):
    scores, is_gamma = np.float32([p for p, _ in events]), [gamma for _, gamma in events]
    is_gamma[:2] = True, False
    softened = apply_temperature(scores, temperature)
    assert roc_auc_score(is_gamma, softened) == pytest.approx(roc_auc_score(is_gamma, scores), abs=1e-12)


UNDETERMINED = {
    "0 gammas and 0 hadrons": ([], []),
    "2 gammas and 0 hadrons": ([0.5, 0.8, np.nan], [True, True, False]),
    "0 gammas and 2 hadrons": ([0.5, 0.8], [False, False]),
    "no event on the wrong side": ([0.6, 0.9, 0.3], [True, True, False]),
    "no better than chance": ([0.6, 0.4, 0.6, 0.4], [True, True, False, False]),
}


@pytest.mark.parametrize("reason", UNDETERMINED)
def test_events_that_determine_no_temperature(reason):
    with pytest.raises(InputError, match=f"{reason}.*temperature of 1"):
        fit_temperature(*map(np.array, UNDETERMINED[reason]))


def test_one_class_by_weight_is_one_class():
    with pytest.raises(InputError, match="1 gammas and 0 hadrons"):
        fit_temperature([0.4, 0.6], [True, False], [1.0, 0.0])


def test_temperature_stays_within_its_limits():
    nearly_chance = fit_temperature([0.9, 0.1, 0.9, 0.099], [True, True, False, False])
    assert nearly_chance == pytest.approx(100, rel=1e-3)
    nearly_separated = fit_temperature([0.501, 0.499, 0.5 + 1e-6], [True, False, False])
    assert nearly_separated == pytest.approx(0.01, rel=1e-3)


def test_what_cannot_be_scaled():
    with pytest.raises(InputError, match=r"a gammaness of 1\.5"):
        apply_temperature([0.2, 1.5], 2)
    with pytest.raises(InputError, match=r"a gammaness of -3"):
        fit_temperature([-3.0, 0.5], [True, False])
    for temperature in (0, -1, np.nan, np.inf):
        with pytest.raises(SettingError, match="a number above zero"):
            apply_temperature([0.5], temperature)
    with pytest.raises(InputError, match="shapes"):
        fit_temperature([0.5, 0.6], [True])
    with pytest.raises(InputError, match="shapes"):
        fit_temperature([0.5, 0.6], [True, False], [1.0])
    with pytest.raises(InputError, match="weights below zero"):
        fit_temperature([0.5, 0.6], [True, False], [1.0, -1.0])


@pytest.mark.parametrize("n_components", [1, 2])
def test_widths_that_are_half_as_large_as_they_should_be(n_components):
    rng = np.random.default_rng(5)
    width = rng.uniform(0.1, 1, 20000)
    truth = width[:, None] * rng.normal(size=(20000, n_components))
    answer = np.column_stack([np.zeros_like(truth), np.log(width / 2)])
    assert calibration.fit_width(answer, truth) == pytest.approx(2, rel=0.02)
    assert calibration.fit_width(answer[:0], truth[:0]) == 1


def test_corrections_are_applied_in_place():
    gammaness, energy, direction = get_tasks(("gammaness", "energy", "direction"))
    scores = np.array([[0.1, 0.9], [0.5, 0.5]])
    calibration.correct(gammaness, scores, 2.0)
    np.testing.assert_allclose(scores[:, 1], [0.75, 0.5])
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    answer = np.array([[1.0, 2.0, np.log(0.1)]])
    calibration.correct(direction, answer, 3.0)
    np.testing.assert_allclose(answer, [[1.0, 2.0, np.log(0.3)]])
    untouched = np.array([[1.0]])
    calibration.correct(energy, untouched, None)
    assert untouched == 1.0
