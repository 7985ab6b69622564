"""Photos go in, one reading a photo comes out, and a bad one stops nobody."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from faces import Cheerful, MeanFace, Smiling, Tint, find_portrait, portrait, stand_ins, tinted
from PIL import Image

from helpers import detect, images, models
from helpers.data import EMOTIONS, KEYPOINT_COLUMNS, KEYPOINT_NAMES
from helpers.gallery import Gallery
from reading_faces import upright
from reading_faces.reader import PARTS, FaceReader, FaceReading, PhotoReading, to_frame

PHOTO = np.array(portrait())
BLANK = np.zeros((100, 100, 3), np.uint8)


@pytest.fixture(autouse=True)
def detector(monkeypatch):
    monkeypatch.setattr(detect, "detect_faces", find_portrait)


@pytest.fixture
def reader():
    return FaceReader(models=stand_ins())


@pytest.mark.parametrize(
    "array",
    [
        np.full((50, 50, 3), np.nan),
        np.zeros((50, 50), np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.zeros((0, 50, 3), np.uint8),
        np.zeros((50, 50, 3), np.int64),
    ],
)
def test_an_array_that_is_no_rgb_photo_is_an_error_of_that_photo_only(array, reader):
    bad, good = reader.read([array, PHOTO])
    assert str(array.dtype) in bad.error and len(good.faces) == 1


def test_faces_of_several_photos_go_through_each_network_together(reader):
    readings = list(reader.read([PHOTO, BLANK, PHOTO, PHOTO]))
    assert [len(reading.faces) for reading in readings] == [1, 0, 1, 1]
    assert [model.calls for model in reader.load().values()] == [[3], [3], [3]]


class Brightness(Cheerful):
    """An emotion model that tells its faces apart by how bright they are."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        bright = images.mean(axis=(1, 2), keepdims=False)[:, np.newaxis] / 255
        return np.concatenate([bright, *[(1 - bright) / 6] * 6], axis=1).astype(np.float32)


def test_each_face_gets_the_results_of_its_own_photo():
    photos = [PHOTO // dark for dark in (1, 4, 2)]
    reader = FaceReader(parts=("emotion",), models={"emotion": Brightness()})
    together = [r.faces[0].emotion for r in reader.read([photos[0], BLANK, *photos[1:]]) if r.faces]
    assert together == [reader.read_one(photo).faces[0].emotion for photo in photos]
    assert together[0]["angry"] > together[2]["angry"] > together[1]["angry"]


def test_each_face_of_a_photo_gets_its_own_results(monkeypatch):
    photo = np.zeros((100, 200, 3), np.uint8)
    photo[:, :100], photo[:, 100:] = 200, 50
    boxes = [(20.0, 20.0, 60.0, 60.0), (120.0, 20.0, 60.0, 60.0)]
    found = [detect.DetectedFace(box, 0.99, None, box) for box in boxes]
    monkeypatch.setattr(detect, "detect_faces", lambda *_: found)
    reader = FaceReader(parts=("emotion",), models={"emotion": Brightness()})
    bright, dark = reader.read_one(photo).faces
    assert bright.box == boxes[0] and bright.emotion["angry"] == pytest.approx(200 / 255)
    assert dark.box == boxes[1] and dark.emotion["angry"] == pytest.approx(50 / 255)


class Keeps(Tint):
    """An embedder that keeps what it is shown, cut in a way of its own."""

    framing, size = "emotion", 32

    def embed(self, faces):
        self.crops = faces
        return super().embed(faces)


@pytest.mark.parametrize("by", ["network", "embedder", "embedder alone"])
def test_a_face_is_cut_as_suits_the_network_and_the_detector_that_has_found_it(by):
    class Looks(Cheerful):
        def predict(self, images):
            self.crops = images
            return super().predict(images)

    (face,), pixels = find_portrait(PHOTO), PHOTO if by != "network" else images.to_grey(PHOTO)
    for detector, found_by in (("haar", "mtcnn"), ("mtcnn", "haar"), ("haar", "")):
        network, embedder = Looks(), Keeps()
        parts = ("emotion",) if by == "network" else ("embedding",)
        known = {"emotion": network} if by == "network" else {}
        reader = FaceReader(detector, parts, known, embedder=embedder)
        read = reader.embed_faces if by == "embedder alone" else reader.read_faces
        read(PHOTO, [face], found_by)
        seen, size = (network, 48) if by == "network" else (embedder, 32)
        expected, _ = detect.crop_detected(pixels, [face], found_by or detector, "emotion", size)
        np.testing.assert_array_equal(seen.crops, expected)


def test_photos_come_back_in_order_and_few_of_them_are_held_at_a_time(reader, monkeypatch):
    monkeypatch.setattr("reading_faces.reader.PHOTOS_AT_ONCE", 2)
    taken, wide = [], [np.zeros((9, width, 3), np.uint8) for width in range(20, 27)]
    readings = reader.read(taken.append(photo) or photo for photo in wide)
    first = next(readings)
    assert len(taken) <= 4
    assert [reading.width for reading in (first, *readings)] == list(range(20, 27))


def test_a_network_reads_for_one_at_a_time():
    class Slow(Cheerful):
        busy = 0

        def predict(self, images):
            self.busy += 1
            time.sleep(0.01)
            assert self.busy == 1
            self.busy -= 1
            return super().predict(images)

    reader = FaceReader(parts=("emotion",), models={"emotion": Slow()})
    with ThreadPoolExecutor(4) as pool:
        assert all(reading.faces for reading in pool.map(reader.read_one, [PHOTO] * 8))


def test_keypoints_are_in_the_pixels_of_the_photo(reader):
    (small,) = reader.read_one(PHOTO).faces
    (large,) = reader.read_one(np.array(portrait().resize((820, 960), 2))).faces
    x, y, width, height = small.box
    inside = (small.keypoints > (x - 5, y - 5)) & (small.keypoints < (x + width + 5, y + height))
    assert inside.all()
    assert np.allclose(large.keypoints, (small.keypoints + 0.5) * 4 - 0.5, atol=1)


def test_a_photo_that_is_decoded_smaller_has_its_points_in_the_same_places(
    reader, tmp_path, monkeypatch
):
    def find_middle(photo, *_):
        height, width = photo.shape[:2]
        box = (width / 4, height / 4, width / 2, height / 2)
        return [detect.DetectedFace(box, 0.99, None, box)]

    monkeypatch.setattr(detect, "detect_faces", find_middle)
    Image.new("RGB", (1200, 1600)).save(tmp_path / "large.jpg")
    (whole,) = reader.read_one(tmp_path / "large.jpg").faces
    monkeypatch.setattr(images, "MOST_PIXELS", 1_000_000)  # now it becomes 300 × 400
    (small,) = reader.read_one(tmp_path / "large.jpg").faces
    assert small.box == whole.box
    np.testing.assert_allclose(small.keypoints, whole.keypoints, atol=0.01)


def test_what_is_said_of_a_photo_that_is_decoded_smaller_is_in_its_own_pixels(
    reader, tmp_path, monkeypatch
):
    """Its size is no multiple of the smaller one's, and the face reaches to its end."""
    monkeypatch.setattr(images, "MOST_PIXELS", 1_000_000)
    Image.new("RGB", (1201, 1602)).save(tmp_path / "large.jpg")

    def find(photo, *_):
        all_of_it = (0.0, 0.0, *map(float, photo.shape[1::-1]))
        return [detect.DetectedFace(all_of_it, 0.99, None, all_of_it)], [(10.2, 20.0, 9.0, 9.0)]

    monkeypatch.setattr(upright, "find_faces", find)
    reading = reader.read_one(tmp_path / "large.jpg")
    (shrunk,) = {round(1201 / images.load_photo(tmp_path / "large.jpg").pixels.shape[1])}
    assert shrunk > 1 and reading.faces[0].box == (0, 0, 1201, 1602)
    said = f"The face at {round(10.2 * shrunk)}, {20 * shrunk} lies or is upside down"
    assert reading.remarks[0].startswith(said)


def test_only_the_parts_that_are_asked_for_are_read():
    face = FaceReader(parts=()).read_one(PHOTO).faces[0]
    assert set(face.to_dict()) == {"box", "confidence"}
    reader = FaceReader(parts=("emotion",), models={"emotion": Cheerful()})
    assert set(reader.read_one(PHOTO).faces[0].to_dict()) == {"box", "confidence", "emotion"}
    assert reader.parts == ("emotion",) and list(reader.load()) == ["emotion"]
    assert FaceReader(parts=(*PARTS[::-1], PARTS[0])).parts == PARTS, "in one order, each once"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"parts": ("age",)}, "no part 'age'; choose of keypoints, emotion, action_units"),
        ({"parts": "emotion"}, "no part 'e'"),
        ({"parts": ("emotion",), "models": {"keypoints": MeanFace()}}, "for keypoints is given"),
        ({"detector": "eyes"}, "no detector 'eyes'"),
    ],
)
def test_what_a_reader_cannot_read_is_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        FaceReader(**options)


def test_several_threads_share_a_reader_and_its_models_load_once(monkeypatch):
    loaded, known = [], stand_ins()

    def load(task):
        loaded.append(task)
        return known[task]

    monkeypatch.setattr(models, "load", load)
    shared = FaceReader()
    assert loaded == []
    photos = [np.array(portrait(height)) for height in (200, 220, 240, 260)] * 2
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(shared.read_one, photos))
    alone = [shared.read_one(photo) for photo in photos]
    assert [r.to_dict() for r in together] == [r.to_dict() for r in alone]
    assert sorted(loaded) == sorted(PARTS)


def test_without_anything_to_read_nothing_is_read(reader):
    assert list(reader.read([])) == []


class Uncertain(Cheerful):
    def predict(self, images):
        return super().predict(images) + np.array([0] * 6 + [np.nan], np.float32)


def test_a_model_that_answers_with_no_number_is_one_sentence():
    reader = FaceReader(models=stand_ins() | {"emotion": Uncertain()})
    with pytest.raises(ValueError, match="model for emotion answers with numbers that are none"):
        reader.read_one(PHOTO)


@pytest.mark.parametrize("step", ["detect_faces", "crop_detected"])
def test_too_little_memory_for_one_photo_is_an_error_of_that_photo_only(step, reader, monkeypatch):
    do, large = getattr(detect, step), np.array(portrait(600))

    def fail(photo, *arguments):
        if len(photo) == len(large):
            raise MemoryError
        return do(photo, *arguments)

    monkeypatch.setattr(detect, step, fail)
    bad, good = reader.read([large, PHOTO])
    assert bad.error == "There is not enough memory to read it." and bad.faces == []
    assert len(good.faces) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the memory in use")
def test_memory_of_one_photo_is_free_for_the_next(reader, monkeypatch):
    """Between what is freed lies what is kept: a C library gives nothing back by itself then."""
    used, kept = [], []

    def litter(photo, *_):
        parts = [bytearray(8192) for _ in range(20_000)]
        kept.append(parts[-1])
        used.append(memory())
        return []

    def memory() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    monkeypatch.setattr(detect, "detect_faces", litter)
    reader.read_one(BLANK)
    assert memory() < used[0] - 100 * 2**20


# People.


def gallery_of(name: str, colour=(1, 1, 1)) -> Gallery:
    face = FaceReader(parts=(), embedder=Tint())
    crops, _ = detect.crop_detected(
        np.array(tinted(*colour)), find_portrait(PHOTO), "mtcnn", "embedding", 24
    )
    return Gallery.empty("tint", 0.99).enroll(name, face.embedder.embed(crops))


def test_a_gallery_names_whom_it_knows_and_one_of_nobody_names_nobody():
    reader = FaceReader(parts=(), gallery=gallery_of("Ann", (1, 0.6, 0.6)), embedder=Tint())
    seen = [np.array(tinted(*colour)) for colour in ((1, 0.6, 0.6), (0.6, 0.6, 1))]
    who = [reading.faces[0].identity for reading in reader.read(seen)]
    assert [name for name, _ in who] == ["Ann", None]
    assert who[0][1] == pytest.approx(1, abs=1e-5) and 0 < who[1][1] < 0.99
    reader.gallery = reader.gallery.forget("Ann")
    assert reader.read_one(PHOTO).faces[0].identity is None


def test_a_name_is_given_once_on_a_photo_and_again_on_the_next(monkeypatch):
    pale, strong = np.array(tinted(1, 0.64, 0.6)), np.array(tinted(1, 0.6, 0.6))

    def find_side_by_side(photo, *_):
        left, right = np.array_split(photo, 2, axis=1)
        (one,), (other,) = find_portrait(left), find_portrait(right)
        x, *rest = other.region
        place = (x + left.shape[1], *rest)
        return [one, replace(other, box=place, region=place)]

    monkeypatch.setattr(detect, "detect_faces", find_side_by_side)
    reader = FaceReader(parts=(), gallery=gallery_of("Ann", (1, 0.6, 0.6)), embedder=Tint())
    photos = [np.hstack(two) for two in ((pale, strong), (strong, pale), (pale, pale))]
    names = [[face.identity[0] for face in reading.faces] for reading in reader.read(photos)]
    assert names[:2] == [[None, "Ann"], ["Ann", None]]
    assert sorted(map(str, names[2])) == ["Ann", "None"]


def test_faces_whose_places_are_known_are_named_unless_that_is_not_wanted():
    reader = FaceReader(parts=(), gallery=gallery_of("Ann"), embedder=(tint := Tint()))
    tint.calls.clear()
    for named, name in ((True, "Ann"), (False, None)):
        (face,) = reader.read_faces(PHOTO, find_portrait(PHOTO), named=named)
        assert (face.identity and face.identity[0]) == name
    assert tint.calls == [1], "who is not to be named is not looked at"


def test_another_embedders_gallery_is_refused():
    other = replace(gallery_of("Ann"), embedder="another")
    with pytest.raises(ValueError, match="was made with another"):
        FaceReader(parts=(), gallery=other, embedder=Tint()).load()


def test_somebody_enrolled_while_a_photo_is_read_is_named_from_the_next_on(monkeypatch):
    """Two visitors at once: one has a photo read, the other enrols and forgets people."""
    reader = FaceReader(parts=(), gallery=gallery_of("Ann"), embedder=Tint())
    reading, changed = threading.Event(), threading.Event()

    def find_slowly(photo, *_):
        reading.set()
        assert changed.wait(30)
        return find_portrait(photo)

    for after in (None, gallery_of("Bob"), gallery_of("Ann").forget("Ann")):
        reading.clear(), changed.clear()
        reader.gallery = gallery_of("Ann")
        monkeypatch.setattr(detect, "detect_faces", find_slowly)
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(lambda: list(reader.read([PHOTO] * 20)))
            assert reading.wait(30)
            reader.gallery = after
            changed.set()
            assert {r.faces[0].identity[0] for r in result.result()} == {"Ann"}
        monkeypatch.setattr(detect, "detect_faces", find_portrait)
        now = reader.read_one(PHOTO).faces[0].identity
        assert (now and now[0]) == ("Bob" if after and after.people else None)


def test_somebody_enrolled_where_nobody_was_known_does_not_disturb_a_photo_that_is_read(
    monkeypatch,
):
    reader = FaceReader(parts=(), embedder=Tint())

    def find_and_enrol(photo, *_):
        reader.gallery = gallery_of("Ann")
        return find_portrait(photo)

    monkeypatch.setattr(detect, "detect_faces", find_and_enrol)
    assert reader.read_one(PHOTO).faces[0].identity is None
    assert reader.read_one(PHOTO).faces[0].identity[0] == "Ann"


# Dictionaries and tables.


def test_the_dictionary_of_a_reading_is_the_documented_one(tmp_path, reader):
    portrait().save(tmp_path / "one.png")
    reader.gallery, reader.embedder = gallery_of("Ann"), Tint()
    reading = reader.read_one(tmp_path / "one.png")
    result = reading.to_dict()
    assert list(result) == ["path", "width", "height", "error", "faces"]
    (face,) = result["faces"]
    assert list(face) == ["box", "confidence", "keypoints", "emotion", "action_units", "identity"]
    assert list(face["keypoints"]) == list(KEYPOINT_NAMES)
    assert list(face["emotion"]) == list(EMOTIONS)
    assert sum(face["emotion"].values()) == pytest.approx(1, abs=1e-5)
    assert list(face["action_units"]) == Smiling.card["units"]
    assert face["identity"] == {"name": "Ann", "score": pytest.approx(1, abs=1e-4)}
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_numbers_are_rounded_alike_in_dictionaries_and_tables():
    third = 1 / 3
    units, held = {"AU1": third}, {"happy": 1 - third, "sad": third}
    parts = {"emotion": held, "held_emotion": "sad", "action_units": units}
    face = FaceReading((third,) * 4, third, np.full((15, 2), third), **parts, identity=("A", third))
    assert face.label == "sad 33%, A"
    said = face.to_dict()
    assert (said["box"], said["confidence"]) == ([0.33] * 4, 0.3333)
    assert set(map(tuple, said["keypoints"].values())) == {(0.33, 0.33)}
    assert said["emotion"] == {"happy": 0.666667, "sad": 0.333333}
    assert (said["action_units"]["AU1"], said["identity"]["score"]) == (0.3333, 0.3333)
    table = to_frame([PhotoReading("a", 8, 9, None, [face, face]), PhotoReading("b", 8, 9)])
    lines = table.to_csv(index=False).splitlines()
    rest = "0.33,0.33,0.33,0.33,0.3333,A,0.3333,sad,0.666667,0.333333,0.3333" + ",0.33" * 30 + ","
    assert lines[1:3] == [f"a,8,9,{number},{rest}" for number in (1, 2)]
    assert lines[3].startswith("b,8,9,,")


def test_the_table_has_a_row_for_each_face_and_each_photo_without(reader):
    frame = to_frame(reader.read([PHOTO, BLANK, np.zeros((5, 5))]), reader.columns)
    assert list(frame) == ["path", "width", "height", "face", *reader.columns, "error"]
    assert frame["face"].fillna(0).tolist() == [1, 0, 0]
    assert frame["error"].notna().tolist() == [False, False, True]
    assert frame.loc[0, "emotion"] == "happy"
    assert frame.loc[0, ["AU12", "AU4"]].tolist() == pytest.approx([0.9, 0.1])
    x, y = reader.read_one(PHOTO).faces[0].keypoints[10]
    assert frame.loc[0, ["nose_tip_x", "nose_tip_y"]].tolist() == pytest.approx([x, y], abs=0.01)
    assert np.isfinite(frame.loc[0, list(KEYPOINT_COLUMNS)].astype(float)).all()


def test_a_table_holds_what_is_read_whether_there_is_a_face_or_not(reader):
    assert list(to_frame([], reader.columns)) == list(to_frame(reader.read([PHOTO])))
    less = FaceReader(parts=("emotion",), models={"emotion": Cheerful()})
    assert less.columns[-8:] == ("emotion", *EMOTIONS)
    assert list(to_frame(less.read([PHOTO])))[-9:] == ["emotion", *EMOTIONS, "error"]
    assert "box_x" in to_frame([])


class Contemptuous(Cheerful):
    """A model of one's own, which has learnt a class more."""

    card = {"task": "emotion", "classes": ["contempt", *EMOTIONS]}

    def predict(self, images):
        return np.repeat(np.array([[0.65, *[0.05] * 7]], np.float32), len(images), axis=0)


def test_a_class_of_ones_own_model_keeps_its_column():
    reader = FaceReader(models=stand_ins() | {"emotion": Contemptuous()})
    assert "contempt" in reader.columns
    for frame in (to_frame(reader.read([PHOTO]), reader.columns), to_frame(reader.read([PHOTO]))):
        assert frame.loc[0, "emotion"] == "contempt"
        assert frame.loc[0, "contempt"] == pytest.approx(0.65)


def test_a_path_that_no_table_could_hold_is_escaped():
    reading = PhotoReading("caf\udce9.png", 1, 1, None, [FaceReading((0, 0, 1, 1), 1.0)])
    assert to_frame([reading])["path"].tolist() == ["caf\\udce9.png"]
