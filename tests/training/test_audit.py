"""What a reviewer finds: copies, conflicts and votes of emotions, gaps of keypoints."""

import json
from dataclasses import replace

import numpy as np
import pytest
from data_samples import REAL, coordinates, grey, keypoint_rows, real, write_table

from helpers import settings
from helpers.data import (
    EMOTIONS,
    KEYPOINT_NAMES,
    VOTES,
    EmotionData,
    kaggle_coordinates,
    load_emotions,
    occur_among,
)
from helpers.results import stored_result
from reading_faces.__main__ import main
from reading_faces.training.audit import describe_gaps, nearest_pictures, review_emotions
from reading_faces.training.training_data import agreement


@pytest.fixture
def reviewed():
    """Twelve faces: one of `public` is a copy with its label, one a copy with another label."""
    images = grey(12, 48)
    images[10], images[11] = images[0], images[1]
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 0, 3])
    votes = np.zeros((12, len(VOTES)), np.uint8)
    votes[np.arange(12), [VOTES.index(EMOTIONS[label]) for label in labels]] = 10
    split = np.array(["train"] * 7 + ["val"] + ["public"] * 4)
    return EmotionData(images, labels, EMOTIONS, split, votes=votes, source="here")


def test_a_review_counts_copies_and_conflicts(reviewed):
    found = review_emotions(reviewed)
    assert found["copies"]["public"]["n"] == 2
    assert found["copies"]["public"]["with_the_same_label"] == 1
    assert found["conflicts"] == {"groups": 1, "pictures": 2}
    assert found["counts"]["train"]["angry"] == 1
    assert sum(found["counts"]["public"].values()) == 4


def test_a_copy_counts_once_however_often_its_picture_is_among_those_to_train_on(reviewed):
    reviewed.images[2], reviewed.labels[2] = reviewed.images[0], reviewed.labels[0]
    found = review_emotions(reviewed)["copies"]["public"]
    assert (found["n"], found["with_the_same_label"]) == (2, 1)


def test_copies_flatter_who_answers_with_the_nearest_picture(reviewed):
    training, public = (reviewed.select(split) for split in ("train", "public"))
    assert nearest_pictures(public.images, training.images)[2:].tolist() == [0, 1]
    found = review_emotions(reviewed)["copies"]["public"]
    with_copies = (found["nearest_picture_accuracy_without_copies"] * 2 + 1) / 4
    assert found["nearest_picture_accuracy"] == with_copies


def test_a_flat_picture_is_nearest_to_nothing():
    """It has no correlation, so a picture that resembles another a little is nearer to that."""
    images = grey(2, 48)
    little = images[0] // 4 + images[1] // 2
    others = np.stack([np.full((48, 48), 90, np.uint8), images[0]])
    assert nearest_pictures(np.stack([little, images[0]]), others).tolist() == [1, 1]


def test_where_every_face_is_a_copy_nothing_is_said_of_the_others(reviewed):
    copies = review_emotions(reviewed.select(np.array([0, 1, 2, 10, 11])))["copies"]["public"]
    assert (copies["n"], copies["of"]) == (2, 2)
    assert copies["nearest_picture_accuracy_without_copies"] is None


def test_a_set_in_which_nobody_voted_has_no_votes(reviewed):
    assert review_emotions(replace(reviewed, votes=np.zeros_like(reviewed.votes)))["votes"] is None


def test_faces_that_nobody_voted_on_are_not_among_the_votes(reviewed):
    votes = reviewed.votes.copy()
    votes[:4] = 0
    found = review_emotions(replace(reviewed, votes=votes))["votes"]
    assert found["n"] == 8 and found["a_voter_agrees_with_the_label"] == 1


def test_voters_who_all_say_the_label_agree_in_every_way(reviewed):
    votes = review_emotions(reviewed)["votes"]
    for name in ("label_is_most_frequent", "a_voter_agrees_with_the_label", "two_voters_agree"):
        assert votes[name] == 1
    assert votes["nobody_agrees_with_the_label"] == 0
    assert votes["most_frequent_answer"]["angry"] == 3


def test_voters_agree_as_often_as_two_of_them_say_the_same(reviewed):
    """Seven of ten say the label and three say neutral: 48 of 90 ordered pairs agree."""
    votes = reviewed.votes * 0
    rows = np.arange(12)
    votes[rows, [VOTES.index(EMOTIONS[label]) for label in reviewed.labels]] = 7
    votes[:, VOTES.index("neutral")] += 3
    votes[0] = 0
    votes[0, VOTES.index("fear")] = 10  # nobody says angry, which is the label
    others = reviewed.select(reviewed.labels != EMOTIONS.index("neutral"))
    found = review_emotions(replace(others, votes=votes[reviewed.labels != 6]))["votes"]
    assert found["two_voters_agree"] == pytest.approx((10 * 48 / 90 + 1) / 11)
    assert found["a_voter_agrees_with_the_label"] == pytest.approx(10 * 0.7 / 11)
    assert found["label_is_most_frequent"] == pytest.approx(10 / 11)
    assert found["all_agree"] == pytest.approx(1 / 11)
    assert found["nobody_agrees_with_the_label"] == 1


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
def test_what_the_lesson_quotes_of_fer2013_is_what_is_found_in_it(real_emotions):
    found, faces = stored_result("fer2013-review"), real_emotions
    public, training = faces.select("public"), faces.select(np.isin(faces.split, ("train", "val")))
    copies = occur_among(public.images, training.images)
    assert found["copies"]["public"]["n"] == copies.sum()
    assert sum(found["counts"][split]["disgust"] for split in ("train", "val")) == 436
    all_agree = (agreement(faces.votes) == 1).mean()
    assert found["votes"]["all_agree"] == pytest.approx(all_agree)


def test_gaps_are_counted_by_face_and_by_pattern():
    keypoints = coordinates(6)
    keypoints[3:5, 4:] = np.nan
    keypoints[5, 2:] = np.nan
    gaps = describe_gaps(keypoints)
    assert (gaps["n"], gaps["complete"]) == (6, 3)
    assert [(p["faces"], len(p["missing"])) for p in gaps["patterns"]] == [(3, 0), (2, 11), (1, 13)]
    assert gaps["patterns"][1]["missing"] == list(KEYPOINT_NAMES[4:])
    assert gaps["more_than_four"] == {"faces": 3, "first_row": 0, "last_row": 2}


@real("facial-keypoints")
def test_the_stored_gaps_of_kaggles_set_are_those_of_its_table():
    stored = json.loads((settings.SHIPPED / "results" / "kaggle-gaps.json").read_text())
    found = describe_gaps(kaggle_coordinates(REAL / "facial-keypoints"))
    assert {name: stored[name] for name in found} == found
    assert stored["command"] == "python -m reading_faces data review facial-keypoints --json"


def test_of_many_patterns_of_gaps_the_five_commonest_are_told():
    keypoints = coordinates(21)
    for kind, rows in enumerate(np.split(np.arange(21), [1, 3, 6, 10, 15])):
        keypoints[rows, 9 + kind] = np.nan  # the more faces, the later the point that is missing
    patterns = describe_gaps(keypoints)["patterns"]
    assert [(one["faces"], *one["missing"]) for one in patterns] == [
        (n, KEYPOINT_NAMES[8 + n]) for n in (6, 5, 4, 3, 2)
    ]


def test_where_nothing_is_marked_no_face_is_complete():
    gaps = describe_gaps(np.full((2, 15, 2), np.nan))
    assert gaps["complete"] == 0
    assert gaps["more_than_four"] == {"faces": 0, "first_row": 2, "last_row": -1}


def test_of_complete_faces_it_is_counted_where_the_lower_lip_is_the_largest_number():
    keypoints = np.full((3, 15, 2), 20.0)
    keypoints[0, 14, 1] = keypoints[1, 14, 0] = keypoints[2, 14, 1] = 80
    keypoints[2, 3] = np.nan
    assert describe_gaps(keypoints)["largest_is_lower_lip_y"] == 1


def test_the_gaps_of_kaggles_set_are_printed_by_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    points = coordinates(3)
    points[2, 5] = np.nan
    table = tmp_path / "facial-keypoints" / "training.csv"
    write_table(table, keypoint_rows(grey(3, 96), points))
    assert main(["data", "review", "facial-keypoints", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["complete"]) == (3, 2)
    assert set(found) == set(stored_result("kaggle-gaps"))
