"""Quantities that a user gives, checked: of the right unit, with finite numbers."""

import numpy as np
from astropy import units as u

from gammaml.errors import SettingError


def values(where, quantity, unit):
    """Numbers of a quantity in a unit.

    Parameters
    ----------
    where : str
        What is given, for the message.
    quantity : Quantity
    unit : Unit

    Returns
    -------
    float or array of float

    Raises
    ------
    SettingError
        Not a quantity, another kind of unit, or a number that is not finite.
    """
    if not isinstance(quantity, u.Quantity) or not quantity.unit.is_equivalent(unit):
        got = " ".join(repr(quantity).split())[:80]
        raise SettingError(where, got, f"a quantity in {unit}", f"give it as value * u.{unit}")
    numbers = np.asarray(quantity.to_value(unit), float)
    if not np.isfinite(numbers).all():
        got = f"{numbers[~np.isfinite(numbers)][0]} {unit}"
        raise SettingError(where, got, "finite numbers", "mend this value")
    return numbers[()]
