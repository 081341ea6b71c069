"""Files like an observation: simulated gammas and protons mixed at stated rates, without their truth."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from astropy.time import Time

from gammaml import io, sky
from gammaml.errors import InputError, SettingError
from gammaml.events import concatenate
from gammaml.io.tables import key_order
from gammaml.io.write_tables import check_output, whole_file
from gammaml.production.card import expect_types

EVENT = ("obs_id", "event_id")
SIMULATED = ("simulated_obs_id", "simulated_event_id")
TRUTH = ("true_shower_primary_id", "true_energy", "true_alt", "true_az", "true_core_x", "true_core_y")
SAME = 1e-3  # degrees and m


@dataclass(frozen=True)
class Observation:
    """One run of observing a source.

    Parameters
    ----------
    minutes : float
    gamma_rate, proton_rate : float
        Array events a second, on average.
    gamma_index : float
        Of the power law of the source; the Crab Nebula's by default (F. Aharonian et al., ApJ 614 (2004) 897).
    proton_index : float
        Of the power law of the cosmic rays; of protons by default (B. Wiebel-Sooth et al., A&A 330 (1998) 389).
    start : float
        MJD (TAI).
    seed : int
    obs_id : int
        Number of the run.
    """

    minutes: float = 20.0
    gamma_rate: float = 0.1
    proton_rate: float = 2.0
    gamma_index: float = -2.62
    proton_index: float = -2.71
    start: float = 60000.0
    seed: int = 0
    obs_id: int = 1

    def __post_init__(self):
        expect_types(self)
        self.expect("minutes", 0 < self.minutes <= 1e5, "more than 0, at most 1e5")
        for name in ("gamma_rate", "proton_rate"):
            self.expect(name, 0 <= getattr(self, name) <= 1e6, "0 to 1e6 a second")
        for name in ("gamma_index", "proton_index"):
            self.expect(name, -10 <= getattr(self, name) <= 10, "-10 to 10")
        self.expect("start", 41000 <= self.start <= 90000, "41000 to 90000, an MJD")
        self.expect("seed", 0 <= self.seed < 2**32, "0 to 4294967295")
        self.expect("obs_id", 0 <= self.obs_id < 2**53, "0 to 9e15")

    def expect(self, name, good, expected):
        """Raise a SettingError that names a field unless it is `good`."""
        if not good:
            raise SettingError(name, repr(getattr(self, name)), expected, "change it")


def observe(gammas, protons, output, settings, *, overwrite=False):
    """Make a DL1 file such as a telescope array would take: events at random times, without truth.

    Events are taken from two productions of one array with one pointing, each once at most, so that their energies
    follow the power laws of the settings. The source lies where the gammas come from: a production of gammas with an
    offset makes a run of wobbles, one with the opposite offset the next.

    Parameters
    ----------
    gammas, protons : str, Path or list of them
        Simulated DL1 files.
    output : str or Path
        The DL1 file to write; the truth goes to the file of `truth_path`.
    settings : Observation
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    QTable
        What was written to the file of truth: new and old obs_id and event_id, time, and truth, a row an array event.

    Raises
    ------
    InputError
        Files of different arrays or pointings, or with too few events.
    OutputError
        A file exists, or cannot be written.
    """
    for path in (output, truth_path(output)):
        check_output(path, overwrite)
    files = [io.read_cameras(gammas), io.read_cameras(protons)]
    _require_one_pointing(files, (gammas, protons))
    draw = np.random.default_rng([settings.seed, settings.obs_id])
    chosen = [
        _choose(files[0], gammas, (settings.gamma_rate, settings.gamma_index), settings, draw),
        _choose(files[1], protons, (settings.proton_rate, settings.proton_index), settings, draw),
    ]
    _shuffle(chosen, settings, draw)
    io.write_dl1(_without_truth(files, chosen), output, overwrite=overwrite)
    truth = vstack(chosen, metadata_conflicts="silent")[[*EVENT, "time", *SIMULATED, *TRUTH]]
    truth.sort("event_id")
    with whole_file(truth_path(output), overwrite) as temporary:
        truth.write(temporary, format="ascii.ecsv", overwrite=True)
    return truth


def truth_path(output):
    """Where the truth of an observation goes: ``run1.truth.ecsv`` for ``run1.dl1.h5``."""
    output = Path(output)
    return output.with_name(output.name.removesuffix(".h5").removesuffix(".dl1") + ".truth.ecsv")


def _require_one_pointing(files, paths):
    """All images of one array that points to one place."""
    first = files[0][0]
    positions = np.array([telescope.position for telescope in first.subarray.telescopes])
    alt, az = (first.table[name][0].to_value(u.deg) for name in ("pointing_alt", "pointing_az"))
    for cameras, path in zip(files, paths, strict=True):
        for events in cameras:
            if not events.is_simulated:
                raise InputError(path, "events without truth", "simulated events", "give productions")
            ids, places = events.subarray.tel_ids, np.array([each.position for each in events.subarray.telescopes])
            if not np.array_equal(ids, first.subarray.tel_ids) or np.abs(places - positions).max() > SAME:
                raise InputError(path, "another array", f"the array of {paths[0]}", "simulate both on one array")
            pointing = [events.table[name].to_value(u.deg) for name in ("pointing_alt", "pointing_az")]
            if not (sky.angular_separation(*pointing, alt, az) < SAME).all():
                expected, do = f"altitude {alt:g} deg, azimuth {az:g} deg", "simulate both with one pointing"
                raise InputError(path, "another pointing", expected, do)


def _choose(cameras, path, spectrum, settings, draw):
    """A Poisson number of array events whose energies follow a power law: keys and truth, in random order."""
    rate, index = spectrum
    every = vstack([events.table[[*EVENT, *TRUTH]] for events in cameras], metadata_conflicts="silent")
    _, first = np.unique(np.stack([every[name] for name in EVENT], axis=1), axis=0, return_index=True)
    every = every[first]
    follow = every[draw.random(len(every)) < _shares(every, cameras[0].simulation, index)]
    wanted = draw.poisson(rate * settings.minutes * 60)
    if wanted > len(follow):
        got = f"{len(every)} events, {len(follow)} of which make a spectrum of index {index:g}"
        expected = f"{wanted} for {settings.minutes:g} min at {rate:g} a second"
        raise InputError(path, got, expected, "simulate more showers, or observe for less time")
    return follow[draw.permutation(len(follow))[:wanted]]


def _shares(events, simulation, index):
    """Share of the events of each energy to keep, at most 1, so that thrown ones would follow a power law."""
    run = key_order(simulation, events, ("obs_id",))
    change = index - np.asarray(simulation["spectral_index"])[run]
    energy = events["true_energy"].to_value(u.TeV)
    low, high = (simulation[f"energy_range_{end}"].to_value(u.TeV)[run] for end in ("min", "max"))
    return (energy / np.where(change < 0, low, high)) ** change


def _shuffle(chosen, settings, draw):
    """Give the events times evenly over the run, and numbers in the order of time."""
    number = draw.permutation(sum(map(len, chosen)))
    seconds = np.sort(draw.uniform(0, settings.minutes * 60, len(number)))
    first = 0
    for table in chosen:
        own = number[first : first + len(table)]
        first += len(table)
        table.rename_columns(EVENT, SIMULATED)
        table["obs_id"] = np.full(len(table), settings.obs_id)
        table["event_id"] = own + 1
        table["time"] = Time(settings.start, seconds[own] / 86400, format="mjd", scale="tai")


def _without_truth(files, chosen):
    """The chosen events of both files, by camera, with their new keys and times."""
    taken = [_taken(events, table) for cameras, table in zip(files, chosen, strict=True) for events in cameras]
    joined = []
    while taken:
        first = taken[0]
        joined.append(concatenate([events for events in taken if events.camera.same_pixels(first.camera)]))
        taken = [events for events in taken if not events.camera.same_pixels(first.camera)]
    return joined


def _taken(events, chosen):
    old = QTable([chosen[name] for name in SIMULATED], names=EVENT)
    row = key_order(old, events.table, EVENT)
    kept = events[row >= 0]
    new = chosen[row[row >= 0]]
    known = [name for name in kept.table.colnames if not name.startswith("true_") and name != "shower_id"]
    table = kept.table[known]
    for name in (*EVENT, "time"):
        table[name] = new[name]
    return replace(kept, table=table, simulation=None)
