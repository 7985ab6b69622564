"""Faces keep their numbers while they move, cross and come back, and emotions change slowly."""

import numpy as np
import pytest
from faces import Tint

from helpers import detect
from helpers.data import EMOTIONS
from helpers.detect import DetectedFace
from reading_faces import track
from reading_faces.reader import FaceReader
from reading_faces.track import FaceTracker

SIZE = (120, 160)
# Where MTCNN's landmarks lie in a box of 40 × 40.
PLACES = np.array([[12, 16], [28, 16], [20, 24], [13, 31], [27, 31]], float)


def detected(x: float, y: float) -> DetectedFace:
    box = (x, y, 40.0, 40.0)
    landmarks = PLACES + [x, y]
    return DetectedFace(box, 0.99, landmarks, track.find_region(np.array(box), landmarks))


class Following:
    """A keypoint model that finds the marks in the crop: the brightest blob's middle."""

    card, input_size = {"task": "keypoints"}, 96

    def predict(self, images):
        points = np.zeros((len(images), 15, 2), np.float32)
        for points_of, image in zip(points, images, strict=True):
            y, x = np.nonzero(image > 128)
            middle = np.array([x.mean(), y.mean()]) if len(x) else np.array([47.5, 47.5])
            points_of[:] = middle
            points_of[track.LANDMARKS] = middle + (PLACES - PLACES.mean(axis=0)) * 2.3
        return points


class Changing:
    """An emotion model that says what its `answer` is."""

    card, input_size = {"task": "emotion", "classes": list(EMOTIONS)}, 48

    def __init__(self):
        self.answer = "happy"

    def predict(self, images):
        row = [1.0 if name == self.answer else 0.0 for name in EMOTIONS]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


def frame_of(*faces, colours=None):
    frame = np.zeros((*SIZE, 3), np.uint8)
    for number, (x, y) in enumerate(faces):
        colour = (colours or [(255, 255, 255)] * len(faces))[number]
        frame[round(y) + 12 : round(y) + 36, round(x) + 12 : round(x) + 29] = colour
    return frame


@pytest.fixture
def stage(monkeypatch):
    """Return `play(tracker, frames)`: each frame is a list of places, which the detector sees."""
    seen = []
    monkeypatch.setattr(detect, "detect_faces", lambda frame, detector: seen[-1]())

    def play(tracker, frames, colours=None):
        shown = []
        for places in frames:
            seen.append(lambda places=places: [detected(*place) for place in places])
            shown.append(tracker.read(frame_of(*places, colours=colours)))
        return shown

    return play


def reader():
    return FaceReader(keypoints=Following(), emotion=Changing(), action_units=False)


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
    long = stage(FaceTracker(reader(), every=1), [there, *[gone] * (track.PATIENCE + 1), there])
    assert long[-1][0].number == 2


def test_a_face_that_jumps_is_known_again_by_who_it_is(stage):
    far = [[(10, 20)], [(110, 70)]]
    alone = stage(FaceTracker(reader(), every=1), far)
    assert alone[1][0].number == 2
    known = stage(FaceTracker(reader(), every=1, embedder=Tint()), far, colours=[(255, 200, 200)])
    assert known[1][0].number == 1


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


def test_nobody_in_sight_is_no_error(stage):
    assert stage(FaceTracker(reader()), [[], []]) == [[], []]
