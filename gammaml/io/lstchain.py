"""Read lstchain's DL1 files, which gammalearn shares: a table of images and one of parameters a telescope type."""

import warnings
from pathlib import Path

import astropy.units as u
import h5py
import numpy as np
from astropy.table import QTable, vstack
from astropy.time import Time

from gammaml.columns import KEYS
from gammaml.errors import InputError, PedestalWarning
from gammaml.events import PixelStore, TelescopeEvents, by_camera
from gammaml.io.dl1 import IMAGES as CTAPIPE_IMAGES
from gammaml.io.dl1 import Selection, nothing_left, passes
from gammaml.io.dl1_pixels import BLOCK_BYTES
from gammaml.io.hillas import CLEANING, image_parameters
from gammaml.io.instrument import LAYOUT, read_subarray
from gammaml.io.lstchain_parameters import angle, can_translate, size_focal_length, timing_deviation, translate
from gammaml.io.tables import bare, file_source, key_order, open_hdf5, read_table, require_columns, side_by_side, text
from gammaml.io.truth import complete_truth
from gammaml.io.wording import pointing_range, truth_ranges

IMAGES = "dl1/event/telescope/image"
PARAMETERS = "dl1/event/telescope/parameters"
RUNS = "simulation/run_config"
HDF5_SIGNATURE = b"\x89HDF"
TIMES = ("dragon_time", "trigger_time")  # UTC; in v0.5 the second runs 8 or 9 s behind what the pointing says
TRUTH = {  # and the unit where the file states none, as lstchain's documentation has it
    "mc_energy": ("true_energy", u.TeV),
    "mc_alt": ("true_alt", u.rad),
    "mc_az": ("true_az", u.rad),
    "mc_core_x": ("true_core_x", u.m),
    "mc_core_y": ("true_core_y", u.m),
    "mc_h_first_int": ("true_h_first_int", u.m),
    "mc_x_max": ("true_x_max", u.g / u.cm**2),
}


def is_lstchain(path, head):
    """Whether a file has lstchain's DL1 tables; False for one that cannot be opened."""
    if not head.startswith(HDF5_SIGNATURE):
        return False
    try:
        with h5py.File(path) as file:
            return is_lstchain_dl1(file)
    except (OSError, RuntimeError, KeyError):
        return False


def is_lstchain_dl1(file):
    """Whether an open HDF5 file has tables by telescope type where ctapipe has one a telescope."""
    if IMAGES in file:
        return True
    by_type = any(not name.startswith("tel_") for name in members(file, PARAMETERS))
    return by_type and CTAPIPE_IMAGES not in file


def members(file, path):
    """Names in a group of an open file; none where there is no such group."""
    group = file.get(path)
    return sorted(group) if isinstance(group, h5py.Group) else []


def read_lstchain(paths, selection=Selection()):
    """Camera images of lstchain's DL1 files.

    Parameters
    ----------
    paths : list of str or Path
    selection : Selection
        ``tel_type`` may be the name of a table too (``LST_LSTCam``).

    Returns
    -------
    list of gammaml.events.TelescopeEvents
        One a camera, by telescope type; one row an image, file by file, ordered by obs_id, event_id, tel_id in each.
        Image parameters are those of the file, in the TelescopeFrame (deg) by the effective focal length of its
        optics; ``timing_deviation``, which it lacks, is computed. Where columns, units or the cleaned pixels are
        missing, all are computed from the images.

    Raises
    ------
    gammaml.errors.InputError
        Where a file is damaged, lacks a table or a column, repeats an event, or holds no event that is wanted.

    Warns
    -----
    gammaml.errors.PedestalWarning
        Where the median pixel lies above the cleaning's boundary threshold; charges stay as they are.
    """
    cameras = by_camera([events for path in paths for events in _read_file(Path(path), selection)])
    return sorted(cameras, key=lambda events: events.tel_types)


def tables_of_images(file):
    """Names of an open file's tables of images, of which there must be one."""
    names = members(file, IMAGES)
    if not names:
        raise InputError(file.filename, f"no table in /{IMAGES}", "a table of images", "write the file with images")
    return names


def instrument(file):
    """The subarray of an open file; lstchain writes it as ctapipe does."""
    if LAYOUT not in file:
        raise InputError(
            file.filename,
            f"no table /{LAYOUT}, so pixels of unknown position",
            "the subarray and its camera geometries, as lstchain writes them since v0.7",
            "write the file again with lstchain_dl1ab or lstchain_r0_to_dl1",
        )
    return read_subarray(file)


def table_telescope(file, name, subarray):
    """The first telescope with images in a table; all of them have its camera."""
    images = _table(file, f"{IMAGES}/{name}", (*KEYS, "image"))
    if not len(images):
        raise InputError(f"{file.filename}{images.name}", "zero events", "at least one", "check how the file was made")
    return subarray.telescope(int(images[:1]["tel_id"][0]))


def _read_file(path, selection):
    """The events of one file, one item a table of images."""
    with open_hdf5(path) as file:
        names, subarray = tables_of_images(file), instrument(file)
        telescopes = {name: table_telescope(file, name, subarray) for name in names}
        wanted = {name: telescope for name, telescope in telescopes.items() if selection.wants(telescope, name)}
        if not wanted:
            types = ", ".join(sorted(telescope.tel_type for telescope in telescopes.values()))
            raise InputError(path, f"the telescope types {types}", f"some of {selection.tel_type!r}", "choose of these")
        tables = {name: _rows(file, name) for name in wanted}
        events, fraction = _wanted_events(file, tables.values(), selection)
        simulation = _read_runs(file, fraction)
        sources = (file_source(path),)
        read = []
        for name, telescope in wanted.items():
            rows = key_order(events, tables[name]) >= 0
            table, store = _read_images(file, name, tables[name], rows, telescope, selection)
            part = TelescopeEvents(table, store, np.arange(len(table)), telescope.camera, subarray, simulation, sources)
            part = part[passes(table, selection)] if len(table) else part
            read.append(part[np.lexsort([np.asarray(part.table[key]) for key in reversed(KEYS)])])
    if not any(map(len, read)):
        raise nothing_left(path)
    return [part for part in read if len(part)]


def _table(file, path, names):
    """A compound dataset with these columns."""
    dataset = file.get(path)
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.names is None:
        got = "nothing" if dataset is None else "no table of columns"
        raise InputError(f"{file.filename}/{path}", got, "a table that PyTables wrote", "write it again with lstchain")
    require_columns(dataset, names)
    return dataset


def _rows(file, name):
    """What lstchain's parameters say of each image of a table, a row an image, under lstchain's names."""
    where = f"{file.filename}/{IMAGES}/{name}"
    images = _table(file, f"{IMAGES}/{name}", KEYS)
    keys = images.fields(list(KEYS))[:]
    if len(np.unique(keys)) < len(keys):
        got = f"{len(keys) - len(np.unique(keys)):,} repeated events"
        raise InputError(where, got, "each obs_id, event_id, tel_id once", "read runs of equal number one by one")
    parameters = read_table(_table(file, f"{PARAMETERS}/{name}", (*KEYS, "alt_tel", "az_tel")))
    row = key_order(parameters, keys, KEYS)
    if (row < 0).any():
        got = f"{int((row < 0).sum()):,} images without a row in /{PARAMETERS}/{name}"
        raise InputError(where, got, "parameters of each image", "merge both tables with lstchain_merge_hdf5_files")
    return parameters[row]


def _wanted_events(file, tables, selection):
    """Keys of the array events that are wanted, and their share of all of these types."""
    found = [table[[n for n in ("obs_id", "event_id", "event_type") if n in table.colnames]] for table in tables]
    events = vstack(found, metadata_conflicts="silent")
    if "event_type" in events.colnames:
        types = np.asarray(events["event_type"])
        events = events[np.isin(types, selection.event_types)]
        if not len(events):
            got = f"events of type {', '.join(map(str, np.unique(types)))}"
            raise InputError(file.filename, got, f"type {selection.event_types}", "choose a type")
    keys = np.stack([np.asarray(events[name], np.int64) for name in ("obs_id", "event_id")], axis=1)
    first = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    chosen = events[first[: selection.max_events]]
    return chosen, len(chosen) / len(first)


def _read_images(file, name, table, wanted, telescope, selection):
    """Rows and pixels of the wanted images of a table."""
    images, camera = file[f"{IMAGES}/{name}"], telescope.camera
    if images.dtype["image"].shape != (camera.n_pixels,):
        raise InputError(
            f"{file.filename}{images.name}",
            f"images of shape {images.dtype['image'].shape}",
            f"{camera.n_pixels} pixels, as its camera {camera.name}",
            "check the camera geometry of the file",
        )
    events = event_columns(table, file.filename)
    translated = None
    if can_translate(table, images):
        scale = size_focal_length(images, table, telescope)
        translated = translate(table, camera.focal_length, scale, camera.n_pixels, camera.camera_rotation)
        wanted = wanted & passes(translated, selection)
        translated = translated[wanted]
    store = PixelStore.allocate(int(wanted.sum()), camera.n_pixels)
    parameters = _fill(images, store, wanted, translated, camera)
    return side_by_side(events[wanted], *parameters), store


def _fill(images, store, wanted, translated, camera):
    """Read the wanted images block by block; the image parameters of each, as a list of tables side by side."""
    step = max(1, BLOCK_BYTES // images.dtype.itemsize)
    names = ("image", "peak_time", "image_mask")
    start, computed = 0, []
    for low in range(0, len(images), step):
        rows = wanted[low : low + step]
        if not rows.any():
            continue
        block = read_table(images, columns=names, rows=slice(low, low + step))[rows]
        stop = start + len(block)
        image, peak_time = store.image[start:stop], store.peak_time[start:stop]
        image[:] = bare(block["image"])
        peak_time[:] = bare(block["peak_time"]) if "peak_time" in block.colnames else np.nan
        _check_charges(images, image, is_first=start == 0)
        if translated is None:
            computed.append(image_parameters(image, peak_time, camera))
        else:
            computed.append(timing_deviation(peak_time, block["image_mask"], translated[start:stop], camera))
        store.release()
        start = stop
    computed = vstack(computed) if computed else QTable()
    return [computed] if translated is None else [translated, computed]


def _check_charges(images, image, is_first):
    """Refuse what is no number; warn where the median pixel of the median image would survive the cleaning."""
    where = f"{images.file.filename}{images.name}"
    if not np.isfinite(image).all():
        raise InputError(where, "charges that are no finite number", "p.e.", "mend these pixels, or leave them out")
    typical = float(np.median(np.median(image, axis=1)))
    if is_first and typical > CLEANING[1]:
        warnings.warn(
            f"{where}: the median pixel holds {typical:.1f} p.e., so the pedestal or the night sky has not been "
            "subtracted; charges are left as they are, and a network trained on others will go wrong",
            PedestalWarning,
            stacklevel=2,
        )


def event_columns(table, where):
    """Keys, time, pointing and truth of each row."""
    events = QTable({name: np.asarray(table[name], np.int64) for name in KEYS})
    if "event_type" in table.colnames:
        events["event_type"] = np.asarray(table["event_type"])
    events = side_by_side(events, time_and_pointing(table))
    if "mc_energy" not in table.colnames:
        return complete_truth(events, where)
    _check_energy(table, where)
    for name, (ours, unit) in TRUTH.items():
        if name in table.colnames:
            stated = (u.deg if unit == u.rad else unit) if isinstance(table[name], u.Quantity) else unit
            events[ours] = u.Quantity(table[name], stated).to(u.deg if unit == u.rad else unit)
    if "mc_type" in table.colnames:
        events["true_shower_primary_id"] = np.asarray(table["mc_type"], np.int64)
    return complete_truth(events, where)


def time_and_pointing(table):
    """Trigger time (TAI) and telescope axis (deg, azimuth in [0, 360)) from lstchain's columns."""
    result = QTable()
    for name in TIMES:
        if name in table.colnames and (bare(table[name]) > 0).all():
            result["time"] = Time(np.asarray(bare(table[name]), float), format="unix").tai
            break
    result["pointing_alt"] = angle(table["alt_tel"])
    result["pointing_az"] = np.mod(angle(table["az_tel"]), 360 * u.deg)
    return result


def _check_energy(table, where):
    """Old files hold the logarithm of the energy in GeV under the name of the energy in TeV."""
    if isinstance(table["mc_energy"], u.Quantity) or "log_mc_energy" not in table.colnames:
        return
    energy, logarithm = bare(table["mc_energy"]), bare(table["log_mc_energy"])
    if not np.allclose(10.0**logarithm, energy, rtol=1e-3):
        raise InputError(
            where, "mc_energy that is not 10^log_mc_energy", "both of the energy in TeV", "convert it to TeV"
        )


def _read_runs(file, fraction):
    """Thrown showers a run; where only part of the events was read, the same part of the showers was thrown."""
    if RUNS not in file:
        return None
    runs = read_table(file[RUNS])
    if "num_showers" in runs.colnames:
        runs.rename_column("num_showers", "n_showers")
    runs["n_showers"] = np.asarray(runs["n_showers"]) * fraction
    return runs


def lstchain_tel_types(file):
    """Telescope types with images in an open file: dict of str to number of images."""
    subarray = instrument(file)
    return {table_telescope(file, n, subarray).tel_type: len(file[f"{IMAGES}/{n}"]) for n in tables_of_images(file)}


def describe_lstchain(file):
    """What is in an open file of lstchain's DL1: dict of str to str."""
    names, subarray = tables_of_images(file), instrument(file)
    tables = {name: _rows(file, name) for name in names}
    version = text(file[f"{PARAMETERS}/{names[0]}"].attrs.get("LSTCHAIN_VERSION", "unknown version"))
    described = {
        "format": f"lstchain DL1 (lstchain {version})",
        "telescopes": f"{len(subarray.telescopes)} ({subarray.name})",
    }
    for name, table in tables.items():
        telescope = table_telescope(file, name, subarray)
        pixels = f"{telescope.camera.name}, {telescope.camera.n_pixels:,} {telescope.camera.pixel_type} pixels"
        described[telescope.tel_type] = f"{len(table):,} images; {pixels}"
    return described | describe_rows(vstack(list(tables.values()), metadata_conflicts="silent"), file.filename)


def describe_rows(table, where):
    """Array events, truth and pointing of lstchain's rows: dict of str to str."""
    events = event_columns(table, where)
    described = {"array events": f"{len(np.unique(np.asarray(events['obs_id', 'event_id']))):,}"}
    if "true_energy" in events.colnames:
        primaries = events["true_shower_primary_id"] if "mc_type" in table.colnames else np.zeros(0)
        described |= truth_ranges(events["true_energy"].to_value("TeV"), primaries)
    else:
        described["simulated"] = "no"
    return described | pointing_range(*(events[name].to_value("deg") for name in ("pointing_alt", "pointing_az")))
