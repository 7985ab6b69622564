"""Faces are found where they are, whatever the photo's size, and crops lead back to the photo."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from faces import portrait
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers import detect
from helpers.crop import (
    FRAMINGS,
    Framing,
    crop_faces,
    find_region,
    points_to_photo,
    region_of_landmarks,
)
from helpers.detect import DetectedFace

# Where the face is on the portrait of 240 pixels' height, from brow to chin, measured by eye.
FACE = np.array([69.0, 52.0, 72.0, 81.0])


def overlap(a, b) -> float:
    a, b = np.array(a), np.array(b)
    shared = detect.shared_area(a, b)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


@pytest.mark.parametrize("detector", detect.DETECTORS)
def test_a_portrait_has_one_face_where_the_face_is(detector):
    (face,) = detect.detect_faces(np.array(portrait()), detector)
    assert overlap(face.box, FACE) > 0.5
    assert 0.9 <= face.confidence <= 1


def test_mtcnn_gives_eyes_nose_and_mouth_inside_the_box():
    (face,) = detect.detect_faces(np.array(portrait()))
    x, y, width, height = face.box
    assert face.landmarks.shape == (5, 2)
    assert ((face.landmarks > (x, y)) & (face.landmarks < (x + width, y + height))).all()
    assert face.landmarks[0, 0] < face.landmarks[1, 0], "the subject's right eye is on the left"
    assert face.landmarks[:2, 1].max() < face.landmarks[2, 1] < face.landmarks[3:, 1].min()


def test_a_photo_larger_than_the_limit_gives_boxes_in_its_own_pixels():
    large = np.array(portrait().resize((2050, 2400)))
    (face,) = detect.detect_faces(large)
    assert overlap(np.array(face.box) / 10, FACE) > 0.5


def test_two_people_are_found_and_the_larger_comes_first():
    photo = np.zeros((240, 310, 3), np.uint8)
    photo[:, :205] = np.array(portrait())
    photo[:120, 205:307] = np.array(portrait(120))
    first, second = detect.detect_faces(photo)
    assert first.box[0] < second.box[0]
    assert first.box[2] > 1.5 * second.box[2]


def test_a_face_that_fills_a_small_photo_is_found():
    x, y, width, height = (FACE + [-6, -6, 12, 12]).astype(int)
    tight = np.array(portrait())[y : y + height, x : x + width]
    assert len(detect.detect_faces(tight)) == 1


def test_a_face_at_the_edge_is_cut_there_but_its_region_is_not():
    photo = np.array(portrait())[int(FACE[1] + 8) :]
    (face,) = detect.detect_faces(photo)
    assert face.box[1] == 0
    assert face.region[1] < 0


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_leaning_head_says_by_how_much(degrees):
    leaning = portrait().rotate(-degrees, resample=2, fillcolor=(90, 90, 90))  # PIL turns left
    (face,) = detect.detect_faces(np.array(leaning))
    (upright,) = detect.detect_faces(np.array(portrait()))
    assert face.roll - upright.roll == pytest.approx(degrees, abs=6)


@pytest.mark.parametrize("detector", detect.DETECTORS)
@pytest.mark.parametrize("shape", [(1, 1), (23, 23), (24, 24), (10, 4000), (4000, 10), (30, 1500)])
def test_photos_too_small_or_too_thin_for_a_face_have_none(shape, detector):
    assert detect.detect_faces(np.full((*shape, 3), 120, np.uint8), detector) == []


@pytest.mark.parametrize("detector", detect.DETECTORS)
def test_noise_and_plain_walls_have_no_face(detector):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    assert detect.detect_faces(noise, detector) == []
    assert detect.detect_faces(np.zeros((200, 300, 3), np.uint8), detector) == []


def test_an_unknown_detector_is_named_in_the_error():
    with pytest.raises(ValueError, match="'hog'"):
        detect.detect_faces(np.zeros((50, 50, 3), np.uint8), "hog")


def test_haar_without_cascades_is_one_sentence(monkeypatch):
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(ValueError, match="no Haar cascades"):
        detect.detect_faces(np.zeros((50, 50, 3), np.uint8), "haar")


boxes = st.tuples(*[st.floats(-200, 400)] * 2, *[st.floats(0, 500)] * 2).map(np.array)


@given(boxes, st.integers(1, 300), st.integers(1, 300))
def test_boxes_stay_inside_the_photo(box, width, height):
    x, y, w, h = detect.clip_box(box, width, height)
    assert 0 <= x <= x + w <= width + 1e-9
    assert 0 <= y <= y + h <= height + 1e-9


@given(st.lists(st.tuples(boxes, st.floats(0.5, 1)), max_size=8))
def test_no_two_kept_boxes_share_more_than_half_of_the_smaller(found):
    kept = detect.drop_doubles([(box, confidence, None) for box, confidence in found])
    for i, (a, *_) in enumerate(kept):
        for b, *_ in kept[:i]:
            assert detect.shared_area(a, b) <= min(a[2] * a[3], b[2] * b[3]) / 2 + 1e-6


sizes = st.floats(1, 3000)


@given(
    st.tuples(st.floats(-500, 3000), st.floats(-500, 3000), sizes, sizes),
    st.sampled_from(sorted(FRAMINGS.values(), key=str)),
    st.floats(-180, 180),
    arrays.arrays(np.float64, (1, 15, 2), elements=st.floats(-20, 120)),
)
def test_points_of_a_crop_come_back_to_where_they_were(box, framing, roll, points):
    photo = np.zeros((60, 80), np.uint8)
    _, (matrix,) = crop_faces(photo, [box], 96, framing, roll)
    on_photo = points_to_photo(points, matrix[np.newaxis])
    again = on_photo[0] @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(again, points[0], atol=1e-6)


@pytest.mark.parametrize("zoom", [0.5, 1, 3, 7.3, 12])
@pytest.mark.parametrize("roll", [0, 30, -140])
def test_a_spot_is_in_the_crop_where_the_matrix_says(zoom, roll):
    side = round(96 * zoom)
    y, x = np.mgrid[: 2 * side, : 2 * side]
    spot = np.array([1.13 * side, 0.91 * side])
    bell = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * (4 * zoom) ** 2))
    photo = np.rint(250 * bell).astype(np.uint8)
    box = [side / 2 + 0.3, side / 2 - 1.7, side, side]
    (crop,), (matrix,) = crop_faces(photo, [box], 96, Framing(1.0), roll)
    weights = crop.astype(float) / crop.sum()
    seen = np.array([(weights * np.arange(96)).sum(), (weights * np.arange(96)[:, None]).sum()])
    assert np.allclose(seen, matrix[:, :2] @ spot + matrix[:, 2], atol=0.1)


def test_a_box_of_the_crops_own_size_is_cut_out_unchanged():
    photo = np.random.default_rng(0).integers(0, 256, (120, 130), np.uint8)
    (crop,), _ = crop_faces(photo, [[20, 10, 96, 96]], 96, Framing(1.0))
    assert (crop == photo[10:106, 20:116]).all()


def test_a_crop_beyond_the_edge_repeats_the_edge():
    photo = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    (crop,), _ = crop_faces(photo, [[-48, 0, 48, 48]], 48, Framing(1.0))
    assert (crop == photo[:48, :1]).all()


def test_a_fine_pattern_becomes_grey_when_a_large_face_is_shrunk():
    checks = (np.indices((960, 960)).sum(axis=0) % 2 * 255).astype(np.uint8)
    (crop,), _ = crop_faces(checks, [[0, 0, 960, 960]], 48, Framing(0.9), 20)
    assert crop.std() < 3


def test_a_face_is_found_turned_upright_and_cut_and_a_wall_gives_its_middle():
    leaning = np.array(portrait().rotate(20, expand=False))
    wall = np.zeros((50, 80, 3), np.uint8)
    wall[15:35, 30:50] = 255
    faces, found = detect.crop_largest_faces([np.array(portrait()), leaning, wall], 48, "embedding")
    assert found.tolist() == [True, True, False] and faces.shape == (3, 48, 48, 3)
    assert (faces[2, 16:32, 16:32] == 255).all()
    as_it_leans, _ = detect.crop_largest_faces([leaning], 48, "embedding", upright=False)
    inner = (slice(10, 38), slice(10, 38))

    def likeness(face):
        return np.corrcoef(faces[0][inner].ravel(), face[inner].ravel())[0, 1]

    assert likeness(faces[1]) > 0.9 > likeness(as_it_leans[0])


@pytest.mark.parametrize("detector", detect.DETECTORS)
def test_eyes_are_where_the_training_pictures_have_them(detector):
    photo = np.array(portrait())
    (seen,) = detect.detect_faces(photo)
    faces = detect.detect_faces(photo, detector)
    for use in ("keypoints", "action_units", "embedding", "emotion"):
        crops, (matrix,) = detect.crop_detected(photo, faces, detector, use, 100)
        assert crops.shape == (1, 100, 100, 3)
        eyes = seen.landmarks[:2] @ matrix[:, :2].T + matrix[:, 2]
        assert eyes[:, 1].mean() == pytest.approx(38.5, abs=6)
        assert eyes[1, 0] - eyes[0, 0] == pytest.approx(37, abs=6)
        assert eyes[:, 0].mean() == pytest.approx(50, abs=6)


def test_a_framing_moves_along_the_leaning_face():
    box = [100, 100, 50, 50]
    photo = np.zeros((300, 300), np.uint8)
    _, (matrix,) = crop_faces(photo, [box], 96, Framing(1.0, down=0.2), 90)
    # A face that leans by 90° clockwise has its chin on the left.
    middle = np.linalg.solve(matrix[:, :2], [47.5, 47.5] - matrix[:, 2])
    np.testing.assert_allclose(middle, [124.5 - 10, 124.5], atol=1e-6)
    _, (matrix,) = crop_faces(photo, [box], 96, Framing(1.0, right=0.2, down=0.1))
    middle = np.linalg.solve(matrix[:, :2], [47.5, 47.5] - matrix[:, 2])
    np.testing.assert_allclose(middle, [124.5 + 10, 124.5 + 5], atol=1e-6)


def test_what_to_cut_out_lies_halfway_between_the_box_and_what_the_landmarks_imply():
    landmarks = np.array([[90.0, 100], [130, 100], [110, 120], [95, 140], [125, 140]])
    x, y, width, height = find_region(np.array([60.0, 70, 90, 90]), landmarks)
    implied = 1.75 * np.hypot(40, 40)
    assert width == height == pytest.approx(np.sqrt(90 * implied))
    # Of the landmarks, the middle is that of eyes and mouth, in edges of pixels, a little higher.
    expected = (np.array([105, 115]) + [110.5, 120.5 - 0.073 * implied]) / 2
    np.testing.assert_allclose([x + width / 2, y + height / 2], expected)
    assert find_region(np.array([60.0, 70, 90, 40]), None) == (75, 60, 60, 60)


def test_points_are_enlarged_by_their_pixels_middle_and_boxes_by_their_edges(monkeypatch):
    """A photo twice as wide and high as what the detector looks at, which sees one face there."""
    landmarks = np.array([[0.0, 0], [9, 4], [5, 5], [2, 9], [8, 9]])
    seen = [(np.array([10.0, 20, 30, 40]), 1.0, landmarks)]
    monkeypatch.setattr(detect, "find_with_mtcnn", lambda photo, least: seen)
    wide = np.zeros((detect.LONGEST_SIDE, 2 * detect.LONGEST_SIDE, 3), np.uint8)
    (face,) = detect.detect_faces(wide)
    assert face.box == (20, 40, 60, 80)
    assert face.landmarks[:2].tolist() == [[0.5, 0.5], [18.5, 8.5]]


def test_what_to_cut_out_at_the_edge_goes_by_the_whole_box(monkeypatch):
    box = np.array([-20.0, 30, 60, 80])
    landmarks = np.array([[0.0, 60], [25, 60], [12, 75], [2, 90], [22, 90]])
    monkeypatch.setattr(detect, "find_with_mtcnn", lambda photo, least: [(box, 1.0, landmarks)])
    (face,) = detect.detect_faces(np.zeros((200, 200, 3), np.uint8))
    assert face.box == (0, 30, 40, 80)
    assert face.region == find_region(box, landmarks)


def test_a_small_face_must_be_seen_both_times_that_it_is_looked_at_again(monkeypatch):
    looks = iter([[0, 1], [1, 2]])  # which of three boxes are seen, in their crops' middle

    def run_mtcnn(photos, least):
        rows = np.zeros((2, 16))
        rows[:, 0], rows[:, 1:5] = next(looks), (28, 28, 40, 40)
        return rows

    monkeypatch.setattr(detect, "run_mtcnn", run_mtcnn)
    boxes = np.array([[10.0, 10, 30, 30]] * 3)
    found = detect.confirm(np.zeros((90, 90, 3), np.uint8), boxes, 0.9)
    assert found.tolist() == [False, True, False]


def test_where_no_face_is_the_middle_of_the_photo_stands_in():
    photo = np.zeros((100, 200, 3), np.uint8)
    photo[15:85, 65:135] = 255
    (face,), (found,) = detect.crop_largest_faces([photo], 70, "emotion")
    assert not found and (face == 255).all()


def test_a_lower_confidence_finds_more(monkeypatch):
    pairs = np.array([[10, 10, 60, 60]]), np.array([[3]])  # three windows agree: 0.8
    monkeypatch.setattr(
        detect, "load_haar", lambda: SimpleNamespace(detectMultiScale2=lambda *_, **__: pairs)
    )
    monkeypatch.setattr(detect, "check_detector", lambda detector: None)
    photo = np.zeros((200, 200, 3), np.uint8)
    assert not detect.detect_faces(photo, "haar")
    (face,) = detect.detect_faces(photo, "haar", 0.8)
    assert face.confidence == pytest.approx(0.8)


LEVEL = np.array([[90.0, 100], [130, 100], [110, 120], [95, 140], [125, 140]])


@pytest.mark.parametrize("degrees", [35, 90, -120])
def test_the_square_of_a_leaning_face_leans_with_its_landmarks(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    plain, leaning = (np.array(region_of_landmarks(one)) for one in (LEVEL, LEVEL @ turn))
    centre, turned = (region[:2] + region[2:] / 2 - 0.5 for region in (plain, leaning))
    np.testing.assert_allclose(turned, centre @ turn)
    np.testing.assert_allclose(leaning[2:], plain[2:])


def test_landmarks_whose_eyes_are_in_one_place_imply_a_square_all_the_same():
    profile = np.array([[90.0, 100], [90, 100], [80, 120], [90, 140], [90, 140]])
    np.testing.assert_allclose(region_of_landmarks(profile), (55.5, 85.5, 70, 70))


def test_the_square_of_an_oblong_box_has_its_area_and_its_middle():
    wide = np.random.default_rng(0).integers(0, 256, (60, 200, 3), np.uint8)
    tall = wide.transpose(1, 0, 2).copy()
    (crop,), _ = crop_faces(wide, [[130, 20, 80, 20]], 40, Framing(1.0))
    np.testing.assert_array_equal(crop, wide[10:50, 150:190])
    (crop,), _ = crop_faces(tall, [[20, 130, 20, 80]], 40, Framing(1.0))
    np.testing.assert_array_equal(crop, tall[150:190, 10:50])


@pytest.mark.parametrize("shape", [(330, 500), (500, 330)])
def test_what_is_inside_of_a_large_face_at_the_edge_is_cut_as_if_the_photo_went_on(shape):
    photo = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    further = np.pad(photo, ((0, 400), (0, 400)), mode="edge")
    box = [100, 100, 347, 347]  # seven pixels become one
    (crop,), matrix = crop_faces(photo, [box], 48, Framing(1.0), 10)
    (whole,), _ = crop_faces(further, [box], 48, Framing(1.0), 10)
    places = np.indices((48, 48))[::-1].reshape(2, -1).T[np.newaxis]
    inside = (points_to_photo(places, matrix)[0] < np.array(shape[::-1]) - 15).all(axis=1)
    assert 0.4 < inside.mean() < 0.9
    np.testing.assert_array_equal(crop.ravel()[inside], whole.ravel()[inside])


def test_faces_of_one_photo_lean_each_in_its_own_way():
    photo = np.random.default_rng(0).integers(0, 256, (90, 90), np.uint8)
    boxes = [[10, 20, 40, 40], [40, 30, 30, 30]]
    both, _ = crop_faces(photo, boxes, 24, Framing(1.2), np.array([0, 70]))
    for box, roll, crop in zip(boxes, (0, 70), both, strict=True):
        (alone,), _ = crop_faces(photo, [box], 24, Framing(1.2), roll)
        np.testing.assert_array_equal(crop, alone)


def test_no_box_gives_no_crop_and_one_without_area_a_crop():
    photo = np.full((30, 40, 3), 7, np.uint8)
    crops, matrices = crop_faces(photo, [], 24, Framing(1.0))
    assert crops.shape == (0, 24, 24, 3) and matrices.shape == (0, 2, 3)
    assert (crop_faces(photo, [[5, 5, 0, 9]], 24, Framing(1.0))[0] == 7).all()


def test_the_largest_face_by_area_comes_first(monkeypatch):
    sizes = (90, 20), (20, 80), (50, 40), (45, 43)
    found = [(np.array([100.0 * i, 10, *size]), 0.9, None) for i, size in enumerate(sizes)]
    monkeypatch.setattr(detect, "find_with_mtcnn", lambda photo, least: found)
    faces = detect.detect_faces(np.zeros((100, 400, 3), np.uint8))
    assert [face.box[2:] for face in faces] == [(50, 40), (45, 43), (90, 20), (20, 80)]


def test_of_two_boxes_that_share_more_than_half_the_surer_stays():
    left, right = np.array([0.0, 0, 20, 10]), np.array([10.0, 0, 20, 10])
    nearer = right - [1, 0, 0, 0]
    assert len(detect.drop_doubles([(left, 0.9, None), (right, 0.95, None)])) == 2
    for first, second in ((0.9, 0.95), (0.95, 0.9)):
        ((_, sure, _),) = detect.drop_doubles([(left, first, None), (nearer, second, None)])
        assert sure == 0.95
    assert detect.shared_area(left, np.array([30.0, 20, 5, 5])) == 0, "apart both ways"


def test_the_confidence_that_is_asked_for_is_mtcnn_s_last_word(monkeypatch):
    asked = []

    def stage(pictures, images_oshapes, bboxes_batch, **options):
        asked.append(options["threshold_onet"])
        return np.array([[0, 20, 30, 80, 120, 0.7, *LEVEL.T.ravel()]])

    monkeypatch.setattr(detect, "load_mtcnn", lambda: SimpleNamespace(stages=[stage] * 3))
    (face,) = detect.detect_faces(np.zeros((200, 200, 3), np.uint8), min_confidence=0.6)
    assert asked == [0.6] * 3
    assert face.box == (20, 30, 60, 90) and face.confidence == 0.7
    np.testing.assert_array_equal(face.landmarks, LEVEL)


def test_only_faces_that_are_small_both_ways_are_looked_at_again(monkeypatch):
    rows = np.zeros((4, 16))
    rows[:, 3:5] = (47, 47), (47, 60), (60, 47), (48, 48)
    monkeypatch.setattr(detect, "run_mtcnn", lambda photos, least: rows)
    monkeypatch.setattr(detect, "confirm", lambda photo, boxes, least: np.zeros(len(boxes), bool))
    found = detect.find_with_mtcnn(np.zeros((90, 90, 3), np.uint8), 0.9)
    assert [box[2:].tolist() for box, *_ in found] == [[47, 60], [60, 47], [48, 48]]


def test_a_small_face_is_confirmed_by_one_in_the_middle_of_what_is_looked_at(monkeypatch):
    rows = np.zeros((3, 16))
    rows[:, 0], rows[:, 1:5] = (0, 1, 2), ((28, 28, 40, 40), (28, 60, 40, 40), (8, 28, 40, 40))
    monkeypatch.setattr(detect, "run_mtcnn", lambda photos, least: rows)
    boxes = np.array([[10.0, 10, 30, 30]] * 3)
    found = detect.confirm(np.zeros((90, 90, 3), np.uint8), boxes, 0.9)
    assert found.tolist() == [True, False, False]


def test_a_framing_by_landmarks_starts_from_them_where_there_are_any():
    face = DetectedFace((0, 0, 1, 1), 1.0, LEVEL, (3, 4, 50, 50))
    by_landmarks = Framing(1.0, by_landmarks=True)
    assert detect.region_for(face, by_landmarks) == region_of_landmarks(LEVEL)
    assert detect.region_for(face, Framing(1.0)) == face.region
    plain = DetectedFace((0, 0, 1, 1), 1.0, None, (3, 4, 50, 50))
    assert detect.region_for(plain, by_landmarks) == face.region and plain.roll == 0


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_second_look_finds_the_face_of_a_photo_that_lies(quarters):
    """Beside a wall, so that the photo is wider than high; the square is off by a seventh."""
    photo = np.pad(np.array(portrait()), ((0, 0), (0, 200), (0, 0)), mode="edge")
    (upright,) = detect.detect_faces(photo)
    turn = np.linalg.matrix_power([[0, 1], [-1, 0]], quarters)  # of x and y, by np.rot90
    height, width = photo.shape[:2]
    origin = [(0, 0), (0, width - 1), (width - 1, height - 1), (height - 1, 0)][quarters]
    expected = upright.landmarks @ turn.T + origin
    x, y, side, _ = region_of_landmarks(expected)
    square = (x + side / 7, y, side, side)
    lying = np.ascontiguousarray(np.rot90(photo, quarters))
    (seen,) = detect.look_at(lying, [square], [(upright.roll - 90 * quarters + 180) % 360 - 180])
    assert seen.confidence > 0.9
    np.testing.assert_allclose(seen.landmarks, expected, atol=4)
    assert sorted(seen.box[2:]) == pytest.approx(sorted(upright.box[2:]), rel=0.2)
    assert (seen.box[2] > seen.box[3]) == quarters % 2, "higher than wide, when it is upright"
    assert seen.region == pytest.approx(find_region(np.array(seen.box), seen.landmarks))
    (beside,) = detect.look_at(photo, [(300, 20, 90, 90)], [0])
    assert beside.confidence < 0.5
    assert detect.look_at(photo, np.zeros((0, 4)), np.zeros(0)) == []


@pytest.mark.parametrize("detector", detect.DETECTORS)
def test_the_largest_face_is_cut_as_it_is_framed_for_its_detector_and_use(monkeypatch, detector):
    faces = [DetectedFace((0, 0, 1, 1), 1.0, LEVEL, (60, 70, 90, 90))]
    faces.append(DetectedFace((0, 0, 1, 1), 1.0, None, (0, 0, 20, 20)))
    asked = []
    monkeypatch.setattr(detect, "detect_faces", lambda photo, name: asked.append(name) or faces)
    photo = np.random.default_rng(0).integers(0, 256, (200, 240, 3), np.uint8)
    for use in ("emotion", "embedding", "facenet"):
        (crop,), found = detect.crop_largest_faces([photo], 48, use, detector)
        expected, _ = detect.crop_detected(photo, faces[:1], detector, use, 48)
        np.testing.assert_array_equal(crop, expected[0])
        assert found.tolist() == [True]
    assert asked == [detector] * 3


@pytest.mark.parametrize(
    ("shape", "seen"),
    [((1000, 3000), (427, 1280)), ((2560, 900), (1280, 450)), ((1280, 1280), (1280, 1280))],
)
def test_a_detector_sees_a_photo_no_longer_than_1280_pixels(monkeypatch, shape, seen):
    shapes = []
    monkeypatch.setattr(
        detect, "find_with_mtcnn", lambda photo, least: shapes.append(photo.shape) or []
    )
    assert detect.detect_faces(np.zeros((*shape, 3), np.uint8)) == []
    assert shapes == [(*seen, 3)]
