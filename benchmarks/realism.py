"""Figures and numbers of docs/realism.md: ``python benchmarks/realism.py``, about twelve minutes.

Compares our images with CORSIKA's and two detector simulations' of the same truth, and with FACT's observations; then
trains on ours and tests on theirs. Prints tables in Markdown and writes docs/figures/realism_*.png; the same each time.
Needs the folder of shared data beside the checkout. ``python benchmarks/realism.py same_truth`` makes one part alone.
"""

import argparse
import pathlib
import sys
import tempfile

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import realism_cases as cases  # noqa: E402
import realism_corsika as corsika  # noqa: E402
import realism_measures as measures  # noqa: E402
import realism_transfer as transfer  # noqa: E402
from realism_simulation import paired  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
FIGURES = ROOT / "docs" / "figures"
THEIRS, OURS, OTHER = "#d95f02", "#1b6ca8", "#7a7a7a"
LABELS = {
    "intensity": "intensity (p.e.)",
    "width": "width (deg)",
    "length": "length (deg)",
    "concentration": "share of the brightest pixel",
    "gradient": "time gradient (ns/deg)",
    "islands": "islands",
}
FIGURE_OF = {
    "FACT gammas, streams": "fact_streams",
    "FACT gammas, table": "fact_gammas",
    "FACT protons, table": "fact_protons",
    "SST-1M gammas": "sst1m",
    "LST gammas": "lst_gammas",
    "LST protons": "lst_protons",
    "NectarCam gammas": "nectarcam_gammas",
    "NectarCam protons": "nectarcam_protons",
}
OBSERVATIONS = {  # file: charges of the night sky, a ns and pixel, late in its streams, without the broken patch
    "real_20150307_016_100events_pass3.phs.jsonl.gz": 0.0622,
    "real_20151001_011_pass3beta_100_events.jsonl.gz": 0.0345,
}
CHARGES_A_PHOTON = 1.16  # of FACT, crosstalk included
NETWORKS = ("FACT", "SST-1M")
RATIOS = measures.SHAPES[:5]


def save(figure, name):
    figure.tight_layout()
    figure.savefig(FIGURES / f"realism_{name}.png", dpi=80)
    plt.close(figure)


def table(*columns):
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def value(pair):
    return f"{pair[0]:.3f} ± {pair[1]:.3f}"


def bins(name, *columns):
    both = np.concatenate([np.asarray(column) for column in columns])
    low, high = np.nanpercentile(both, (1, 99))
    if name == "islands":
        return np.arange(0.5, max(high, 4) + 1)
    if name == "intensity":
        return np.geomspace(low, high, 16)
    return np.linspace(min(low, 0.0), high, 16)


def histograms(theirs, ours, name, title, labels=("theirs", "ours")):
    """One histogram each of `SHAPES`, equal areas."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 5.5))
    for axis, shape in zip(axes.flat, measures.SHAPES, strict=True):
        edges = bins(shape, theirs[shape], ours[shape])
        for columns, colour, label in ((theirs, THEIRS, labels[0]), (ours, OURS, labels[1])):
            counts = np.histogram(columns[shape], edges)[0]
            total = max(counts.sum(), 1)
            axis.stairs(counts / total, edges, color=colour, lw=1.6, label=f"{label} ({len(columns)})")
            middle = np.sqrt(edges[1:] * edges[:-1]) if shape == "intensity" else (edges[1:] + edges[:-1]) / 2
            axis.errorbar(middle, counts / total, np.sqrt(counts) / total, fmt="none", color=colour, lw=1)
        axis.set(xlabel=LABELS[shape], ylabel="share of the images", ylim=(0, None))
        if shape == "intensity":
            axis.set_xscale("log")
            axis.xaxis.set_minor_formatter(NullFormatter())
    axes.flat[0].legend(frameon=False)
    figure.suptitle(title)
    save(figure, name)


def same_truth():
    """Every case: what is left after the cleaning, ratios image by image, distances, a forest."""
    compared = {name: cases.compare(DATA, name) for name in cases.CASES}
    table("sample", "events", "images, theirs", "ours, a repeat", "both", *[f"{n}, ours/theirs" for n in RATIOS])
    for name, (sample, ours) in compared.items():
        theirs, mine = paired(sample.images, ours)
        ratio = measures.ratios(theirs, mine, theirs["shower"], RATIOS)
        counts = (len(measures.cleaned(sample.images)), len(measures.cleaned(ours)) / cases.CASES[name].repeats)
        row(name, len(sample.truth), counts[0], f"{counts[1]:.0f}", len(mine), *map(value, ratio.values()))
    table("sample", *[f"KS {name}" for name in measures.SHAPES], "AUC, ours from theirs", "the same without intensity")
    for name, (sample, ours) in compared.items():
        theirs, mine = paired(sample.images, ours)
        histograms(theirs, mine, FIGURE_OF[name], f"{name}: the same truth")
        row(name, *apart(theirs, mine))


def apart(theirs, ours):
    """Cells: distances, and AUC of forests with and without intensity."""
    showers = (np.asarray(theirs["shower"]), np.asarray(ours["shower"]))
    aucs = [measures.tell_apart(theirs, ours, *showers, names) for names in (measures.INPUTS, measures.INPUTS[1:])]
    return [f"{d:.2f}" for d in measures.distances(theirs, ours).values()] + [value(auc) for auc in aucs]


def photons():
    """CORSIKA's photons in our telescopes, beside sim_telarray's images of them, and beside showers of ours."""
    with tempfile.TemporaryDirectory() as scratch:
        path = corsika.record(DATA, pathlib.Path(scratch))
        *same, shares = corsika.same_photons(DATA, path)
        showers = corsika.our_showers(path)
    print(f"\nimages of sim_telarray that ours have: {shares[0]:.3f}; the other way round: {shares[1]:.3f}")
    away = np.hypot(*(same[1][name] - same[0][name] for name in ("fov_lon", "fov_lat")))
    print(f"places in the camera differ by {np.nanmedian(away):.3f} deg (median)")
    pairs = {"the same photons, sim_telarray and ours": same, "CORSIKA's showers and ours": showers}
    table("compared", "images", *[f"{n}, ratio" for n in RATIOS], *[f"KS {n}" for n in measures.SHAPES], "AUC", "shape")
    for name, (theirs, ours) in pairs.items():
        ratio = measures.ratios(theirs, ours, theirs["shower"], RATIOS)
        row(name, len(ours), *map(value, ratio.values()), *apart(theirs, ours))
    histograms(*showers, "corsika", "SST-1M, gammas of CORSIKA and of ours", ("CORSIKA's", "ours"))


def observations():
    """FACT's observed events against simulated protons under the same sky."""
    table("observation", "images", "simulated", *[f"KS {name}" for name in measures.SHAPES], "AUC", "without intensity")
    for file, charges in OBSERVATIONS.items():
        real = measures.cleaned(cases.observation(DATA, file))
        ours = measures.cleaned(cases.hadrons(charges / CHARGES_A_PHOTON))
        real["shower"] = -1 - np.arange(len(real))
        row(file.split("_")[1], len(real), len(ours), *apart(real, ours))
        night = file.split("_")[1]
        histograms(real, ours, f"observation_{night}", f"FACT, night {night}", ("observed", "simulated protons"))


def forests():
    """Gamma/hadron separation on FACT's own simulations: trained on theirs, and on ours."""
    samples = [cases.compare(DATA, f"FACT {particle}, table") for particle in ("gammas", "protons")]
    theirs = [measures.cleaned(sample.images) for sample, _ in samples]
    ours = [measures.cleaned(mine) for _, mine in samples]
    table("FACT table, forest on", "AUC trained on theirs", "AUC trained on ours", "ours - theirs")
    for label, names in (("shape", measures.SHAPES[:4]), ("shape and time", measures.INPUTS)):
        y, reference = measures.separation(theirs, None, names)
        _, transferred = measures.separation(ours, theirs, names)
        groups = np.concatenate([theirs[0]["shower"], theirs[1]["shower"] + 10**6])
        row(
            label,
            *(value(measures.auc_with_error(y, score, groups)) for score in (reference, transferred)),
            value(measures.auc_difference(y, transferred, reference, groups)),
        )


def networks():
    """Energy by a network trained on ours, on ours and on theirs."""
    table("telescope", "test images", "energy bias, ours", "theirs", "width, ours", "theirs")
    figure, axes = plt.subplots(1, len(NETWORKS), figsize=(11, 4))
    for axis, name in zip(axes, NETWORKS, strict=True):
        answers = transfer.energies(DATA, name)
        cells = {who: transfer.bias_and_width(*answer) for who, answer in answers.items()}
        counts = " and ".join(str(len(answer[0])) for answer in answers.values())
        row(name, counts, *(value(cells[who][i]) for i in (0, 1) for who in ("ours", "theirs")))
        for (who, (true, reco, _)), colour in zip(answers.items(), (OURS, THEIRS), strict=True):
            axis.plot(true, reco / true, ".", color=colour, alpha=0.6 if who == "theirs" else 0.2, label=who)
        axis.axhline(1, color="k", lw=0.8)
        axis.set(xscale="log", yscale="log", xlabel="true energy (TeV)", ylabel="estimated / true energy", title=name)
        axis.set(xlim=(0.15, 30), ylim=(0.2, 5))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.legend(frameon=False)
    save(figure, "energy")


PARTS = {
    "same_truth": same_truth,
    "photons": photons,
    "forests": forests,
    "observations": observations,
    "networks": networks,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"by default all: {', '.join(PARTS)}")
    for part in parser.parse_args().parts or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
