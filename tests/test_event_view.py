"""One event out of many, and what a picture of it says."""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from made_events import made_events

from gammaml import event_view, sky
from gammaml.errors import InputError
from gammaml.event_view import STEREO, TRUTH
from gammaml.events import concatenate

EVENTS = concatenate([made_events(3, obs_id=1), made_events(3, primary=101, obs_id=2)])


def dl2_of(events, **columns):
    """A DL2 table of array level with given columns, for the first event of some images."""
    table = events.table[:1][["obs_id", "event_id", "pointing_alt", "pointing_az"]]
    return QTable({**{name: table[name] for name in table.colnames}, **columns})


def test_events_are_listed_by_their_keys():
    table = event_view.list_events(EVENTS)
    assert len(table) == 12
    assert list(table["obs_id"]) == sorted(table["obs_id"])
    assert (table["multiplicity"] == 2).all()
    first = EVENTS.table[(EVENTS.table["obs_id"] == 2) & (EVENTS.table["event_id"] == 101)]
    row = table[(table["obs_id"] == 2) & (table["event_id"] == 101)]
    assert row["hillas_intensity"] == pytest.approx(first["hillas_intensity"].sum())
    assert row["true_energy"] == first["true_energy"][0]


def test_an_event_by_its_ids_by_its_number_and_by_its_light():
    (by_id,) = event_view.select_event(EVENTS, obs_id=2, event_id=101)
    assert set(by_id.table["event_id"]) == {101}
    assert set(by_id.table["obs_id"]) == {2}
    assert set(by_id.table["tel_id"]) == {1, 2}
    table = event_view.list_events(EVENTS)
    (by_number,) = event_view.select_event(EVENTS, index=7)
    assert by_number.table["event_id"][0] == table["event_id"][7]
    (brightest,) = event_view.select_event(EVENTS)
    assert brightest.table["hillas_intensity"].max() == EVENTS.table["hillas_intensity"].max()


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"event_id": 103}, "made: event 103: got no images of it, expected one of 12 .* 1/101, 2/101, 1/100"),
        ({"obs_id": 7, "event_id": 101}, "event 7/101"),
        ({"event_id": 101}, "one of 1/101, 2/101; give the obs_id"),
        ({"index": 12}, "index 12, expected 0 to 11"),
    ],
)
def test_no_such_event(choice, words):
    with pytest.raises(InputError, match=words):
        event_view.select_event(EVENTS, **choice)


def test_no_events_and_too_many():
    with pytest.raises(InputError, match="no image"):
        event_view.list_events(EVENTS[:0])
    with pytest.raises(InputError, match="12 events, expected one"):
        event_view.view_event(EVENTS)


def test_what_a_picture_shows():
    chosen = event_view.select_event(EVENTS, obs_id=1, event_id=101)
    view, table = event_view.view_event(chosen), chosen[0].table
    assert (view.obs_id, view.event_id, view.primary) == (1, 101, "gamma")
    assert view.answers[TRUTH].energy == table["true_energy"][0].to_value(u.TeV)
    assert view.answers[TRUTH].core == (table["true_core_x"][0].value, table["true_core_y"][0].value)
    assert [image.intensity for image in view.images] == sorted(table["hillas_intensity"], reverse=True)
    for image in view.images:
        row = table[table["tel_id"] == image.telescope.tel_id][0]
        place = [row[name].to_value(u.deg) for name in ("true_fov_lon", "true_fov_lat")]
        np.testing.assert_allclose(image.directions[TRUTH], place, atol=1e-6)
        assert image.ellipse[4] == row["hillas_psi"].value
        assert image.image[image.bright].min() > np.median(image.image[~image.bright])


def test_reconstructions_of_the_event_and_of_its_images():
    (chosen,) = event_view.select_event(EVENTS, obs_id=1, event_id=101)
    truth = chosen.table[0]
    alt, az = truth["true_alt"] + 0.1 * u.deg, truth["true_az"]
    of_event = dl2_of(chosen, reco_alt=[alt.value] * u.deg, reco_az=[az.value] * u.deg, reco_energy=[3.0] * u.TeV)
    of_images = chosen.table[["obs_id", "event_id", "tel_id"]]
    of_images["gammaness"] = [0.25, 0.75]
    view = event_view.view_event(chosen, {"network": of_event, "images": of_images})
    assert view.answers["network"].offset == pytest.approx(0.1, abs=1e-6)
    assert view.answers["network"].energy == 3.0
    assert "images" not in view.answers
    expected = sky.altaz_to_fov(alt.value, az.value, 70.0, 180.0)
    for image in view.images:
        np.testing.assert_allclose(image.directions["network"], expected, atol=1e-9)
        assert image.answers["images"].gammaness == {1: 0.25, 2: 0.75}[image.telescope.tel_id]


def test_a_reconstruction_of_other_events():
    (chosen,) = event_view.select_event(EVENTS, obs_id=1, event_id=101)
    other = dl2_of(event_view.select_event(EVENTS, obs_id=2, event_id=101)[0])
    with pytest.raises(InputError, match="no event 1/101"):
        event_view.view_event(chosen, {"network": other})


def test_axes_cross_where_there_are_two_images():
    (pair,) = event_view.select_event(EVENTS, index=0)
    assert STEREO in event_view.view_event(pair).answers
    assert STEREO not in event_view.view_event(pair[:1]).answers


@pytest.mark.parametrize(("psi", "north_west"), [(90, (1, 0)), (0, (0, 1)), (45, (1, 1))])
def test_the_axis_of_an_image_on_the_ground(psi, north_west):
    """A telescope that points to the zenith, its fov_lat to the north and its fov_lon to the east or west."""
    event = made_events(1, n_telescopes=1, n_uses=1)
    event.table["pointing_alt"], event.table["pointing_az"] = 90 * u.deg, 0 * u.deg
    event.table["hillas_psi"] = psi * u.deg
    axis = event_view.view_event(event).images[0].axis_on_ground
    assert abs(axis @ np.array(north_west) / np.linalg.norm(north_west)) == pytest.approx(1)


def test_events_without_truth_or_positions():
    (pair,) = event_view.select_event(EVENTS, index=0)
    names = [name for name in pair.table.colnames if not name.startswith("true_")]
    telescopes = tuple(replace(each, position=np.full(3, np.nan)) for each in pair.subarray.telescopes)
    bare = replace(pair, table=pair.table[names], subarray=replace(pair.subarray, telescopes=telescopes))
    view = event_view.view_event(bare)
    assert view.primary == ""
    assert view.answers == {}
    assert view.images[0].directions == {}
