"""Files like an observation: simulated gammas and protons mixed as their fluxes ask for, without their truth."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from astropy.time import Time

from gammaml import io, sky
from gammaml.columns import EVENT_KEYS
from gammaml.errors import InputError, SettingError
from gammaml.events import by_camera
from gammaml.io.tables import key_order
from gammaml.io.write_tables import check_output, whole_file
from gammaml.production.card import expect_types

SIMULATED = ("simulated_obs_id", "simulated_event_id")
TRUTH = ("true_shower_primary_id", "true_energy", "true_alt", "true_az", "true_core_x", "true_core_y")
POINTING = ("pointing_alt", "pointing_az")
POINT_FLUX, DIFFUSE_FLUX = u.Unit("cm-2 s-1 TeV-1"), u.Unit("cm-2 s-1 sr-1 TeV-1")
SAME = 1e-3  # degrees and m


@dataclass(frozen=True)
class Observation:
    """One run of observing a source.

    Parameters
    ----------
    minutes : float
    gamma_flux, gamma_index : float
        Power law of the source: flux at 1 TeV in 1/(cm2 s TeV), and index; by default the Crab Nebula's (F. Aharonian
        et al., ApJ 614 (2004) 897).
    proton_flux, proton_index : float
        Power law of the cosmic rays: flux at 1 TeV in 1/(cm2 s sr TeV), and index; by default of protons as background
        rates and sensitivity have them (pyirf's IRFDOC_PROTON_SPECTRUM, of the simulations of CTA).
    ra, dec : float
        Where the source is, degrees in ICRS; by default where the Crab Nebula is.
    start : float
        MJD (TAI).
    seed : int
    obs_id : int
        Number of the run.
    """

    minutes: float = 20.0
    gamma_flux: float = 2.83e-11
    gamma_index: float = -2.62
    proton_flux: float = 9.8e-6
    proton_index: float = -2.62
    ra: float = 83.633
    dec: float = 22.014
    start: float = 60000.0
    seed: int = 0
    obs_id: int = 1

    def __post_init__(self):
        expect_types(self)
        self.expect("minutes", 0 < self.minutes <= 1e5, "more than 0, at most 1e5")
        for name in ("gamma_flux", "proton_flux"):
            self.expect(name, 0 <= getattr(self, name) <= 1, "0 to 1 / (cm2 s TeV), at 1 TeV")
        for name in ("gamma_index", "proton_index"):
            self.expect(name, -10 <= getattr(self, name) <= 10, "-10 to 10")
        self.expect("ra", 0 <= self.ra < 360, "0 to 360 degrees")
        self.expect("dec", -85 <= self.dec <= 85, "-85 to 85 degrees")
        self.expect("start", 41000 <= self.start <= 90000, "41000 to 90000, an MJD")
        self.expect("seed", 0 <= self.seed < 2**32, "0 to 4294967295")
        self.expect("obs_id", 0 <= self.obs_id < 2**53, "0 to 9e15")

    def expect(self, name, good, expected):
        """Raise a SettingError that names a field unless it is `good`."""
        if not good:
            raise SettingError(name, repr(getattr(self, name)), expected, "change it")


def observe(gammas, protons, output, settings, *, overwrite=False):
    """Make a DL1 file such as a telescope array would take: events at random times, without truth.

    Events are taken from two productions of one array with one pointing, each once at most, as many as the fluxes give
    in that time and area: an event counts flux × time × area (× solid angle) over the number of thrown showers of its
    energy, and is taken with that probability. The source lies where the gammas come from: a production of gammas with
    an offset makes a run of wobbles, one with the opposite offset the next.

    The telescopes stand still in altitude and azimuth, as they were simulated, and yet follow the source: the field
    of view does not turn on the sky, rising altitude is north. The columns ``pointing_ra`` and ``pointing_dec`` tell it
    to all that asks for places on the sky.

    Parameters
    ----------
    gammas, protons : str, Path or list of them
        Simulated DL1 files. Gammas come from one direction, and best fall once each (``reuse`` 1): uses of one shower
        are not independent of each other.
    output : str or Path
        The DL1 file to write; the truth goes to the file of `truth_path`.
    settings : Observation
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    QTable
        What was written to the file of truth: new and old obs_id and event_id, time, and truth, a row an array event;
        ``meta["observation"]`` has the settings.

    Raises
    ------
    InputError
        Files of different arrays or pointings, or with fewer showers than the fluxes ask for.
    OutputError
        A file exists, or cannot be written.
    """
    for path in (output, truth_path(output)):
        check_output(path, overwrite)
    files = [io.read_cameras(gammas), io.read_cameras(protons)]
    _require_one_pointing(files, (gammas, protons))
    pointing = _pointing(files[0][0].table, gammas, settings)
    draw = np.random.default_rng([settings.seed, settings.obs_id])
    fluxes = settings.gamma_flux * POINT_FLUX, settings.proton_flux * DIFFUSE_FLUX
    chosen = [
        _choose(files[0], gammas, (fluxes[0], settings.gamma_index), settings.minutes * u.min, draw),
        _choose(files[1], protons, (fluxes[1], settings.proton_index), settings.minutes * u.min, draw),
    ]
    _shuffle(chosen, settings, draw)
    io.write_dl1(_without_truth(files, chosen, pointing), output, overwrite=overwrite)
    truth = vstack(chosen, metadata_conflicts="silent")[[*EVENT_KEYS, "time", *SIMULATED, *TRUTH]]
    truth.sort("event_id")
    truth.meta = {"observation": asdict(settings)}
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


def _pointing(gammas, path, settings):
    """Right ascension and declination of the telescopes, from which the gammas come from the source."""
    offset = [gammas[name].to_value(u.deg) for name in ("true_fov_lon", "true_fov_lat")]
    lon, lat = (float(values[0]) for values in offset)
    apart = sky.angular_separation(offset[1], offset[0], lat, lon).max()
    if apart > SAME:
        got = f"gammas from places up to {apart:.3g} deg from each other"
        raise InputError(path, got, "gammas from one direction", "simulate them without a view cone, with one offset")
    return sky.pointing_beside(settings.ra, settings.dec, lon, lat)


def _choose(cameras, path, spectrum, time, draw):
    """The array events that a flux gives in a time: keys and truth, in random order."""
    from gammaml.performance import expected_events  # the processes of a production need none of it

    every = vstack([events.table[[*EVENT_KEYS, *TRUTH, *POINTING]] for events in cameras], metadata_conflicts="silent")
    _, first = np.unique(np.stack([every[name] for name in EVENT_KEYS], axis=1), axis=0, return_index=True)
    every = every[first]
    every.meta["simulation"] = cameras[0].simulation
    expected = expected_events(every, *spectrum, time)
    if expected.max() > 1:
        got = f"showers for {time / expected.max():.2g} of that flux"
        do = f"simulate {expected.max():.2g} times as many, or observe for less time"
        raise InputError(path, got, f"for {time:g}", do)
    chosen = every[draw.random(len(every)) < expected]
    return chosen[draw.permutation(len(chosen))]


def _shuffle(chosen, settings, draw):
    """Give the events times evenly over the run, and numbers in the order of time."""
    number = draw.permutation(sum(map(len, chosen)))
    seconds = np.sort(draw.uniform(0, settings.minutes * 60, len(number)))
    first = 0
    for table in chosen:
        own = number[first : first + len(table)]
        first += len(table)
        table.rename_columns(EVENT_KEYS, SIMULATED)
        table["obs_id"] = np.full(len(table), settings.obs_id)
        table["event_id"] = own + 1
        table["time"] = Time(settings.start, seconds[own] / 86400, format="mjd", scale="tai")


def _without_truth(files, chosen, pointing):
    """The chosen events of both files, by camera, with their new keys and times, and where they point on the sky."""
    return by_camera(
        [_taken(events, table, pointing) for cameras, table in zip(files, chosen, strict=True) for events in cameras]
    )


def _taken(events, chosen, pointing):
    old = QTable([chosen[name] for name in SIMULATED], names=EVENT_KEYS)
    row = key_order(old, events.table, EVENT_KEYS)
    kept = events[row >= 0]
    new = chosen[row[row >= 0]]
    known = [name for name in kept.table.colnames if not name.startswith("true_") and name != "shower_id"]
    table = kept.table[known]
    for name in (*EVENT_KEYS, "time"):
        table[name] = new[name]
    for name, value in zip(("pointing_ra", "pointing_dec"), pointing, strict=True):
        table[name] = np.full(len(table), value) * u.deg
    return replace(kept, table=table, simulation=None)
