"""What to produce: a frozen card, which `config.read_toml` reads from TOML."""

from dataclasses import dataclass

from gammaml.errors import SettingError

LARGEST_REUSE = 100  # event_id is 100 × shower + use


@dataclass(frozen=True)
class Card:
    """A production of simulated events.

    Parameters
    ----------
    array : str
        Name of an array, or the TOML file of one.
    primary : str
        gamma, electron, proton, helium, nitrogen, silicon or iron.
    showers : int
    energy_min, energy_max : float
        TeV.
    index : float
        Of the power law dN/dE ∝ E^index that energies are drawn from.
    viewcone : float
        Largest angle between shower and pointing, degrees; 0 for a point source.
    offset : float
        Of the centre of the cone from the pointing, degrees to higher altitude.
    scatter : float
        Radius around the array's centre in which showers fall, m.
    reuse : int
        Places at which each shower falls.
    zenith, azimuth : float
        Pointing, degrees.
    night_sky : float
        Photo-electrons a ns and pixel; the array's own where negative.
    least_light : int
        Photo-electrons without which a camera is not read out.
    seed : int
    obs_id : int
        Number of the run; where negative from seed and primary, so that productions can be merged.
    """

    array: str
    primary: str = "gamma"
    showers: int = 1000
    energy_min: float = 0.05
    energy_max: float = 50.0
    index: float = -2.0
    viewcone: float = 0.0
    offset: float = 0.0
    scatter: float = 400.0
    reuse: int = 10
    zenith: float = 20.0
    azimuth: float = 180.0
    night_sky: float = -1.0
    least_light: int = 20
    seed: int = 0
    obs_id: int = -1

    def __post_init__(self):
        self._expect("showers", self.showers >= 1, "at least 1")
        self._expect("energy_min", 0 < self.energy_min < float("inf"), "more than 0 TeV")
        self._expect("energy_max", self.energy_min <= self.energy_max < float("inf"), "at least energy_min")
        self._expect("index", -10 <= self.index <= 10, "-10 to 10")
        self._expect("viewcone", 0 <= self.viewcone <= 20, "0 to 20 degrees")
        self._expect("offset", 0 <= self.offset <= 10, "0 to 10 degrees")
        self._expect("scatter", 0 <= self.scatter < float("inf"), "0 m or more")
        self._expect("reuse", 1 <= self.reuse <= LARGEST_REUSE, f"1 to {LARGEST_REUSE}")
        self._expect("zenith", self.viewcone + self.offset <= 60 - self.zenith, "with viewcone and offset 60 at most")
        self._expect("zenith", self.zenith >= 0, "0 degrees or more")
        self._expect("azimuth", -360 <= self.azimuth <= 360, "-360 to 360 degrees")
        self._expect("night_sky", self.night_sky <= 10, "at most 10 a ns")
        self._expect("least_light", self.least_light >= 1, "at least 1")
        self._expect("seed", self.seed >= 0, "0 or more")

    def _expect(self, name, good, expected):
        if not good:
            raise SettingError(name, getattr(self, name), expected, "mend the card or the option")
