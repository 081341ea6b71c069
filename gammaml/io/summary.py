"""Words for what is in a file: ranges and particles, as `gammaml info` prints them."""

import numpy as np

PRIMARIES = {0: "gamma", 1: "electron", -1: "positron", 2: "muon", -2: "muon", 101: "proton", 402: "helium"}


def value_range(values, unit):
    """Smallest and largest value (NaN aside), or the one there is."""
    low, high = np.nanmin(values), np.nanmax(values)
    return f"{low:.4g} {unit}" if np.isclose(low, high) else f"{low:.4g} to {high:.4g} {unit}"


def truth_ranges(energy, primary):
    """Primaries with their numbers, and the range of their energies (array, TeV): dict of str to str."""
    codes, counts = np.unique(primary, return_counts=True)
    names = [PRIMARIES.get(int(code), f"particle {code}") for code in codes]
    return {
        "primaries": ", ".join(f"{name} ({count:,})" for name, count in zip(names, counts, strict=True)) or "unknown",
        "true energy": value_range(energy, "TeV"),
    }


def pointing_range(alt, az):
    """Ranges of altitude and azimuth (arrays in degrees, at least one of them finite): dict of str to str."""
    turned = az[0] + np.mod(az - az[0] + 180, 360) - 180  # so that north does not tear a range apart
    return {"pointing": f"altitude {value_range(alt, 'deg')}, azimuth {value_range(turned, 'deg')}"}
