"""Made faces: labels are true, people stay themselves, and the same seed draws the same faces."""

import functools
import itertools
import platform
import re
import sys
import time
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from data_samples import files_under
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from helpers import settings
from helpers.augment import flip_keypoints
from helpers.data import KEYPOINT_NAMES, load_emotions, load_keypoints
from helpers.data.made import SHIPPED, MadeSet, load_set
from notebooks.conftest import other_versions
from reading_faces.made_faces import (
    EMOTIONS,
    UNIT_NAMES,
    MadeFace,
    Scene,
    albums,
    at_rest,
    draw_expression,
    make_set,
    person_number,
    portrait,
    save_set,
    take_photo,
    with_units,
)
from reading_faces.made_faces.camera import Camera, read_jpeg
from reading_faces.made_faces.expression import PRESENT_FROM, PROTOTYPES, UNITS, mix_units
from reading_faces.made_faces.features import place_features
from reading_faces.made_faces.head import build_head
from reading_faces.made_faces.people import MONK_TONES, beard, draw_person, glasses, headwear
from reading_faces.made_faces.render import View
from reading_faces.made_faces.scenes import (
    FRAME_MARGIN,
    OVERSAMPLING,
    POSES,
    draw_face,
    draw_scene,
    label_portrait,
)
from reading_faces.made_faces.sets import draw_number, scene_number
from reading_faces.training.made_sets import save_video, training_set

LEFT_EYE, RIGHT_EYE, NOSE, LIP_TOP, LIP_BOTTOM = 0, 1, 10, 13, 14
EYES_NOSE_MOUTH = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14]
FRONT = View(0, 0, 0, distance=600, zoom=0.8, centre=(47.5, 40.0))

seeds = st.integers(0, 2**31 - 1)
emotions = st.sampled_from(EMOTIONS)
poses = st.sampled_from(sorted(POSES))
people = seeds.map(lambda seed: draw_person(np.random.default_rng(seed)))
intensities = st.floats(0, 1)


@st.composite
def scenes(draw):
    """Draw a scene as the sets do."""
    rng = np.random.default_rng(draw(seeds))
    return draw_scene(draw_person(rng), draw(emotions), rng, draw(poses))


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
    features = place_features(scene.person, scene.units)
    head = build_head(scene.person, features)
    linear = np.full((144, 144, 3), 0.4, np.float32)
    face = draw_face(scene, features, head, view, linear, np.random.default_rng(seed))
    return 255 * np.sqrt(np.clip(linear.mean(axis=2), 0, 1)), face


def seen_keypoints(scene: Scene, view: View) -> np.ndarray:
    """Return where keypoints are seen, to the last digit."""
    features = place_features(scene.person, scene.units)
    head = build_head(scene.person, features)
    return view.project(view.turn(head.lift(features.keypoints())))[:, :2]


@pytest.fixture(scope="module")
def faces() -> MadeSet:
    """A small set, drawn on two processes."""
    return make_set(64, seed=5, processes=2)


@pytest.fixture(scope="module")
def shipped() -> MadeSet:
    return load_set()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    return tmp_path


# Labels


@given(st.one_of(scenes(), extreme_scenes()))
@effort(max_examples=60)
def test_keypoints_keep_two_pixels_away_from_the_frame(scene):
    keypoints = label_portrait(scene)
    assert keypoints.shape == (15, 2)
    assert keypoints.min() >= FRAME_MARGIN - 1e-3
    assert keypoints.max() <= 95 - FRAME_MARGIN + 1e-3


@given(scenes())
@effort(max_examples=10)
def test_labels_of_a_drawn_face_are_in_their_ranges(scene):
    image, face = portrait(scene)
    x, y, width, height = face.box
    assert (image.shape, image.dtype) == ((96, 96), np.uint8)
    assert (face.visible.shape, face.visible.dtype) == ((15,), bool)
    inside = (face.keypoints > (x - 2, y - 2)) & (face.keypoints < (x + width + 2, y + height + 2))
    assert inside[EYES_NOSE_MOUTH].all()
    assert 40 < width < 110, "the box is as wide as a face and not as the picture"


@given(scenes())
@effort(max_examples=5)
def test_labels_can_be_had_without_drawing(scene):
    np.testing.assert_allclose(label_portrait(scene), portrait(scene)[1].keypoints, atol=2e-3)


@given(seeds, emotions, poses)
def test_heads_turn_as_far_as_the_pose_says_and_no_further(seed, emotion, pose):
    rng = np.random.default_rng(seed)
    scene = draw_scene(draw_person(rng), emotion, rng, pose)
    for name, (_, limit) in POSES[pose].items():
        assert abs(getattr(scene, name)) <= limit


@given(people)
def test_drawn_people_have_a_tone_of_the_monk_scale(person):
    assert 0 <= person["tone"] < len(MONK_TONES)


def test_columns_of_a_set_are_in_their_ranges(faces):
    assert (faces.images.shape, faces.images.dtype) == ((64, 96, 96), np.uint8)
    assert (faces.small_images.shape, faces.small_images.dtype) == ((64, 48, 48), np.uint8)
    assert faces.keypoints.shape == (64, 15, 2) and np.isfinite(faces.keypoints).all()
    assert faces.action_units.shape == (64, len(UNITS), 2)
    assert faces.action_units.min() >= 0 and faces.action_units.max() <= 1
    assert (np.abs(faces.pose) <= [POSES["wide"][k][1] for k in ("yaw", "pitch", "roll")]).all()
    assert ((faces.tone >= 0) & (faces.tone < 10)).all()
    assert set(faces.emotions) == set(range(len(EMOTIONS)))
    assert set(faces.split) <= {"train", "val", "test"}
    assert faces.visible.dtype == faces.occluded.dtype == bool
    assert all(len(getattr(faces, field.name)) == 64 for field in fields(MadeSet))


def test_pictures_differ_from_each_other_and_use_the_greys(faces):
    assert len(np.unique(faces.images.reshape(64, -1), axis=0)) == 64
    assert np.median(faces.images.std(axis=(1, 2))) > 30


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
    _, (behind, before) = take_photo(
        [scene, scene], [(48, 40, 0.7), (50, 42, 0.9)], (96, 96), Camera()
    )
    assert before.visible.all()
    assert not behind.visible.any()


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


# Identity


def aligned(faces: MadeSet, side: int = 40) -> np.ndarray:
    """Turn and scale faces so that the eyes are where they always are: `(n, side * side)`."""
    rows = []
    for image, keypoints in zip(faces.images, faces.keypoints, strict=True):
        left, right = keypoints[LEFT_EYE].astype(float), keypoints[RIGHT_EYE].astype(float)
        across = left - right
        cos, sin = across / (across @ across) * 0.42 * side
        turn = np.array([[cos, sin], [-sin, cos]])
        shift = np.array([side / 2, 0.3 * side]) - turn @ ((left + right) / 2)
        crop = cv2.warpAffine(
            image, np.c_[turn, shift], (side, side), borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        rows.append((crop - crop.mean()) / (crop.std() + 1))
    return np.reshape(rows, (len(rows), -1))


def test_a_person_never_seen_is_more_like_themself_than_like_others(shipped):
    """Fisherfaces (Belhumeur et al. 1997), fitted on other people, tell who is who."""
    crops = aligned(shipped)
    train, test = (shipped.split == split for split in ("train", "test"))
    fisherfaces = make_pipeline(
        PCA(100, random_state=0), LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    ).fit(crops[train], shipped.subjects[train])
    embeddings = fisherfaces.transform(crops[test])
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, second = np.triu_indices(len(embeddings), 1)
    distances = 1 - (embeddings @ embeddings.T)[first, second]
    same = shipped.subjects[test][first] == shipped.subjects[test][second]
    assert distances[same].mean() < 0.85 * distances[~same].mean()
    assert roc_auc_score(same, -distances) > 0.72


# Sets


def test_nobody_is_in_two_splits(shipped):
    pairs = np.unique(np.stack([shipped.subjects, shipped.split]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]
    assert set(pairs[1]) == {"train", "val", "test"}


def test_the_shipped_set_is_large_and_its_file_small(shipped):
    assert len(shipped) >= 3000
    assert len(np.unique(shipped.subjects)) >= 150
    assert SHIPPED.stat().st_size <= 10 * 2**20


def test_every_split_has_every_emotion(shipped):
    for split in ("train", "val", "test"):
        counts = np.bincount(shipped.emotions[shipped.split == split], minlength=len(EMOTIONS))
        assert len(counts) == len(EMOTIONS)
        assert counts.min() > 0.5 * counts.mean()


def test_every_tone_has_as_many_people_as_the_others(shipped):
    _, rows = np.unique(shipped.subjects, return_index=True)
    counts = np.bincount(shipped.tone[rows].astype(int), minlength=10)
    assert len(counts) == 10
    assert counts.max() <= 1.5 * counts.min()


def test_a_person_has_one_tone_and_shows_all_emotions(shipped):
    for name in np.unique(shipped.subjects):
        rows = shipped.subjects == name
        assert len(np.unique(shipped.tone[rows])) == 1
        assert len(np.unique(shipped.emotions[rows])) == len(EMOTIONS)


def test_every_unit_is_strong_somewhere_in_the_shipped_set(shipped):
    assert shipped.action_units.shape[1:] == (18, 2)
    assert (shipped.action_units.max(axis=(0, 2)) > 0.3).all()


def test_no_two_shipped_pictures_are_the_same(shipped):
    assert len(set(shipped.files)) == len(shipped)


# The stored pixels were drawn on such a machine; others round otherwise.
SAME_MACHINE = sys.platform == "linux" and platform.machine() == "x86_64" and not other_versions()


@pytest.mark.parametrize("row", range(0, 3000, 270))
def test_a_shipped_face_drawn_again_is_the_same(shipped, row):
    row %= len(shipped)
    file, face, name = draw_number(row, seed=0, pose="wide")
    np.testing.assert_array_equal(np.float32(face.keypoints), shipped.keypoints[row])
    np.testing.assert_array_equal(face.visible, shipped.visible[row])
    np.testing.assert_array_equal(np.float32(face.box), shipped.box[row])
    units = np.float32(np.round(face.scene.units, 4))
    np.testing.assert_array_equal(units, shipped.action_units[row])
    assert name == shipped.subjects[row]
    if SAME_MACHINE:
        assert file == shipped.files[row]
    gap = np.abs(read_jpeg(file, grey=True).astype(int) - shipped.images[row])
    assert gap.mean() < 1


def test_one_process_draws_what_two_draw(faces):
    for number in range(0, 64, 9):
        assert draw_number(number, seed=5, pose="wide")[0] == faces.files[number]


def test_a_larger_set_begins_with_the_smaller(faces):
    small = make_set(3, seed=5, processes=1)
    for field in fields(MadeSet):
        np.testing.assert_array_equal(getattr(small, field.name), getattr(faces, field.name)[:3])


def test_another_seed_has_other_people_who_do_other_things():
    scene, name = scene_number(0, seed=5, pose="wide")
    other, other_name = scene_number(0, seed=6, pose="wide")
    assert name != other_name
    assert scene.person != other.person
    assert not np.array_equal(scene.units, other.units)


def test_a_stored_set_comes_back_whole(faces, tmp_path):
    path = tmp_path / "new" / "faces.npz"
    save_set(faces, path)
    again = load_set(path)
    for field in fields(MadeSet):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(faces, field.name))
    assert files_under(path.parent) == {"faces.npz"}


def test_a_set_that_cannot_be_stored_leaves_the_old_one(faces, tmp_path, monkeypatch):
    path = tmp_path / "faces.npz"
    path.write_text("the old one")

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        save_set(faces, path)
    assert path.read_text() == "the old one"
    assert files_under(tmp_path) == {"faces.npz"}


@pytest.mark.parametrize(
    "change", ["a byte is wrong", "the end is missing", "the middle is missing"]
)
@pytest.mark.parametrize("load", [load_set, load_keypoints, load_emotions])
def test_a_damaged_set_is_one_sentence_that_names_the_file(faces, tmp_path, change, load):
    path = tmp_path / "faces.npz"
    save_set(faces, path)
    whole = path.read_bytes()
    for place in np.linspace(0.005, 0.999, 40) * len(whole):
        at, damaged = int(place), bytearray(whole)
        if change == "a byte is wrong":
            damaged[at] ^= 0x5A
        else:
            del damaged[at : len(whole) if "end" in change else at + 300]
        path.write_bytes(damaged)
        try:
            loaded = load(path)
        except ValueError as problem:
            assert str(path) in str(problem)
            assert "\n" not in str(problem)
        else:  # not every byte of a zip file counts
            assert change == "a byte is wrong"
            assert len(loaded.images) == 64


def test_something_else_is_no_set_of_made_faces(tmp_path):
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 96, 96), np.uint8))
    with pytest.raises(ValueError, match=r"other\.npz is no set of made faces"):
        load_set(tmp_path / "other.npz")


def test_a_face_takes_a_fraction_of_a_second():
    """A loose bound, as the machine may be busy: `data make` shows the real number."""
    seconds = []
    for number in range(8):
        start = time.perf_counter()
        draw_number(number, seed=5, pose="wide")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.15


# Loaders


def test_made_keypoints_are_labelled_like_kaggles_half_of_them_with_four_points(shipped):
    data = load_keypoints("made")
    marked = np.isfinite(data.keypoints).all(axis=2)
    assert set(marked.sum(axis=1)) == {4, 15}
    assert (marked.sum(axis=1) == 4).mean() == pytest.approx(0.5, abs=0.06)
    np.testing.assert_array_equal(data.keypoints[marked], shipped.keypoints[marked])
    np.testing.assert_array_equal(data.split, shipped.split)


def test_made_emotions_come_in_the_order_of_the_course():
    from helpers.data import EMOTIONS as ORDER

    data = load_emotions("made")
    assert data.classes == tuple(ORDER) == EMOTIONS
    assert data.images.shape[1:] == (48, 48)


def test_a_set_of_ones_own_has_all_points_and_emotions(faces, tmp_path):
    path = tmp_path / "mine.npz"
    save_set(faces, path)
    keypoints, emotions = load_keypoints(path), load_emotions(str(path))
    np.testing.assert_array_equal(keypoints.images, faces.images)
    np.testing.assert_array_equal(keypoints.keypoints, faces.keypoints)
    np.testing.assert_array_equal(emotions.labels, faces.emotions)
    np.testing.assert_array_equal(emotions.subjects, faces.subjects)
    assert keypoints.source == emotions.source == str(path)


# Albums, group photos, sequences, videos


def test_mixed_units_are_all_frequent_and_leave_out_what_no_face_can_do():
    rng = np.random.default_rng(0)
    units = np.array([mix_units(rng).max(axis=1) for _ in range(400)])
    assert (units >= 0).all() and (units <= 1).all()
    shares = dict(zip(UNITS, (units > 0.2).mean(axis=0), strict=True))
    assert min(shares.values()) > 0.08
    for one, other in ((43, 5), (24, 25), (23, 26)):
        assert not ((units[:, UNITS.index(one)] > 0) & (units[:, UNITS.index(other)] > 0)).any()


def test_mixed_faces_are_the_same_people_with_other_units():
    usual, mixed = (make_set(4, seed=5, mixed=m) for m in (False, True))
    assert (usual.subjects == mixed.subjects).all() and (usual.pose == mixed.pose).all()
    assert not np.array_equal(usual.action_units, mixed.action_units)


def test_a_training_set_is_drawn_once_turned_as_asked_and_of_other_people(cache, monkeypatch):
    faces = training_set(4, pose="turned")
    assert faces.subjects.tolist() == ["made1-0000"] * 4
    monkeypatch.setattr(albums, "draw_set", None)  # from now on nothing can be drawn
    again = training_set(4, pose="turned")
    np.testing.assert_array_equal(again.images, faces.images)
    np.testing.assert_array_equal(again.pose, make_set(4, seed=1, pose="turned").pose)


def test_made_sequences_load_as_ckplus_does(cache):
    folder = albums.ckplus_folder(subjects=2, sequences=1, frames=2)
    data = load_emotions(folder)
    expected = {f"S{i:03d}": albums.peak(i, 1, 0)[0] for i in range(2)}
    found = [data.classes[label] for label in data.labels]
    assert dict(zip(data.subjects.tolist(), found, strict=True)) == expected
    for number in range(2):
        (file,) = folder.glob(f"FACS/S{number:03d}/001/*_facs.txt")
        rows = np.loadtxt(file, ndmin=2)
        strong = albums.peak(number, 1, 0)[1].max(axis=1) >= 0.2
        assert rows[:, 0].tolist() == np.array(UNITS)[strong].tolist()
        assert ((rows[:, 1] >= 1) & (rows[:, 1] <= 5)).all()


def test_a_sequence_goes_from_neutral_to_the_peak(cache):
    folder = albums.ckplus_folder(subjects=1, sequences=1, frames=3)
    first, middle, last = (
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(float)
        for path in sorted(folder.glob("cohn-kanade-images/S000/001/*.png"))
    )
    assert np.abs(last - first).mean() > np.abs(middle - first).mean() > 0


def test_an_album_has_a_folder_for_each_person_and_is_drawn_once(cache, monkeypatch):
    folder = albums.people_folder(people=2, photos=2, size=64)
    expected = {f"person-{who:02d}/{photo:03d}.jpg" for who in range(2) for photo in range(2)}
    assert files_under(folder) == expected
    monkeypatch.setattr(albums, "take_photo", lambda *_: pytest.fail("drawn again"))
    assert albums.people_folder(people=2, photos=2, size=64) == folder


def test_photos_of_an_album_differ(cache):
    folder = albums.people_folder(people=1, photos=3, size=64)
    assert len({path.read_bytes() for path in folder.rglob("*.jpg")}) == 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError, ValueError])
def test_an_album_that_is_cut_off_leaves_no_folder(cache, monkeypatch, stop):
    drawn = []

    def take_photo_once(*arguments):
        if drawn:
            raise stop
        drawn.append(take_photo(*arguments))
        return drawn[0]

    monkeypatch.setattr(albums, "take_photo", take_photo_once)
    with pytest.raises(stop):
        albums.people_folder(people=2, photos=2, size=64)
    assert files_under(cache) == set()
    assert not list(cache.glob("*/*"))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_a_group_photo_shows_everybody_whole(n):
    photo, found = albums.group_photo(n, size=(330, 220))
    keypoints = np.array([face.keypoints for face in found])
    assert photo.shape == (220, 330, 3)
    assert len(found) == n
    assert keypoints.min() >= 0
    assert (keypoints.max(axis=(0, 1)) <= (329, 219)).all()
    noses = keypoints[:, NOSE]
    eyes = np.linalg.norm(keypoints[:, LEFT_EYE] - keypoints[:, RIGHT_EYE], axis=1)
    for (i, a), (_, b) in itertools.combinations(enumerate(noses), 2):
        assert np.linalg.norm(a - b) > 1.5 * eyes[i]


def test_a_face_changes_from_the_first_expression_to_the_last():
    start, end = albums.neutral_to("happy")
    frames = list(albums.animate(person_number(0, 0), start, end, 3, 48, yaw=(-20.0, 10.0)))
    assert [frame.shape for frame, _ in frames] == [(48, 48, 3)] * 3
    np.testing.assert_array_equal(frames[0][1].scene.units, start)
    np.testing.assert_allclose(frames[-1][1].scene.units, end)
    assert [face.scene.yaw for _, face in frames] == [-20, -5, 10]


def moving_square(n: int):
    for i in range(n):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[10:30, 5 * i : 5 * i + 20] = (200, 30, 30)
        yield frame


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_has_as_many_frames_as_were_given(tmp_path, suffix):
    path = tmp_path / f"face{suffix}"
    assert save_video(moving_square(5), path) == 5
    video = cv2.VideoCapture(str(path))
    frames = list(itertools.takewhile(lambda read: read[0], iter(video.read, None)))
    assert len(frames) == 5
    blue, _, red = frames[0][1][20, 15]
    assert red > 120 > blue, "channels have changed places"
    assert files_under(tmp_path) == {path.name}


def cut_off():
    yield from moving_square(2)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("frames", "name", "error"),
    [
        (cut_off, "face.mp4", KeyboardInterrupt),
        (lambda: iter(()), "face.mp4", ValueError),
        (lambda: moving_square(2), "face.xyz", ValueError),
    ],
)
def test_a_video_that_cannot_be_written_leaves_nothing(tmp_path, frames, name, error):
    with pytest.raises(error):
        save_video(frames(), tmp_path / name)
    assert files_under(tmp_path) == set()
