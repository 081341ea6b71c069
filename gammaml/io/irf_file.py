"""Instrument response functions as FITS files of the data formats for gamma-ray astronomy (GADF), by pyirf."""

import json
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.time import Time
from pyirf.io import gadf

from gammaml import __version__
from gammaml.errors import InputError
from gammaml.io.write_tables import whole_file

CREATOR = f"gammaml {__version__}"
AREA, DISPERSION, PSF, BACKGROUND = "EFFECTIVE AREA", "ENERGY DISPERSION", "PSF", "BACKGROUND"
RAD_MAX, GAMMANESS_CUTS = "RAD_MAX", "GH_CUTS"
# HDU → type and class in an index of HDUs
RESPONSES = {
    AREA: ("aeff", "aeff_2d"),
    DISPERSION: ("edisp", "edisp_2d"),
    PSF: ("psf", "psf_table"),
    BACKGROUND: ("bkg", "bkg_2d"),
    RAD_MAX: ("rad_max", "rad_max_2d"),
}
NEEDED = (AREA, DISPERSION, BACKGROUND, GAMMANESS_CUTS)


def write_irfs(irfs, path, *, inputs=(), overwrite=False):
    """Write instrument response functions, whole or not at all.

    Parameters
    ----------
    irfs : gammaml.performance.Irfs
    path : str or Path
        ``.fits`` or ``.fits.gz``. HDUs: EFFECTIVE AREA (AEFF_2D), ENERGY DISPERSION (EDISP_2D), BACKGROUND (BKG_2D),
        GH_CUTS, and PSF (PSF_TABLE) or, of point-like ones, RAD_MAX (RAD_MAX_2D). The primary header holds version,
        settings, definition, counts, and names and hashes of the inputs.
    inputs : sequence of dict
        Files the IRFs come from, as :func:`gammaml.io.tables.file_source` describes them.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    gammaml.errors.OutputError
        Where the file exists or cannot be written.
    """
    hdus = fits.HDUList([_primary(irfs.meta, inputs), *_responses(irfs)])
    with whole_file(path, overwrite) as temporary:
        hdus.writeto(temporary, overwrite=True)


def _primary(meta, inputs):
    header = fits.Header()
    header["CREATOR"] = CREATOR
    header["DATE"] = Time.now().utc.isot
    header["TELESCOP"] = ascii_text(meta["subarray"])
    header["RECONSTR"] = (ascii_text(meta["reconstructor"]), "reconstructor of the events")
    header["ALT_PNT"] = (meta["pointing_alt"], "[deg] mean altitude of the simulated pointing")
    for name, key in (("definition", "DEFINIT"), ("counts", "COUNTS")):
        header[key] = ascii_text(meta[name])
    header["SETTINGS"] = json.dumps(meta["settings"])
    for number, source in enumerate(inputs, start=1):
        header[f"INFIL{number}"], header[f"INSHA{number}"] = ascii_text(source["name"]), source["sha256"]
    return fits.PrimaryHDU(header=header)


def _responses(irfs):
    cards = {"CREATOR": CREATOR, "TELESCOP": ascii_text(irfs.meta["subarray"]), "INSTRUME": "array"}
    bins = irfs.energy_bins, irfs.fov_offset_bins
    kind = {"point_like": irfs.rad_max is not None, **cards}
    cuts = fits.BinTableHDU(irfs.gammaness_cuts, header=fits.Header(cards), name=GAMMANESS_CUTS)
    hdus = [
        gadf.create_aeff2d_hdu(irfs.effective_area, *bins, extname=AREA, **kind),
        gadf.create_energy_dispersion_hdu(
            irfs.energy_dispersion, bins[0], irfs.migration_bins, bins[1], extname=DISPERSION, **kind
        ),
        gadf.create_background_2d_hdu(irfs.background, *bins, extname=BACKGROUND, **cards),
        cuts,
    ]
    if irfs.rad_max is None:
        psf = irfs.psf, bins[0], irfs.source_offset_bins, bins[1]
        return [*hdus, gadf.create_psf_table_hdu(*psf, extname=PSF, **cards)]
    return [*hdus, gadf.create_rad_max_hdu(irfs.rad_max, *bins, extname=RAD_MAX, **cards)]


def read_irf_hdus(path):
    """The HDUs of a file of :func:`write_irfs`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    astropy.io.fits.HDUList
        In memory; the first is the primary one.

    Raises
    ------
    gammaml.errors.InputError
        Where it is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file" if not path.exists() else "a folder", "an IRF file", "check the name")
    try:
        with fits.open(path, memmap=False) as file:
            hdus = fits.HDUList([hdu.copy() for hdu in file])
    except (OSError, EOFError, TypeError, ValueError) as error:
        reason = f"no whole FITS file ({' '.join(str(error).split()) or type(error).__name__})"
        raise InputError(path, reason, "a file of gammaml irf", "check the name, or make it again") from error
    names = [hdu.name for hdu in hdus]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InputError(path, f"the HDUs {', '.join(names)}", f"{', '.join(missing)} too", "make it with gammaml irf")
    return hdus


def passed_cuts(gammaness, energy, cuts):
    """Which events pass the cut in gammaness of their energy.

    Parameters
    ----------
    gammaness : array (n_events,)
    energy : array (n_events,)
        Reconstructed, TeV.
    cuts : astropy.io.fits.BinTableHDU
        GH_CUTS of :func:`read_irf_hdus`.

    Returns
    -------
    array of bool (n_events,)
        False outside the bins, and where a value is NaN.
    """
    columns = cuts.columns
    scale = u.Unit(columns["low"].unit).to(u.TeV)
    edges = scale * np.append(cuts.data["low"], cuts.data["high"][-1])
    bins = np.digitize(energy, edges) - 1  # as pyirf: a bin holds its lower edge
    inside = np.isfinite(energy) & (bins >= 0) & (bins < len(edges) - 1)
    passed = np.zeros(len(energy), bool)
    passed[inside] = gammaness[inside] >= cuts.data["cut"][bins[inside]]
    return passed


def ascii_text(value):
    """A text as FITS headers allow it."""
    return str(value).encode("ascii", "backslashreplace").decode()
