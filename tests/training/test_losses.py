"""Points that nobody labelled cost nothing, and classes may be weighed."""

import keras
import numpy as np
import pytest

from reading_faces.training import losses


def test_the_loss_is_the_mean_distance_over_labelled_points():
    true = np.full((2, 3, 2), np.nan, np.float32)
    true[0, 0], true[1, 2] = (0, 0), (1, 1)
    predicted = np.zeros((2, 3, 2), np.float32)
    predicted[0, 0], predicted[1, 2] = (3, 4), (1, 1)
    assert float(losses.masked_distance(true, predicted)) == pytest.approx(2.5, abs=1e-3)


def test_a_face_counts_alike_however_many_of_its_points_are_labelled():
    true = np.zeros((2, 4, 2), np.float32)
    true[1, 1:] = np.nan
    predicted = np.zeros((2, 4, 2), np.float32)
    predicted[0], predicted[1] = (3, 4), (0, 1)
    assert float(losses.masked_distance(true, predicted)) == pytest.approx(3, abs=1e-3)


def test_a_face_without_a_labelled_point_does_not_count():
    true, predicted = np.zeros((2, 4, 2), np.float32), np.zeros((2, 4, 2), np.float32)
    true[1], predicted[0] = np.nan, (3, 4)
    assert float(losses.masked_distance(true, predicted)) == pytest.approx(5, abs=1e-3)


def test_unlabelled_points_send_no_gradient():
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="ones")(inputs))
    network = keras.Model(inputs, keras.layers.Reshape((1, 2))(network(inputs)))
    network.compile(keras.optimizers.SGD(1.0), loss=losses.masked_distance)
    before = network.get_weights()
    network.train_on_batch(np.ones((4, 2)), np.full((4, 1, 2), np.nan))
    for one, other in zip(before, network.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_face_of_a_weighed_class_costs_so_much_more():
    targets = np.eye(3, dtype=np.float32)[[0, 2]]
    logits = np.array([[1, 2, 3], [0, 1, -1]], np.float32)
    plain = [float(losses.cross_entropy()(targets[i : i + 1], logits[i : i + 1])) for i in (0, 1)]
    weights = np.array([0.5, 1, 3], np.float32)
    weighed = losses.cross_entropy(class_weights=weights)(targets, logits)
    np.testing.assert_allclose(weighed, [0.5 * plain[0], 3 * plain[1]], rtol=1e-5)


def test_cross_entropy_takes_logits_and_smooths_labels():
    truth, logits = np.eye(3, dtype=np.float32)[[0]], np.array([[4, 0, 0]], np.float32)
    said = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert float(losses.cross_entropy()(truth, logits)) == pytest.approx(-np.log(said[0]), rel=1e-4)
    smoothed = 0.7 * truth[0] + 0.1
    expected = -(smoothed * np.log(said)).sum()
    assert float(losses.cross_entropy(0.3)(truth, logits)) == pytest.approx(expected, rel=1e-4)


def test_a_unit_that_nobody_coded_costs_nothing():
    true = np.array([[1, np.nan], [0, 0.5]], np.float32)
    logits = np.array([[0, 50], [2, 0]], np.float32)
    expected = (np.log(2) + np.log1p(np.exp(2)) + np.log(2)) / 3
    assert float(losses.masked_entropy(true, logits)) == pytest.approx(expected, rel=1e-4)
    assert float(losses.masked_entropy(np.full_like(true, np.nan), logits)) == 0
