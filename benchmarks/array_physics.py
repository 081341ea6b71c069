"""Networks of array events against single images, the forest and the classical direction: ``make bench-physics``.

Each seed splits the showers anew. Of each kind one network learns all tasks; of array events a second one learns the
regressions alone, from the gammas. Those of array events start from the ``resnet`` that learnt from single images of
the same showers, where it is among the networks and there is one camera. All are judged on the same test showers. Every
training is kept in the folder of results, so that an interrupted run goes on. At its end a table in Markdown is
printed, and a figure of each measure by energy is written.
"""

import argparse
import json
import pathlib
import time
from dataclasses import replace

import astropy.units as u
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from gammaml import array_events, bundle, io, performance, predict, production, split, train
from gammaml.config import ARRAY_NETWORKS, TrainSettings
from gammaml.events import concatenate
from gammaml.plots.style import energy_axis, series

# Showers by file (about 35,000 events of gammas and 45,000 of protons; 19,500 and 38,500; 15,000 and 15,000), cells of
# a window that few images exceed, and seeds of runs for tests alone, so that enough hadrons pass to be counted.
ARRAYS = {
    "hess": {"gamma": (30000,), "proton": (32000,) * 3, "size": 24, "tests": ()},
    "four-mst": {"gamma": (10000,), "proton": (12000,) * 2, "size": 24, "tests": (22,)},
    "ctao-north-alpha": {"gamma": (4500,), "proton": (1700,) * 3, "size": 28, "tests": ()},
}
REUSE = {"gamma": 3, "proton": 10}  # one in twenty uses of a proton triggers two telescopes, two in five of a gamma
SCATTER, VIEWCONE = {"gamma": 350.0, "proton": 400.0}, {"gamma": 2.0, "proton": 4.0}
ENERGIES = np.geomspace(0.1, 10, 7) * u.TeV
TASKS = ("gammaness", "energy", "direction", "core", "h_max")
SINGLE = TASKS[:3]  # of a network that sees one image
# What each network is trained for, and epochs; regressions learn from the gammas alone, half the events.
LESSONS = (("all tasks", TASKS, 24), ("regressions", TASKS[1:], 24))
LESSONS_OF_IMAGES = (("single images", SINGLE, 24),)
SELECTION = io.Selection(min_intensity=60.0)
TEST, VALIDATION, TRAINING = 0.2, 0.1, 0.7  # shares of the showers
# All events have one night sky, so that none need be added to the training images.
SETTINGS = TrainSettings(weight_decay=0.1, night_sky=0.0, dead_pixels=0.0)
SUMMARIES = ("auc", "hadrons_at_80", "energy_width", "angular_resolution")
MEASURES = {"auc": "AUC", "energy_resolution": "energy resolution", "angular_resolution": "angular resolution [deg]"}


def simulated(folder, array, share=1.0):
    """The files of gammas and protons, simulated where they are missing."""
    files, own = [], pathlib.Path(__file__).with_name(f"{array}.toml")
    layout = str(own) if own.exists() else array
    for primary in ("gamma", "proton"):
        where = {"scatter": SCATTER[primary], "viewcone": VIEWCONE[primary], "reuse": REUSE[primary]}
        for seed, number in enumerate(ARRAYS[array][primary], start=21):
            files.append(folder / f"{primary}-{seed}.dl1.h5")
            if not files[-1].exists():
                card = production.Card(layout, primary, int(number * share), 0.1, 10.0, seed=seed, **where)
                production.produce(card, files[-1])
    return files


def trained(path, parts, tasks, settings, start=None):
    """A bundle, from an earlier run or trained now, and its minutes and processor time (ms) an event and epoch."""
    if not path.exists():
        clock, processor = time.perf_counter(), time.process_time()
        made = train.fit(settings.network, *parts, task=tasks, settings=settings, start=start)
        n_events = sum(made.metadata["n_training"].values()) * len(made.metadata["history"])
        minutes, ms = (time.perf_counter() - clock) / 60, 1e3 * (time.process_time() - processor) / n_events
        made.save(path)
        path.with_suffix(".json").write_text(json.dumps({"minutes": minutes, "ms": ms}))
    return bundle.load(path), json.loads(path.with_suffix(".json").read_text())


def answers(made, test):
    """DL2 tables by reconstruction: of the network, and of its forest; single images are averaged."""
    given = {task.name: made for task in made.tasks if task.name in SINGLE}
    tables = predict.to_dl2(test, **given), predict.baseline_dl2(test, **given)
    return tables if made.settings.is_array else tuple(predict.combine_telescopes(table) for table in tables)


def hadrons_at(dl2, efficiency=0.8):
    """Share of the hadrons that pass the cut on gammaness which this share of the gammas passes."""
    events = performance.test_events(dl2)
    gamma = np.asarray(events["true_shower_primary_id"]) == 0
    cut = np.quantile(np.asarray(events["gammaness"])[gamma], 1 - efficiency)
    return float((np.asarray(events["gammaness"])[~gamma] > cut).mean())


def judged(dl2):
    """Numbers of one reconstruction, over all energies and by energy."""
    summary = performance.summary(dl2)
    values = {name: float(np.asarray(summary[name][0])) for name in SUMMARIES if name in summary.colnames}
    found = {name: value for name, value in values.items() if np.isfinite(value)}
    by_energy = {
        "energy_resolution": performance.energy_resolution(dl2, ENERGIES)["resolution"],
        "angular_resolution": performance.angular_resolution(dl2, ENERGIES)["angular_resolution"].to_value(u.deg),
    }
    if "gammaness" in dl2.colnames:
        found["hadrons_at_80"] = hadrons_at(dl2)
        by_energy["auc"] = performance.auc_in_bins(dl2, "true_energy", ENERGIES)["auc"]
    return found | {f"{name}_by_energy": np.asarray(values, float).tolist() for name, values in by_energy.items()}


def parted(cameras, array, seed, training):
    """Images for training, validation and test, each a list by camera; the same test showers for any share to train."""
    fractions = tuple(share for share in (TEST, VALIDATION, training, TRAINING - training) if share > 0)
    spared = [np.isin(np.asarray(images.table["obs_id"]) // 100, ARRAYS[array]["tests"]) for images in cameras]
    common = [images[~mask] for images, mask in zip(cameras, spared, strict=True)]
    test, validation, kept, *_ = split.by_shower(common, fractions=fractions, seed=seed)
    if ARRAYS[array]["tests"]:
        every = zip(test, cameras, spared, strict=True)
        test = [concatenate([part, images[mask]]) for part, images, mask in every]
    return kept, validation, test


def one_seed(cameras, folder, networks, settings):
    """Numbers by reconstruction; single images, of the first camera, are judged together, shower by shower."""
    arrays = [array_events.build(part, min_telescopes=2) for part in cameras]
    seen = set(_showers(arrays[2].table))
    results, of_images = {}, None
    for network in sorted(networks, key=ARRAY_NETWORKS.__contains__):
        is_array = network in ARRAY_NETWORKS
        start = of_images if is_array else None
        parts = arrays if is_array else [part[0] for part in cameras]
        for name, tasks, epochs in LESSONS if is_array else LESSONS_OF_IMAGES:
            own = replace(settings, network=network, uncertainty=is_array, epochs=settings.epochs or epochs)
            words = (network, name, *["started"] * (start is not None), own.seed, len(parts[0]), own.epochs)
            path = folder / ("-".join(map(str, words)).replace(" ", "-") + ".gammaml")
            made, spent = trained(path, parts[:2], tasks, own, start)
            mine, forest = (table[[key in seen for key in _showers(table)]] for table in answers(made, parts[2]))
            results[f"{network}, {name}"] = judged(mine) | spent | {"parameters": made.model.count_params()}
            results[f"{'stereo forest' if is_array else 'forest'}, {name}"] = judged(forest)
        if network == "resnet" and len(cameras[0]) == 1:
            of_images = made
    return results


def _showers(table):
    """What tells the events of a table apart."""
    return list(zip(*(table[name].tolist() for name in array_events.KEYS_OF_EVENT), strict=True))


def markdown(results):
    """Mean ± spread over the seeds, a line a reconstruction."""
    measures = (*SUMMARIES, "parameters", "ms", "minutes")
    lines = ["| | " + " | ".join(measures) + " |", "|---" * (len(measures) + 1) + "|"]
    for name in dict.fromkeys(name for seed in results.values() for name in seed):
        cells = []
        for measure in measures:
            values = [seed[name][measure] for seed in results.values() if measure in seed.get(name, {})]
            cells.append(_cell(values))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values):
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.4g}{spread}"


def draw(results, path):
    """Each measure by energy, mean over the seeds and their spread, by the network that learns it best."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    energy = np.sqrt(ENERGIES[1:] * ENERGIES[:-1]).value
    known = list(dict.fromkeys(name.partition(",")[0] for seed in results.values() for name in seed))
    for ax, (measure, label) in zip(axes, MEASURES.items(), strict=True):
        column = f"{measure}_by_energy"
        # The last lesson of a network that has this measure: the regressions by themselves where it had such a one.
        last = {name.partition(",")[0]: name for seed in results.values() for name in seed if column in seed[name]}
        for short, name in last.items():
            values = np.array([seed[name][column] for seed in results.values() if name in seed])
            ax.errorbar(energy, values.mean(axis=0), values.std(axis=0), label=short, **series(known.index(short)))
        energy_axis(ax.xaxis)
        ax.set_ylabel(label)
        if measure != "auc":
            ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=120)


def arguments(description):
    """A parser of what all comparisons of array events take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--array", choices=ARRAYS, default="four-mst")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--training", type=float, default=TRAINING, help="share of the showers to train with")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("bench-physics"))
    return parser


def main():
    parser = arguments(__doc__)
    parser.add_argument("--networks", nargs="+", default=["resnet", *ARRAY_NETWORKS])
    parser.add_argument("--epochs", type=int, default=0, help="the usual number where not given")
    parser.add_argument("--share", type=float, default=1.0, help="of the showers that are simulated, to try things")
    given = parser.parse_args()
    folder = given.output / given.array
    folder.mkdir(parents=True, exist_ok=True)
    cameras = io.read_cameras(simulated(folder, given.array, given.share), SELECTION)
    results = {}
    for seed in given.seeds:
        settings = replace(SETTINGS, size=ARRAYS[given.array]["size"], epochs=given.epochs, seed=seed)
        results[seed] = one_seed(parted(cameras, given.array, seed, given.training), folder, given.networks, settings)
        (folder / "results.json").write_text(json.dumps(results, indent=1))
        print(f"after seed {seed}:\n{markdown(results)}", flush=True)
    draw(results, folder / "array_physics.png")


if __name__ == "__main__":
    main()
