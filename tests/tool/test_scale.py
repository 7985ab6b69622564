"""Ray's processes write the table of the plain command, whoever is killed, and each photo once."""

import contextlib
import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from faces import stand_ins
from PIL import Image

from helpers import settings
from helpers.data import load_keypoints
from reading_faces import __main__, scale
from reading_faces.reader import FaceReader, PhotoReading, to_frame

HOW = {"detector": "haar"}


def predict(*arguments) -> int:
    return __main__.main(["predict", *map(str, arguments)])


def in_order(folder: Path) -> pd.DataFrame:
    """Return the table of a folder's parts, as the plain command orders it."""
    return pd.read_parquet(folder).sort_values(["path", "face"], ignore_index=True)


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Compare two tables, numbers to one of their last digit: there a process may round otherwise.

    A column without a value has no type of its own.
    """
    assert one.columns.tolist() == other.columns.tolist()
    in_pixels = one.columns.str.match("box_|.*_[xy]$")
    for columns, last_digit in ((in_pixels, 0.01), (~in_pixels, 0.0001)):
        options = {"check_dtype": False, "rtol": 0, "atol": 1.01 * last_digit}
        pd.testing.assert_frame_equal(one.loc[:, columns], other.loc[:, columns], **options)


# Which photos, and in which parts.


def test_a_listing_names_a_photo_a_line_wherever_it_lies(tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_bytes("\ufeffs3://bucket/a.jpg\r\n\nb c.jpg\nd\n".encode())
    expected = ["s3://bucket/a.jpg", "b c.jpg", "d"]
    assert scale.list_photos(str(listing)) == (expected, [])
    assert scale.list_photos(f"file://{listing}") == (expected, [])


def test_an_address_is_listed_by_name_and_what_is_no_photo_is_told(album):
    (album / "notes.md").write_text("no picture")
    photos, others = scale.list_photos(f"file://{album}")
    assert photos == [
        f"file://{album}/{n}" for n in ("deeper/portrait.png", "portrait.png", "wall.png")
    ]
    assert others == [f"file://{album}/notes.md"]
    for one in (photos[0], others[0]):  # what is named itself is read, whatever it is called
        assert scale.list_photos(one) == ([one], [])


def test_a_folder_inside_an_archive_is_an_address_too(album, zipped):
    photos, _ = scale.list_photos(f"zip://::{zipped}")
    assert photos == [f"zip://portrait.png::{zipped}", f"zip://wall.png::{zipped}"]


@pytest.fixture
def zipped(album, tmp_path) -> Path:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("portrait.png", "wall.png"):
            archive.write(album / name, name)
    return path


def test_photos_are_dealt_out_in_order_without_those_that_are_done(monkeypatch):
    monkeypatch.setattr(scale, "PHOTOS_A_PART", 2)
    photos = ["a", os.fsdecode(b"caf\xe9"), "b", "c", "d"]
    parts = scale.deal(photos, {"b", "caf\\udce9"})
    assert [part["photos"] for part in parts] == [[b"a", b"c"], [b"d"]]
    assert [part["part"][:9] for part in parts] == ["000000000", "000000004"]
    assert [part["part"] for part in scale.deal(photos, {"b", "caf\\udce9"})] == [
        part["part"] for part in parts
    ]
    assert scale.deal(photos, {*photos, "caf\\udce9"}) == []


def test_the_same_place_in_another_list_is_another_part():
    one, other = (scale.deal(photos, set())[0]["part"] for photos in (["a"], ["b"]))
    assert one != other


# Parts: whole, once, and only of one run.


def table(*readings: PhotoReading):
    return scale.to_arrow(readings, ("box_x", "name", "emotion", "happy"))


@pytest.fixture(params=["disk", "memory://parts"])
def parts(request, tmp_path) -> scale.Parts:
    """A folder of parts on the disk, and one at an address."""
    yield scale.Parts(str(tmp_path / "parts") if request.param == "disk" else request.param, HOW)
    with contextlib.suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm("/parts", recursive=True)


def test_a_photo_that_failed_is_to_be_read_again_and_its_row_is_taken_out(parts):
    bad = PhotoReading("bad", error="It is damaged.")
    parts.write("1.parquet", table(PhotoReading("good", 3, 2), bad))
    parts.write("2.parquet", table(bad))
    assert parts.done() == {"good"}
    assert parts.names() == ["1.parquet"]
    assert parts.done() == {"good"}


def test_a_part_of_another_run_and_any_other_file_are_refused(parts):
    other = scale.Parts(parts.files.unstrip_protocol(parts.path), {"detector": "mtcnn"})
    other.write("1.parquet", table(PhotoReading("a", 3, 2)))
    with pytest.raises(ValueError, match="no part of such a run"):
        parts.done()
    parts.files.pipe_file(f"{parts.path}/1.parquet", b"no table")
    with pytest.raises(ValueError, match="is no part of such a run"):
        parts.done()


def test_another_programs_table_is_no_part(parts, tmp_path):
    pd.DataFrame({"path": ["a"]}).to_parquet(tmp_path / "a.parquet")
    parts.files.pipe_file(f"{parts.path}/a.parquet", (tmp_path / "a.parquet").read_bytes())
    with pytest.raises(ValueError, match="is no part of such a run"):
        parts.done()


def test_what_a_killed_process_left_is_no_part_and_is_tidied_up(tmp_path):
    parts = scale.Parts(str(tmp_path), HOW)
    (tmp_path / ".part-0123.parquet").write_text("half")
    assert parts.names() == [] and parts.done() == set()
    parts.tidy()
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_for_parts(tmp_path):
    (tmp_path / "faces.parquet").touch()
    with pytest.raises(ValueError, match="is a file; name a folder"):
        scale.Parts(str(tmp_path / "faces.parquet"), HOW)


def test_parts_have_the_same_types_whatever_is_in_them():
    empty, failed = table(PhotoReading("a", 3, 2)), table(PhotoReading("b", error="no"))
    assert empty.schema == failed.schema
    assert str(empty.schema.field("happy").type) == "double"
    assert str(empty.schema.field("emotion").type) == "string"
    assert empty.to_pandas()["width"].dtype == failed.to_pandas()["width"].dtype == "Int64"


# A process: what it reads and writes.


@pytest.fixture
def process(monkeypatch, tmp_path, without_networks) -> scale.PartReader:
    """What Ray would start, in this process and with stand-ins for its networks."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "7")
    monkeypatch.chdir(Path.cwd())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("cv2.setNumThreads", lambda n: None)
    return scale.PartReader(scale.Parts(str(tmp_path / "parts"), HOW), str(tmp_path), "mtcnn", None)


def test_a_process_binds_tensorflow_before_it_makes_its_reader(monkeypatch, process, tmp_path):
    seen = {}
    monkeypatch.setattr(FaceReader, "__init__", lambda *_, **__: seen.update(os.environ))
    monkeypatch.setattr(FaceReader, "load", lambda self: {})
    scale.PartReader(process.parts, str(tmp_path), "mtcnn", None)
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    assert [seen[name] for name in names] == ["1", "1", "1"]


def test_a_process_writes_the_plain_table_and_tells_what_failed(process, album, tmp_path):
    (album / "bad.png").write_text("no picture")
    photos = [str(album / name) for name in ("portrait.png", "bad.png", "wall.png")]
    ((told,),) = process(
        {"part": ["p.parquet"], "photos": [list(map(os.fsencode, photos))]}
    ).values()
    assert '"photos": 3, "failed": 1' in told and "bad.png" in told
    reader = FaceReader(models=stand_ins())
    plain = to_frame(reader.read(photos), reader.columns)
    written = pd.read_parquet(tmp_path / "parts")
    assert_same(written, plain)


def test_photos_of_an_address_are_read_from_a_copy_and_named_by_it(process, zipped, tmp_path):
    names = [f"zip://{name}::{zipped}" for name in ("portrait.png", "gone.png", "wall.png")]
    readings = list(process.read_some(names))
    assert [reading.path for reading in readings] == names
    assert [len(reading.faces) for reading in readings] == [1, 0, 0]
    assert "cannot be fetched" in readings[1].error and not readings[2].error
    assert [path.name for path in tmp_path.glob("tmp*")] == []


def test_photos_of_one_name_in_two_archives_are_not_taken_for_each_other(
    process, zipped, tmp_path, monkeypatch
):
    monkeypatch.setattr(scale, "AHEAD", 2)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.write(tmp_path / "album" / "wall.png", "portrait.png")
    names = [f"zip://portrait.png::{path}" for path in (zipped, tmp_path / "other.zip")]
    names.append(f"zip://wall.png::{zipped}")
    assert [len(reading.faces) for reading in process.read_some(names)] == [1, 0, 0]


def test_a_photo_that_kills_its_process_again_and_again_costs_one_row(process, album, monkeypatch):
    """Every try ends at the second photo: with all at once twice, then one by one."""
    photos = [str(album / name) for name in ("wall.png", "portrait.png", "deeper/portrait.png")]
    read = process.read_some

    def die(some):
        if photos[1] in some:
            raise SystemExit("killed")
        return read(some)

    monkeypatch.setattr(process, "read_some", die)
    for _ in range(3):
        with pytest.raises(SystemExit):
            process.read("p", photos)
    readings = process.read("p", photos)
    assert [bool(reading.error) for reading in readings] == [False, True, False]
    assert readings[1].path == photos[1] and "dies of it" in readings[1].error


# The command.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--engine", "ray"], "writes --parquet FOLDER"),
        (["--engine", "ray", "--csv", "t.csv"], "writes --parquet FOLDER"),
        (["--engine", "ray", "--parquet", "t", "--draw", "d"], "draws nothing"),
        (["--address", "auto"], "need --engine ray"),
        (["--actors", "2"], "need --engine ray"),
        (["--parquet", "s3://bucket/t"], "needs --engine ray"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(album, options, sentence, capfd):
    assert predict(album, *options) == 2
    assert sentence in capfd.readouterr().err


@pytest.fixture
def in_this_process(process, monkeypatch) -> list:
    """Have parts read here, where there may be no Ray; return what it was asked for."""
    asked, find = [], importlib.util.find_spec

    def read_parts(work, parts, reader, actors):
        asked.append((reader.detector, actors))
        here = scale.PartReader(parts, os.getcwd(), reader.detector, reader.gallery)
        for part in work:
            ((report,),) = here({name: [value] for name, value in part.items()}).values()
            yield json.loads(report)

    def running(address):
        asked.append(address)
        return contextlib.nullcontext()

    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *of: name == "ray" or find(name, *of)
    )
    monkeypatch.setattr(scale, "running", running)
    monkeypatch.setattr(scale, "read_parts", read_parts)
    return asked


def test_what_is_named_is_read_once_and_what_failed_by_the_next_run(
    album, tmp_path, in_this_process, capfd
):
    """A folder, a listing and an address; two photos are named twice."""
    for name in ("bad.png", "notes.md"):
        (album / name).write_text("no picture")
    out = tmp_path / "table"
    (tmp_path / "list.txt").write_text(f"{album}/wall.png\n{album}/portrait.png\n")
    out.mkdir()
    (out / ".part-0.parquet").write_text("half")
    words = [album, tmp_path / "list.txt", f"file://{album}/wall.png", "--engine", "ray"]
    words += ["--parquet", out, "--actors", 3, "--address", "there"]
    assert predict(*words) == 1
    err = capfd.readouterr().err
    assert "Left out: 1 .md (no pictures)" in err
    assert f"{album}/bad.png: This is not a picture that can be read." in err
    assert err.endswith("read: 4, failed: 1, left out: 1, read before: 0\n")
    assert in_this_process == ["there", ("mtcnn", 3)]
    assert not list(out.glob(".part-*"))
    assert predict(*words) == 1 and "holds parts; add --resume" in capfd.readouterr().err
    (album / "bad.png").write_bytes((album / "wall.png").read_bytes())
    assert predict(*words, "--resume") == 0
    assert capfd.readouterr().err.endswith("read: 1, failed: 0, left out: 1, read before: 4\n")
    table = pd.read_parquet(out)
    names = ("bad.png", "deeper/portrait.png", "portrait.png", "wall.png")
    expected = [*(f"{album}/{name}" for name in names), f"file://{album}/wall.png"]
    assert sorted(table["path"]) == expected and table["error"].isna().all()


def test_without_ray_one_sentence_says_how_to_install_it(album, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert predict(album, "--engine", "ray", "--parquet", tmp_path / "t") == 1
    told = 'Error: Ray is not installed: pip install "reading-faces[scale]"\n'
    assert capfd.readouterr().err == told


def test_only_one_module_of_ours_imports_ray():
    rooms = (Path(__main__.__file__).parent, Path(settings.__file__).parent)
    files = [path for room in rooms for path in room.rglob("*.py")]
    assert [path.name for path in files if "import ray" in path.read_text()] == ["scale.py"]


# With a cluster.


def needs_ray():
    if not importlib.util.find_spec("ray"):
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("Ray is not installed (extra `scale`)")


@pytest.fixture(scope="module")
def cluster():
    """The address of a Ray cluster with two cores on this machine."""
    needs_ray()
    code = """
import ray
here = ray.init("local", num_cpus=2, _memory=8e9, include_dashboard=False, log_to_driver=False)
print(here.address_info["address"], flush=True)
input()
"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_agent_register_timeout_ms", "300000")
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as ray:
            yield ray.stdout.readline().strip()
            ray.stdin.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """500 small photos, half of them real where there are any, and one that is none."""
    folder = tmp_path_factory.mktemp("photos")
    data = Path(os.environ.get("COURSE_DATA", "nowhere"))
    real = sorted((data / "lfw").rglob("*.webp"))[::10][:250]
    faces, rng = load_keypoints("made").images, np.random.default_rng(0)
    for n in range(499):
        if n % 2 and n // 2 < len(real):
            photo = Image.open(real[n // 2]).resize((110, 110))
        else:
            pixels = rng.integers(110, 140, (104, 112), np.uint8)
            y, x = rng.integers(0, 8), rng.integers(0, 16)
            pixels[y : y + 96, x : x + 96] = faces[n]
            photo = Image.fromarray(pixels)
        photo.save(folder / f"{n:03d}.png")
    (folder / "499.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def plain(photos, tmp_path_factory) -> pd.DataFrame:
    """The table that the plain command writes of them, with one thread: more round otherwise."""
    path = tmp_path_factory.mktemp("plain") / "faces.parquet"
    command = [sys.executable, "-m", "reading_faces", "predict", photos, "--parquet", path]
    one = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env={**os.environ, **one}, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    table = pd.read_parquet(path)
    assert table["face"].count() > 250
    return table


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 64 photos: still whole batches of the networks."""
    monkeypatch.setattr(scale, "PHOTOS_A_PART", 64)


def processes() -> list[int]:
    """Return the ids of the processes that read photos for Ray."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(b"ray::MapWorker"):
                found.append(int(path.parent.name))
    return found


def kill_one(folder: Path, killed: list[int]) -> None:
    """Kill a process as the system would, once a first part is there."""
    while not list(folder.glob("*.parquet")):
        time.sleep(0.05)
    killed += processes()[:1]
    os.kill(killed[0], signal.SIGKILL)


@pytest.mark.whole
@pytest.mark.usefixtures("small_parts", "shipped_models")
@pytest.mark.parametrize("where", ["here", "cluster"])
def test_the_table_is_the_plain_one_row_by_row(cluster, photos, plain, where, tmp_path, capfd):
    """By one process of a Ray that is started for it, and by two of a cluster that was there."""
    how = ["--actors", 1] if where == "here" else ["--actors", 2, "--address", cluster]
    assert predict(photos, "--engine", "ray", *how, "--parquet", tmp_path / "parts") == 1
    assert_same(in_order(tmp_path / "parts"), plain)
    assert capfd.readouterr().err.splitlines() == [
        f"{photos}/499.png: This is not a picture that can be read.",
        "read: 499, failed: 1, left out: 0, read before: 0",
    ]


@pytest.mark.whole
@pytest.mark.usefixtures("small_parts", "shipped_models")
def test_a_killed_process_is_started_again_and_a_cut_run_goes_on(
    cluster, photos, plain, tmp_path, capfd
):
    folder, killed = tmp_path / "parts", []
    words = [photos, "--engine", "ray", "--address", cluster, "--actors", 1, "--parquet", folder]
    killer = threading.Thread(target=kill_one, args=(folder, killed), daemon=True)
    killer.start()
    assert predict(*words) == 1
    killer.join(10)
    assert len(killed) == 1
    assert_same(in_order(folder), plain)
    assert all(path.name[0] != "." for path in folder.iterdir())

    # As if it had been cut: two parts are not there, and what failed has been mended.
    assert predict(*words) == 1 and "add --resume" in capfd.readouterr().err
    parts = sorted(folder.glob("*.parquet"))
    for path in parts[2:4]:
        path.unlink()
    assert predict(*words, "--resume") == 1
    assert "read: 128, failed: 1, left out: 0, read before: 371" in capfd.readouterr().err
    assert_same(in_order(folder), plain)


@pytest.mark.whole
@pytest.mark.usefixtures("shipped_models")
def test_an_address_where_nobody_answers_is_one_sentence(album, tmp_path, capfd):
    needs_ray()
    words = [album, "--engine", "ray", "--parquet", tmp_path / "parts"]
    assert predict(*words, "--address", "127.0.0.1:1") == 1
    told = capfd.readouterr().err
    assert told.startswith("Error: Ray does not answer at 127.0.0.1:1: ") and told.count("\n") == 1
