"""Sites against published fields; a user's own from a file."""

import numpy as np
import pytest
from astropy import units as u

from gammaml.errors import GammamlError, InputError, SettingError
from gammaml.simulation import atmosphere as air
from gammaml.simulation.sites import Site, names, site
from gammaml.simulation.transmission import MARITIME


@pytest.mark.parametrize(
    ("name", "north", "down"),
    [
        ("paranal", 20.925, -9.119),  # uT, CTA's CORSIKA production 4: IGRF-12 at 2020.0
        ("la-palma", 30.576, 23.571),  # CTA's CORSIKA production 5
    ],
)
def test_fields_are_those_of_ctas_simulations_some_years_later(name, north, down):
    assert site(name).field_north.to_value(u.uT) == pytest.approx(north, abs=0.5)  # the field changes by 0.08 uT a year
    assert site(name).field_down.to_value(u.uT) == pytest.approx(down, abs=0.5)


def test_field_along_the_axes_points_up_in_the_south():
    field = site("namibia").magnetic_field
    assert field.unit == u.T
    # The needle points 13.31 degrees west of north.
    np.testing.assert_allclose(field.to_value(u.uT), [11.678, 2.763, 24.72], atol=1e-3)
    assert np.linalg.norm(site("tucson").magnetic_field).to_value(u.uT) == pytest.approx(
        45.85, abs=0.02
    )  # IGRF-14 total


def test_every_site_has_air_of_its_own():
    assert set(names()) == {"la-palma", "paranal", "namibia", "tucson"}
    grounds = [air.atmosphere(site(name).atmosphere).depth(site(name).altitude).value for name in names()]
    assert all(750 < depth < 920 for depth in grounds)
    assert len({site(name).atmosphere for name in names()}) == len(names())


OWN = """
altitude = "4400 m"
latitude = "29.36 deg"
longitude = "100.14 deg"
field_north = "34.6 uT"
field_down = "36.1 uT"

[aerosols]
optical_depth = 0.03
scale_height = "2 km"
"""


def test_own_site_from_a_file(tmp_path):
    path = tmp_path / "high.toml"
    path.write_text(OWN)
    own = site(path)
    assert own.name == "high"
    assert own.altitude == 4.4 * u.km
    assert own.aerosols.scale_height == 2 * u.km
    assert own.atmosphere == "us-standard"


def test_own_site_in_code():
    own = Site("here", 1 * u.km, 0 * u.deg, 0 * u.deg, 30 * u.uT, 0.2 * u.G, aerosols=MARITIME)
    np.testing.assert_allclose(own.magnetic_field.to_value(u.uT), [30, 0, -20])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('altitude = "4400 m"', "", "'altitude'"),
        ('"4400 m"', '"9000 m"', "altitude 9000"),
        ('"4400 m"', '"4400 kg"', "altitude 4400"),
        ('"4400 m"', '"high"', "high"),
        ('"4400 m"', "4400", "altitude 4400"),
        ("altitude", "height", "'height'"),
        ('"34.6 uT"', '"34.6 T"', "field_north 34.6"),
        ("0.03", '"much"', "'<=' not supported"),
        ('"2 km"', '"2 s"', "not convertible"),
        ("optical_depth", "depth", "'depth'"),
        ("altitude =", 'atmosphere = "mars"\naltitude =', "mars"),
        ("[aerosols]", "[aerosols", "high.toml"),
    ],
)
def test_bad_files_are_one_line(tmp_path, old, new, message):
    path = tmp_path / "high.toml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(GammamlError, match=message) as error:
        site(path)
    assert "\n" not in str(error.value)


def test_unknown_sites():
    with pytest.raises(SettingError, match="one of la-palma, paranal"):
        site("mars")
    with pytest.raises(InputError, match=r"missing\.toml"):
        site("missing.toml")
