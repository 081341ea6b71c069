"""What a training keeps of each epoch, so that an interrupted one goes on to the same result."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gammaml.errors import InputError
from gammaml.io.write_tables import whole_file

CHECKPOINT = "checkpoint.npz"


@dataclass
class State:
    """Where a training stands after an epoch."""

    best: list
    history: list = field(default_factory=list)

    @property
    def best_epoch(self):
        """Number of the epoch with the smallest validation loss, from 1; 0 before the first."""
        return 1 + int(np.argmin([row["val_loss"] for row in self.history])) if self.history else 0


class Checkpoint:
    """All that an interrupted training needs to go on exactly: weights, optimiser, seeds, history, best weights.

    Parameters
    ----------
    run_dir : str, Path or None
        None keeps nothing.
    fingerprint : str
        Settings and events; a checkpoint of others is refused.
    """

    def __init__(self, run_dir, fingerprint):
        self.path = None if run_dir is None else Path(run_dir) / CHECKPOINT
        self.fingerprint = fingerprint

    def save(self, model, state):
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"variable_{n:04d}": v.numpy() for n, v in enumerate(_variables(model))}
        arrays |= {f"best_{n:04d}": value for n, value in enumerate(state.best)}
        described = json.dumps({"fingerprint": self.fingerprint, "history": state.history})
        with whole_file(self.path, overwrite=True) as temporary:
            np.savez(temporary, described=described, **arrays)

    def restore(self, model):
        """The state to go on from, with the model set to it; None where there is none."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                arrays = dict(archive)
            described = json.loads(str(arrays.pop("described")))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(self.path, f"a damaged checkpoint ({error})", "a whole one", "delete it") from error
        if described["fingerprint"] != self.fingerprint:
            raise InputError(
                self.path,
                "a checkpoint of other settings or events",
                "one of this training",
                "repeat the command it came from, or delete the folder to start again",
            )
        for number, variable in enumerate(_variables(model)):
            variable.assign(arrays[f"variable_{number:04d}"])
        return State([arrays[name] for name in sorted(arrays) if name.startswith("best_")], described["history"])


def _variables(model):
    """Weights, the seeds of the dropouts, and the optimiser's moments and step."""
    return [*model.variables, *model.optimizer.variables]
