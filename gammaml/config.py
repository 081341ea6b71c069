"""Settings: frozen dataclasses that are read from and written to TOML; an unknown key is an error."""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from gammaml.errors import SettingError

NETWORKS = ("cnn", "resnet", "hillas_mlp")  # of single images
ARRAY_NETWORKS = ("array_transformer", "deepset", "crnn")  # of all images of a shower


@dataclass(frozen=True)
class TrainSettings:
    """How to train a network.

    Parameters
    ----------
    network : str
        "cnn", "resnet" or "hillas_mlp" for single images; "array_transformer", "deepset" or "crnn" for array events.
        Any network of keras.applications, such as "MobileNetV2", may look at single images too.
    encoder : str
        What looks at each image in a network for array events: "resnet", "cnn" or one of keras.applications.
    width : int
        Channels of the first stage of a resnet; 0 for the usual ones: those of the network that the training starts
        from, else 24 for single images and 16 for array events.
    encoder_weights : str
        File of weights that a network of keras.applications starts from; none where empty.
    image_parameters : bool
        Whether Hillas parameters are inputs beside the image.
    uncertainty : bool
        Also learn the widths of energy and direction.
    epochs : int
        Passes over the training events; the learning rate falls to zero at the last. 0 for the usual number, 40 for
        single images and 25 for array events.
    batch_size : int
    learning_rate : float
        The highest one, reached after the warm-up; then it follows half a cosine (Loshchilov & Hutter 2017).
    warm_up : float
        Fraction of all steps in which the learning rate rises from zero.
    weight_decay : float
        AdamW's (Loshchilov & Hutter 2019).
    dropout : float
        Little, for regressions lose precision by more of it, and gammaness gains nothing.
    patience : int
        Epochs without a better validation loss after which training stops.
    mapping : str
        "hexagonal" (lossless; square cameras by rows and columns) or "resampled" (a square grid in degrees, for
        networks that serve several cameras).
    size : int
        Cells along each side of the window cut out around the image.
    cell_width : float
        Degrees, of the resampled grid only.
    symmetries : bool
        Turn and mirror each image at random, by the symmetries of its camera.
    night_sky : float
        Largest extra night-sky noise, p.e. rms a pixel.
    dead_pixels : float
        Largest fraction of pixels switched off.
    missing_telescopes : float
        Share of the images of array events that are left out at random, others in each epoch.
    match_noise : dict
        Pixel noise of an observation by name of the camera, p.e., which the images are brought to before training: see
        :func:`gammaml.night_sky.levels`. None where empty.
    class_balance : bool
        Give gammas and hadrons the same total weight.
    loss : dict
        Loss by task where the default is not wanted: "mse", "mae", "huber", "log_cosh", "categorical_crossentropy".
    task_weights : dict
        Weight of each task's loss in a joint network, times the task's own; 1 where not given.
    seed : int
    """

    network: str = "resnet"
    encoder: str = "resnet"
    width: int = 0
    encoder_weights: str = ""
    image_parameters: bool = True
    uncertainty: bool = False
    epochs: int = 0
    batch_size: int = 32
    learning_rate: float = 2e-3
    warm_up: float = 0.1
    weight_decay: float = 1e-2
    dropout: float = 0.05
    patience: int = 20
    mapping: str = "hexagonal"
    size: int = 32
    cell_width: float = 0.2
    symmetries: bool = True
    night_sky: float = 0.5
    dead_pixels: float = 0.01
    missing_telescopes: float = 0.15
    match_noise: dict = field(default_factory=dict)
    class_balance: bool = True
    loss: dict = field(default_factory=dict)
    task_weights: dict = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self):
        known = (*NETWORKS, *ARRAY_NETWORKS)
        _check(self, "network", self.network in known or _is_class(self.network), f"one of {', '.join(known)}")
        _check(self, "encoder", self.encoder in NETWORKS[:2] or _is_class(self.encoder), "cnn, resnet")
        _check(self, "width", self.width == 0 or (self.width >= 4 and self.width % 4 == 0), "0, or a multiple of 4")
        _check(self, "epochs", self.epochs >= 0, "at least 1, or 0 for the usual number")
        _check(self, "batch_size", self.batch_size >= 2, "at least 2")
        _check(self, "learning_rate", self.learning_rate > 0, "more than 0")
        _check(self, "warm_up", 0 <= self.warm_up < 1, "0 to 1")
        _check(self, "dropout", 0 <= self.dropout < 1, "0 to 1")
        _check(self, "patience", self.patience >= 1, "at least 1")
        _check(self, "mapping", self.mapping in ("hexagonal", "resampled"), "'hexagonal' or 'resampled'")
        _check(self, "size", self.size >= 8 and self.size % 4 == 0, "a multiple of 4, at least 8")
        _check(self, "cell_width", self.cell_width > 0, "more than 0")
        _check(self, "night_sky", self.night_sky >= 0, "0 or more")
        _check(self, "dead_pixels", 0 <= self.dead_pixels < 1, "0 to 1")
        _check(self, "missing_telescopes", 0 <= self.missing_telescopes < 1, "0 to 1")
        _check(self, "match_noise", all(level >= 0 for level in self.match_noise.values()), "0 p.e. or more")
        _check(self, "task_weights", all(w > 0 for w in self.task_weights.values()), "weights above 0")

    @property
    def resnet_width(self):
        """Channels of the first stage of a resnet: fewer where each event has several images."""
        return self.width or (16 if self.is_array else 24)

    @property
    def n_epochs(self):
        """Passes over the training events: fewer where each event has several images."""
        return self.epochs or (25 if self.is_array else 40)

    @property
    def is_array(self):
        """Whether the network takes all images of a shower."""
        return self.network in ARRAY_NETWORKS


def _is_class(name):
    """Whether a name may be one of keras.applications, which only Keras can tell."""
    return name.isidentifier() and name[0].isupper()


def _check(settings, name, valid, expected):
    if not valid:
        raise SettingError(f"setting {name}", repr(getattr(settings, name)), expected, "change it")


def from_dict(cls, values, where):
    """A settings object from a mapping.

    Raises
    ------
    gammaml.errors.SettingError
        For a key that `cls` does not have, or a value of another type.
    """
    types = {f.name: f.type for f in fields(cls)}
    unknown = sorted(set(values) - set(types))
    if unknown:
        raise SettingError(where, f"the unknown key {unknown[0]!r}", f"some of {', '.join(types)}", "correct the key")
    for name, value in values.items():
        accepted = (int, float) if types[name] is float else types[name]
        if not isinstance(value, accepted) or (isinstance(value, bool) and types[name] is not bool):
            raise SettingError(where, f"{name} = {value!r}", f"a value of type {types[name].__name__}", "correct it")
    return cls(**values)


def read_toml(cls, path):
    """A settings object from a TOML file."""
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(path, f"no readable TOML ({error})", "a TOML file", "check it") from error
    return from_dict(cls, values, path)


def to_toml(settings):
    """The settings as TOML text, which `read_toml` reads back."""
    return "".join(f"{name} = {_toml_value(value)}\n" for name, value in asdict(settings).items())


def _toml_value(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
