"""A photo with its faces marked: in the colours that were meant, where the faces are, readable."""

import itertools

import numpy as np
import pytest
from document_rules import TEXT, contrast
from faces import portrait
from matplotlib.colors import to_rgb
from PIL import Image

from helpers import plots
from helpers.data import EMOTIONS
from helpers.detect import shared_area
from reading_faces.annotate import annotate_photo, draw_label
from reading_faces.reader import FaceReading, PhotoReading

POINTS = np.random.default_rng(1).uniform(20, 70, (15, 2)).astype(np.float32)
HAPPY = {name: 0.7 if name == "happy" else 0.05 for name in EMOTIONS}


def reading(*boxes, **parts) -> PhotoReading:
    faces = [FaceReading(box, 0.99, **parts) for box in boxes]
    return PhotoReading(None, 100, 100, None, faces)


def test_an_annotated_photo_is_a_changed_copy_of_the_same_size():
    photo = np.array(portrait())
    before = photo.copy()
    points = POINTS + [60, 40]
    marked = annotate_photo(photo, reading((70, 50, 70, 80), keypoints=points, emotion=HAPPY))
    assert (photo == before).all()
    assert marked.shape == photo.shape
    assert (marked != photo).any(axis=2).mean() > 0.01


def test_a_photo_without_faces_stays_as_it_is():
    photo = np.array(portrait())
    assert (annotate_photo(photo, reading()) == photo).all()


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (30, 400), (400, 30), (1500, 1000)])
def test_faces_at_every_edge_of_any_photo_can_be_marked(shape):
    height, width = shape
    boxes = [(0, 0, width, height), (width * 0.8, height * 0.9, width * 0.2, height * 0.1)]
    photo = np.zeros((height, width, 3), np.uint8)
    marked = annotate_photo(photo, reading(*boxes, keypoints=POINTS, emotion=HAPPY))
    assert marked.shape == photo.shape


@pytest.fixture
def labels(monkeypatch):
    """The rectangles of the labels that are drawn, one after the other."""
    drawn = []

    def draw(*how):
        drawn.append(draw_label(*how))
        return drawn[-1]

    monkeypatch.setattr("reading_faces.annotate.draw_label", draw)
    return drawn


def test_labels_of_neighbours_do_not_cover_each_other(labels):
    boxes = [(x, 100.0, 60, 80) for x in (100, 150, 200)]
    annotate_photo(np.zeros((300, 600, 3), np.uint8), reading(*boxes, emotion={"surprise": 0.99}))
    assert len(labels) == 3
    assert not any(shared_area(a, b) for a, b in itertools.combinations(labels, 2))


def test_no_label_of_a_crowd_hides_a_face_or_another_label(labels):
    """Seven people in two rows, as a crew is photographed."""
    boxes = [
        (523, 326, 143, 197), (1008, 273, 152, 184), (877, 119, 131, 145), (538, 130, 113, 147),
        (286, 291, 112, 142), (732, 0, 112, 132), (332, 118, 96, 126),
    ]  # fmt: skip
    said = {"emotion": {"surprise": 0.97}, "identity": ("Yuri Malenchenko", 0.9)}
    annotate_photo(np.zeros((960, 1400, 3), np.uint8), reading(*boxes, **said))
    assert len(labels) == 7
    assert not any(shared_area(a, b) for a, b in itertools.combinations(labels, 2))
    assert not any(shared_area(one, np.array(box)) for one in labels for box in boxes)


def test_a_label_is_written_on_whichever_side_is_free():
    box = np.array([200, 100, 60, 60])
    sides = {
        "left": (0, 100, 200, 60), "right": (260, 100, 340, 60),
        "above": (0, 0, 600, 100), "below": (0, 160, 600, 140),
    }  # fmt: skip
    for free, (x, y, width, height) in sides.items():
        taken = [box, *(np.array(place) for side, place in sides.items() if side != free)]
        label = draw_label(Image.new("RGB", (600, 300)), "1 happy 99%", box, taken)
        assert x <= label[0] <= x + width - label[2] and y <= label[1] <= y + height - label[3]


@pytest.mark.parametrize("size", [(600, 300), (300, 600)])
def test_a_label_is_inside_the_photo_and_by_its_face_in_every_corner(size):
    picture, (width, height) = Image.new("RGB", size), size
    for x, y in itertools.product((0, width - 60), (0, height - 60)):
        left, top, wide, high = draw_label(picture, "1 happy 99%", np.array([x, y, 60, 60]), [])
        assert 0 <= left <= width - wide and 0 <= top <= height - high
        assert x - wide < left < x + 60 and y - high - 1 < top < y + 61


def test_a_label_that_is_wider_than_the_photo_is_written_in_two_lines():
    def shape(text: str) -> tuple[float, float]:
        picture, box = Image.new("RGB", (90, 400)), np.array([15, 100, 60, 80])
        return tuple(draw_label(picture, text, box, []))[2:]

    (width, height), (_, line) = shape("1 surprise 99%, Alexandra"), shape("1 surprise")
    assert width <= 90 and height > 1.5 * line


def test_a_label_on_a_photo_can_be_read():
    picture = Image.new("RGB", (600, 300), "grey")
    x, y, width, height = draw_label(picture, "1 happy 99%", np.array([200, 100, 90, 90]), [])
    label = (
        np.array(picture.crop((x + 1, y + 1, x + width - 1, y + height - 1))).reshape(-1, 3) / 255
    )
    background = to_rgb(plots.BOX)
    assert max(contrast(colour, background) for colour in np.unique(label, axis=0)) >= TEXT


@pytest.mark.parametrize("text", ["1 happy 99%, Ann", "1 Ann"])
def test_words_are_in_the_middle_of_their_label(text):
    picture = Image.new("RGB", (600, 300))
    place = draw_label(picture, text, np.array([200, 100, 200, 90]), [])
    x, y, width, height = (round(float(number)) for number in place)
    letters = np.array(picture.crop((x, y, x + width, y + height))).min(axis=2) > 180
    rows, columns = (np.flatnonzero(letters.any(axis=axis)) for axis in (1, 0))
    for inked, size in ((rows, height), (columns, width)):
        assert inked[0] > 1 and inked[0] == pytest.approx(size - 1 - inked[-1], abs=3)


def colour_of(name: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in to_rgb(name))


def test_box_and_label_have_the_colour_of_boxes():
    marked = annotate_photo(np.zeros((200, 300, 3), np.uint8), reading((100, 60, 80, 80)))
    assert tuple(marked[100, 100]) == tuple(marked[139, 140]) == colour_of(plots.BOX)
    assert tuple(marked[100, 98]) == (255, 255, 255), "a white rim around it"
    assert not marked[90:110, 120:160].any(), "nothing inside it"
    above = marked[:58, 90:190].reshape(-1, 3)
    assert (above == colour_of(plots.BOX)).all(axis=1).sum() > 100


def test_on_a_photo_that_was_decoded_smaller_marks_are_where_the_face_is():
    points = np.tile([278.5, 198.5], (15, 1))
    face = FaceReading((200.0, 120.0, 160.0, 160.0), 0.99, keypoints=points)
    marked = annotate_photo(
        np.zeros((200, 300, 3), np.uint8), PhotoReading(None, 600, 400, None, [face])
    )
    assert tuple(marked[100, 100]) == tuple(marked[139, 140]) == colour_of(plots.BOX)
    drawn = np.argwhere(marked[85:115, 125:155].any(axis=2)) + [85, 125]
    assert drawn.mean(axis=0) == pytest.approx([99, 139], abs=0.6)


def test_marks_and_labels_grow_with_the_face_and_the_photo():
    def width_of(side: int, photo: int) -> int:
        marked = annotate_photo(
            np.zeros((photo, photo, 3), np.uint8), reading((photo / 4, photo / 4, side, side))
        )
        return (marked[photo // 4 + side // 2] == colour_of(plots.BOX)).all(axis=1).sum() // 2

    assert [width_of(60, 300), width_of(600, 1200), width_of(60, 3600)] == pytest.approx(
        [1, 10, 4], abs=1
    )

    def height_of(side: int) -> float:
        label = draw_label(Image.new("RGB", (1600, 1600)), "1", np.array([99, 99, side, side]), [])
        return label[3]

    small, middling, large = (height_of(side) for side in (10, 200, 1200))
    assert small == height_of(100) and large == height_of(400)  # 20 and 50 pixels
    assert middling / small == pytest.approx(32 / 20, rel=0.1)
    assert large / small == pytest.approx(50 / 20, rel=0.1)

    def dots(side: float) -> int:
        face = reading((5, 5, side, side), keypoints=np.full((15, 2), 200.0))
        marked = annotate_photo(np.zeros((300, 300, 3), np.uint8), face)
        return marked[170:230, 170:230].any(axis=2).sum()

    assert dots(140) > 2 * dots(60)


def test_each_point_is_drawn_at_its_place_in_the_colour_of_its_side():
    points = np.stack([np.arange(15) * 25.0 + 20, np.full(15, 100.0)], axis=1)
    marked = annotate_photo(
        np.zeros((200, 400, 3), np.uint8), reading((0, 0, 400, 200), keypoints=points)
    )
    for rows, colour, _ in plots.sides().values():
        for row in rows:
            assert tuple(marked[100, 20 + 25 * row]) == colour_of(colour)


def test_sides_are_told_apart_by_shape_too():
    points = np.stack([np.arange(15) * 25.0 + 20, np.full(15, 100.0)], axis=1)
    marked = annotate_photo(
        np.zeros((200, 400, 3), np.uint8), reading((0, 0, 400, 200), keypoints=points)
    )
    drawn = [marked[88:113, 20 + 25 * n - 12 : 20 + 25 * n + 13].any(axis=2) for n in range(15)]
    shapes = [{drawn[row].tobytes() for row in rows} for rows, *_ in plots.sides().values()]
    assert [len(of_side) for of_side in shapes] == [1, 1, 1] and len(set.union(*shapes)) == 3


def test_a_label_says_number_emotion_and_name(monkeypatch):
    written = []
    monkeypatch.setattr(
        "reading_faces.annotate.draw_label",
        lambda picture, text, box, avoid: written.append(text) or np.array([0, 0, 1, 1]),
    )
    photo, place = np.zeros((100, 100, 3), np.uint8), (10, 10, 50, 50)
    annotate_photo(photo, reading(place, emotion=HAPPY, identity=("Ann", 0.9)))
    annotate_photo(photo, reading(place, identity=(None, 0.1)), numbers=[7])
    annotate_photo(photo, reading(place, place))
    assert written == ["1 happy 70%, Ann", "7 unknown", "1", "2"]
