"""What the DL2 tables say of themselves: which events count, how they were simulated, who reconstructed them."""

import platform
from datetime import UTC, datetime
from importlib import metadata

import numpy as np

import gammaml
from gammaml import performance

PACKAGES = ("numpy", "scipy", "astropy", "pyirf", "scikit-learn", "ctapipe", "keras", "tensorflow", "matplotlib")
SIMULATED = (
    "true_shower_primary_id",
    "shower_reuse",
    "energy_range_min",
    "energy_range_max",
    "spectral_index",
    "min_alt",
    "max_alt",
    "min_az",
    "max_az",
    "min_scatter_range",
    "max_scatter_range",
    "min_viewcone_radius",
    "max_viewcone_radius",
    "atmosphere",
    "corsika_version",
)
BOOTSTRAP_SEED = 0  # of all performance tables, unless told otherwise


def versions():
    """Name -> version of gammaml and of what it computed with, and when."""
    found = {"gammaml": gammaml.__version__, "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {"written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def cuts(tables):
    """Label -> which of its rows count."""
    return {label: "; ".join(_cuts(table)) for label, table in tables.items()}


def _cuts(table):
    noun = "images" if "tel_id" in table.colnames else "array events"
    tested = performance.test_events(table)
    yield f"{len(tested):,} of {len(table):,} {noun}, {len(table) - len(tested):,} left out as seen in training"
    if "multiplicity" in tested.colnames:
        yield f"multiplicity {np.min(tested['multiplicity'])} and more"
    if "hillas_intensity" in tested.colnames:
        intensity = np.asarray(tested["hillas_intensity"], float)
        if np.isfinite(intensity).any():
            yield f"intensity {np.nanmin(intensity):.4g} p.e. and more"
    yield "no cut in gammaness except where a definition names one"


def sources(tables):
    """Name -> SHA-256 of the input files."""
    found = (source for table in tables.values() for source in table.meta.get("sources", ()))
    return {source["name"]: f"SHA-256 {source['sha256']}" for source in found}


def simulations(tables):
    """A grid of the simulated runs, a column for those of the same settings; empty where nothing is known."""
    found = next((runs for table in tables.values() if (runs := table.meta.get("simulation")) is not None), None)
    if found is None:
        return []
    names = [name for name in SIMULATED if name in found.colnames]
    showers = {}
    for row in found:
        settings = tuple(_text(row[name]) for name in names)
        showers[settings] = showers.get(settings, 0) + int(row["n_showers"])
    primary, *lines = zip(names, *showers, strict=True)
    return [list(row) for row in (primary, ("n_showers", *(f"{number:,}" for number in showers.values())), *lines)]


def training(tables):
    """Label and task -> what the files tell of the training: dict of dict of str to str."""
    return {
        f"{label}, {task}": {name: _text(value) for name, value in bundle.items() if value is not None}
        for label, table in tables.items()
        for task, bundle in table.meta.get("provenance", {}).get("bundles", {}).items()
    }


def seeds(tables):
    """What was drawn -> its seed."""
    trained = {f"training: {name}": bundle["seed"] for name, bundle in training(tables).items() if "seed" in bundle}
    return {"bootstrap of the uncertainties": str(BOOTSTRAP_SEED)} | trained


def _text(value):
    """Numbers, dicts and lists of metadata in words; what a list has twice is said once."""
    if isinstance(value, dict | list | tuple | str) and not value:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(dict.fromkeys(map(_text, value)))
    if hasattr(value, "unit"):
        return f"{value.value:g} {value.unit}".strip()
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
