"""What instrument response functions are made from: reconstructed test events, and the showers thrown for them."""

import warnings
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from gammaml.columns import GAMMA_PRIMARY, require
from gammaml.errors import InputError, SimulationWarning
from gammaml.performance import selection
from gammaml.performance.regression import theta
from gammaml.performance.simulated import simulated_runs
from gammaml.performance.spectra import ELECTRON, PROTON, RANGE_TOLERANCE, diffuse_weights
from gammaml.sky import angular_separation

OBSERVED = 1 * u.h  # what background weights are for; any time does, rates do not depend on it
PROTONS, ELECTRONS = (101,), (1, -1)
ALTITUDE_TOLERANCE = 1.0  # degrees, between gammas and background
NEEDED = ("true_energy", "reco_energy", *selection.DIRECTION, "gammaness", "pointing_alt", "pointing_az")


@dataclass(frozen=True)
class Sample:
    """Reconstructed test events of one kind, and what was thrown for them.

    Parameters
    ----------
    events : astropy.table.QTable
        With the names of pyirf: true_energy, reco_energy, true_source_fov_offset, reco_source_fov_offset, theta,
        gh_score; and obs_id, shower (a number a shower), pointing_alt.
    runs : list of (pyirf.simulations.SimulatedEventsInfo, astropy.units.Quantity, int)
        The showers that took no part in a training, the area in which their cores were thrown, obs_id.
    counts : str
    """

    events: QTable
    runs: list
    counts: str


def require_array_events(dl2):
    """Raise unless a DL2 table has a row an array event, and all that is needed."""
    require(dl2, "obs_id", "event_id", "true_shower_primary_id", *NEEDED, where=selection.WHERE)
    if "tel_id" in dl2.colnames and _repeated_events(dl2):
        do = "read the files with level='subarray', or combine the images"
        raise InputError(selection.WHERE, "a row an image", "a row an array event", do)
    if dl2.meta.get("n_in_training", 0):
        do = "do not select them before, or it cannot be told how many showers were thrown for them"
        raise InputError(selection.WHERE, "test events alone", "all events of the files", do)


def _repeated_events(dl2):
    """Whether an event has several images; those of a single telescope are the events."""
    keys = np.stack([np.asarray(dl2[name]) for name in ("true_shower_primary_id", "obs_id", "event_id")], axis=1)
    return len(np.unique(keys, axis=0)) < len(keys)


def sample(dl2, primaries, name):
    """The events of some primaries.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    primaries : tuple of int
    name : str
        For messages.

    Returns
    -------
    Sample
    """
    rows = np.isin(selection.bare(dl2, "true_shower_primary_id"), primaries)
    if not rows.any():
        raise InputError(selection.WHERE, f"no {name}", f"simulated {name}", f"add a DL2 file of {name}")
    part, runs = dl2[rows], selection.named_runs(dl2)
    if runs is not None:
        part.meta["simulation"] = runs[np.isin(runs["true_shower_primary_id"], [*primaries, selection.UNKNOWN])]
    try:
        events = selection.reconstructed(part, *NEEDED)
    except InputError as error:
        raise InputError(f"{selection.WHERE}, {name}", error.got, error.expected, error.do) from error
    runs = simulated_runs(events, gammas=GAMMA_PRIMARY in primaries)
    for info, _ in runs:
        info.n_showers *= 1 - events.meta["n_in_training"] / len(part)
    obs_ids = np.asarray(events.meta["simulation"]["obs_id"])
    numbered = [(*run, obs_id) for run, obs_id in zip(runs, obs_ids, strict=True)]
    return Sample(_as_pyirf(events), numbered, events.meta["counts"])


def _as_pyirf(events):
    value = {name: selection.bare(events, name) for name in NEEDED}
    score, pointing = value["gammaness"], (value["pointing_alt"], value["pointing_az"])
    if score.min() < 0 or score.max() > 1:
        got = f"gammaness from {score.min():g} to {score.max():g}"
        raise InputError(selection.WHERE, got, "values in [0, 1], 1 = gamma", "convert the score")
    table = QTable({"obs_id": np.asarray(events["obs_id"]), "shower": selection.cluster_number(events)})
    table["gh_score"], table["theta"], table["pointing_alt"] = score, theta(events) * u.deg, pointing[0] * u.deg
    for kind in ("true", "reco"):
        table[f"{kind}_energy"] = value[f"{kind}_energy"] * u.TeV
        offset = angular_separation(value[f"{kind}_alt"], value[f"{kind}_az"], *pointing)
        table[f"{kind}_source_fov_offset"] = offset * u.deg
    return table


@dataclass(frozen=True)
class Background:
    """Protons, and electrons where there are any.

    Parameters
    ----------
    events : astropy.table.QTable
        As those of a `Sample`, with the ``weight`` that makes them those of `OBSERVED`, and ``primary``.
    kinds : tuple of str
    cone : float
        Degrees from the pointing, up to which all kinds were thrown.
    counts : str
    """

    events: QTable
    kinds: tuple
    cone: float
    counts: str


def background(dl2, gammas):
    """What a DL2 table has of background, weighted to its spectra.

    Parameters
    ----------
    dl2 : astropy.table.QTable
    gammas : Sample
        That the background has to fit.

    Returns
    -------
    Background

    Raises
    ------
    gammaml.errors.InputError
        Where there are no protons, or they cannot be weighted.

    Warns
    -----
    gammaml.errors.SimulationWarning
        Where background was not thrown at all energies or at the altitude of the gammas.
    """
    kinds, primary = {"protons": (PROTONS, PROTON)}, selection.bare(dl2, "true_shower_primary_id")
    if np.isin(primary, ELECTRONS).any():
        kinds["electrons"] = ELECTRONS, ELECTRON
    if other := sorted(set(map(int, primary)) - {GAMMA_PRIMARY, *PROTONS, *ELECTRONS}):
        warnings.warn(f"the primaries {', '.join(map(str, other))} do not count: no spectrum is known", stacklevel=4)
    samples, first_shower = [], 0
    for name, (primaries, spectrum) in kinds.items():
        kind = sample(dl2, primaries, name)
        _warn_of_misfit(gammas, kind, name)
        kind.events["weight"] = diffuse_weights(kind, spectrum, OBSERVED)
        kind.events["primary"] = primaries[0]
        kind.events["shower"] += first_shower
        first_shower = kind.events["shower"].max() + 1
        samples.append(kind)
    cone = min(max(info.viewcone_max.to_value(u.deg) for info, *_ in kind.runs) for kind in samples)
    events = vstack([kind.events for kind in samples], metadata_conflicts="silent")
    return Background(events, tuple(kinds), cone, ", ".join(kind.counts for kind in samples))


def _warn_of_misfit(gammas, kind, name):
    (low, high), (least, most) = _thrown_energies(gammas), _thrown_energies(kind)
    if least > low * (1 + RANGE_TOLERANCE) or most < high * (1 - RANGE_TOLERANCE):
        text = f"{name} were thrown from {least:g} to {most:g} TeV, gammas from {low:g} to {high:g} TeV"
        warnings.warn(f"{text}: where gammas reach further, the background is too low", SimulationWarning, stacklevel=5)
    altitudes = [np.mean(events["pointing_alt"].to_value(u.deg)) for events in (gammas.events, kind.events)]
    if abs(np.subtract(*altitudes)) > ALTITUDE_TOLERANCE:
        text = f"the mean altitude of gammas is {altitudes[0]:.1f} deg, of {name} {altitudes[1]:.1f} deg"
        warnings.warn(f"{text}: they do not belong together", SimulationWarning, stacklevel=5)


def _thrown_energies(kind):
    """Least and largest thrown energy, TeV."""
    return (
        min(info.energy_min.to_value(u.TeV) for info, *_ in kind.runs),
        max(info.energy_max.to_value(u.TeV) for info, *_ in kind.runs),
    )
