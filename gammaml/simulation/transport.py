"""The shower itself: every particle is followed in three dimensions until it can make no more light."""

from gammaml.simulation.compilation import compiled
from gammaml.simulation.electrons import follow_electron
from gammaml.simulation.heavy import follow_heavy
from gammaml.simulation.particles import ELECTRON, GAMMA, POSITRON
from gammaml.simulation.photons import follow_photon

ROOM = 20_000  # places on the stack that one particle may need for its products


@compiled
def follow(rng, world, record):
    """Follow the particles on the stack, and all they make, to the end.

    Returns
    -------
    bool
        False where the stack had too little room.
    """
    current = record.current
    p = current[0]
    while record.tally.n_waiting > 0:
        n = record.tally.n_waiting - 1
        if n > record.stack.shape[0] - ROOM:
            return False
        record.tally.n_waiting = n
        current[0] = record.stack[n]
        if p.code == GAMMA:
            follow_photon(rng, p, world, record)
        elif p.code == ELECTRON or p.code == POSITRON:
            follow_electron(rng, p, world, record)
        else:
            follow_heavy(rng, p, world, record)
    return True
