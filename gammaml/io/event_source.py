"""Read whatever a ctapipe `EventSource` reads: waveforms of sim_telarray or of a plugin's camera, made into images."""

import logging
import warnings
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from gammaml.columns import KEYS, SUBARRAY_EVENT_TYPE
from gammaml.errors import GammamlError, InputError
from gammaml.events import TelescopeEvents, by_camera
from gammaml.io.camera_images import by_telescope
from gammaml.io.checks import label_conflict
from gammaml.io.dl1 import Selection, nothing_left
from gammaml.io.foreign import one_by_one, reason
from gammaml.io.from_ctapipe import to_pointing, to_subarray, to_table
from gammaml.io.simtel import Contents, count_contents, first_object
from gammaml.io.tables import file_source, side_by_side
from gammaml.io.wording import count_by_camera, count_by_type, name_primaries, span

HDF5 = b"\x89HDF"
POINTING = ("subarray_pointing_lat", "subarray_pointing_lon")
# The atmosphere is not needed, and its name need not be UTF-8. The equivalent focal length is in every file.
SIMTEL_OPTIONS = {
    "atmosphere_profile_choice": "NONE",
    "focal_length_choice": "EQUIVALENT",
    "skip_calibration_events": False,
    "select_gain": True,
}


def is_event_file(path, head):
    """Whether ctapipe has an event source for a file that is no HDF5: sim_telarray's, or one of a plugin."""
    return not head.startswith(HDF5) and (first_object(path) is not None or _plugin_reads(path))


def _plugin_reads(path):
    """Whether an installed plugin reads a file; without any, ctapipe, which takes seconds, is not loaded."""
    if all(each.value.startswith("ctapipe.") for each in entry_points(group="ctapipe_io")):
        return False
    from ctapipe.io import EventSource

    for source in EventSource.non_abstract_subclasses().values():
        with suppress(Exception):  # whatever a plugin does with a file that is not its own
            if source.is_compatible(path):
                return True
    return False


def read_event_files(paths, selection=Selection()):
    """Camera images of files that ctapipe reads, made from waveforms by its default calibration.

    Parameters
    ----------
    paths : list of str or Path
    selection : gammaml.io.dl1.Selection

    Returns
    -------
    list of gammaml.events.TelescopeEvents
        One a camera; one row an image, file by file, ordered by obs_id, event_id, tel_id in each. Image parameters are
        those of ctapipe's default cleaning.

    Raises
    ------
    gammaml.errors.InputError
        Where a file is damaged, names two images alike, or holds no event that is wanted.

    Warns
    -----
    UserWarning
        Where a file has no effective focal lengths.
    """
    cameras = by_camera([events for path in paths for events in _read_file(Path(path), selection)])
    if not cameras:
        raise nothing_left(", ".join(map(str, paths)))
    return cameras


def _read_file(path, selection):
    """The events of one file, a list of one item a camera."""
    with _opened(path) as source:
        subarray = to_subarray(source.subarray)
        telescopes = _selected_telescopes(path, subarray, selection)
        cameras = by_telescope(telescopes, selection)
        known, share = _collect(path, source, cameras, selection)
        for camera in dict.fromkeys(cameras.values()):
            camera.flush()
        simulation = _thrown(source, share)
    table = _array_table(path, known)
    if "true_energy" not in table.colnames:
        simulation = None
    _warn_of_focal_length(path, telescopes)
    sources = (file_source(path),)
    found = []
    for camera in dict.fromkeys(cameras.values()):
        if len(camera):
            rows, store = camera.finish(path, table)
            order = np.lexsort([np.asarray(rows[name]) for name in reversed(KEYS)])
            events = TelescopeEvents(rows, store, np.arange(len(rows)), camera.camera, subarray, simulation, sources)
            found.append(events[order])
    return found


@contextmanager
def _opened(path):
    """ctapipe's event source of a file."""
    from ctapipe.io import EventSource
    from traitlets.config import Config

    with _reading(path):
        source = EventSource(path, config=Config(SimTelEventSource=SIMTEL_OPTIONS))
    try:
        yield source
    finally:
        source.close()


@contextmanager
def _reading(path):
    """Whatever ctapipe, or a plugin, raises or logs over a damaged file becomes one InputError."""
    log = logging.getLogger("ctapipe")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="(?s).*truncated")
            warnings.filterwarnings("ignore", message="encountered object of type")  # of which eventio knows nothing
            yield
    except GammamlError:
        raise
    except Exception as error:
        raise InputError(
            path,
            f"a file that ctapipe cannot read ({reason(error)})",
            "a whole file of telescope events",
            "fetch it again, or see whether ctapipe-process reads it",
        ) from error
    finally:
        log.setLevel(level)


def _selected_telescopes(path, subarray, selection):
    wanted = [telescope for telescope in subarray.telescopes if selection.wants(telescope)]
    if not wanted:
        types = ", ".join(sorted({t.tel_type for t in subarray.telescopes})) or "none"
        raise InputError(
            path, f"the telescope types {types}", f"some of {selection.tel_type or '*'!r}", "choose one of these"
        )
    return wanted


def _warn_of_focal_length(path, telescopes):
    lacking = sorted({t.tel_type for t in telescopes if not np.isfinite(t.optics.effective_focal_length)})
    if lacking:
        warnings.warn(
            f"{path}: no effective focal length of {', '.join(lacking)}; with the equivalent one, which knows no coma, "
            "directions are some per cent off",
            stacklevel=5,
        )


def _collect(path, source, cameras, selection):
    """Hand the wanted images to `cameras`; returns the array events they are of, and the share of all these are."""
    from ctapipe.calib import CameraCalibrator

    with _reading(path):
        calibrate = CameraCalibrator(source.subarray)
    known, types, events = [], Counter(), _events(path, source)
    for event in events:
        types[int(event.trigger.event_type.value)] += 1
        if not _is_wanted(event, selection):
            continue
        if len(known) == selection.max_events:
            return known, len(known) / (len(known) + 1 + _count_others(path, source, events, selection))
        _forget_others(event, cameras)
        with _reading(path):
            calibrate(event)
        for tel_id, dl1 in event.dl1.tel.items():
            image, peak_time = _one_gain(path, tel_id, dl1, cameras[tel_id].camera)
            cameras[tel_id].add((len(known), tel_id, *to_pointing(event, tel_id)), image, peak_time)
        known.append(_what_is_known(event))
    _check_complete(path, source, types)
    if not known:
        raise _none_wanted(path, types, selection)
    return known, 1.0


def _check_complete(path, source, types):
    """ctapipe reads no further than the first run of a sim_telarray file of several."""
    if _is_simtel(source):
        expected = _contents(path, source).n_events
        if types[SUBARRAY_EVENT_TYPE] < expected:
            raise InputError(
                path,
                f"{expected:,} triggered showers, of which ctapipe reads {types[SUBARRAY_EVENT_TYPE]:,}",
                "one run",
                "give the runs it was put together from as files of their own",
            )


def _events(path, source):
    """Array event by array event."""
    return one_by_one(source, partial(_reading, path))


def _is_wanted(event, selection):
    return int(event.trigger.event_type.value) in selection.event_types


def _count_others(path, source, events, selection):
    """How many further `events` are wanted: nobody asks for observations, and sim_telarray tells it by its headers."""
    if not source.is_simulation:
        return 0
    if _is_simtel(source) and selection.event_types == (SUBARRAY_EVENT_TYPE,):
        return _contents(path, source).n_events - selection.max_events - 1
    return sum(_is_wanted(event, selection) for event in events)


def _none_wanted(path, types, selection):
    if not types:
        return InputError(path, "zero events", "at least one", "check how the file was made")
    found = ", ".join(map(str, sorted(types)))
    return InputError(path, f"events of type {found}", f"type {selection.event_types}", "choose a type (--event-type)")


def _forget_others(event, cameras):
    """Leave out telescopes that are not wanted, before work is spent on them."""
    for level in (event.r1, event.dl0, event.dl1):
        for tel_id in [tel_id for tel_id in level.tel if tel_id not in cameras]:
            del level.tel[tel_id]


def _one_gain(path, tel_id, dl1, camera):
    """Charges and peak times of one image, each (n_pixels,); NaN where times are not known."""
    image = np.squeeze(dl1.image)
    if image.shape != (camera.n_pixels,):
        raise InputError(
            path,
            f"an image of shape {image.shape} of telescope {tel_id}",
            f"{camera.n_pixels} pixels, one gain, as its camera {camera.name}",
            "select the gain with ctapipe-process, and read the DL1 file it writes",
        )
    return image, np.full(camera.n_pixels, np.nan) if dl1.peak_time is None else np.squeeze(dl1.peak_time)


def _what_is_known(event):
    """Keys, type and time (TAI, both parts of the Julian date) of an array event, and its simulated shower or None."""
    time = event.trigger.time.tai
    keys = int(event.index.obs_id), int(event.index.event_id), int(event.trigger.event_type.value)
    return *keys, time.jd1, time.jd2, None if event.simulation is None else event.simulation.shower


def _array_table(path, known):
    """A row an array event: keys, type, time, and the truth of simulations."""
    obs_id, event_id, event_type, jd1, jd2, showers = zip(*known, strict=True)
    table = QTable({"obs_id": obs_id, "event_id": event_id, "event_type": event_type})
    table["time"] = Time(jd1, jd2, format="jd", scale="tai")
    table["time"].format = "mjd"
    lacking = showers.count(None)
    if lacking == len(showers):
        return table
    if lacking:
        got, expected = f"{lacking:,} events without simulated truth among others", "truth for all or for none"
        raise InputError(path, got, expected, "choose one type of events (--event-type)")
    return side_by_side(table, to_table(showers, prefix="true_"))


def _thrown(source, share):
    """Thrown showers a run; where only part of the events was read, the same part of the showers was thrown."""
    configurations = source.simulation_config
    if not configurations:
        return None
    table = to_table(list(configurations.values()))
    runs = QTable({"obs_id": np.array(list(configurations), np.int64)})
    table["n_showers"] = np.asarray(table["n_showers"]) * share
    return side_by_side(runs, table)


def _is_simtel(source):
    return type(source).__name__ == "SimTelEventSource"


def describe(path):
    """What is in a file that ctapipe reads, without its pixels where it is sim_telarray's.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to str
    """
    with _opened(path) as source:
        subarray, contents = to_subarray(source.subarray), _contents(path, source)
        described = {
            "format": f"{', '.join(level.name for level in source.datalevels)}, by ctapipe's {type(source).__name__}",
            "array events": f"{contents.n_events:,}",
            **({"calibration events": f"{contents.n_calibration:,}"} if contents.n_calibration else {}),
            "telescopes": f"{len(subarray.telescopes)} ({subarray.name})",
            **count_by_camera(subarray, contents.n_images),
        }
        thrown, blocks = _thrown(source, 1), list(source.observation_blocks.values())
    conflict = label_conflict(path, list(contents.primaries))
    described |= _describe_truth(thrown, contents) | _describe_pointing(blocks)
    return described | ({"caution": conflict} if conflict else {})


def _contents(path, source):
    """Numbers of events and images."""
    with _reading(path):
        if _is_simtel(source):
            return count_contents(path)
    n_events, n_images = 0, Counter()
    for event in _events(path, source):
        n_events += 1
        n_images.update(map(int, event.r1.tel or event.dl0.tel or event.dl1.tel))
    return Contents(n_events, 0, n_images, {})


def _describe_truth(thrown, contents):
    if thrown is None:
        return {"simulated": "no"}
    n_showers = np.sum(thrown["n_showers"] * thrown["shower_reuse"])
    energies = [thrown[f"energy_range_{end}"].to_value("TeV") for end in ("min", "max")]
    primaries = {"primaries": name_primaries(contents.primaries)} if contents.primaries else {}
    return {**primaries, "simulated": f"{n_showers:,} showers thrown, {span(energies, 'TeV')}"}


def _describe_pointing(blocks):
    alt, az = (np.array([block[name].to_value("deg") for block in blocks]) for name in POINTING)
    in_altaz = [block.subarray_pointing_frame.name == "ALTAZ" for block in blocks]
    if not (blocks and all(in_altaz) and np.isfinite(alt).all()):
        return {"pointing": "unknown"}
    return {"pointing": f"altitude {span(alt, 'deg')}, azimuth {span(az % 360, 'deg')}"}


def tel_types(path):
    """Telescope types that have images in a sim_telarray file: dict of str to number of images.

    Empty for files of other kinds, which would have to be read whole.
    """
    with _opened(path) as source:
        if not _is_simtel(source):
            return {}
        return count_by_type(to_subarray(source.subarray), _contents(path, source).n_images)
