"""What README and documentation show: blocks of code, commands, links, headings."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("data", "docs", "notebooks")
PAGES = [ROOT / "README.md", *(page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md")))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^    (gammaml .*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    language: str
    text: str

    @property
    def commands(self):
        """The lines that begin with gammaml, each as a list of arguments; a verb alone is part of a drawing."""
        lines = self.text.replace("\\\n", " ").splitlines() if self.language == "" else []
        return [shlex.split(line, comments=True)[1:] for line in lines if re.match(r"gammaml \w+ \S", line)]

    @property
    def name(self):
        """The file that a block is, where its first line is a comment with the name."""
        found = re.match(r"# ([\w-]+\.toml)\n", self.text)
        return found and found[1]


def name(page):
    """A page as links name it."""
    return str(page.relative_to(ROOT))


def text(page):
    """A page, or what stands in the cells of a notebook that are no code."""
    content = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return content
    cells = json.loads(content)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def blocks(page):
    """The blocks of a page, in their order; indented commands as blocks of their own."""
    fenced = [(found.start(), Block(*found.groups())) for found in FENCED.finditer(text(page))]
    indented = [(found.start(), Block("", found[1])) for found in INDENTED.finditer(text(page))]
    return [block for _, block in sorted(fenced + indented, key=lambda each: each[0])]


def prose(page):
    """A page without its blocks."""
    return FENCED.sub("", text(page))


def inline(page):
    """What stands between single backticks."""
    return [" ".join(found.split()) for found in INLINE.findall(prose(page))]


def links(page):
    """Targets of the links of a page."""
    return LINK.findall(prose(page))


def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
