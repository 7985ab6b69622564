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
    found = gallery.identify(np.array([[5.0, 0, 0], [0.9, 1, 0], [0, 0, 1.0]]))
    assert [name for name, _ in found] == ["ann", "bob", None]
    assert found[0][1] == pytest.approx(1, abs=1e-6) and found[2][1] == pytest.approx(0, abs=1e-6)
    assert found[1][1] == pytest.approx(1 / np.sqrt(1.81), abs=1e-3)


def test_on_one_photo_a_name_goes_to_the_likeliest_face_only(gallery):
    found = gallery.identify(np.array([[1, 0, 0.5], [1.0, 0, 0]]))
    assert [name for name, _ in found] == [None, "ann"]
    # Whoever is left without a name is still said to be near.
    assert found[0][1] == pytest.approx(np.sqrt(0.8), abs=1e-3)


@pytest.mark.parametrize(("up", "name"), [(0.99, "bob"), (0.9, None)])
def test_a_face_whose_name_is_gone_takes_the_next_one_if_it_is_near_enough(gallery, up, name):
    (second, score), (first, _) = gallery.identify(np.array([[1, up, 0], [1, 0, 0]]))
    assert (first, second) == ("ann", name)
    # To who is named; else to the nearest.
    assert score == pytest.approx((up if name else 1) / np.hypot(1, up), abs=1e-4)


def test_the_likeliest_pair_comes_first_whatever_another_face_loses_by_it(gallery):
    # 0.75 + 0.6 would be more than 0.8 and nothing.
    faces = np.array([[0.75, 0.1, 0.654], [0.8, 0.6, 0]])
    found = replace(gallery, threshold=0.3).identify(faces)
    assert [name for name, _ in found] == [None, "ann"]


def test_no_threshold_gives_names_to_more_faces_than_there_are_people(gallery):
    faces = np.array([[-1.0, 0, 0], [0, -1, 0], [1, 1, 1]])
    found = replace(gallery, threshold=-1.0).identify(faces)
    assert sorted(str(name) for name, _ in found) == ["None", "ann", "bob"]
    assert gallery.identify(faces[:0]) == []


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


def test_people_are_in_the_order_of_their_names_and_so_are_similarities():
    late_first = EMPTY.enroll("zoe", BOB).enroll("ann", ANN)
    assert late_first.people == ["ann", "zoe"]
    assert late_first.similarities(np.array([[0, 2.0, 0]])).argmax() == 1
    assert late_first.identify(BOB) == [("zoe", 1.0)]


def test_one_more_face_of_somebody_moves_their_mean():
    more = EMPTY.enroll("ann", np.array([1.0, 0, 0])).enroll("ann", np.array([0, 1.0, 0]))
    assert more.people == ["ann"] and more.embeddings.shape == (2, 3)
    np.testing.assert_allclose(more.similarities(np.array([[1.0, 1, 0]])), [[1.0]], atol=1e-6)


def test_an_embedding_of_nothing_is_like_nobody(gallery):
    assert gallery.identify(np.zeros((1, 3))) == [(None, 0.0)]
