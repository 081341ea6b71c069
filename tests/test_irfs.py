"""Instrument response functions: known answers come back, pyirf's are the same, files hold them."""

import json

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from fake_dl2 import E_MAX, E_MIN, INDEX, RADIUS, array_events, simulated_run
from made_events import made_subarray
from pyirf.irf import background_2d, effective_area_per_energy_and_fov, energy_dispersion, psf_table
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import IRFDOC_ELECTRON_SPECTRUM, IRFDOC_PROTON_SPECTRUM, PowerLaw, calculate_event_weights
from pyirf.utils import cone_solid_angle

from gammaml import performance
from gammaml.errors import InputError, OutputError, SettingError, StatisticsWarning
from gammaml.io.dl2 import read_dl2, write_dl2
from gammaml.io.irf_file import passed_cuts, read_irf_hdus, write_irfs
from gammaml.performance import IrfSettings, build_irfs
from gammaml.sky import angular_separation

AREA = np.pi * RADIUS**2
CONE = 2.0
WIDE = {"bins_per_decade": 2, "fov_offset_bins": [0, 1, CONE] * u.deg}
SETTINGS = IrfSettings(**WIDE)
SIGMA = 0.1  # degrees
CONTAINMENT_68 = SIGMA * np.sqrt(-2 * np.log(1 - 0.68))
pytestmark = pytest.mark.filterwarnings("ignore::gammaml.errors.StatisticsWarning")


@pytest.fixture(scope="module")
def gammas():
    return array_events(40_000, 0, np.random.default_rng(1), cone=CONE, sigma=SIGMA, bias=0.1)


@pytest.fixture(scope="module")
def protons():
    return array_events(20_000, 101, np.random.default_rng(2), cone=CONE, sigma=0, width=0)


@pytest.fixture(scope="module")
def both(gammas, protons):
    return performance.combine([gammas, protons])


@pytest.fixture(scope="module")
def irfs(both):
    return build_irfs(both, SETTINGS)


# Known answers


def test_the_cut_keeps_the_share_of_gammas(irfs):
    cuts = irfs.gammaness_cuts[irfs.gammaness_cuts["n_events"] > 100]
    scatter = np.sqrt(0.7 * 0.3 / cuts["n_events"])  # of the 30th percentile of even numbers
    assert np.all(np.abs(cuts["cut"] - 0.3) < 4 * scatter)


def test_effective_area_comes_back(irfs):
    inner = slice(1, -1)  # at the ends some energies are reconstructed outside the bins
    area, uncert = (values.to_value(u.m**2)[inner] for values in (irfs.effective_area, irfs.effective_area_uncert))
    assert area.shape == (2, 2)
    assert np.all(np.abs(area - 0.7 * AREA) < 4 * uncert)
    np.testing.assert_allclose(uncert / area, 1 / np.sqrt(irfs.n_gamma[inner]), rtol=1e-9)
    assert np.all(uncert < 0.05 * area)


def test_energy_bias_and_resolution_come_back(irfs):
    middle, width = (irfs.migration_bins[1:] + irfs.migration_bins[:-1]) / 2, np.diff(irfs.migration_bins)
    for row in (1, 2):
        for column in (0, 1):
            share = irfs.energy_dispersion[row, :, column] * width
            mean = np.sum(share * middle)
            assert share.sum() == pytest.approx(1)
            assert mean - 1 == pytest.approx(0.1, abs=4 * 0.2 / np.sqrt(irfs.n_gamma[row, column]))
            assert np.sqrt(np.sum(share * (middle - mean) ** 2)) == pytest.approx(0.2, abs=0.015)


def test_point_spread_comes_back(irfs):
    solid_angle = np.diff(cone_solid_angle(irfs.source_offset_bins))
    cumulative = np.cumsum((irfs.psf * solid_angle).to_value(u.one), axis=-1)[1, 0]
    assert cumulative[-1] == pytest.approx(1)
    edges = irfs.source_offset_bins[1:].to_value(u.deg)
    assert np.interp(0.68, cumulative, edges) == pytest.approx(CONTAINMENT_68, rel=0.04)


def test_background_comes_back(irfs, protons):
    energy, expected = irfs.energy_bins, np.empty(irfs.background.shape)
    norm, index = IRFDOC_PROTON_SPECTRUM.normalization.to_value("1/(m2 s TeV sr)"), IRFDOC_PROTON_SPECTRUM.index
    powers = energy.to_value(u.TeV) ** (index + 1)
    expected[:] = (norm * np.diff(powers) / (index + 1) / np.diff(energy.to_value(u.TeV)))[:, np.newaxis] * AREA
    passed = 1 - np.sqrt(irfs.gammaness_cuts["cut"])[:, np.newaxis]
    found = irfs.background.to_value("1/(s TeV sr)") / (expected * passed)
    assert np.all(np.abs(found - 1) < 4 / np.sqrt(irfs.n_background))
    assert irfs.n_background.sum() == pytest.approx(0.45 * len(protons), rel=0.03)


def test_electrons_add_to_the_background(both, irfs):
    electrons = array_events(5000, 1, np.random.default_rng(3), cone=CONE, sigma=0, width=0)
    electrons["obs_id"], electrons.meta["simulation"]["obs_id"] = 3, 3
    more = build_irfs(performance.combine([both, electrons]), SETTINGS).background - irfs.background
    flux = IRFDOC_ELECTRON_SPECTRUM(np.sqrt(irfs.energy_bins[1:] * irfs.energy_bins[:-1])).to("1/(m2 s TeV sr)")
    ratio = (more / (0.45 * AREA * u.m**2 * flux[:, np.newaxis])).to_value(u.one)
    assert np.all((ratio > 0.6) & (ratio < 2.5))  # the flux in the middle of a wide bin


def test_point_like_irfs(both):
    point_like = build_irfs(both, IrfSettings(theta_containment=0.68, **WIDE))
    assert point_like.psf is None
    np.testing.assert_allclose(point_like.rad_max.to_value(u.deg)[1:-1], CONTAINMENT_68, rtol=0.06)
    area, uncert = (values[1:-1].value for values in (point_like.effective_area, point_like.effective_area_uncert))
    assert np.all(np.abs(area - 0.7 * 0.68 * AREA) < 4 * uncert)
    fixed = build_irfs(both, IrfSettings(theta_cut=0.1 * u.deg, **WIDE))
    assert (fixed.rad_max == 0.1 * u.deg).all()
    inside = 1 - np.exp(-0.5)
    uncert = fixed.effective_area_uncert[1:-1].value
    assert np.all(np.abs(fixed.effective_area[1:-1].value - 0.7 * inside * AREA) < 4 * uncert)


def test_gammas_of_one_direction(protons):
    gammas = array_events(10_000, 0, np.random.default_rng(4), offset=0.5)
    found = build_irfs(performance.combine([gammas, protons]), IrfSettings(bins_per_decade=2))
    np.testing.assert_array_equal(found.fov_offset_bins.value, [0, 1])
    area, uncert = found.effective_area[1:-1].value, found.effective_area_uncert[1:-1].value
    assert np.all(np.abs(area - 0.7 * AREA) < 4 * uncert)


def test_showers_of_the_training_do_not_count(both, irfs):
    table = both.copy()
    share = np.where(table["true_shower_primary_id"] == 0, 0.3, 0.6)
    table["in_training"] = np.random.default_rng(0).uniform(size=len(table)) < share
    found = build_irfs(table, SETTINGS)
    assert found.n_gamma.sum() == pytest.approx(0.7 * irfs.n_gamma.sum(), rel=0.02)
    ratio = (found.effective_area / irfs.effective_area).value[1:-1]
    np.testing.assert_allclose(ratio, 1, atol=0.06)
    np.testing.assert_allclose((found.background / irfs.background).value.mean(), 1, atol=0.06)


def test_runs_of_different_radius_and_cone_add_up(both):
    rng = np.random.default_rng(5)
    wide = array_events(10_000, 0, rng, cone=1, bias=0.1)  # thrown over four times the area, the rest not seen
    wide["obs_id"] = 7
    changes = {"max_scatter_range": 2 * RADIUS * u.m, "max_viewcone_radius": 1 * u.deg}
    wide.meta["simulation"] = simulated_run(7, 40_000, **changes)
    found = build_irfs(performance.combine([both, wide]), SETTINGS)
    area, uncert = found.effective_area[1:-1].value, found.effective_area_uncert[1:-1].value
    assert np.all(np.abs(area - 0.7 * AREA) < 4 * uncert)


# Equal to pyirf


def test_the_same_as_pyirf(both, irfs):
    events = QTable(both, copy=True)
    pointing = events["pointing_alt"].value, events["pointing_az"].value
    for kind in ("true", "reco"):
        direction = events[f"{kind}_alt"].value, events[f"{kind}_az"].value
        events[f"{kind}_source_fov_offset"] = angular_separation(*direction, *pointing) * u.deg
    names = ("true_alt", "true_az", "reco_alt", "reco_az")
    events["theta"] = angular_separation(*(events[name].value for name in names)) * u.deg
    cuts = fits.BinTableHDU(irfs.gammaness_cuts)
    events = events[passed_cuts(events["gammaness"], events["reco_energy"].to_value(u.TeV), cuts)]
    gamma = events["true_shower_primary_id"] == 0
    infos = [_info(n) for n in (40_000, 20_000)]
    bins, offsets = irfs.energy_bins, irfs.fov_offset_bins
    area = effective_area_per_energy_and_fov(events[gamma], infos[0], bins, offsets)
    np.testing.assert_allclose(irfs.effective_area.value, area.to_value(u.m**2), rtol=1e-9)
    dispersion = energy_dispersion(events[gamma], bins, offsets, irfs.migration_bins)
    np.testing.assert_allclose(irfs.energy_dispersion, dispersion, rtol=1e-12)
    psf = psf_table(events[gamma], bins, irfs.source_offset_bins, offsets)
    np.testing.assert_allclose(irfs.psf.value, psf.to_value(irfs.psf.unit), rtol=1e-12)
    hadrons, time = events[~gamma], 50 * u.h
    spectra = IRFDOC_PROTON_SPECTRUM, PowerLaw.from_simulation(infos[1], time)
    hadrons["weight"] = calculate_event_weights(hadrons["true_energy"], *spectra)
    rate = background_2d(hadrons, bins, offsets, time)
    np.testing.assert_allclose(irfs.background.value, rate.to_value(irfs.background.unit), rtol=1e-9)


def _info(n_showers):
    energies = {"energy_min": E_MIN * u.TeV, "energy_max": E_MAX * u.TeV, "spectral_index": INDEX}
    cone = {"viewcone_min": 0 * u.deg, "viewcone_max": CONE * u.deg}
    return SimulatedEventsInfo(n_showers=n_showers, max_impact=RADIUS * u.m, **energies, **cone)


# Files


@pytest.fixture(scope="module")
def dl2_files(gammas, protons, tmp_path_factory):
    folder, paths = tmp_path_factory.mktemp("dl2"), []
    for name, table in (("gamma", gammas[:4000]), ("proton", protons[:2000])):
        table = table.copy()
        table["telescopes"] = np.ones((len(table), 2), bool)
        table["multiplicity"] = 2
        table.meta |= {"reconstructor": "Gammaml", "subarray": made_subarray()}
        table.meta["simulation"]["n_showers"] = [len(table)]
        paths.append(folder / f"{name}.dl2.h5")
        write_dl2(table, paths[-1])
    return paths


@pytest.mark.parametrize("point_like", [False, True])
def test_the_file(irfs, both, point_like, tmp_path):
    if point_like:
        irfs = build_irfs(both, IrfSettings(theta_containment=0.68, **WIDE))
    path = tmp_path / "irf.fits.gz"
    write_irfs(irfs, path, inputs=[{"name": "gämma.h5", "sha256": "0" * 64}])
    with fits.open(path) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        assert json.loads(header["SETTINGS"])["gamma_efficiency"] == 0.7
        assert (header["INFIL1"], header["INSHA1"]) == (r"g\xe4mma.h5", "0" * 64)
        assert header["CREATOR"].startswith("gammaml ")
        area = hdus["EFFECTIVE AREA"]
        assert area.header["HDUCLAS3"] == ("POINT-LIKE" if point_like else "FULL-ENCLOSURE")
        np.testing.assert_allclose(area.data["EFFAREA"][0].T, irfs.effective_area.value)
        np.testing.assert_allclose(area.data["THETA_HI"][0], [1, 2])
        np.testing.assert_allclose(hdus["ENERGY DISPERSION"].data["MATRIX"][0].T, irfs.energy_dispersion)
        np.testing.assert_allclose(hdus["BACKGROUND"].data["BKG"][0].T, irfs.background.to_value("1/(MeV s sr)"))
        np.testing.assert_allclose(hdus["GH_CUTS"].data["cut"], irfs.gammaness_cuts["cut"])
        classes = {hdu.header["HDUCLAS4"] for hdu in hdus if "HDUCLAS4" in hdu.header}
        assert classes == {"AEFF_2D", "EDISP_2D", "BKG_2D", "RAD_MAX_2D" if point_like else "PSF_TABLE"}
    before = path.read_bytes()
    with pytest.raises(OutputError, match="a file that exists"):
        write_irfs(irfs, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["irf.fits.gz"]


def test_the_verb(gammaml, dl2_files, tmp_path):
    path = tmp_path / "irf.fits.gz"
    options = ("--gamma-efficiency", 0.8, "--theta-cut", 0.2, "--energy", "0.1,10", "--offsets", "0,1,2")
    result = gammaml("irf", *dl2_files, "-o", path, *options, "--bins-per-decade", 3)
    assert result.exit_code == 0, result.stderr
    assert "keeps 80% of the gammas" in result.stdout
    hdus = read_irf_hdus(path)
    assert hdus["RAD_MAX"].data["RAD_MAX"].shape == (1, 2, 6)
    assert (hdus[0].header["INFIL1"], hdus[0].header["INFIL2"]) == ("gamma.dl2.h5", "proton.dl2.h5")
    result = gammaml("irf", *dl2_files, "-o", path)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "--overwrite" in result.stderr
    assert gammaml("irf", *dl2_files, "-o", path, "--overwrite").exit_code == 0
    assert "PSF" in read_irf_hdus(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--offsets", "0,5,6"), "where no gamma was thrown"),
        (("--energy", "100,200"), "where no gamma was thrown"),
        (("--energy", "1,2,3"), "is not 2 numbers"),
        (("--gamma-efficiency", "0"), "more than 0, at most 1"),
        (("--theta-cut", "0.1", "--theta-containment", "0.5"), "one of them"),
        (("--offsets", "1,0"), "increasing edges"),
        (("--reconstructor", "Nobody"), "got reconstructors Gammaml"),
    ],
)
def test_what_the_verb_refuses(gammaml, dl2_files, tmp_path, options, message):
    result = gammaml("irf", *dl2_files, "-o", tmp_path / "irf.fits", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_irf_hdus(tmp_path / "none.fits")
    (tmp_path / "text.fits").write_text("no FITS")
    with pytest.raises(InputError, match="no whole FITS file"):
        read_irf_hdus(tmp_path / "text.fits")
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(InputError, match="EFFECTIVE AREA"):
        read_irf_hdus(tmp_path / "empty.fits")


# Bad input


def test_kinds_that_are_missing(gammas, protons):
    with pytest.raises(InputError, match="no protons"):
        build_irfs(performance.combine([gammas]))
    with pytest.raises(InputError, match="no gammas"):
        build_irfs(performance.combine([protons]))


@pytest.mark.parametrize("name", ["true_energy", "gammaness", "reco_alt", "pointing_alt", "true_shower_primary_id"])
def test_columns_that_are_missing(both, name):
    table = both.copy()
    table.remove_column(name)
    with pytest.raises(InputError, match=f"expected a column '{name}'"):
        build_irfs(table)


def test_rows_of_images_or_test_events_alone(both):
    table = both.copy()
    table["tel_id"] = 1  # of one telescope alone, images are events
    assert len(build_irfs(table, SETTINGS).n_gamma) == 4
    table["event_id"] = np.arange(len(table)) // 2
    with pytest.raises(InputError, match="a row an image"):
        build_irfs(table)
    table = both.copy()
    table["in_training"] = np.arange(len(table)) % 2 == 0
    with pytest.raises(InputError, match="test events alone"):
        build_irfs(performance.test_events(table))
    table["in_training"] = table["true_shower_primary_id"] == 101
    with pytest.raises(InputError, match="protons: got only events of the training"):
        build_irfs(table)


def test_events_without_a_prediction(both, irfs):
    table = both.copy()
    table["gammaness"][::2] = np.nan
    half = build_irfs(table, SETTINGS)
    ratio = (half.effective_area / irfs.effective_area).value[1:-1]
    np.testing.assert_allclose(ratio, 0.5, atol=0.05)
    assert "not reconstructed" in half.meta["counts"]
    table["gammaness"][table["true_shower_primary_id"] == 101] = np.nan
    with pytest.raises(InputError, match="protons: got no usable value"):
        build_irfs(table)


def test_what_was_thrown_does_not_fit(both, gammas, protons):
    other = protons.copy()
    other.meta["simulation"] = simulated_run(2, 20_000, max_viewcone_radius=1 * u.deg)
    with pytest.raises(InputError, match="expected events within the thrown energies and cone"):
        build_irfs(performance.combine([gammas, other]), SETTINGS)
    other.meta["simulation"] = simulated_run(2, 20_000)
    with pytest.raises(InputError, match="background from one direction"):
        build_irfs(performance.combine([gammas, other]), SETTINGS)
    with pytest.raises(SettingError, match="where no gamma was thrown"):
        build_irfs(both, IrfSettings(fov_offset_bins=[0, 2, 3] * u.deg))
    table = both.copy()
    table.meta["simulation"] = None
    with pytest.raises(InputError, match="no simulated runs"):
        build_irfs(table, SETTINGS)


@pytest.mark.filterwarnings("default::gammaml.errors.StatisticsWarning")
def test_few_events_are_said(gammas, protons):
    few = protons[:50].copy()
    few.meta["simulation"]["n_showers"] = [50]
    with pytest.warns(StatisticsWarning) as said:
        build_irfs(performance.combine([gammas[:500], few]), IrfSettings())
    text = " ".join(str(warning.message) for warning in said)
    assert "hold fewer than 10" in text
    assert "background events pass the cut in gammaness" in text


def test_other_nuclei_do_not_count(both, irfs):
    helium = array_events(1000, 402, np.random.default_rng(6))
    helium["obs_id"], helium.meta["simulation"]["obs_id"] = 4, 4
    with pytest.warns(UserWarning, match="the primaries 402 do not count"):
        found = build_irfs(performance.combine([both, helium]), SETTINGS)
    np.testing.assert_array_equal(found.background.value, irfs.background.value)


# Equal to ctapipe


@pytest.mark.slow
@pytest.mark.parametrize("n_offsets", [1, 2])
def test_the_same_as_ctapipe(dl2_files, n_offsets, tmp_path):
    """ctapipe-optimize-event-selection and ctapipe-compute-irf on the same files, with the same cuts and bins.

    ctapipe's cut in theta is the same at all offsets, so that ours is with one bin of offset.
    """
    found, cuts = _ctapipe_irfs(dl2_files, n_offsets, tmp_path, point_like=n_offsets == 1)
    tables = performance.combine([read_dl2(path) for path in dl2_files])
    offsets = np.linspace(0, CONE, n_offsets + 1) * u.deg
    settings = {"bins_per_decade": 3, "energy_range": [0.1, 10] * u.TeV, "fov_offset_bins": offsets}
    own = build_irfs(tables, IrfSettings(theta_containment=0.68 if n_offsets == 1 else None, **settings))
    np.testing.assert_allclose(found["EFFECTIVE AREA"]["ENERG_HI"], own.energy_bins[1:].value, rtol=1e-6)
    np.testing.assert_allclose(found["EFFECTIVE AREA"]["EFFAREA"].T, own.effective_area.value, rtol=1e-6)
    np.testing.assert_allclose(found["ENERGY DISPERSION"]["MATRIX"].T, own.energy_dispersion, rtol=1e-6)
    rate = own.background.to_value("1/(MeV s sr)")
    np.testing.assert_allclose(found["BACKGROUND"]["BKG"].T, rate, rtol=1e-6)
    np.testing.assert_array_equal(cuts["GH_CUTS"]["n_events"], own.gammaness_cuts["n_events"])
    np.testing.assert_allclose(cuts["GH_CUTS"]["cut"], own.gammaness_cuts["cut"], rtol=1e-6)
    if n_offsets == 1:
        np.testing.assert_allclose(found["RAD_MAX"]["RAD_MAX"].T, own.rad_max.value, rtol=1e-6)
        return
    within = own.source_offset_bins <= 1 * u.deg  # ctapipe's are even, ours too up to there
    np.testing.assert_allclose(found["PSF"]["RAD_HI"], own.source_offset_bins[within][1:].value, rtol=1e-6)
    assert np.all(own.psf[..., within[1:].sum() :] == 0)  # no gamma lies beyond: both are normalized to the same ones
    np.testing.assert_allclose(found["PSF"]["RPSF"].T, own.psf[..., : within[1:].sum()].to_value("1/sr"), rtol=1e-6)


def _ctapipe_irfs(dl2_files, n_offsets, folder, *, point_like):
    """First rows of the HDUs of ctapipe-compute-irf, and tables of its cuts."""
    from ctapipe.core import run_tool
    from ctapipe.tools.compute_irf import IrfTool
    from ctapipe.tools.optimize_event_selection import EventSelectionOptimizer

    (folder / "config.json").write_text(json.dumps(_ctapipe_settings(n_offsets)))
    files = [f"--{name}-file={path}" for name, path in zip(("gamma", "proton"), dl2_files, strict=True)]
    arguments, cuts, irf = [f"--config={folder / 'config.json'}", *files], folder / "cuts.fits", folder / "a.fits"
    assert run_tool(EventSelectionOptimizer(), [*arguments, f"--output={cuts}"], raises=True) == 0
    selection = ["--spatial-selection-applied"] if point_like else []
    assert run_tool(IrfTool(), [*arguments, f"--cuts={cuts}", f"--output={irf}", *selection], raises=True) == 0
    with fits.open(irf, memmap=False) as irf_hdus, fits.open(cuts, memmap=False) as cut_hdus:
        return {hdu.name: hdu.data[0] for hdu in irf_hdus[1:]}, {"GH_CUTS": QTable.read(cut_hdus["GH_CUTS"])}


def _ctapipe_settings(n_offsets):
    edges = {"energy_min": "0.1 TeV", "energy_max": "10 TeV", "energy_n_bins_per_decade": 3}
    true, reco = ({f"{kind}_{name}": value for name, value in edges.items()} for kind in ("true", "reco"))
    tasks = {
        "energy_reconstructor": "Energy",
        "geometry_reconstructor": "Direction",
        "gammaness_classifier": "Classifier",
    }
    preprocessor = {name: f"Gammaml{ending}" for name, ending in tasks.items()}
    query = [[ending, f"Gammaml{ending}_is_valid"] for ending in tasks.values()]
    preprocessor["DL2EventQualityQuery"] = {"quality_criteria": query}
    loader = {"DL2EventLoader": {"DL2EventPreprocessor": preprocessor}}
    offsets = {"fov_offset_min": "0 deg", "fov_offset_max": f"{CONE} deg", "fov_offset_n_bins": n_offsets}
    return {
        "EventSelectionOptimizer": {"optimization_algorithm": "PercentileCuts", **loader},
        "IrfTool": loader,
        "GhPercentileCutCalculator": {"target_percentile": 70},
        "ThetaPercentileCutCalculator": {"target_percentile": 68, "theta_max_angle": "10 deg"},
        "PSF3DMaker": {"source_offset_max": "1 deg", "source_offset_n_bins": 40},
        "DefaultTrueEnergyBins": true,
        "DefaultRecoEnergyBins": reco,
        "DefaultFoVOffsetBins": offsets,
    }
