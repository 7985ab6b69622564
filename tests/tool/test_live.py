"""`live` follows faces through a video: frames in are frames out, and nothing is half written."""

import itertools
import os
import signal
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from clips import damage, set_aspect, set_times, turn, write_clip
from faces import Cheerful, Smiling, Tint
from moving_faces import Stage, Still

from helpers import detect, embedders, models
from helpers.gallery import Gallery
from reading_faces import annotate, video
from reading_faces.__main__ import main
from reading_faces.commands import live as live_command
from reading_faces.gallery_file import save_gallery
from reading_faces.made_faces import albums
from reading_faces.reader import FaceReading
from reading_faces.video import open_video, write_video

FRAMES = 12


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    loaded = {"keypoints": Still(), "emotion": Cheerful(), "action_units": Smiling()}
    monkeypatch.setattr(models, "load", loaded.get)
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    stage = Stage()
    stage.show([(30, 30)])
    monkeypatch.setattr(detect, "detect_faces", stage.detect_faces)
    monkeypatch.setattr(detect, "look_at", stage.look_at)
    return stage


@pytest.fixture
def film(tmp_path):
    """A white square on grey that stays where it is."""
    frame = np.full((96, 128, 3), 60, np.uint8)
    frame[42:60, 42:60] = 255
    path = tmp_path / "film.avi"
    write_video([frame] * FRAMES, path, 10.0)
    return path


def live(*arguments) -> int:
    return main(["live", *map(str, arguments)])


def test_as_many_frames_come_out_as_went_in_and_each_has_its_row(film, stand_ins, tmp_path, capfd):
    out, table = tmp_path / "out.avi", tmp_path / "out.csv"
    assert live("--video", film, "--out", out, "--csv", table, "--every", 4) == 0
    assert len(stand_ins.looks) == FRAMES / 4
    assert capfd.readouterr().out == f"{FRAMES} frames, 1 face(s).\n"
    written = list(open_video(out).frames())
    assert len(written) == FRAMES and written[0].shape == (96, 128, 3)
    rows = pd.read_csv(table)
    assert list(rows)[:4] == ["frame", "seconds", "face", "box_x"]
    assert rows["frame"].tolist() == list(range(FRAMES)) and set(rows["face"]) == {1}
    np.testing.assert_allclose(rows["seconds"], np.arange(FRAMES) / 10)
    assert set(rows["emotion"]) == {"happy"}


def test_a_stop_leaves_neither_video_nor_table(film, tmp_path, monkeypatch, capfd):
    calls = iter(range(100))

    def stop(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return []

    monkeypatch.setattr(detect, "detect_faces", stop)
    out, table = tmp_path / "out.avi", tmp_path / "out.csv"
    assert live("--video", film, "--out", out, "--csv", table, "--every", 1) == 130
    assert "Stopped." in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["film.avi"]


@pytest.mark.parametrize("options", [["--out"], ["--csv"]])
@pytest.mark.parametrize("by", ["name", "other spelling", "link", "gallery"])
def test_nothing_that_is_read_is_ever_written_over(film, tmp_path, options, by, capfd):
    people = tmp_path / "g"
    save_gallery(Gallery.empty("tint", 0.9).enroll("a", np.ones((1, 3))), people)
    (tmp_path / "link.avi").symlink_to(film)
    before = film.read_bytes(), people.read_bytes()
    spelled = f"{tmp_path}/../{tmp_path.name}/{film.name}"
    target = {"name": film, "other spelling": spelled, "link": tmp_path / "link.avi"}
    target = target.get(by, people)
    assert live("--video", film, "--gallery", people, *options, target) == 2
    printed = capfd.readouterr().err
    assert f"{options[0]} {target} would replace a file that is read" in printed
    assert printed.count("\n") == 1
    assert (film.read_bytes(), people.read_bytes()) == before and (
        tmp_path / "link.avi"
    ).is_symlink()


def test_two_results_in_one_file_are_refused(film, tmp_path, capfd):
    assert live("--video", film, "--out", tmp_path / "x", "--csv", tmp_path / "x") == 2
    assert "are one file" in capfd.readouterr().err and not (tmp_path / "x").exists()


def test_a_gallery_names_who_is_in_a_video(film, tmp_path):
    # White light is what the square has; the gallery knows it by that.
    gallery = Gallery.empty("tint", 0.9).enroll("white", np.ones((1, 3)))
    save_gallery(gallery, tmp_path / "g")
    assert live("--video", film, "--csv", tmp_path / "out.csv", "--gallery", tmp_path / "g") == 0
    assert set(pd.read_csv(tmp_path / "out.csv")["name"][FRAMES // 2 :]) == {"white"}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_camera_is_stopped_by_hand_and_what_it_saw_is_kept(film, tmp_path, monkeypatch, end):
    frames = list(open_video(film).frames())

    class Camera:
        """Gives four frames; while it takes the fifth, somebody presses Ctrl-C."""

        def read(self):
            if len(frames) == FRAMES - 4:
                os.kill(os.getpid(), end)
            return (True, frames.pop()) if frames else (False, None)

        def release(self):
            frames.clear()

    opened, usual = video.Video(Camera(), 10.0, None), signal.getsignal(end)
    monkeypatch.setattr(video, "open_video", lambda source: opened)
    out, table = tmp_path / "seen.avi", tmp_path / "seen.csv"
    assert live("--camera", 0, "--out", out, "--csv", table) == 0
    assert len(pd.read_csv(table)) == 4 <= len(list(open_video(out).frames()))
    assert signal.getsignal(end) is usual


def test_what_a_camera_saw_plays_as_fast_as_it_happened(film, tmp_path, monkeypatch):
    frames = list(open_video(film).frames())[:4]
    clock = itertools.count(100.0, 0.5)  # two frames a second are all that this machine manages

    class Camera(video.Video):
        def frames(self):
            yield from frames

    monkeypatch.setattr(video, "open_video", lambda source: Camera(None, 10.0, None))
    monkeypatch.setattr(live_command.time, "perf_counter", lambda: next(clock))
    table = tmp_path / "seen.csv"
    assert live("--camera", 0, "--out", tmp_path / "seen.avi", "--csv", table) == 0
    assert pd.read_csv(table)["seconds"].tolist() == [0.5, 1.0, 1.5, 2.0]
    monkeypatch.undo()
    assert (
        len(list(open_video(tmp_path / "seen.avi").frames())) == 21
    )  # 2 s at 10 a second, and the first


# Three paces: 30 frames a second, then 2.5, then 10.
PACES = [(15, 33), (5, 400), (10, 100)]
SHOWN = np.cumsum([0, *(step / 1000 for count, step in PACES for _ in range(count))])


def test_seconds_are_those_of_the_video_and_a_copy_runs_as_long(tmp_path):
    path = set_times(write_clip(tmp_path / "phone.mp4"), PACES)
    out, table = tmp_path / "out.mp4", tmp_path / "out.csv"
    assert live("--video", path, "--out", out, "--csv", table) == 0
    np.testing.assert_allclose(pd.read_csv(table)["seconds"], SHOWN[:-1], atol=0.002)
    copy = open_video(out)
    frames = list(copy.frames())
    assert abs(len(frames) / copy.rate - SHOWN[-1]) < 1.5 / copy.rate
    # Each moment shows what the video shows then.
    original = dict(zip(SHOWN[:-1], open_video(path).frames(), strict=True))
    for second in (0.25, 1.2, 2.3, 3.1):
        begun = max(start for start in original if start <= second)
        shown = frames[round(second * copy.rate)].astype(float)
        unlike = {start: np.abs(shown - frame).mean() for start, frame in original.items()}
        assert abs(min(unlike, key=unlike.get) - begun) <= 1 / copy.rate


@pytest.mark.parametrize(
    ("clock", "rate", "seconds"),
    [
        ([0, 0, 0, 0], 10.0, [0, 0.1, 0.2, 0.3]),
        ([0, 0, 0, 0], 0.1, [0, 1, 2, 3]),  # no frame is shown for longer than a second
        ([0, 150, 100, 400], 10.0, [0, 0.15, 0.25, 0.4]),
        ([0, 1e12, 200, 300], 10.0, [0, 0.1, 0.2, 0.3]),
        ([-1e12, float("nan"), float("inf"), 300], 10.0, [0, 0.1, 0.2, 0.3]),
    ],
)
def test_times_that_cannot_be_are_counted(clock, rate, seconds):
    class Broken:
        place = -1

        def read(self):
            self.place += 1
            return self.place < len(clock), np.zeros((4, 4, 3), np.uint8)

        def get(self, what):
            return clock[self.place]

        def release(self):
            pass

    opened = video.Video(Broken(), rate, 4, is_file=True)
    assert [opened.seconds for _ in opened.frames()] == pytest.approx(seconds)
    assert opened.lost == 0


class Spotty:
    """A file of which only some reads, by their numbers from 1, give a frame."""

    def __init__(self, good):
        self.good, self.reads, self.released = good, 0, False

    def read(self):
        self.reads += 1
        return self.reads in self.good, np.zeros((4, 4, 3), np.uint8)

    def get(self, what):
        return 100.0 * self.reads

    def release(self):
        self.released = True


def test_bad_frames_here_and_there_end_no_video_however_many_they_are(monkeypatch):
    monkeypatch.setattr(video, "PATIENCE", 2)
    spotty = Spotty(range(2, 41, 2))
    assert len(list(video.Video(spotty, 10.0, None, is_file=True).frames())) == 20
    assert spotty.released


@pytest.mark.parametrize(
    ("total", "is_file", "reads"),
    [(None, True, 5 + 3), (20, True, 5 + 21), (10**5, True, 5 + 41), (20, False, 5 + 1)],
)
def test_a_bad_part_may_be_as_long_as_a_file_says_to_be_but_not_endless(
    total, is_file, reads, monkeypatch
):
    monkeypatch.setattr(video, "PATIENCE", 2)
    monkeypatch.setattr(video, "MOST_PATIENCE", 40)
    spotty = Spotty(range(1, 6))
    assert len(list(video.Video(spotty, 10.0, total, is_file).frames())) == 5
    assert spotty.reads == reads


@pytest.mark.parametrize(
    ("good", "total", "lost"),
    [
        ([1, 2, 5, 6], 6, 2),
        ([1, 2, 4, 5], 5, 1),
        ([1, 2, 3, 4], 6, 0),
        ([3, 4, 5, 6], 6, 1),
        ([1, 2, 5, 6], None, 2),
    ],
)
def test_frames_are_lost_where_reading_failed_before_the_end(good, total, lost):
    opened = video.Video(Spotty(good), 10.0, total, is_file=True)
    assert len(list(opened.frames())) == 4 and opened.lost == lost


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("middle.mp4", lambda path: damage(path, 0.3, 0.5)),
        ("middle.avi", lambda path: damage(path, 0.3, 0.5)),
        ("middle.mkv", lambda path: damage(path, 0.3, 0.5)),
        ("end.avi", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
        ("end.mkv", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    ],
)
def test_frames_that_cannot_be_decoded_are_counted_and_the_others_read(
    tmp_path, name, spoil, capfd
):
    spoil(write_clip(tmp_path / name))
    assert live("--video", tmp_path / name, "--csv", tmp_path / "out.csv") == 1
    out, err = capfd.readouterr()
    read = len(pd.read_csv(tmp_path / "out.csv"))
    assert 5 < read < 30 and out == f"{read} frames, 1 face(s).\n"
    # A decoder's own words are kept from the screen.
    assert err == f"{tmp_path / name}: {30 - read} frame(s) could not be decoded.\n"


def test_frames_behind_a_bad_part_are_read(tmp_path):
    damage(write_clip(tmp_path / "x.mp4"), 0.3, 0.5)
    opened = open_video(tmp_path / "x.mp4")
    seconds = [opened.seconds for _ in opened.frames()]
    assert seconds[-1] == pytest.approx(2.9) and opened.lost == 30 - len(seconds) > 0


@pytest.mark.parametrize("runs", [[(30, 100)], PACES, [(10, 33), (1, 5000), (19, 33)], [(1, 900)]])
@pytest.mark.parametrize("ending", [".mp4", ".mov"])
def test_nothing_is_missing_from_a_whole_video_at_any_pace(tmp_path, runs, ending):
    count = sum(count for count, _ in runs)
    opened = open_video(set_times(write_clip(tmp_path / f"x{ending}", count), runs))
    assert len(list(opened.frames())) == count and opened.lost == 0


def test_what_a_trimmed_video_hides_is_not_missing(tmp_path):
    path = set_times(write_clip(tmp_path / "x.mp4"), [(30, 100)])
    content = bytearray(path.read_bytes())
    start = content.rindex(b"elst") + 16
    content[start + 2 : start + 4] = b"\x10\x00"  # it begins later
    path.write_bytes(content)
    opened = open_video(path)
    assert 0 < len(list(opened.frames())) < 30 and opened.lost == 0


@pytest.mark.parametrize(
    ("times", "total", "lost"),
    [
        ([0, 1, 2, 3, 4], 5, 0),
        ([0, 1, 2, 5, 6], 7, 2),
        ([0, 1, 2, 5, 6, 7], 12, 6),  # two in the middle, four at the end
        ([0, 1, 2, 12, 22, 32], 33, 1),  # slower from there on: at least one is missing
        ([0, 1, 2, 5, 6], None, 2),
        ([0, 1], 9, 7),
        ([], 9, 9),
        ([], None, 0),
    ],
)
def test_how_many_frames_are_missing(times, total, lost):
    assert video.count_lost(times, 1.0, total) == lost


def test_a_video_without_a_frame_is_one_sentence(tmp_path, capfd):
    path = damage(write_clip(tmp_path / "x.avi"), 0.02, 0.99)
    assert live("--video", path, "--csv", tmp_path / "out.csv") == 1
    assert "can be" in capfd.readouterr().err and not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("change", "size"),
    [
        (lambda path: path, (96, 128)),
        (lambda path: set_aspect(path, 2, 1), (96, 256)),
        (lambda path: set_aspect(path, 64, 45), (96, 182)),
        (lambda path: set_aspect(path, 1, 2), (192, 128)),
        (lambda path: set_aspect(path, 1000, 1), (96, 128)),
        (lambda path: set_aspect(path, 1, 1000), (96, 128)),
        (lambda path: set_aspect(path, 101, 100), (96, 128)),
        (turn, (128, 96)),
        (lambda path: set_aspect(turn(path), 2, 1), (256, 96)),
    ],
)
def test_frames_are_shaped_as_they_are_shown(tmp_path, change, size):
    path = change(write_clip(tmp_path / "x.mp4", 3))
    assert [frame.shape for frame in open_video(path).frames()] == [(*size, 3)] * 3
    assert live("--video", path, "--out", tmp_path / "out.avi") == 0
    assert next(open_video(tmp_path / "out.avi").frames()).shape == (*size, 3)


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".mkv"])
def test_a_full_disk_is_said_of_a_video(tmp_path, ending, capfd, little_room):
    film, out = write_clip(tmp_path / "film.avi"), tmp_path / f"out{ending}"
    out.write_text("old")
    with little_room(20_000):
        assert live("--video", film, "--out", out, "--csv", tmp_path / "out.csv") == 1
    err = capfd.readouterr().err
    assert err.startswith(f"Error: {out} cannot be written") and err.count("\n") == 1
    assert out.read_text() == "old" and {*tmp_path.iterdir()} == {film, out}


def test_a_size_that_cannot_be_written_is_named_and_not_the_ending(tmp_path, monkeypatch):
    class Unable:
        open = staticmethod(lambda *_: False)
        release = staticmethod(lambda: None)

    monkeypatch.setattr(cv2, "VideoWriter", Unable)
    monkeypatch.setattr(cv2, "VideoWriter_fourcc", lambda *_: 0, raising=False)
    with pytest.raises(ValueError, match="cannot be written as a video of 4 × 4 at 12 frames"):
        write_video([np.zeros((4, 4, 3), np.uint8)], tmp_path / "x.mp4")
    with pytest.raises(ValueError, match="name an .mp4 or .avi"):
        write_video([np.zeros((4, 4, 3), np.uint8)], tmp_path / "x.txt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "no video file at"),
        (lambda path: path.write_bytes(b""), "not a video"),
        (lambda path: path.write_text("words"), "not a video"),
        (lambda path: path.mkdir(), "no video file at"),
        (lambda path: os.mkfifo(path), "no video file at"),
    ],
)
def test_what_is_no_video_is_one_sentence(make, sentence, tmp_path, capfd):
    make(tmp_path / "film.mp4")
    assert live("--video", tmp_path / "film.mp4", "--csv", tmp_path / "out.csv") == 1
    printed = capfd.readouterr()
    assert sentence in printed.err and "Traceback" not in printed.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(("rate", "written"), [(0.02, 1.0), (29.97003, 29.97), (1000.0, 120.0)])
def test_a_copy_has_as_many_frames_a_second_as_formats_can_hold(
    film, tmp_path, rate, written, monkeypatch
):
    opened, rates = open_video(film), []
    opened.rate = rate
    monkeypatch.setattr(video, "open_video", lambda source: opened)
    monkeypatch.setattr(video, "write_video", lambda frames, path, rate: rates.append(rate))
    live("--video", film, "--out", tmp_path / "out.avi")
    assert rates == [written]


def test_marks_have_the_numbers_of_the_people(monkeypatch):
    drawn, face = [], FaceReading((1, 2, 3, 4), 0.9)
    monkeypatch.setattr(annotate, "annotate_photo", lambda *how: drawn.append(how))
    photo = np.zeros((9, 9, 3), np.uint8)
    live_command.mark(photo, [SimpleNamespace(number=n, reading=face) for n in (3, 7)])
    ((frame, reading, numbers),) = drawn
    assert frame is photo and reading.faces == [face] * 2 and numbers == [3, 7]


def test_q_ends_a_video_and_the_last_frame_that_was_seen_counts(film, tmp_path, monkeypatch, capfd):
    keys = iter([-1, ord("x"), ord("q")])
    monkeypatch.setattr(cv2, "waitKey", lambda wait: next(keys))
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda title, frame: shown.append(frame))
    monkeypatch.setenv("DISPLAY", ":0")
    assert live("--video", film) == 0
    assert capfd.readouterr().out == "3 frames, 1 face(s).\n" and len(shown) == 3


def test_a_frame_is_shown_in_its_colours(monkeypatch):
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda title, frame: shown.append(frame))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: -1)
    assert live_command.show(np.full((4, 4, 3), (255, 10, 0), np.uint8))
    assert tuple(shown[0][0, 0]) == (0, 10, 255), "OpenCV shows blue first"


class Contemptuous(Cheerful):
    card = {"task": "emotion", "classes": ["contempt", *Cheerful.card["classes"]]}

    def predict(self, images):
        return np.repeat(np.array([[0.65, *[0.05] * 7]], np.float32), len(images), axis=0)


def test_a_class_of_another_model_has_its_column(film, tmp_path, monkeypatch):
    loaded = {"keypoints": Still(), "emotion": Contemptuous(), "action_units": Smiling()}
    monkeypatch.setattr(models, "load", loaded.get)
    assert live("--video", film, "--csv", tmp_path / "out.csv") == 0
    rows = pd.read_csv(tmp_path / "out.csv")
    assert set(rows["emotion"]) == {"contempt"} and rows["contempt"].tolist() == [0.65] * FRAMES


@pytest.mark.parametrize("number", ["-1", "99999999999", "front"])
def test_a_camera_has_a_small_number(number, capfd):
    with pytest.raises(SystemExit, match="2"):
        live("--camera", number)
    assert "--camera" in capfd.readouterr().err


def test_no_camera_is_one_sentence(monkeypatch, capfd):
    class Nothing:
        def isOpened(self):
            return False

    monkeypatch.setattr(cv2, "VideoCapture", lambda source: Nothing())
    assert live() == 1
    assert "no camera 0 here" in capfd.readouterr().err


def test_no_screen_and_no_place_to_write_are_one_sentence(film, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(live_command.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert live("--video", film) == 1
    assert "no screen" in capfd.readouterr().err
    assert live("--video", film, "--csv", tmp_path / "no" / "out.csv") == 1
    assert "cannot be written" in capfd.readouterr().err
    assert live("--video", film, "--out", tmp_path / "out.txt") == 1
    assert "name an .mp4 or .avi" in capfd.readouterr().err
    assert not (tmp_path / "out.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["film.avi"]


def test_a_made_face_that_smiles_keeps_its_number(tmp_path, monkeypatch, request):
    monkeypatch.undo()  # the real detector
    request.getfixturevalue("shipped_models")
    start, end = albums.neutral_to("happy")
    person = albums.person_number(3, 0)
    drawn = list(albums.animate(person, start, end, 14, 220, yaw=(-8.0, 8.0)))
    write_video((frame for frame, _ in drawn), tmp_path / "smile.avi")
    assert live("--video", tmp_path / "smile.avi", "--csv", tmp_path / "smile.csv") == 0
    rows = pd.read_csv(tmp_path / "smile.csv")
    assert rows["frame"].tolist() == list(range(14)) and set(rows["face"]) == {1}
    # The box moves with the head: its middle stays near the true nose between the looks, too.
    for (_, face), row in zip(drawn, rows.itertuples(), strict=True):
        x, y = row.box_x + row.box_width / 2, row.box_y + row.box_height / 2
        assert np.hypot(*(face.keypoints[10] - [x, y])) < 0.3 * row.box_width
    assert (rows["happy"].diff().dropna().abs() < 0.4).all()


# Files of videos.


def test_a_red_frame_is_red_after_it_was_written_and_read(tmp_path):
    red = np.zeros((64, 96, 3), np.uint8)
    red[..., 0] = 220
    for name in ("red.avi", "new/folder/red.mp4"):
        assert write_video([red] * 3, tmp_path / name, 10.0) == 3
        read = list(open_video(tmp_path / name).frames())
        assert len(read) == 3 and np.abs(read[1].astype(int) - red).max() < 20, name


def test_a_video_says_how_fast_and_how_long_it_is(film):
    opened = open_video(film)
    assert (opened.rate, opened.total) == (10.0, FRAMES)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), 90_000.0])
def test_what_does_not_say_how_fast_or_how_long_it_is_has_the_usual_rate(rate, monkeypatch):
    class Silent:
        def isOpened(self):
            return True

        def get(self, what):
            return {cv2.CAP_PROP_FPS: rate, cv2.CAP_PROP_FRAME_COUNT: -1.0}[what]

    monkeypatch.setattr(cv2, "VideoCapture", lambda source: Silent())
    opened = open_video(0)
    assert (opened.rate, opened.total) == (video.USUAL_RATE, None)


@pytest.mark.parametrize("trouble", ["stop", "sizes", "nothing"])
def test_a_video_is_there_whole_or_as_it_was(tmp_path, trouble):
    def frames():
        if trouble != "nothing":
            yield np.zeros((64, 96, 3), np.uint8)
        if trouble == "stop":
            raise KeyboardInterrupt
        if trouble == "sizes":
            yield np.zeros((64, 98, 3), np.uint8)

    path = tmp_path / "x.avi"
    path.write_text("old")
    raised = {"stop": KeyboardInterrupt, "sizes": ValueError, "nothing": ValueError}[trouble]
    sentence = {"stop": None, "sizes": "Frame 2 is", "nothing": "no frame"}[trouble]
    with pytest.raises(raised, match=sentence):
        write_video(frames(), path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_where_a_link_leads_is_what_a_video_replaces(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "x.avi").symlink_to(tmp_path / "there" / "real.avi")
    write_video([np.zeros((64, 96, 3), np.uint8)] * 2, tmp_path / "x.avi")
    assert (tmp_path / "x.avi").is_symlink()
    assert len(list(open_video(tmp_path / "there" / "real.avi").frames())) == 2
