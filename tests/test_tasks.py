"""Targets and their inverses."""

import astropy.units as u
import numpy as np
import pytest
from made_events import made_events

from gammaml import tasks
from gammaml.errors import InputError, SettingError


@pytest.mark.parametrize("name", ["energy", "direction", "gammaness"])
def test_the_inverse_gives_the_truth_back(mixed_events, name):
    (task,) = tasks.get_tasks(name)
    columns = tasks.to_columns(task, tasks.target(task, mixed_events), mixed_events.table)
    table = mixed_events.table
    if name == "gammaness":
        np.testing.assert_array_equal(columns["gammaness"], mixed_events.is_gamma)
    if name == "energy":
        np.testing.assert_allclose(columns["reco_energy"].to_value(u.TeV), table["true_energy"].value, rtol=1e-6)
    if name == "direction":
        for part in ("alt", "az"):
            np.testing.assert_allclose(columns[f"reco_{part}"].value, table[f"true_{part}"].value, atol=1e-5)


def test_hadrons_take_no_part_in_regressions(mixed_events):
    np.testing.assert_array_equal(tasks.takes_part(tasks.ENERGY, mixed_events), mixed_events.is_gamma)
    np.testing.assert_array_equal(tasks.takes_part(tasks.DIRECTION, mixed_events), mixed_events.is_gamma)
    assert tasks.takes_part(tasks.GAMMANESS, mixed_events).all()


@pytest.mark.parametrize("names", ["impact", ("energy", "energy"), ()])
def test_unknown_repeated_or_no_task(names):
    with pytest.raises(SettingError):
        tasks.get_tasks(names)


def test_negative_energy_is_refused():
    events = made_events(3)
    events.table["true_energy"][0] = -1 * u.TeV
    with pytest.raises(InputError, match="-1 TeV"):
        tasks.target(tasks.ENERGY, events)


def test_missing_truth_is_named():
    events = made_events(3)
    events.table.remove_column("true_energy")
    with pytest.raises(InputError, match="'true_energy'"):
        tasks.target(tasks.ENERGY, events)
