"""No shower on two sides, whatever the files and uses."""

import numpy as np
import pytest
from made_events import made_events

from gammaml import split
from gammaml.errors import InputError, SettingError
from gammaml.events import concatenate


def showers(events):
    return set(np.asarray(events.table["shower_id"]))


def test_no_shower_is_on_two_sides(mixed_events):
    parts = split.by_shower(mixed_events, seed=3)
    split.check_disjoint(*parts)
    assert sum(map(len, parts)) == len(mixed_events)
    assert set.union(*map(showers, parts)) == showers(mixed_events)


def test_a_planted_leak_is_caught(mixed_events):
    training, _, test = split.by_shower(mixed_events, seed=3)
    leaky = concatenate([test, training[:1]])
    with pytest.raises(InputError, match="1 showers in more than one part"):
        split.check_disjoint(training, leaky)


def test_a_split_by_image_would_leak(mixed_events):
    rng = np.random.default_rng(0)
    half = rng.random(len(mixed_events)) < 0.5
    with pytest.raises(InputError, match="showers in more than one part"):
        split.check_disjoint(mixed_events[half], mixed_events[~half])


def test_one_shower_in_two_files_stays_together():
    same = made_events(30, seed=5)
    again = made_events(30, seed=5)
    parts = split.by_shower(concatenate([same, again]), seed=0)
    split.check_disjoint(*parts)
    assert sum(len(showers(part)) for part in parts) == 30


def test_equal_ids_of_gammas_and_protons_are_different_showers(mixed_events):
    gamma = mixed_events[mixed_events.is_gamma]
    proton = mixed_events[~mixed_events.is_gamma]
    assert set(gamma.table["event_id"]) == set(proton.table["event_id"])
    assert not showers(gamma) & showers(proton)


def test_fractions_seed_and_mixture(mixed_events):
    parts = split.by_shower(mixed_events, fractions=(0.5, 0.25, 0.25), seed=1)
    assert [part.is_gamma.sum() for part in parts] == [60, 28, 32]
    again = split.by_shower(mixed_events, fractions=(0.5, 0.25, 0.25), seed=1)
    other = split.by_shower(mixed_events, fractions=(0.5, 0.25, 0.25), seed=2)
    assert showers(parts[0]) == showers(again[0]) != showers(other[0])


def test_thrown_showers_are_shared_out(mixed_events):
    parts = split.by_shower(mixed_events, fractions=(0.6, 0.4), seed=1)
    np.testing.assert_allclose(parts[0].simulation["n_showers"], [180, 180])
    np.testing.assert_allclose(parts[1].simulation["n_showers"], [120, 120])


def test_too_few_showers():
    with pytest.raises(InputError, match="2 showers of a kind"):
        split.by_shower(made_events(2))


@pytest.mark.parametrize("fractions", [(0.5, 0.4), (1.5, -0.5), (1.0, 0.0)])
def test_senseless_fractions(mixed_events, fractions):
    with pytest.raises(SettingError, match="split fractions"):
        split.by_shower(mixed_events, fractions=fractions)


@pytest.mark.parametrize("n_showers", [3, 4, 5, 11])
def test_every_part_gets_a_shower(n_showers):
    parts = split.by_shower(made_events(n_showers), fractions=(0.9, 0.05, 0.05))
    assert all(len(part) for part in parts)


def test_real_uses_of_a_shower_share_its_id(shared_data):
    from gammaml import io

    events = io.read_events(shared_data / "bootstrap" / "gamma.dl1.h5")
    by_convention = np.asarray(events.table["event_id"]) // 100
    pairs = np.unique(np.stack([by_convention, np.asarray(events.table["shower_id"])], axis=1), axis=0)
    assert len(pairs) == len(np.unique(by_convention)) == 396
