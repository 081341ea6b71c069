"""Image parameters turn with the camera, and do not depend on conventions."""

from dataclasses import replace

import numpy as np
import pytest

from gammaml import parameters


@pytest.fixture
def shape(mixed_events):
    rng = np.random.default_rng(0)
    made = parameters.shape(mixed_events.table)
    return replace(made, skewness=rng.normal(size=len(made.cog)), gradient=rng.normal(size=len(made.cog)))


def turned(shape, matrix):
    """What would be measured of the turned image, with the axis of either sign."""
    cog, axis = shape.cog @ matrix.T, shape.axis @ matrix.T
    return replace(shape, cog=cog, axis=axis)


def matrices(angle, mirror):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([1, -1]) if mirror else turn


@pytest.mark.parametrize("angle", [0.0, np.pi / 3, 2.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_inputs_and_frame_turn_with_the_camera(shape, angle, mirror):
    matrix = matrices(angle, mirror)
    many = np.broadcast_to(matrix, (len(shape.cog), 2, 2))
    np.testing.assert_allclose(parameters.inputs(shape, many), parameters.inputs(turned(shape, matrix)), atol=1e-12)
    np.testing.assert_allclose(parameters.frame(shape, many), parameters.frame(turned(shape, matrix)), atol=1e-12)


def test_the_sign_of_the_axis_does_not_matter(shape):
    flipped = replace(shape, axis=-shape.axis, skewness=-shape.skewness, gradient=-shape.gradient)
    np.testing.assert_allclose(parameters.inputs(shape), parameters.inputs(flipped), atol=1e-12)
    np.testing.assert_allclose(parameters.frame(shape), parameters.frame(flipped), atol=1e-12)


def test_scalars_do_not_turn(shape):
    matrix = np.broadcast_to(matrices(1.0, True), (len(shape.cog), 2, 2))
    unturned = [*range(parameters.N_SCALARS), *range(-len(parameters.ALIGNED), 0)]
    np.testing.assert_allclose(
        parameters.inputs(shape, matrix)[:, unturned], parameters.inputs(shape)[:, unturned], atol=1e-12
    )


def test_normalised_inputs_are_of_order_one_and_finite(shape):
    values = parameters.inputs(shape)
    normalised = parameters.fit_normalisation(values).apply(values)
    assert normalised.dtype == np.float32
    assert np.abs(normalised).max() <= 8
    varying = normalised.std(axis=0) > 0
    np.testing.assert_allclose(np.sqrt((normalised[:, varying] ** 2).mean(axis=0)), 1, atol=0.5)


def test_images_without_parameters_get_the_mean(shape):
    values = parameters.inputs(shape)
    normalisation = parameters.fit_normalisation(values)
    values[0] = np.nan
    np.testing.assert_array_equal(normalisation.apply(values)[0], 0)
    lost = replace(shape, cog=np.where(np.arange(len(shape.cog))[:, None] == 0, np.nan, shape.cog))
    np.testing.assert_array_equal(parameters.frame(lost)[0], [[0, 0], [1, 0], [0, 1]])


@pytest.mark.filterwarnings("error")
def test_what_no_training_event_has_says_nothing_of_later_ones(shape):
    without_times = replace(shape, gradient=np.full(len(shape.cog), np.nan))
    missing = np.isnan(parameters.inputs(without_times)).all(axis=0)
    normalisation = parameters.fit_normalisation(parameters.inputs(without_times))
    later = normalisation.apply(parameters.inputs(shape))
    assert missing.sum() >= 3  # along the axis, and a vector
    np.testing.assert_array_equal(later[:, missing], 0)
    usual = parameters.fit_normalisation(parameters.inputs(shape)).apply(parameters.inputs(shape))
    np.testing.assert_allclose(later[:, ~missing], usual[:, ~missing], rtol=1e-6)
