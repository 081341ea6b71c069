"""The figure of docs/observations.md: ``python benchmarks/lst_crab.py``, half a minute.

The Crab Nebula in three runs of LST-1 (lstchain v0.5 DL2), read from the folder of shared data beside the checkout;
writes docs/figures/lst1_crab.png and prints the numbers in Markdown. The source stands in the middle of the field of
view, so that there is no place for reflected off regions: the angle alpha takes their part, and the same count about
other places of the field tells what it is worth.
"""

import pathlib

import astropy.units as u
import matplotlib

matplotlib.use("Agg")
import numpy as np
from astropy.coordinates import EarthLocation, SkyCoord
from matplotlib import pyplot as plt

from gammaml import io, performance, plots

ROOT = pathlib.Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "lst1_dl2"
FIGURE = ROOT / "docs" / "figures" / "lst1_crab.png"
CRAB = SkyCoord(83.6287 * u.deg, 22.0147 * u.deg)
LST1 = EarthLocation.from_geodetic(-17.89149 * u.deg, 28.76152 * u.deg, 2184 * u.m)
# Chosen before any figure was seen: every image; the usual threshold of LST-1; and more likely gamma than not.
CUTS = {"all images": (0, 0), "≥ 50 p.e.": (50, 0), "≥ 50 p.e., gammaness ≥ 0.5": (50, 0.5)}
PLACES = np.linspace(-1.2, 1.2, 25)  # deg from the Crab, along fov_lon and fov_lat
APART = 0.3  # deg; places nearer to the Crab are no control


def main():
    events = io.read_dl2(sorted(DATA.glob("*.h5")))
    offset = u.Quantity(performance.source_offset(events, CRAB, LST1))
    report(events, offset)
    figure, panels = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    print("| images | n | on | off | ratio | excess | Li & Ma | excess / uncertainty; about other places |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, (intensity, gammaness)), ax in zip(CUTS.items(), panels, strict=True):
        kept = (events["hillas_intensity"] >= intensity) & (events["gammaness"] >= gammaness)
        if not kept.any():
            print(f"| {name} | 0 | | | | | | |")
            continue
        table = performance.alpha_counts(events[kept], *offset[:, kept])
        maps = significance_map(events[kept], offset[:, kept])
        print_row(name, int(kept.sum()), table.meta, maps)
        plots.plot_alpha(table, ax, label=name)
    draw_map(figure, panels[-1], maps)
    figure.savefig(FIGURE, dpi=110)


def report(events, offset):
    """Where the Crab stands in the camera, run by run, and what the images are like."""
    distance = np.hypot(*offset).to_value(u.deg)
    for run in np.unique(events["obs_id"]):
        rows = events["obs_id"] == run
        low, high = distance[rows].min(), distance[rows].max()
        meta = performance.alpha_counts(events[rows], *offset[:, rows]).meta
        excess = f"excess {meta['excess']:.0f} ± {meta['excess_uncert']:.0f}"
        print(f"run {run}: {rows.sum():,} images, Crab {low:.2f} to {high:.2f} deg from the pointing, {excess}")
    thin, pixels = (events["hillas_width"] < 0.001 * u.deg).mean(), np.median(events["morphology_n_pixels"])
    axes = np.unique(np.round(events["hillas_psi"].to_value(u.deg)), return_counts=True)[1]
    print(f"images without width: {thin:.1%}; with one of three axes: {np.sort(axes)[-3:].sum() / len(events):.1%}")
    print(f"median {np.median(events['hillas_intensity']):.0f} p.e., {pixels:.0f} pixels")


def significance_map(events, offset):
    """Excess over its uncertainty about places around the Crab, (n, n), rows along fov_lat."""
    places = [[(lon, lat) * u.deg for lon in PLACES] for lat in PLACES]
    metas = [[performance.alpha_counts(events, *(offset + place[:, None])).meta for place in row] for row in places]
    return np.array([[meta["excess"] / meta["excess_uncert"] for meta in row] for row in metas])


def print_row(name, n_images, meta, maps):
    lon, lat = np.meshgrid(PLACES, PLACES)
    others, here = maps[np.hypot(lon, lat) > APART], meta["excess"] / meta["excess_uncert"]
    excess = f"{meta['excess']:.0f} ± {meta['excess_uncert']:.0f}"
    control = f"{here:.1f}; {others.min():.1f} to {others.max():.1f}, {(others >= here).mean():.1%} as high"
    counts = f"{n_images:,} | {meta['n_on']:,} | {meta['n_off']:,} | {meta['alpha']:.3f}"
    print(f"| {name} | {counts} | {excess} | {meta['significance']:.1f} σ | {control} |")


def draw_map(figure, ax, maps):
    edge = PLACES[-1] + np.diff(PLACES)[0] / 2
    image = ax.imshow(maps, origin="lower", extent=(-edge, edge, -edge, edge), cmap="RdBu_r", vmin=-6, vmax=6)
    ax.plot(0, 0, "k+", markersize=8)
    ax.set(xlabel="fov_lon from the Crab [deg]", ylabel="fov_lat from the Crab [deg]")
    ax.set_title("≥ 50 p.e., the same about other places", fontsize=8)
    figure.colorbar(image, ax=ax, label="excess / its uncertainty", shrink=0.75)


if __name__ == "__main__":
    main()
