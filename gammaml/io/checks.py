"""What is wrong with events whatever file they come from: repeated, mislabelled, out of time, without a pointing."""

import re
import warnings
from pathlib import Path

import numpy as np

from gammaml.columns import EVENT_KEYS, KEYS, bare
from gammaml.errors import InputError
from gammaml.io.wording import name_primary

BACKWARDS = 1e-6  # seconds; less is rounding
PARTICLES = {"gamma": 0, "electron": 1, "proton": 101, "helium": 402, "iron": 5626}  # in names of files
SHOWER_VALUES = ("true_energy", "true_alt", "true_az", "true_h_first_int", "true_x_max")  # none says what it was


def check_unique(where, table, names=KEYS):
    """Raise where two rows have the same keys.

    Parameters
    ----------
    where : str or Path
    table : astropy.table.QTable
    names : sequence of str
    """
    keys = np.stack([np.asarray(table[name], np.int64) for name in names], axis=1)
    different, counts = np.unique(keys, axis=0, return_counts=True)
    if len(different) < len(keys):
        named = ", ".join(f"{name} {value}" for name, value in zip(names, different[counts > 1][0], strict=True))
        noun = "images" if "tel_id" in names else "events"
        raise InputError(
            where, f"{counts.max()} {noun} with {named}", "each once", "give the runs obs_ids of their own"
        )


def check_events(paths, events):
    """Raise where files hold images twice; warn of times and pointings that cannot be right.

    Parameters
    ----------
    paths : list of str or Path
    events : gammaml.events.TelescopeEvents
    """
    where, table = ", ".join(map(str, paths)), events.table
    check_unique(where, table, (*KEYS, "shower_id") if events.is_simulated else KEYS)
    lost = ~np.isfinite(bare(table["pointing_alt"]) + bare(table["pointing_az"]))
    if lost.any():
        said = f"{where}: {lost.sum()} of {len(table)} images without a pointing"
        warnings.warn(f"{said}; their zenith is not known, nor altitude and azimuth of the source", stacklevel=4)
    if not events.is_simulated and "time" in table.colnames:
        _warn_of_times(where, table)


def _warn_of_times(where, table):
    """Events of a run are numbered in the order of their times."""
    obs_id, event_id = (np.asarray(table[name]) for name in EVENT_KEYS)
    seconds = (table["time"] - table["time"][0]).sec
    back = (np.diff(obs_id) == 0) & (np.diff(event_id) > 0) & (np.diff(seconds) < -BACKWARDS)
    if back.any():
        first = np.flatnonzero(back)[0]
        said = f"time goes backwards {back.sum()} times, first by {seconds[first] - seconds[first + 1]:.3g} s"
        warnings.warn(f"{where}: {said} after event {event_id[first]} of run {obs_id[first]}", stacklevel=5)


def label_conflict(path, primaries):
    """What is wrong with the particle in a file's name, or None.

    Parameters
    ----------
    path : str or Path
    primaries : sequence of int
        CORSIKA codes of the simulated showers.
    """
    words = {word.removesuffix("s") for word in re.split("[^a-z]+", Path(path).name.lower())}
    named = [name for name in PARTICLES if name in words]
    if len(named) != 1 or not len(primaries) or PARTICLES[named[0]] in primaries:
        return None
    found = ", ".join(map(name_primary, sorted({int(code) for code in primaries})))
    return f"the name says {named[0]}, the simulated truth {found}; was it relabelled?"


def check_primary(path, card, primaries):
    """Raise where the truth of a file is of another primary than it says it was simulated with.

    Parameters
    ----------
    path : str or Path
    card : dict
        Of the production.
    primaries : sequence of int
    """
    stated = PARTICLES.get(card.get("primary"))
    wrong = {int(code) for code in primaries} - {stated}
    if stated is not None and wrong:
        found = ", ".join(map(name_primary, sorted(wrong)))
        do = "use the file as it was simulated"
        raise InputError(path, f"showers labelled {found}", f"{card['primary']}, as it was simulated with", do)


def check_labels(where, tables):
    """Raise where one shower stands there as two primaries: a relabelled file beside its origin.

    Parameters
    ----------
    where : str
    tables : list of astropy.table.QTable
        Simulated events.
    """
    names = [name for name in SHOWER_VALUES if all(name in table.colnames for table in tables)]
    if len(names) < 3:
        return
    values = [np.concatenate([bare(table[name]) for table in tables]).astype(np.float32) for name in names]
    primary = np.concatenate([np.asarray(table["true_shower_primary_id"]) for table in tables])
    showers = np.unique(np.stack([*values, primary.astype(np.float32)], axis=1), axis=0)
    twice = len(showers) - len(np.unique(showers[:, :-1], axis=0))
    if twice:
        got = f"{twice} showers alike in {', '.join(names)} with different primaries"
        raise InputError(where, got, "one primary a shower", "leave out the relabelled file")
