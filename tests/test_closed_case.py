"""The closed case: a source of known place, flux and index, simulated, observed and analysed, must come back.

Every step is the command a user gives; the spectrum is gammapy's. Gammas and protons of the observation are of
productions that neither the training nor the instrument response has seen.
"""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

RA, DEC = 40.0, -30.0
FLUX, INDEX = 2e-9, 2.4  # 1/(cm2 s TeV) at 1 TeV; seventy Crabs, so that half a minute is enough
SHOWERS = {
    "gamma": "--primary gamma --showers 800 --reuse 4 --energy 0.5,30 --viewcone 1 --scatter 300 --seed 1",
    "proton": "--primary proton --showers 250 --energy 1,60 --viewcone 3 --scatter 300 --seed 1",
    "source": "--primary gamma --showers 500 --reuse 1 --energy 0.5,30 --offset 0.5 --scatter 300 --seed 2",
    "cosmic": "--primary proton --showers 200 --reuse 45 --energy 1,60 --viewcone 3 --scatter 300 --seed 2",
}


@pytest.fixture(scope="module")
def analysed(gammaml, tmp_path_factory):
    """Folder of a whole analysis."""
    folder = tmp_path_factory.mktemp("closed")

    def run(*arguments):
        result = gammaml(*arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def product(name, level):
        return folder / f"{name}.{level}.h5"

    for name, options in SHOWERS.items():
        run("simulate", "hess", *options.split(), "--index", -2.2, "--processes", 1, "-o", product(name, "dl1"))
    network, irf = folder / "network.gammaml", folder / "irf.fits.gz"
    learnt = [product(name, "dl1") for name in ("gamma", "proton")]
    quickly = ("--network", "deepset", "--encoder", "cnn", "--epochs", 1, "--min-telescopes", 2)
    run("train", "gammaness,energy,direction", *learnt, *quickly, "--split", "0.25,0.05,0.7", "-o", network)
    put_in = ("--gamma-flux", FLUX, "--gamma-index", -INDEX, "--ra", RA, "--dec", DEC, "--minutes", 0.5)
    files = [product(name, "dl1") for name in ("source", "cosmic")]
    run("observe", *files, "-o", product("run", "dl1"), *put_in)
    tasks = [word for task in ("gammaness", "energy", "direction") for word in (f"--{task}", network)]
    for name in ("gamma", "proton", "run"):
        run("predict", product(name, "dl1"), *tasks, "-o", product(name, "dl2"))
    forest = ("--reconstructor", "Forest")  # after one epoch it is the better one
    simulated = [product(name, "dl2") for name in ("gamma", "proton")]
    run("irf", *simulated, "-o", irf, *forest, "--bins-per-decade", 4, "--offsets", "0,1")
    run("dl3", product("run", "dl2"), "--irf", irf, "-o", folder / "dl3", *forest)
    where = ("--ra", RA, "--dec", DEC, "--irf", irf, "--gammas", product("gamma", "dl2"), "--time-bin", 0.1)
    run("source", product("run", "dl2"), *where, "-o", folder / "source", *forest)
    return folder


def spectrum(folder):
    """A power law fitted to the events within 0.2 degrees, background of reflected regions: value, error by name."""
    from gammapy.data import DataStore
    from gammapy.datasets import SpectrumDataset
    from gammapy.makers import ReflectedRegionsBackgroundMaker, SpectrumDatasetMaker
    from gammapy.maps import MapAxis, RegionGeom
    from gammapy.modeling import Fit
    from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
    from regions import CircleSkyRegion

    (observation,) = DataStore.from_dir(folder).get_observations()
    energy = MapAxis.from_energy_bounds("0.7 TeV", "20 TeV", nbin=8)
    true = MapAxis.from_energy_bounds("0.5 TeV", "30 TeV", nbin=24, name="energy_true")
    geometry = RegionGeom.create(CircleSkyRegion(SkyCoord(RA, DEC, unit="deg"), 0.2 * u.deg), axes=[energy])
    dataset = SpectrumDataset.create(geometry, energy_axis_true=true)
    dataset = SpectrumDatasetMaker(use_region_center=True, containment_correction=True).run(dataset, observation)
    dataset = ReflectedRegionsBackgroundMaker().run(dataset, observation)
    model = PowerLawSpectralModel(index=2, amplitude="1e-10 cm-2 s-1 TeV-1", reference="1 TeV")
    dataset.models = SkyModel(model)
    assert Fit().run(dataset).success
    return {name: (getattr(model, name).value, getattr(model, name).error) for name in ("amplitude", "index")}


@pytest.mark.slow
def test_flux_and_index_come_back(analysed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gammapy's own
        found = spectrum(analysed / "dl3")
    (flux, flux_error), (index, index_error) = found["amplitude"], found["index"]
    assert flux_error < 0.2 * FLUX
    assert index_error < 0.25
    assert abs(flux - FLUX) < 3 * flux_error
    assert abs(index - INDEX) < 3 * index_error


@pytest.mark.slow
def test_the_place_comes_back(analysed):
    """The mean direction of the events near the source, to within the error of a mean, 0.02 degrees at most."""
    events = QTable.read(analysed / "dl3" / "obs_000001.fits.gz", hdu="EVENTS")
    there = SkyCoord(RA, DEC, unit="deg")
    offsets = u.Quantity(there.spherical_offsets_to(SkyCoord(events["RA"], events["DEC"]))).to_value(u.deg)
    near = offsets[:, np.hypot(*offsets) < 0.2]
    error = near.std(axis=1) / np.sqrt(near.shape[1])
    assert (error < 0.02).all()
    assert (np.abs(near.mean(axis=1)) < 4 * error).all()


@pytest.mark.slow
def test_the_source_is_seen(analysed):
    counts = QTable.read(analysed / "source" / "theta2.ecsv", format="ascii.ecsv").meta
    assert counts["significance"] > 10
    truth = QTable.read(analysed / "run.truth.ecsv", format="ascii.ecsv")
    n_gammas = (truth["true_shower_primary_id"] == 0).sum()
    assert 0.3 * n_gammas < counts["excess"] < n_gammas
    sky = QTable.read(analysed / "source" / "sky_significance.ecsv", format="ascii.ecsv")
    best = sky[np.nanargmax(sky["significance"])]
    assert np.hypot(best["lon"], best["lat"]) < 0.11 * u.deg
