"""The table in docs/architecture.md is true: who imports whom, and who alone imports what."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

from gammaml.cli.main import VERBS

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "gammaml"
TABLE_ROW = re.compile(r"^\| (\d+) \| `(\w+)` \| .* \| ?([\w, ]*) ?\|$", re.MULTILINE)
ROWS, ONLY_HERE = {}, {}
for number, module, libraries in TABLE_ROW.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")):
    ROWS[module] = int(number)
    for library in filter(None, map(str.strip, libraries.split(","))):
        ONLY_HERE.setdefault(library, set()).add(module)
FILES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def module_of(path):
    """`images` for gammaml/images/mapping.py, `sky` for gammaml/sky.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(source):
    """Every (library, module of gammaml or None) that some source text imports, at whatever depth."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            library, _, rest = name.partition(".")
            module = rest.split(".")[0] if library == "gammaml" else ""
            yield library, module if module in ROWS else None


def violations(module, source):
    """What a file of `module` imports against the table."""
    for library, imported in imports(source):
        if imported is not None and imported != module and ROWS[imported] >= ROWS[module]:
            yield f"{module} (row {ROWS[module]}) imports {imported} (row {ROWS[imported]})"
        if library == "tensorflow" or module not in ONLY_HERE.get(library, {module}):
            yield f"{module} imports {library}"


def test_the_table_names_every_module():
    assert set(ROWS) == {module_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rows_and_libraries(path):
    assert not list(violations(module_of(path), path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sky", "from gammaml.events import Camera"),
        ("io", "def read():\n    from gammaml import train"),
        ("io", "import gammaml.images.mapping"),
        ("events", "import h5py"),
        ("predict", "from keras import ops"),
        ("models", "import tensorflow as tf"),
        ("report", "def draw():\n    import click"),
    ],
)
def test_a_violation_is_seen(module, source):
    assert len(list(violations(module, source))) == 1


def modules_after(code):
    """Names of the libraries loaded by some code in a fresh interpreter."""
    tail = "\nimport sys; print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_reading_files_loads_neither_keras_nor_ctapipe():
    assert not modules_after("import gammaml.io") & {"keras", "tensorflow", "ctapipe", "pyirf", "sklearn", "matplotlib"}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_loads_nothing_heavy(verb):
    arguments = [verb, "--help"] if verb else ["--help"]
    loaded = modules_after(f"from gammaml.cli.main import main; main({arguments}, standalone_mode=False)")
    assert "gammaml" in loaded
    assert not loaded & {"numpy", "astropy", "h5py", "keras", "tensorflow", "ctapipe", "pyirf", "sklearn", "matplotlib"}


def test_info_on_a_file_loads_no_keras(dl1_files):
    loaded = modules_after(f"from gammaml.io.describe import describe; describe({str(dl1_files['gamma'])!r})")
    assert not loaded & {"keras", "tensorflow", "ctapipe"}
