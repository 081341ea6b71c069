"""What a network learns: per task the target, its inverse, the loss and the output activation.

===========  =======================================  ========  ==========================
task         target                                   output    loss
===========  =======================================  ========  ==========================
gammaness    one-hot (hadron, gamma)                  softmax   categorical cross-entropy
energy       log10(E / TeV)                           linear    Huber
direction    offset from the pointing, fov_lon and    linear    Huber
             fov_lat in the TelescopeFrame, degrees
core         where the axis meets the plane that      linear    Huber
             faces the pointing, 100 m; array events
h_max        height of the maximum, 10 km             linear    Huber
x_max        depth of the maximum, 100 g/cm2          linear    Huber
===========  =======================================  ========  ==========================

Hadrons take no part in the regressions.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from gammaml import sky
from gammaml.columns import require
from gammaml.errors import InputError, SettingError


@dataclass(frozen=True)
class Task:
    """One thing to learn.

    Parameters
    ----------
    name : str
    n_outputs : int
    activation : str
        "softmax" or "linear".
    loss : str
        Name of a Keras loss.
    needs : tuple of str
        Truth columns.
    weight : float
        Brings the losses of a joint network to the same order.
    limits : tuple of float
        Targets beyond them are a mistake in the file: energies from 1 GeV to 10 PeV, directions up to 20 degrees.
    uncertainty : str
        Column for the predicted width, where a network may learn one: of log10(E) or of each component of the offset.
    """

    name: str
    n_outputs: int
    activation: str
    loss: str
    needs: tuple
    weight: float = 1.0
    limits: tuple = (0.0, 1.0)
    uncertainty: str = ""

    @property
    def is_classification(self):
        return self.activation == "softmax"

    @property
    def is_vector(self):
        """Whether the target turns with the camera."""
        return not self.is_classification and self.n_outputs == 2


PRIMARY = "true_shower_primary_id"
GAMMANESS = Task("gammaness", 2, "softmax", "categorical_crossentropy", (PRIMARY,))
ENERGY = Task("energy", 1, "linear", "huber", (PRIMARY, "true_energy"), 10.0, (-3, 4), "reco_energy_uncert")
DIRECTION = Task(
    "direction",
    2,
    "linear",
    "huber",
    (PRIMARY, "true_fov_lon", "true_fov_lat"),
    5.0,
    (-20, 20),
    "ang_distance_uncert",
)
CORE = Task("core", 2, "linear", "huber", (PRIMARY, "true_tilted_lon", "true_tilted_lat"), 4.0, (-200, 200))
H_MAX = Task("h_max", 1, "linear", "huber", (PRIMARY, "true_h_max"), 1.0, (0, 10))
X_MAX = Task("x_max", 1, "linear", "huber", (PRIMARY, "true_x_max"), 1.0, (0, 20))
TASKS = {task.name: task for task in (GAMMANESS, ENERGY, DIRECTION, CORE, H_MAX, X_MAX)}
# Columns that each regression learns, and the unit of its target.
LEARNT = {
    "direction": (("true_fov_lon", "true_fov_lat"), u.deg),
    "core": (("true_tilted_lon", "true_tilted_lat"), 100 * u.m),
    "h_max": (("true_h_max",), 10 * u.km),
    "x_max": (("true_x_max",), 100 * u.g / u.cm**2),
}


def get_tasks(names):
    """Tasks by name.

    Parameters
    ----------
    names : str or sequence of str
        One task, or several for a joint network.

    Returns
    -------
    tuple of Task
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in TASKS:
            raise SettingError("task", repr(name), f"one of {', '.join(TASKS)}", "choose one of these")
    if not names or len(set(names)) < len(names):
        raise SettingError("tasks", repr(names), "at least one, each once", "name each task once")
    return tuple(TASKS[name] for name in names)


def target(task, events):
    """What the network should answer.

    Parameters
    ----------
    task : Task
    events : gammaml.events.TelescopeEvents
        Simulated ones.

    Returns
    -------
    array (n_images, task.n_outputs) float32
    """
    require(events.table, *task.needs, where=f"events for the task {task.name}")
    if task is GAMMANESS:
        return np.stack([~events.is_gamma, events.is_gamma], axis=1).astype(np.float32)
    if task is ENERGY:
        energy = events.table["true_energy"].to_value(u.TeV)
        if not (energy > 0).all():
            raise InputError("true_energy", f"{np.nanmin(energy):.3g} TeV", "energies above 0", "check the simulation")
        return np.log10(energy)[:, np.newaxis].astype(np.float32)
    names, unit = LEARNT[task.name]
    return np.stack([events.table[name].to_value(unit) for name in names], axis=1).astype(np.float32)


def takes_part(task, events):
    """Mask (n_images,) of the events that a task learns from: all for gammaness, gammas for the regressions."""
    return np.ones(len(events), bool) if task.is_classification else events.is_gamma


def to_columns(task, output, table):
    """The inverse of `target`: a network's output as columns of a DL2 table.

    Parameters
    ----------
    task : Task
    output : array (n, task.n_outputs), or one more
        The last is then the natural logarithm of the width, in the units of the target.
    table : astropy.table.QTable
        The DL2 table so far, with the pointing; a core is said on the ground, along ``reco_alt`` and ``reco_az`` where
        the table has these.

    Returns
    -------
    dict of str to array or Quantity
        ``gammaness``; ``reco_energy``; ``reco_fov_lon``, ``reco_fov_lat`` and, where the pointing is known,
        ``reco_alt``, ``reco_az``; ``reco_core_x``, ``reco_core_y``; ``reco_h_max``; ``reco_x_max``; and the
        uncertainty of energy and direction where the output has it.
    """
    output = np.asarray(output, float)
    if task is GAMMANESS:
        return {"gammaness": output[:, 1]}
    values, width = output[:, : task.n_outputs], np.exp(output[:, task.n_outputs :])
    if task is ENERGY:
        energy = 10 ** values[:, 0] * u.TeV
        return {"reco_energy": energy} | ({task.uncertainty: energy * np.log(10) * width[:, 0]} if width.size else {})
    if task is DIRECTION:
        return _direction(values, table) | ({task.uncertainty: width[:, 0] * u.deg} if width.size else {})
    if task is CORE:
        return _core(values * LEARNT["core"][1].to_value(u.m), table)
    return {f"reco_{task.name}": (values[:, 0] * LEARNT[task.name][1]).to(u.m if task is H_MAX else "g/cm2")}


def _direction(offsets, table):
    pointing = [table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
    alt, az = sky.fov_to_altaz(*offsets.T, *pointing)
    columns = {"reco_fov_lon": offsets[:, 0], "reco_fov_lat": offsets[:, 1], "reco_alt": alt, "reco_az": az}
    return {name: values * u.deg for name, values in columns.items()}


def _core(tilted, table):
    pointing = [table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
    known = "reco_alt" in table.colnames
    source = [table[name].to_value(u.deg) for name in ("reco_alt", "reco_az")] if known else pointing
    x, y = sky.tilted_to_ground(tilted, *pointing, *source).T
    return {"reco_core_x": x * u.m, "reco_core_y": y * u.m}
