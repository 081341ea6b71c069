"""Random numbers inside the compiled shower: xoshiro256+, one stream a shower.

D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47 (2021) 36. The state is an array of four 64-bit words.
"""

import math

import numpy as np
from numba import njit

from gammaml.simulation.compilation import inlined

TWO_PI = 2.0 * math.pi


def stream(seed, number):
    """State for shower `number` of a production with this seed: the same wherever and in whatever order it runs.

    Parameters
    ----------
    seed, number : int
        Not negative.

    Returns
    -------
    array (4,) of uint64
    """
    return np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(4, np.uint64)


@njit(inline="always")
def uniform(state):
    """A number in (0, 1): never 0, so that its logarithm is finite, and never 1."""
    result = state[0] + state[3]
    shifted = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << np.uint64(45)) | (state[3] >> np.uint64(19))
    return ((result >> np.uint64(12)) + 0.5) * 2.220446049250313e-16


@njit(inline="always")
def exponential(state):
    """A path in units of its mean."""
    return -math.log(uniform(state))


@inlined
def point_in_disc(state):
    """A random point in the unit disc and its squared distance from the centre, in (0, 1)."""
    while True:
        x = 2.0 * uniform(state) - 1.0
        y = 2.0 * uniform(state) - 1.0
        squared = x * x + y * y
        if 0.0 < squared < 1.0:
            return x, y, squared


@inlined
def azimuth(state):
    """Cosine and sine of a random azimuth."""
    x, y, squared = point_in_disc(state)
    scale = 1.0 / math.sqrt(squared)
    return x * scale, y * scale


@inlined
def poisson(state, mean):
    """A Poisson number: by products of uniforms below 12, by its normal limit above."""
    if mean <= 0.0:
        return 0
    if mean < 12.0:
        limit = math.exp(-mean)
        count = 0
        product = uniform(state)
        while product > limit:
            count += 1
            product *= uniform(state)
        return count
    normal = math.sqrt(-2.0 * math.log(uniform(state))) * math.cos(TWO_PI * uniform(state))
    return max(0, int(mean + math.sqrt(mean) * normal + 0.5))
