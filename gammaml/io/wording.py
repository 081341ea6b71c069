"""How `gammaml info` words what several formats have."""

import numpy as np

PRIMARIES = {0: "gamma", 1: "electron", -1: "positron", 2: "muon", -2: "muon", 101: "proton", 402: "helium"}


def name_primary(code):
    """A primary's name, by CORSIKA's code."""
    return PRIMARIES.get(code, f"particle {code}")


def name_primaries(counts):
    """Numbers of showers by CORSIKA's code of their primary, in words."""
    return ", ".join(f"{name_primary(code)} ({count:,})" for code, count in sorted(counts.items()))


def span(values, unit):
    """The range of some numbers; a single number where all are alike."""
    low, high = np.nanmin(values), np.nanmax(values)
    return f"{low:.4g} {unit}" if np.isclose(low, high) else f"{low:.4g} to {high:.4g} {unit}"


def truth_ranges(energy, primary):
    """Primaries with their numbers, and the range of their energies (array, TeV): dict of str to str."""
    codes, counts = np.unique(primary, return_counts=True)
    return {
        "primaries": name_primaries(dict(zip(codes.tolist(), counts.tolist(), strict=True))) or "unknown",
        "true energy": span(energy, "TeV"),
    }


def pointing_range(alt, az):
    """Ranges of altitude and azimuth (arrays in degrees, NaN where not known): dict of str to str."""
    alt, az = np.stack([alt, az])[:, np.isfinite(alt) & np.isfinite(az)]
    if not len(alt):
        return {"pointing": "unknown"}
    turned = az[0] + np.mod(az - az[0] + 180, 360) - 180  # so that north does not tear a range apart
    return {"pointing": f"altitude {span(alt, 'deg')}, azimuth {span(turned, 'deg')}"}


def count_by_camera(subarray, n_images):
    """Images of each telescope type with its camera: dict of str to str.

    Parameters
    ----------
    subarray : gammaml.events.Subarray
    n_images : dict of int to int
        By tel_id.
    """
    described = {}
    for name, count in count_by_type(subarray, n_images).items():
        camera = next(each.camera for each in subarray.telescopes if each.tel_type == name)
        described[name] = f"{count:,} images; {camera.name}, {camera.n_pixels:,} {camera.pixel_type} pixels"
    return described


def count_by_type(subarray, n_images):
    """Images of each telescope type, of their numbers by tel_id; only types with some."""
    counts = {}
    for telescope in subarray.telescopes:
        if n_images.get(telescope.tel_id):
            counts[telescope.tel_type] = counts.get(telescope.tel_type, 0) + n_images[telescope.tel_id]
    return counts
