"""Directions in the compiled shower: tuples of three with x = north, y = west, z = up."""

import math

from gammaml.simulation.compilation import inlined


@inlined
def rotate(direction, cos_polar, sin_polar, cos_azimuth, sin_azimuth):
    """Turn a unit vector by a polar angle, about itself by an azimuth."""
    ux, uy, uz = direction
    a = sin_polar * cos_azimuth
    b = sin_polar * sin_azimuth
    across2 = ux * ux + uy * uy
    if across2 < 1e-12:
        up = 1.0 if uz > 0 else -1.0
        return a, up * b, up * cos_polar
    across = math.sqrt(across2)
    c1 = ux / across
    c2 = uy / across
    vx = ux * cos_polar + a * uz * c1 - b * c2
    vy = uy * cos_polar + a * uz * c2 + b * c1
    vz = uz * cos_polar - a * across
    return vx, vy, vz


@inlined
def cos_sin(angle):
    """Cosine and sine, to 1e-7 by their series below half a radian, where nearly all angles of a shower are."""
    if angle > 0.5:
        return math.cos(angle), math.sin(angle)
    x = angle * angle
    return (
        1.0 - x * (0.5 - x * (1.0 / 24.0 - x * (1.0 / 720.0 - x / 40320.0))),
        angle * (1.0 - x * (1.0 / 6.0 - x * (1.0 / 120.0 - x * (1.0 / 5040.0 - x / 362880.0)))),
    )


@inlined
def bend(direction, turn, field):
    """Turn a direction by the Lorentz force: du = turn u × B, with turn = 0.2998 q length / p (1/T; p in GeV)."""
    ux, uy, uz = direction
    vx = ux + turn * (uy * field[2] - uz * field[1])
    vy = uy + turn * (uz * field[0] - ux * field[2])
    vz = uz + turn * (ux * field[1] - uy * field[0])
    scale = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
    return vx * scale, vy * scale, vz * scale
