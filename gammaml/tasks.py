"""What a network learns: per task the target, its inverse, the loss and the output activation.

===========  =======================================  ========  ==========================
task         target                                   output    loss
===========  =======================================  ========  ==========================
gammaness    one-hot (hadron, gamma)                  softmax   categorical cross-entropy
energy       log10(E / TeV)                           linear    Huber
direction    offset from the pointing, fov_lon and    linear    Huber
             fov_lat in the TelescopeFrame, degrees
===========  =======================================  ========  ==========================

Hadrons take no part in the two regressions.
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
    """

    name: str
    n_outputs: int
    activation: str
    loss: str
    needs: tuple
    weight: float = 1.0
    limits: tuple = (0.0, 1.0)

    @property
    def is_classification(self):
        return self.activation == "softmax"


GAMMANESS = Task("gammaness", 2, "softmax", "categorical_crossentropy", ("true_shower_primary_id",))
ENERGY = Task("energy", 1, "linear", "huber", ("true_shower_primary_id", "true_energy"), 10.0, (-3, 4))
DIRECTION = Task(
    "direction", 2, "linear", "huber", ("true_shower_primary_id", "true_fov_lon", "true_fov_lat"), 5.0, (-20, 20)
)
TASKS = {task.name: task for task in (GAMMANESS, ENERGY, DIRECTION)}


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
    offsets = [events.table[name].to_value(u.deg) for name in ("true_fov_lon", "true_fov_lat")]
    return np.stack(offsets, axis=1).astype(np.float32)


def takes_part(task, events):
    """Mask (n_images,) of the events that a task learns from: all for gammaness, gammas for the regressions."""
    return np.ones(len(events), bool) if task.is_classification else events.is_gamma


def to_columns(task, output, events):
    """The inverse of `target`: a network's output as columns of a DL2 table.

    Parameters
    ----------
    task : Task
    output : array (n_images, task.n_outputs)
    events : gammaml.events.TelescopeEvents

    Returns
    -------
    dict of str to array or Quantity
        ``gammaness``; ``reco_energy``; or ``reco_fov_lon``, ``reco_fov_lat`` and, where the pointing is known,
        ``reco_alt``, ``reco_az``.
    """
    output = np.asarray(output, float)
    if task is GAMMANESS:
        return {"gammaness": output[:, 1]}
    if task is ENERGY:
        return {"reco_energy": 10 ** output[:, 0] * u.TeV}
    pointing = [events.table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
    alt, az = sky.fov_to_altaz(output[:, 0], output[:, 1], *pointing)
    columns = {"reco_fov_lon": output[:, 0], "reco_fov_lat": output[:, 1], "reco_alt": alt, "reco_az": az}
    return {name: values * u.deg for name, values in columns.items()}
