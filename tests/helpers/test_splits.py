"""Splits never cut through a person, and treat classes alike as far as that allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.data.splits import split_by_subject

PEOPLE = st.lists(
    st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=3, max_size=60
)  # what each person's pictures show


def table(people):
    subjects = np.concatenate([[f"S{who:03d}"] * len(shown) for who, shown in enumerate(people)])
    return subjects, np.concatenate(people)


@given(PEOPLE)
def test_nobody_is_in_two_splits(people):
    subjects, labels = table(people)
    split = split_by_subject(subjects, labels)
    assert len(split) == len(subjects)
    assert set(split) == {"train", "val", "test"}
    for who in np.unique(subjects):
        assert len(set(split[subjects == who])) == 1


@given(PEOPLE)
def test_the_same_people_are_split_alike_each_time(people):
    subjects, labels = table(people)
    once, again = (split_by_subject(subjects, labels) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_two_people_cannot_be_three_sets():
    with pytest.raises(ValueError, match="need three people"):
        split_by_subject(np.array(["a", "b", "b"]), np.zeros(3, int))


def test_a_tenth_each_goes_to_val_and_test_and_every_class_to_all_three():
    rng = np.random.default_rng(0)
    subjects = np.repeat([f"S{who}" for who in range(80)], 6)
    labels = rng.choice(4, len(subjects), p=[0.5, 0.3, 0.15, 0.05])
    split = split_by_subject(subjects, labels)
    shares = {name: np.bincount(labels[split == name], minlength=4) for name in np.unique(split)}
    assert set(shares) == {"train", "val", "test"}
    for name in ("val", "test"):
        assert 0.07 < shares[name].sum() / len(labels) < 0.13
        assert np.abs(shares[name] / shares[name].sum() - [0.5, 0.3, 0.15, 0.05]).max() < 0.08
