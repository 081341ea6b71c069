"""Cross-sections of electrons and photons in air, as tables that the compiled shower reads.

Everything is per g/cm2 of air. Energies are total energies in GeV; `cut` is the kinetic energy in GeV above which a
photon or an electron made by an electron is followed as a particle, below which it is a continuous loss.

Sources: [1] W. R. Nelson, H. Hirayama, D. W. O. Rogers, SLAC-265 (1985), the EGS4 code system; [2] Y.-S. Tsai, Rev.
Mod. Phys. 46 (1974) 815; [3] GEANT 3 manual, CERN W5013 (1993), PHYS 330; [4] R. M. Sternheimer, M. J. Berger, S. M.
Seltzer, At. Data Nucl. Data Tables 30 (1984) 261; [5] H. A. Bethe, Phys. Rev. 89 (1953) 1256.
"""

import numpy as np

from gammaml.simulation.particles import ELECTRON_MASS

ALPHA = 1 / 137.035999
ELECTRON_RADIUS = 2.8179403e-13  # cm
AVOGADRO = 6.02214076e23
AIR = ((7, 14.007, 0.755), (8, 15.999, 0.232), (18, 39.948, 0.013))  # Z, A, fraction by mass
Z_OVER_A = sum(fraction * z / a for z, a, fraction in AIR)
BETHE_CONSTANT = 0.307075e-3 / 2 * Z_OVER_A  # GeV cm2/g: 2 pi r_e^2 m_e N_A Z/A
MEAN_EXCITATION = 85.7e-9  # GeV, air [4]

# Rutherford scattering [5]: chi_c^2 = 0.157 sum Z(Z+1)/A [MeV2 cm2/g] x / (p beta)^2, here in GeV2; the screening
# angle after Moliere is 8.6 keV / p for nitrogen.
SCATTERING = 0.1569e-6 * sum(fraction * z * (z + 1) / a for z, a, fraction in AIR)
SCREENING = 8.6e-6

# Pair production in air of XCOM (M. J. Berger et al., NIST Standard Reference Database 8) over that of [1], at photon
# energies in GeV: at low energies fewer pairs are made in the field of the atoms' electrons. The shape stays.
PAIR_ENERGY = (0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 10.0, 100.0)
PAIR_SHARE = (0.9414, 0.9504, 0.9592, 0.9687, 0.9768, 0.9833, 0.9859, 0.9888, 0.9892)

PAIR, COMPTON, BREMSSTRAHLUNG, MOLLER, BHABHA, LOSS_ELECTRON, LOSS_POSITRON = range(7)
N_COLUMNS = 7


N_ENERGIES, N_QUANTILES = 192, 129
# Tables over ln E in one record, which compiled code passes on as a pointer.
TABLES = np.dtype(
    [
        ("log_energy_first", "f8"),  # ln(E/GeV) of the first row
        ("per_log_energy", "f8"),  # rows per unit of it
        ("cut", "f8"),  # GeV
        ("rate", "f8", (N_ENERGIES, N_COLUMNS)),  # cross-sections, cm2/g, and restricted losses, GeV cm2/g
        ("pair", "f8", (N_ENERGIES, N_QUANTILES)),  # quantiles of the smaller energy fraction of a pair
        # quantiles of ln(k/cut) / ln(T/cut) for photons of energy k from an electron of kinetic energy T
        ("bremsstrahlung", "f8", (N_ENERGIES, N_QUANTILES)),
    ]
)


def coulomb_correction(z):
    """f_c of Davies, Bethe and Maximon [1, eq. 2.7.17]."""
    a = (ALPHA * z) ** 2
    return a * (1 / (1 + a) + 0.20206 - 0.0369 * a + 0.0083 * a**2 - 0.002 * a**3)


def electron_share(z):
    """xi: the field of the atom's electrons acts as xi more charges, Z² → Z(Z + xi) [1, eq. 2.7.20]."""
    return np.log(1440 * z ** (-2 / 3)) / (np.log(183 * z ** (-1 / 3)) - coulomb_correction(z))


def screening_functions(delta):
    """phi_1 and phi_2, Thomas-Fermi [1, eq. 2.7.14-15]."""
    far = 21.12 - 4.184 * np.log(np.maximum(delta, 1e-9) + 0.952)
    phi_1 = np.where(delta <= 1, 20.867 - 3.242 * delta + 0.625 * delta**2, far)
    phi_2 = np.where(delta <= 1, 20.209 - 1.930 * delta - 0.086 * delta**2, far)
    return phi_1, phi_2


def _air_sum(energy, momentum_transfer, spectrum):
    """Sum over the elements of air of alpha r_e² N/A Z(Z + xi) spectrum(phi_1 - F/2, phi_2 - F/2), cm2/g."""
    total = 0.0
    for z, a, fraction in AIR:
        phi_1, phi_2 = screening_functions(136 * z ** (-1 / 3) * ELECTRON_MASS / energy * momentum_transfer)
        # The Coulomb correction holds where the Born approximation does [1, eq. 2.7.13].
        half_f = (8 / 3 * np.log(z) + (8 * coulomb_correction(z) if energy > 0.05 else 0.0)) / 2
        shape = spectrum(np.maximum(phi_1 - half_f, 0), np.maximum(phi_2 - half_f, 0))
        strength = ALPHA * ELECTRON_RADIUS**2 * z * (z + electron_share(z))
        total = total + fraction * AVOGADRO / a * strength * shape
    return total


def pair_spectrum(fraction, energy):
    """d sigma / d fraction of pair production by a photon, Bethe-Heitler with screening [1, eq. 2.7.7].

    Parameters
    ----------
    fraction : array
        Energy of one electron over the photon's.
    energy : float
        Of the photon.

    Returns
    -------
    array
        cm2/g.
    """
    other = 1 - fraction
    return _air_sum(
        energy,
        1 / (fraction * other),
        lambda phi_1, phi_2: (fraction**2 + other**2) * phi_1 + 2 / 3 * fraction * other * phi_2,
    )


def bremsstrahlung_spectrum(fraction, energy):
    """k d sigma / d k for photons of energy k = fraction × energy from an electron [1, eq. 2.7.8], cm2/g."""
    other = 1 - fraction
    spectrum = _air_sum(energy, fraction / other, lambda phi_1, phi_2: (1 + other**2) * phi_1 - 2 / 3 * other * phi_2)
    return np.maximum(spectrum, 0)


def radiation_length():
    """X0 of air in g/cm2 [2, eq. 3.66; 1, eq. 2.7.22]."""
    strength = sum(
        fraction * AVOGADRO / a * z * (z + electron_share(z)) * (np.log(183 * z ** (-1 / 3)) - coulomb_correction(z))
        for z, a, fraction in AIR
    )
    return 1 / (4 * ALPHA * ELECTRON_RADIUS**2 * strength)


def compton_total(energy):
    """Klein-Nishina cross-section [1, eq. 2.9.8], cm2/g."""
    k = energy / ELECTRON_MASS
    thomson = 8 * np.pi / 3 * ELECTRON_RADIUS**2
    bracket = (1 + k) / k**3 * (2 * k * (1 + k) / (1 + 2 * k) - np.log1p(2 * k))
    bracket = bracket + np.log1p(2 * k) / (2 * k) - (1 + 3 * k) / (1 + 2 * k) ** 2
    return 0.75 * thomson * bracket * AVOGADRO * Z_OVER_A


def moller_spectrum(fraction, gamma):
    """Shape of d sigma / d fraction × fraction² for Møller scattering, 1 for soft recoils [1, eq. 2.10.3]."""
    c_1 = ((gamma - 1) / gamma) ** 2
    c_2 = (2 * gamma - 1) / gamma**2
    other = 1 - fraction
    return 1 + (fraction / other) ** 2 + c_1 * fraction**2 - c_2 * fraction / other


def bhabha_spectrum(fraction, gamma):
    """Shape of d sigma / d fraction × fraction² for Bhabha scattering [1, eq. 2.11.2]."""
    y = 1 / (gamma + 1)
    beta2 = 1 - 1 / gamma**2
    b_1, b_2 = 2 - y**2, (1 - 2 * y) * (3 + y**2)
    b_4 = (1 - 2 * y) ** 3
    b_3 = (1 - 2 * y) ** 2 + b_4
    return 1 - beta2 * fraction * (b_1 - fraction * (b_2 - fraction * (b_3 - fraction * b_4)))


def recoil_total(energy, cut, spectrum, largest):
    """Recoil electrons of more than `cut` by an electron: constant × 1/(beta² T) ∫ spectrum / fraction² d fraction.

    `spectrum` is one of the two above and `largest` the largest fraction of T that a recoil takes: 1/2 and 1.
    """
    kinetic = energy - ELECTRON_MASS
    if kinetic * largest <= cut:
        return 0.0
    gamma = energy / ELECTRON_MASS
    log_fraction = np.linspace(np.log(cut / kinetic), np.log(largest), 801)
    fraction = np.exp(log_fraction)
    # One point short of 1, where the Møller shape is not used, keeps both shapes finite.
    integral = np.trapezoid(spectrum(np.minimum(fraction, 1 - 1e-12), gamma) / fraction, log_fraction)
    return BETHE_CONSTANT / (1 - 1 / gamma**2) / kinetic * integral


def density_effect(beta_gamma, relative_density):
    """Sternheimer's correction delta for air [4]; `relative_density` is to 1.205e-3 g/cm3."""
    x = np.log10(beta_gamma * np.sqrt(relative_density))
    c, x_0, x_1, a, k = 10.5961, 1.7418, 4.2759, 0.10914, 3.3994
    bend = a * np.clip(x_1 - x, 0, None) ** k
    return np.where(x < x_0, 0.0, np.maximum(2 * np.log(10) * x - c + bend, 0))


def collision_loss(energy, cut, positron=False, relative_density=0.35):
    """Restricted loss of an electron or positron to recoils below `cut` [3], GeV cm2/g.

    The density effect is taken at 9 km, where showers are largest; between 3 and 20 km this is right to 3 %.
    """
    tau = energy / ELECTRON_MASS - 1
    gamma = tau + 1
    beta2 = 1 - 1 / gamma**2
    delta = np.minimum(cut / ELECTRON_MASS, tau if positron else tau / 2)
    if positron:
        y = 1 / (gamma + 1)
        series = (
            tau
            + 2 * delta
            - 1.5 * delta**2 * y
            - (delta - delta**3 / 3) * y**2
            - (delta**2 / 2 - tau * delta**3 / 3 + delta**4 / 4) * y**3
        )
        shape = np.log(tau * delta) - beta2 / tau * series
    else:
        soft = (delta**2 / 2 + (2 * tau + 1) * np.log1p(-delta / tau)) / gamma**2
        shape = -1 - beta2 + np.log((tau - delta) * delta) + tau / (tau - delta) + soft
    logarithm = np.log(2 * (tau + 2) / (MEAN_EXCITATION / ELECTRON_MASS) ** 2)
    effect = density_effect(np.sqrt(gamma**2 - 1), relative_density)
    return BETHE_CONSTANT / beta2 * (logarithm + shape - effect)


def heavy_loss(beta_gamma, mass, relative_density=0.35):
    """Bethe's mean loss of a singly charged particle heavier than an electron, GeV cm2/g (PDG, eq. 34.5)."""
    gamma2 = 1 + beta_gamma**2
    beta2 = beta_gamma**2 / gamma2
    ratio = ELECTRON_MASS / mass
    largest = 2 * ELECTRON_MASS * beta_gamma**2 / (1 + 2 * np.sqrt(gamma2) * ratio + ratio**2)
    logarithm = 0.5 * np.log(2 * ELECTRON_MASS * beta_gamma**2 * largest / MEAN_EXCITATION**2)
    return 2 * BETHE_CONSTANT / beta2 * (logarithm - beta2 - density_effect(beta_gamma, relative_density) / 2)


def _quantiles(values, density, along, levels):
    """Integral of `density` along `along`, and the `values` at which it has reached each of `levels`."""
    steps = (density[1:] + density[:-1]) / 2 * np.diff(along)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    return total[-1], np.interp(levels, total / total[-1], values)


def _pair_row(energy, levels):
    log_fraction = np.linspace(np.log(ELECTRON_MASS / energy), np.log(0.5), 2001)
    fraction = np.exp(log_fraction)
    half, quantiles = _quantiles(fraction, pair_spectrum(fraction, energy) * fraction, log_fraction, levels)
    return 2 * half * np.interp(np.log(energy), np.log(PAIR_ENERGY), PAIR_SHARE), quantiles


def _bremsstrahlung_row(energy, cut, levels):
    """Rate above the cut, its quantiles, and the loss to photons below the cut."""
    kinetic = energy - ELECTRON_MASS
    rate, quantiles = 0.0, levels
    if kinetic > 1.02 * cut:
        v = np.linspace(0, 1, 2001)
        photon = cut * (kinetic / cut) ** v
        spectrum = bremsstrahlung_spectrum(np.minimum(photon / energy, 1 - 1e-7), energy)
        rate, quantiles = _quantiles(v, spectrum, np.log(photon), levels)
    photon = np.linspace(1e-6, 1, 801) * min(cut, kinetic)
    loss = np.trapezoid(bremsstrahlung_spectrum(np.minimum(photon / energy, 1 - 1e-7), energy), photon)
    return rate, quantiles, loss


def build(cut, *, energies=(0.003, 1e6)):
    """Tables for a cut.

    Parameters
    ----------
    cut : float
        Kinetic energy in GeV.
    energies : pair of float
        First and last total energy, GeV.

    Returns
    -------
    record of TABLES
    """
    log_energy = np.linspace(*np.log(energies), N_ENERGIES)
    levels = np.linspace(0, 1, N_QUANTILES)
    tables = np.zeros((), TABLES)
    tables["log_energy_first"], tables["cut"] = log_energy[0], cut
    tables["per_log_energy"] = 1 / (log_energy[1] - log_energy[0])
    rate, pair, bremsstrahlung = tables["rate"], tables["pair"], tables["bremsstrahlung"]
    for row, energy in enumerate(np.exp(log_energy)):
        rate[row, PAIR], pair[row] = _pair_row(energy, levels)
        rate[row, COMPTON] = compton_total(energy)
        rate[row, BREMSSTRAHLUNG], bremsstrahlung[row], radiated = _bremsstrahlung_row(energy, cut, levels)
        rate[row, MOLLER] = recoil_total(energy, cut, moller_spectrum, 0.5)
        rate[row, BHABHA] = recoil_total(energy, cut, bhabha_spectrum, 1.0)
        rate[row, LOSS_ELECTRON] = collision_loss(energy, cut) + radiated
        rate[row, LOSS_POSITRON] = collision_loss(energy, cut, positron=True) + radiated
    return tables[()]
