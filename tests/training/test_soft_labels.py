"""What ten people's votes say about a label."""

import numpy as np
import pytest

from helpers.data import EMOTIONS, VOTES
from reading_faces.training.training_data import agreement, label_by_votes, soft_labels

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
