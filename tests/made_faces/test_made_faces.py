"""Made faces: labels are true, geometry is mirrored, and each action unit moves what it should."""

import functools
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from helpers.augment import flip_keypoints
from helpers.data import KEYPOINT_NAMES
from reading_faces.made_faces import EMOTIONS, UNIT_NAMES, person_number, portrait
from reading_faces.made_faces.camera import Camera, develop, occlude, read_jpeg
from reading_faces.made_faces.expression import (
    PRESENT_FROM,
    PROTOTYPES,
    UNITS,
    at_rest,
    draw_expression,
    with_units,
)
from reading_faces.made_faces.features import place_features
from reading_faces.made_faces.head import build_head
from reading_faces.made_faces.people import MONK_TONES, beard, draw_person, glasses, headwear
from reading_faces.made_faces.render import View
from reading_faces.made_faces.scenes import (
    FRAME_MARGIN,
    OVERSAMPLING,
    POSES,
    MadeFace,
    Scene,
    draw_face,
    draw_scene,
    take_photo,
)

LEFT_EYE, RIGHT_EYE, NOSE, LIP_TOP, LIP_BOTTOM = 0, 1, 10, 13, 14
EYES_NOSE_MOUTH = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14]
FRONT = View(0, 0, 0, distance=600, zoom=0.8, centre=(47.5, 40.0))

seeds = st.integers(0, 2**31 - 1)
emotions = st.sampled_from(EMOTIONS)
poses = st.sampled_from(sorted(POSES))


def somebody(rng: np.random.Generator) -> dict[str, float]:
    """Draw a person of any skin tone."""
    return draw_person(rng, rng.uniform(0, 10))


people = seeds.map(lambda seed: somebody(np.random.default_rng(seed)))
intensities = st.floats(0, 1)


@st.composite
def scenes(draw):
    """Draw a scene as the sets do."""
    rng = np.random.default_rng(draw(seeds))
    return draw_scene(somebody(rng), draw(emotions), rng, draw(poses))


@st.composite
def extreme_scenes(draw):
    """Draw a scene in which anything may be at its limit."""
    limits = POSES["wide"]
    turned = {name: draw(st.floats(-limits[name][1], limits[name][1])) for name in limits}
    units = at_rest()
    for unit in draw(st.lists(st.sampled_from(UNITS), max_size=5)):
        units[UNITS.index(unit)] = draw(st.tuples(intensities, intensities))
    return replace(draw(scenes()), units=units, distance=350.0, **turned)


def plain_person(number: int) -> dict[str, float]:
    """Return a person of whom nothing hides brows, eyes, cheeks or mouth."""
    bare = {"masculinity": 0.4, "headwear": 0.0, "glasses": 0.0, "hair_style": 0.2}
    person = {**person_number(number, 1), **bare, "freckles": -2.0, "moles": -2.0}
    assert (headwear(person), glasses(person), beard(person)) == ("none",) * 3
    return person


def before_a_wall(scene: Scene, view: View, seed: int = 0) -> tuple[np.ndarray, MadeFace]:
    """Draw a face without a camera: brightness `(144, 144)` from 0 to 255, and the face."""
    head = build_head(scene.person, scene.units)
    linear = np.full((144, 144, 3), 0.4, np.float32)
    face = draw_face(scene, head, view, linear, np.random.default_rng(seed))
    return 255 * np.sqrt(np.clip(linear.mean(axis=2), 0, 1)), face


def seen_keypoints(scene: Scene, view: View) -> np.ndarray:
    """Return where keypoints are seen, to the last digit."""
    return view.project(view.turn(build_head(scene.person, scene.units).keypoints()))[:, :2]


# Labels


@given(st.one_of(scenes(), extreme_scenes()))
@effort(max_examples=60)
def test_keypoints_keep_two_pixels_away_from_the_frame(scene):
    keypoints = portrait(scene)[1].keypoints
    assert keypoints.shape == (15, 2)
    assert keypoints.min() >= FRAME_MARGIN - 1e-3
    assert keypoints.max() <= 95 - FRAME_MARGIN + 1e-3


def test_labels_of_a_drawn_face_are_in_their_ranges():
    for number in range(12):
        rng = np.random.default_rng(number)
        emotion, pose = EMOTIONS[number % len(EMOTIONS)], sorted(POSES)[number % len(POSES)]
        image, face = portrait(draw_scene(somebody(rng), emotion, rng, pose))
        x, y, width, height = face.box
        assert (image.shape, image.dtype) == ((96, 96), np.uint8)
        assert (face.visible.shape, face.visible.dtype) == ((15,), bool)
        low, high = (x - 2, y - 2), (x + width + 2, y + height + 2)
        inside = (face.keypoints > low) & (face.keypoints < high)
        assert inside[EYES_NOSE_MOUTH].all()
        assert 40 < width < 110, "the box is as wide as a face and not as the picture"


@given(seeds, emotions, poses)
def test_heads_turn_as_far_as_the_pose_says_and_no_further(seed, emotion, pose):
    rng = np.random.default_rng(seed)
    scene = draw_scene(somebody(rng), emotion, rng, pose)
    for name, (_, limit) in POSES[pose].items():
        assert abs(getattr(scene, name)) <= limit


def test_ten_people_in_a_row_have_the_ten_tones_of_the_monk_scale():
    tones = sorted(int(person_number(number, 3)["tone"]) for number in range(20, 30))
    assert tones == list(range(len(MONK_TONES)))


@pytest.mark.parametrize("grey", [False, True])
def test_each_stop_of_exposure_is_a_brighter_picture(grey):
    linear = np.full((40, 40, 3), 0.2, np.float32)
    brightness = []
    for stops in (-1, 0, 1):
        camera, rng = Camera(exposure=stops, noise=0), np.random.default_rng(0)
        file = develop(linear, camera, [(0, 0, 40, 40)], rng, grey)
        brightness.append(read_jpeg(file, grey).mean())
    assert np.diff(brightness).min() > 20


def test_eyes_are_darker_than_the_cheeks_below_them():
    darker = []
    for number in range(10):
        light = {"azimuth": 0.0, "elevation": 20.0, "camera": Camera(blur=0, noise=0)}
        image, face = portrait(Scene(plain_person(number), **light))
        for x, y in np.rint(face.keypoints[:2]).astype(int):
            pupil, cheek = (
                image[y - 1 : y + 2, x - 1 : x + 2],
                image[y + 10 : y + 13, x - 1 : x + 2],
            )
            darker.append(pupil.mean() < cheek.mean())
    assert np.mean(darker) > 0.8


def test_a_face_that_looks_at_us_shows_every_point():
    for number in range(3):
        assert portrait(Scene(plain_person(number)))[1].visible.all()


def test_points_that_something_hides_are_under_it_and_the_others_are_not():
    scene, hidden = Scene(plain_person(0)), 0
    free, face = before_a_wall(scene, FRONT)
    column, row = np.rint((face.keypoints.T + 0.5) * OVERSAMPLING - 0.5).astype(int)
    for seed in range(20):
        image, face = before_a_wall(replace(scene, occluded=True), FRONT, seed)
        covered = np.abs(image - free)[row, column] > 0
        assert covered[~face.visible].all()
        assert face.visible[~covered].all()
        hidden += (~face.visible).sum()
    assert hidden > 5


def test_a_head_turned_far_hides_points_of_its_far_side_and_none_of_the_near_one():
    _, face = portrait(Scene(plain_person(0), yaw=60.0, distance=1000.0))
    hidden = {KEYPOINT_NAMES[i] for i in np.flatnonzero(~face.visible)}
    assert {"left_eye_outer_corner", "left_eyebrow_outer_end", "mouth_left_corner"} <= hidden
    assert all("left" in name for name in hidden)


def test_whoever_stands_in_front_hides_whoever_is_behind():
    scene = Scene(plain_person(0))
    for right, down in ((0, 0), (104, 0), (0, 104)):  # wherever they stand in a photo
        places = [(48 + right, 40 + down, 0.7), (50 + right, 42 + down, 0.9)]
        _, (behind, before) = take_photo([scene] * 2, places, (96 + right, 96 + down), Camera())
        assert before.visible.all()
        assert not behind.visible.any()


def test_points_outside_the_picture_are_not_seen():
    _, face = before_a_wall(Scene(plain_person(0)), replace(FRONT, centre=(0.0, 40.0)))
    outside = face.keypoints[:, 0] < -0.5
    assert outside.sum() > 4
    np.testing.assert_array_equal(face.visible, ~outside)


@pytest.mark.parametrize("shift", [(48, 0), (0, 48)])
def test_a_face_looks_the_same_wherever_it_is_in_an_oblong_picture(shift):
    """And the hand before it, too."""
    pictures, faces = [], []
    for right, down in ((0, 0), shift):
        scene, view = Scene(plain_person(0), occluded=True), replace(FRONT, yaw=15.0)
        view = replace(view, centre=(47.5 + right, 40.0 + down))
        linear = np.full((144 + 3 * down // 2, 144 + 3 * right // 2, 3), 0.4, np.float32)
        head, rng = build_head(scene.person, scene.units), np.random.default_rng(3)
        faces.append(draw_face(scene, head, view, linear, rng))
        pictures.append(linear[-144:, -144:])
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.01
    np.testing.assert_allclose(faces[1].keypoints, faces[0].keypoints + shift, atol=2e-3)
    np.testing.assert_array_equal(faces[0].visible, faces[1].visible)
    np.testing.assert_allclose(faces[1].box, np.add(faces[0].box, (*shift, 0, 0)), atol=2e-3)


@pytest.mark.parametrize("size", [(60, 100), (100, 60)])
def test_a_scarf_hides_the_mouth_and_all_below_from_side_to_side(size):
    where = portrait(Scene(plain_person(0)))[1].keypoints * [size[1] / 96, size[0] / 96]
    picture = np.full((*size, 3), 0.4, np.float32)
    hidden = occlude(picture, where, unit=0.6, rng=np.random.default_rng(4))
    assert hidden[-1].all() and not hidden[: int(where[:2, 1].min())].any()
    column, row = np.rint(where[LIP_BOTTOM]).astype(int)
    assert hidden[row + 8, column] and (picture[hidden] != 0.4).any(axis=-1).all()
    assert (picture[~hidden] == 0.4).mean() > 0.98, "but for its rim"


def test_a_photo_has_the_colours_that_were_there():
    linear = np.zeros((40, 60, 3), np.float32)
    linear[:] = 0.6, 0.2, 0.05
    file = develop(linear, Camera(noise=0), [(0, 0, 60, 40)], np.random.default_rng(0))
    red, green, blue = read_jpeg(file).reshape(-1, 3).mean(axis=0)
    assert red > green + 40 > blue + 60


def test_the_light_meter_looks_at_the_faces_and_at_all_of_them():
    linear = np.full((80, 120, 3), 0.02, np.float32)
    linear[20:60, 70:110] = 0.5
    dark, bright = (10, 20, 40, 40), (70, 20, 40, 40)

    def photo(*faces):
        file = develop(linear, Camera(noise=0), list(faces), np.random.default_rng(0))
        return read_jpeg(file)[25:55, 75:105].mean()

    assert photo(bright) < photo(bright, dark) <= photo(dark)
    assert photo(bright) == pytest.approx(130, abs=25), "middle grey"
    assert photo((-30, -30, 20, 20)) > photo(bright), "a face out of the picture is no error"


def test_an_expression_is_as_strong_as_it_is_asked_to_be():
    rest, weak, strong = (
        draw_expression("happy", np.random.default_rng(3), strength) for strength in (0, 0.3, 0.6)
    )
    assert not rest.any() and strong.max() > 0.4
    np.testing.assert_allclose(2 * weak, strong)


# Geometry


@given(scenes(), st.floats(20, 75), st.floats(0.5, 2))
@effort(max_examples=25)
def test_the_mirrored_scene_has_the_mirrored_keypoints(scene, across, zoom):
    turned = {"yaw": scene.yaw, "pitch": scene.pitch, "roll": scene.roll}
    view = View(**turned, distance=scene.distance, zoom=zoom, centre=(across, 40.0))
    one_sided = ("gaze_across", "parting", "mouth_slant")
    person = scene.person | {name: -scene.person[name] for name in one_sided}
    mirrored = replace(scene, person=person, units=scene.units[:, ::-1], azimuth=-scene.azimuth)
    other_view = replace(view, yaw=-view.yaw, roll=-view.roll, centre=(95 - across, 40.0))
    seen = seen_keypoints(mirrored, other_view)
    (expected,) = flip_keypoints(seen_keypoints(scene, view)[np.newaxis])
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_a_mirrored_scene_looks_like_the_mirrored_picture():
    scene = Scene(plain_person(0), with_units(AU12=0.6), azimuth=50.0)
    scene.units[:, 1] *= 0.3
    one_sided = {name: -scene.person[name] for name in ("gaze_across", "parting", "mouth_slant")}
    other = replace(
        scene, person=scene.person | one_sided, units=scene.units[:, ::-1], azimuth=-50.0
    )
    view = replace(FRONT, yaw=25.0, roll=-10.0)
    image, _ = before_a_wall(scene, view)
    mirrored, face = before_a_wall(other, replace(view, yaw=-25.0, roll=10.0))
    # Strands of hair are not mirrored, so only the face is compared.
    left, top = (OVERSAMPLING * face.keypoints.min(axis=0)).astype(int)
    right, bottom = (OVERSAMPLING * face.keypoints.max(axis=0)).astype(int)
    inside = np.s_[top:bottom, left:right]

    def likeness(picture):
        return np.corrcoef(picture[inside].ravel(), mirrored[inside].ravel())[0, 1]

    assert likeness(image[:, ::-1]) > 0.97
    assert likeness(image) < 0.7


@pytest.mark.parametrize(
    ("turn", "moves"),
    [({"yaw": 20.0}, (1, 0)), ({"pitch": 15.0}, (0, 1)), ({"yaw": -20.0}, (-1, 0))],
)
def test_the_nose_goes_where_the_head_turns(turn, moves):
    def nose(view):
        seen = seen_keypoints(Scene(plain_person(0)), view)
        return seen[NOSE] - seen[:2].mean(axis=0)

    gone = nose(replace(FRONT, **turn)) - nose(FRONT)
    assert gone @ moves > 2


def test_a_positive_roll_leans_clockwise():
    seen = seen_keypoints(Scene(plain_person(0)), replace(FRONT, roll=20.0))
    across, down = seen[LEFT_EYE] - seen[RIGHT_EYE]
    assert np.rad2deg(np.arctan2(down, across)) == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("azimuth", [-70.0, 70.0])
def test_the_side_towards_the_lamp_is_brighter(azimuth):
    image, face = before_a_wall(Scene(plain_person(1), azimuth=azimuth, fill=0.1), FRONT)
    middle = round((face.keypoints[NOSE, 0] + 0.5) * OVERSAMPLING)
    rows = slice(60, 90)
    left, right = image[rows, middle - 30 : middle].mean(), image[rows, middle : middle + 30].mean()
    assert (right - left) * np.sign(azimuth) > 10


# Action units

# Where each unit may change the picture, in face units from the middle of the eyes: |x| at most,
# y from and to. Where a unit pulls, it also folds the skin and moves the shadows on it.
REGIONS = {
    "brows and forehead": (42, -44, 5), "brows to lids": (42, -28, 6), "eyes": (32, -14, 10),
    "eyes and cheeks": (44, -18, 44), "brows to upper lip": (42, -24, 48),
    "nose to mouth": (32, 8, 58), "cheeks and mouth": (46, -8, 60), "mouth": (32, 14, 60),
    "mouth, chin and neck": (50, 20, 120),
}  # fmt: skip
# Each unit's region; the keypoints that it may move; which of them shows it most, and its way in x
# (on the subject's left, to the right of the picture) and y. Units of the lids move none.
SHOWN = {
    1: ("brows and forehead", "eyebrow", "left_eyebrow_inner_end", (0, -1)),
    2: ("brows and forehead", "eyebrow", "left_eyebrow_outer_end", (0, -1)),
    4: ("brows to lids", "eyebrow", "left_eyebrow_inner_end", (-1, 1)),
    5: ("eyes", None, None, None),
    6: ("eyes and cheeks", "eyebrow_outer", "left_eyebrow_outer_end", (0, 1)),
    7: ("eyes", None, None, None),
    9: ("brows to upper lip", "eyebrow_inner|nose|top_lip", "left_eyebrow_inner_end", (-1, 1)),
    10: ("nose to mouth", "mouth", "mouth_center_top_lip", (0, -1)),
    12: ("cheeks and mouth", "mouth", "mouth_left_corner", (1, -1)),
    14: ("mouth", "mouth", "mouth_left_corner", (-1, 0)),
    15: ("mouth", "mouth", "mouth_left_corner", (0, 1)),
    17: ("mouth, chin and neck", "mouth", "mouth_center_bottom_lip", (0, -1)),
    20: ("mouth", "mouth", "mouth_left_corner", (1, 0)),
    23: ("mouth", "mouth", "mouth_left_corner", (-1, 0)),
    24: ("mouth", "mouth", "mouth_center_top_lip", (0, 1)),
    25: ("mouth", "mouth_center", "mouth_center_bottom_lip", (0, 1)),
    26: ("mouth, chin and neck", "mouth", "mouth_center_bottom_lip", (0, 1)),
    43: ("eyes", None, None, None),
}
VISIBLE_CHANGE = 8  # grey levels
OUTSIDE_SHARE = 0.01  # of the pixels: some at the rim of hair, which is sampled anew


@functools.cache
def with_one_unit(
    unit: int | None, number: int, strength: float = 1
) -> tuple[np.ndarray, MadeFace]:
    """Draw a face that does nothing, or one thing, as strongly as it can unless told otherwise."""
    units = at_rest() if unit is None else with_units(**{f"AU{unit}": strength})
    return before_a_wall(Scene(plain_person(number), units, azimuth=0.0, elevation=20.0), FRONT)


def changed_pixels(unit: int, number: int, strength: float = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels a unit changes visibly, and which belong to its region."""
    change = np.abs(with_one_unit(unit, number, strength)[0] - with_one_unit(None, number)[0])
    y, x = (np.mgrid[:144, :144] + 0.5) / OVERSAMPLING - 0.5
    across, down = ((v - c) / FRONT.zoom for v, c in zip((x, y), FRONT.centre, strict=True))
    reach, top, bottom = REGIONS[SHOWN[unit][0]]
    return change > VISIBLE_CHANGE, (np.abs(across) <= reach) & (down >= top) & (down <= bottom)


def test_every_unit_has_a_region():
    assert tuple(SHOWN) == UNITS


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_changes_something_that_one_sees(unit):
    for number in (0, 2):
        changed, inside = changed_pixels(unit, number)
        assert (changed & inside).sum() > 100


@pytest.mark.parametrize("unit", [14, 23, 24])
def test_a_unit_that_hardly_moves_the_lips_shows_as_soon_as_it_counts(unit):
    for number in (0, 2):
        changed, inside = changed_pixels(unit, number, PRESENT_FROM)
        assert (changed & inside).sum() > 100


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_changes_nothing_outside_its_region(unit):
    for number in (0, 2):
        changed, inside = changed_pixels(unit, number)
        assert changed[~inside].mean() <= OUTSIDE_SHARE


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_leaves_the_keypoints_of_other_regions_where_they_are(unit):
    moved = with_one_unit(unit, 0)[1].keypoints - with_one_unit(None, 0)[1].keypoints
    for name, step in zip(KEYPOINT_NAMES, moved, strict=True):
        if not SHOWN[unit][1] or not re.search(SHOWN[unit][1], name):
            assert np.abs(step).max() < 0.05, name


@pytest.mark.parametrize("unit", [unit for unit in UNITS if SHOWN[unit][2]])
def test_the_stronger_a_unit_the_further_its_keypoint_goes_its_way(unit):
    _, _, point, way = SHOWN[unit]
    at = [
        seen_keypoints(Scene(plain_person(0), with_units(**{f"AU{unit}": strength})), FRONT)
        for strength in np.linspace(0, 1, 6)
    ]
    steps = np.diff(np.array(at)[:, KEYPOINT_NAMES.index(point)], axis=0) @ way
    assert (steps > -0.02).all()  # pressed flat, lips move no more, and their depth a little
    assert steps.sum() > 0.3


@pytest.mark.parametrize(("unit", "sign"), [(5, 1), (7, -1), (43, -1)])
def test_the_stronger_a_unit_of_the_lids_the_more_they_open_or_close(unit, sign):
    opening = []
    for strength in np.linspace(0, 1, 6):
        eye = place_features(plain_person(0), with_units(**{f"AU{unit}": strength})).left
        opening.append(eye["lid_low"][1] - eye["lid_up"][1])
    assert (np.diff(opening) * sign > 0).all()


@given(people, st.sampled_from(UNIT_NAMES), st.tuples(intensities, intensities))
def test_no_place_of_a_face_moves_back_while_a_unit_grows(person, name, strengths):
    rest, weak, strong = (
        place_features(person, with_units(**{name: strength})).left
        for strength in (0, *sorted(strengths))
    )
    for place, at in rest.items():
        near, far = (np.linalg.norm(face[place] - at) for face in (weak, strong))
        assert near <= far + 1e-9, place


@given(people, st.tuples(*[intensities] * len(UNITS)))
def test_lids_and_lips_never_cross_whatever_moves(person, strengths):
    units = np.repeat(np.array(strengths)[:, np.newaxis], 2, axis=1)
    face = place_features(person, units)
    for places in (face.left, face.right):
        assert places["lid_up"][1] < places["lid_low"][1]
        assert places["lip_top"][1] < places["lip_seam"][1] + places["lips_up"][1]
        assert places["lip_seam"][1] + places["lips_low"][1] < places["lip_bottom"][1]


def test_a_unit_of_one_side_moves_the_other_side_not_at_all():
    units = with_units(AU2=1.0)
    units[:, 1] = 0
    rest, raised = (place_features(plain_person(0), u) for u in (at_rest(), units))
    assert raised.left["brow_outer"][1] < rest.left["brow_outer"][1] - 2
    np.testing.assert_array_equal(raised.right["brow_outer"], rest.right["brow_outer"])


def test_an_unknown_unit_is_named_in_the_error():
    with pytest.raises(ValueError, match="AU99"):
        with_units(AU99=1)


def test_an_intensity_beyond_either_end_is_the_one_at_that_end():
    units = with_units(AU6=-1, AU12=3, AU26=0.5)
    assert (units == with_units(AU12=1, AU26=0.5)).all() and units.max() == 1


# Expressions


def test_prototypes_use_units_that_there_are():
    assert set(itertools.chain(*itertools.chain(*PROTOTYPES.values()))) <= set(UNITS)
    assert set(PROTOTYPES) == set(EMOTIONS)


@given(emotions, seeds, st.none() | intensities)
@effort(max_examples=100)
def test_intensities_of_an_expression_are_fractions(emotion, seed, strength):
    units = draw_expression(emotion, np.random.default_rng(seed), strength)
    assert units.shape == (len(UNITS), 2)
    assert units.min() >= 0 and units.max() <= 1


def many(emotion: str, n: int = 200) -> np.ndarray:
    """Return intensities `(n, 18)` of an emotion as drawn, the mean of both sides."""
    rng = np.random.default_rng(0)
    return np.array([draw_expression(emotion, rng).mean(axis=1) for _ in range(n)])


def test_a_neutral_face_moves_almost_nothing():
    means = {emotion: many(emotion).mean() for emotion in EMOTIONS}
    assert means["neutral"] < 0.04
    assert all(means["neutral"] < mean / 2 for name, mean in means.items() if name != "neutral")


def test_nobody_can_name_every_expression_and_fear_is_taken_for_surprise():
    names, prototypes = [], []
    for name, variants in PROTOTYPES.items():
        for variant in filter(None, variants):
            names.append(name)
            prototypes.append([variant.get(unit, 0) for unit in UNITS])
    prototypes = np.array(prototypes) / np.linalg.norm(prototypes, axis=1, keepdims=True)

    def named(emotion):
        found = np.array(names)[(many(emotion) @ prototypes.T).argmax(axis=1)]
        return {name: np.mean(found == name) for name in EMOTIONS}

    shares = {emotion: named(emotion) for emotion in EMOTIONS if emotion != "neutral"}
    right = np.mean([shares[emotion][emotion] for emotion in shares])
    assert 0.75 < right < 0.99
    assert shares["fear"]["surprise"] > shares["fear"]["happy"]
    assert shares["fear"]["surprise"] > 0.02
