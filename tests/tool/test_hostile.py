"""Damaged inputs by the hundred, and faults while a command works.

No traceback, no file lost, nothing half-written. An example that failed is known by what hypothesis
prints of it.
"""

import errno
import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import requests
from clips import write_clip
from data_samples import coordinates, fer_rows, grey, keypoint_rows
from faces import Tint, portrait, stand_ins, tinted
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from moving_faces import Stage, Still, detected
from PIL import Image
from starlette.testclient import TestClient

from helpers import detect, embedders, models, settings
from helpers.data import DataError, load_emotions, load_keypoints
from helpers.gallery import Gallery
from helpers.images import PhotoError, load_photo
from reading_faces.__main__ import main
from reading_faces.exercises.grading import find_lesson, read_cells
from reading_faces.gallery_file import load_gallery, save_gallery
from reading_faces.reader import FaceReader
from reading_faces.video import open_video

pytestmark = pytest.mark.whole
USAGE = ["Training", "Training", "PublicTest", "PrivateTest"]
MANY = {"suppress_health_check": list(HealthCheck), "derandomize": True, "deadline": None}
FRAMES = 12


@st.composite
def spoiled(draw, content: bytes) -> bytes:
    """Draw what a bad disk, cable or editor makes of a file."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        at, more = (draw(st.integers(0, len(content))) for _ in range(2))
        length = min(more, draw(st.sampled_from([1, 8, 200, 20_000])))
        noise = np.random.default_rng(at).bytes(length)
        how = draw(st.sampled_from(["cut", "noise", "zero", "insert", "remove", "repeat"]))
        part = slice(at, at + length)
        if how == "cut":
            del content[at:]
        elif how == "insert":
            content[at:at] = noise
        elif how == "repeat":
            content[at:at] = content[part]
        else:
            content[part] = {"noise": noise, "zero": bytes(length), "remove": b""}[how]
    return bytes(content)


# Pictures and notebooks.

KINDS = {"jpg": "RGB", "png": "RGBA", "gif": "P", "webp": "RGB", "tif": "I;16", "heic": "RGB"}


@given(data=st.data())
@effort(max_examples=60, **MANY)
def test_a_spoiled_picture_is_read_or_refused(tmp_path, data):
    ending = data.draw(st.sampled_from(sorted(KINDS)))
    path = tmp_path / f"photo.{ending}"
    portrait(90).convert("L" if ending == "tif" else KINDS[ending]).save(path)
    content = data.draw(spoiled(path.read_bytes()))
    path.write_bytes(content)
    try:
        photo = load_photo(path)
    except PhotoError as refused:
        assert str(refused).endswith((".", ").")) and len(str(refused)) < 200
    else:
        assert photo.pixels.dtype == np.uint8 and photo.pixels.ndim == 3
    assert path.read_bytes() == content


@given(data=st.data())
@effort(max_examples=30, **MANY)
def test_a_spoiled_notebook_is_read_or_refused(tmp_path, data):
    path = tmp_path / "02_lesson.ipynb"
    cells = [nbformat.v4.new_code_cell(f"x = {n}  # é") for n in range(4)]
    text = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    path.write_bytes(data.draw(spoiled(text.encode())))
    try:
        find_lesson(read_cells(path), path)
    except ValueError as refused:
        assert path.name in str(refused) and len(str(refused)) - len(str(path)) < 300


# Tables and galleries.

TABLES = {
    "fer2013.csv": (load_emotions, fer_rows(grey(4, 48), [0, 6, 3, 3], USAGE)),
    "training.csv": (load_keypoints, keypoint_rows(grey(3, 96), coordinates(3))),
}


@given(data=st.data())
@effort(max_examples=60, **MANY)
def test_a_spoiled_table_is_read_or_refused(tmp_path, data, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path / "cache")
    name = data.draw(st.sampled_from(sorted(TABLES)))
    load, rows = TABLES[name]
    text = "".join(",".join(row) + "\n" for row in rows)
    content = text.encode(data.draw(st.sampled_from(["utf-8", "utf-16"])))
    if data.draw(st.booleans()):
        name, content = f"{name}.gz", gzip.compress(content)
    content = data.draw(spoiled(content))
    (tmp_path / name).write_bytes(content)
    try:
        assert 0 < len(load(tmp_path / name).images) <= 8
    except DataError as refused:
        assert name in str(refused)
    assert (tmp_path / name).read_bytes() == content


def people() -> Gallery:
    faces = np.random.default_rng(0).normal(size=(3, 3))
    return Gallery.empty("tint", 0.9).enroll("ann", faces[:2]).enroll("bob", faces[2:])


@given(data=st.data())
@effort(max_examples=60, **MANY)
def test_a_spoiled_gallery_is_refused_or_the_same(tmp_path, data):
    path = tmp_path / "people.gallery"
    save_gallery(people(), path)
    path.write_bytes(data.draw(spoiled(path.read_bytes())))
    try:
        again = load_gallery(path)
    except ValueError as refused:
        assert str(path) in str(refused) and len(str(refused)) < 200
    else:
        np.testing.assert_array_equal(again.embeddings, people().embeddings)
        assert again.names.tolist() == people().names.tolist()


# Commands, with networks that say the same of everybody.

SQUARE = detected(30.0, 30.0)


@pytest.fixture
def without_networks(monkeypatch):
    monkeypatch.setattr(models, "load", (stand_ins() | {"keypoints": Still()}).get)
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    monkeypatch.setattr(embedders, "best_embedder", lambda name: Tint())
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    stage = Stage()
    stage.show([(30, 30)])
    monkeypatch.setattr(detect, "detect_faces", stage.detect_faces)
    monkeypatch.setattr(detect, "look_at", stage.look_at)


@given(data=st.data())
@effort(max_examples=60, **MANY)
def test_a_spoiled_video_is_read_as_far_as_it_goes(tmp_path, data, without_networks, capfd):
    ending = data.draw(st.sampled_from(["mp4", "avi", "mkv"]))
    clip, out, table = (tmp_path / name for name in (f"clip.{ending}", "out.avi", "out.csv"))
    content = data.draw(spoiled(write_clip(clip, FRAMES).read_bytes()))
    clip.write_bytes(content)
    code = main(["live", "--video", str(clip), "--out", str(out), "--csv", str(table)])
    said, err = capfd.readouterr()
    assert all(len(line) <= 300 for line in err.splitlines()) and err.count("\n") <= 1
    assert clip.read_bytes() == content
    if "frames," in said:
        count = int(said.split()[0])
        assert (code == 1) == ("could not be decoded" in err)
        assert pd.read_csv(table)["frame"].nunique() == count > 0
        assert len(list(open_video(out).frames())) > 0
        out.unlink()
        table.unlink()
    else:
        assert code == 1 and err.startswith("Error: ")
    assert {*tmp_path.iterdir()} == {clip}
    clip.unlink()


# Requests to the page's server.


@pytest.fixture
def client(without_networks, tmp_path, monkeypatch):
    page = pytest.importorskip("reading_faces.page")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "sent"))
    return TestClient(page.build_app(FaceReader(embedder=Tint())))


@given(data=st.data())
@effort(max_examples=40, **MANY)
def test_a_spoiled_request_is_answered(client, tmp_path, data):
    file = io.BytesIO()
    portrait(90).save(file, "JPEG")
    content = data.draw(st.one_of(st.just(file.getvalue()), spoiled(file.getvalue())))
    form = requests.Request("POST", "http://x/", files={"photo": ("ä.jpg", content)}).prepare()
    body = data.draw(st.one_of(st.just(form.body), spoiled(form.body)))
    answer = client.post(
        "/predict", content=body, headers={"Content-Type": form.headers["Content-Type"]}
    )
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        (image,) = answer.json()["images"]
        assert image["error"] or image["faces"]
    assert not [path for path in (tmp_path / "sent").rglob("*") if path.is_file()]


OUTPUTS = {
    "table": ("predict album --csv {}", "faces.csv"),
    "parquet": ("predict album --parquet {}", "faces.parquet"),
    "copies": ("predict album --draw {}", "copies"),
    "gallery": ("enroll people --out {}", "people.gallery"),
    "video": ("live --video film.avi --out {}", "marked.mp4"),
    "avi": ("live --video film.avi --every 1 --out {}", "marked.avi"),
    "rows": ("live --video film.avi --every 1 --csv {}", "rows.csv"),
}
FAULTS = ["replace", "sync", "room", "vanish", "stop", "memory"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for name, light in {"ann": (1, 0.6, 0.6), "bob": (0.6, 0.6, 1)}.items():
        (folder / "people" / name).mkdir(parents=True)
        tinted(*light).save(folder / "people" / name / "1.png")
    (folder / "album").mkdir()
    for number in range(4):
        portrait(120 + 10 * number).save(folder / "album" / f"{number}.png")
    write_clip(folder / "film.avi", FRAMES)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_whole(path: Path) -> bool:
    """Whether a result holds all that it should."""
    if path.suffix == ".csv":
        return path.read_bytes().endswith(b"\n") and len(pd.read_csv(path)) in (4, FRAMES)
    if path.suffix == ".parquet":
        return len(pd.read_parquet(path)) == 4
    if path.suffix == ".gallery":
        return load_gallery(path).people == ["ann", "bob"]
    if path.suffix == ".jpg":
        return Image.open(path).load() is not None
    return len(list(open_video(path).frames())) == FRAMES


@given(
    name=st.sampled_from(sorted(OUTPUTS)),
    fault=st.sampled_from(FAULTS),
    at=st.integers(0, 3),
    room=st.integers(1, 60),
    old=st.booleans(),
)
@effort(max_examples=120, **MANY)
def test_a_fault_leaves_whole_results_or_none(
    name, fault, at, room, old, inputs, tmp_path_factory, without_networks, capfd, little_room
):
    words, place = OUTPUTS[name]
    folder = tmp_path_factory.mktemp("results")
    out = folder / "out" / place
    out.parent.mkdir()
    if old and "." in place:
        out.write_text("old")
    before, looks = contents(inputs), iter(range(10_000))

    def look(*_):
        if next(looks) == at:
            if fault == "vanish":
                shutil.rmtree(out.parent)
            if fault == "stop":
                raise KeyboardInterrupt
            if fault == "memory":
                raise MemoryError
        return [SQUARE]

    def fail(*_):
        raise OSError((errno.ENOSPC, errno.EACCES, errno.EIO, errno.EDQUOT)[at], "It failed")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inputs)
        patch.setattr(detect, "detect_faces", look)
        if fault in ("replace", "sync"):
            patch.setattr(os, {"replace": "replace", "sync": "fsync"}[fault], fail)
        with little_room(1_000 * room if fault == "room" else 1 << 40):
            code = main(words.format(out).split())
    said, err = capfd.readouterr()
    assert contents(inputs) == before
    assert code in (0, 1, 130) and all(len(line) <= 300 for line in err.splitlines())
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in left if path.name.startswith(".")], "nothing half-written"
    results = [path for path in left if path.suffix != ".unfinished"]
    untouched = [path for path in results if path.read_bytes() == b"old"]
    assert all(is_whole(path) for path in results if path not in untouched)
    if code == 0:
        assert len(results) == (4 if name == "copies" else 1) and not untouched
    else:
        assert err


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from faces import find_portrait, stand_ins
from helpers import detect, models
from reading_faces.__main__ import main
looks = iter(range(100))
def look(*photo):
    if next(looks) == {at}:
        os.kill(os.getpid(), {how})
    return find_portrait(*photo)
models.load, detect.detect_faces, detect.load_mtcnn = stand_ins().get, look, lambda: None
sys.exit(main())
"""


LITTLE_MEMORY = """
import resource, sys
sys.path.insert(0, {tests!r})
from faces import find_portrait, stand_ins
from helpers import detect, models
from reading_faces import reader
from reading_faces.__main__ import main
models.load, detect.detect_faces, detect.load_mtcnn = stand_ins().get, find_portrait, lambda: None
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + {room}, now + {room}))
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_photo_for_which_there_is_no_memory_is_named_and_the_others_are_read(inputs, tmp_path):
    folder = shutil.copytree(inputs / "album", tmp_path / "album")
    Image.new("RGB", (10_000, 9_000)).save(folder / "large.png")
    # Its pixels take 257 MiB. A thread reserves 64 MiB for its arena when it starts, without need.
    code = LITTLE_MEMORY.format(tests=str(Path(__file__).parents[1]), room=240 << 20)
    command = [sys.executable, "-c", code, "predict", str(folder), "--csv", str(tmp_path / "f.csv")]
    one_arena = os.environ | {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=one_arena, capture_output=True, text=True)
    assert ran.returncode == 1 and "not enough memory" in ran.stderr, ran.stderr
    assert "Traceback" not in ran.stderr
    assert pd.read_csv(tmp_path / "f.csv")["error"].notna().sum() == 1


@pytest.mark.parametrize(("at", "how"), [(2, signal.SIGKILL), (1, signal.SIGTERM)])
def test_a_run_that_was_killed_goes_on(inputs, tmp_path, at, how):
    table = tmp_path / "faces.csv"

    def run(at: int, *more: str) -> int:
        code = KILLED.format(tests=str(Path(__file__).parents[1]), at=at, how=int(how))
        words = ["predict", "album", "--csv", str(table), *more]
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, cwd=inputs, capture_output=True).returncode

    assert run(at) == (130 if how == signal.SIGTERM else -how)
    assert [path.name for path in tmp_path.iterdir()] == ["faces.csv.unfinished"]
    assert run(99, "--resume") == 0
    assert len(pd.read_csv(table)) == 4 and [*tmp_path.iterdir()] == [table]
