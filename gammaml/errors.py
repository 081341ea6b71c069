"""The few exceptions of gammaml: each says what was got, what was expected, and what to do."""


class GammamlError(Exception):
    """What a user can cause and mend; the command line prints it as one line and exits with 2."""

    def __init__(self, where, got, expected, do):
        super().__init__(f"{where}: got {got}, expected {expected}; {do}")
        self.where, self.got, self.expected, self.do = str(where), got, expected, do

    def __reduce__(self):  # from one process to another
        return type(self), (self.where, str(self.got), self.expected, self.do)


class InputError(GammamlError):
    """A file, table or array that cannot be used as it is."""


class OutputError(GammamlError):
    """A product that cannot be written."""


class SettingError(GammamlError):
    """A setting or argument that makes no sense."""


class RangeWarning(UserWarning):
    """Events lie outside the range that a network was trained in."""


class PedestalWarning(UserWarning):
    """The charges of a file still hold the pedestal or the night sky."""


class StatisticsWarning(UserWarning):
    """A result comes from so few events that it is uncertain."""


class SimulationWarning(UserWarning):
    """The simulations of gammas and of background do not fit each other."""
