"""Fixtures shared by all tests."""

import pathlib

import pytest
from made_events import made_events

from gammaml.events import concatenate

SHARED_DATA = pathlib.Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real files; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no folder {SHARED_DATA.name} of real files beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def mixed_events():
    """Made-up gammas and protons: 240 images of 60 showers."""
    return concatenate([made_events(30, primary=0, obs_id=1), made_events(30, primary=101, obs_id=2)])
