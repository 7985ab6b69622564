"""People who lie apart are told apart, those who do not are guessed, and strangers stay out."""

import numpy as np
import pytest
from data_samples import REAL, real

from reading_faces.training import recognition


def crowd(people=5, each=8, spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 16))
    points = centres.repeat(each, axis=0) + spread * rng.normal(size=(people * each, 16))
    return points, np.repeat([f"p{n}" for n in range(people)], each)


@pytest.mark.parametrize("folds", [0, 4])
def test_an_svm_names_who_lies_apart_and_guesses_the_others(folds):
    points, names = crowd()
    assert (recognition.by_svm(points, names, folds) == names).all()
    noise = np.random.default_rng(1).normal(size=points.shape)
    assert (recognition.by_svm(noise, names, folds) == names).mean() < 0.5


def test_one_picture_is_enough_for_who_lies_apart():
    points, names = crowd()
    assert recognition.by_few(points, names, draws=5).tolist() == [1] * 5
    hard, names = crowd(spread=2.0)
    one, three = (recognition.by_few(hard, names, enrolled=n).mean() for n in (1, 3))
    assert 0.2 < one < three < 1


def test_strangers_are_told_from_who_is_known():
    points, names = crowd()
    strangers, _ = crowd(people=20, each=1, seed=7)
    apart = recognition.with_strangers(points, names, strangers)
    assert apart["unknown_auroc"] == 1 and apart["eer"] == 0 and apart["accuracy"] == 1
    same = recognition.with_strangers(points, names, points)
    assert 0.3 < same["unknown_auroc"] < 0.7 and 0.3 < same["eer"] < 0.7


def test_the_equal_error_rate_is_where_both_errors_are():
    rng = np.random.default_rng(0)
    same, different = rng.normal(1, 1, 4000), rng.normal(-1, 1, 4000)
    rate, threshold = recognition.equal_error_rate(same, different)
    assert rate == pytest.approx(0.1587, abs=0.01) and threshold == pytest.approx(0, abs=0.1)


def test_too_few_people_or_faces_are_one_sentence():
    points, names = crowd(people=2, each=2)
    with pytest.raises(ValueError, match="two or more"):
        recognition.by_svm(points[:2], names[:2])
    with pytest.raises(ValueError, match="has 2 face"):
        recognition.by_svm(points, names, folds=5)
    with pytest.raises(ValueError, match="3 are needed"):
        recognition.by_few(points, names, enrolled=2)
    with pytest.raises(ValueError, match="has 2 face.*5 are needed"):
        recognition.with_strangers(points, names, points)


@real("five-celebrities")
def test_genuine_facenet_embeddings_tell_five_people_apart():
    with np.load(REAL / "five-celebrities" / "facenet_embeddings_train.npz") as file:
        embeddings, names = file["embeddings"], file["labels"]
    # Two of the 93 lie among somebody else's, whatever looks at them.
    assert (recognition.by_svm(embeddings, names) == names).sum() >= 91


def test_the_threshold_is_given_at_which_both_errors_are_alike():
    same, different = np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.6, 0.2, 0.1, 0.0])
    rate, threshold = recognition.equal_error_rate(same, different)
    assert rate == 0.25 and 0.3 < threshold <= 0.7


def test_nobody_is_compared_with_their_own_face():
    points = np.eye(8)  # each face is like no other
    names = np.repeat(["ann", "bob"], 4)
    assert np.abs(recognition.against_others(points, names, folds=4)).max() < 1e-6
