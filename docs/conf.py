"""How Sphinx builds the documentation. The sources are all of the repository, so that links work here and on GitHub."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for notebooks, before they load Keras

import latex2mathml.converter  # noqa: E402
from docutils import nodes  # noqa: E402

from gammaml import __version__  # noqa: E402

project = "gammaml"
author = copyright = "The gammaml authors"
version = release = __version__
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx_external_toc"]

include_patterns = ["*.md", "data/*.md", "docs/**", "notebooks/*.md", "notebooks/[0-9]*.ipynb"]
exclude_patterns = [".*", "gammaml", "tests", "benchmarks", "docs/_build", "docs/changes"]
external_toc_path = "docs/contents.yml"
suppress_warnings = ["etoc.glob", "etoc.toctree"]  # what is not there yet; autosummary's own
highlight_language = "none"

nitpicky = True
nitpick_ignore_regex = [
    ("py:data", "(gammaml.*)?[A-Z_]+"),  # constants are told of where they are used
    # What only the project itself calls has no page.
    ("py:mod", "gammaml.io.(corsika|describe|dl2_writer)"),
    ("py:func", "gammaml.explain.subject.*|gammaml.io.(lstchain_dl2|tables).*|gammaml.models.encoders.*"),
    ("py:func", "difference_grids"),
    ("py:meth", "cell_to_fov"),
    ("py:obj", "gammaml.io.dl2.levels"),
]
autosummary_generate = ["docs/api.rst"]
autosummary_ignore_module_all = False  # a package lists what it takes from its modules
autodoc_default_options = {"members": True, "exclude-members": "cKDTree, Lock"}
autodoc_typehints = "none"  # docstrings tell, with units and shapes
numpydoc_show_class_members = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "docs" / "_build" / "executed")
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"  # what TensorFlow says of the processor

html_math_renderer = "mathml"  # MathJax would be fetched from elsewhere
html_theme = "pydata_sphinx_theme"
html_title = "gammaml"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_sidebars = {"README": [], "docs/start": []}
html_theme_options = {"show_prev_next": False, "navbar_end": ["theme-switcher"], "footer_end": []}


def setup(app):
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True  # it does not say so, and has nothing to do
    app.connect("source-read", _unreleased)
    app.connect("autodoc-skip-member", _fields)
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))


def _unreleased(app, name, source):
    """Put the changes since the last release, a file each, where `towncrier build` will."""
    if name == "CHANGELOG":
        texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "changes").glob("+*.md"))]
        entries = "".join(f"- {' '.join(text.split())}\n" for text in texts)
        before, _, after = source[0].partition("What will be in")
        source[0] = f"{before}## Next release\n\n{entries}{after.partition('<!--')[2].partition('-->')[2]}"


def _fields(app, what, name, thing, skip, options):
    """Leave out what Python says of the fields of a named tuple: their docstring stands in the class."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Alias for field number") else None


def _inline_math(writer, node):
    writer.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def _block_math(writer, node):
    writer.body.append(latex2mathml.converter.convert(node.astext(), display="block"))
    raise nodes.SkipNode
