"""Draw the way of the data: ``python docs/data_flow.py`` makes ``docs/figures/data_flow.png``."""

from pathlib import Path

from matplotlib import pyplot as plt

from gammaml.plots.style import BLUE, ORANGE

# name: place of the middle, text, what it is
BOXES = {
    "simulate": (0.9, 4.2, "simulation\nproduction", "code"),
    "foreign": (0.9, 2.6, "sim_telarray, lstchain,\nFACT, NPZ, FITS", "file"),
    "dl1": (3.0, 4.2, "DL1\nctapipe HDF5", "file"),
    "events": (4.8, 3.4, "io\nevents", "code"),
    "split": (6.6, 4.2, "split\nby shower", "code"),
    "inputs": (8.4, 4.2, "inputs, batches\n(n, 32, 32, 2)", "code"),
    "train": (10.2, 4.2, "train\nnetwork and forest", "code"),
    "bundle": (12.2, 4.2, "bundle\n.gammaml", "file"),
    "predict": (6.6, 2.6, "predict\nby image, by shower", "code"),
    "dl2": (8.4, 2.6, "DL2\nctapipe HDF5", "file"),
    "performance": (10.2, 2.6, "performance, plots\ntables, figures", "code"),
    "report": (12.2, 2.6, "report\nHTML, PDF, ECSV", "file"),
    "irfs": (10.2, 1.1, "performance\nIRFs", "code"),
    "dl3": (12.2, 1.1, "IRF, DL3\nFITS for gammapy", "file"),
}
ARROWS = (
    ("simulate", "dl1"), ("dl1", "events"), ("foreign", "events"), ("events", "split"), ("split", "inputs"),
    ("inputs", "train"), ("train", "bundle"), ("events", "predict"), ("predict", "dl2"), ("dl2", "performance"),
    ("performance", "report"), ("dl2", "irfs"), ("irfs", "dl3"),
)  # fmt: skip
FACE = {"code": "#dceaf5", "file": "#fbeedd"}
EDGE = {"code": BLUE, "file": ORANGE}


def draw(path):
    """The figure: modules in blue, files in orange."""
    figure, ax = plt.subplots(figsize=(11, 3.9), layout="constrained")
    texts = {}
    for name, (x, y, text, kind) in BOXES.items():
        style = {"boxstyle": "round,pad=0.45", "facecolor": FACE[kind], "edgecolor": EDGE[kind]}
        texts[name] = ax.text(x, y, text, ha="center", va="center", fontsize=8.5, bbox=style)
    line = {"arrowstyle": "-|>", "color": "0.3"}
    for start, end in ARROWS:
        ends = {"patchA": texts[start].get_bbox_patch(), "patchB": texts[end].get_bbox_patch()}
        ax.annotate("", BOXES[end][:2], BOXES[start][:2], arrowprops=line | ends)
    ax.plot([12.2, 12.2, 6.6], [3.9, 3.4, 3.4], color="0.3", linewidth=1.2)  # the bundle goes back to predict
    ax.annotate("", (6.6, 2.9), (6.6, 3.43), arrowprops=line)
    ax.text(1.95, 1.1, "blue: modules of gammaml\norange: files", fontsize=8.5, color="0.3", ha="center", va="center")
    ax.set(xlim=(-0.3, 13.3), ylim=(0.5, 4.8))
    ax.axis("off")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(Path(__file__).parent / "figures" / "data_flow.png")
