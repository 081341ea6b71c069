"""Curves of others in the figures of a report."""

from dataclasses import replace

from gammaml.errors import SettingError
from gammaml.report.figures import slug


def with_references(figures, references):
    """Figures with the curves of their quantity, and what is said of curves without a figure.

    Parameters
    ----------
    figures : list of gammaml.report.figures.Figure
        One of a quantity has its name: sensitivity, effective_area, angular_resolution, energy_resolution.
    references : sequence of (str, astropy.table.QTable)
        Name and curve; one name may have curves of several quantities.

    Returns
    -------
    figures : list of gammaml.report.figures.Figure
    unused : list of str

    Raises
    ------
    gammaml.errors.SettingError
        Where a name has two curves of one quantity.
    """
    curves, unused = {}, []
    for name, table in references:
        own = curves.setdefault(table.meta["quantity"], {})
        if slug(name) in map(slug, own):
            got = f"two curves of {table.meta['quantity']} for {name}"
            raise SettingError("references", got, "one", "give each a name of its own")
        own[name] = table
    drawn = {figure.name for figure in figures}
    for quantity, own in curves.items():
        if quantity not in drawn:
            unused += [f"{name}: no figure of {quantity} to draw it in" for name in own]
    return [replace(figure, references=curves.get(figure.name, {})) for figure in figures], unused
