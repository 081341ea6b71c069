"""How far two sets of image parameters are apart: Kolmogorov-Smirnov distances and forests that tell them apart."""

import numpy as np
from scipy.stats import ks_2samp
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

SHAPES = ("intensity", "width", "length", "concentration", "gradient", "islands")
INPUTS = ("intensity", "width", "length", "concentration", "gradient", "islands", "pixels")
N_BOOTSTRAP = 200


def cleaned(table):
    """Rows of images that survived the cleaning."""
    return table[np.isfinite(table["width"])]


def distances(theirs, ours):
    """Kolmogorov-Smirnov distance of each of `SHAPES`."""
    return {name: ks_2samp(*_finite(theirs[name], ours[name]), method="asymp").statistic for name in SHAPES}


def _finite(*columns):
    return [np.asarray(column)[np.isfinite(column)] for column in columns]


def ratios(theirs, ours, showers, names=SHAPES[:5]):
    """Median of ours over theirs, image by image, and its error by drawing showers anew.

    Parameters
    ----------
    theirs, ours : QTable
        Of `paired`.
    showers : array (n_images,)
    names : sequence of str

    Returns
    -------
    dict of (float, float)
    """
    found = {}
    for name in names:
        ratio = np.asarray(ours[name]) / np.maximum(np.asarray(theirs[name]), 1e-9)
        errors = [np.nanmedian(ratio[rows]) for rows in drawn(showers)]
        found[name] = (float(np.nanmedian(ratio)), float(np.std(errors)))
    return found


def drawn(showers):
    """Rows of as many showers as there are, each drawn at random, many times."""
    draw = np.random.default_rng(0)
    names, at = np.unique(showers, return_inverse=True)
    members = [np.flatnonzero(at == i) for i in range(len(names))]
    for _ in range(N_BOOTSTRAP):
        yield np.concatenate([members[i] for i in draw.integers(0, len(names), len(names))])


def inputs(table, names=INPUTS):
    """What a forest takes in: (n_images, n_names); the intensity as its logarithm, -1 for what is missing."""
    columns = [np.log10(table[name]) if name == "intensity" else np.asarray(table[name]) for name in names]
    return np.nan_to_num(np.column_stack(columns), nan=-1.0)


def forest(seed=0):
    return RandomForestClassifier(300, min_samples_leaf=4, random_state=seed)


def tell_apart(theirs, ours, their_showers, our_showers, names=INPUTS):
    """AUC of a forest that tells ours from theirs; 0.5 where it cannot.

    Cross-validated so that no shower, nor ours of the same truth, is on two sides.

    Parameters
    ----------
    theirs, ours : QTable
    their_showers, our_showers : array
    names : sequence of str

    Returns
    -------
    auc, error : float
        The error by drawing showers anew.
    """
    x = np.concatenate([inputs(theirs, names), inputs(ours, names)])
    y = np.repeat([0, 1], [len(theirs), len(ours)])
    groups = np.concatenate([their_showers, our_showers])
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    score = cross_val_predict(forest(), x, y, groups=groups, cv=folds, method="predict_proba")[:, 1]
    return auc_with_error(y, score, groups)


def auc_with_error(y, score, groups):
    """Area under the ROC curve, and its error by drawing groups anew."""
    areas = [roc_auc_score(y[rows], score[rows]) for rows in drawn(groups) if len(set(y[rows])) == 2]
    return float(roc_auc_score(y, score)), float(np.std(areas))


def auc_difference(y, first, second, groups):
    """AUC of one score less that of another of the same images, and its error by drawing groups anew."""
    many = [rows for rows in drawn(groups) if len(set(y[rows])) == 2]
    found = [roc_auc_score(y[rows], first[rows]) - roc_auc_score(y[rows], second[rows]) for rows in many]
    return float(roc_auc_score(y, first) - roc_auc_score(y, second)), float(np.std(found))


def separation(training, test, names, seed=0):
    """Score of being a gamma, by a forest: training and test are (gammas, protons); None for the test cross-validates.

    Returns
    -------
    y, score : array
        Truth and score, gammas first.
    """
    x, y = _classes(training, names)
    if test is None:
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        groups = np.concatenate([training[0]["shower"], training[1]["shower"] + 10**6])
        return y, cross_val_predict(forest(seed), x, y, groups=groups, cv=folds, method="predict_proba")[:, 1]
    x_test, y_test = _classes(test, names)
    return y_test, forest(seed).fit(x, y).predict_proba(x_test)[:, 1]


def _classes(tables, names):
    gammas, protons = tables
    return np.concatenate([inputs(gammas, names), inputs(protons, names)]), np.repeat(
        [1, 0], [len(gammas), len(protons)]
    )
