"""Build the table of hadronic interactions: ``python -m gammaml.simulation.build_library -o FILE``.

SIBYLL 2.3d (Riehn et al., Phys. Rev. D 102 (2020) 063002) from 80 GeV to 500 TeV, on nitrogen and oxygen, through
chromo (``pip install chromo``), with the etas of protons brought down to the measured number, and our own model below
(gammaml.simulation.low_energy). Those who have agreed to the licence of UrQMD 3.4 can use it below instead:
``--low-energy urqmd --i-accept-the-urqmd-licence``. A table made so is for their own use.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import gammaml
from gammaml.errors import GammamlError, InputError, OutputError, SettingError
from gammaml.progress import track
from gammaml.simulation import low_energy
from gammaml.simulation.hadronic_library import refuse_existing, save, table_of
from gammaml.simulation.particles import (
    ANTILAMBDA,
    ANTINEUTRON,
    ANTIPROTON,
    ELECTRON,
    ETA,
    GAMMA,
    K_LONG,
    K_MINUS,
    K_PLUS,
    K_SHORT,
    LAMBDA,
    MASS,
    MU_MINUS,
    MU_PLUS,
    NEUTRON,
    PI_MINUS,
    PI_PLUS,
    PI_ZERO,
    POSITRON,
    PROTON,
)

LOG10_ENERGY = np.linspace(0.2, 5.7, 56)  # 1.6 GeV to 501 TeV, total energy
HIGH_ENERGY = 80.0  # GeV; from here on SIBYLL
# Of SIBYLL's etas in collisions of nucleons these are kept: it makes 0.80 (eta' decayed) in p + p at 400 GeV/c, where
# 0.30 ± 0.02 are measured (LEBC-EHS, Z. Phys. C 50 (1991) 405). See `_measured_etas`.
ETAS_KEPT = 0.38
SMALLEST_ENERGY = 0.25  # GeV; products with less (baryons: less kinetic energy) make no light and no further particles
OXYGEN_SHARE = 0.23  # of the interactions in air; the rest is on nitrogen
PROJECTILES = {PROTON: "p", PI_PLUS: "pi+", K_PLUS: "K+"}
CODE_OF_PDG = {
    22: GAMMA, 11: ELECTRON, -11: POSITRON, 13: MU_MINUS, -13: MU_PLUS, 111: PI_ZERO, 211: PI_PLUS, -211: PI_MINUS,
    221: ETA, 321: K_PLUS, -321: K_MINUS, 130: K_LONG, 310: K_SHORT, 2212: PROTON, -2212: ANTIPROTON, 2112: NEUTRON,
    -2112: ANTINEUTRON, 3122: LAMBDA, -3122: ANTILAMBDA,
}  # fmt: skip
NEUTRINOS = {sign * code: None for sign in (1, -1) for code in (12, 14, 16)}
# Only where a model does not decay them: the baryon or meson that takes most of the energy.
UNDECAYED = {
    3222: PROTON, 3112: NEUTRON, 3212: LAMBDA, 3312: LAMBDA, 3322: LAMBDA, 3334: LAMBDA, -3222: ANTIPROTON,
    -3112: ANTINEUTRON, -3212: ANTILAMBDA, -3312: ANTILAMBDA, -3322: ANTILAMBDA, -3334: ANTILAMBDA, 223: PI_ZERO,
    331: ETA, 333: K_LONG, 311: K_LONG, -311: K_SHORT,
}  # fmt: skip
KNOWN = CODE_OF_PDG | UNDECAYED | NEUTRINOS


def build(output, *, low="own", n_events=500, seed=1, overwrite=False, show=True):
    """Generate all interactions and write the table.

    Parameters
    ----------
    output : path-like
    low : {"own", "urqmd"}
        Model below 80 GeV; "urqmd" is for those who have agreed to its licence.
    n_events : int
        For each class and energy.
    seed : int
    overwrite : bool
    show : bool
        Say how far it is, on standard error.

    Raises
    ------
    OutputError
        The file exists, or cannot be written.
    InputError
        chromo is missing.
    SettingError
        An option makes no sense.
    """
    _check(output, low, n_events, seed, overwrite)
    high_model = _chromo("Sibyll23d", seed)
    low_model = None if low == "own" else _chromo("UrQMD34", seed)
    events, cross_section = [], []
    with track("Interactions", len(PROJECTILES) * len(LOG10_ENERGY) * n_events, show=show) as progress:
        for projectile in PROJECTILES:
            join = _sibyll_cross_section(high_model, projectile, HIGH_ENERGY)
            events.append([])
            cross_section.append([])
            for energy in 10**LOG10_ENERGY:
                rng = np.random.default_rng([seed, projectile, round(energy * 1e3)])
                if energy >= HIGH_ENERGY:
                    sigma = _sibyll_cross_section(high_model, projectile, energy)
                    drawn = generated(high_model, projectile, energy, n_events)
                    if projectile == PROTON:
                        drawn = [_measured_etas(rng, event) for event in drawn]
                else:
                    sigma = low_energy.cross_section(projectile, energy, join, join=HIGH_ENERGY)
                    drawn = (
                        [_own(rng, projectile, energy) for _ in range(n_events)]
                        if low_model is None
                        else generated(low_model, projectile, energy, n_events)
                    )
                events[-1].append(drawn)
                cross_section[-1].append(sigma)
                progress.advance(n_events)
    save(output, table_of(events, cross_section, LOG10_ENERGY), _metadata(low, n_events, seed), overwrite=overwrite)


def select(code, momentum, energy):
    """Products that the table keeps: forward and above the smallest energy.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
    momentum : ndarray, shape (n, 4)
        Energy, px, py, pz in GeV, z along the projectile.
    energy : float
        Total energy of the projectile, GeV.

    Returns
    -------
    code, energy_fraction, px, py : ndarray
        Sorted by code and falling energy, which compresses well.
    """
    bound = np.where(MASS[code] > 0.9, MASS[code], 0.0)
    kept = (momentum[:, 3] > 0) & (momentum[:, 0] - bound > SMALLEST_ENERGY)
    code, momentum = code[kept], momentum[kept]
    order = np.lexsort((-momentum[:, 0], code))
    return code[order], momentum[order, 0] / energy, momentum[order, 1], momentum[order, 2]


def generated(model, projectile, energy, n_events):
    """Interactions of one of chromo's models on nitrogen and oxygen; those in which nothing happened are left out."""
    from chromo.kinematics import FixedTarget, TotalEnergy

    n_oxygen = round(OXYGEN_SHARE * n_events)
    drawn = []
    for target, wanted in (("O16", n_oxygen), ("N14", n_events)):
        model.kinematics = FixedTarget(TotalEnergy(energy), PROJECTILES[projectile], target)
        for event in model(20 * n_events):
            if len(drawn) == wanted:
                break
            final = event.final_state()
            if final.en.max() < 0.9999 * energy:
                drawn.append(select(*_known(final), energy))
    if len(drawn) < n_events:
        raise RuntimeError(f"{model.label} made {len(drawn)} of {n_events} interactions at {energy:.1f} GeV")
    return drawn


def _known(final):
    """Codes and four-momenta of a final state without its neutrinos."""
    codes = [KNOWN[pdg] for pdg in final.pid.tolist()]
    seen = np.array([code is not None for code in codes])
    momentum = np.column_stack([final.en, final.px, final.py, final.pz])
    return np.array([code for code in codes if code is not None], dtype=int), momentum[seen]


def _measured_etas(rng, event):
    """An interaction in which the etas above the measured number are charged pions of the same energy.

    SIBYLL lacks those: in p + C at 158 GeV/c its pi0 and etas carry 1.4 times the energy of half the charged pions,
    where isospin leaves 1 and the measured etas add a tenth.
    """
    code, *columns = event
    code = code.copy()
    surplus = (code == ETA) & (rng.random(len(code)) > ETAS_KEPT)
    code[surplus] = rng.choice([PI_PLUS, PI_MINUS], surplus.sum())
    order = np.lexsort((-columns[0], code))
    return code[order], *(column[order] for column in columns)


def _own(rng, projectile, energy):
    return select(*low_energy.interaction(rng, projectile, energy), energy)


def _chromo(name, seed):
    """A model of chromo in which only what `CODE_OF_PDG` lacks decays."""
    try:
        from chromo import models
        from chromo.kinematics import FixedTarget, TotalEnergy
    except ImportError as error:
        raise InputError("chromo", "no such package", "chromo to be installed", "pip install chromo") from error
    model = getattr(models, name)(FixedTarget(TotalEnergy(100.0), "p", "N14"), seed=seed)
    model.final_state_particles = [*CODE_OF_PDG, *NEUTRINOS]
    return model


def _sibyll_cross_section(model, projectile, energy):
    """SIBYLL's production cross-section on air in mb; it calls it inelastic, but has taken the quasi-elastic out."""
    from chromo.kinematics import FixedTarget, TotalEnergy

    model.kinematics = FixedTarget(TotalEnergy(energy), PROJECTILES[projectile], "N14")
    return float(model.sigma_inel_air())


def _metadata(low, n_events, seed):
    import chromo

    name = low_energy.NAME if low == "own" else "UrQMD 3.4"
    return {
        "name": f"SIBYLL 2.3d + {name}",
        "versions": {"gammaml": gammaml.__version__, "chromo": chromo.__version__, "numpy": np.__version__},
        "seed": seed,
        "events_per_bin": n_events,
        "energies_GeV": [float(f"{energy:.5g}") for energy in 10**LOG10_ENERGY],
        "high_energy_from_GeV": HIGH_ENERGY,
        "smallest_energy_GeV": SMALLEST_ENERGY,
        "sibyll_etas_kept_for_protons": ETAS_KEPT,
        "target": f"{1 - OXYGEN_SHARE:.2f} N14 + {OXYGEN_SHARE:.2f} O16",
    }


def _check(output, low, n_events, seed, overwrite):
    if low not in ("own", "urqmd"):
        raise SettingError("--low-energy", repr(low), "own or urqmd", "choose one of them")
    if not 1 <= n_events <= 10_000:
        raise SettingError("--events", n_events, "1 to 10000", "choose another number")
    if seed < 0:
        raise SettingError("--seed", seed, "0 or more", "choose another number")
    refuse_existing(output, overwrite)
    folder = Path(output).resolve().parent
    if not folder.is_dir():
        raise OutputError(output, f"no folder {folder}", "an existing folder", "make it first")


def main(arguments=None):
    """The command; 2 for what the user can mend, else 0."""
    options = _parser().parse_args(arguments)
    try:
        if options.low_energy == "urqmd" and not options.i_accept_the_urqmd_licence:
            do = "read it, and pass --i-accept-the-urqmd-licence if you agree"
            raise SettingError("--low-energy urqmd", "no agreement", "agreement to UrQMD's licence (urqmd.org)", do)
        build(
            options.output,
            low=options.low_energy,
            n_events=options.events,
            seed=options.seed,
            overwrite=options.overwrite,
        )
    except GammamlError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m gammaml.simulation.build_library", description="Build the table of hadronic interactions."
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("hadronic.npz"), help="file to write [%(default)s]")
    parser.add_argument(
        "--low-energy", choices=("own", "urqmd"), default="own", help="model below 80 GeV [%(default)s]"
    )
    parser.add_argument("--i-accept-the-urqmd-licence", action="store_true", help="needed for UrQMD")
    parser.add_argument("--events", type=int, default=500, help="for each class and energy [%(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="[%(default)s]")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
