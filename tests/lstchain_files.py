"""Small files in lstchain's layouts, made from made-up events: DL1 tables, and DL2 as pandas writes it."""

import h5py
import numpy as np
from made_events import FOCAL_LENGTH, made_events

from gammaml.io.dl1_writer import write_dl1

IMAGES = "dl1/event/telescope/image/MST_MadeCam"
PARAMETERS = "dl1/event/telescope/parameters/MST_MadeCam"
UNITS = {
    "x": "m",
    "y": "m",
    "psi": "rad",
    "length": "deg",
    "width": "deg",
    "alt_tel": "rad",
    "az_tel": "rad",
    "mc_energy": "TeV",
    "mc_alt": "rad",
    "mc_az": "rad",
    "mc_x_max": "g.cm**-2",
    "energy_range_min": "TeV",
    "sin_az_tel": h5py.Empty("S1"),  # as PyTables stores an empty string
}


def parameters_of(events):
    """lstchain's columns of made-up events, worked out from its conventions."""
    table, radian = events.table, np.pi / 180
    psi = 90 - table["hillas_psi"].value  # x lies along fov_lat: angles run the other way round
    turned = psi > 90
    n_pixels = table["morphology_n_pixels"]
    return {
        **{name: np.asarray(table[name]) for name in ("obs_id", "event_id", "tel_id", "event_type")},
        "intensity": table["hillas_intensity"],
        "x": table["hillas_fov_lat"].value * radian * FOCAL_LENGTH,
        "y": table["hillas_fov_lon"].value * radian * FOCAL_LENGTH,
        "psi": np.where(turned, psi - 180, psi) * radian,
        "length": np.arctan(table["hillas_length"].value * radian) / radian,
        "width": np.arctan(table["hillas_width"].value * radian) / radian,
        "skewness": np.where(turned, -1, 1) * 0.5,
        "kurtosis": table["hillas_kurtosis"],
        "time_gradient": np.where(turned, -1, 1) * 5.0 / (radian * FOCAL_LENGTH),
        "intercept": table["timing_intercept"],
        "leakage_intensity_width_1": table["leakage_intensity_width_1"],
        "leakage_intensity_width_2": table["leakage_intensity_width_2"],
        "leakage_pixels_width_1": np.full(len(events), 3 / events.camera.n_pixels),
        "leakage_pixels_width_2": np.full(len(events), 5 / events.camera.n_pixels),
        "n_pixels": n_pixels,
        "n_islands": table["morphology_n_islands"],
        **{f"concentration_{name}": table[f"concentration_{name}"] for name in ("cog", "core", "pixel")},
        "alt_tel": table["pointing_alt"].value * radian,
        "az_tel": table["pointing_az"].value * radian - 2 * np.pi,
        "sin_az_tel": np.zeros(len(events)),
        "trigger_time": table["time"].unix,
        "mc_energy": table["true_energy"].value,
        "log_mc_energy": np.log10(table["true_energy"].value),
        "mc_alt": table["true_alt"].value * radian,
        "mc_az": table["true_az"].value * radian,
        "mc_core_x": table["true_core_x"].value,
        "mc_core_y": table["true_core_y"].value,
        "mc_h_first_int": table["true_h_first_int"].value,
        "mc_x_max": table["true_x_max"].value,
        "mc_type": table["true_shower_primary_id"],
    }


def images_of(events):
    image = np.asarray(events.image)
    columns = {name: np.asarray(events.table[name]) for name in ("obs_id", "event_id", "tel_id")}
    return columns | {"image": image, "peak_time": events.peak_time, "image_mask": (image > 2).astype(np.uint8)}


def write_table(file, path, columns, units=UNITS):
    """A compound dataset with ctapipe's attributes."""
    names = {name: (name, np.asarray(values).dtype, np.shape(values)[1:]) for name, values in columns.items()}
    rows = np.empty(len(next(iter(columns.values()))), list(names.values()))
    for name, values in columns.items():
        rows[name] = values
    dataset = file.create_dataset(path, data=rows, chunks=True, maxshape=(None,))
    for index, name in enumerate(columns):
        if name in units:
            dataset.attrs[f"CTAFIELD_{index}_UNIT"] = units[name]


def write_lstchain(path, events=None, *, change=None, units=UNITS):
    """Write a DL1 file; `change` may alter {table path: columns} before."""
    events = made_events(6) if events is None else events
    tables = {IMAGES: images_of(events), PARAMETERS: parameters_of(events)}
    runs = {"obs_id": [1], "n_showers": [100], "shower_reuse": [2], "energy_range_min": [0.1], "spectral_index": [-2.0]}
    tables["simulation/run_config"] = {name: np.array(value) for name, value in runs.items()}
    if change:
        change(tables)
    whole = path.with_suffix(".ctapipe.h5")
    write_dl1(events, whole)
    with h5py.File(whole) as source, h5py.File(path, "w") as file:
        source.copy("configuration/instrument", file.create_group("configuration"))
        for name, columns in tables.items():
            write_table(file, name, columns, units)
    whole.unlink()
    return path


def frame_of(n=8):
    """lstchain's v0.5 DL2 columns of observed events."""
    rng = np.random.default_rng(0)
    floats = {name: rng.uniform(-0.5, 0.5, n) for name in ("x", "y", "psi", "skewness", "time_gradient", "reco_src_x")}
    floats |= {name: rng.uniform(0.1, 0.5, n) for name in ("length", "width", "kurtosis", "intercept", "gammaness")}
    floats |= {f"leakage{i}_{kind}": np.full(n, 0.001) for i in (1, 2) for kind in ("intensity", "pixel")}
    floats |= {f"concentration_{name}": np.full(n, 0.4) for name in ("cog", "core", "pixel")}
    floats |= {"intensity": np.full(n, 90.0), "reco_energy": np.full(n, 0.3), "reco_src_y": rng.uniform(-0.5, 0.5, n)}
    floats |= {"alt_tel": np.full(n, 1.2), "az_tel": np.full(n, 3.0), "dragon_time": 1579301196.0 + np.arange(n)}
    ints = {"obs_id": np.full(n, -1), "event_id": np.arange(n), "tel_id": np.ones(n, int)}
    return floats, ints | {"n_pixels": np.full(n, 5), "n_islands": np.ones(n, int)}


def write_frame(path, blocks, *, pickled=()):
    """Write a DataFrame as pandas does in its fixed format: a block for each type, the last of pickled objects."""
    blocks = list(blocks)
    n_rows = len(next(iter(blocks[0].values())))
    with h5py.File(path, "w") as file:
        group = file.create_group("dl2/event/telescope/parameters/LST_LSTCam")
        group.attrs["pandas_type"] = b"frame"
        group.attrs["nblocks"] = len(blocks) + bool(pickled)
        group["axis0"] = np.array([name for block in blocks for name in block] + list(pickled), "S20")
        group["axis1"] = np.arange(n_rows)
        for number, block in enumerate(blocks):
            group[f"block{number}_items"] = np.array(list(block), "S20")
            group[f"block{number}_values"] = np.stack(list(block.values()), axis=1)
        if pickled:
            group[f"block{len(blocks)}_items"] = np.array(pickled, "S20")
            objects = group.create_dataset(f"block{len(blocks)}_values", 1, h5py.vlen_dtype(np.uint8))
            objects[0] = np.frombuffer(b"\x80\x04not to be loaded", np.uint8)
    return path
