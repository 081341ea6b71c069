"""The notebooks are in order: listed, numbered, without outputs, tied to no machine. The docs execute them."""

import pathlib
import re

import nbformat
import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"
LISTED = re.findall(r"\]\((\w+\.ipynb)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
PATHS = re.compile(r"(?<![\w.:/])/(home|work|tmp|Users|root|data|opt)/|[A-Z]:\\")


@pytest.fixture(params=LISTED)
def notebook(request):
    return nbformat.read(FOLDER / request.param, as_version=nbformat.NO_CONVERT)


def test_the_list_is_complete_and_numbered_without_gaps():
    assert sorted(path.name for path in FOLDER.glob("*.ipynb")) == LISTED
    assert [int(name[:2]) for name in LISTED] == list(range(1, len(LISTED) + 1))


def test_it_is_valid(notebook):
    nbformat.validate(notebook)
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert notebook.metadata.kernelspec.name == "python3"


def test_it_has_no_outputs(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell["id"] for cell in code if cell.outputs or cell.execution_count is not None]


def test_it_begins_with_its_title_as_listed(notebook, request):
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    title = first.source.splitlines()[0]
    assert title.startswith("# ")
    assert f"[{title[2:]}]({request.node.callspec.params['notebook']})" in index


def test_it_checks_what_it_says_and_names_no_path_of_a_machine(notebook):
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert re.search(r"^\s*assert ", code, re.MULTILINE)
    assert not PATHS.search("\n".join(cell.source for cell in notebook.cells))
