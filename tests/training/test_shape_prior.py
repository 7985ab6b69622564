"""Faces are laid over each other, and unlikely ones stand out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.splits import similarities
from reading_faces.training import shape_prior as shapes

MEAN = np.random.default_rng(1).uniform(20, 75, (15, 2))
FACES = MEAN + np.random.default_rng(2).normal(0, 1.5, (400, 15, 2))


def moved(faces, degrees, zoom, shift):
    """Turn, scale and shift faces."""
    cos, sin = zoom * np.cos(np.deg2rad(degrees)), zoom * np.sin(np.deg2rad(degrees))
    return faces @ np.array([[cos, sin], [-sin, cos]]) + shift


@given(st.floats(-180, 180), st.floats(0.2, 5), st.floats(-200, 200))
@settings(max_examples=25)
def test_turn_size_and_place_do_not_change_how_likely_a_shape_is(degrees, zoom, shift):
    model = shapes.fit_shape_model(FACES)
    there = moved(FACES[:20], degrees, zoom, (shift, -shift / 2))
    np.testing.assert_allclose(model.distances(there), model.distances(FACES[:20]), rtol=1e-6)


def test_one_face_in_a_hundred_lies_outside_the_region_of_99_percent():
    model = shapes.fit_shape_model(FACES)
    assert model.outside(FACES).mean() == pytest.approx(0.01, abs=0.003)


def test_a_brow_below_the_eye_is_unlikely():
    model = shapes.fit_shape_model(FACES)
    odd = MEAN[np.newaxis].copy()
    assert not model.outside(odd)[0]
    odd[0, 6, 1] += 25
    assert model.outside(odd)[0]


def test_incomplete_faces_are_passed_over_and_too_few_are_refused():
    some = np.concatenate([FACES, np.full((50, 15, 2), np.nan)])
    np.testing.assert_allclose(
        shapes.fit_shape_model(some).mean, shapes.fit_shape_model(FACES).mean
    )
    with pytest.raises(ValueError, match="99 complete faces are too few"):
        shapes.fit_shape_model(FACES[:99])


def test_points_that_are_not_known_take_no_part_in_the_fit():
    target = MEAN[:5]
    points = moved(target[np.newaxis], 30, 2.0, (5, 7))
    points[0, 3] = np.nan
    fit = similarities(points, target)[0]
    np.testing.assert_allclose(points[0, :3] @ fit[:, :2].T + fit[:, 2], target[:3], atol=1e-9)
