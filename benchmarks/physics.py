"""Networks against the forest on the same test showers, by seed: ``python benchmarks/physics.py --help``.

Each seed splits the showers anew, trains, and judges on the test showers alone. Prints a table in Markdown, mean and
spread over the seeds, and writes the numbers of each seed as ECSV.
"""

import argparse
import pathlib

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from gammaml import io, performance, predict, split, train
from gammaml.config import TrainSettings

DATA = pathlib.Path(__file__).parents[2] / "shared" / "data" / "bootstrap"
INTENSITY_BINS = [60, 150, 400, 1200, 1e6]  # p.e.
REGRESSIONS = ("energy", "direction")
TRAININGS = {  # later networks replace earlier ones for their tasks
    "recommended": (("gammaness", *REGRESSIONS), REGRESSIONS),
    "single": (("gammaness",), ("energy",), ("direction",)),
    "joint": (("gammaness", *REGRESSIONS),),
}


def one_seed(files, settings, trainings, seed):
    """Rows for the network and the forest."""
    events = io.read_events(files)
    training, validation, test = split.by_shower(events, seed=seed)
    test = test[np.asarray(test.table["hillas_intensity"]) >= INTENSITY_BINS[0]]
    bundles = {}
    for tasks in trainings:
        bundle = train.fit(settings.network, training, validation, task=tasks, settings=settings, seed=seed)
        bundles |= dict.fromkeys(tasks, bundle)
    answers = {"network": predict.to_dl2(test, **bundles), "forest": predict.baseline_dl2(test, **bundles)}
    return [row(seed, name, dl2) for name, dl2 in answers.items()]


def row(seed, name, dl2):
    summary = performance.summary(dl2)
    values = {"seed": seed, "reconstruction": name, "n_gamma": int(summary["n_gamma"][0]), "auc": summary["auc"][0]}
    by_intensity = performance.auc_in_bins(dl2, "hillas_intensity", INTENSITY_BINS)
    for low, auc in zip(INTENSITY_BINS, by_intensity["auc"], strict=False):
        values[f"auc_from_{low:g}_pe"] = auc
    values["energy_width"] = summary["energy_width"][0]
    values["energy_bias"] = summary["energy_bias"][0]
    values["angular_resolution"] = summary["angular_resolution"][0].to_value(u.deg)
    return values


def markdown(table):
    """Mean ± spread over the seeds, a line a reconstruction."""
    measures = [name for name in table.colnames if name not in ("seed", "reconstruction", "n_gamma")]
    lines = ["| | " + " | ".join(measures) + " |", "|---" * (len(measures) + 1) + "|"]
    for name in ("network", "forest"):
        mine = table[table["reconstruction"] == name]
        cells = [f"{np.mean(mine[m]):.3f} ± {np.std(mine[m], ddof=len(mine) > 1):.3f}" for m in measures]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=[DATA / "gamma.dl1.h5", DATA / "proton.dl1.h5"])
    parser.add_argument("--network", default="resnet")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--trainings", choices=TRAININGS, default="recommended", help="which networks learn what")
    parser.add_argument("-o", "--output", default="physics.ecsv")
    given = parser.parse_args()
    settings = TrainSettings(network=given.network, **({"epochs": given.epochs} if given.epochs else {}))
    rows = []
    for seed in given.seeds:
        rows += one_seed(given.files, settings, TRAININGS[given.trainings], seed)
        table = vstack([QTable([values]) for values in rows])
        table.write(given.output, overwrite=True)
        print(f"after seed {seed}:\n{markdown(table)}", flush=True)


if __name__ == "__main__":
    main()
