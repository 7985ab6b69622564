"""A gallery knows whom it was shown, says unknown to others."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.gallery import Gallery

EMPTY = Gallery.empty("some embedder", threshold=0.7)
ANN, BOB = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]]), np.array([[0.0, 3.0, 0.0]])


@pytest.fixture
def gallery():
    return EMPTY.enroll("ann", ANN).enroll("bob", BOB)


def test_the_nearest_person_is_named_and_a_stranger_is_not(gallery):
    found = gallery.identify(np.array([[5.0, 0, 0], [0.1, 1, 0], [0, 0, 1.0], [1, 1, 0]]))
    assert [name for name, _ in found] == ["ann", "bob", None, "ann"]
    assert found[0][1] == pytest.approx(1, abs=1e-6) and found[2][1] == pytest.approx(0, abs=1e-6)
    assert found[3][1] == pytest.approx(np.sqrt(0.5), abs=1e-3)


def test_an_empty_gallery_knows_nobody():
    assert EMPTY.identify(np.ones((2, 3))) == [(None, -1.0)] * 2
    assert EMPTY.people == []


def test_who_is_forgotten_leaves_nothing_and_changes_nobody_else(gallery):
    before = gallery.identify(np.array([[0.1, 1, 0]]))
    without = gallery.forget("ann")
    assert without.people == ["bob"] and len(without.embeddings) == 1
    assert without.identify(np.array([[0.1, 1, 0]])) == before
    again = without.enroll("ann", ANN)
    assert again.identify(ANN) == gallery.identify(ANN)
    with pytest.raises(ValueError, match="Nobody called carl"):
        gallery.forget("carl")


@pytest.mark.parametrize(
    ("name", "embeddings", "words"),
    [
        (" ", ANN, "needs a name"),
        ("carl", np.zeros((0, 3)), "no face"),
        ("carl", np.array([[np.nan, 0, 0]]), "not finite"),
        ("carl", np.ones((1, 4)), "3 numbers a face, these have 4"),
    ],
)
def test_whoever_cannot_be_enrolled_gets_a_sentence(gallery, name, embeddings, words):
    with pytest.raises(ValueError, match=words):
        gallery.enroll(name, embeddings)


@pytest.mark.parametrize("threshold", [55, 1.001, -1.001, float("nan"), float("inf")])
def test_a_threshold_that_no_similarity_has_is_refused(gallery, threshold):
    with pytest.raises(ValueError, match="between -1 and 1"):
        Gallery.empty("some embedder", threshold)
    with pytest.raises(ValueError, match="between -1 and 1"):
        replace(gallery, threshold=threshold)


def test_a_similarity_just_at_the_threshold_makes_a_name(gallery):
    face = np.array([[0.3, 0.9, 0.2]])
    ((_, score),) = gallery.identify(face)
    assert replace(gallery, threshold=score).identify(face) == [("bob", score)]
    higher = replace(gallery, threshold=float(np.nextafter(score, 1)))
    assert higher.identify(face) == [(None, score)]


def test_somebody_s_faces_count_as_their_mean(gallery):
    found = gallery.similarities(np.array([[2.0, 0, 0], [0, 0, 1.0]]))
    np.testing.assert_allclose(found, [[1, 0], [0, 0]], atol=1e-6)


def test_each_face_of_somebody_counts_alike_however_long_its_embedding():
    long = EMPTY.enroll("ann", np.array([[100.0, 0, 0], [0, 1, 0]]))
    np.testing.assert_allclose(np.linalg.norm(long.embeddings, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(long.similarities(np.array([[1.0, 1, 0]])), [[1.0]], atol=1e-6)
