"""The forest kept as arrays answers as scikit-learn's."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from gammaml import forest
from gammaml.tasks import get_tasks


@pytest.mark.parametrize("kind", [RandomForestClassifier, RandomForestRegressor])
def test_arrays_answer_as_scikit_learn(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 6)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + 0.1 * rng.normal(size=500)
    y = y > 0 if kind is RandomForestClassifier else y
    model = kind(n_estimators=15, min_samples_leaf=2, random_state=0).fit(x, y)
    trees = [estimator.tree_ for estimator in model.estimators_]
    arrays = forest._to_arrays(trees, is_classifier=kind is RandomForestClassifier)
    new = rng.normal(size=(300, 6)).astype(np.float32)
    expected = model.predict_proba(new)[:, 1] if kind is RandomForestClassifier else model.predict(new)
    np.testing.assert_allclose(arrays.predict(new), expected, atol=1e-5)


def test_learns_all_tasks_and_survives_missing_parameters(mixed_events):
    trained = forest.fit(mixed_events, get_tasks(("gammaness", "energy", "direction")), seed=0)
    events = mixed_events[:]
    events.table["hillas_intensity"] = np.where(np.arange(len(events)) == 0, np.nan, events.table["hillas_intensity"])
    answers = trained.predict(events)
    assert all(np.isfinite(values).all() for values in answers.values())
    right = (answers["gammaness"][:, 1] > 0.5) == events.is_gamma
    assert right.mean() > 0.95
    gammas = events.is_gamma
    error = answers["energy"][gammas, 0] - np.log10(events.table["true_energy"].value[gammas])
    assert np.std(error) < 0.1
    offset = np.stack([events.table["true_fov_lon"].value, events.table["true_fov_lat"].value], axis=1)
    distance = np.hypot(*(answers["direction"] - offset)[gammas].T)
    assert np.median(distance) < 0.3  # the side of the source is a coin toss in these events, unless remembered


def test_a_seed_gives_the_same_forest(mixed_events):
    tasks = get_tasks("energy")
    first, again = (forest.fit(mixed_events, tasks, seed=3).predict(mixed_events)["energy"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
