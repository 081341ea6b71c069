"""The air and what it lets through, against published numbers."""

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given
from hypothesis import strategies as st

from gammaml.errors import GammamlError, InputError, SettingError
from gammaml.simulation import atmosphere as air
from gammaml.simulation import transmission as light

DEPTH = u.g / u.cm**2
US = air.atmosphere("us-standard")
SITES = [name for name in air.names() if name != "us-standard"]


def test_us_standard_has_corsikas_depths_and_densities():
    # CORSIKA user's guide, table D.1: 1036.1, 631.1, 271.7, 3.0395 g/cm2 at 0, 4, 10, 40 km
    np.testing.assert_allclose(US.depth([0, 4, 10, 40] * u.km).value, [1036.1, 631.1, 271.7, 3.0395], rtol=1e-4)
    # US standard atmosphere 1976: 1.225e-3, 4.135e-4, 8.891e-5 g/cm3 at 0, 10, 20 km; Linsley's fit is good to 3 %
    densities = US.density([0, 10, 20] * u.km).value
    np.testing.assert_allclose(densities, [1.225e-3, 4.135e-4, 8.891e-5], rtol=0.035)


@pytest.mark.parametrize("name", air.names())
@given(height=st.floats(0, 112e3))
def test_height_inverts_depth(name, height):
    layers = air.atmosphere(name).layers
    assert air.height(air.depth(height, layers), layers) == pytest.approx(height, abs=0.01)


@pytest.mark.parametrize("name", air.names())
def test_density_is_the_slope_of_the_depth(name):
    atmosphere = air.atmosphere(name)
    heights = np.linspace(50, 45e3, 400) * u.m
    slope = (atmosphere.depth(heights - 1 * u.m) - atmosphere.depth(heights + 1 * u.m)) / (2 * u.m)
    across_a_bottom = np.abs(heights.value[:, None] - atmosphere.layers.bottom).min(axis=1) < 1
    assert not across_a_bottom.all()
    np.testing.assert_allclose(
        atmosphere.density(heights)[~across_a_bottom], slope.to(u.g / u.cm**3)[~across_a_bottom], rtol=1e-4
    )


def test_above_the_atmosphere_there_is_nothing():
    for name in air.names():
        layers = air.atmosphere(name).layers
        assert air.depth(120e3, layers) == 0
        assert air.density(0.0, layers) == 0
        assert air.height(0.0, layers) == pytest.approx(112.8e3, rel=1e-3)  # CORSIKA: 112.8 km


def test_refraction_and_cherenkov_light_at_sea_level():
    sea = 0 * u.m
    assert US.refractive_index(sea) - 1 == pytest.approx(2.83e-4, rel=1e-6)  # CORSIKA user's guide, CERENKOV option
    assert US.cherenkov_threshold(sea) * 0.511 == pytest.approx(21.5, abs=0.1)  # MeV, Jelley 1958: 21 MeV
    assert US.cherenkov_angle(sea).to_value(u.deg) == pytest.approx(1.363, abs=0.005)  # sqrt(2 (n - 1))


def test_paranal_is_the_air_of_ctas_simulations():
    # inputs of CTA's CORSIKA production 4: atmosphere 26 at 2150 m has 798.805 g/cm2, 9.5108e-4 g/cm3, n - 1 2.1986e-4
    paranal = air.atmosphere("paranal")
    ground = 2150 * u.m
    assert paranal.depth(ground).value == pytest.approx(798.805, rel=5e-4)
    assert paranal.density(ground).value == pytest.approx(9.5108e-4, rel=5e-3)
    assert paranal.refractive_index(ground) - 1 == pytest.approx(2.1986e-4, rel=5e-3)
    assert paranal.cherenkov_angle(ground).value == pytest.approx(1.2014, rel=3e-3)
    # the same profile at 5, 10, 15, 20 km
    depths = paranal.depth([5, 10, 15, 20] * u.km).value
    np.testing.assert_allclose(depths, [563.745, 288.705, 132.002, 57.5598], rtol=2e-3)


def test_la_palma_is_the_air_of_ctas_simulations():
    # profile 36 of sim_telarray (K. Bernloehr) at 2, 5, 10, 15, 20 km
    la_palma = air.atmosphere("la-palma")
    depths = la_palma.depth([2, 5, 10, 15, 20] * u.km).value
    np.testing.assert_allclose(depths, [829.804, 575.329, 293.332, 133.987, 58.5946], rtol=2e-3)
    refractivity = la_palma.refractive_index([2, 5, 10, 20] * u.km) - 1
    np.testing.assert_allclose(refractivity, [2.27170e-4, 1.67562e-4, 9.81559e-5, 2.18742e-5], rtol=0.015)


@pytest.mark.parametrize("name", SITES)
def test_layers_follow_the_stored_table(name):
    table = air.read_profile(air.DATA / f"atmosphere_{name}.dat")
    table = table[table["height"] <= 40 * u.km]
    atmosphere = air.atmosphere(name)
    np.testing.assert_allclose(atmosphere.depth(table["height"]), table["depth"], rtol=0.005)
    np.testing.assert_allclose(atmosphere.density(table["height"]), table["density"], rtol=0.015)


def test_fit_recovers_an_isothermal_atmosphere():
    heights = np.linspace(0, 60, 61) * u.km
    layers = air.fit_layers(heights, 1030 * DEPTH * np.exp(-(heights / (8 * u.km)).to_value(u.one)))
    assert air.depth(7000.0, layers) == pytest.approx(1030 * np.exp(-7 / 8), rel=1e-6)
    assert air.density(500.0, layers) == pytest.approx(500 / 8e5, rel=1e-6)


def write_profile(path, heights, depth_unit=1.0):
    depth = 1030 * np.exp(-heights / 8)
    np.savetxt(
        path, np.column_stack([heights, depth / 8e5, depth * depth_unit, 0.23 * depth / 8e5]), header="a profile"
    )
    return path


def test_own_profile_from_a_file(tmp_path):
    own = air.atmosphere(write_profile(tmp_path / "own.dat", np.linspace(0, 60, 61)))
    assert own.name == "own"
    assert own.density(8 * u.km).value == pytest.approx(1030 / 8e5 / np.e, rel=1e-3)
    assert own.refractivity_per_density == pytest.approx(0.23)


@pytest.mark.parametrize(
    ("heights", "unit", "message"),
    [
        (np.linspace(0, 40, 41), 1, "heights from 0 to 40 km"),
        (np.linspace(2, 60, 41), 1, "heights from 2 to 60 km"),
        (np.linspace(60, 0, 41), 1, "rows out of order"),
        (np.linspace(0, 60, 5), 1, "at least 10 rows"),
        (np.linspace(0, 60, 61), 10, "disagree by 90%"),
        (np.append(np.linspace(0, 60, 61), np.nan), 1, "not finite"),
    ],
)
def test_bad_profiles_are_one_line(tmp_path, heights, unit, message):
    with pytest.raises(InputError, match=message) as error:
        air.atmosphere(write_profile(tmp_path / "bad.dat", heights, unit))
    assert "\n" not in str(error.value)


def test_unknown_names_and_files_are_one_line(tmp_path):
    (tmp_path / "words.dat").write_text("not a table\n")
    for name in ("mars", tmp_path / "missing.dat", tmp_path / "words.dat"):
        with pytest.raises(GammamlError, match="expected") as error:
            air.atmosphere(name)
        assert "\n" not in str(error.value)


def vertical(height, wavelength, **changed):
    settings = {"observer": 0 * u.m, "atmosphere": US, "aerosols": light.NO_AEROSOLS} | changed
    return light.optical_depth(height, wavelength, **settings)[0]


def test_rayleigh_optical_depth_of_the_whole_atmosphere():
    # Bodhaine et al. 1999, J. Atmos. Ocean. Technol. 16, 1854, table 3: 0.3602 at 400 nm, 0.0970 at 550 nm, 1033 g/cm2
    molecules = 1033.2 * light.MOLECULES_PER_GRAM * light.rayleigh_cross_section([400, 550])
    np.testing.assert_allclose(molecules, [0.3602, 0.0970], rtol=0.005)
    assert vertical(100 * u.km, 400 * u.nm)[0] == pytest.approx(0.36, rel=0.01)


def test_ozone_optical_depth():
    # van Weele et al. 2000, J. Geophys. Res. 105, 4915, table 5: 0.687 at 310 nm through 295 Dobson units
    absorbed = 0.295 * light.ozone_absorption(310.0)
    assert absorbed == pytest.approx(0.687, rel=0.17)  # warm ozone of Leckner absorbs more at the edge of the band
    assert light.ozone_above(0.0) == pytest.approx(0.3)  # 300 Dobson units
    assert light.ozone_above(10e3) / light.ozone_above(0.0) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("wavelength", "expected"),
    # MODTRAN, tropical, desert, from 5, 10, 20, 100 km to 2147 m: sim_telarray, atm_trans_2147_1_10_0_0_2147
    [
        (330, (0.266051, 0.524953, 0.721444, 0.800955)),
        (361, (0.202338, 0.389272, 0.523584, 0.560366)),
        (400, (0.152793, 0.285172, 0.375533, 0.401741)),
        (430, (0.127121, 0.232184, 0.300958, 0.321797)),
        (550, (0.071281, 0.122474, 0.153251, 0.181077)),
    ],
)
def test_transmission_follows_modtran(wavelength, expected):
    paranal = air.atmosphere("paranal")
    settings = {"observer": 2147 * u.m, "atmosphere": paranal, "aerosols": light.DESERT}
    passed = light.transmission([5, 10, 20, 100] * u.km, wavelength * u.nm, **settings)[:, 0]
    np.testing.assert_allclose(passed, np.exp(-np.array(expected)), rtol=0.015)


def test_inclined_light_crosses_more_air():
    settings = {"observer": 2 * u.km, "atmosphere": US, "aerosols": light.MARITIME}
    heights, wavelengths = [3, 8, 12] * u.km, [300, 400] * u.nm
    straight = light.transmission(heights, wavelengths, **settings)
    inclined = light.transmission(heights, wavelengths, zenith=60 * u.deg, **settings)
    np.testing.assert_allclose(inclined, straight**2)
    assert straight.shape == (3, 2)


def test_light_from_below_the_observer_is_not_dimmed():
    assert vertical(1 * u.km, 400 * u.nm, observer=2 * u.km) == 0


def test_transmission_refuses_what_it_cannot_do():
    with pytest.raises(SettingError, match="240 to 1000 nm"):
        vertical(10 * u.km, 200 * u.nm)
    with pytest.raises(SettingError, match="0 to 80 deg"):
        light.transmission(
            10 * u.km, 400 * u.nm, observer=0 * u.m, atmosphere=US, aerosols=light.DESERT, zenith=90 * u.deg
        )
    with pytest.raises(SettingError, match="0 to 20 km"):
        light.Aerosols(0.1, -1 * u.km)
