"""A summary as lines of text."""

import math

import numpy as np

MEASURES = (
    ("AUC", "auc"),
    ("energy bias", "energy_bias"),
    ("energy width, log10", "energy_width"),
    ("angular resolution, deg", "angular_resolution"),
)
WEIGHTINGS = (("", ""), (", weighted", "_weighted"))
COUNTS = (
    ("gammas with gammaness", "n_gamma"),
    ("hadrons with gammaness", "n_hadron"),
    ("gammas with energy", "n_energy"),
    ("gammas with direction", "n_direction"),
)


def value_text(value, uncertainty):
    """``0.941 ± 0.024``: both to two digits of the uncertainty."""
    if not math.isfinite(value):
        return "–"
    if not (math.isfinite(uncertainty) and uncertainty > 0):
        return f"{value:z.3g}"
    digits = min(max(1 - math.floor(math.log10(uncertainty)), 0), 6)
    return f"{value:z.{digits}f} ± {uncertainty:.{digits}f}"


def summary_rows(summary):
    """What a summary says, a row a quantity: its name, then a text for each row of `summary`.

    Parameters
    ----------
    summary : astropy.table.QTable
        Of :func:`gammaml.report.write_report`.

    Returns
    -------
    list of list of str
        The first row is the labels. Quantities that no label has are left out.
    """
    rows = [["", *map(str, summary["label"])]]
    for title, name in MEASURES:
        for words, suffix in WEIGHTINGS:
            values, uncerts = (_bare(summary[f"{name}{suffix}{end}"]) for end in ("", "_uncert"))
            if np.isfinite(values).any():
                rows.append([title + words, *map(value_text, values, uncerts)])
    for title, name in COUNTS:
        if np.any(summary[name] > 0):
            rows.append([title, *(f"{n:,}" for n in summary[name])])
    return rows


def _bare(column):
    return np.asarray(getattr(column, "value", column), float)


def summary_text(summary):
    """A summary for the terminal: a line a quantity, a column a label.

    Parameters
    ----------
    summary : astropy.table.QTable
        Of :func:`gammaml.report.write_report`.

    Returns
    -------
    str
    """
    return aligned(summary_rows(summary))


def difference_grids(differences):
    """A comparison of summaries in texts: for each pair of labels its rows, the first row their head.

    Parameters
    ----------
    differences : astropy.table.QTable
        Of :func:`gammaml.report.write_comparison`.

    Returns
    -------
    list of list of list of str
    """
    grids = {}
    for row in differences:
        pair = (str(row["label_a"]), str(row["label_b"]))
        values = [value_text(row[name], row[f"{name}_uncert"]) for name in ("value_a", "value_b", "difference")]
        sigma = f"{row['significance']:.1f} σ" if math.isfinite(row["significance"]) else "–"
        grids.setdefault(pair, []).append([str(row["quantity"]), *values, sigma])
    return [[["", *pair, "difference", "significance"], *rows] for pair, rows in grids.items()]


def difference_text(differences):
    """A comparison for the terminal; `differences` as of :func:`difference_grids`."""
    return "\n\n".join(map(aligned, difference_grids(differences)))


def aligned(rows):
    """Rows of texts as lines, the columns beneath each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
