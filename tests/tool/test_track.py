"""A number is one person, whatever the face does; and what a label says does not flicker."""

from dataclasses import replace

import numpy as np
import pytest
from faces import Tint
from moving_faces import PLACES, SIZE, Changing, Stage, Still, detected, frame_of

from helpers import detect, embedders
from helpers.gallery import Gallery
from reading_faces import track, upright
from reading_faces.made_faces import albums
from reading_faces.reader import FaceReader
from reading_faces.track import FaceTracker

PINK, BLUE = (255, 200, 200), (200, 200, 255)


@pytest.fixture
def stage(monkeypatch):
    stage = Stage()
    monkeypatch.setattr(detect, "detect_faces", stage.detect_faces)
    monkeypatch.setattr(detect, "look_at", stage.look_at)
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    return stage


def tracker(every=10, smoothing=0.4, gallery=None, parts=("keypoints", "emotion")):
    known = {"keypoints": Still(), "emotion": Changing()}
    models = {part: known[part] for part in parts}
    return FaceTracker(FaceReader(parts=parts, models=models, gallery=gallery), every, smoothing)


def play(stage, tracker, frames, colours=None):
    """Show frames, each a list of places; return what the tracker gives for each."""
    shown = []
    for number, places in enumerate(frames):
        stage.show(places)
        of_frame = colours[number] if colours else None
        shown.append(tracker.read(frame_of(*places, colours=of_frame)))
    return shown


def numbers(shown):
    return [[one.number for one in tracks] for tracks in shown]


def test_two_faces_keep_their_numbers_and_are_followed_between_looks(stage):
    path = [[(20 + 2 * n, 30), (100 - n, 60)] for n in range(20)]
    shown = play(stage, tracker(every=5), path, [[PINK, BLUE]] * 20)
    assert stage.looks == [0, 5, 10, 15]
    for places, tracks in zip(path, shown, strict=True):
        assert [t.number for t in tracks] == [1, 2]
        for place, one in zip(places, tracks, strict=True):
            assert np.abs(np.array(one.face.box[:2]) - place).max() < 1


def test_a_fast_face_is_followed_and_looked_for_again_where_it_is_lost(stage):
    """At first it moves by more than can be followed; once it was found again, its motion helps."""
    path = [[(5 + 18 * n, 40)] for n in range(6)]
    shown = play(stage, tracker(), path)
    assert numbers(shown) == [[1]] * 6
    assert stage.looks == [0, 1]
    assert all(
        tracks[0].face.box[:2] == places[0] for places, tracks in zip(path, shown, strict=True)
    )


def test_a_face_that_is_gone_is_dropped_at_once_and_comes_back_with_its_number(stage):
    there, gone = [(20, 30)], []
    shown = play(stage, tracker(), [there, there, gone, gone, there, there])
    assert numbers(shown)[:4] == [[1], [1], [], []]
    later = play(stage, tracker(every=2), [there, gone, gone, there, there])
    assert numbers(later)[-1] == [1]


def test_a_face_that_the_detector_misses_stays_while_it_is_in_sight(stage):
    stage.missed = (2, 4)
    there = [[(20, 30)]] * 7
    assert numbers(play(stage, tracker(every=2), there)) == [[1]] * 7


def test_a_look_of_the_detector_does_not_stop_a_face_that_moves(stage):
    play(stage, tracker(every=4), [[(5 + 15 * n, 40)] for n in range(9)])
    assert stage.looks == [0, 1, 4, 8]


def test_a_face_is_looked_at_once_more_from_where_it_was_seen_if_it_has_moved(stage, monkeypatch):
    squares, look_at = [], stage.look_at
    monkeypatch.setattr(detect, "look_at", lambda *how: squares.append(how[1]) or look_at(*how))
    play(stage, tracker(), [[(20, 30), (90, 60)], [(20, 30), (94, 60)]])
    _, first, second = squares
    np.testing.assert_allclose(np.subtract(second, first)[:, :2], [[0, 0], [4, 0]])
    del squares[:]
    play(stage, tracker(), [[(20, 30)], [(21, 30)]])
    assert len(squares) == 2, "a pixel is little, and on the first frame there is no face to follow"


def test_a_face_that_changes_slowly_is_not_in_doubt(stage):
    first, last = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3))
    following = tracker()
    for share in np.linspace(0, 1, 10):
        stage.show([(20, 30)])
        following.read(((1 - share) * first + share * last).astype(np.uint8))
    assert stage.looks == [0]


def test_a_frame_is_turned_for_who_lies_only_while_nobody_is_in_sight(stage, monkeypatch):
    turned, find = [], upright.find_faces
    monkeypatch.setattr(
        upright, "find_faces", lambda *how: turned.append(stage.frame) or find(*how)
    )
    here, gone = [(20, 30)], []
    play(stage, tracker(every=1), [gone, here, here, gone, gone, here])
    assert turned == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("moved", "similar", "state", "paired"),
    [
        (26, 0.0, "in sight", True),  # a fifth of both boxes, and no more from 27 pixels on
        (28, 0.0, "in sight", False),
        (0, 0.0, "hidden", False),
        (0, 0.0, "doubtful", False),
        (90, 0.6, "in sight", True),
        (90, 0.6, "hidden", True),
        (90, 0.59, "hidden", False),
    ],
)
def test_a_track_goes_on_at_its_place_or_with_who_is_so_similar(moved, similar, state, paired):
    one = track.Track(1, detected(0, 0), np.array([1.0, 0.0]), hidden=state == "hidden")
    person = np.array([[similar, np.sqrt(1 - similar**2)]])
    doubtful = {1} if state == "doubtful" else set()
    found = track.match([one], doubtful, [detected(moved, 0)], person, 0.6)
    assert found == ({0: 0} if paired else {})


def test_what_the_detector_never_sees_again_is_dropped(stage):
    stage.missed = range(1, 100)
    looks = [[(20, 30)]] * (track.PATIENCE + 3)
    shown = numbers(play(stage, tracker(every=1), looks))
    assert shown == [[1]] * (track.PATIENCE + 1) + [[]] * 2


def test_a_cut_to_another_person_at_the_same_place_gives_another_number(stage):
    """The mark of the other person looks different, too."""
    first = [[(20, 30)]] * 3
    one = play(stage, following := tracker(), first, [[PINK]] * 3)
    stage.show([(20, 30)])
    frame = frame_of((20, 30), colours=[BLUE])[::-1].copy()
    frame[40:66, 30:52] = (120, 120, 255)
    (other,) = following.read(frame)
    assert numbers(one)[-1] == [1] and other.number == 2


def test_a_person_who_jumps_is_known_again_and_another_one_is_not(stage):
    far = [[(10, 20)], [(110, 70)]]
    assert numbers(play(stage, tracker(every=1), far, [[PINK], [PINK]])) == [[1], [1]]
    assert numbers(play(stage, tracker(every=1), far, [[PINK], [BLUE]])) == [[1], [2]]


def test_looks_that_miss_a_face_count_in_a_row_alone(stage):
    stage.missed = (1, 2, 3, 5, 6, 7)
    assert numbers(play(stage, tracker(every=1), [[(20, 30)]] * 9)) == [[1]] * 9


def test_a_face_that_lies_may_be_missed_for_long(stage, monkeypatch):
    """Who lies down is followed, and the detector sees upright faces alone."""
    following, there = tracker(every=1), [[(20, 30)]] * 8
    play(stage, following, there[:2])
    stage.missed, look_at = range(100), stage.look_at

    def lying(*how):
        turned = [(face, face.landmarks - (40, 50)) for face in look_at(*how)]
        return [replace(face, landmarks=off[:, ::-1] + (40, 50)) for face, off in turned]

    monkeypatch.setattr(detect, "look_at", lying)
    monkeypatch.setattr(track, "ALIKE", -1.0)
    assert numbers(play(stage, following, there)) == [[1]] * 8


def test_a_face_of_which_the_last_network_is_unsure_is_looked_for_at_once(stage):
    following = tracker()
    play(stage, following, [[(20, 30)]] * 2)
    stage.show([])
    assert following.read(frame_of((20, 30))) == [] and stage.looks == [0, 2]


def test_who_comes_back_does_not_go_on_as_they_jumped(stage):
    path = [[(10, 20)], [], [], [(110, 70)], [(112, 70)], [(114, 70)]]
    shown = play(stage, tracker(), path)
    assert numbers(shown) == [[1], [], [], [1], [1], [1]]
    assert stage.looks[-1] == 3, "afterwards the face is where the last network looks for it"


def test_two_who_look_alike_keep_their_numbers_by_their_places(stage):
    path = [[(20, 30), (80, 60)]] * 2 + [[(82, 60), (18, 30)]] * 2
    shown = play(stage, tracker(every=1), path)
    assert numbers(shown) == [[1, 2]] * 4
    assert [one.face.box[0] for one in shown[-1]] == [18, 82]


@pytest.mark.parametrize(("similarity", "number"), [(0.992, 2), (0.9945, 1)])
def test_a_number_asks_for_more_than_a_name_does(stage, similarity, number):
    """A third of the way from the embedder's threshold, 0.99, to 1: that is 0.9933."""
    grey, there = np.full((1, 8, 8, 3), 200, np.uint8), [(20, 30)]
    others = [np.array([200, 200, blue]) for blue in range(100, 201)]
    alike = [
        float(Tint().embed(grey)[0] @ Tint().embed(c * np.ones((1, 1, 1, 3)))[0]) for c in others
    ]
    colour = tuple(map(int, others[int(np.argmin(np.abs(np.subtract(alike, similarity))))]))
    # What is seen is all of one colour, so that black around the mark does not matter.
    shown = play(
        stage, tracker(every=1), [there, [], [(110, 70)]], [[(200, 200, 200)], [], [colour]]
    )
    assert numbers(shown) == [[1], [], [number]]


def test_numbers_are_in_order_and_so_many_people_are_remembered(stage, monkeypatch):
    here, there = (20, 30), (100, 60)
    path, colours = [[here, there], [there], [here, there]], [[PINK, BLUE], [BLUE], [PINK, BLUE]]
    assert numbers(play(stage, tracker(every=1), path, colours)) == [[1, 2], [2], [1, 2]]
    following = tracker(every=1)
    play(stage, following, [[here, there]], [[PINK, BLUE]])
    assert numbers(play(stage, following, [[here]] * 2, [[PINK]] * 2)) == [[1], [1]]
    assert numbers(play(stage, following, [[there, here]], [[BLUE, PINK]])) == [[1, 2]]
    monkeypatch.setattr(track, "MOST", 1)
    path, colours = [[here], [], [there], [], [here]], [[PINK], [], [BLUE], [], [PINK]]
    assert numbers(play(stage, tracker(every=1), path, colours)) == [[1], [], [2], [], [3]]


def test_faces_that_haar_has_found_are_followed_by_their_landmarks(stage, monkeypatch):
    asked, find = [], stage.detect_faces

    def by_haar(frame, detector="mtcnn", *_):
        asked.append(detector)
        return [replace(face, landmarks=None) for face in find(frame)]

    monkeypatch.setattr(detect, "detect_faces", by_haar)
    reader = FaceReader("haar", ("emotion",), {"emotion": Changing()})
    shown = play(stage, FaceTracker(reader), [[(20 + n, 30)] for n in range(12)])
    assert numbers(shown) == [[1]] * 12 and asked == ["haar"] * 2
    monkeypatch.setattr(
        detect,
        "look_at",
        lambda frame, squares, rolls: [
            detect.DetectedFace((0, 0, 9, 9), 0.05, PLACES, (0, 0, 9, 9)) for _ in squares
        ],
    )
    assert FaceTracker(reader).read(frame_of((20, 30))) == [], "nor does the last network see one"


def test_faces_that_haar_has_found_are_cut_as_mtcnn_s_are(stage):
    """They have the landmarks of MTCNN's last network: for what is read, and for who it is."""
    frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    gallery = Gallery.empty("tint", 0.9).enroll("Ann", np.ones((1, 3)))

    def crops_of(detector):
        crops = []

        class Looking(Changing):
            def predict(self, images):
                crops.append(images)
                return super().predict(images)

        class Knowing(Tint):
            def embed(self, faces):
                crops.append(faces)
                return super().embed(faces)

        reader = FaceReader(detector, ("emotion",), {"emotion": Looking()}, gallery, Knowing())
        following = FaceTracker(reader)
        for _ in range(2):
            stage.show([(20, 30)])
            following.read(frame)
        return crops

    ours, theirs = crops_of("haar"), crops_of("mtcnn")
    assert len(ours) == len(theirs) == 4, "both are looked at in each frame"
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_confidence_is_that_of_now(stage):
    (first,), (second,) = play(stage, tracker(), [[(20, 30)]] * 2)
    assert (first.reading.confidence, second.reading.confidence) == (0.999, 0.99)


def test_an_emotion_changes_slowly_gets_there_and_its_label_changes_once(stage):
    following = tracker()
    still = [[(20, 30)]]
    play(stage, following, still * 5)
    following.reader.load()["emotion"].answer = {"sad": 1.0}
    readings = [tracks[0].reading for tracks in play(stage, following, still * 40)]
    sad = [reading.emotion["sad"] for reading in readings]
    assert sad[0] < 0.2 and sad == sorted(sad) and sad[-1] > 0.95
    labels = [reading.top_emotion for reading in readings]
    assert labels == sorted(labels) and 5 < labels.index("sad") < 12, "within half a second"


def test_a_label_does_not_follow_two_emotions_that_take_turns(stage):
    following, labels = tracker(), []
    for n in range(60):
        lead = ("happy", "sad")[n // 4 % 2]
        following.reader.load()["emotion"].answer = {"happy": 0.45, "sad": 0.45, lead: 0.55}
        ((one,),) = play(stage, following, [[(20, 30)]])
        labels.append(one.reading.top_emotion)
    assert set(labels) == {"happy"}


def test_without_smoothing_an_emotion_is_as_it_is_read(stage):
    following = tracker(smoothing=0)
    play(stage, following, [[(20, 30)]])
    following.reader.load()["emotion"].answer = {"sad": 0.55, "happy": 0.45}
    ((now,),) = play(stage, following, [[(20, 30)]])
    assert now.reading.emotion["sad"] == pytest.approx(0.55) and now.reading.top_emotion == "sad"


def test_an_emotion_is_smoothed_by_the_time_that_has_passed(stage):
    def after(seconds):
        following = tracker()
        stage.show([(20, 30)])
        following.read(frame_of((20, 30)), 1.0)
        following.reader.load()["emotion"].answer = {"sad": 1.0}
        (one,) = following.read(frame_of((20, 30)), 1.0 + seconds)
        return one.reading.emotion["sad"]

    assert after(0.4) == pytest.approx(1 - np.exp(-1)) and after(0.0) == 0
    assert after(-5.0) == 0, "a clock that was set back"


def test_each_frame_counts_by_the_time_since_the_one_before(stage):
    following = tracker()
    for seconds in (1.0, 1.1, 1.2):
        stage.show([(20, 30)])
        (one,) = following.read(frame_of((20, 30)), seconds)
        following.reader.load()["emotion"].answer = {"sad": 1.0}
    assert one.reading.emotion["sad"] == pytest.approx(1 - np.exp(-0.2 / 0.4))


@pytest.mark.parametrize("parts", [("keypoints",), ("keypoints", "emotion")])
def test_a_name_comes_when_it_is_sure_and_stays_whatever_else_is_read(stage, parts):
    ann = Tint().embed(np.full((1, 8, 8, 3), PINK, np.uint8))
    gallery = Gallery.empty("tint", 0.9999).enroll("Ann", ann)
    following, still = tracker(gallery=gallery, parts=parts), [[(20, 30)]] * 12
    # Black around the mark darkens what is seen of her, and changes no colour's share.
    shown = [one.reading.identity[0] for (one,) in play(stage, following, still, [[PINK]] * 12)]
    assert shown == [None] * (track.FRAMES_TO_NAME - 1) + ["Ann"] * (13 - track.FRAMES_TO_NAME)
    redder = [[(255, 150, 150)]] * 6  # too unlike her to be named anew
    later = play(stage, following, still[:6], redder)
    assert {one.reading.identity[0] for (one,) in later} == {"Ann"}


def test_a_name_that_is_somebody_else_s_by_now_is_corrected(stage):
    gallery = Gallery.empty("tint", 0.9)
    for name, colour in (("Ann", PINK), ("Bob", BLUE)):
        gallery = gallery.enroll(name, Tint().embed(np.full((1, 8, 8, 3), colour, np.uint8)))
    following, still = tracker(gallery=gallery), [[(20, 30)]] * 70
    shown = play(stage, following, still, [[PINK]] * 10 + [[BLUE]] * 60)
    assert {one.number for (one,) in shown} == {1}
    names = [one.reading.identity[0] for (one,) in shown]
    assert names[9] == "Ann" and names[-1] == "Bob" and None not in names[9:]


def test_where_any_face_may_be_named_leniency_asks_for_nothing_impossible(stage):
    gallery = Gallery.empty("tint", -0.95).enroll("Ann", np.ones((1, 3)))
    shown = play(stage, tracker(gallery=gallery), [[(20, 30)]] * 6)
    assert shown[-1][0].reading.identity[0] == "Ann"


def test_the_detector_can_look_at_every_frame_and_no_more_often(stage):
    play(stage, tracker(every=0), [[(20, 30)]] * 3)
    assert stage.looks == [0, 1, 2]


def test_where_nobody_is_the_detector_looks_at_every_third_frame_at_least(stage):
    play(stage, tracker(every=2), [[]] * 6)
    assert sorted(set(stage.looks)) == [0, 2, 4]
    play(stage, tracker(every=50), [[]] * 8)
    assert sorted(set(stage.looks))[3:] == [6, 9, 12]


def test_two_boxes_share_what_both_cover():
    share = track.intersection_over_union
    assert share((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert share((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert share((0, 0, 10, 10), (0, 5, 10, 20)) == pytest.approx(50 / 250)
    assert share((0, 0, 10, 10), (10, 0, 10, 10)) == 0


def test_the_embedding_of_a_track_is_the_mean_of_all_looks_and_later_of_the_last_twenty():
    first, second = np.eye(2)
    one = track.Track(1, detect.DetectedFace((0, 0, 9, 9), 1.0, None, (0, 0, 9, 9)), first)
    two = track.seen_again(one, second)
    assert two.embedding == pytest.approx((first + second) / np.sqrt(2)) and two.seen == 2
    old = track.seen_again(replace(one, seen=500), second)
    assert old.embedding[1] / old.embedding[0] == pytest.approx(1 / 19)


def test_nobody_in_sight_is_no_error(stage):
    assert play(stage, tracker(), [[], []]) == [[], []]


# With the real networks that find faces and tell people apart.


def drawn(person: int) -> tuple[np.ndarray, tuple]:
    """Draw a person at rest: a picture `(160, 160, 3)` and the box of the face."""
    rest, _ = albums.neutral_to("happy")
    ((picture, face),) = albums.animate(albums.person_number(person, 0), rest, rest, 1, 160)
    return picture, face.box


def real_tracker():
    models = {"keypoints": Still(), "emotion": Changing()}
    return FaceTracker(FaceReader(parts=tuple(models), models=models))


def test_two_drawn_people_and_a_cut_are_two_numbers():
    following, numbers = real_tracker(), []
    for person in (1, 4, 1):
        picture, _ = drawn(person)
        numbers += [[one.number for one in following.read(picture)] for _ in range(4)]
    assert numbers == [[1]] * 4 + [[2]] * 4 + [[1]] * 4


def test_a_drawn_face_that_walks_fast_is_in_its_box_in_every_frame():
    following, (picture, box) = real_tracker(), drawn(4)
    step = round(0.3 * box[2])
    for at in [0, 0, *range(step, 8 * step, step), *range(8 * step, 4 * step, -step)]:
        frame = np.full((160, 560, 3), 90, np.uint8)
        frame[:, at : at + 160] = picture
        (one,) = following.read(frame)
        off = one.face.box[0] + one.face.box[2] / 2 - (at + box[0] + box[2] / 2)
        assert abs(off) < 0.2 * box[2]
    assert following.numbers == 1
