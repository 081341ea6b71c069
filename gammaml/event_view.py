"""One event out of many, and all that a picture of it shows: its images, the truth, and what reconstructions say."""

from dataclasses import dataclass, field

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from gammaml import images, sky, stereo
from gammaml.array_events import KEYS_OF_EVENT, POINTING, build, positions
from gammaml.columns import bare, require
from gammaml.errors import InputError
from gammaml.events import Camera, Subarray, Telescope, as_list
from gammaml.io.wording import name_primary

TRUTH = "true"
STEREO = "crossing of the axes"
ELLIPSE = ("hillas_fov_lon", "hillas_fov_lat", "hillas_length", "hillas_width", "hillas_psi")
NEAREST = 3  # events that a message names


@dataclass(frozen=True, eq=False)
class ImageView:
    """One image of an event.

    Parameters
    ----------
    telescope : gammaml.events.Telescope
    camera : gammaml.events.Camera
        The one whose pixels the values are of.
    image, peak_time : array (n_pixels,)
        p.e. and ns.
    bright : array of bool (n_pixels,)
        See :func:`gammaml.images.bright_pixels`.
    intensity : float
        Charge of the cleaned image, p.e.; NaN where there is none.
    ellipse : array (5,)
        Hillas parameters: centre of gravity, length, width, angle, degrees; NaN where there are none.
    axis_on_ground : array (2,)
        The image's axis, projected on the ground along the pointing: unit vector, x north and y west.
    directions : dict of str to tuple of float
        fov_lon and fov_lat, degrees, of the truth and of each reconstruction.
    answers : dict of str to Answer
        Of each reconstruction that answers for single images.
    """

    telescope: Telescope
    camera: Camera
    image: np.ndarray
    peak_time: np.ndarray
    bright: np.ndarray
    intensity: float
    ellipse: np.ndarray
    axis_on_ground: np.ndarray
    directions: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What is known, or a reconstruction says, of an event; NaN where it says nothing.

    Parameters
    ----------
    energy : float
        TeV.
    gammaness : float
    offset : float
        Angle to the true direction, degrees.
    core : tuple of float
        x north and y west, m.
    """

    energy: float = np.nan
    gammaness: float = np.nan
    offset: float = np.nan
    core: tuple = (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class EventView:
    """One event.

    Parameters
    ----------
    obs_id, event_id : int
    primary : str
        "gamma", "proton", …; empty where it is not simulated.
    images : tuple of ImageView
        Brightest first.
    subarray : gammaml.events.Subarray
    answers : dict of str to Answer
        The truth, the crossing of the axes, and each reconstruction that answers for the whole event.
    """

    obs_id: int
    event_id: int
    primary: str
    images: tuple
    subarray: Subarray
    answers: dict


def list_events(events):
    """One row an event: what to choose from.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents, gammaml.array_events.ArrayEvents, or list of TelescopeEvents

    Returns
    -------
    astropy.table.QTable
        ``obs_id``, ``event_id``, ``shower_id``, ``multiplicity``, ``hillas_intensity`` (p.e., of all images together)
        and where known ``true_energy`` and ``true_shower_primary_id``, in the order of the keys.
    """
    tables = [part.table for part in as_list(events) if len(part)]
    if not tables:
        raise InputError("events", "no image", "at least one", "read other files, or select less strictly")
    keys = np.concatenate([np.stack([np.asarray(t[n], np.int64) for n in KEYS_OF_EVENT], axis=1) for t in tables])
    unique, first, row = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    intensity = np.concatenate([bare(table["hillas_intensity"]) for table in tables])
    table = QTable(dict(zip(KEYS_OF_EVENT, unique.T, strict=True)))
    table["multiplicity"] = np.bincount(row.ravel())
    table["hillas_intensity"] = np.bincount(row.ravel(), np.nan_to_num(intensity))
    truth = [n for n in ("true_energy", "true_shower_primary_id") if all(n in t.colnames for t in tables)]
    if truth:
        known = vstack([t[truth] for t in tables], metadata_conflicts="silent")[first]
        for name in truth:
            table[name] = known[name]
    return table


def select_event(events, *, event_id=None, obs_id=None, index=None):
    """The images of one event.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents, gammaml.array_events.ArrayEvents, or list of TelescopeEvents
    event_id, obs_id : int, optional
        Which one; the obs_id only where several have this event_id.
    index : int, optional
        Row of :func:`list_events`, instead. The brightest event where nothing is given.

    Returns
    -------
    list of gammaml.events.TelescopeEvents
        One a camera that saw the event.

    Raises
    ------
    gammaml.errors.InputError
        Where there is no such event, or more than one.
    """
    table = list_events(events)
    if event_id is not None:
        files = ", ".join(source["name"] for source in as_list(events)[0].sources)
        row = _row_of(table, obs_id, event_id, files)
    elif index is not None:
        row = _checked_index(index, len(table))
    else:
        row = int(np.argmax(table["hillas_intensity"]))
    chosen = [part[_is_event(part.table, table[row])] for part in as_list(events)]
    return [part for part in chosen if len(part)]


def _is_event(table, row):
    return np.logical_and.reduce([np.asarray(table[name]) == row[name] for name in KEYS_OF_EVENT])


def _row_of(table, obs_id, event_id, files):
    wanted = np.asarray(table["event_id"]) == event_id
    if obs_id is not None:
        wanted &= np.asarray(table["obs_id"]) == obs_id
    if wanted.sum() == 1:
        return int(np.flatnonzero(wanted)[0])
    name = f"{files}: event {event_id}" if obs_id is None else f"{files}: event {obs_id}/{event_id}"
    if not wanted.any():
        near = np.argsort(np.abs(np.asarray(table["event_id"]) - event_id), kind="stable")[:NEAREST]
        expected = f"one of {len(table):,} events with images, such as {_names(table[near])}"
        raise InputError(name, "no images of it", expected, "choose one of these")
    if len(np.unique(table["obs_id"][wanted])) > 1:
        raise InputError(name, f"{wanted.sum()} events", f"one of {_names(table[wanted][:NEAREST])}", "give the obs_id")
    raise InputError(name, f"{wanted.sum()} showers with these ids", "one", "give the files one by one, or an index")


def _names(table):
    return ", ".join(f"{row['obs_id']}/{row['event_id']}" for row in table)


def _checked_index(index, count):
    if not 0 <= index < count:
        raise InputError("events", f"index {index}", f"0 to {count - 1}", "choose one of these")
    return index


def view_event(events, dl2=None):
    """All that a picture of an event shows.

    Parameters
    ----------
    events : gammaml.events.TelescopeEvents, gammaml.array_events.ArrayEvents, or list of TelescopeEvents
        Images of one event, as :func:`select_event` gives them.
    dl2 : dict of str to astropy.table.QTable, optional
        DL2 tables by the name of their reconstruction, a row an image or an event; other events in them do not matter.

    Returns
    -------
    EventView
        With the crossing of the axes (:func:`gammaml.stereo.reconstruct`) where there are two images or more.

    Raises
    ------
    gammaml.errors.InputError
        Where there is no image, images are of several events, or a table does not have the event.
    """
    parts = [part for part in as_list(events) if len(part)]
    table = list_events(parts)
    if len(table) > 1:
        raise InputError("images to show", f"{len(table)} events", "one", "choose one with select_event")
    key = table[0]
    said = {name: _rows(rows, key, name) for name, rows in (dl2 or {}).items()}
    of_event = _known(parts) | {name: rows[0] for name, rows in said.items() if "tel_id" not in rows.colnames}
    of_images = {name: rows for name, rows in said.items() if "tel_id" in rows.colnames}
    views = [_image_view(part, number, of_event, of_images) for part in parts for number in range(len(part))]
    code = int(key["true_shower_primary_id"]) if "true_shower_primary_id" in key.colnames else None
    return EventView(
        obs_id=int(key["obs_id"]),
        event_id=int(key["event_id"]),
        primary="" if code is None else name_primary(code),
        images=tuple(sorted(views, key=lambda view: -np.nan_to_num(view.intensity))),
        subarray=parts[0].subarray,
        answers={name: _answer(name, row, of_event.get(TRUTH)) for name, row in of_event.items()},
    )


def _rows(table, key, name):
    """The rows of a DL2 table that are of an event."""
    require(table, "obs_id", "event_id", where=f"reconstruction {name}")
    rows = table[(np.asarray(table["obs_id"]) == key["obs_id"]) & (np.asarray(table["event_id"]) == key["event_id"])]
    if not len(rows):
        got, expected = f"no event {key['obs_id']}/{key['event_id']}", "the event that is shown"
        raise InputError(f"reconstruction {name}", got, expected, "give the DL2 file that was made of these images")
    return rows


def _known(parts):
    """Rows that know of the whole event without a reconstruction: its truth, and the crossing of the axes."""
    first = parts[0].table
    known = {TRUTH: first[0]} if "true_energy" in first.colnames else {}
    placed = np.isfinite(positions(parts[0].subarray)).all()
    if sum(map(len, parts)) > 1 and placed and all(set(stereo.NEEDED) <= set(part.table.colnames) for part in parts):
        known[STEREO] = build(parts).table[0]
    return known


def _value(name, row, what, unit):
    """A number of a row, in the columns of the truth, the crossing of the axes, or a reconstruction; NaN without."""
    column = {TRUTH: "true_", STEREO: "stereo_"}.get(name, "reco_") + what
    return float(u.Quantity(row[column]).to_value(unit)) if column in row.colnames else np.nan


def _answer(name, row, truth):
    alt, az = (_value(name, row, axis, u.deg) for axis in ("alt", "az"))
    offset = np.nan
    if truth is not None and name != TRUTH:
        offset = float(sky.angular_separation(alt, az, *(_value(TRUTH, truth, axis, u.deg) for axis in ("alt", "az"))))
    return Answer(
        energy=_value(name, row, "energy", u.TeV),
        gammaness=float(row["gammaness"]) if "gammaness" in row.colnames else np.nan,
        offset=offset,
        core=tuple(_value(name, row, f"core_{axis}", u.m) for axis in "xy"),
    )


def _image_view(part, number, of_event, of_images):
    row = part.table[number]
    (image,), (peak_time,) = part.read_pixels([number])
    said = {name: rows[np.asarray(rows["tel_id"]) == row["tel_id"]] for name, rows in of_images.items()}
    said = {name: rows[0] for name, rows in said.items() if len(rows)}
    pointing = tuple(_angle(row, name) for name in POINTING)
    ellipse = np.array([_angle(row, name) for name in ELLIPSE])
    return ImageView(
        telescope=part.subarray.telescope(row["tel_id"]),
        camera=part.camera,
        image=image,
        peak_time=peak_time,
        bright=images.bright_pixels(image[None], images.neighbours(part.camera))[0],
        intensity=float(row["hillas_intensity"]),
        ellipse=ellipse,
        axis_on_ground=_axis_on_ground(ellipse[-1], pointing),
        directions={name: _offset(name, each, pointing) for name, each in (of_event | said).items()},
        answers={name: _answer(name, each, of_event.get(TRUTH)) for name, each in said.items()},
    )


def _angle(row, name):
    return float(row[name].to_value(u.deg)) if name in row.colnames else np.nan


def _offset(name, row, pointing):
    """fov_lon and fov_lat of a direction, seen from a telescope."""
    direction = (_value(name, row, axis, u.deg) for axis in ("alt", "az"))
    return tuple(float(value) for value in sky.altaz_to_fov(*direction, *pointing))


def _axis_on_ground(psi, pointing):
    """An image's axis on the ground: unit vector, x north and y west."""
    axis = np.array([[np.cos(np.deg2rad(psi)), np.sin(np.deg2rad(psi))]])
    (ground,) = sky.tilted_to_ground(axis, *(np.array([value]) for value in (*pointing, *pointing)))
    return ground / np.linalg.norm(ground)
