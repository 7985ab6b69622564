"""What ten people's votes say about a label, and what a reviewer finds in a set of expressions."""

import json

import numpy as np
import pytest
from data_samples import grey, real

from helpers.data import EMOTIONS, VOTES, EmotionData, load_emotions, occur_among
from helpers.results import stored_result
from reading_faces.__main__ import main
from reading_faces.training.audit import nearest_pictures, review_emotions
from reading_faces.training.soft_labels import agreement, label_by_votes, soft_labels

LABELS = np.repeat(np.arange(7), 12)


def ten_votes(labels, doubtful=3):
    """Let all ten voters say what the label says, but `doubtful` of them say neutral."""
    votes = np.zeros((len(labels), len(VOTES)), np.uint8)
    votes[np.arange(len(labels)), [VOTES.index(EMOTIONS[label]) for label in labels]] = 10
    votes[:, VOTES.index("neutral")] += doubtful
    votes[np.arange(len(labels)), [VOTES.index(EMOTIONS[label]) for label in labels]] -= doubtful
    return votes


def test_soft_labels_are_distributions_that_favour_the_label():
    soft = soft_labels(LABELS, ten_votes(LABELS), 0.5)
    assert soft.shape == (84, 7)
    assert soft.dtype == np.float32
    assert np.allclose(soft.sum(axis=1), 1, atol=1e-5)
    assert (soft.argmax(axis=1) == LABELS).all()
    assert (soft[np.arange(84), LABELS] > 0.5).all()


def test_the_weight_says_how_much_of_the_target_are_votes():
    votes, by_votes = ten_votes(LABELS), label_by_votes(LABELS, ten_votes(LABELS))
    one_hot = np.eye(7)[LABELS]
    assert np.allclose(soft_labels(LABELS, votes, 0.25), 0.75 * one_hot + 0.25 * by_votes)


@pytest.mark.parametrize(("votes", "weight"), [(None, 0.5), (ten_votes(LABELS), 0.0)])
def test_without_votes_or_weight_the_label_is_all(votes, weight):
    assert np.array_equal(soft_labels(LABELS, votes, weight), np.eye(7)[LABELS])


def test_a_label_that_never_occurs_is_never_expected():
    labels = np.repeat([0, 3], 10)
    by_votes = label_by_votes(labels, ten_votes(labels))
    assert by_votes[:, [1, 2, 4, 5, 6]].max() == 0
    assert np.allclose(by_votes.sum(axis=1), 1, atol=1e-5)


def test_a_vote_that_labels_follow_half_of_the_time_means_half():
    votes = np.zeros((40, 10), int)
    votes[:, VOTES.index("neutral")] = 10
    by_votes = label_by_votes(np.tile([4, 6], 20), votes)
    assert np.allclose(by_votes[:, [4, 6]], 0.5, atol=0.01)


def test_agreement_is_the_share_of_the_most_frequent_answer():
    votes = np.zeros((3, 10), np.uint8)
    votes[0, 4], votes[1, :5] = 10, 2
    assert agreement(votes).tolist() == [1.0, 0.2, 0.0]


@pytest.fixture
def reviewed():
    """Twelve faces: one of `public` is a copy with its label, one a copy with another label."""
    images = grey(12, 48)
    images[10], images[11] = images[0], images[1]
    images[5] = 128
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 0, 3])
    split = np.array(["train"] * 7 + ["val"] + ["public"] * 4)
    return EmotionData(images, labels, EMOTIONS, split, votes=ten_votes(labels, 0), source="here")


def test_a_review_counts_copies_conflicts_and_flat_pictures(reviewed):
    found = review_emotions(reviewed)
    assert found["copies"]["public"]["n"] == 2
    assert found["copies"]["public"]["with_the_same_label"] == 1
    assert found["conflicts"] == {"groups": 1, "pictures": 2}
    assert found["flat"] == 1
    assert found["counts"]["train"]["angry"] == 1
    assert sum(found["counts"]["public"].values()) == 4


def test_copies_flatter_who_answers_with_the_nearest_picture(reviewed):
    training, public = (reviewed.select(split) for split in ("train", "public"))
    assert nearest_pictures(public.images, training.images)[2:].tolist() == [0, 1]
    found = review_emotions(reviewed)["copies"]["public"]
    with_copies = (found["nearest_picture_accuracy_without_copies"] * 2 + 1) / 4
    assert found["nearest_picture_accuracy"] == with_copies


def test_voters_who_all_say_the_label_agree_in_every_way(reviewed):
    votes = review_emotions(reviewed)["votes"]
    for name in ("label_is_most_frequent", "a_voter_agrees_with_the_label", "two_voters_agree"):
        assert votes[name] == 1
    assert votes["nobody_agrees_with_the_label"] == 0
    assert votes["most_frequent_answer"]["angry"] == 3


def test_a_picture_occurs_among_others_only_if_every_pixel_is_the_same():
    images = grey(3, 8)
    others = images[[2, 0]].copy()
    others[1, 0, 0] ^= 1
    assert occur_among(images, others).tolist() == [False, False, True]


def test_the_review_is_printed_for_people_and_programs(capsys):
    assert main(["data", "review", "made", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == len(load_emotions("made"))
    assert found["votes"] is None
    assert main(["data", "review", "made"]) == 0
    assert "copies" in capsys.readouterr().out


@real("fer2013")
def test_what_the_lesson_quotes_of_fer2013_is_what_is_found_in_it():
    found, faces = stored_result("fer2013-review"), load_emotions("fer2013")
    public, training = faces.select("public"), faces.select(np.isin(faces.split, ("train", "val")))
    copies = occur_among(public.images, training.images)
    assert found["copies"]["public"]["n"] == copies.sum()
    assert sum(found["counts"][split]["disgust"] for split in ("train", "val")) == 436
    all_agree = (agreement(faces.votes) == 1).mean()
    assert found["votes"]["all_agree"] == pytest.approx(all_agree)
