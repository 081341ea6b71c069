"""Figures and numbers of docs/simulation.md: ``python benchmarks/validate_simulation.py``, about four minutes.

Prints a table in Markdown and writes docs/figures/simulation_*.png; the same each time. Needs the folder of shared data
beside the checkout, with CORSIKA's photons.
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import corsika_comparison as compared  # noqa: E402
import corsika_showers as corsika  # noqa: E402
import simulated_showers as simulated  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
FIGURES = ROOT / "docs" / "figures"
THEIRS, OURS, OTHER = "#d95f02", "#1b6ca8", "#7a7a7a"
LABELS = {
    "delay": "delay behind the shower's plane (ns)",
    "inward": "angle to the axis, radial (deg)",
    "across": "angle to the axis, across (deg)",
    "height": "height of emission (km)",
}


def save(figure, name):
    figure.tight_layout()
    figure.savefig(FIGURES / f"simulation_{name}.png", dpi=80)
    plt.close(figure)


def middles(edges):
    return (edges[1:] + edges[:-1]) / 2


def row(what, theirs, ours, source):
    print(f"| {what} | {theirs} | {ours} | {source} |", flush=True)


def percent(ratio, error):
    return f"{ratio:.3f} ± {error:.3f}"


def gamma_light():
    """Light by distance, with the site's air and with standard air; ranks of CORSIKA's showers."""
    result = compared.gammas(DATA)
    standard = compared.gammas(DATA, n=8, atmosphere="us-standard")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=(3, 2))
    edges = compared.GAMMA_DISTANCES
    for sample, colour, label in ((result, OURS, "air of Paranal"), (standard, OTHER, "US standard air")):
        ratio, error, _ = compared.mean_ratio(sample.theirs, sample.ours)
        left.errorbar(middles(edges), ratio, error, np.diff(edges) / 2, fmt="o", color=colour, label=label)
        for low, high, value, spread in zip(edges[:-1], edges[1:], ratio, error, strict=True):
            row(f"light at {low}–{high} m, CORSIKA/ours, {label}", "1", percent(value, spread), "18 gammas")
    left.axhspan(0.9, 1.1, color="0.92")
    left.axhline(1, color="k", lw=0.8)
    left.set(xlabel="distance from the axis (m)", ylabel="photons, CORSIKA / ours", ylim=(0.7, 1.3), xlim=(0, 800))
    left.legend(frameon=False)
    total = result.theirs.sum(axis=1) / result.ours.sum(axis=2).mean(axis=1)
    row(
        "light on all telescopes, CORSIKA/ours",
        "1",
        percent(total.mean(), total.std() / len(total) ** 0.5),
        "18 gammas",
    )
    ranks = compared.rank(result.theirs, np.moveaxis(result.ours, 1, -1))
    lit = result.ours.mean(axis=1) > compared.LEAST_PHOTONS
    # 15 values are possible: 3 a bin
    right.hist(ranks[lit], np.linspace(0, 1, 6), color=THEIRS, alpha=0.8)
    right.axhline(lit.sum() / 5, color="k", lw=0.8)
    right.set(xlabel="rank of CORSIKA's light among ours", ylabel="showers × distances")
    probability = compared.uniform_probability(compared.rank(result.theirs.sum(axis=1), result.ours.sum(axis=2)))
    row("ranks of CORSIKA's total light among ours: p of uniform", "> 0.05", f"{probability:.2f}", "KS, 18 gammas")
    save(figure, "gammas")


def gamma_shape():
    """Medians and widths of times, angles, heights."""
    result = compared.gammas(DATA)
    difference, error, expected, probability = compared.shape_differences(result)
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.3))
    at = middles(compared.SHAPE_DISTANCES)
    for i, (name, axis) in enumerate(zip(compared.SHAPES, axes, strict=True)):
        scale = 1e-3 if name == "height" else 1.0
        for column, marker, kind in ((2 * i, "o", "median"), (2 * i + 1, "s", "half of the central 68 %")):
            ours = expected[:, column] * scale
            theirs = ours + difference[:, column] * scale
            axis.plot(at, ours, marker, mfc="none", ms=9, color=OURS, label=f"ours, {kind}")
            axis.errorbar(
                at, theirs, error[:, column] * scale, fmt=marker, ms=4, color=THEIRS, label=f"CORSIKA, {kind}"
            )
        axis.set(xlabel="distance from the axis (m)", ylabel=LABELS[name], xlim=(0, 450))
        for kind, column in (("median", 2 * i), ("width", 2 * i + 1)):
            text = [f"{d:+.3g} ± {e:.2g}" for d, e in zip(difference[:, column], error[:, column], strict=True)]
            row(f"{name}, {kind}, CORSIKA - ours, at 0, 100, 150, 250–500 m", "0", "; ".join(text), "ns, deg, m")
    axes[0].legend(frameon=False, fontsize=8)
    row("the same as ranks, smallest p of 32", "> 0.002", f"{probability.min():.3f}", "KS")
    save(figure, "light")


def longitudinal():
    """Profiles against CORSIKA's and Greisen's; maxima by energy."""
    profiles = compared.gamma_profiles(DATA)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6))
    weights = 1 / profiles.energy[:, None]
    theirs, ours = (profiles.theirs * weights).sum(0), (profiles.ours.mean(axis=1) * weights).sum(0)
    for values, colour, label in ((theirs, THEIRS, "CORSIKA, > 20 MeV"), (ours, OURS, "ours, those that shine")):
        left.plot(profiles.depth, values / values.sum(), color=colour, label=label)
    left.set(xlabel="vertical depth (g/cm²)", ylabel="electrons, equal areas", title="19 gammas, 0.1–5 TeV")
    left.legend(frameon=False)
    light = profiles.their_light / profiles.our_light.mean(axis=1)
    shift = compared.mean_depth(profiles.depth, profiles.theirs)
    shift = shift - compared.mean_depth(profiles.depth, profiles.ours).mean(axis=1)
    count = len(light) ** 0.5
    row("all light made, CORSIKA/ours", "1", percent(light.mean(), light.std() / count), "19 gammas, LONGI")
    row(
        "mean depth of electrons, CORSIKA - ours (g/cm²)",
        "0",
        f"{shift.mean():+.0f} ± {shift.std() / count:.0f}",
        "same",
    )
    depth = (np.arange(220) + 0.5) * 10
    for energy, n, colour in ((100.0, 300, OURS), (1000.0, 100, THEIRS), (10000.0, 24, OTHER)):
        electrons = simulated.profiles("gamma", energy, n=n)[:, :, 0].mean(axis=0)
        expected = simulated.greisen(depth, energy)
        share = simulated.hillas_share(simulated.threshold_at(depth[electrons.argmax()]))
        middle.semilogy(depth, electrons, color=colour, label=f"{energy / 1e3:g} TeV")
        middle.semilogy(depth, expected * share, "--", color=colour)
        found = electrons.max() / expected.max()
        row(
            f"shining electrons at maximum over Greisen's, {energy / 1e3:g} TeV",
            f"{share:.2f}",
            f"{found:.2f}",
            "Hillas 1982",
        )
    middle.set(
        xlabel="depth (g/cm²)", ylabel="electrons", ylim=(1, 1e4), xlim=(0, 1030), title="dashed: Greisen × Hillas"
    )
    middle.legend(frameon=False, loc="lower center")
    maxima_by_energy(right)
    save(figure, "profiles")


def maxima_by_energy(axis):
    energies = np.array([100.0, 300.0, 1000.0, 3000.0, 10000.0])
    for particle, colour in (("gamma", OURS), ("proton", THEIRS)):
        samples = [simulated.maxima(particle, e, n=n) for e, n in zip(energies, (300, 200, 120, 60, 40), strict=True)]
        mean, spread = np.array([(np.nanmean(x), np.nanstd(x)) for x in samples]).T
        error = spread / np.sqrt([len(x) for x in samples])
        axis.errorbar(energies / 1e3, mean, error, fmt="o", color=colour, label=particle)
        axis.fill_between(energies / 1e3, mean - spread, mean + spread, color=colour, alpha=0.12)
        for energy, m, e, s in zip(energies, mean, error, spread, strict=True):
            expected = f"{simulated.RADIATION_LENGTH * np.log(energy / simulated.CRITICAL_ENERGY):.0f}"
            source = "Greisen 1956" if particle == "gamma" else "-"
            published = expected if particle == "gamma" else "-"
            row(
                f"x_max, {energy / 1e3:g} TeV {particle} (g/cm²)",
                published,
                f"{m:.0f} ± {e:.0f}, spread {s:.0f}",
                source,
            )
    axis.plot(energies / 1e3, simulated.RADIATION_LENGTH * np.log(energies / simulated.CRITICAL_ENERGY), "k--", lw=1)
    axis.set(xscale="log", xlabel="energy (TeV)", ylabel="x_max (g/cm²)", title="band: spread; dashed: Greisen")
    axis.legend(frameon=False)
    depth, error = simulated.elongation()
    slope, wrong = (depth[-1] - depth[0]) / 2, np.hypot(error[0], error[-1]) / 2
    row("gammas' elongation (g/cm² a decade)", "84.3", f"{slope:.1f} ± {wrong:.1f}", "X0 ln 10")


def electrons():
    """Energies and angles at maximum."""
    energy, theta, weight = simulated.electrons_at_maximum()
    edges = np.geomspace(50, 5000, 17)
    centre = np.sqrt(edges[1:] * edges[:-1])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    found = np.histogram(energy, edges, weights=weight)[0]
    lafebre = np.array([simulated.lafebre_spectrum(e) for e in centre])
    hillas = simulated.hillas_share(edges[:-1]) - simulated.hillas_share(edges[1:])
    for values, style, label in ((hillas, "--", "Hillas 1982"), (lafebre, "-", "Lafebre et al. 2009")):
        left.loglog(centre, values / values.sum(), style, color=THEIRS, label=label)
    left.loglog(centre, found / found.sum(), "o", color=OURS, label="ours")
    left.set(xlabel="energy (MeV)", ylabel="share of electrons, a bin")
    which = np.digitize(energy, edges) - 1
    mean = []
    for i in range(len(centre)):
        part = (which == i) & (theta < np.radians(60))
        mean.append(np.degrees(np.average(theta[part], weights=weight[part])))
    published = [simulated.lafebre_mean_angle(e) for e in centre]
    right.loglog(centre, published, color=THEIRS, label="Lafebre et al. 2009, mean")
    right.loglog(centre, mean, "o", color=OURS, label="ours, mean")
    right.set(xlabel="energy (MeV)", ylabel="angle to the axis (deg)")
    for axis in (left, right):
        axis.legend(frameon=False)
    for target in (60, 120, 400, 900):
        i = np.abs(np.log(centre / target)).argmin()
        row(
            f"mean angle of {centre[i]:.0f} MeV electrons (deg)",
            f"{published[i]:.2f}",
            f"{mean[i]:.2f}",
            "Lafebre 2009",
        )
    save(figure, "electrons")


def protons():
    """All light, light by distance, muons."""
    result = compared.protons(DATA)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6))
    left.loglog(
        result.energy,
        result.our_light.mean(axis=1) / result.energy,
        "o",
        ms=4,
        mfc="none",
        color=OURS,
        label="ours, mean of 29",
    )
    left.loglog(result.energy, result.their_light / result.energy, ".", color=THEIRS, label="CORSIKA")
    left.set(xlabel="energy (GeV)", ylabel="photons / GeV, 240–700 nm")
    left.legend(frameon=False)
    edges = compared.PROTON_DISTANCES
    ratio, error = compared.per_energy(result.energy, result.theirs, result.ours)
    middle.errorbar(middles(edges), ratio, error, np.diff(edges) / 2, fmt="o", color=OURS)
    middle.axhspan(0.85, 1.15, color="0.92")
    middle.axhline(1, color="k", lw=0.8)
    middle.set(xlabel="distance from the axis (m)", ylabel="photons, CORSIKA / ours", ylim=(0, 2))
    for low, high, value, spread in zip(edges[:-1], edges[1:], ratio, error, strict=True):
        row(f"proton light at {low}–{high} m, CORSIKA/ours", "1", percent(value, spread), "200 protons")
    for theirs, ours, name in (
        (result.their_light, result.our_light, "light"),
        (result.their_muons, result.our_muons, "track of muons"),
    ):
        row(
            f"protons' {name}, CORSIKA/ours",
            "1",
            percent(*compared.per_energy(result.energy, theirs, ours)),
            "200 protons",
        )
        ranks = compared.rank(theirs, ours)
        row(f"ranks of protons' {name}: p of uniform", "> 0.05", f"{compared.uniform_probability(ranks):.3f}", "KS")
        right.hist(
            ranks, np.linspace(0, 1, 11), histtype="step", lw=1.5, label=name, color=THEIRS if name == "light" else OURS
        )
    right.axhline(len(result.energy) / 10, color="k", lw=0.8)
    right.set(xlabel="rank of CORSIKA's shower among ours", ylabel="showers", ylim=(0, None))
    right.legend(frameon=False, loc="lower center")
    save(figure, "protons")


def light_pool():
    """Photons/m2 of 0.1 and 1 TeV gammas, and what shorter steps change."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6))
    for axis, energy, n in ((axes[0], 100.0, 300), (axes[1], 1000.0, 60)):
        for air, colour in (("us-standard", OTHER), ("paranal", OURS)):
            for absorption, style in ((False, "-"), (True, "--")):
                density = simulated.light_pool(energy, n=n, atmosphere=air, absorption=absorption)[0].mean(axis=0)
                label = f"{air}, {'after the air' if absorption else 'emitted'}"
                axis.plot(simulated.RINGS, density, style, color=colour, label=label)
                at_100 = density[simulated.RINGS == 100].item()
                inside = simulated.mean_within(density, 125.0)
                text = f"{at_100:.1f} at 100 m, {inside:.1f} within 125 m"
                row(f"photons/m², {energy / 1e3:g} TeV, {label}", "-", text, "2200 m, 300–600 nm")
        axis.set(
            xlabel="distance from the axis (m)",
            ylabel="photons/m², 300–600 nm",
            title=f"{energy / 1e3:g} TeV, vertical, 2200 m",
        )
        axis.set(ylim=(0, None))
    axes[0].legend(frameon=False, fontsize=8)
    steps(axes[2])
    save(figure, "light_pool")
    density_of_corsika()


def steps(axis):
    (usual, _), (short, _) = (simulated.light_pool(100.0, n=600, step_scale=s, seed=11) for s in (1.0, 0.25))
    ratio = usual.mean(axis=0) / short.mean(axis=0)
    error = np.hypot(usual.std(axis=0), short.std(axis=0)) / np.sqrt(len(usual)) / short.mean(axis=0)
    axis.errorbar(simulated.RINGS, ratio, error, fmt="o", color=OURS)
    axis.axhline(1, color="k", lw=0.8)
    axis.set(xlabel="distance from the axis (m)", ylabel="light, usual steps / quarter steps", ylim=(0.85, 1.15))
    axis.set(title="0.1 TeV, 600 showers each")
    for target in (60, 100, 180, 300):
        i = int(np.flatnonzero(target == simulated.RINGS)[0])
        row(f"light at {target} m, usual steps / quarter steps", "1", percent(ratio[i], error[i]), "100 GeV")


def density_of_corsika():
    """Density of light by energy at 60 to 130 m in CORSIKA's file and in ours, taken to 300 to 600 nm."""
    showers, conditions = compared.read_gammas(DATA)
    result = compared.gammas(DATA)
    band = simulated.frank_tamm((300.0, 600.0)) / simulated.frank_tamm(conditions["wavelengths"])
    used = (result.energy > 800) & (result.energy < 2000)
    area = 0.0
    for shower in np.array(showers, object)[used]:
        distance = corsika.distances(shower, conditions["telescopes"])
        near = ((distance > 60) & (distance < 130)).sum()
        area += near * np.pi * conditions["telescopes"][0, 3] ** 2 * shower.energy / 1e3
    near = slice(1, 3)
    theirs = result.theirs[used, near].sum() * band / area
    ours = result.ours.mean(axis=1)[used, near].sum() * band / area
    what = "photons/m² per TeV at 60–130 m, emitted, 300–600 nm, 20° from vertical"
    row(what, f"{theirs:.0f}", f"{ours:.0f}", f"CORSIKA, {used.sum()} gammas of 0.8–2 TeV")


def muons():
    angle, number = simulated.muon_rings()
    expected = simulated.muon_ring_expected()
    row("radius of a muon's ring (deg)", f"{expected[0]:.4f}", f"{np.median(angle):.4f}", "Frank & Tamm")
    row("its photons, mirror of 6 m, 300–600 nm", f"{expected[1]:.0f}", f"{np.median(number):.0f}", "Frank & Tamm")


def main():
    FIGURES.mkdir(exist_ok=True)
    print("| what | published or CORSIKA | ours | source |\n|---|---|---|---|")
    for part in (gamma_light, gamma_shape, longitudinal, electrons, protons, light_pool, muons):
        part()


if __name__ == "__main__":
    main()
