"""What waits to be followed in a shower, and what is written down on the way."""

from typing import NamedTuple

import numpy as np

from gammaml.simulation.compilation import compiled

PARTICLE = np.dtype(
    [
        ("code", "i8"),
        ("energy", "f8"),  # total, GeV
        ("x", "f8"),  # m, north
        ("y", "f8"),  # m, west
        ("z", "f8"),  # m above sea level
        ("ux", "f8"),
        ("uy", "f8"),
        ("uz", "f8"),
        ("time", "f8"),  # ns
        ("depth", "f8"),  # vertical, g/cm2
        ("weight", "f8"),
    ]
)

# One photo-electron: where and when the photon crosses the level of the sphere's centre, relative to that centre, its
# direction of flight, and where it was made.
PHOTO_ELECTRON = np.dtype(
    [
        ("detector", "i4"),
        ("x", "f4"),
        ("y", "f4"),
        ("ux", "f4"),
        ("uy", "f4"),
        ("time", "f4"),
        ("height", "f4"),  # m above sea level
        ("emitter", "i4"),  # code of the particle
    ]
)

# A straight piece of a particle's way, for plots and tests.
TRACK = np.dtype(
    [
        ("code", "i4"),
        ("weight", "f4"),
        ("energy", "f4"),
        ("depth", "f4"),
        ("path", "f4"),  # g/cm2
        ("start", "f4", 3),
        ("end", "f4", 3),
    ]
)

# Where the energy of the primary goes, GeV.
BUDGET = ("ionisation", "below_threshold", "ground", "escaped", "neutrinos", "nuclear", "electrons_met")
COUNTS = ("photo_electrons", "tracks", "waiting", "steps", "interactions")
TALLY = np.dtype(
    [(name, "f8") for name in BUDGET]
    + [("n_" + name, "i8") for name in COUNTS]
    + [("first_height", "f8")]  # of the first interaction, m; 0 before it
)


class Record(NamedTuple):
    """Everything the compiled shower writes.

    Parameters
    ----------
    stack : structured array of PARTICLE
    photo_electrons : structured array of PHOTO_ELECTRON
    tracks : structured array of TRACK
        Empty when no tracks are wanted.
    profile : array (n_bins, 4)
        Electrons, muons and other charged particles crossing a bin of slant depth, and light made there.
    tally : record of TALLY
        Budget and counts; photo-electrons and tracks are counted also where there was no room for them.
    current : structured array (1,) of PARTICLE
        The particle being followed.
    """

    stack: np.ndarray
    photo_electrons: np.ndarray
    tracks: np.ndarray
    profile: np.ndarray
    tally: np.void
    current: np.ndarray


ELECTRONS, MUONS, HADRONS, LIGHT = range(4)
PROFILE_STEP = 10.0  # g/cm2, slant
N_PROFILE = 220  # bins, to the ground at the largest zenith angle


def new_record(*, photo_electrons, tracks=0, stack=100_000):
    """Empty record with room for so many photo-electrons and tracks."""
    return Record(
        np.zeros(stack, PARTICLE),
        np.zeros(photo_electrons, PHOTO_ELECTRON),
        np.zeros(tracks, TRACK),
        np.zeros((N_PROFILE, 4)),
        np.zeros(1, TALLY)[0],
        np.zeros(1, PARTICLE),
    )


@compiled
def push(record, code, energy, position, direction, time, depth, weight):
    """Let a particle wait to be followed."""
    n = record.tally.n_waiting
    p = record.stack[n]
    p.code = code
    p.energy = energy
    p.x, p.y, p.z = position
    p.ux, p.uy, p.uz = direction
    p.time = time
    p.depth = depth
    p.weight = weight
    record.tally.n_waiting = n + 1


@compiled
def write_track(record, code, weight, energy, depth, path, start, end):
    """Write down a straight piece of a particle's way, where there is room."""
    n = record.tally.n_tracks
    if n < record.tracks.shape[0]:
        t = record.tracks[n]
        t.code = code
        t.weight = weight
        t.energy = energy
        t.depth = depth
        t.path = path
        for i in range(3):
            t.start[i] = start[i]
            t.end[i] = end[i]
    record.tally.n_tracks = n + 1
