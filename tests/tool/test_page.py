"""`serve` shows what was read from a photo, keeps no picture, and says what is wrong."""

import contextlib
import errno
import io
import itertools
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

import numpy as np
import pytest
import requests
from faces import Tint, bad_files, find_portrait, portrait, put_upload, stand_ins, tinted, wall

from helpers import detect, embedders, models
from helpers.gallery import Gallery
from reading_faces import page as app
from reading_faces import page_actions
from reading_faces.__main__ import main
from reading_faces.gallery_file import load_gallery, save_gallery
from reading_faces.page_actions import PageActions
from reading_faces.reader import FaceReader, FaceReading, PhotoReading

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
def send(uploads):
    """Return a function that sends a file to the server."""
    return lambda path: put_upload(path, uploads)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


# What the page says of a photo, without a page.


def test_a_photo_becomes_a_picture_a_table_and_a_chart_and_is_deleted(actions, send, tmp_path):
    portrait().save(tmp_path / "me.png")
    upload = send(tmp_path / "me.png")
    reading, marked, embeddings = actions.read(upload)
    assert app.tell(reading) == "Done: 1 face was read."
    assert marked.shape == (240, reading.width, 3) and (marked != np.array(portrait())).any()
    assert embeddings.shape == (1, 3)
    shown = app.report(reading, marked, {"AU12": 0.95})
    assert 'alt="The photo with its 1 face marked. Face 1: happy 70%."' in shown
    assert "<caption>Face 1: happy 70%</caption>" in shown
    # AU6 and AU12 are both at 0.9; only the first is above its threshold.
    assert "<td>AU6</td>" in shown and ">emotion</th>" in shown and ">name</th>" not in shown
    assert not Path(upload).parent.exists()


def test_an_action_unit_is_present_from_its_threshold_on():
    units = {"AU1": 0.5, "AU2": 0.49, "AU4": 0.7, "AU5": 0.7}
    face = FaceReading((0, 0, 9, 9), 1.0, action_units=units)
    row = app.to_row(1, face, {"AU1": 0.5, "AU2": 0.5, "AU4": 0.71})
    assert row["action units"] == "AU1 AU5", "0.5 where the card says nothing"
    assert app.to_row(1, face, dict.fromkeys(units, 0.9))["action units"] == "none"


def test_charts_are_drawn_for_the_first_faces_likeliest_emotion_first():
    emotions = [{"happy": 0.1 * n, "sad": 1 - 0.1 * n} for n in range(1, 10)]
    faces = [FaceReading((0, 0, 9, 9), 1.0, emotion=emotion) for emotion in emotions]
    shown = app.report(PhotoReading(None, 9, 9, None, faces), np.zeros((9, 9, 3), np.uint8), {})
    first, *_, last = charts = re.findall(r"<caption>.*?</table>", shown, re.DOTALL)
    assert len(charts) == app.MOST_CHARTS == 8
    assert re.findall(r"sad|happy|width: \d+%", first)[1:] == [
        *("sad", "width: 90%", "happy", "width: 10%")
    ]
    assert last.startswith("<caption>Face 8: happy 80%</caption>")
    assert last.index(">happy</th>") < last.index(">sad</th>")
    assert "drawn for the 8 largest faces only" in shown


def test_a_bad_file_is_said_to_be_bad_and_nothing_is_shown(actions, send, tmp_path):
    for name in bad_files(tmp_path):
        reading, marked, embeddings = actions.read(send(tmp_path / name))
        assert marked is None and not len(embeddings)
        assert app.tell(reading).startswith('<span class="failed">Not done. ')
        assert app.report(reading, marked, {}) == app.NOTHING


def test_where_there_is_no_face_the_page_says_so(actions, send, tmp_path):
    wall().save(tmp_path / "wall.png")
    reading, marked, embeddings = actions.read(send(tmp_path / "wall.png"))
    assert app.tell(reading) == "No face was found on this photo."
    shown = app.report(reading, marked, {})
    assert "no face was found" in shown and "<table" not in shown and not len(embeddings)


def test_what_was_not_sent_is_neither_read_nor_deleted(actions, uploads, tmp_path):
    portrait().save(tmp_path / "private.png")
    inside_out, address = uploads / ".." / "private.png", "http://example.com/a.png"
    for path in (tmp_path / "private.png", inside_out, uploads, "a\0b", address):
        reading, marked, _ = actions.read(str(path))
        assert "was not sent" in reading.error and marked is None
    assert (tmp_path / "private.png").exists()
    for nothing in (None, ""):
        assert "no photo yet" in actions.read(nothing)[0].error


@pytest.mark.parametrize("step", ["detect_faces", "crop_detected"])
def test_too_little_memory_is_a_sentence(actions, send, tmp_path, monkeypatch, step):
    def fail(*arguments):
        raise MemoryError

    portrait().save(tmp_path / "large.png")
    monkeypatch.setattr(detect, step, fail)
    assert "not enough memory" in actions.read(send(tmp_path / "large.png"))[0].error
    content = (tmp_path / "large.png").read_bytes()
    assert "not enough memory" in actions.predict("me", content)["images"][0]["error"]


# People.


@pytest.fixture
def face(actions, send, tmp_path):
    """Return the embeddings of the faces of a photo under light of a colour."""

    def read(*colour) -> np.ndarray:
        path = tmp_path / f"{colour}.png"
        tinted(*colour).save(path)
        return actions.read(send(path))[2]

    return read


def identity_of(actions, *colour) -> dict | None:
    """Return who the page says somebody is under light of a colour."""
    file = io.BytesIO()
    tinted(*colour).save(file, "png")
    (image,) = actions.predict("photo.png", file.getvalue())["images"]
    return image["faces"][0].get("identity")


def test_who_is_enrolled_is_named_until_they_are_forgotten(actions, face):
    said = actions.enroll("  Ann\nLee ", 1, face(1, 0.6, 0.6))
    assert said == "Ann Lee is enrolled by 1 face, and is named from now on."
    assert identity_of(actions, 1, 0.6, 0.61)["name"] == "Ann Lee"
    assert identity_of(actions, 0.6, 0.6, 1)["name"] is None
    assert actions.forget("Ann Lee") == "Ann Lee is forgotten."
    assert identity_of(actions, 1, 0.6, 0.61) is None


def test_two_visitors_read_and_enrol_at_once(actions, face, monkeypatch):
    """One enrols and forgets people while photos of another are read: each gets a whole answer."""
    first, last = face(1, 0.6, 0.6), threading.Event()
    answers, problems = set(), []

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
        actions.enroll("Ann", 1, first)
        time.sleep(0.005)
        actions.forget("Ann")
        time.sleep(0.005)
    last.set()
    for visitor in visitors:
        visitor.join()
    assert not problems
    assert answers == {None, "Ann"}


@pytest.mark.parametrize(
    ("name", "number", "sentence"),
    [
        ("", 1, "Type a name"),
        (None, 1, "Type a name"),
        (" \n", 1, "Type a name"),
        ("a" * 81, 1, "at most 80"),
        ("bell\a", 1, "at most 80"),
        ("Ann", 0, "faces 1 to 1"),
        ("Ann", 2, "faces 1 to 1"),
        ("Ann", 1.5, "faces 1 to 1"),
        ("Ann", None, "faces 1 to 1"),
    ],
)
def test_who_cannot_be_enrolled_is_a_sentence(actions, face, name, number, sentence):
    with pytest.raises(ValueError, match=sentence):
        actions.enroll(name, number, face(1, 1, 1))
    assert actions.people == []


def test_a_name_of_80_characters_is_not_too_long(actions, face):
    actions.enroll("a" * 80, 1, face(1, 1, 1))
    assert actions.people == ["a" * 80]


def test_the_face_of_the_number_is_the_one_that_is_enrolled(actions):
    red, blue = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    actions.enroll("Ann", 1, np.array([red, blue]))
    actions.enroll("Bob", 2, np.array([red, blue]))
    named = actions.reader.gallery.identify(np.array([red, blue]))
    assert [name for name, _ in named] == ["Ann", "Bob"]


def test_only_the_newest_of_a_person_s_faces_is_judged(actions, face):
    usual, odd = face(1, 0.1, 0.1), face(1, 0.6, 0.1)
    for _ in range(4):
        assert "But" not in actions.enroll("Ann", 1, usual)
    assert "not like the others of Ann" in actions.enroll("Ann", 1, odd)
    assert "But" not in actions.enroll("Ann", 1, usual)


def test_a_face_that_is_another_s_or_unlike_its_name_s_others_is_said(actions, face):
    assert "But" not in actions.enroll("Ann", 1, face(1, 0.6, 0.6))
    said = actions.enroll("Ann", 1, face(0.6, 1, 0.6))
    assert said.endswith("But this face is not like the others of Ann: is it a mistake?")
    said = actions.enroll("Bob", 1, face(0.6, 0.6, 1))
    assert "But" not in said
    said = actions.enroll("Carl", 1, face(0.6, 0.6, 1))
    assert said.endswith("But this face may be Bob's: if so, forget Carl.")


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


def test_without_a_face_or_a_known_name_nothing_changes(actions):
    for nothing in (None, np.zeros((0, 0))):
        with pytest.raises(ValueError, match="Read a photo with a face"):
            actions.enroll("Ann", 1, nothing)
    with pytest.raises(ValueError, match="Nobody called Ann"):
        actions.forget("Ann")


def test_the_gallery_file_holds_who_is_enrolled_and_nobody_is_half_enrolled(
    reader, uploads, face, tmp_path, monkeypatch
):
    file = tmp_path / "friends.gallery"
    page = PageActions(reader, uploads, file)
    page.enroll("Ann", 1, face(1, 0.6, 0.6))
    before = file.read_bytes()

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(ValueError, match="cannot be written. The disk is full"):
            page.enroll("Bob", 1, face(0.6, 0.6, 1))
    assert page.people == reader.gallery.people == ["Ann"]
    assert file.read_bytes() == before and not list(tmp_path.glob(".part-*"))
    again = PageActions(FaceReader(models=stand_ins(), embedder=Tint()), uploads, file)
    assert again.people == ["Ann"] and identity_of(again, 1, 0.6, 0.61)["name"] == "Ann"


def test_a_threshold_that_was_set_outlives_the_last_person_and_a_new_start(uploads, face, tmp_path):
    file = tmp_path / "friends.gallery"
    gallery = Gallery.empty("tint", 0.77).enroll("Ann", face(1, 0.6, 0.6))
    save_gallery(gallery, file)
    for act in (("forget", "Ann"), ("enroll", "Bob", 1, face(0.6, 0.6, 1))):
        page = PageActions(FaceReader(models=stand_ins(), embedder=Tint()), uploads, file)
        getattr(page, act[0])(*act[1:])
        assert load_gallery(file).threshold == 0.77
    assert load_gallery(file).people == ["Bob"]


def test_the_embedder_of_the_gallery_is_the_one_that_enrols(reader, uploads, tmp_path, monkeypatch):
    file = tmp_path / "friends.gallery"
    monkeypatch.setattr(page_actions, "SmallEmbedder", Tint)
    monkeypatch.setattr(page_actions, "embedder_of", lambda gallery: Tint())
    assert PageActions(FaceReader(models=stand_ins()), uploads).reader.embedder.name == "tint"
    save_gallery(Gallery.empty("another", 0.5).enroll("a", np.ones((1, 3))), file)
    with pytest.raises(ValueError, match="was made with another"):
        PageActions(reader, uploads, file)


def test_a_name_cannot_bring_its_own_markup(actions, send, face, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    actions.enroll(evil, 1, face(1, 0.6, 0.6))
    tinted(1, 0.6, 0.61).save(tmp_path / "again.png")
    reading, marked, _ = actions.read(send(tmp_path / "again.png"))
    shown = app.report(reading, marked, {})
    assert reading.faces[0].identity[0] == evil
    said, left = app.attempt(actions.forget, evil)
    refused, kept = app.attempt(actions.forget, evil)
    assert refused.startswith('<span class="failed">Not done. Nobody called &lt;img')
    assert (left, kept) == ("", evil)
    for told in (shown, said, refused, app.enrolled(["Ann", evil])):
        assert "<img src=x" not in told and "&lt;img src=x" in told
    assert app.enrolled([]) == "Enrolled: nobody yet."


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
    usual = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, usual)


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
        fastapi = app.build_app(reader, gallery)
        server = uvicorn.Server(
            uvicorn.Config(fastapi, port=port, log_level="critical", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        url = f"http://127.0.0.1:{port}/"
        wait_for(url)
        yield SimpleNamespace(url=url, folder=folder, gallery=gallery, app=fastapi)
        server.should_exit = True
        thread.join()


def post(served, name: str, content: bytes, field: str = "photo") -> requests.Response:
    files = {field: (name, content)}
    return ASK.post(f"{served.url}predict", files=files, timeout=120)


def upload(served, name: str, content: bytes) -> requests.Response:
    """Send a file as the page does in a browser."""
    address = f"{served.url}gradio_api/upload"
    return ASK.post(address, files={"files": (name, content)}, timeout=60)


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
    response = upload(served, "large.jpg", bytes(21 * 2**20))
    assert response.status_code == 413 and "maximum allowed size" in response.text
    assert files_in(served.folder) == []


def test_no_path_and_no_address_is_ever_taken_from_a_visitor(served, portraits):
    """A program can ask for what the buttons do; `read` is the one that takes a photo."""
    config = ASK.get(f"{served.url}config").json()
    # Who sends a file by its path or its address gets it read nowhere: no function of the page
    # takes a picture, only words.
    kinds = {part["id"]: part["type"] for part in config["components"]}
    asked = {
        kinds[i] for call in config["dependencies"] if call["backend_fn"] for i in call["inputs"]
    }
    assert asked == {"textbox", "number", "state"}
    read = next(c for c in config["dependencies"] if c["backend_fn"] and len(c["outputs"]) == 4)
    for path in (portraits["collins"], f"{served.url}theme.css"):
        call = {"data": [str(path)], "fn_index": read["id"], "session_hash": "program"}
        address = f"{served.url}gradio_api/queue"
        assert ASK.post(f"{address}/join", json=call).status_code == 200
        with ASK.get(f"{address}/data?session_hash=program", timeout=60, stream=True) as events:
            for line in events.iter_lines(decode_unicode=True):
                if "process_completed" in line:
                    break
        assert "was not sent to this page" in line
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

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
FLAGS += "--disable-background-networking --disable-component-update"


@pytest.fixture(scope="module")
def browser():
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
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
        page.get_by_role("button", name="Read the faces").wait_for()
        page.wait_for_selector("#told-reading[role=status]", state="attached")
        return page

    yield at
    for context in contexts:
        context.close()


def read_in(page, photo: Path) -> str:
    """Have a photo read as a visitor would; return what the page says then."""
    page.set_input_files("input[type=file]", photo)
    # A photo that has arrived can be taken away again, and is gone once it is read.
    chosen = page.get_by_role("button", name="Remove Image")
    chosen.wait_for()
    page.get_by_role("button", name="Read the faces").click()
    chosen.wait_for(state="detached")
    return page.locator("#told-reading").inner_text()


@in_browser
def test_a_visitor_reads_enrols_reads_again_and_forgets(visit, served, collins):
    page = visit()
    assert read_in(page, collins) == "Done: 1 face was read."
    assert "happy" in page.locator("#result .wide table").inner_text()
    page.get_by_alt_text("The photo with its 1 face marked. Face 1: happy").wait_for()
    page.get_by_role("table", name=re.compile("Face 1: happy")).wait_for()
    page.get_by_label("Name").fill("Eileen")
    page.get_by_role("button", name="Enrol this face").click()
    page.get_by_text("Eileen is enrolled by 1 face").wait_for()
    page.get_by_text("Enrolled: Eileen.").wait_for()
    assert load_gallery(served.gallery).people == ["Eileen"]
    assert read_in(page, collins) == "Done: 1 face was read."
    assert "Eileen" in page.locator("#result .wide table").inner_text()
    page.get_by_alt_text(re.compile(r"Face 1: happy \d+%, Eileen")).wait_for()
    page.get_by_label("Name").fill("Eileen")
    page.get_by_role("button", name="Forget this name").click()
    page.get_by_text("Eileen is forgotten.").wait_for()
    assert load_gallery(served.gallery).people == []
    page.get_by_role("button", name="Enrol this face").click()
    page.get_by_text("Not done. Type a name first.").wait_for()
    assert files_in(served.folder) == []
    outside = [url for url in page.asked if not url.startswith((served.url, "data:", "blob:"))]
    assert page.asked and not outside


@in_browser
def test_a_broken_file_is_a_sentence_on_the_page_and_the_next_photo_is_read(
    visit, collins, tmp_path
):
    (tmp_path / "broken.jpg").write_text("This is no picture.")
    page = visit()
    assert read_in(page, tmp_path / "broken.jpg") == (
        "Not done. This is not a picture that can be read."
    )
    assert read_in(page, collins) == "Done: 1 face was read."


@in_browser
def test_nothing_of_a_visit_stays_in_memory_after_it(visit, served, collins):
    page = visit()
    read_in(page, collins)
    parts = [getattr(part, "app", None) for part in served.app.routes]
    (page_app,) = [part for part in parts if hasattr(part, "get_blocks")]
    held = page_app.get_blocks().state_holder.session_data
    before = set(held)
    assert before
    page.close()
    wait_until = time.monotonic() + 60
    while len(held) == len(before) and time.monotonic() < wait_until:
        time.sleep(0.2)
    assert set(held) < before


@in_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window_with_a_reading_on_it(visit, collins, width):
    page = visit(width)
    read_in(page, collins)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than a telephone scrolls by itself, and a keyboard can get there.
    assert page.locator("[aria-label='Table of faces'][tabindex='0']").count() == 1


@in_browser
def test_the_page_can_be_used_by_keyboard_and_by_ear(visit, collins):
    page = visit()
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = [
        int(tag[1]) for tag in page.locator("h1, h2, h3").evaluate_all("x => x.map(e => e.tagName)")
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText.trim()"))
    for button in ("Read the faces", "Enrol this face", "Forget this name"):
        assert button in reached
    tree = page.locator("body").aria_snapshot()
    nameless = [
        line
        for line in tree.splitlines()
        if line.strip().lstrip("- ").rstrip(":") in ("button", "textbox", "spinbutton", "combobox")
    ]
    assert 'textbox "Name"' in tree and 'spinbutton "Face number' in tree and not nameless
    # By keyboard alone: Enter on the button, and the answer is in a region that is read aloud.
    page.get_by_role("button", name="Read the faces").focus()
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("There is no photo yet").wait_for()
    assert page.locator("#told-reading").get_attribute("aria-live") == "polite"
