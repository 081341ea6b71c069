"""What to produce: a frozen card, which `config.read_toml` reads from TOML."""

from dataclasses import dataclass, fields

from gammaml.errors import SettingError
from gammaml.simulation import particles

LARGEST_REUSE = 100  # event_id is 100 × shower + use
BLOCK_SHOWERS, BLOCK_USES = 20, 200  # the most that one block has, for its images are held in memory


def expect_types(settings):
    """Raise unless each field of some settings has a value of its type; an int will do for a float."""
    for field in fields(settings):
        accepted = (int, float) if field.type is float else field.type
        right = isinstance(getattr(settings, field.name), accepted)
        settings.expect(field.name, right, f"a value of type {field.type.__name__}")


@dataclass(frozen=True)
class Card:
    """A production of simulated events.

    Parameters
    ----------
    array : str
        Name of an array, or the TOML file of one.
    primary : str
        gamma, electron, positron, muon, proton, helium, nitrogen, silicon or iron.
    showers : int
    energy_min, energy_max : float
        TeV.
    index : float
        Of the power law dN/dE ∝ E^index that energies are drawn from.
    viewcone : float
        Largest angle between shower and pointing, degrees; 0 for a point source.
    offset : float
        Of the source, or the centre of the cone, from the pointing: degrees to higher altitude, or to lower where
        negative.
    scatter : float
        Radius around the array's centre in which showers fall, m.
    reuse : int
        Places at which each shower falls.
    zenith, azimuth : float
        Pointing, degrees.
    night_sky : float
        Photo-electrons a ns and pixel; the array's own where negative.
    vary : float
        Largest relative change of night sky, detection efficiency, point spread, pulse width and time jitter: each
        telescope draws its own anew for each shower. 0 leaves all as the array has them.
    least_light : int
        Photo-electrons without which a camera is not read out.
    seed : int
    obs_id : int
        Number of the run; where negative from seed and primary, so that productions can be merged.
    """

    array: str = ""
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
    vary: float = 0.0
    least_light: int = 20
    seed: int = 0
    obs_id: int = -1

    def __post_init__(self):
        expect_types(self)
        self.expect("primary", self.primary in particles.PRIMARIES, "one of " + ", ".join(particles.PRIMARIES))
        self.expect("showers", 1 <= self.showers <= 10**9, "1 to 1e9")
        self.expect("energy_min", 0 < self.energy_min < float("inf"), "more than 0 TeV")
        self.expect("energy_max", self.energy_min <= self.energy_max < float("inf"), "at least energy_min")
        self.expect("index", -10 <= self.index <= 10, "-10 to 10")
        self.expect("viewcone", 0 <= self.viewcone <= 20, "0 to 20 degrees")
        self.expect("offset", -10 <= self.offset <= 10, "-10 to 10 degrees")
        self.expect("scatter", 0 <= self.scatter <= 20e3, "0 to 20000 m")
        self.expect("reuse", 1 <= self.reuse <= LARGEST_REUSE, f"1 to {LARGEST_REUSE}")
        lowest = self.zenith + self.viewcone + abs(self.offset)
        self.expect("zenith", self.zenith >= 0 and lowest <= 60, "0 to 60 degrees, viewcone and offset included")
        self.expect("azimuth", -360 <= self.azimuth <= 360, "-360 to 360 degrees")
        self.expect("night_sky", self.night_sky <= 10, "at most 10 a ns")
        self.expect("vary", 0 <= self.vary <= 0.9, "0 to 0.9")
        self.expect("least_light", self.least_light >= 1, "at least 1")
        self.expect("seed", 0 <= self.seed < 2**32, "0 to 4294967295")
        self.expect("obs_id", self.obs_id < 2**53, "at most 9e15")

    def expect(self, name, good, expected):
        """Raise a SettingError that names a field unless it is `good`."""
        if not good:
            raise SettingError(name, repr(getattr(self, name)), expected, "mend the card or the option")

    @property
    def run(self):
        """The obs_id: another one for each seed and primary."""
        return self.obs_id if self.obs_id >= 0 else 100 * self.seed + self.primary_number

    @property
    def primary_number(self):
        """1 for the first kind of primary, 2 for the next."""
        return 1 + list(particles.PRIMARIES).index(self.primary)

    @property
    def block_size(self):
        """Showers of a block, what one process makes at a time."""
        return min(max(BLOCK_USES // self.reuse, 1), BLOCK_SHOWERS)

    @property
    def n_blocks(self):
        """Number of blocks."""
        return -(-self.showers // self.block_size)

    def numbers(self, block):
        """Numbers of the showers of a block."""
        return range(block * self.block_size, min((block + 1) * self.block_size, self.showers))
