"""The reference a network has to beat: random forests on Hillas parameters, by scikit-learn.

Trained by scikit-learn, kept and evaluated as plain arrays: nothing is pickled, so loading one runs no code and
does not depend on scikit-learn's version. Energy and gammaness are a forest each; the direction is found by disp,
the distance of the source from the image's centre of gravity along its axis, with a second forest for the side on
which it lies (Lessard et al. 2001, Astropart. Phys. 15, 1; sign as in ctapipe's DispReconstructor).
"""

from dataclasses import dataclass

import numpy as np

from gammaml import parameters
from gammaml.events import as_list
from gammaml.tasks import GAMMANESS, takes_part, target

N_TREES = 100
MIN_SAMPLES_LEAF = 3
BLOCK = 4096
# Inputs that do not turn with the camera: a forest cannot use vectors.
INVARIANT = [*range(parameters.N_SCALARS), *range(parameters.N_INPUTS - len(parameters.ALIGNED), parameters.N_INPUTS)]


@dataclass(frozen=True, eq=False)
class Trees:
    """Decision trees as arrays over all nodes; `left` and `right` of a leaf are the leaf itself.

    Parameters
    ----------
    roots : array of int (n_trees,)
    feature, left, right : array of int (n_nodes,)
    threshold : array (n_nodes,)
    value : array (n_nodes,)
        Mean target of the training events in the node; for two classes the share of the second.
    depth : int
        Steps from any root to a leaf, at most.
    """

    roots: np.ndarray
    feature: np.ndarray
    left: np.ndarray
    right: np.ndarray
    threshold: np.ndarray
    value: np.ndarray
    depth: int

    def predict(self, inputs):
        """Mean over the trees, (n,), for inputs (n, n_features) float32."""
        blocks = [self._predict(inputs[low : low + BLOCK]) for low in range(0, len(inputs), BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _predict(self, inputs):
        node = np.broadcast_to(self.roots[:, None], (len(self.roots), len(inputs)))
        column = np.arange(len(inputs))
        for _ in range(self.depth):
            below = inputs[column, self.feature[node]] <= self.threshold[node]
            node = np.where(below, self.left[node], self.right[node])
        return self.value[node].mean(axis=0)


@dataclass(frozen=True, eq=False)
class Forest:
    """Forests for some tasks.

    Parameters
    ----------
    tasks : tuple of gammaml.tasks.Task
    trees : dict of str to Trees
        "gammaness", "energy", and for the direction "disp" and "sign".
    fill : array (n_features,)
        Inputs of images without parameters.
    """

    tasks: tuple
    trees: dict
    fill: np.ndarray
    reconstructor = "Forest"

    def predict(self, events):
        """What the forests answer.

        Parameters
        ----------
        events : gammaml.events.TelescopeEvents

        Returns
        -------
        dict of str to array (n_images, n_outputs)
            By task; as a network's outputs.
        """
        shape = parameters.shape(events.table)
        inputs = filled(invariants(shape), self.fill)
        return {task.name: self._predict(task, inputs, shape) for task in self.tasks}

    def _predict(self, task, inputs, shape):
        if task.name == "direction":
            cog, axis, _ = parameters.frame(shape).swapaxes(0, 1)
            return cog + axis * outward(self.trees, inputs)[:, None]
        answer = self.trees[task.name].predict(inputs)
        return np.stack([1 - answer, answer], axis=1) if task is GAMMANESS else answer[:, None]


def fit(events, tasks, *, seed=0):
    """Train the forests.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents or list of them
        The same as the network's training events.
    tasks : tuple of gammaml.tasks.Task
    seed : int

    Returns
    -------
    Forest
    """
    cameras = as_list(events)
    shape = parameters.concatenate([parameters.shape(part.table) for part in cameras])
    inputs = invariants(shape)
    fill = typical(inputs)
    inputs = filled(inputs, fill)
    usable = np.isfinite(shape.scalars[:, 0])
    trees = {}
    for task in tasks:
        rows = usable & np.concatenate([takes_part(task, part) for part in cameras])
        truth = np.concatenate([target(task, part) for part in cameras])[rows]
        if task.name == "direction":
            cog, axis, _ = parameters.frame(shape[rows]).swapaxes(0, 1)
            trees |= fit_disp(inputs[rows], truth - cog, axis, seed)
        else:
            trees[task.name] = fit_trees(inputs[rows], truth[:, 1] > 0 if task is GAMMANESS else truth[:, 0], seed)
    return Forest(tuple(tasks), trees, fill)


def invariants(shape):
    """Image parameters (n, n_features) that do not turn with the camera, float32."""
    return parameters.inputs(shape)[:, INVARIANT].astype(np.float32)


def typical(inputs):
    """Median of each feature, for images that lack it."""
    return np.nan_to_num(np.nanmedian(np.where(np.isfinite(inputs), inputs, np.nan), axis=0))


def filled(inputs, fill):
    """Inputs with `fill` where they are not finite."""
    return np.where(np.isfinite(inputs), inputs, fill).astype(np.float32)


def outward(trees, inputs):
    """Distance (n,) of the source from the centre of gravity along the axis, negative toward the camera's centre."""
    return np.where(trees["sign"].predict(inputs) > 0.5, 1.0, -1.0) * trees["disp"].predict(inputs)


def fit_disp(inputs, offset, axis, seed):
    """Trees for the distance of the source (n, 2) along the axis (n, 2) and for its side."""
    disp = np.einsum("ni,ni->n", offset, axis)
    return {"disp": fit_trees(inputs, np.abs(disp), seed), "sign": fit_trees(inputs, disp > 0, seed)}


def fit_trees(inputs, truth, seed):
    """Trees for a class (bool) or a number (n,)."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    common = {"n_estimators": N_TREES, "min_samples_leaf": MIN_SAMPLES_LEAF, "n_jobs": -1, "random_state": seed}
    if truth.dtype == bool:
        model = RandomForestClassifier(class_weight="balanced", **common)
    else:
        model = RandomForestRegressor(max_features=0.4, **common)
    model.fit(inputs, truth)
    return _to_arrays([estimator.tree_ for estimator in model.estimators_], is_classifier=truth.dtype == bool)


def _to_arrays(trees, *, is_classifier):
    sizes = [tree.node_count for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    own = np.concatenate([np.arange(size) for size in sizes])
    leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    offset = np.repeat(roots, sizes)
    left = np.where(leaf, own, np.concatenate([tree.children_left for tree in trees])) + offset
    right = np.where(leaf, own, np.concatenate([tree.children_right for tree in trees])) + offset
    if is_classifier:
        values = [tree.value[:, 0, -1] / tree.value[:, 0].sum(axis=1) for tree in trees]
        values = values if trees[0].n_classes[0] > 1 else [np.ones(size) for size in sizes]
    else:
        values = [tree.value[:, 0, 0] for tree in trees]
    return Trees(
        roots=roots.astype(np.int32),
        feature=np.maximum(np.concatenate([tree.feature for tree in trees]), 0).astype(np.int16),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        value=np.concatenate(values).astype(np.float32),
        depth=int(max(tree.max_depth for tree in trees)),
    )
