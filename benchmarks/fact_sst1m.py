"""Figures and numbers of docs/observations.md on FACT and SST-1M: ``python benchmarks/fact_sst1m.py FOLDER``.

Gammas and protons on our FACT and SST-1M, one network each that learns gammaness, energy and direction from them, and
what it makes of observations, and of gammas that FACT's own simulation made. Productions and networks are kept in
FOLDER; the first time takes half an hour of one core. Needs the folder of shared data beside the checkout; prints
tables in Markdown and writes docs/figures/fact_network.png and docs/figures/sst1m_network.png.
"""

import argparse
import pathlib
import sys
from dataclasses import replace

import matplotlib

matplotlib.use("Agg")
import numpy as np
from ctapipe.image import tailcuts_clean
from matplotlib import pyplot as plt

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from network_answers import (  # noqa: E402
    TASKS,
    THROWN_INDEX,
    answered,
    draw_alpha,
    draw_distributions,
    draw_regression,
    like_theirs,
    report_alpha,
    report_regression,
    report_separation,
)
from test_io_stacks import SST1M  # noqa: E402

from gammaml import bundle, io, predict, production, split, train  # noqa: E402
from gammaml.config import TrainSettings  # noqa: E402
from gammaml.events import PixelStore, concatenate  # noqa: E402
from gammaml.io.hillas import image_parameters, to_ctapipe_geometry  # noqa: E402
from gammaml.simulation import arrays  # noqa: E402

DATA, FIGURES = ROOT.parent / "shared" / "data", ROOT / "docs" / "figures"
COMMON = {"index": THROWN_INDEX, "vary": 0.3, "seed": 21}
# FACT: the sky between those of its two nights, and of its simulations.
FACT_SKY = {"zenith": 5.0, "night_sky": 0.042, **COMMON}
FACT_CARDS = {
    "gamma": production.Card("fact", "gamma", 1500, 0.2, 20.0, viewcone=1.5, scatter=200.0, **FACT_SKY),
    "proton": production.Card("fact", "proton", 2500, 0.4, 50.0, viewcone=4.0, scatter=300.0, reuse=20, **FACT_SKY),
}
FACT_NETWORK = TrainSettings(mapping="resampled", cell_width=0.1, epochs=8)  # its pixels are 0.11 deg wide
LEAST_INTENSITY = 40.0

# SST-1M: its prototype stood in Cracow in 2017, 210 m above the sea, under a sky that no file tells.
CRACOW = """
altitude = "210 m"
latitude = "50.09 deg"
longitude = "19.89 deg"
field_north = "19.9 uT"
field_down = "45.3 uT"
declination = "5 deg"
atmosphere = "us-standard"
"""
SST_SKY = {"zenith": 40.0, "night_sky": 0.2, "least_light": 100, **COMMON, "seed": 22}
SST_CARDS = {
    "gamma": production.Card("", "gamma", 1000, 1.5, 60.0, viewcone=5.0, scatter=400.0, **SST_SKY),
    "proton": production.Card("", "proton", 320, 3.0, 200.0, viewcone=5.0, scatter=400.0, reuse=20, **SST_SKY),
}
SST_NETWORK = TrainSettings(mapping="resampled", epochs=8)
PICTURE, BOUNDARY = 10.0, 5.0  # p.e.; the file's own cleaning keeps what this does
LEAST_BRIGHTEST, LEAST_CHARGE = 15.0, 150.0  # p.e., of the observed images


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("parts", nargs="*", default=["fact", "sst1m"])
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    for part in arguments.parts:
        {"fact": fact, "sst1m": sst1m}[part](arguments.folder)


def fact(folder):
    ours = [io.read_events(produced(folder / f"fact_{name}.dl1.h5", card)) for name, card in FACT_CARDS.items()]
    network, test = learnt(folder / "fact_network.gammaml", bright(concatenate(ours)), FACT_NETWORK)
    streams = DATA / "fact"
    theirs, real = (bright(io.read_events(sorted(streams.glob(f"{name}*.gz")))) for name in ("cer", "real"))
    samples = {**by_class(test), "FACT's gammas": theirs, "observed": real}
    answers = {name: answered(network, each) for name, each in samples.items()}
    report_separation(answers)
    print("\n| gammas | who | images | energy bias | width | direction, 68 % |\n|---|---|---|---|---|---|")
    for who in ("CNN", "forest"):
        for name in ("our gammas", "FACT's gammas"):
            report_regression(name, who, like_theirs(answers[name][who]))
    figure, panels = plt.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    draw_distributions(panels.flat[:4], answers)
    draw_regression(panels.flat[4:], answers)
    figure.savefig(FIGURES / "fact_network.png", dpi=80)


def sst1m(folder):
    write_sst1m(folder)
    array = str(folder / "sst1m.toml")
    cards = {name: replace(card, array=array) for name, card in SST_CARDS.items()}
    ours = [io.read_events(produced(folder / f"sst_{name}.dl1.h5", card)) for name, card in cards.items()]
    events = as_observed(concatenate(ours))
    network, test = learnt(folder / "sst1m_network.gammaml", events, SST_NETWORK)
    every = predict.to_dl2(events[~events.is_gamma], gammaness=network)
    real = as_observed(io.read_events(folder / "crab.toml"))
    answers = {name: answered(network, each) for name, each in {**by_class(test), "observed": real}.items()}
    report_separation(answers)
    pointing = {"observed": answers["observed"]["CNN"], "our protons, seen in training or not": every}
    print("\n| images | gammaness | on | off | excess | Li & Ma |\n|---|---|---|---|---|---|")
    for name, dl2 in pointing.items():
        report_alpha(name, dl2)
    figure, panels = plt.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    draw_distributions(panels.flat[:4], answers)
    for ax, (name, dl2) in zip(panels.flat[4:], pointing.items(), strict=True):
        draw_alpha(ax, name, dl2)
    figure.savefig(FIGURES / "sst1m_network.png", dpi=80)


def write_sst1m(folder):
    """One SST-1M in Cracow, and where the observation is."""
    head, telescope = (arrays.ARRAYS / "sst-array.toml").read_text().split("[[telescopes]]")[:2]
    changes = {
        '"sst-array"': '"sst1m"',
        '"paranal"': '"cracow.toml"',
        "minimum_telescopes = 2": "minimum_telescopes = 1",
        "trigger_threshold = 15.0": "trigger_threshold = 50.0",  # above that sky
    }
    for old, new in changes.items():
        head = head.replace(old, new)
    (folder / "cracow.toml").write_text(CRACOW)
    (folder / "sst1m.toml").write_text(head + "[[telescopes]]" + telescope)
    (folder / "crab.toml").write_text(SST1M.format(folder=DATA / "sst1m_observation"))


def as_observed(events):
    """Images without times, of the pixels that the cleaning keeps, bright enough to be in the observation."""
    geometry = to_ctapipe_geometry(events.camera)
    kept = np.array([tailcuts_clean(geometry, image, PICTURE, BOUNDARY) for image in events.image])
    image = np.where(kept, events.image, 0).astype(np.float32)
    chosen = (image.sum(axis=1) >= LEAST_CHARGE) & (image.max(axis=1) >= LEAST_BRIGHTEST)
    image, time = image[chosen], np.full_like(image[chosen], np.nan)
    table = events.table[chosen]
    for name, values in image_parameters(image, time, events.camera).items():
        table[name] = values
    events = replace(events, table=table, pixels=PixelStore(image, time), rows=np.arange(len(image)))
    return events[np.isfinite(np.asarray(events.table["hillas_width"]))]


def produced(path, card):
    """A production, made where it is not there yet."""
    if not path.is_file():
        production.produce(card, path, processes=1)
    return path


def bright(events):
    """Images of at least `LEAST_INTENSITY`."""
    return events[np.asarray(events.table["hillas_intensity"]) >= LEAST_INTENSITY]


def learnt(path, events, settings):
    """A network, trained where it is not there yet, and the events of showers that it has not seen."""
    training, validation, test = split.by_shower(events, fractions=(0.7, 0.1, 0.2), seed=0)
    if not path.is_file():
        train.fit("resnet", training, validation, task=TASKS, settings=settings, seed=0).save(path)
    return bundle.load(path), test


def by_class(events):
    return {"our gammas": events[events.is_gamma], "our protons": events[~events.is_gamma]}


if __name__ == "__main__":
    main()
