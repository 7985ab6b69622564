"""A teacher's embeddings are made by a command where dlib is, and read without it anywhere."""

import sys
import types

import cv2
import numpy as np
import pytest
from data_samples import files_under, real
from PIL import Image

from helpers import settings
from helpers.data import DataError, load_people
from helpers.data.sources import locate
from reading_faces.__main__ import main
from reading_faces.training.teacher import read_teacher


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let sets be looked for in two folders, and return the first."""
    monkeypatch.setattr(settings, "data_folders", lambda: [tmp_path / "sets", tmp_path / "raw"])
    for name in ("sets", "raw"):
        (tmp_path / name).mkdir()
    return tmp_path / "sets"


def picture(path, *squares, side=120, brightness=250):
    """Write a dark picture with bright squares, each x, y and side: what stand-ins call faces."""
    image = np.full((side, side, 3), 20, np.uint8)
    for x, y, width in squares:
        image[y : y + width, x : x + width] = brightness
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


# read_teacher


def write(path, files, embeddings=None, landmarks=None):
    n = len(files)
    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, 0.12, (n, 128)) if embeddings is None else embeddings
    landmarks = rng.uniform(0, 99, (n, 5, 2)) if landmarks is None else landmarks
    arrays = {"files": np.array(files), "embeddings": embeddings, "landmarks": landmarks}
    np.savez(path, **{k: v.astype("f2") if v.dtype == float else v for k, v in arrays.items()})


@pytest.mark.parametrize("place", ["sets", "sets/lfw", "raw"])
def test_embeddings_are_found_beside_a_set_in_it_and_where_sets_are_looked_for(folder, place):
    picture(folder / "lfw" / "ann" / "1.png")
    write(folder.parent / place / "lfw_teacher.npz", ["ann/1.png", "ann/2.png"])
    teacher = read_teacher("lfw")
    assert teacher.files.tolist() == ["ann/1.png", "ann/2.png"]
    assert teacher.embeddings.shape == (2, 128) and teacher.landmarks.shape == (2, 5, 2)
    assert teacher.embeddings.dtype == teacher.landmarks.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(teacher.embeddings, axis=1), 1, atol=1e-6)


def test_a_folder_of_yours_has_them_under_its_own_name(folder):
    picture(folder / "mine" / "ann" / "1.png")
    write(folder / "mine_teacher.npz", ["ann/1.png"])
    assert read_teacher(folder / "mine").files.tolist() == ["ann/1.png"]


def test_files_named_alone_are_placed_in_the_folder_that_holds_them(folder):
    for name in ("training/ann_b_1.png", "test/bob_2.png"):
        picture(folder / "youtube-faces" / name)
    write(folder / "youtube-faces_teacher.npz", ["bob_2.png", "ann_b_1.png", "gone_3.png"])
    placed = ["test/bob_2.png", "training/ann_b_1.png", "gone_3.png"]
    assert read_teacher("youtube-faces").files.tolist() == placed


def test_where_there_are_none_the_command_that_makes_them_is_told(folder):
    picture(folder / "lfw" / "ann" / "1.png")
    with pytest.raises(DataError, match="python -m reading_faces data teach lfw --out ") as caught:
        read_teacher("lfw")
    assert str(folder / "lfw_teacher.npz") in str(caught.value)


@pytest.mark.parametrize("fault", ["nothing", "no number", "shape"])
def test_a_row_that_says_nothing_is_named(folder, fault):
    picture(folder / "lfw" / "ann" / "1.png")
    embeddings, landmarks = np.ones((2, 128)), np.ones((2, 5, 2))
    if fault == "nothing":
        embeddings[1] = 0
    if fault == "no number":
        landmarks[1, 2, 0] = np.nan
    said = r"ann/2\.png"
    if fault == "shape":
        landmarks, said = np.ones((2, 68, 2)), "landmarks in .* has shape"
    write(folder / "lfw_teacher.npz", ["ann/1.png", "ann/2.png"], embeddings, landmarks)
    with pytest.raises(DataError, match=said):
        read_teacher("lfw")


# data teach


class Square:
    """A stand-in for dlib's rectangle."""

    def __init__(self, x, y, width, height):
        self.x, self.y, self.w, self.h = map(int, (x, y, width, height))

    left = lambda self: self.x  # noqa: E731
    top = lambda self: self.y  # noqa: E731
    right = lambda self: self.x + self.w  # noqa: E731
    bottom = lambda self: self.y + self.h  # noqa: E731
    width = lambda self: self.w  # noqa: E731


def find_squares(image, upsample=0):
    """Find bright squares of 80 pixels and more; of 40 in a picture of twice the size."""
    bright = (image.min(axis=2) > 127).astype(np.uint8)
    squares = [Square(*row[:4]) for row in cv2.connectedComponentsWithStats(bright)[2][1:]]
    return [square for square in squares if square.w >= 80 / 2**upsample]


def mark_diagonal(image, square):
    """Return 68 points on the diagonal of a square, one after the other."""
    steps = [square.w * k / 67 for k in range(68)]
    points = [types.SimpleNamespace(x=square.x + s, y=square.y + s) for s in steps]
    return types.SimpleNamespace(parts=lambda: points, square=square)


def brightness(image, marks):
    square = marks.square
    middle = image[square.y + square.h // 2, square.x + square.w // 2]
    return np.full(128, middle.mean() / 200)


class Network:
    def __init__(self, path):
        assert path.endswith("models/dlib_face_recognition_resnet_model_v1.dat")

    compute_face_descriptor = staticmethod(brightness)


@pytest.fixture
def dlib(tmp_path, monkeypatch):
    """Put stand-ins where dlib and the package of its weights are imported from."""
    package = tmp_path / "site" / "face_recognition_models"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import pkg_resources_that_are_gone\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    module = types.SimpleNamespace(
        get_frontal_face_detector=lambda: find_squares,
        shape_predictor=lambda path: mark_diagonal,
        face_recognition_model_v1=Network,
    )
    monkeypatch.setitem(sys.modules, "dlib", module)


def test_each_face_gets_an_embedding_and_points_in_pixels_of_its_picture(folder, dlib, capsys):
    picture(folder / "lfw" / "ann" / "1.png", (30, 40, 60), brightness=200)
    picture(folder / "lfw" / "ann" / "2.png", (400, 500, 800), side=1_600, brightness=250)
    out = folder / "lfw_teacher.npz"
    assert main(["data", "teach", "lfw", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    with np.load(out) as made:
        assert set(made) == {"files", "embeddings", "landmarks"}
        assert made["embeddings"].dtype == np.float16
        np.testing.assert_allclose(made["embeddings"], [[1.0] * 128, [1.25] * 128])
    teacher = read_teacher("lfw")
    assert teacher.files.tolist() == ["ann/1.png", "ann/2.png"]
    # Middle of each eye, nose tip, corners of the mouth among 68 points from 0 to 67.
    places = np.array([38.5, 44.5, 30, 48, 54])[:, None] / 67
    np.testing.assert_allclose(teacher.landmarks[0], [30, 40] + 60 * places, atol=1)
    np.testing.assert_allclose(teacher.landmarks[1], [400, 500] + 800 * places, atol=4)


def test_of_two_faces_one_that_is_large_and_near_the_middle_is_taken(folder, dlib):
    picture(folder / "mine" / "ann" / "1.png", (150, 150, 100), (5, 5, 110), side=400)
    picture(folder / "mine" / "ann" / "2.png", (245, 165, 80), (0, 0, 240), side=400)
    assert main(["data", "teach", str(folder / "mine"), "--out", f"{folder}/mine_teacher.npz"]) == 0
    middle, large = read_teacher(folder / "mine").landmarks
    assert middle.min() > 150 and large.max() < 240


def test_a_small_face_is_found_where_there_is_no_other(folder, dlib):
    picture(folder / "lfw" / "ann" / "1.png", (30, 40, 50), side=400)
    picture(folder / "lfw" / "ann" / "2.png", (30, 40, 50), (200, 200, 90), side=400)
    assert main(["data", "teach", "lfw", "--out", str(folder / "lfw_teacher.npz")]) == 0
    small, other = read_teacher("lfw").landmarks
    assert 30 < small.min() < small.max() < 90 and other.min() > 200


def test_pictures_without_a_face_or_damaged_are_left_out_and_counted(folder, dlib, capsys):
    picture(folder / "lfw" / "ann" / "1.png", (30, 30, 60))
    picture(folder / "lfw" / "ann" / "2.png")
    (folder / "lfw" / "ann" / "3.png").write_bytes(b"no picture")
    assert main(["data", "teach", "lfw", "--out", str(folder / "lfw_teacher.npz")]) == 0
    assert "2 of 3 pictures left out" in capsys.readouterr().err
    assert read_teacher("lfw").files.tolist() == ["ann/1.png"]


def test_where_no_picture_has_a_face_nothing_is_written(folder, dlib, capsys):
    picture(folder / "lfw" / "ann" / "1.png")
    assert main(["data", "teach", "lfw", "--out", str(folder / "x.npz")]) == 1
    assert "finds no face in the 1 pictures of lfw" in capsys.readouterr().err
    assert files_under(folder) == {"lfw/ann/1.png"}


@pytest.mark.parametrize("lacking", ["dlib", "face_recognition_models"])
def test_without_dlib_one_sentence_says_what_to_install(folder, dlib, monkeypatch, capsys, lacking):
    if lacking == "dlib":
        monkeypatch.setitem(sys.modules, "dlib", None)
    else:
        (folder.parent / "site" / lacking / "__init__.py").unlink()
        monkeypatch.setattr(sys, "path", sys.path[1:])
    picture(folder / "lfw" / "ann" / "1.png", (30, 30, 60))
    assert main(["data", "teach", "lfw", "--out", str(folder / "x.npz")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    told, _, requirements = line.rpartition(" ")
    assert told.endswith("run: pip install -r")
    with open(requirements) as file:
        pins = [row.split("==")[0] for row in file if not row.startswith("#")]
    assert pins == ["dlib-bin", "face_recognition_models"]


@pytest.mark.parametrize(("name", "code"), [("x.npy", 1), ("link.npz", 2), ("lfw.npz", 1)])
def test_an_output_that_is_no_place_for_it_is_refused_before_any_work(
    folder, dlib, monkeypatch, capsys, name, code
):
    monkeypatch.setattr("reading_faces.training.teacher.teach", lambda _: pytest.fail("taught"))
    picture(folder / "lfw" / "ann" / "1.png", (30, 30, 60))
    (folder / "link.npz").symlink_to(folder / "lfw" / "ann" / "1.png")
    (folder / "lfw.npz").mkdir()
    assert main(["data", "teach", "lfw", "--out", str(folder / name)]) == code
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    "source", [pytest.param(s, marks=real(s)) for s in ("lfw", "celeba", "youtube-faces")]
)
def test_the_teachers_files_are_those_of_the_real_set(monkeypatch, source):
    monkeypatch.undo()
    teacher, people, root = read_teacher(source), load_people(source), locate(source)
    here = {file.relative_to(root).as_posix() for file in people.files}
    assert set(teacher.files.tolist()) <= here and len(teacher.files) > 0.97 * len(here)
