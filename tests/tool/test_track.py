"""Faces keep their numbers while they move, cross and come back, and emotions change slowly."""

import numpy as np
import pytest
from faces import Tint
from moving_faces import Changing, Following, detected, frame_of

from helpers import detect, embedders
from helpers.gallery import Gallery
from reading_faces import track
from reading_faces.reader import FaceReader
from reading_faces.track import FaceTracker


@pytest.fixture
def stage(monkeypatch):
    """Return `play(tracker, frames)`: each frame is a list of places, which the detector sees."""
    seen = []
    monkeypatch.setattr(detect, "detect_faces", lambda frame, *_: seen[-1]())

    def play(tracker, frames, colours=None):
        shown = []
        for places in frames:
            seen.append(lambda places=places: [detected(*place) for place in places])
            shown.append(tracker.read(frame_of(*places, colours=colours)))
        return shown

    return play


def reader(embedder=None):
    models = {"keypoints": Following(), "emotion": Changing()}
    return FaceReader(parts=tuple(models), models=models, embedder=embedder)


def test_two_faces_keep_their_numbers_and_are_followed_between_looks(stage):
    tracker = FaceTracker(reader(), every=5)
    path = [[(20 + 2 * n, 30), (100 - n, 60)] for n in range(20)]
    for places, tracks in zip(path, stage(tracker, path), strict=True):
        assert [t.number for t in tracks] == [1, 2]
        for place, one in zip(places, tracks, strict=True):
            middle = np.array(one.face.box[:2]) + np.array(one.face.box[2:]) / 2
            assert np.abs(middle - (np.array(place) + 20)).max() < 5


def test_who_leaves_for_a_while_comes_back_with_the_same_number_and_a_newcomer_has_another(stage):
    tracker = FaceTracker(reader(), every=1)
    there, gone = [(20, 30)], []
    shown = stage(tracker, [there, gone, gone, there, [(20, 30), (100, 60)]])
    assert [[t.number for t in tracks] for tracks in shown] == [[1], [], [], [1], [1, 2]]


@pytest.mark.parametrize(("looks", "number"), [(track.PATIENCE, 1), (track.PATIENCE + 1, 2)])
def test_a_number_is_kept_for_so_many_looks_and_no_longer(stage, looks, number):
    there = [(20, 30)]
    shown = stage(FaceTracker(reader(), every=1), [there, *[[]] * looks, there])
    assert shown[-1][0].number == number


def test_a_face_that_jumps_is_known_again_by_who_it_is(stage):
    far = [[(10, 20)], [(110, 70)]]
    alone = stage(FaceTracker(reader(), every=1), far)
    assert alone[1][0].number == 2
    known = stage(FaceTracker(reader(Tint()), every=1), far, colours=[(255, 200, 200)])
    assert known[1][0].number == 1


def test_the_gallerys_embedder_knows_a_face_again(stage, monkeypatch):
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    known = reader()
    known.gallery = Gallery.empty("tint", 0.9).enroll("Ann", np.ones((1, 3)))
    seen = stage(FaceTracker(known, every=1), [[(10, 20)], [(110, 70)]], colours=[(255, 200, 200)])
    assert seen[1][0].number == 1


def test_somebody_else_who_appears_elsewhere_has_another_number(stage):
    tracker = FaceTracker(reader(Tint()), every=1)
    stage(tracker, [[(10, 20)]], colours=[(255, 200, 200)])
    ((other,),) = stage(tracker, [[(110, 70)]], colours=[(200, 200, 255)])
    assert other.number == 2


@pytest.mark.parametrize(("step", "number"), [(20, 1), (30, 2)])
def test_a_box_that_overlaps_by_a_fifth_is_the_same_face(stage, step, number):
    """Of boxes of 40 pixels, those 20 apart share a third of their area; 30 apart, a seventh."""
    shown = stage(FaceTracker(reader(), every=1), [[(20, 30)], [(20 + step, 30)]])
    assert shown[-1][0].number == number


def test_an_emotion_changes_slowly_and_gets_there(stage):
    of_face = reader()
    tracker = FaceTracker(of_face, every=5, smoothing=4)
    still = [[(20, 30)]]
    stage(tracker, still * 5)
    of_face.load()["emotion"].answer = "sad"
    after = [tracks[0].reading.emotion for tracks in stage(tracker, still * 20)]
    assert after[0]["happy"] > 0.7 and after[-1]["sad"] > 0.97
    assert all(sum(e.values()) == pytest.approx(1) for e in after)
    sad = [e["sad"] for e in after]
    assert sad == sorted(sad)


@pytest.mark.parametrize(
    ("smoothing", "kept"), [(0, 0.0), (4, np.exp(-1 / 4)), (20, np.exp(-1 / 20))]
)
def test_what_was_read_before_weighs_as_the_smoothing_says(stage, smoothing, kept):
    of_face = reader()
    tracker = FaceTracker(of_face, smoothing=smoothing)
    stage(tracker, [[(20, 30)]])
    of_face.load()["emotion"].answer = "sad"
    ((now,),) = stage(tracker, [[(20, 30)]])
    assert now.reading.emotion["happy"] == pytest.approx(kept)
    assert now.reading.emotion["sad"] == pytest.approx(1 - kept)


def test_the_detector_looks_at_every_so_many_frames_from_the_first_on(stage, monkeypatch):
    looks = []
    monkeypatch.setattr(detect, "detect_faces", lambda frame, *_: looks.append(len(looked)) or [])
    tracker, looked = FaceTracker(reader(), every=3), []
    for _ in range(8):
        tracker.read(frame_of())
        looked.append(True)
    assert sorted(set(looks)) == [0, 3, 6]


def test_a_reader_without_keypoints_cannot_follow_and_says_so():
    with pytest.raises(ValueError, match="followed by their keypoints, which this reader leaves"):
        FaceTracker(FaceReader(parts=("emotion",), models={"emotion": Changing()}))


def test_two_boxes_share_what_both_cover():
    share = track.intersection_over_union
    assert share((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert share((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert share((0, 0, 10, 10), (0, 5, 10, 20)) == pytest.approx(50 / 250)
    assert share((0, 0, 10, 10), (10, 0, 10, 10)) == 0


def test_a_box_moves_and_grows_with_its_landmarks():
    before = np.array([[2, 2], [8, 2], [5, 5], [3, 8], [7, 8]], float)
    moved = track.moved_box((0, 0, 10, 10), before, before * 1.2 + [30, 50])
    assert moved == pytest.approx([30, 50, 12, 12])


def test_nobody_in_sight_is_no_error(stage):
    assert stage(FaceTracker(reader()), [[], []]) == [[], []]
