"""The figure of docs/observations.md: ``python benchmarks/lst_crab.py``, some seconds.

The Crab Nebula in three runs of LST-1 (lstchain v0.5 DL2), read from the folder of shared data beside the checkout;
writes docs/figures/lst1_crab.png and prints the numbers in Markdown.
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
# Chosen before the figure was seen: every image; the usual threshold of LST-1's analyses; and more likely gamma than not.
CUTS = {"all images": (0, 0), "≥ 50 p.e.": (50, 0), "≥ 50 p.e., gammaness ≥ 0.5": (50, 0.5)}


def main():
    events = io.read_dl2(sorted(DATA.glob("*.h5")))
    offset = u.Quantity(performance.source_offset(events, CRAB, LST1))
    report_pointing(events, offset)
    figure, panels = plt.subplots(1, len(CUTS), figsize=(10, 3.8), layout="constrained")
    print("| images | n | on | off | alpha | excess | significance |\n|---|---|---|---|---|---|---|")
    for (name, (intensity, gammaness)), ax in zip(CUTS.items(), panels, strict=True):
        kept = (events["hillas_intensity"] >= intensity) & (events["gammaness"] >= gammaness)
        table = performance.alpha_counts(events[kept], *offset[:, kept])
        plots.plot_alpha(table, ax)
        ax.set_title(name, fontsize=8, pad=18)
        m = table.meta
        row = f"{kept.sum():,} | {m['n_on']:,} | {m['n_off']:,} | {m['alpha']:.3f}"
        print(f"| {name} | {row} | {m['excess']:.0f} ± {m['excess_uncert']:.0f} | {m['significance']:.1f} σ |")
    figure.savefig(FIGURE, dpi=110)


def report_pointing(events, offset):
    """Where the Crab stands in the camera, run by run, and how many images can show a direction."""
    distance = np.hypot(*offset).to_value(u.deg)
    for run in np.unique(events["obs_id"]):
        rows = events["obs_id"] == run
        low, high = distance[rows].min(), distance[rows].max()
        print(f"run {run}: {rows.sum():,} images, the Crab {low:.3f} to {high:.3f} deg from the pointing")
    thin = (events["hillas_width"] < 0.001 * u.deg).mean()
    print(f"images without width (pixels in a row): {thin:.1%}; median {np.median(events['hillas_intensity']):.0f} p.e.")


if __name__ == "__main__":
    main()
