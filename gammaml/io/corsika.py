"""Read photon bunches on the ground, as CORSIKA's IACT option writes them.

K. Bernlöhr, Astropart. Phys. 30 (2008) 149. Positions of telescopes, cores and light are in the frame of the array,
whose x axis ARRANG turns from magnetic north; the azimuth in CORSIKA's headers is of the flight, in the magnetic frame
(x north, y west), so that the angle between the two is taken off. A telescope's place relative to the core is its
position less that of the core. A bunch stands for `photons` photons; its x, y and time are at the level of the centre
of the telescope's sphere.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gammaml.errors import InputError
from gammaml.io.foreign import one_by_one, reason
from gammaml.io.simtel import CORSIKA_RUN, first_object
from gammaml.io.wording import name_primaries, pointing_range, span

CM = 0.01  # m
GEV = 1e-3  # TeV
MICROTESLA = 1e-6  # T
CEFFIC, SLANT = 1 << 2, 1 << 8  # of the flags of CORSIKA's Cherenkov options
PRIMARIES = {1: 0, 2: -1, 3: 1, 5: -2, 6: 2, 14: 101}  # CORSIKA's codes and ours; those of nuclei are the same
COLUMNS = (  # ours, eventio's, unit
    ("x", "x", CM),
    ("y", "y", CM),
    ("ux", "cx", 1.0),
    ("uy", "cy", 1.0),
    ("time", "time", 1.0),
    ("height", "zem", CM),
    ("photons", "photons", 1.0),
    ("wavelength", "wavelength", 1.0),
)
BUNCH = np.dtype([("detector", "i4")] + [(name, "f4") for name, _, _ in COLUMNS])
SIMULATE = "simulate the telescopes with gammaml simulate ARRAY --from-corsika FILE"


@dataclass(frozen=True, eq=False)
class CorsikaRun:
    """What all showers of a file have in common.

    Parameters
    ----------
    number : int
    version : float
        Of CORSIKA.
    showers : int
        That it was told to make; 0 where the file does not say.
    primary : int
        Particle code, 0 for gammas.
    energy : (float, float)
        Range, TeV.
    index : float
        Of the power law of energies.
    alt, az : float
        Of the source, or the middle of the cone, in the frame of the array: deg.
    viewcone : float
        Largest angle of the showers from there, deg.
    scatter : float
        Radius, m, in which cores fall; 0 where the file does not say.
    reuse : int
        Uses of each shower.
    telescopes : array (n_telescopes, 4)
        Centres of spheres and their radii, m.
    wavelengths : (float, float)
        Range of the light, nm.
    altitude : float
        Of the observation level, m.
    field_north, field_down : float
        Of the Earth's magnetic field, T.
    turned : float
        ARRANG, degrees from magnetic north to the x axis of the array, to the west positive.
    """

    number: int
    version: float
    showers: int
    primary: int
    energy: tuple
    index: float
    alt: float
    az: float
    viewcone: float
    scatter: float
    reuse: int
    telescopes: np.ndarray
    wavelengths: tuple
    altitude: float
    field_north: float
    field_down: float
    turned: float


@dataclass(frozen=True, eq=False)
class CorsikaShower:
    """A shower with all its uses.

    Parameters
    ----------
    number : int
    primary : int
    energy : float
        TeV.
    alt, az : float
        Where it comes from, in the frame of the array: deg.
    first_interaction : float
        m above sea level.
    cores : array (n_uses, 2)
        m.
    light : structured array of BUNCH
        `detector` is the telescope's row plus the number of telescopes times the use; metres, ns, and nm, where 0 is a
        wavelength that nobody has drawn.
    depth : array (n,)
        Of the profile's entries, vertical g/cm2; empty where there is no profile.
    electrons, muons : array (n,)
        Crossing these depths.
    n_photons : float
        All that the shower made.
    """

    number: int
    primary: int
    energy: float
    alt: float
    az: float
    first_interaction: float
    cores: np.ndarray
    light: np.ndarray
    depth: np.ndarray
    electrons: np.ndarray
    muons: np.ndarray
    n_photons: float


def is_corsika(path, head):
    """Whether a file has CORSIKA's photons on the ground."""
    return first_object(path) == CORSIKA_RUN


def refuse_photons(paths, selection):
    """Raise: photons on the ground are no images yet."""
    got, expected = "photons on the ground, as CORSIKA writes them", "images of telescopes"
    raise InputError(", ".join(map(str, paths)), got, expected, SIMULATE)


def read_run(path):
    """What all showers of a file have in common.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    CorsikaRun

    Raises
    ------
    gammaml.errors.InputError
        Where it is no such file, is damaged, has no shower, or its light has been detected already (CEFFIC).
    """
    with _opened(path) as file:
        event = next(_events(path, file), None)
        if event is None:
            raise InputError(path, "zero showers", "at least one", "check how the file was made")
        header, places = event.header, file.telescope_positions
        if int(header["cerenkov_flag"]) & CEFFIC:
            got, expected = "photons after the detector's efficiency (CEFFIC)", "all photons on the ground"
            raise InputError(path, got, expected, "make the showers without it")
        return CorsikaRun(
            number=int(file.header["run_number"]),
            version=round(float(header["version"]), 4),
            showers=int(_told(file.input_card, "NSHOW", 1)),
            primary=_primary(header),
            energy=(float(header["energy_min"]) * GEV, float(header["energy_max"]) * GEV),
            index=float(header["energy_spectrum_slope"]),
            alt=90 - (float(header["theta_min"]) + float(header["theta_max"])) / 2,
            az=_azimuth((float(header["phi_min"]) + float(header["phi_max"])) / 2, header),
            viewcone=float(header["viewcone_outer_angle"]),
            scatter=_told(file.input_card, "CSCAT", 2) * CM,
            reuse=int(header["n_reuse"]),
            telescopes=np.column_stack([places[name] for name in ("x", "y", "z", "r")]).astype(float) * CM,
            wavelengths=(float(header["cherenkov_wavelength_min"]), float(header["cherenkov_wavelength_max"])),
            altitude=float(np.atleast_1d(header["observation_height"])[0]) * CM,
            field_north=float(header["earth_magnetic_field_x"]) * MICROTESLA,
            field_down=float(header["earth_magnetic_field_z"]) * MICROTESLA,
            turned=float(np.degrees(header["angle_array_x_magnetic_north"])),
        )


def read_showers(path):
    """The showers of a file, one at a time.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    CorsikaShower

    Raises
    ------
    gammaml.errors.InputError
        Where the file is damaged.
    """
    with _opened(path) as file:
        uses = []
        for event in _events(path, file):
            if uses and uses[0].event_number != event.event_number:
                yield _shower(uses, file.n_telescopes)
                uses = []
            uses.append(event)
        if uses:
            yield _shower(uses, file.n_telescopes)


def describe_corsika(path):
    """What is in such a file: dict of str to str."""
    run = read_run(path)
    number, energies, photons = 0, [], 0.0
    for shower in read_showers(path):
        number += 1
        energies.append(shower.energy)
        photons += float(shower.light["photons"].sum())
    radius = run.telescopes[:, 3]
    return {
        "format": "CORSIKA photon bunches (IACT)",
        "showers": f"{number:,} of CORSIKA {run.version:g}, {run.reuse} uses each",
        "telescopes": f"{len(radius):,} spheres, radius {span(radius, 'm')}, that no camera looks at yet",
        "photons": f"{photons:,.0f}, {span(run.wavelengths, 'nm')}",
        "primaries": name_primaries({run.primary: number}),
        "true energy": span(energies, "TeV"),
        "observation level": f"{run.altitude:.4g} m",
        **pointing_range(np.array([run.alt]), np.array([run.az])),
        "to do": SIMULATE,
    }


@contextmanager
def _opened(path):
    """eventio's view of a file."""
    from eventio import IACTFile

    if not Path(path).is_file():
        raise InputError(path, "no such file", "photon bunches of CORSIKA", "check the name")
    if first_object(path) != CORSIKA_RUN:
        raise InputError(path, "something else", "photon bunches of CORSIKA (IACT)", "see gammaml info FILE")
    with _reading(path):
        file = IACTFile(str(path))
    with file:
        yield file


def _events(path, file):
    """Use by use of the showers."""
    return one_by_one(file, partial(_reading, path))


@contextmanager
def _reading(path):
    """Whatever eventio raises over a damaged file becomes one InputError."""
    try:
        yield
    except Exception as error:
        got = f"a file that cannot be read to its end ({reason(error)})"
        raise InputError(path, got, "a whole file of CORSIKA's photon bunches", "fetch it again") from error


def _primary(header):
    code = int(header["particle_id"])
    return PRIMARIES.get(code, code)


def _azimuth(flight, header):
    """Azimuth in degrees, in the array's frame, of where particles come from that fly to `flight` degrees."""
    return float(180 - flight + np.degrees(header["angle_array_x_magnetic_north"])) % 360


def _told(input_card, keyword, place):
    """A number of CORSIKA's input; 0 where it is not there. What comes later holds."""
    lines = [line.split() for line in bytes(input_card).decode(errors="replace").splitlines()]
    values = [words[place] for words in lines if words[:1] == [keyword] and len(words) > place]
    return float(values[-1]) if values else 0.0


def _shower(uses, n_telescopes):
    header = uses[0].header
    profile = uses[0].longitudinal
    rows = np.zeros((9, 0)) if profile is None else np.asarray(profile["data"], float)
    depth = np.arange(rows.shape[1]) * (0.0 if profile is None else float(profile["thickstep"]))
    return CorsikaShower(
        number=int(header["event_number"]),
        primary=_primary(header),
        energy=float(header["total_energy"]) * GEV,
        alt=90 - float(np.degrees(header["zenith"])),
        az=_azimuth(float(np.degrees(header["azimuth"])), header),
        first_interaction=abs(float(header["first_interaction_height"])) * CM,  # minus: where the clock starts
        cores=np.array([(use.impact_x, use.impact_y) for use in uses], float) * CM,
        light=_light(uses, n_telescopes),
        depth=depth * (np.cos(float(header["zenith"])) if int(header["cerenkov_flag"]) & SLANT else 1.0),
        electrons=rows[1] + rows[2],
        muons=rows[3] + rows[4],
        n_photons=float(rows[8].sum()),
    )


def _light(uses, n_telescopes):
    parts = [np.zeros(0, BUNCH)]
    for use, event in enumerate(uses):
        for telescope, bunches in event.photon_bunches.items():
            part = np.zeros(len(bunches), BUNCH)
            part["detector"] = use * n_telescopes + telescope
            for name, theirs, unit in COLUMNS:
                part[name] = bunches[theirs] * np.float32(unit)
            parts.append(part)
    return np.concatenate(parts)
