"""DL2 files: written and read back, read by ctapipe, made by ctapipe, and turned into IRFs by its tools."""

import json

import astropy.units as u
import h5py
import numpy as np
import pytest
from astropy.table import QTable
from made_events import hexagonal_camera, made_events

from gammaml.columns import COLUMNS
from gammaml.errors import InputError, OutputError, SettingError
from gammaml.io import read_events
from gammaml.io.dl1_writer import write_dl1
from gammaml.io.dl2 import read_dl2, write_dl2
from gammaml.predict import combine_telescopes

SMALL = hexagonal_camera(rings=3, name="SmallCam")
RECONSTRUCTED = ("gammaness", "reco_energy", "reco_alt", "reco_az")


def predicted(events, reconstructor="Gammaml", seed=0):
    """Truth with noise, some of it missing, as a network would give it."""
    rng = np.random.default_rng(seed)
    table, n = events.table.copy(), len(events)
    table["gammaness"] = np.clip(np.where(events.is_gamma, 0.7, 0.3) + rng.normal(0, 0.2, n), 0, 1)
    table["reco_energy"] = table["true_energy"] * np.exp(rng.normal(0, 0.2, n))
    table["reco_alt"] = table["true_alt"] + rng.normal(0, 0.1, n) * u.deg
    table["reco_az"] = table["true_az"] + rng.normal(0, 0.1, n) * u.deg
    missing = (rng.uniform(size=n) < 0.1) | (table["event_id"] == 101)  # the second: in all telescopes
    for name in RECONSTRUCTED:
        table[name][missing] = np.nan
    table["in_training"] = np.asarray(table["event_id"]) < 200
    table.meta = {
        "level": "telescope",
        "reconstructor": reconstructor,
        "subarray": events.subarray,
        "simulation": events.simulation,
        "sources": list(events.sources),
        "provenance": {"gammaml": "0", "seed": seed},
    }
    return table


def both_levels(events, reconstructor="Gammaml", seed=0):
    images = predicted(events, reconstructor, seed)
    return [images, combine_telescopes(images)]


@pytest.fixture(scope="module")
def events():
    return made_events(10, n_telescopes=3, camera=SMALL)


@pytest.fixture(scope="module")
def tables(events):
    return both_levels(events)


@pytest.fixture(scope="module")
def written(tables, events, tmp_path_factory):
    path = tmp_path_factory.mktemp("dl2") / "gamma.dl2.h5"
    write_dl2([*tables, *both_levels(events, "Forest", 1)], path)
    return path


def assert_same(first, second, *, ignore=("shower_id", "reco_fov_lon", "reco_fov_lat")):
    names = set(first.colnames) - set(ignore)
    assert names == set(second.colnames) - set(ignore)
    assert len(first) == len(second)
    for name in names - {"time"}:
        unit = first[name].unit
        a, b = (t[name].to_value(unit) if unit else np.asarray(t[name]) for t in (first, second))
        np.testing.assert_allclose(np.float64(a), np.float64(b), rtol=1e-12, err_msg=name)
        assert a.dtype == b.dtype


@pytest.mark.parametrize(("level", "place"), [("telescope", 0), ("subarray", 1)])
def test_written_events_are_read_back(level, place, tables, events, written):
    again = read_dl2(written, level=level)
    assert_same(tables[place], again)
    assert np.isnan(again["reco_energy"]).any()
    assert_same(both_levels(events, "Forest", 1)[place], read_dl2(written, reconstructor="Forest", level=level))
    assert again.meta["level"] == level
    assert again.meta["reconstructor"] == "Gammaml"
    assert again.meta["sources"] == [{"name": "made", "sha256": "0"}]
    assert again.meta["provenance"] == {"gammaml": "0", "seed": 0}
    assert again.meta["simulation"]["n_showers"][0] == 100
    np.testing.assert_array_equal(again.meta["subarray"].tel_ids, [1, 2, 3])


@pytest.fixture(scope="module")
def uncertain(tables):
    """The same with predicted uncertainties, at both levels, one of them missing where there is a prediction."""
    found = [table.copy() for table in tables]
    for table in found:
        rng = np.random.default_rng(len(table))
        table["reco_energy_uncert"] = rng.uniform(0.1, 0.5, len(table)) * table["reco_energy"]
        table["ang_distance_uncert"] = (rng.uniform(0.01, 0.5, len(table)) + 0 * table["reco_alt"].value) * u.deg
        table["ang_distance_uncert"][np.flatnonzero(np.isfinite(table["reco_alt"]))[0]] = np.nan
    return found


@pytest.mark.parametrize(("level", "place"), [("telescope", 0), ("subarray", 1)])
def test_predicted_uncertainties_are_read_back(level, place, uncertain, tmp_path):
    from ctapipe.io import TableLoader

    write_dl2(uncertain, tmp_path / "a.h5")
    again = read_dl2(tmp_path / "a.h5", level=level)
    assert_same(uncertain[place], again)
    for name, unit in (("reco_energy_uncert", u.TeV), ("ang_distance_uncert", u.deg)):
        assert again[name].unit == unit == COLUMNS[name].unit
        assert np.isfinite(again[name]).sum() > len(again) / 2
    assert np.sum(np.isfinite(again["reco_alt"]) & np.isnan(again["ang_distance_uncert"])) == 1
    with TableLoader(tmp_path / "a.h5") as loader:
        read = loader.read_subarray_events if level == "subarray" else loader.read_telescope_events
        found, tel = read(dl2=True), "" if level == "subarray" else "_tel"
    assert_equal = np.testing.assert_array_equal
    assert_equal(found[f"GammamlEnergy{tel}_energy_uncert"].quantity, again["reco_energy_uncert"])
    assert_equal(found[f"GammamlDirection{tel}_ang_distance_uncert"].quantity, again["ang_distance_uncert"])


def test_offsets_are_those_from_the_pointing(written):
    table = read_dl2(written)
    # At 70 degrees altitude a small step in azimuth is cos(70°) as large on the sky.
    step = (table["reco_az"] - table["true_az"]).to_value("deg") * np.cos(table["reco_alt"].to_value("rad"))
    seen = (table["reco_fov_lon"] - table["true_fov_lon"]).to_value("deg")
    np.testing.assert_allclose(seen, step, atol=0.02)
    np.testing.assert_allclose(
        (table["reco_fov_lat"] - table["true_fov_lat"]).to_value("deg"),
        (table["reco_alt"] - table["true_alt"]).to_value("deg"),
        atol=0.02,
    )


def test_array_events_alone(tables, tmp_path):
    array = tables[1]["obs_id", "event_id", "pointing_alt", "pointing_az", "telescopes", "multiplicity", "reco_energy"]
    array.meta = {"reconstructor": "Gammaml", "subarray": tables[1].meta["subarray"]}
    array["telescopes"][3] = [True, False, False]
    array["multiplicity"][3] = 1
    write_dl2(array, tmp_path / "a.h5")
    again = read_dl2(tmp_path / "a.h5")
    assert_same(array, again, ignore=["shower_id", "event_type"])
    assert "true_energy" not in again.colnames
    assert again.meta["simulation"] is None
    with pytest.raises(InputError, match="no group /dl2/event/telescope"):
        read_dl2(tmp_path / "a.h5", level="telescope")


def test_events_fill_what_tables_lack(tables, events, tmp_path):
    array = tables[1]["obs_id", "event_id", "gammaness"]
    array.meta = tables[1].meta
    write_dl2(array, tmp_path / "a.h5", events=events)
    again = read_dl2(tmp_path / "a.h5")
    assert (again["multiplicity"] == 3).all()
    np.testing.assert_array_equal(again["true_energy"], tables[1]["true_energy"])
    np.testing.assert_array_equal(again["gammaness"], tables[1]["gammaness"])


def test_two_tables_of_one_reconstructor(tables, tmp_path):
    """Say, of two telescope types, each with its own network; one has no direction."""
    images = tables[0]
    first, second = images[images["tel_id"] == 1], images[images["tel_id"] > 1]
    first.remove_columns(["reco_alt", "reco_az"])
    write_dl2([second, first], tmp_path / "a.h5")
    again = read_dl2(tmp_path / "a.h5", level="telescope")
    np.testing.assert_array_equal(again["gammaness"], images["gammaness"])
    alone = again["tel_id"] == 1
    assert np.isnan(again["reco_alt"][alone]).all()
    np.testing.assert_array_equal(again["reco_alt"][~alone], second["reco_alt"])


def test_several_files_and_merged_ones(written, events, tmp_path):
    from ctapipe.core import run_tool
    from ctapipe.tools.merge import MergeTool

    protons = made_events(10, primary=101, n_telescopes=3, camera=SMALL, obs_id=2)
    write_dl2([*both_levels(protons), *both_levels(protons, "Forest", 1)], tmp_path / "proton.dl2.h5")
    files = [str(written), str(tmp_path / "proton.dl2.h5")]
    together = read_dl2(files)
    assert len(together) == 40
    assert len(together.meta["sources"]) == 2
    assert list(together.meta["simulation"]["true_shower_primary_id"]) == [0, 101]
    assert run_tool(MergeTool(), [*files, f"--output={tmp_path / 'merged.h5'}"], raises=True) == 0
    for level in ("subarray", "telescope"):
        assert_same(read_dl2(files, level=level), read_dl2(tmp_path / "merged.h5", level=level), ignore=[])
    one = [t[t["tel_id"] < 3] if "tel_id" in t.colnames else t for t in both_levels(made_events(2, camera=SMALL))]
    write_dl2(one, tmp_path / "other.h5")
    with pytest.raises(InputError, match=r"other\.h5: got the telescopes"):
        read_dl2([written, tmp_path / "other.h5"])


def test_ctapipe_tables(tables, written):
    from ctapipe.io import TableLoader

    images, array = tables
    with TableLoader(written) as loader:
        found = loader.read_subarray_events(dl2=True, simulated=True, observation_info=True)
        tel = loader.read_telescope_events(dl2=True, simulated=True, instrument=True)
    np.testing.assert_array_equal(found["GammamlEnergy_energy"].quantity, array["reco_energy"])
    np.testing.assert_array_equal(found["GammamlDirection_az"].quantity, array["reco_az"])
    np.testing.assert_array_equal(found["GammamlClassifier_prediction"], array["gammaness"])
    np.testing.assert_array_equal(found["GammamlEnergy_telescopes"], array["telescopes"])
    np.testing.assert_array_equal(found["GammamlEnergy_is_valid"], np.isfinite(array["reco_energy"]))
    np.testing.assert_array_equal(found["true_energy"].quantity, array["true_energy"])
    np.testing.assert_array_equal(tel["GammamlEnergy_tel_energy"].quantity, images["reco_energy"])
    np.testing.assert_array_equal(tel["hillas_width"].quantity, images["hillas_width"])
    assert found["ForestClassifier_is_valid"].dtype == bool
    assert found["GammamlEnergy_energy"].unit == u.TeV


def test_ctapipe_events(tables, written):
    from ctapipe.io import EventSource

    images, array = tables
    with EventSource(written) as source:
        for event, row in zip(source, array, strict=True):
            energy = event.dl2.stereo.energy["GammamlEnergy"]
            np.testing.assert_array_equal(energy.energy, row["reco_energy"])
            np.testing.assert_array_equal(energy.telescopes, row["telescopes"])
            if hasattr(event.dl2.stereo, "particle_type"):  # since ctapipe 0.29
                prediction = event.dl2.stereo.particle_type["GammamlClassifier"].prediction
                np.testing.assert_array_equal(prediction, row["gammaness"])
    last = event.dl2.tel[3].geometry["GammamlDirection"]
    np.testing.assert_array_equal(last.alt, images["reco_alt"][-1])


def test_a_file_made_by_ctapipe(tmp_path):
    from ctapipe.core import run_tool
    from ctapipe.tools.process import ProcessorTool

    events = made_events(5, n_telescopes=3, camera=hexagonal_camera(rings=8))
    write_dl1(events, tmp_path / "a.dl1.h5")
    options = [f"--input={tmp_path / 'a.dl1.h5'}", f"--output={tmp_path / 'a.dl2.h5'}", "--write-showers"]
    assert run_tool(ProcessorTool(), options, raises=True) == 0
    table = read_dl2(tmp_path / "a.dl2.h5", reconstructor="HillasReconstructor")
    assert len(table) == 10
    assert np.isfinite(table["reco_alt"]).any()
    assert table.meta["sources"][0]["name"] == "a.dl2.h5"
    with h5py.File(tmp_path / "a.dl2.h5") as file:
        stored = file["dl2/event/subarray/geometry/HillasReconstructor"]
        valid = stored["HillasReconstructor_is_valid"].astype(bool)
        np.testing.assert_array_equal(table["reco_alt"].value[valid], stored["HillasReconstructor_alt"][valid])
        assert np.isnan(table["reco_alt"][~valid]).all()
    with pytest.raises(InputError, match="got reconstructors HillasReconstructor, expected Gammaml at subarray"):
        read_dl2(tmp_path / "a.dl2.h5")


def test_names_of_older_files(tables, written, tmp_path):
    """Up to ctapipe 0.28 the event loop named the group `classification`."""
    old = tmp_path / "old.h5"
    old.write_bytes(written.read_bytes())
    with h5py.File(old, "r+") as file:
        for level in ("subarray", "telescope"):
            file.move(f"dl2/event/{level}/particle_type", f"dl2/event/{level}/classification")
    np.testing.assert_array_equal(read_dl2(old)["gammaness"], tables[1]["gammaness"])


def test_several_prefixes(written):
    table = read_dl2(written, reconstructor=("ForestEnergy", "Gammaml"))
    np.testing.assert_array_equal(table["reco_energy"], read_dl2(written, reconstructor="Forest")["reco_energy"])
    np.testing.assert_array_equal(table["gammaness"], read_dl2(written)["gammaness"])


def test_what_cannot_be_read(written, tmp_path):
    with pytest.raises(InputError, match="got reconstructors Forest, Gammaml, expected Nobody at subarray"):
        read_dl2(written, reconstructor="Nobody")
    with pytest.raises(SettingError, match="got 'array', expected subarray or telescope"):
        read_dl2(written, level="array")
    with pytest.raises(InputError, match="no such file"):
        read_dl2(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(InputError, match=r"text\.h5: got no HDF5 signature"):
        read_dl2(tmp_path / "text.h5")
    whole = written.read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"half\.h5: got a damaged file"):
        read_dl2(tmp_path / "half.h5")


def test_what_cannot_be_written(tables, written, tmp_path):
    with pytest.raises(OutputError, match="exists"):
        write_dl2(tables, written)
    with pytest.raises(InputError, match="no rows"):
        write_dl2([tables[0][:0]], tmp_path / "a.h5")
    with pytest.raises(InputError, match="without meta"):
        write_dl2(QTable({"obs_id": [1], "event_id": [1], "tel_id": [1]}), tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_ctapipe_makes_irfs(shared_data, tmp_path):
    from astropy.io import fits
    from ctapipe.core import run_tool
    from ctapipe.tools.compute_irf import IrfTool
    from ctapipe.tools.optimize_event_selection import EventSelectionOptimizer

    for name in ("gamma", "proton"):
        events = read_events(shared_data / "bootstrap" / f"{name}.dl1.h5")
        write_dl2(both_levels(events), tmp_path / f"{name}.dl2.h5")
    tasks = {
        "energy_reconstructor": "Energy",
        "geometry_reconstructor": "Direction",
        "gammaness_classifier": "Classifier",
    }
    query = [[ending, f"Gammaml{ending}_is_valid"] for ending in tasks.values()]
    preprocessor = {name: f"Gammaml{ending}" for name, ending in tasks.items()}
    preprocessor["DL2EventQualityQuery"] = {"quality_criteria": query}
    settings = {"DL2EventLoader": {"DL2EventPreprocessor": preprocessor}}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"EventSelectionOptimizer": settings, "IrfTool": settings}))
    files = [f"--config={config}", *(f"--{name}-file={tmp_path / name}.dl2.h5" for name in ("gamma", "proton"))]
    cuts, irf = tmp_path / "cuts.fits", tmp_path / "irf.fits"
    assert run_tool(EventSelectionOptimizer(), [*files, f"--output={cuts}"], raises=True) == 0
    assert run_tool(IrfTool(), [*files, f"--cuts={cuts}", f"--output={irf}"], raises=True) == 0
    with fits.open(irf) as hdus:
        data = hdus["EFFECTIVE AREA"].data[0]
        inside = (data["ENERG_LO"] > 0.3) & (data["ENERG_HI"] < 3)
        area = data["EFFAREA"][:, inside]
        assert {"ENERGY DISPERSION", "PSF", "BACKGROUND"} <= {hdu.name for hdu in hdus}
    assert (area > 1e3).all()
    # Within the area that cores were thrown in: were the uses of a shower not counted, it would be ten times more.
    assert np.median(area) < np.pi * 400**2
