"""What is in a file, without reading its images or loading a network."""

from io import BytesIO
from pathlib import Path

import numpy as np

from gammaml.config import ARRAY_NETWORKS
from gammaml.errors import InputError
from gammaml.io import formats
from gammaml.io.bundle_file import not_a_bundle, read_bundle_file
from gammaml.io.checks import label_conflict
from gammaml.io.dl1 import IMAGES, PARAMETERS, TRIGGER
from gammaml.io.instrument import read_subarray
from gammaml.io.lstchain import describe_lstchain, is_lstchain_dl1, lstchain_tel_types
from gammaml.io.lstchain_dl2 import describe_lstchain_dl2, is_lstchain_dl2
from gammaml.io.pointing import CONSTANT_POINTING, MONITORED_POINTING
from gammaml.io.tables import open_hdf5, origin, read_table, text
from gammaml.io.truth import SHOWER
from gammaml.io.wording import count_by_camera, count_by_type, pointing_range, span, truth_ranges

DL2 = "dl2/event"


def describe(path):
    """What is in a file that gammaml reads.

    Parameters
    ----------
    path : str or Path
        DL1 or DL2 (HDF5), a ``.gammaml`` bundle, or any other format in :mod:`gammaml.io.formats`.

    Returns
    -------
    dict of str to str

    Raises
    ------
    gammaml.errors.InputError
        Where it is none of these, or damaged.
    """
    if Path(path).suffix == ".gammaml":
        return _bundle(path)
    kind = formats.find_format(path)
    if kind.describe is not None:
        return kind.describe(path)
    with open_hdf5(path) as file:
        if is_lstchain_dl1(file):
            return describe_lstchain(file)
        if is_lstchain_dl2(file):
            return describe_lstchain_dl2(file)
        if IMAGES not in file and DL2 not in file and PARAMETERS not in file:
            raise InputError(
                path, f"the groups {', '.join(file) or 'none'}", "ctapipe's DL1 or DL2 data", "check which file it is"
            )
        return _events(file)


def tel_types(path):
    """Telescope types that have images in a file: dict of str to number of images; empty where it does not say."""
    kind = formats.find_format(path)
    if kind.describe is not None:
        return kind.tel_types(path)
    with open_hdf5(path) as file:
        if is_lstchain_dl1(file):
            return lstchain_tel_types(file)
        if IMAGES not in file:
            return {}
        return count_by_type(read_subarray(file), _images(file))


def _events(file):
    subarray = read_subarray(file)
    trigger = file.get(TRIGGER)
    version = text(file.attrs.get("CTA PRODUCT DATA MODEL VERSION", "unknown"))
    described = {
        "format": f"ctapipe {_levels(file)}, data model {version}",
        "array events": f"{len(trigger) if trigger is not None else 0:,}",
        "telescopes": f"{len(subarray.telescopes)} ({subarray.name})",
    }
    described |= count_by_camera(subarray, _images(file))
    described["image parameters"] = "yes" if PARAMETERS in file else "no"
    return described | _truth(file) | _pointing(file) | _reconstruction(file) | _origin(file)


def _origin(file):
    """How gammaml simulated the events, where it did."""
    made = origin(file)
    if not made:
        return {}
    card = made["card"]
    return {
        "simulated by": f"gammaml {made['gammaml']} (a fast simulation), {made['hadrons']}",
        "production": f"{card['showers']:,} showers on {card['array']}, seed {card['seed']}",
    }


def _levels(file):
    present = {"DL1 images": IMAGES in file, "DL1 parameters": PARAMETERS in file, "DL2": DL2 in file}
    return ", ".join(name for name, there in present.items() if there)


def _images(file):
    """Number of images by tel_id."""
    return {int(name.removeprefix("tel_")): len(table) for name, table in file.get(IMAGES, {}).items()}


def _truth(file):
    if SHOWER not in file or not len(file[SHOWER]):
        return {"simulated": "no"}
    showers = read_table(file[SHOWER], columns=("true_energy", "true_shower_primary_id"))
    primary = showers["true_shower_primary_id"]
    conflict = label_conflict(file.filename, np.unique(primary))
    return truth_ranges(showers["true_energy"].to_value("TeV"), primary) | ({"caution": conflict} if conflict else {})


def _pointing(file):
    """Ranges of altitude and azimuth, of all telescopes."""
    for group in (CONSTANT_POINTING, *MONITORED_POINTING):
        tables = [read_table(table) for table in file.get(group, {}).values()]
        alt, az = (_joined(tables, word) for word in ("altitude", "azimuth"))
        if np.isfinite(alt).any() and np.isfinite(az).any():
            return pointing_range(alt, az)
    return {"pointing": "unknown"}


def _joined(tables, word):
    """Values in degrees of the columns whose name ends with `word`."""
    columns = [table[name].to_value("deg") for table in tables for name in table.colnames if name.endswith(word)]
    return np.concatenate([np.empty(0), *columns])


def _reconstruction(file):
    """Names of the reconstructions, by level and task."""
    return {
        f"{level} {task}": ", ".join(file[f"{DL2}/{level}/{task}"])
        for level in ("telescope", "subarray")
        for task in file.get(f"{DL2}/{level}", ())
    }


def _bundle(path):
    metadata, members = read_bundle_file(path)
    try:
        with np.load(BytesIO(members["arrays.npz"]), allow_pickle=False) as arrays:
            n_pixels = [len(arrays[f"pixel_x_{number}"]) for number in range(len(metadata["cameras"]))]
        return _network(metadata, n_pixels)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise not_a_bundle(path, f"contents that do not fit together ({error})") from error


def _network(metadata, n_pixels):
    history, best = metadata["history"], metadata["best_epoch"]
    cameras = zip(metadata["cameras"], n_pixels, strict=True)
    noun = "showers" if metadata["settings"]["network"] in ARRAY_NETWORKS else "images"
    units = {"energy": "TeV", "zenith": "deg", "intensity": "p.e.", "noise": "p.e. a pixel"}
    versions = {"gammaml": metadata["gammaml"], **metadata["versions"]}
    return {
        "format": "gammaml bundle",
        "tasks": ", ".join(metadata["tasks"]),
        "network": metadata["settings"]["network"],
        "camera": "; ".join(f"{each['name']}, {count:,} {each['pixel_type']} pixels" for each, count in cameras),
        "telescope types": ", ".join(metadata["tel_types"]),
        "training files": ", ".join(source["name"] for source in metadata["sources"]),
        f"training {noun}": ", ".join(f"{count:,} {kind}" for kind, count in metadata["n_training"].items()),
        f"validation {noun}": f"{metadata['n_validation']:,}",
        **{f"{name} range": span(np.array(metadata["range"][name]), unit) for name, unit in units.items()},
        "best epoch": f"{best} of {len(history)}, validation loss {history[best - 1]['val_loss']:.4g}",
        "seed": f"{metadata['seed']}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
