"""`live` follows faces through a video: frames in are frames out, and nothing is half written."""

import itertools

import cv2
import numpy as np
import pandas as pd
import pytest
from faces import Cheerful, Smiling, Tint
from test_track import Following

from helpers import detect, models
from helpers import gallery as identity
from reading_faces import video
from reading_faces.__main__ import main
from reading_faces.commands import live as live_command
from reading_faces.made_faces import albums
from reading_faces.training.made_sets import save_video
from reading_faces.video import VideoFile, open_video

FRAMES = 12


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    loaded = {"keypoints": Following(), "emotion": Cheerful(), "action_units": Smiling()}
    monkeypatch.setattr(models, "load", loaded.get)
    monkeypatch.setattr(identity, "SmallEmbedder", Tint)
    monkeypatch.setattr(detect, "load_mtcnn", None)
    face = detect.DetectedFace((30.0, 30.0, 40.0, 40.0), 0.99, None, (30.0, 30.0, 40.0, 40.0))
    monkeypatch.setattr(detect, "detect_faces", lambda frame, detector: [face])


@pytest.fixture
def film(tmp_path):
    """A white square on grey that stays where it is."""
    frame = np.full((96, 128, 3), 60, np.uint8)
    frame[42:60, 42:60] = 255
    path = tmp_path / "film.avi"
    with VideoFile(path, 10.0) as file:
        for _ in range(FRAMES):
            file.write(frame)
    return path


def live(*arguments) -> int:
    return main(["live", *map(str, arguments)])


def test_as_many_frames_come_out_as_went_in_and_each_has_its_row(film, tmp_path, capfd):
    out, table = tmp_path / "out.avi", tmp_path / "out.csv"
    assert live("--video", film, "--out", out, "--csv", table, "--every", 4) == 0
    assert capfd.readouterr().out == f"{FRAMES} frames, 1 face(s).\n"
    written = list(open_video(out).frames())
    assert len(written) == FRAMES and written[0].shape == (96, 128, 3)
    rows = pd.read_csv(table)
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


def test_the_video_that_is_read_is_never_written_over(film, capfd):
    before = film.read_bytes()
    assert live("--video", film, "--out", film) == 1
    assert "would be lost" in capfd.readouterr().err and film.read_bytes() == before


def test_a_gallery_names_who_is_in_a_video(film, tmp_path):
    # White light is what the square has; the gallery knows it by that.
    gallery = identity.Gallery.empty("tint", 0.9).enroll("white", np.ones((1, 3)))
    identity.save_gallery(gallery, tmp_path / "g")
    assert live("--video", film, "--csv", tmp_path / "out.csv", "--gallery", tmp_path / "g") == 0
    assert set(pd.read_csv(tmp_path / "out.csv")["name"]) == {"white"}


def test_a_camera_is_stopped_by_hand_and_what_it_saw_is_kept(film, tmp_path, monkeypatch):
    frames = list(open_video(film).frames())

    class Camera(video.Video):
        def frames(self):
            yield from frames[:5]
            raise KeyboardInterrupt

    monkeypatch.setattr(video, "open_video", lambda source: Camera(None, 10.0, None))
    assert live("--camera", 0, "--csv", tmp_path / "seen.csv") == 0
    assert len(pd.read_csv(tmp_path / "seen.csv")) == 5


def test_what_a_camera_saw_plays_as_fast_as_it_happened(film, tmp_path, monkeypatch):
    frames = list(open_video(film).frames())[:4]
    clock = itertools.count(100.0, 0.5)  # two frames a second are all that this machine manages

    class Camera(video.Video):
        def frames(self):
            yield from frames

    monkeypatch.setattr(video, "open_video", lambda source: Camera(None, 10.0, None))
    monkeypatch.setattr(live_command.time, "perf_counter", lambda: next(clock))
    assert live("--camera", 0, "--out", tmp_path / "seen.avi") == 0
    monkeypatch.undo()
    assert len(list(open_video(tmp_path / "seen.avi").frames())) == pytest.approx(20, abs=2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "no video file at"),
        (lambda path: path.write_bytes(b""), "not a video"),
        (lambda path: path.write_text("words"), "not a video"),
        (lambda path: path.mkdir(), "no video file at"),
    ],
)
def test_what_is_no_video_is_one_sentence(make, sentence, tmp_path, capfd):
    make(tmp_path / "film.mp4")
    assert live("--video", tmp_path / "film.mp4", "--csv", tmp_path / "out.csv") == 1
    printed = capfd.readouterr()
    assert sentence in printed.err and "Traceback" not in printed.err
    assert not (tmp_path / "out.csv").exists()


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


def test_a_made_face_that_smiles_keeps_its_number(tmp_path, monkeypatch):
    monkeypatch.undo()  # the real detector and models
    start, end = albums.neutral_to("happy")
    person = albums.person_number(3, 0)
    drawn = list(albums.animate(person, start, end, 14, 220, yaw=(-8.0, 8.0)))
    save_video((frame for frame, _ in drawn), tmp_path / "smile.avi")
    assert live("--video", tmp_path / "smile.avi", "--csv", tmp_path / "smile.csv") == 0
    rows = pd.read_csv(tmp_path / "smile.csv")
    assert rows["frame"].tolist() == list(range(14)) and set(rows["face"]) == {1}
    # The box moves with the head: its middle stays near the true nose between the looks, too.
    for (_, face), row in zip(drawn, rows.itertuples(), strict=True):
        x, y = row.box_x + row.box_width / 2, row.box_y + row.box_height / 2
        assert np.hypot(*(face.keypoints[10] - [x, y])) < 0.3 * row.box_width
    assert (rows["happy"].diff().dropna().abs() < 0.4).all()
