"""The comparisons of docs/realism.md: somebody's events and ours of the same truth."""

import dataclasses
import functools
from typing import NamedTuple

import fact_streams
import realism_samples as samples
from astropy import units as u
from astropy.table import QTable, vstack
from realism_simulation import scaled, simulate

from gammaml.production import Card
from gammaml.production.block import Observatory
from gammaml.simulation import arrays, site

LARGEST_ENERGY = 5.0  # TeV, of the tables of LST and NectarCam: more takes long
# FACT's tables are of older optics than its photon streams: of the mirrors before the alignment of May 2014.
OLD_FACT_PSF = 0.11  # deg, fitted to the table's widths


class Case(NamedTuple):
    """What is compared.

    Parameters
    ----------
    read : callable
        Folder of shared data -> Sample.
    throughput : float
        Of our optics, so that images are as bright as theirs: once for each of their simulations and telescopes.
    repeats : int
    """

    read: callable
    throughput: float
    repeats: int


def kind_of(array, name):
    return next(each.type for each in arrays.array(array).telescopes if each.type.name == name)


def _sst(folder):
    path = folder / "dl1_ctapipe" / "sst1m_gamma.dl1.h5"
    return samples.ctapipe_images(path, "*DigiCam", kind_of("sst-array", "SST"), site=site("paranal"))


def _cta(particle, camera, kind, most):
    def read(folder):
        path = folder / "hillas_tables" / f"cta_{particle}.dl1.h5"
        of_type = kind_of("ctao-north-alpha", kind)
        where = {"site": site("la-palma"), "most": most, "highest": LARGEST_ENERGY}
        return samples.cta_table(path, camera, of_type, **where)

    return read


def _fact_table(name):
    def read(folder):
        sample = samples.fact_table(folder / "hillas_tables" / f"fact_{name}.hdf5")
        return sample._replace(array=with_psf(sample.array, OLD_FACT_PSF))

    return read


def with_psf(array, psf):
    """An array with another point spread on the axis, deg."""
    telescopes = tuple(dataclasses.replace(t, type=dataclasses.replace(t.type, psf=psf)) for t in array.telescopes)
    return dataclasses.replace(array, telescopes=telescopes)


CASES = {
    "FACT gammas, streams": Case(lambda folder: fact_streams.read(folder / "fact"), 0.8, 3),
    "FACT gammas, table": Case(_fact_table("gamma_diffuse"), 0.92, 2),
    "FACT protons, table": Case(_fact_table("proton"), 0.92, 2),
    "SST-1M gammas": Case(_sst, 1.5, 5),
    "LST gammas": Case(_cta("gammas_diffuse", "LSTCam", "LST", 700), 1.3, 2),
    "LST protons": Case(_cta("protons", "LSTCam", "LST", 700), 1.3, 2),
    "NectarCam gammas": Case(_cta("gammas_diffuse", "NectarCam", "MST", 400), 1.05, 1),
    "NectarCam protons": Case(_cta("protons", "NectarCam", "MST", 400), 1.05, 1),
}


@functools.cache
def compare(folder, name):
    """One of `CASES`.

    Parameters
    ----------
    folder : Path
        The shared data.
    name : str

    Returns
    -------
    sample : Sample
    ours : QTable
        Of `simulate`; both tables with a column `shower`.
    """
    case = CASES[name]
    sample = case.read(folder)
    ours = simulate(sample, throughput=case.throughput, repeats=case.repeats, keep_images="streams" in name)
    for table in (sample.images, ours):
        table["shower"] = sample.truth["shower"][table["event"]]
    return sample, ours


def hadrons(night_sky, *, n=8000, throughput=0.8, seed=3):
    """Image parameters of simulated protons of E^-2.7 on FACT at 10 degrees from the zenith.

    Parameters
    ----------
    night_sky : float
        p.e. a ns and pixel.
    n : int
        Showers, of 20 uses each.
    """
    wide = {"viewcone": 5.0, "scatter": 350.0, "reuse": 20, "zenith": 10.0, "seed": seed}
    card = Card("fact", "proton", n, 0.1, 50.0, -2.7, night_sky=night_sky, **wide)
    observatory = Observatory(card, scaled(arrays.array("fact"), throughput))
    tables = [observatory.block(number)["FACT"].table for number in range(card.n_blocks)]
    tables = [table for table in tables if len(table)]
    table = vstack(tables)
    found = samples.renamed(table)
    found["shower"] = table["event_id"] // 100
    found["energy"] = table["true_energy"].to_value(u.TeV)
    return QTable(found)


def observation(folder, name):
    """Image parameters of FACT's observed events in one file."""
    camera = arrays.array("fact").telescopes[0].type.camera
    events = fact_streams.stream_events(folder / "fact" / name)
    return samples.measured(*fact_streams.stream_images(events, camera, folder / "fact"), camera)
