"""What networks trained on our events make of others' and of observations: tables in Markdown, and panels of figures.

`answers` are DL2 tables of the network ("CNN") and of the forest trained with it, by sample and by who answers.
"""

import astropy.units as u
import numpy as np
from matplotlib.ticker import NullFormatter
from realism_measures import drawn
from sklearn.metrics import roc_auc_score

from gammaml import performance, predict, sky

TASKS = ("gammaness", "energy", "direction")
THROWN_INDEX = -2.0
CUTS = (0.5, 0.7, 0.9)
LARGEST_OFFSET, LARGEST_INTENSITY = 1.0, 200.0  # deg, p.e.
N_BINS = 21
PROTON_INDEX, GAMMA_INDEX = -2.7, -2.6
COLOURS = {"observed": "k", "our protons": "#1b6ca8", "our gammas": "#d95f02", "FACT's gammas": "#7570b3"}
LABELS = {
    "gammaness": "gammaness",
    "hillas_intensity": "intensity [p.e.]",
    "hillas_width": "width [deg]",
    "hillas_length": "length [deg]",
}


def answered(network, events):
    """DL2 of the network and of the forest that was trained with it."""
    given = dict.fromkeys(TASKS, network)
    return {"CNN": predict.to_dl2(events, **given), "forest": predict.baseline_dl2(events, **given)}


def report_separation(answers):
    """AUC of gammas from what is not, and the shares called gammas."""
    print("\n| gammas | from | CNN | forest |\n|---|---|---|---|")
    for gammas in (name for name in answers if "gammas" in name):
        for others in (name for name in answers if "gammas" not in name):
            row = f"| {_counted(gammas, answers)} | {_counted(others, answers)} |"
            for who in ("CNN", "forest"):
                area, error = auc(answers[gammas][who], answers[others][who])
                row += f" {area:.3f} ± {error:.3f} |"
            print(row)
    print("\n| called gamma | " + " | ".join(f"above {cut}" for cut in CUTS) + " |\n|---|" + "---|" * len(CUTS))
    for name, by_who in answers.items():
        dl2 = by_who["CNN"]
        cells = [share(dl2["gammaness"] > cut, weights(name, dl2)) for cut in CUTS]
        print(f"| {name} | {' | '.join(cells)} |")


def _counted(name, answers):
    return f"{name} ({len(answers[name]['CNN'])})"


def weights(name, dl2):
    """Of a spectrum such as the sky has; 1 for what is not ours."""
    index = {"our gammas": GAMMA_INDEX, "our protons": PROTON_INDEX}.get(name)
    if index is None:
        return np.ones(len(dl2))
    return dl2["true_energy"].to_value(u.TeV) ** (index - THROWN_INDEX)


def share(chosen, weight):
    """Weighted share, with its binomial error for as many events as the weights amount to."""
    value, n = np.average(chosen, weights=weight), weight.sum() ** 2 / (weight**2).sum()
    return f"{value:.3f} ± {np.sqrt(max(value * (1 - value), 1 / n) / n):.3f}"


def auc(gammas, others):
    """Area under the ROC curve, and its error by drawing showers anew."""
    score = np.concatenate([gammas["gammaness"], others["gammaness"]])
    label = np.repeat([1, 0], [len(gammas), len(others)])
    showers = np.concatenate([gammas["shower_id"], others["shower_id"]])
    areas = [roc_auc_score(label[rows], score[rows]) for rows in drawn(showers)]
    return roc_auc_score(label, score), np.std(areas)


def like_theirs(dl2):
    """Gammas of energies and brightness as in FACT's files, and not far from the axis."""
    energy = dl2["true_energy"].to_value(u.TeV)
    offset = sky.angular_separation(
        *(dl2[f"{who}_{name}"].to_value(u.deg) for who in ("true", "pointing") for name in ("alt", "az"))
    )
    faint = np.asarray(dl2["hillas_intensity"]) < LARGEST_INTENSITY
    return dl2[(energy > 0.2) & (energy < 6) & (offset < LARGEST_OFFSET) & faint]


def off(dl2):
    """Relative error of energies, and distance of directions in degrees."""
    error = (dl2["reco_energy"] / dl2["true_energy"]).to_value(u.one) - 1
    places = (dl2[f"{who}_{name}"].to_value(u.deg) for who in ("true", "reco") for name in ("alt", "az"))
    return error, sky.angular_separation(*places)


def report_regression(name, who, dl2):
    error, away = off(dl2)
    found = [_regression(error[rows], away[rows]) for rows in drawn(np.asarray(dl2["shower_id"]))]
    cells = (
        f"{value:.3f} ± {spread:.3f}"
        for value, spread in zip(_regression(error, away), np.std(found, axis=0), strict=True)
    )
    print(f"| {name} | {who} | {len(dl2)} | {' | '.join(cells)} |")


def _regression(error, away):
    low, middle, high = np.percentile(error, (16, 50, 84))
    return middle, (high - low) / 2, np.percentile(away, 68.27)


def draw_distributions(panels, answers):
    """Shares of the images, weighted to spectra such as the sky's."""
    for ax, (column, label) in zip(panels, LABELS.items(), strict=True):
        values = {name: np.asarray(u.Quantity(each["CNN"][column]).value, float) for name, each in answers.items()}
        every = np.concatenate(list(values.values()))
        low, high = (0, 1) if column == "gammaness" else np.nanpercentile(every, (0.5, 99.5))
        edges = np.geomspace(low, high, N_BINS) if column == "hillas_intensity" else np.linspace(low, high, N_BINS)
        for name, found in values.items():
            counts = np.histogram(found, edges, weights=weights(name, answers[name]["CNN"]))[0]
            number = len(found) if name in ("observed", "FACT's gammas") else None
            ax.stairs(
                counts / counts.sum(),
                edges,
                color=COLOURS[name],
                lw=1.6,
                label=name + (f" ({number:,})" if number else ""),
            )
        ax.set(xlabel=label, ylabel="share of the images", xscale="log" if column == "hillas_intensity" else "linear")
        ax.xaxis.set_minor_formatter(NullFormatter())
    panels[0].legend(frameon=False, fontsize=8)


def draw_regression(panels, answers):
    energies, distances = panels
    for name in ("our gammas", "FACT's gammas"):
        dl2 = like_theirs(answers[name]["CNN"])
        error, away = off(dl2)
        size = 4 if name == "our gammas" else 14
        energies.scatter(
            dl2["true_energy"].to_value(u.TeV), error + 1, s=size, color=COLOURS[name], label=name, alpha=0.7
        )
        distances.ecdf(away, color=COLOURS[name], label=name)
    energies.axhline(1, color="k", lw=0.8)
    energies.set(
        xscale="log", yscale="log", ylim=(0.2, 5), xlabel="true energy [TeV]", ylabel="estimated / true energy"
    )
    energies.set_xticks([0.3, 1, 3], ["0.3", "1", "3"])
    energies.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    for axis in (energies.xaxis, energies.yaxis):
        axis.set_minor_formatter(NullFormatter())
    distances.axhline(0.6827, color="k", lw=0.8)
    distances.set(xlim=(0, 2.5), xlabel="distance from the source [deg]", ylabel="share of the gammas")
    distances.legend(frameon=False, fontsize=8)


def report_alpha(name, dl2):
    """Counts about the middle of the camera, for several cuts."""
    for cut in (0.0, *CUTS[:2]):
        found = performance.alpha_counts(dl2[dl2["gammaness"] >= cut], 0 * u.deg, 0 * u.deg).meta
        excess = f"{found['excess']:.0f} ± {found['excess_uncert']:.0f}"
        print(f"| {name} | {cut} | {found['n_on']} | {found['n_off']} | {excess} | {found['significance']:.1f} σ |")


def draw_alpha(ax, name, dl2):
    """Angle between image axis and the line to the middle of the camera, of all images and of those called gammas."""
    edges = np.linspace(0, 90, 10) * u.deg
    for cut, colour in ((0.0, "k"), (CUTS[0], COLOURS["our gammas"])):
        table = performance.alpha_counts(dl2[dl2["gammaness"] >= cut], 0 * u.deg, 0 * u.deg, alpha_bins=edges)
        counts = np.asarray(table["n_on"])
        middle, mean = (edges[1:] + edges[:-1]) / 2, counts.mean()
        error = np.sqrt(counts) / mean
        ax.errorbar(
            middle, counts / mean, error, fmt="o-", ms=3, color=colour, label=f"gammaness ≥ {cut:g} ({counts.sum():,})"
        )
    ax.set(xlabel="alpha to the middle [deg]", ylabel="images / mean", ylim=(0, None))
    ax.set_title(name, fontsize=9)
    ax.legend(frameon=False, fontsize=8)
