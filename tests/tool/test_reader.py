"""Photos of any kind go in, one reading a photo comes out, and a bad one stops nobody."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from faces import Cheerful, MeanFace, Smiling, portrait, wall
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import images as photos
from helpers import models
from helpers.data import EMOTIONS, KEYPOINT_COLUMNS, KEYPOINT_NAMES
from helpers.images import PhotoError, find_photos, read_photo
from reading_faces import reader as pipeline
from reading_faces.made_faces.expression import UNIT_NAMES
from reading_faces.reader import FaceReader, to_frame


@pytest.fixture
def reader():
    return FaceReader(keypoints=MeanFace(), emotion=Cheerful(), action_units=Smiling())


# Finding files.


def test_a_folder_is_walked_to_any_depth_in_name_order(tmp_path):
    names = ["b.jpg", "a/z.PNG", "a/a/deep.tiff", "c.gif", "a.webp", "x.jpg/inside.bmp"]
    for name in [*names, "notes.txt", "a/raw.cr2", "._b.jpg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_photos([tmp_path])]
    assert found == sorted(names, key=lambda name: name.split("/"))


@given(st.sets(st.text("abcXYZ01 é'", min_size=1, max_size=5), min_size=1, max_size=8))
def test_files_of_a_folder_come_in_the_order_of_their_names(tmp_path_factory, stems):
    folder = tmp_path_factory.mktemp("photos")
    for stem in stems:
        (folder / f"{stem}.jpg").touch()
    assert [path.name for path in find_photos([folder])] == sorted(f"{s}.jpg" for s in stems)


def test_a_file_named_directly_is_kept_whatever_it_is_called(tmp_path):
    named = [tmp_path / "b.dat", tmp_path / "missing.jpg"]
    assert find_photos(named) == named


def test_a_missing_file_says_so():
    with pytest.raises(PhotoError, match="no such file"):
        read_photo("nowhere/at/all.jpg")


def test_an_empty_folder_says_that_it_has_no_photo(tmp_path):
    (path,) = find_photos([tmp_path])
    with pytest.raises(PhotoError, match="no photo in this folder"):
        read_photo(path)


# Reading files.


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_gives_the_upright_photo(tmp_path, orientation):
    upright = portrait(60)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that hides it again
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert (read_photo(tmp_path / "photo.png") == np.array(upright)).all()


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("LA", (0, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("I;16", 25700, (100, 100, 100)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode, colour, expected):
    wall(mode=mode, colour=colour).save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    assert photo.shape == (30, 40, 3)
    assert photo.dtype == np.uint8
    assert (photo == expected).all()


def test_cmyk_float_and_transparent_palettes_are_read(tmp_path):
    wall(mode="CMYK", colour=(0, 0, 0, 0)).save(tmp_path / "print.jpg")
    wall(mode="F", colour=0.5).save(tmp_path / "float.tif")
    holes = np.full((30, 40), 0.5, np.float32)
    holes[5:8] = np.nan
    Image.fromarray(holes).save(tmp_path / "holes.tif")
    palette = wall(mode="P")
    palette.putpalette([250, 0, 0])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert (read_photo(tmp_path / "print.jpg") > 250).all()
    assert (read_photo(tmp_path / "float.tif") == 128).all()
    with_holes = read_photo(tmp_path / "holes.tif")
    assert (with_holes[5:8] == 0).all()
    assert (with_holes[8:] == 128).all()
    assert (read_photo(tmp_path / "palette.png") == 255).all()


@pytest.mark.parametrize("extension", ["gif", "webp"])
def test_an_animation_is_read_at_its_first_frame(tmp_path, extension):
    frames = [wall(colour="white"), wall(colour="black")]
    path = tmp_path / f"moving.{extension}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert (read_photo(path) > 250).all()


def test_a_folder_named_like_a_photo_is_a_folder(tmp_path, reader):
    (tmp_path / "x.jpg").mkdir()
    assert reader.read_one(tmp_path / "x.jpg").error == "There is no photo in this folder."
    portrait(60).save(tmp_path / "x.jpg" / "inside.png")
    assert find_photos([tmp_path]) == [tmp_path / "x.jpg" / "inside.png"]
    assert reader.read_one(tmp_path / "x.jpg").error == "This is a folder."


def test_a_photo_above_the_pixel_limit_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MOST_PIXELS", 1000)
    wall(40, 30).save(tmp_path / "large.png")
    with pytest.raises(PhotoError, match="limit"):
        read_photo(tmp_path / "large.png")


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
    bad, good = reader.read([array, np.array(portrait())])
    assert str(array.dtype) in bad.error
    assert len(good.faces) == 1


# Reading faces.


def test_faces_of_several_photos_go_through_each_network_together(reader):
    photo = np.array(portrait())
    blank = np.zeros((100, 100, 3), np.uint8)
    readings = list(reader.read([photo, blank, photo, photo]))
    assert [len(reading.faces) for reading in readings] == [1, 0, 1, 1]
    assert [model.calls for model in reader.load().values()] == [[3], [3], [3]]


def test_free_memory_goes_back_to_the_system_after_each_photo(reader, monkeypatch):
    trims = []
    monkeypatch.setattr(pipeline, "_find_trim", lambda: trims.append)
    list(reader.read([np.zeros((side, side, 3), np.uint8) for side in (60, 70, 80)]))
    assert trims == [0, 0, 0]  # as `malloc_trim` is asked: keep nothing


def test_keypoints_are_in_the_pixels_of_the_photo(reader):
    (small,) = reader.read_one(np.array(portrait())).faces
    (large,) = reader.read_one(np.array(portrait().resize((820, 960), 2))).faces
    x, y, width, height = small.box
    assert (
        (small.keypoints > (x - 5, y - 5)) & (small.keypoints < (x + width + 5, y + height))
    ).all()
    assert np.allclose(large.keypoints, (small.keypoints + 0.5) * 4 - 0.5, atol=8)


def test_parts_can_be_left_out():
    nothing = FaceReader(keypoints=False, emotion=False, action_units=False)
    reading = nothing.read_one(np.array(portrait()))
    assert set(reading.to_dict()["faces"][0]) == {"box", "confidence"}


def test_several_threads_share_a_reader_and_its_models_load_once(monkeypatch):
    loaded = []
    stand_ins = {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": Smiling()}

    def load(task):
        loaded.append(task)
        return stand_ins[task]

    monkeypatch.setattr(models, "load", load)
    shared = FaceReader()
    assert loaded == []
    sizes = [200, 220, 240, 260] * 2
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda h: shared.read_one(np.array(portrait(h))), sizes))
    alone = [shared.read_one(np.array(portrait(height))) for height in sizes]
    assert [r.to_dict() for r in together] == [r.to_dict() for r in alone]
    assert sorted(loaded) == ["action_units", "emotion", "keypoints"]


def test_without_anything_to_read_nothing_is_read(reader):
    assert list(reader.read([])) == []


def test_the_dictionary_of_a_reading_is_the_documented_one(tmp_path, reader):
    portrait().save(tmp_path / "one.png")
    result = reader.read_one(tmp_path / "one.png").to_dict()
    assert list(result) == ["path", "width", "height", "error", "faces"]
    (face,) = result["faces"]
    assert list(face) == ["box", "confidence", "keypoints", "emotion", "action_units"]
    assert list(face["keypoints"]) == list(KEYPOINT_NAMES)
    assert list(face["emotion"]) == list(EMOTIONS)
    assert sum(face["emotion"].values()) == pytest.approx(1, abs=1e-5)
    assert list(face["action_units"]) == list(UNIT_NAMES)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_table_has_a_row_for_each_face_and_each_photo_without(reader):
    photos = [np.array(portrait()), np.zeros((50, 50, 3), np.uint8), np.zeros((5, 5))]
    frame = to_frame(reader.read(photos))
    assert len(frame) == 3
    assert frame["face"].fillna(0).tolist() == [1, 0, 0]
    assert frame["error"].notna().tolist() == [False, False, True]
    assert frame.loc[0, "emotion"] == "happy"
    assert frame.loc[0, ["AU12", "AU4"]].tolist() == pytest.approx([0.9, 0.1])
    assert np.isfinite(frame.loc[0, list(KEYPOINT_COLUMNS)].astype(float)).all()


def test_the_table_of_nothing_has_its_columns():
    assert "box_x" in to_frame([])
