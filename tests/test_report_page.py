"""The page of a report says where its numbers come from, and a browser shows it whole on a desktop and on a phone."""

import json
import re
import shutil
import subprocess
from html import escape

import numpy as np
import pytest
from astropy.table import QTable
from fake_dl2 import make_events, some_figures

from gammaml import performance, report
from gammaml.report import latex, origin
from gammaml.report.page import Section, render_page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
# What a page knows of itself once all of it is open and loaded, told to the page around it.
PROBE = """<script>addEventListener("load", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  const images = [...document.images];
  parent.document.body.textContent = JSON.stringify({
    title: document.title, width: innerWidth, content: document.documentElement.scrollWidth,
    decoded: images.filter(image => image.complete && image.naturalWidth > 100).length, images: images.length,
    narrow: images.filter(image => image.clientWidth < Math.min(300, innerWidth / 2)).length,
    sections: [...document.querySelectorAll("section")].filter(each => each.clientHeight > 20).length,
    requests: performance.getEntriesByType("resource").map(each => each.name).filter(name => !name.startsWith("data:")),
  });
});</script>"""
BUNDLE = {
    "network": "resnet",
    "seed": 7,
    "n_training": {"gamma": 90, "hadron": 80},
    "settings": {"epochs": 20, "loss": {}},
    "sources": [{"name": "train.dl1.h5", "sha256": "feed"}] * 2,
    "best_epoch": None,
}


def made(quality, label):
    parts = [make_events(400, primary, np.random.default_rng(primary), quality=quality) for primary in (0, 101)]
    both = performance.combine(parts)
    both["in_training"] = np.arange(len(both)) % 5 == 0
    both["multiplicity"] = 2 + np.arange(len(both)) % 3
    both.meta["provenance"] = {"bundles": {"energy": BUNDLE | {"network": label}}}
    both.meta["sources"] = [{"name": "gamma.dl1.h5", "sha256": "ab" * 32}]
    return both


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a report with everything on it."""
    folder = tmp_path_factory.mktemp("page") / "report"
    reference = QTable({"energy": [0.1, 1, 10], "angular_resolution": [0.1, 0.06, 0.04]}, units=("TeV", "deg"))
    reference.meta["quantity"] = "angular_resolution"
    absent = QTable({"energy": [0.1, 1], "sensitivity": [1e-12, 1e-13]}, units=("TeV", "erg / (cm2 s)"))
    absent.meta["quantity"] = "nothing"
    tables = {"resnet": made(1.0, "resnet"), "forest": made(0.6, "forest")}
    remarks = report.Remarks({"site": "La Palma"}, ("few events",), "gammaml evaluate 'my gamma.dl2.h5' -o <report>")
    references = [("CTAO", reference), ("H.E.S.S.", absent)]
    with some_figures("roc", "energy_resolution", "angular_resolution", "migration_matrix_forest"):
        report.write_report(tables, folder, references=references, remarks=remarks)
    return folder / "index.html"


def section(page, anchor):
    """The text of one section."""
    html = page.read_text(encoding="utf-8")
    found = re.search(rf'<section id="{anchor}">(.*?)</section>', html, re.DOTALL)[1]
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", found))


def test_contents_lead_to_every_section(page):
    html = page.read_text(encoding="utf-8")
    contents = re.findall(r'<li><a href="#([^"]*)">', html.split("<main>")[0])
    assert contents == re.findall(r'<section id="([^"]*)">', html)
    parts = ["summary", "figures", "roc", "missing", "definitions", "cuts", "dataset", "simulations", "training"]
    assert [name for name in contents if name in parts] == parts
    assert contents[-3:] == ["seeds", "versions", "command"]


def test_the_page_says_where_its_numbers_come_from(page):
    assert "gammaml evaluate &#x27;my gamma.dl2.h5&#x27; -o &lt;report&gt;" in section(page, "command")
    assert "640 of 800 array events, 160 left out as seen in training; multiplicity 2 and more" in section(page, "cuts")
    assert "gamma.dl1.h5" in section(page, "dataset")
    assert "ab" * 32 in section(page, "dataset")
    assert "La Palma" in section(page, "dataset")
    assert "energy_range_max 10 TeV 10 TeV" in section(page, "simulations")
    assert "n_showers 400 400" in section(page, "simulations")
    trained = section(page, "training-0")
    assert "resnet, energy" in trained
    assert "gamma 90, hadron 80" in trained
    assert "epochs 20, loss none" in trained
    assert trained.count("train.dl1.h5") == 1
    assert "best_epoch" not in trained
    assert "training: forest, energy 7" in section(page, "seeds")
    assert "H.E.S.S.: no figure of nothing" in section(page, "missing")
    assert "Energy (pyirf)" in section(page, "definitions")


def test_no_section_without_anything_in_it():
    text = render_page("title", [Section("empty", "Empty"), Section("full", "Full", "<p>text</p>")])
    assert "Empty" not in text
    assert text.count("Full") == 2


def test_simulated_runs_of_one_kind_are_one_column():
    runs = QTable({"obs_id": [1, 2, 3], "n_showers": [10, 20, 5], "shower_reuse": [1, 1, 4]})
    runs.meta = {}
    table = QTable({"obs_id": [1]})
    table.meta["simulation"] = runs
    assert origin.simulations({"CNN": table}) == [["shower_reuse", "1", "4"], ["n_showers", "30", "5"]]


@pytest.mark.skipif(BROWSER is None, reason="no chromium to show the page with")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_whole_page(page, tmp_path, width):
    probed = page.read_text(encoding="utf-8").replace("</head>", f"{PROBE}</head>")
    frame = f'<iframe width="{width}" height="900" style="border: 0" srcdoc="{escape(probed)}"></iframe>'
    (tmp_path / "frame.html").write_text(f"<!DOCTYPE html><body>{frame}</body>", encoding="utf-8")  # of any width
    url, user = (tmp_path / "frame.html").as_uri(), f"--user-data-dir={tmp_path / 'user'}"
    command = [BROWSER, *FLAGS, user, "--window-size=1400,1000", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen = json.loads(re.search(r"<body>(\{.*\})</body>", done.stdout, re.DOTALL)[1])
    assert seen["title"] == "Performance of resnet, forest"
    assert seen["width"] == width
    assert seen["content"] <= width
    assert seen["decoded"] == seen["images"] == len(list(page.parent.glob("*.png")))
    assert seen["narrow"] == 0
    assert seen["sections"] > 15
    assert seen["requests"] == []


def balanced(text):
    """Whether braces, math and environments of LaTeX open and close in turn."""
    bare = re.sub(r"(?<!\\)%.*", "", text).replace(r"\\", "").replace(r"\$", "").replace(r"\{", "").replace(r"\}", "")
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", bare):
        if kind == "begin":
            opened.append(name)
        elif not opened or opened.pop() != name:
            return False
    depth = np.cumsum([(c == "{") - (c == "}") for c in bare])
    return not opened and depth[-1] == 0 and depth.min() >= 0 and bare.count("$") % 2 == 0


def test_the_summary_for_latex(page):
    text = (page.parent / "summary.tex").read_text(encoding="ascii")
    assert balanced(text)
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("\\") and "rule" in line] == [
        "\\toprule", "\\midrule", "\\bottomrule",
    ]  # fmt: skip
    rows = [line for line in lines if line.endswith(r"\\")]
    assert rows[0] == r" & resnet & forest \\"
    assert all(row.count("&") == 2 for row in rows)
    assert re.fullmatch(r"AUC & \$0\.9\d+ \\pm 0\.0\d+\$ & \$0\.\d+ \\pm 0\.0\d+\$ \\\\", rows[1])
    assert "Energy width: half the 68.27 \\% width of log10(E\\_reco / E\\_true)" in text
    assert "\\label{tab:performance}" in text


@pytest.mark.parametrize("label", ["a_b & 50 % $x$", "{{", "}", "\\end{table}", "θ² ± α #1", "~^<漢>"])
def test_any_label_is_safe_in_latex(label):
    text = latex.latex_table([["", label], ["AUC", "-0.5 ± 0.1"]], f"of {label}", "tab:x")
    text.encode("ascii")
    assert balanced(text)
    assert "$-0.5 \\pm 0.1$" in text
    assert text.count("\\end{table}") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex to compile the table with")
def test_the_summary_compiles(page, tmp_path):
    table = (page.parent / "summary.tex").read_text(encoding="ascii")
    document = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{table}\\end{{document}}"
    (tmp_path / "paper.tex").write_text(document, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
