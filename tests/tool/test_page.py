"""`serve` shows what was read from a photo, keeps no picture, and says what is wrong."""

import base64
import contextlib
import errno
import io
import itertools
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import requests
from faces import Cheerful, Tint, bad_files, find_portrait, portrait, stand_ins, tinted, wall
from PIL import Image

from helpers import detect, embedders, images, models
from helpers.data import EMOTIONS
from helpers.gallery import Gallery
from reading_faces import page as app
from reading_faces import page_actions
from reading_faces.__main__ import main
from reading_faces.gallery_file import load_gallery, save_gallery
from reading_faces.made_faces.expression import ACTION_UNITS, UNIT_NAMES
from reading_faces.page_actions import PageActions, Shown
from reading_faces.reader import PARTS, FaceReader, FaceReading, PhotoReading

# Asks the server itself, whatever proxy the machine has.
ASK = requests.Session()
ASK.trust_env = False


@pytest.fixture
def reader(monkeypatch):
    monkeypatch.setattr(detect, "detect_faces", find_portrait)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    return FaceReader(models=stand_ins(), embedder=Tint())


@pytest.fixture
def uploads(tmp_path):
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


@pytest.fixture
def actions(reader, uploads):
    return PageActions(reader, uploads)


@pytest.fixture
def ask(actions):
    """Return a function that does what the script of the page asks for."""
    answer = app.answers(actions)
    return lambda do, visitor="one", **call: answer({"visitor": visitor, "do": do} | call)


def as_file(photo) -> bytes:
    file = io.BytesIO()
    photo.save(file, "png")
    return file.getvalue()


def photo(*colour: float, name: str = "me.png") -> dict:
    """Return what the page sends of a photo, under light of a colour."""
    return {"name": name, "photo": base64.b64encode(as_file(tinted(*colour or (1, 1, 1)))).decode()}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


# What the page says of a photo, without a browser.


def test_a_photo_becomes_a_picture_and_a_card_a_face_and_is_deleted(ask, actions, uploads):
    answer = ask("read", **photo())
    assert answer["told"] == "Done: 1 face was read." and not answer["failed"]
    shown = answer["result"]
    assert 'alt="The photo with its 1 face marked. Face 1: happy 70%."' in shown
    assert shown.count("<article") == 1 and "<h3><span" in shown and "unknown" in shown
    assert re.findall(r'scope="row">(\w+)<', shown) == list(EMOTIONS)
    assert "happy, 70%" in shown and shown.count('class="top"') == 1
    # AU6 and AU12 are both at 0.9.
    assert "cheek raiser (AU6), lip corner puller (AU12)" in shown
    (seen,) = actions.shown("one")
    assert seen.reading.width == portrait().width and len(seen.crops) == 1
    with Image.open(io.BytesIO(seen.picture)) as plain, Image.open(io.BytesIO(seen.marked())) as it:
        assert plain.size == it.size == portrait().size
        assert (np.array(plain) != np.array(it)).any()
    assert not list(uploads.iterdir())


def units_on_the_card(units: dict[str, float], thresholds: dict[str, float]) -> str:
    """Return the units that the card of a face calls present."""
    face = FaceReading((0, 0, 9, 9), 1.0, action_units=units)
    file = io.BytesIO()
    portrait().save(file, "jpeg")
    shown = Shown(PhotoReading("me", faces=[face]), file.getvalue(), [file.getvalue()])
    return re.search(r"at work:</b>\s*(.*?)\s*</p>", app.report([shown], thresholds))[1]


def test_an_action_unit_is_present_from_its_threshold_on():
    units = {"AU1": 0.5, "AU2": 0.49, "AU4": 0.7, "AU5": 0.7, "mine": 0.9}
    present = units_on_the_card(units, {"AU1": 0.5, "AU2": 0.5, "AU4": 0.71})
    assert present == "inner brow raiser (AU1), upper lid raiser (AU5), mine (mine)"
    assert units_on_the_card(units, dict.fromkeys(units, 0.95)) == "none that is sure"


def test_the_thresholds_are_those_of_the_model_s_card(reader, uploads):
    units = reader.load()["action_units"]
    higher = [0.95 if name == "AU12" else 0.5 for name in units.card["units"]]
    units.card = units.card | {"thresholds": higher}  # both smile at 0.9
    answer = app.answers(PageActions(reader, uploads / "deep" / "er"))
    shown = answer({"visitor": "one", "do": "read"} | photo())["result"]
    assert "cheek raiser (AU6)" in shown and "lip corner puller" not in shown


def test_every_unit_of_the_models_has_its_words():
    wanted = [f"{what} (AU{unit})" for unit, what in ACTION_UNITS.items()]
    assert units_on_the_card(dict.fromkeys(UNIT_NAMES, 1.0), {}) == ", ".join(wanted)


def test_cards_stop_at_the_largest_faces(monkeypatch, ask, actions):
    boxes = [(20.0 * x, 20.0 * y, 12.0, 12.0) for x in range(5) for y in range(10)]
    faces = [detect.DetectedFace(box, 0.9, None, box) for box in boxes]
    monkeypatch.setattr(detect, "detect_faces", lambda *_: faces)
    shown = ask("read", **photo())["result"]
    assert shown.count("<article") == 48 and "2 more are in the table" in shown
    assert len(table_in(shown)) == 50
    pixels, (seen,) = np.array(tinted(1, 1, 1)), actions.shown("one")
    (first,) = page_actions.cut_faces(
        images.Photo(pixels, pixels.shape[1::-1]), seen.reading.faces[:1]
    )
    assert seen.crops[0] == page_actions.to_jpeg(first)


def table_in(shown: str) -> pd.DataFrame:
    """Return the table that can be downloaded."""
    content = base64.b64decode(re.search(r"text/csv;base64,([^\"]*)", shown)[1])
    assert content.startswith(b"\xef\xbb\xbf"), "by which Excel knows that it is UTF-8"
    return pd.read_csv(io.BytesIO(content))


def test_table_and_json_hold_all_photos_of_a_visit(ask, actions):
    ask("read", **photo(name="a.png"))
    shown = ask("read", **photo(name="b 🙂.png"), more=True)["result"]
    assert table_in(shown)["path"].tolist() == ["a.png", "b 🙂.png"]
    coded = re.search(r"application/json;base64,([^\"]*)", shown)[1]
    images = json.loads(base64.b64decode(coded))["images"]
    assert [image["path"] for image in images] == ["a.png", "b 🙂.png"]
    assert images[0]["faces"][0]["emotion"]["happy"] == pytest.approx(0.7)
    assert ask("read", **photo(name="c.png"))["result"].count("<figure>") == 1


def test_so_many_photos_are_kept_for_a_visitor_and_no_name_is_endless(ask, actions, monkeypatch):
    monkeypatch.setattr(page_actions, "MOST_PHOTOS", 2)
    for name in ("a.png", "b.png", "c" * 150 + "d" * 150):
        ask("read", **photo(name=name), more=True)
    assert [seen.reading.path for seen in actions.shown("one")] == ["b.png", "c" * 50 + "d" * 150]


def test_the_picture_names_who_is_known_and_the_faces_are_cut_upright(reader, monkeypatch):
    known = {"emotion": {"happy": 1.0}, "identity": ("Ann", 0.9)}
    faces = [FaceReading((9, 9, 9, 9), 1.0, **known)]
    faces += [FaceReading((9, 9, 9, 9), 1.0, identity=who) for who in ((None, 0.1), None)]
    labels = []
    monkeypatch.setattr(
        page_actions,
        "annotate_photo",
        lambda picture, reading: labels.extend(face.label for face in reading.faces) or picture,
    )
    Shown(PhotoReading("a", faces=faces), page_actions.to_jpeg(np.array(portrait()))).marked()
    assert labels == ["Ann", "", ""]
    # Of a head that lies, the right eye above the left one, at half the size of the photo.
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[30:50, 40:80], pixels[50:70, 40:80] = (255, 0, 0), (0, 0, 255)
    points = np.full((15, 2), 100.0)
    points[0], points[1] = (110, 110), (110, 90)
    face = FaceReading((80.0, 60.0, 80.0, 80.0), 1.0, keypoints=points)
    (crop,) = page_actions.cut_faces(images.Photo(pixels, (200, 200), 2), [face])
    assert crop.shape == (128, 128, 3)
    assert crop[64, 40].tolist() == [255, 0, 0] and crop[64, 88].tolist() == [0, 0, 255]
    assert not crop[8:120, :12].any() and not crop[8:120, -12:].any(), "a rim around the face"


def test_a_large_picture_is_shown_smaller():
    with Image.open(io.BytesIO(page_actions.to_jpeg(np.zeros((90, 3200, 3), np.uint8)))) as shown:
        assert shown.size == (1600, 45)


def test_programs_are_told_what_was_left_out_of_a_photo(actions):
    file = io.BytesIO()
    portrait().save(file, "jpeg")
    (told,) = actions.predict("me", file.getvalue()[:-9])["left_out"]
    assert told["file"] == "me" and told["reason"].startswith("The end of the file is missing")


@pytest.mark.parametrize("fails", [False, True])
def test_the_page_is_ready_once_its_networks_have_read_a_face_or_failed(uploads, fails):
    class Network(Cheerful):
        def predict(self, images):
            answer = super().predict(images)
            return 1 / 0 if fails else answer

    network = Network()
    page = PageActions(
        FaceReader("haar", ("emotion",), {"emotion": network}, None, Tint()), uploads
    )
    assert page.ready.wait(9) and network.calls == [1]


def test_a_bad_file_is_said_to_be_bad_and_what_was_there_stays(ask, tmp_path):
    ask("read", **photo())
    for name, sentence in bad_files(tmp_path).items():
        if (tmp_path / name).exists():
            content = base64.b64encode((tmp_path / name).read_bytes()).decode()
            answer = ask("read", name=name, photo=content)
            assert answer["failed"] and answer["told"].startswith("Not done. ")
            assert sentence in answer["told"]
    assert ask("enroll", photo=0, face=0, name="Ann")["failed"] is False


def test_where_there_is_no_face_the_page_says_so(ask):
    answer = ask("read", name="wall", photo=base64.b64encode(as_file(wall())).decode())
    assert answer["told"] == "No face was found on this photo."
    assert "no face was found" in answer["result"] and "<article" not in answer["result"]


def test_what_is_missing_of_a_photo_is_said(ask, monkeypatch):
    file = io.BytesIO()
    portrait().save(file, "jpeg")
    content = base64.b64encode(file.getvalue()[:-9]).decode()
    assert "The end of the file is missing" in ask("read", name="a", photo=content)["result"]
    monkeypatch.setattr(images, "MOST_PIXELS", 240 * 240)
    assert "at a reduced size of 103 × 120 pixels" in ask("read", **photo())["result"]


@pytest.mark.parametrize(
    "call",
    [
        {"do": "read", "name": "a", "photo": "/etc/passwd"},
        {"do": "read", "name": "a", "photo": "http://example.com/a.png"},
        {"do": "read", "name": "a", "photo": {"path": "/etc/passwd"}},
        {"do": "read", "name": "a", "photo": "/tmp/🙂.png"},
        {"do": "read", "name": "a", "photo": None},
        {"do": "read", "name": "a"},
        {"do": "example", "name": "/etc/passwd"},
        {"do": "example", "name": ["x"]},
        {"do": "enroll", "photo": 0, "face": 0, "name": "Ann"},
        {"do": "enroll", "photo": "x", "face": [], "name": "Ann"},
        {"do": "enroll", "photo": 0, "face": 0, "name": 7},
        {"do": "forget", "name": "Ann"},
        {"do": "eval", "name": "Ann"},
        {"do": {}},
        {},
        [],
        "x",
        None,
    ],
)
def test_what_is_no_call_is_one_sentence_and_changes_nothing(actions, uploads, call):
    call = {"visitor": "one"} | call if isinstance(call, dict) else call
    answer = app.answers(actions)(call)
    assert answer["failed"] and answer["told"].startswith("Not done. ")
    assert len(answer["told"]) < 200 and "result" not in answer
    assert actions.people == [] and not list(uploads.iterdir())


@pytest.mark.parametrize("step", ["detect_faces", "crop_detected"])
def test_too_little_memory_is_a_sentence(ask, actions, monkeypatch, step):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(detect, step, fail)
    assert "not enough memory" in ask("read", **photo())["told"]
    (image,) = actions.predict("me", as_file(portrait()))["images"]
    assert "not enough memory" in image["error"]


def test_a_full_disk_is_a_sentence(ask, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert ask("read", **photo())["told"] == "Not done. The disk is full."


def test_examples_can_be_read(ask):
    assert list(app.examples())[-3:] == ["Grace Hopper", "Eileen Collins", "Made people"]
    for name in app.examples():
        assert ask("example", name=name)["told"].startswith("Done: ")


# Several visitors.


def test_visitors_see_what_they_sent_and_it_ends_with_their_visit(ask, actions):
    ask("read", "one", **photo(name="a.png"))
    ask("read", "two", **photo(name="b.png"))
    assert [seen.reading.path for seen in actions.shown("one")] == ["a.png"]
    assert [seen.reading.path for seen in actions.shown("two")] == ["b.png"]
    assert ask("enroll", "three", photo=0, face=0, name="Ann")["failed"]
    actions.leave("one")
    assert not actions.shown("one") and actions.shown("two")


def test_what_a_visitor_was_shown_goes_when_gradio_says_that_their_session_has_ended(ask, actions):
    parts = app.lay_out(actions).fns.values()
    call = {event: part.fn for part in parts for _, event in part.targets}
    for visitor, session in (("one", "a"), ("two", "b")):
        ask("read", visitor, **photo())
        call["load"](visitor, SimpleNamespace(session_hash=session))
    for session in ("a", "nobody's"):
        call["unload"](SimpleNamespace(session_hash=session))
    assert not actions.shown("one") and actions.shown("two")


def test_what_was_shown_long_ago_or_to_many_is_let_go(ask, actions, monkeypatch):
    now = time.monotonic()
    ask("read", "first", **photo())
    monkeypatch.setattr(time, "monotonic", lambda: now + page_actions.KEPT_SECONDS + 99)
    ask("read", "second", **photo())
    assert not actions.shown("first") and actions.shown("second")
    monkeypatch.setattr(page_actions, "MOST_VISITORS", 2)
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000)
    ask("read", "third", **photo())
    ask("read", "fourth", **photo())
    assert not actions.shown("second") and actions.shown("third") and actions.shown("fourth")


def test_six_visitors_send_five_photos_each_at_once_and_each_gets_their_own(ask):
    """Two of them the same ones; somebody is enrolled meanwhile."""
    lights = [(1, 0.1 * n, 0.5) for n in range(5)]
    wrong = []

    def visit(number: int):
        for place, light in enumerate(lights):
            name = f"{number % 5}-{place}.png"
            answer = ask("read", str(number), **photo(*light, name=name))
            if answer["failed"] or f">{name}: 1 face<" not in answer["result"]:
                wrong.append(answer)
            if number == 5:
                ask("enroll", "5", photo=0, face=0, name="Ann")

    visitors = [threading.Thread(target=visit, args=[number]) for number in range(6)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert not wrong


# A camera.


class Follower:
    """A tracker that sees one more face in each frame."""

    def __init__(self, reader):
        self.reader, self.frames, self.seconds = reader, [], []

    def read(self, frame, seconds):
        self.frames.append(frame.shape)
        self.seconds.append(seconds)
        who = [(name, 0.9) for name in self.reader.gallery.people] or [None]
        emotion = {"happy": 0.7, "sad": 0.3}
        face = FaceReading((1, 2, 3, 4), 0.9, emotion=emotion, identity=who[0])
        return [SimpleNamespace(number=n, reading=face) for n in range(1, 1 + len(self.frames))]


@pytest.fixture
def look(actions, monkeypatch):
    """Return a function that sends a frame as the script of the live view does."""
    monkeypatch.setattr(page_actions, "FaceTracker", Follower)
    file = io.BytesIO()
    portrait(960).save(file, "jpeg")
    frame, watch = base64.b64encode(file.getvalue()).decode(), app.watching(actions)
    return lambda visitor="one", **call: watch(
        {"visitor": visitor, "frame": frame, "seconds": 1.5} | call
    )


def test_a_frame_gives_what_to_draw_and_each_visitor_has_a_tracker(look, actions, uploads):
    assert len(look()["faces"]) == 1
    (first, second) = look()["faces"]
    assert (first["number"], second["number"]) == (1, 2) and first["label"] == "happy 70%"
    assert first["box"] == [1, 2, 3, 4]
    assert len(look("two")["faces"]) == 1
    actions.leave("one")
    assert len(look()["faces"]) == 1
    tracker, reader = actions._trackers["one"], actions._trackers["one"].reader
    assert max(tracker.frames[0]) == page_actions.LONGEST_FRAME and tracker.seconds == [1.5]
    assert not list(uploads.iterdir())
    # It reads by the networks of the page, whose gallery and embedder tell who somebody is.
    assert (reader.detector, reader.parts) == ("mtcnn", PARTS) and reader is not actions.reader
    assert reader.load() == actions.reader.load() and reader.embedder is actions.reader.embedder


def test_a_camera_sends_jpeg_of_any_kind_and_nothing_else(look, actions):
    def sent(mode: str, ending: str) -> str:
        file = io.BytesIO()
        portrait().convert(mode).save(file, ending)
        return base64.b64encode(file.getvalue()).decode()

    assert "faces" in look(frame=sent("L", "jpeg"))
    assert actions._trackers["one"].frames == [(*portrait().size[::-1], 3)]
    assert "cannot be read" in look(frame=sent("RGB", "png"))["told"]


def test_a_camera_that_runs_knows_who_is_enrolled_and_forgotten_meanwhile(look, ask):
    labels = [look()["faces"][0]["label"]]
    ask("read", **photo())
    for change in ({"do": "enroll", "photo": 0, "face": 0}, {"do": "forget"}):
        ask(name="Ann", **change)
        labels.append(look()["faces"][0]["label"])
    assert labels == ["happy 70%", "happy 70%, Ann", "happy 70%"]


def test_so_many_cameras_are_followed_at_a_time(look, actions):
    """Those that have sent nothing for the longest time are let go first."""
    for visitor in [*range(page_actions.MOST_CAMERAS), 0, 8, 9, 10]:
        look(str(visitor))
    assert list(actions._trackers) == ["4", "5", "6", "7", "0", "8", "9", "10"]


@pytest.mark.parametrize(
    "call", [{"frame": "x"}, {"frame": "YWJj"}, {"frame": None}, {"seconds": "now"}]
)
def test_a_frame_that_is_none_is_one_sentence(look, call):
    assert look(**call) == {"told": "Not done. The camera's picture cannot be read."}


# People.


def identity_of(actions, *colour) -> dict | None:
    """Return who the page says somebody is under light of a colour."""
    (image,) = actions.predict("photo.png", as_file(tinted(*colour)))["images"]
    return image["faces"][0].get("identity")


@pytest.fixture
def enroll(ask):
    """Return a function that enrols a face under light of a colour, and returns what is said."""

    def enroll(name, *colour) -> str:
        ask("read", **photo(*colour))
        return ask("enroll", photo=0, face=0, name=name)["told"]

    return enroll


def test_who_is_enrolled_is_named_at_once_and_until_they_are_forgotten(ask, actions, enroll):
    said = enroll("  Ann\nLee ", 1, 0.6, 0.6)
    assert said == "Ann Lee is enrolled by 1 face, and is named from now on."
    answer = ask("look")
    assert "Ann Lee <small>1 face</small>" in answer["people"] and answer["ready"] in (True, False)
    again = ask("enroll", photo=0, face=0, name="Ann Lee")["result"]
    assert "similarity 1.00" in again and 'Face 1: happy 70%, Ann Lee."' in again
    assert table_in(again)["name"].tolist() == ["Ann Lee"]
    assert identity_of(actions, 1, 0.6, 0.61)["name"] == "Ann Lee"
    assert identity_of(actions, 0.6, 0.6, 1)["name"] is None
    assert "highest similarity 0." in ask("read", **photo(0.6, 0.6, 1))["result"]
    assert ask("forget", name="Ann Lee")["told"] == "Ann Lee is forgotten."
    assert identity_of(actions, 1, 0.6, 0.61) is None


def test_two_visitors_read_and_enrol_at_once(ask, actions):
    """One enrols and forgets people while photos of another are read: each gets a whole answer."""
    ask("read", **photo(1, 0.6, 0.6))
    last, answers, problems = threading.Event(), set(), []

    def visit():
        while not last.is_set():
            try:
                answer = identity_of(actions, 1, 0.6, 0.61)
                answers.add(answer and answer["name"])
            except Exception as error:
                problems.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    until = time.monotonic() + 60
    for turn in itertools.count():
        if (turn >= 15 and len(answers) == 2) or time.monotonic() > until:
            break
        ask("enroll", photo=0, face=0, name="Ann")
        time.sleep(0.005)
        ask("forget", name="Ann")
        time.sleep(0.005)
    last.set()
    for visitor in visitors:
        visitor.join()
    assert not problems
    assert answers == {None, "Ann"}


def test_enrolment_does_not_wait_for_a_photo_that_is_read(ask, actions):
    ask("read", **photo())
    with actions._reading:
        assert not ask("enroll", photo=0, face=0, name="Ann")["failed"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Type a name"),
        (None, "Type a name"),
        (" \n", "Type a name"),
        ("a" * 81, "at most 80"),
        ("bell\a", "at most 80"),
        ("broken\udce9", "all of them readable"),
    ],
)
def test_who_cannot_be_enrolled_is_a_sentence(actions, enroll, name, sentence):
    assert sentence in enroll(name, 1, 1, 1)
    assert actions.people == []


@pytest.mark.parametrize("name", ["a" * 80, "می\u200cخواهم"])
def test_a_name_may_have_80_characters_and_what_joins_them(actions, enroll, name):
    enroll(name, 1, 1, 1)
    assert actions.people == [name]


def test_whoever_a_folder_has_named_can_be_forgotten(reader, uploads, tmp_path):
    gallery = Gallery.empty("tint", 0.9)
    for name in ("a\tb", "c" * 90):
        gallery = gallery.enroll(name, np.ones((1, 3)))
    save_gallery(gallery, tmp_path / "g")
    page = PageActions(reader, uploads, tmp_path / "g")
    for name in page.people:
        page.forget(name)
    assert page.people == []


def test_the_face_of_the_card_is_the_one_that_is_enrolled(actions, ask, monkeypatch):
    boxes = [(10.0, 10.0, 40.0, 40.0), (60.0, 10.0, 30.0, 30.0)]
    faces = [detect.DetectedFace(box, 0.9, None, box) for box in boxes]
    monkeypatch.setattr(detect, "detect_faces", lambda *_: faces)
    two = Image.new("RGB", (100, 60), "red")
    two.paste("blue", (55, 0, 100, 60))
    told = ask("read", name="two", photo=base64.b64encode(as_file(two)).decode())["told"]
    assert told == "Done: 2 faces were read."
    ask("enroll", photo=0, face=1, name="Blue")
    shown = ask("enroll", photo=0, face=0, name="Red")["result"]
    assert re.findall(r'aria-label="Face (\d: \w+)"', shown) == ["1: Red", "2: Blue"]
    for face in (2, -3):
        assert "no longer here" in ask("enroll", photo=0, face=face, name="Green")["told"]


def test_only_the_newest_of_a_person_s_faces_is_judged(enroll):
    for _ in range(4):
        assert "But" not in enroll("Ann", 1, 0.1, 0.1)
    assert "not like the others of Ann" in enroll("Ann", 1, 0.6, 0.1)
    assert "But" not in enroll("Ann", 1, 0.1, 0.1)


def test_a_face_that_is_another_s_or_unlike_its_name_s_others_is_said(enroll):
    assert "But" not in enroll("Ann", 1, 0.6, 0.6)
    said = enroll("Ann", 0.6, 1, 0.6)
    assert said.endswith("But this face is not like the others of Ann: is it a mistake?")
    assert "But" not in enroll("Bob", 0.6, 0.6, 1)
    said = enroll("Carl", 0.6, 0.6, 1)
    assert said.endswith("But this face may be Bob's: if so, forget Carl.")
    # Alike, but not as a stranger never is: 0.999, where the strict threshold is 0.9999.
    assert "But" not in enroll("Dora", 0.6, 0.65, 1)


@pytest.mark.parametrize("used", ["tint", "facenet-20180402-114759"])
def test_the_page_says_how_facenet_s_weights_are_used_if_they_wait(actions, monkeypatch, used):
    def told() -> bool:
        parts = app.lay_out(actions).blocks.values()
        return any("FaceNet" in str(getattr(part, "value", "")) for part in parts)

    monkeypatch.setattr(actions.reader.embedder, "name", used)
    monkeypatch.setattr(embedders, "facenet_is_here", lambda: False)
    assert not told()
    monkeypatch.setattr(embedders, "facenet_is_here", lambda: True)
    assert told() == (used == "tint")


def test_the_page_says_where_people_are_kept(reader, uploads, tmp_path):
    for file, said in ((None, "forgotten when the server ends"), (tmp_path / "g", "kept in `g`")):
        reader.gallery = None
        parts = app.lay_out(PageActions(reader, uploads, file)).blocks.values()
        assert any(said in str(getattr(part, "value", "")) for part in parts)


def test_a_page_for_a_notebook_is_built_with_the_reader_and_the_gallery_given(
    reader, uploads, tmp_path, monkeypatch
):
    made = []
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    monkeypatch.setattr(app, "lay_out", made.append)
    app.build_page(reader, tmp_path / "g")
    app.build_page(reader)
    assert [(one.reader, one.gallery_file, one.uploads) for one in made] == [
        (reader, tmp_path / "g", uploads),
        (reader, None, uploads),
    ]


def test_the_gallery_file_holds_who_is_enrolled_and_nobody_is_half_enrolled(
    reader, uploads, tmp_path, monkeypatch
):
    file = tmp_path / "friends.gallery"
    page = PageActions(reader, uploads, file)
    page.read("one", "a", as_file(tinted(1, 0.6, 0.6)))
    page.enroll("one", 0, 0, "Ann")
    before = file.read_bytes()

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(ValueError, match="cannot be written. The disk is full"):
            page.enroll("one", 0, 0, "Bob")
    assert page.people == reader.gallery.people == ["Ann"]
    assert file.read_bytes() == before and not list(tmp_path.glob(".part-*"))
    again = PageActions(FaceReader(models=stand_ins(), embedder=Tint()), uploads, file)
    assert again.people == ["Ann"] and identity_of(again, 1, 0.6, 0.61)["name"] == "Ann"


def test_a_threshold_that_was_set_outlives_the_last_person_and_a_new_start(
    reader, uploads, tmp_path
):
    file = tmp_path / "friends.gallery"
    gallery = Gallery.empty("tint", 0.77).enroll("Ann", np.ones((1, 3)))
    save_gallery(gallery, file)
    page = PageActions(reader, uploads, file)
    page.forget("Ann")
    assert load_gallery(file).threshold == 0.77
    page = PageActions(FaceReader(models=stand_ins(), embedder=Tint()), uploads, file)
    page.read("one", "a", as_file(tinted(0.6, 0.6, 1)))
    page.enroll("one", 0, 0, "Bob")
    assert load_gallery(file).threshold == 0.77 and load_gallery(file).people == ["Bob"]


def test_the_embedder_of_the_gallery_is_the_one_that_enrols(reader, uploads, tmp_path, monkeypatch):
    file = tmp_path / "friends.gallery"
    monkeypatch.setattr(page_actions, "SmallEmbedder", Tint)
    monkeypatch.setattr(page_actions, "embedder_of", lambda gallery: Tint())
    assert PageActions(FaceReader(models=stand_ins()), uploads).reader.embedder.name == "tint"
    save_gallery(Gallery.empty("another", 0.5).enroll("a", np.ones((1, 3))), file)
    with pytest.raises(ValueError, match="was made with another"):
        PageActions(reader, uploads, file)


def test_a_name_cannot_bring_its_own_markup(ask, enroll):
    evil = "<img src=x onerror=alert(1)>\"'${x}"
    enroll(evil, 1, 0.6, 0.6)
    answer = ask("read", **photo(1, 0.6, 0.61, name=evil))
    for told in (answer["result"], answer["people"]):
        assert "<img src=x" not in told and "&lt;img src=x" in told
    # The script puts sentences on the page as text.
    assert evil in ask("forget", name=evil)["told"]
    assert "Nobody is enrolled yet" in ask("look")["people"]


# The command.


@pytest.fixture
def without_networks(monkeypatch):
    monkeypatch.setattr(models, "load", stand_ins().get)
    monkeypatch.setattr(page_actions, "SmallEmbedder", Tint)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", os.environ.get("GRADIO_TEMP_DIR", ""))
    # Nobody answers at that proxy: the server asks none, not even about itself.
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    # What a shell starts in the background ignores Ctrl-C, and a server keeps to that.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    usual_end = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGINT, usual)
    signal.signal(signal.SIGTERM, usual_end)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_a_busy_port_is_one_sentence(capfd):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert capfd.readouterr().err == (
        f"Error: Port {port} is in use; choose another one with --port.\n"
    )


def test_what_cannot_be_served_is_one_sentence(tmp_path, capfd, without_networks):
    (tmp_path / "damaged").write_text("no gallery")
    for arguments, sentence in {
        ("--host", "192.0.2.1"): "no address 192.0.2.1",
        ("--host", "[2001:db8::1]"): "no address 2001:db8::1",
        ("--host", "a" * 300): "no address aaa",
        ("--gallery", str(tmp_path)): "It is a folder",
        ("--gallery", str(tmp_path / "no" / "g")): "Its folder does not exist",
        ("--gallery", str(tmp_path / "damaged")): "not a gallery",
    }.items():
        assert main(["serve", "--port", str(free_port()), *arguments]) == 1
        printed = capfd.readouterr().err
        assert sentence in printed and printed.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        main(["serve", "--port", "70000"])


def test_without_gradio_one_sentence_says_what_to_install(monkeypatch, capfd, without_networks):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "reading_faces.page")
    monkeypatch.delattr("reading_faces.page")
    assert main(["serve", "--port", str(free_port())]) == 1
    assert capfd.readouterr().err == (
        'Error: The web page needs Gradio: python -m pip install "reading-faces[app]"\n'
    )


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_the_server_answers_here_alone_and_leaves_nothing_behind(ended_by, without_networks):
    # No capfd here: a server that starts makes absl close the standard error that it knew before.
    port, seen, printed = free_port(), [], io.StringIO()

    def visit():
        seen.append(wait_for(f"http://127.0.0.1:{port}/").status_code)
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        seen.extend([folder, folder.stat().st_mode & 0o077])
        # All of 127.* is this machine: only a server for every address answers at another one.
        with socket.socket() as other:
            other.settimeout(2)
            seen.append(other.connect_ex(("127.0.0.2", port)) == 0)
        os.kill(os.getpid(), ended_by)

    visitor = threading.Thread(target=visit)
    visitor.start()
    with contextlib.redirect_stdout(printed):
        assert main(["serve", "--port", str(port)]) == 130
    visitor.join()
    assert printed.getvalue() == f"Reading faces at http://127.0.0.1:{port}/ (Ctrl-C ends it)\n"
    status, folder, opened_to_others, elsewhere = seen
    assert status == 200 and not opened_to_others and not elsewhere
    assert not folder.exists()
    with socket.socket() as ended:
        assert ended.connect_ex(("127.0.0.1", port)) != 0


# The page as it is served, with the models that ship.


def wait_for(address: str) -> requests.Response:
    """Ask until somebody answers."""
    for _ in range(600):
        with contextlib.suppress(requests.ConnectionError):
            return ASK.get(address)
        time.sleep(0.1)
    raise TimeoutError(address)


@pytest.fixture(scope="module")
def served(shipped, tmp_path_factory):
    """Give the page's address, the folder of what is sent, the gallery's file, and the app."""
    import uvicorn

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("sent")
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        gallery = tmp_path_factory.mktemp("people") / "friends.gallery"
        port, reader = free_port(), FaceReader(models=shipped.load())
        made = []
        lay_out = app.lay_out
        patch.setattr(app, "lay_out", lambda actions: made.append(actions) or lay_out(actions))
        fastapi = app.build_app(reader, gallery)
        server = uvicorn.Server(
            uvicorn.Config(fastapi, port=port, log_level="critical", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        url = f"http://127.0.0.1:{port}/"
        wait_for(url)
        yield SimpleNamespace(url=url, folder=folder, gallery=gallery, actions=made[0])
        server.should_exit = True
        thread.join()


def post(served, name: str, content: bytes, field: str = "photo") -> requests.Response:
    files = {field: (name, content)}
    return ASK.post(f"{served.url}predict", files=files, timeout=120)


def test_a_program_gets_what_predict_prints_and_nothing_is_kept(served, portraits, shipped):
    path = portraits["collins"]
    answer = post(served, "face 🙂.png", path.read_bytes()).json()
    expected = shipped.read_one(path).to_dict()
    assert list(answer) == ["left_out", "images"]
    (image,) = answer["images"]
    assert len(image["faces"]) == 1 and image["faces"][0]["emotion"]["happy"] > 0.5
    assert image == expected | {"path": "face 🙂.png"}
    assert files_in(served.folder) == []


def test_one_photo_from_several_programs_at_once_is_read_for_each(served, portraits):
    content = portraits["collins"].read_bytes()
    answers = []

    def ask():
        answers.append(post(served, "same.png", content).json()["images"][0])

    visitors = [threading.Thread(target=ask) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert [len(image["faces"]) for image in answers] == [1] * 4
    assert answers == [answers[0]] * 4


def test_bad_files_over_the_network_are_sentences_and_the_server_goes_on(served, tmp_path):
    for name, sentence in bad_files(tmp_path).items():
        if (tmp_path / name).exists():
            answer = post(served, "me.jpg", (tmp_path / name).read_bytes())
            assert answer.status_code == 200
            (image,) = answer.json()["images"]
            assert sentence in image["error"] and image["path"] == "me.jpg"
    assert files_in(served.folder) == []


def test_what_is_no_photo_in_a_form_is_refused(served, portraits):
    address = f"{served.url}predict"
    for options in ({"data": {"photo": str(portraits["collins"])}}, {"json": {"photo": "x"}}):
        answer = ASK.post(address, **options)
        assert answer.status_code == 400 and "a file called photo" in answer.json()["detail"]
    assert post(served, "me.png", b"x", "picture").status_code == 400
    assert portraits["collins"].exists()


def test_too_large_a_file_is_refused_and_not_kept(served):
    assert post(served, "large.jpg", bytes(21 * 2**20)).status_code == 413
    endless = (bytes(2**20) for _ in range(2))  # says no length
    answer = ASK.post(f"{served.url}predict", data=endless)
    assert answer.status_code == 413
    files = {"files": ("large.jpg", bytes(21 * 2**20))}
    answer = ASK.post(f"{served.url}gradio_api/upload", files=files, timeout=60)
    assert answer.status_code == 413 and "maximum allowed size" in answer.text
    answer = call(served, do="read", name="large.jpg", photo="A" * (28 * 2**20))
    assert answer.json()["told"] == "Not done. A photo has at most 20 MB."
    assert call(served, do="read", name="a", photo="A" * (31 * 2**20)).status_code == 413
    assert files_in(served.folder) == []


def call(served, **what) -> requests.Response:
    """Call the page's function as its script does."""
    parts = ASK.get(f"{served.url}config").json()["components"]
    (page,) = [part for part in parts if part["props"].get("server_fns") == ["answer"]]
    what = {"visitor": "program"} | what
    body = {"component_id": page["id"], "fn_name": "answer", "session_hash": "a", "data": what}
    return ASK.post(f"{served.url}gradio_api/component_server", json=body, timeout=120)


def test_no_path_and_no_address_is_ever_taken_from_a_visitor(served, portraits):
    """Nothing of the page takes a file of the machine: only what is in a photo, as letters."""
    parts = ASK.get(f"{served.url}config").json()
    kinds = {part["type"] for part in parts["components"]}
    assert kinds == {"markdown", "html", "textbox", "form", "tabs", "tabitem"}
    for path in (portraits["collins"], f"{served.url}theme.css", "http://127.0.0.1/a.png"):
        for photo in (str(path), {"path": str(path)}, {"url": str(path)}):
            answer = call(served, do="read", name=str(path), photo=photo).json()
            assert answer["told"] in (
                "Not done. This is no photo file.",
                "Not done. This is not a picture that can be read.",
            )
    assert portraits["collins"].exists() and files_in(served.folder) == []


def test_the_page_records_nothing_and_has_no_endpoint_of_gradios(served):
    settings = ASK.get(f"{served.url}config").json()
    assert settings["run_history"] is False and settings["analytics_enabled"] is False
    about = ASK.get(f"{served.url}gradio_api/info").json()
    assert about["named_endpoints"] == {} and about["unnamed_endpoints"] == {}


def test_a_page_that_a_notebook_launches_is_private(actions, monkeypatch):
    import gradio

    launched = {}
    monkeypatch.setattr(gradio.Blocks, "launch", lambda page, **options: launched.update(options))
    page = app.lay_out(actions)
    page.launch(inline=False)
    assert launched["share"] is False and launched["run_history"] is False
    assert launched["enable_monitoring"] is False and launched["inline"] is False
    assert page.analytics_enabled is False
    page.launch(share=True)
    assert launched["share"] is True, "who asks for it gets it"


# The page in a browser.

in_browser = pytest.mark.whole

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
FLAGS += "--disable-background-networking --disable-component-update"


@pytest.fixture(scope="module")
def browser():
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not chromium:
        pytest.skip("there is no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as tool:
        program = tool.chromium.launch(executable_path=chromium, args=FLAGS.split())
        yield program
        program.close()


@pytest.fixture
def collins(portraits) -> Path:
    return portraits["collins"]


@pytest.fixture
def visit(browser, served):
    """Open the page at a width; `asked` are the addresses that it has asked for."""
    contexts = []

    def at(width: int = 1280, height: int = 900):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(served.url)
        page.get_by_text("Drop photos here").wait_for()
        return page

    yield at
    for context in contexts:
        context.close()


def read_in(page, *photos: Path) -> str:
    """Have photos read as a visitor would; return what the page says then."""
    page.set_input_files("#photos", photos)
    page.locator("#told", has_text=re.compile("^(Done|No face|Not done|.*: Not done)")).wait_for()
    return page.locator("#told").inner_text()


@in_browser
def test_a_visitor_reads_enrols_and_forgets(visit, served, collins):
    page = visit()
    assert read_in(page, collins) == "Done: 1 face was read."
    page.get_by_alt_text("The photo with its 1 face marked. Face 1: happy").wait_for()
    card = page.get_by_role("article", name="Face 1: unknown")
    assert "happy" in card.inner_text() and card.get_by_role("row").count() == 7
    card.get_by_role("textbox", name="Name of face 1").fill("Eileen")
    page.keyboard.press("Enter")
    page.get_by_text("Eileen is enrolled by 1 face").wait_for()
    page.get_by_role("article", name="Face 1: Eileen").wait_for()
    page.get_by_alt_text(re.compile(r"Face 1: happy \d+%, Eileen")).wait_for()
    assert page.evaluate("document.activeElement.innerText") == "Enrol"
    assert load_gallery(served.gallery).people == ["Eileen"]
    for link, ending in {"CSV": "csv", "JSON": "json", "Picture (JPEG)": "jpg"}.items():
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        assert download.value.suggested_filename.endswith(ending)
        content = Path(download.value.path()).read_bytes()
        assert content[:2] == b"\xff\xd8" if ending == "jpg" else b"Eileen" in content
    page.get_by_role("button", name="Forget Eileen").click()
    page.get_by_text("Eileen is forgotten.").wait_for()
    page.get_by_role("article", name="Face 1: unknown").wait_for()
    assert load_gallery(served.gallery).people == []
    page.get_by_role("button", name="Enrol").click()
    page.get_by_text("Not done. Type a name first.").wait_for()
    assert files_in(served.folder) == []
    outside = [url for url in page.asked if not url.startswith((served.url, "data:", "blob:"))]
    assert page.asked and not outside


@in_browser
def test_several_photos_and_a_broken_one_are_read_together(visit, collins, portraits, tmp_path):
    (tmp_path / "broken.jpg").write_text("This is no picture.")
    page = visit()
    said = read_in(page, collins, tmp_path / "broken.jpg", portraits["hopper"])
    page.get_by_text("broken.jpg: Not done. This is not a picture that can be read.").wait_for()
    assert page.locator("figure").count() == page.get_by_role("article").count() == 2, said


@in_browser
def test_a_photo_may_be_dropped_pasted_or_be_an_example(visit, collins):
    page = visit()
    page.get_by_role("button", name="Grace Hopper").click()
    page.get_by_text("Grace Hopper: 1 face").wait_for()
    coded = base64.b64encode(collins.read_bytes()).decode()
    given = page.evaluate_handle(
        """async (coded) => {
          const given = new DataTransfer();
          const file = await (await fetch(`data:image/png;base64,${coded}`)).blob();
          given.items.add(new File([file], "given.png", { type: "image/png" }));
          return given;
        }""",
        coded,
    )
    for kind in ("drop", "paste"):
        page.evaluate(
            """([kind, given]) => document.body.dispatchEvent(kind == "drop"
              ? new DragEvent(kind, { dataTransfer: given, bubbles: true, cancelable: true })
              : new ClipboardEvent(kind, { clipboardData: given, bubbles: true }))""",
            [kind, given],
        )
        page.get_by_text("given.png: 1 face").wait_for()
        page.get_by_role("button", name="Grace Hopper").click()
        page.get_by_text("Grace Hopper: 1 face").wait_for()


@in_browser
def test_two_visitors_send_one_photo_and_one_leaves_while_it_is_read(visit, served, collins):
    pages = [visit(), visit(), visit()]
    for page in pages:
        page.set_input_files("#photos", collins)
    pages[0].reload()
    for page in pages[1:]:
        page.get_by_text("Done: 1 face was read.").wait_for()
    assert read_in(pages[0], collins) == "Done: 1 face was read."
    assert files_in(served.folder) == []


@in_browser
def test_nothing_of_a_visit_stays_in_memory_after_it(visit, served, collins):
    page = visit()
    read_in(page, collins)
    actions = served.actions
    before = set(actions._visits)
    assert before
    page.close()
    wait_until = time.monotonic() + 60
    while len(actions._visits) == len(before) and time.monotonic() < wait_until:
        time.sleep(0.2)
    assert set(actions._visits) < before


@in_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window_with_a_reading_on_it(visit, collins, width):
    page = visit(width)
    read_in(page, collins)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture, card = (page.locator(part).bounding_box() for part in ("figure > img", ".card"))
    assert (card["y"] >= picture["y"] + picture["height"]) == (width == 390)


@in_browser
def test_the_page_can_be_used_by_keyboard_and_by_ear(visit, collins):
    page = visit()
    read_in(page, collins)
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = [
        int(tag[1]) for tag in page.locator("h1, h2, h3").evaluate_all("x => x.map(e => e.tagName)")
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("(document.activeElement.innerText || document.activeElement.id).trim()")
        )
    for button in ("photos", "Grace Hopper", "CSV", "JSON", "Picture (JPEG)", "Enrol"):
        assert button in reached
    tree = page.locator("body").aria_snapshot()
    nameless = [
        line
        for line in tree.splitlines()
        if line.strip().lstrip("- ").rstrip(":") in ("button", "textbox", "img", "article", "link")
    ]
    assert 'textbox "Name of face 1"' in tree and not nameless
    assert page.locator("#told[role=status]").get_attribute("aria-live") == "polite"


CONTRAST = """() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    const lines = parts.slice(0, 3).map((c) => {
      c /= 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * lines[0] + 0.7152 * lines[1] + 0.0722 * lines[2];
  };
  const behind = (part) => {
    for (; part; part = part.parentElement) {
      const colour = getComputedStyle(part).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  return [...document.querySelectorAll("p, h1, h2, h3, button, .button, th, td, span, li")]
    .filter((part) => part.innerText?.trim() && part.checkVisibility())
    .map((part) => {
      const [a, b] = [light(getComputedStyle(part).color), light(behind(part))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), part.innerText.slice(0, 40)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(visit, collins, scheme):
    page = visit()
    page.emulate_media(color_scheme=scheme)
    page.reload()
    page.get_by_text("Drop photos here").wait_for()
    read_in(page, collins)
    assert page.evaluate(CONTRAST) == []


@in_browser
def test_without_a_camera_the_page_says_so(visit):
    page = visit()
    page.get_by_role("tab", name="Live").click()
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_text(re.compile("There is no (camera|permission to use the camera)")).wait_for()


def write_film(path: Path) -> Path:
    """Write a film of a portrait that moves, as Chromium plays it for a camera."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n")
        for number in range(30):
            frame = portrait(600).crop((10 + number, 40, 490 + number, 400)).resize((640, 480))
            yuv = cv2.cvtColor(np.array(frame), cv2.COLOR_RGB2YUV_I420)
            file.write(b"FRAME\n" + yuv.tobytes())
    return path


@in_browser
def test_a_camera_is_followed_until_it_is_stopped(served, browser, tmp_path):
    film = write_film(tmp_path / "film.y4m")
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    camera += [f"--use-file-for-fake-video-capture={film}", *FLAGS.split()]
    path = next(filter(None, map(shutil.which, BROWSERS)))
    program = browser.browser_type.launch(executable_path=path, args=camera)
    page = program.new_page()
    page.set_default_timeout(60_000)
    page.goto(served.url)
    page.get_by_role("tab", name="Live").click()
    page.get_by_role("button", name="Start the camera").click()
    seen = set()
    for _ in range(20):
        page.wait_for_selector("canvas[data-faces]:not([hidden])")
        seen.add(page.locator("canvas").get_attribute("data-faces"))
        page.wait_for_timeout(200)
    assert {one.split()[0] for one in seen if one} == {"1"}
    page.get_by_role("button", name="Stop the camera").click()
    page.locator("canvas").wait_for(state="hidden")
    program.close()
    assert files_in(served.folder) == []
