"""What waits to be followed in a shower, and what is written down on the way."""

from typing import NamedTuple

import numpy as np

from gammaml.simulation.compilation import compiled
from gammaml.simulation.rng import uniform

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

# The light of a piece of track: what made it, how much (track × sin²), from where, whither, when, its cone, and the
# mean of n - 1 on its way down.
FLASH = np.dtype(
    [("code", "i8")]
    + [
        (name, "f8")
        for name in ("strength", "x", "y", "z", "dx", "dy", "dz", "time", "cosine", "sine", "tangent", "slowed")
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
    flash : structured array (1,) of FLASH
        The light being made.
    """

    stack: np.ndarray
    photo_electrons: np.ndarray
    tracks: np.ndarray
    profile: np.ndarray
    tally: np.void
    current: np.ndarray
    flash: np.ndarray


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
        np.zeros(1, FLASH),
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
def make(record, p, code, energy, direction, weight):
    """Let a product wait to be followed from where the particle `p` is."""
    push(record, code, energy, (p.x, p.y, p.z), direction, p.time, p.depth, weight)


@compiled
def mark_first(p, record):
    """Remember where the first interaction was."""
    if record.tally.first_height == 0.0:
        record.tally.first_height = p.z


@compiled
def thin(rng, share, energy, weight, conditions):
    """Weights of two products, of which one may be 0: Hillas' thinning, unbiased (Nucl. Phys. B 52 (1997) 29).

    `share` is the first one's part of the energy.
    """
    if energy > conditions.thin_energy or weight > 0.5 * conditions.largest_weight:
        return weight, weight
    least = weight / conditions.largest_weight
    keep_first = min(max(share, least), 1.0 - least)
    if uniform(rng) < keep_first:
        return weight / keep_first, 0.0
    return 0.0, weight / (1.0 - keep_first)


@compiled
def write_track(record, p, path, end):
    """Write down a particle's way from where it is to the end of its step, where there is room."""
    n = record.tally.n_tracks
    if n < record.tracks.shape[0]:
        t = record.tracks[n]
        t.code = p.code
        t.weight = p.weight
        t.energy = p.energy
        t.depth = p.depth
        t.path = path
        t.start[0] = p.x
        t.start[1] = p.y
        t.start[2] = p.z
        for i in range(3):
            t.end[i] = end[i]
    record.tally.n_tracks = n + 1
