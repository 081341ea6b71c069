"""The particles a shower is made of: codes, masses, charges, lifetimes.

Inside the simulation a particle is a small code (the constants here) and an energy in GeV. Outside it is a name or
CORSIKA's code. Masses, lifetimes: Particle Data Group, Phys. Rev. D 110 (2024) 030001.
"""

import numpy as np

GAMMA, ELECTRON, POSITRON, MU_MINUS, MU_PLUS, PI_PLUS, PI_MINUS, K_PLUS, K_MINUS, K_LONG = range(10)
PROTON, NEUTRON, ANTIPROTON, ANTINEUTRON, PI_ZERO, K_SHORT, LAMBDA, ETA, ANTILAMBDA = range(10, 19)
NEUTRINO = 19
N_CODES = 20
# A nucleus of A nucleons and charge Z is 100 A + Z, as in CORSIKA.
FIRST_NUCLEUS = 200

ELECTRON_MASS = 0.51099895e-3  # GeV, as all masses here
MUON_MASS = 0.1056583755
PION_MASS, PI_ZERO_MASS = 0.13957039, 0.1349768
KAON_MASS, K_ZERO_MASS = 0.493677, 0.497611
PROTON_MASS, NEUTRON_MASS = 0.93827209, 0.93956542
LAMBDA_MASS, ETA_MASS = 1.115683, 0.547862

MASS = np.zeros(N_CODES)
MASS[[ELECTRON, POSITRON]] = ELECTRON_MASS
MASS[[MU_MINUS, MU_PLUS]] = MUON_MASS
MASS[[PI_PLUS, PI_MINUS]] = PION_MASS
MASS[[K_PLUS, K_MINUS]] = KAON_MASS
MASS[[K_LONG, K_SHORT]] = K_ZERO_MASS
MASS[[PROTON, ANTIPROTON]] = PROTON_MASS
MASS[[NEUTRON, ANTINEUTRON]] = NEUTRON_MASS
MASS[[LAMBDA, ANTILAMBDA]] = LAMBDA_MASS
MASS[PI_ZERO] = PI_ZERO_MASS
MASS[ETA] = ETA_MASS

CHARGE = np.zeros(N_CODES)
CHARGE[[POSITRON, MU_PLUS, PI_PLUS, K_PLUS, PROTON]] = 1.0
CHARGE[[ELECTRON, MU_MINUS, PI_MINUS, K_MINUS, ANTIPROTON]] = -1.0

# c tau in m; 0 for what is stable here, and for pi0 and eta, which decay where they are made.
DECAY_LENGTH = np.zeros(N_CODES)
DECAY_LENGTH[[MU_MINUS, MU_PLUS]] = 658.6384
DECAY_LENGTH[[PI_PLUS, PI_MINUS]] = 7.8045
DECAY_LENGTH[[K_PLUS, K_MINUS]] = 3.711
DECAY_LENGTH[K_LONG] = 15.34
DECAY_LENGTH[K_SHORT] = 0.026844
DECAY_LENGTH[[LAMBDA, ANTILAMBDA]] = 0.0789

# The product of a collision on an isoscalar nucleus when the projectile is replaced by its antiparticle, or a proton by
# a neutron (isospin; kaons are left as they are).
CONJUGATE = np.arange(N_CODES)
ISOSPIN = np.arange(N_CODES)
for _table, _pairs in (
    (CONJUGATE, ((PI_PLUS, PI_MINUS), (K_PLUS, K_MINUS), (PROTON, ANTIPROTON), (NEUTRON, ANTINEUTRON))),
    (CONJUGATE, ((LAMBDA, ANTILAMBDA), (MU_PLUS, MU_MINUS), (POSITRON, ELECTRON))),
    (ISOSPIN, ((PROTON, NEUTRON), (ANTIPROTON, ANTINEUTRON), (PI_PLUS, PI_MINUS))),
):
    for _first, _second in _pairs:
        _table[[_first, _second]] = _second, _first

# Primaries by name, with their code here and in files (sim_telarray's).
PRIMARIES = {
    "gamma": (GAMMA, 0),
    "electron": (ELECTRON, 1),
    "positron": (POSITRON, -1),
    "muon": (MU_MINUS, 2),
    "proton": (PROTON, 101),
    "helium": (402, 402),
    "nitrogen": (1407, 1407),
    "silicon": (2814, 2814),
    "iron": (5626, 5626),
}


def mass_of(code):
    """Mass in GeV; a nucleus has its nucleons', without the binding of less than one per cent."""
    return float(MASS[code]) if code < FIRST_NUCLEUS else code // 100 * PROTON_MASS
