"""Training, validation and test events, split by simulated shower, so that no shower is on two sides."""

from dataclasses import replace

import numpy as np

from gammaml.columns import require
from gammaml.errors import InputError, SettingError
from gammaml.events import TelescopeEvents, as_list


def by_shower(events, *, fractions=(0.7, 0.1, 0.2), seed=0):
    """Split events so that all images of a shower, in every use and file, are on one side.

    Gammas and hadrons are split each by themselves, so that each part has the same mixture. The numbers of
    thrown showers in each part's `simulation` are scaled by the part's share, so that effective areas hold.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents or list of them
        Several for several cameras; a shower that they share is on one side in all of them.
    fractions : tuple of float
        Share of the showers in each part; they add up to one.
    seed : int

    Returns
    -------
    list of gammaml.events.TelescopeEvents, or list of lists
        One a fraction; of lists where `events` is a list.

    Raises
    ------
    gammaml.errors.InputError
        With fewer showers of a kind than parts.
    gammaml.errors.SettingError
        Where the fractions are not positive or do not add up to one.
    """
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise SettingError("split fractions", fractions, "positive ones that add up to 1", "change them")
    cameras = as_list(events)
    for part in cameras:
        require(part.table, "shower_id", where="events to split")
    side = _sides(cameras, fractions, np.random.default_rng(seed))
    parts = [
        [select_showers(part, where == index) for part, where in zip(cameras, side, strict=True)]
        for index in range(len(fractions))
    ]
    return [part[0] for part in parts] if isinstance(events, TelescopeEvents) else parts


def select_showers(events, mask):
    """Some of the showers, with the numbers of thrown showers scaled by their share in each run.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents
    mask : array of bool (n_images,)
        All images of a shower, or none.

    Returns
    -------
    gammaml.events.TelescopeEvents
    """
    if events.simulation is None:
        return events[mask]
    simulation = events.simulation.copy()
    obs_id, shower_id = (np.asarray(events.table[name]) for name in ("obs_id", "shower_id"))
    share = [_share(shower_id[obs_id == run], mask[obs_id == run]) for run in simulation["obs_id"]]
    simulation["n_showers"] = np.asarray(simulation["n_showers"]) * share
    return replace(events[mask], simulation=simulation)


def _share(shower_id, kept):
    return len(np.unique(shower_id[kept])) / len(np.unique(shower_id)) if len(shower_id) else 1.0


def check_disjoint(*parts):
    """Raise unless no shower is in two of the parts, each events of one camera or a list of several.

    Raises
    ------
    gammaml.errors.InputError
        Says how many showers leak.
    """
    seen = np.array([], np.int64)
    for events in parts:
        showers = np.unique(np.concatenate([np.asarray(part.table["shower_id"]) for part in as_list(events)]))
        leaks = np.intersect1d(seen, showers)
        if len(leaks):
            raise InputError(
                "training, validation and test events",
                f"{len(leaks)} showers in more than one part",
                "each shower in one",
                "split with split.by_shower",
            )
        seen = np.concatenate([seen, showers])


def _sides(cameras, fractions, rng):
    """For each camera the part number of each image; gammas, then hadrons, or all at once where there is no truth."""
    shower_id = np.concatenate([np.asarray(part.table["shower_id"]) for part in cameras])
    gamma = np.concatenate([part.is_gamma if part.is_simulated else np.ones(len(part), bool) for part in cameras])
    side = np.empty(len(shower_id), int)
    for kind in (gamma, ~gamma):
        if kind.any():
            side[kind] = _assign(shower_id[kind], fractions, rng)
    return np.split(side, np.cumsum([len(part) for part in cameras])[:-1])


def _assign(shower_id, fractions, rng):
    """Part number of each row."""
    showers, row = np.unique(shower_id, return_inverse=True)
    if len(showers) < len(fractions):
        raise InputError(
            "events to split", f"{len(showers)} showers of a kind", f"at least {len(fractions)}", "read more events"
        )
    edges = np.rint(np.cumsum(fractions)[:-1] * len(showers)).astype(int)
    edges = np.clip(edges, np.arange(1, len(fractions)), len(showers) - np.arange(len(fractions) - 1, 0, -1))
    part = np.empty(len(showers), int)
    part[rng.permutation(len(showers))] = np.repeat(
        np.arange(len(fractions)), np.diff(np.concatenate([[0], edges, [len(showers)]]))
    )
    return part[row]
