"""An observation beside the training: noise, broken pixels, zenith, cleaning, intensities, each with a known answer."""

from dataclasses import replace
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
from made_events import made_events
from test_bad_input import change_metadata, refusal, rezipped

from gammaml import bundle, conditions, images, io, plots
from gammaml.conditions.compare import OF_INSTRUMENT
from gammaml.config import TrainSettings
from gammaml.errors import InputError, RangeWarning
from gammaml.events import PixelStore, concatenate
from gammaml.io.dl1_writer import write_dl1

MADE_NOISE = 0.5  # p.e., of made events
PLAIN = TrainSettings(night_sky=0.0, dead_pixels=0.0)


def observed(events):
    """The events without their truth."""
    table = events.table.copy()
    table.remove_columns([name for name in table.colnames if name.startswith("true_")])
    return replace(events, table=table, simulation=None)


def changed(events, change):
    """The events with other pixels."""
    image, peak_time = events.image.copy(), events.peak_time.copy()
    change(image)
    return replace(events, pixels=PixelStore(image, peak_time), rows=np.arange(len(events)))


def with_noise(events, noise):
    """The events with so much Gaussian noise that a pixel has `noise` p.e."""
    sigma = np.sqrt(noise**2 - MADE_NOISE**2)
    return changed(events, lambda image: np.add(image, np.random.default_rng(0).normal(0, sigma, image.shape), image))


def trained_on(*events, settings=PLAIN):
    """What of a bundle a comparison looks at."""
    known = [each.to_dict() for each in conditions.measure(concatenate(events))]
    return SimpleNamespace(metadata={"conditions": known, "gammaml": "0.1.0"}, settings=settings)


@pytest.fixture(scope="module")
def protons():
    return replace(made_events(150, primary=101), simulation=None)


@pytest.fixture(scope="module")
def others():
    """An observation of the same kind of events."""
    return observed(made_events(100, primary=101, seed=1))


def row_of(table, quantity):
    return table[np.asarray(table["quantity"]) == quantity][0]


def test_the_noise_of_pixels_outside_the_images_is_that_put_in(protons):
    for noise in (1.0, 2.5):
        measured = np.median(images.pixel_noise(with_noise(protons, noise)))
        assert measured == pytest.approx(noise, rel=0.035)  # the halo of the images is in it


def test_noise_is_no_less_where_the_night_sky_is_single_photons(protons):
    """A quantile of the charges, instead of their standard deviation, would miss a sky of 0.1 p.e. a pixel."""
    rng = np.random.default_rng(0)
    dark = changed(protons, lambda image: np.copyto(image, np.where(image > 8, image, rng.poisson(0.1, image.shape))))
    assert np.median(images.pixel_noise(dark)) == pytest.approx(np.sqrt(0.1), rel=0.05)


def test_broken_pixels_are_found(protons):
    def damage(image):
        image[:, :5] = 0
        image[:, 5:8] = np.nan
        image[:, 8:12] += np.random.default_rng(0).normal(0, 5 * MADE_NOISE, (len(image), 4))

    found = images.pedestals(changed(protons, damage))
    assert all(np.flatnonzero(broken).tolist() == list(range(12)) for broken in found.broken.values())


def test_a_pixel_that_is_dead_in_one_telescope_only(protons):
    one = np.asarray(protons.table["tel_id"]) == 2

    def damage(image):
        image[one, 7] = 0

    found = images.pedestals(changed(protons, damage))
    assert {number: np.flatnonzero(broken).tolist() for number, broken in found.broken.items()} == {1: [], 2: [7]}


def test_an_observation_like_the_training_is_ok(protons, others):
    table = conditions.compare(others, trained_on(protons))
    assert list(table["quantity"]) == list(conditions.LIMITS)
    assert set(table["verdict"]) == {"ok"}, table
    assert conditions.verdict(table) == "ok, as in the training"


def brighter(events):
    events.table["hillas_intensity"] = 6 * events.table["hillas_intensity"]


def other_zenith(events):
    events.table["pointing_alt"] = events.table["pointing_alt"] - 12 * u.deg


def half_lost(events):
    events.table["hillas_intensity"][::2] = np.nan


CHANGES = {
    "pixel noise": (lambda events: with_noise(events, 1.5 * MADE_NOISE), 0.5, "mismatch"),
    "pedestal": (lambda events: changed(events, lambda image: np.add(image, 0.15, image)), 0.3, "caution"),
    "broken pixels": (lambda events: changed(events, lambda image: image[:, :15].fill(0)), 15 / 469, "caution"),
    "zenith": (other_zenith, 12, "mismatch"),
    "images after cleaning": (half_lost, -0.5, "mismatch"),
    "intensity": (brighter, np.log10(6) / 2, "caution"),
}


@pytest.mark.parametrize("quantity", CHANGES)
def test_what_differs_is_told_by_how_much(quantity, protons, others):
    change, difference, verdict = CHANGES[quantity]
    other = replace(others, table=others.table.copy())
    table = conditions.compare(change(other) or other, trained_on(protons))
    row = row_of(table, quantity)
    tolerance = {"zenith": 2.0, "intensity": 0.12, "pedestal": 0.03}.get(quantity, 0.02)
    assert row["difference"] == pytest.approx(difference, abs=tolerance)
    assert row["verdict"] == verdict
    worst = table[np.asarray(table["verdict"]) == conditions.verdict(table).split(": ")[0]]
    assert len(worst)
    assert all(name in conditions.verdict(table) for name in worst["quantity"])


def test_the_slope_of_the_intensities_is_that_of_their_power_law(protons, others):
    rng = np.random.default_rng(0)
    steep, flat = (replace(events, table=events.table.copy()) for events in (others, protons))
    steep.table["hillas_intensity"] = 50 * rng.uniform(size=len(steep)) ** (-1 / 2.0)  # dN/dI ~ I^-3
    flat.table["hillas_intensity"] = 50 * rng.uniform(size=len(flat)) ** (-1 / 0.7)
    for events in (steep, flat):
        events.table["shower_id"] = np.arange(len(events))
    row = row_of(conditions.compare(steep, trained_on(flat)), "intensity slope")
    assert row["observed"] == pytest.approx(-3.0, abs=0.4)
    assert row["training"] == pytest.approx(-1.7, abs=0.2)
    assert row["verdict"] != "ok", row


def test_noise_that_the_training_adds_itself_is_no_difference(protons, others):
    table = conditions.compare(with_noise(others, 0.7), trained_on(protons, settings=replace(PLAIN, night_sky=0.5)))
    assert row_of(table, "pixel noise")["verdict"] == "ok"


def test_cleaned_images_are_told_from_raw_ones(protons, others):
    cleaned = changed(others, lambda image: np.copyto(image, np.where(image > 3, image, 0)))
    table = conditions.compare(cleaned, trained_on(protons))
    assert row_of(table, "pixel noise")["verdict"] == "mismatch"
    assert row_of(table, "broken pixels")["verdict"] == "caution"


def cleaned(events):
    """The events with nothing outside their brightest pixels."""
    return changed(events, lambda image: np.putmask(image, image < 5, 0.0))


def test_a_training_of_cleaned_images(protons, others):
    """Where there is no noise, none is as it should be, and any is a mismatch."""
    bundle = trained_on(cleaned(protons))
    assert row_of(conditions.compare(cleaned(others), bundle), "pixel noise")["verdict"] == "ok"
    row = row_of(conditions.compare(others, bundle), "pixel noise")
    assert (row["difference"], row["verdict"]) == (np.inf, "mismatch")


def test_classes_of_which_one_was_cleaned_are_warned_of(protons):
    gammas = replace(made_events(100), simulation=None)
    with pytest.warns(RangeWarning, match="pixel noise of MadeCam: .* in gammas, 0 p.e. in hadrons"):
        conditions.warn_of_classes(conditions.measure(concatenate([gammas, cleaned(protons)])))


def test_a_pointing_that_is_not_known_is_not_ok(protons, others):
    lost = replace(others, table=others.table.copy())
    lost.table["pointing_alt"] = np.nan * u.deg
    assert row_of(conditions.compare(lost, trained_on(protons)), "zenith")["verdict"] == "caution"


def test_a_training_of_gammas_alone_says_nothing_of_hadrons(others):
    table = conditions.compare(others, trained_on(made_events(50)))
    assert list(table["quantity"]) == list(OF_INSTRUMENT)
    assert {each.meta["quantity"] for each in table.meta["distributions"]} == {"pixel noise", "zenith"}


def test_a_bundle_that_says_nothing(others):
    older = SimpleNamespace(metadata={"gammaml": "0.0.1"}, settings=PLAIN)
    with pytest.raises(InputError, match=r"0\.0\.1.*train it again"):
        conditions.compare(others, older)


def test_noise_that_differs_between_the_classes_is_warned_of(protons):
    gammas = made_events(50)
    with pytest.warns(RangeWarning, match=r"pixel noise of MadeCam: 0\.5.* in gammas, 1\.0. p\.e\. in hadrons"):
        conditions.warn_of_classes(conditions.measure(concatenate([gammas, with_noise(protons, 1.0)])))


def test_classes_alike_are_not_warned_of(protons, recwarn):
    conditions.warn_of_classes(conditions.measure(concatenate([made_events(50), protons])))
    assert not len(recwarn)


def test_the_figure_shows_what_the_table_holds(protons, others):
    table = conditions.compare(others, trained_on(protons))
    figure = plots.plot_conditions(table)
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "pixel noise [p.e.]",
        "zenith angle [deg]",
        "image intensity [p.e.]",
        "telescopes an event",
    ]
    for ax, shares in zip(figure.axes, table.meta["distributions"], strict=True):
        trained, seen = ax.patches
        assert np.array_equal(trained.get_data().values, shares["training"])
        assert np.array_equal(seen.get_data().values, shares["observed"])
        assert shares["observed"].sum() == pytest.approx(1)


@pytest.fixture(scope="module")
def observation_files(tmp_path_factory):
    """A calm observation, and one under a bright sky."""
    folder = tmp_path_factory.mktemp("observations")
    events = observed(made_events(40, primary=101, seed=2))
    write_dl1(events, folder / "calm.dl1.h5")
    write_dl1(with_noise(events, 2.0), folder / "bright.dl1.h5")
    return folder


def test_check_on_the_command_line(gammaml, trained, observation_files, tmp_path):
    result = gammaml("check", observation_files / "calm.dl1.h5", "--bundle", trained, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    *lines, last = result.stdout.splitlines()
    assert sum(f" {quantity} " in line for line in lines for quantity in conditions.LIMITS) >= len(conditions.LIMITS)
    assert last.startswith("conditions: ")
    assert "pixel noise" not in last
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"conditions.{e}" for e in ("ecsv", "pdf", "png")}
    again = ("check", observation_files / "calm.dl1.h5", "--bundle", trained, "-o", tmp_path / "out")
    assert "a file that exists" in refusal(gammaml(*again))
    assert gammaml(*again, "--overwrite").exit_code == 0


def test_predict_says_whether_the_observation_is_like_the_training(gammaml, trained, observation_files, tmp_path):
    for name in ("calm", "bright"):
        result = gammaml("predict", observation_files / f"{name}.dl1.h5", "--energy", trained, "-o", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        said = next(line for line in result.stderr.splitlines() if "conditions" in line)
        assert f"{name}.dl1.h5: conditions " in said
        assert ("mismatch: pixel noise 2" in said) == (name == "bright")


def test_an_older_bundle_predicts_and_cannot_be_checked(gammaml, trained, observation_files, tmp_path):
    older = tmp_path / "older.gammaml"
    older.write_bytes(trained.read_bytes())
    rezipped(older, change_metadata(conditions=[]), honest=True)
    assert bundle.load(older).metadata["conditions"] == []
    path = observation_files / "calm.dl1.h5"
    assert "train it again" in refusal(gammaml("check", path, "--bundle", older))
    result = gammaml("predict", path, "--energy", older, "-o", tmp_path / "x.dl2.h5")
    assert result.exit_code == 0, result.stderr
    assert "conditions not compared" in result.stderr


def test_the_broken_pixels_of_a_real_night_are_found(shared_data):
    """FACT, 7 March 2015: a patch of nine of 1,440 pixels was broken; docs/realism.md has it from the file itself."""
    events = io.read_events(shared_data / "fact" / "real_20150307_016_100events_pass3.phs.jsonl.gz")
    (broken,) = images.pedestals(events).broken.values()
    assert broken.sum() == 9
    patch = np.flatnonzero(broken)
    lon, lat = events.camera.fov_lon[patch], events.camera.fov_lat[patch]
    assert np.hypot(lon - lon.mean(), lat - lat.mean()).max() < 3 * events.camera.pixel_width
