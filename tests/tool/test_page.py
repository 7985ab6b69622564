"""`serve` shows what was read from a photo, keeps no picture, and says what is wrong."""

import contextlib
import errno
import io
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import requests
from faces import (
    UPLOAD,
    Cheerful,
    MeanFace,
    Smiling,
    Tint,
    bad_files,
    portrait,
    put_upload,
    tinted,
    wall,
)
from PIL import Image

from helpers import detect, models
from helpers import gallery as identity
from reading_faces import page as app
from reading_faces.__main__ import main
from reading_faces.commands import serve as serve_command
from reading_faces.page_actions import Desk, load_reader
from reading_faces.reader import FaceReader


@pytest.fixture
def reader():
    return FaceReader(
        keypoints=MeanFace(), emotion=Cheerful(), action_units=Smiling(), embedder=Tint()
    )


@pytest.fixture
def uploads(tmp_path):
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


@pytest.fixture
def desk(reader, uploads):
    return Desk(reader, Tint(), uploads)


@pytest.fixture
def send(uploads):
    """Return a function that sends a file to the server."""
    return lambda path: put_upload(path, uploads)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


# What the page says of a photo, without a page.


def test_a_photo_becomes_a_picture_a_table_and_a_chart_and_is_deleted(desk, send, tmp_path):
    portrait().save(tmp_path / "me.png")
    upload = send(tmp_path / "me.png")
    reading, marked, embeddings = desk.read(upload)
    assert app.tell(reading) == "Done: 1 face was read."
    assert marked.shape == (240, reading.width, 3) and (marked != np.array(portrait())).any()
    assert embeddings.shape == (1, 3)
    shown = app.report(reading, marked, {"AU12": 0.95})
    assert 'alt="The photo with its 1 face marked. Face 1: happy 70%."' in shown
    assert 'alt="Bar chart of face 1: happy 70%, ' in shown
    # AU6 and AU12 are both at 0.9; only the first is above its threshold.
    assert "<td>AU6</td>" in shown and "<th>name</th>" not in shown
    assert not Path(upload["path"]).parent.exists()


def test_a_bad_file_is_said_to_be_bad_and_nothing_is_shown(desk, send, tmp_path):
    for name in bad_files(tmp_path):
        reading, marked, embeddings = desk.read(send(tmp_path / name))
        assert marked is None and not len(embeddings)
        assert app.tell(reading).startswith('<span class="failed">Not done. ')
        assert app.report(reading, marked, {}) == app.NOTHING


def test_where_there_is_no_face_the_page_says_so(desk, send, tmp_path):
    wall().save(tmp_path / "wall.png")
    reading, marked, embeddings = desk.read(send(tmp_path / "wall.png"))
    assert app.tell(reading) == "No face was found on this photo."
    shown = app.report(reading, marked, {})
    assert "no face was found" in shown and "<table" not in shown and not len(embeddings)


def test_what_was_not_sent_is_neither_read_nor_deleted(desk, uploads, tmp_path):
    portrait().save(tmp_path / "private.png")
    inside_out = uploads / ".." / "private.png"
    for path in (tmp_path / "private.png", inside_out, uploads, "a\0b"):
        reading, marked, _ = desk.read({"path": str(path)})
        assert "was not sent" in reading.error and marked is None
    assert (tmp_path / "private.png").exists()
    for nothing in (None, {}, {"path": None, "url": "data:image/png;base64,AAAA"}):
        assert "no photo yet" in desk.read(nothing)[0].error


def test_too_little_memory_is_a_sentence(desk, send, tmp_path, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    portrait().save(tmp_path / "large.png")
    monkeypatch.setattr(detect, "detect_faces", fail)
    assert "not enough memory" in desk.read(send(tmp_path / "large.png"))[0].error


# People.


@pytest.fixture
def face(desk, send, tmp_path):
    """Return the embeddings of the faces of a photo under light of a colour."""

    def read(*colour) -> np.ndarray:
        path = tmp_path / f"{colour}.png"
        tinted(*colour).save(path)
        return desk.read(send(path))[2]

    return read


def name_of(desk, send, path: Path) -> str | None:
    return desk.predict(send(path))["images"][0]["faces"][0]["identity"]["name"]


def test_who_is_enrolled_is_named_until_they_are_forgotten(desk, send, face, tmp_path):
    said = desk.enroll("  Ann\nLee ", 1, face(1, 0.6, 0.6))
    assert said == "Ann Lee is enrolled by 1 face, and is named from now on."
    for colour, name in (((1, 0.6, 0.61), "Ann Lee"), ((0.6, 0.6, 1), None)):
        tinted(*colour).save(tmp_path / "again.png")
        assert name_of(desk, send, tmp_path / "again.png") == name
    assert desk.forget("Ann Lee") == "Ann Lee is forgotten."
    tinted(1, 0.6, 0.61).save(tmp_path / "again.png")
    (image,) = desk.predict(send(tmp_path / "again.png"))["images"]
    assert "identity" not in image["faces"][0]


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
def test_who_cannot_be_enrolled_is_a_sentence(desk, face, name, number, sentence):
    with pytest.raises(ValueError, match=sentence):
        desk.enroll(name, number, face(1, 1, 1))
    assert desk.reader.gallery is None


def test_without_a_face_or_a_known_name_nothing_changes(desk):
    for nothing in (None, np.zeros((0, 0))):
        with pytest.raises(ValueError, match="Read a photo with a face"):
            desk.enroll("Ann", 1, nothing)
    with pytest.raises(ValueError, match="Nobody called Ann"):
        desk.forget("Ann")


def test_the_gallery_file_holds_who_is_enrolled_and_nobody_is_half_enrolled(
    reader, uploads, face, tmp_path, monkeypatch
):
    monkeypatch.setattr(identity, "SmallEmbedder", Tint)
    file = tmp_path / "friends.gallery"
    desk = Desk(reader, Tint(), uploads, file)
    desk.enroll("Ann", 1, face(1, 0.6, 0.6))
    assert load_reader(file)[0].gallery.people == ["Ann"]
    before = file.read_bytes()

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(ValueError, match="cannot be written. The disk is full"):
        desk.enroll("Bob", 1, face(0.6, 0.6, 1))
    assert desk.gallery.people == ["Ann"] and reader.gallery.people == ["Ann"]
    assert file.read_bytes() == before and not list(tmp_path.glob(".part-*"))
    monkeypatch.undo()
    monkeypatch.setattr(identity, "SmallEmbedder", Tint)
    desk.forget("Ann")
    assert load_reader(file)[0].gallery is None


def test_a_name_cannot_bring_its_own_markup(desk, send, face, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    desk.enroll(evil, 1, face(1, 0.6, 0.6))
    tinted(1, 0.6, 0.61).save(tmp_path / "again.png")
    reading, marked, _ = desk.read(send(tmp_path / "again.png"))
    shown = app.report(reading, marked, {})
    assert reading.faces[0].identity[0] == evil
    assert "<img src=x" not in shown and "&lt;img src=x" in shown


# The command.


@pytest.fixture
def stand_ins(monkeypatch):
    loaded = {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": Smiling()}
    monkeypatch.setattr(models, "load", loaded.get)
    monkeypatch.setattr(identity, "SmallEmbedder", Tint)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    import gradio  # noqa: F401  first here: it keeps the folder that it is imported with

    # The command sets these: back to what they were afterwards. And nobody answers at that proxy.
    for name in ("GRADIO_TEMP_DIR", "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
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


def test_what_cannot_be_served_is_one_sentence(tmp_path, capfd, stand_ins):
    (tmp_path / "damaged").write_text("no gallery")
    for arguments, sentence in {
        ("--host", "192.0.2.1"): "no address 192.0.2.1",
        ("--gallery", str(tmp_path)): "It is a folder",
        ("--gallery", str(tmp_path / "no" / "g")): "There is no such folder",
        ("--gallery", str(tmp_path / "damaged")): "not a gallery",
    }.items():
        assert main(["serve", "--port", str(free_port()), *arguments]) == 1
        printed = capfd.readouterr().err
        assert sentence in printed and printed.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        main(["serve", "--port", "70000"])


def test_without_gradio_one_sentence_says_what_to_install(monkeypatch, capfd, stand_ins):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["serve", "--port", str(free_port())]) == 1
    assert capfd.readouterr().err == (
        'Error: The web page needs Gradio: python -m pip install "reading-faces[app]"\n'
    )


def test_the_server_answers_here_alone_and_leaves_nothing_behind(monkeypatch, stand_ins):
    # No capfd here: a server that starts makes absl close the standard error that it knew before.
    port, seen, printed = free_port(), [], io.StringIO()

    class Visit:
        """Ctrl-C, after one visit."""

        def wait(self):
            seen.append(requests.get(f"http://127.0.0.1:{port}/").status_code)
            folder = Path(os.environ["GRADIO_TEMP_DIR"])
            seen.extend([folder, folder.stat().st_mode & 0o077])
            # All of 127.* is this machine: only a server for every address answers at another one.
            with socket.socket() as other:
                other.settimeout(2)
                seen.append(other.connect_ex(("127.0.0.2", port)) == 0)
            raise KeyboardInterrupt

    monkeypatch.setattr(serve_command, "threading", SimpleNamespace(Event=Visit))
    with contextlib.redirect_stdout(printed):
        assert main(["serve", "--port", str(port)]) == 130
    assert printed.getvalue() == f"Reading faces at http://127.0.0.1:{port}/ (Ctrl-C ends it)\n"
    status, folder, opened_to_others, elsewhere = seen
    assert status == 200 and not opened_to_others and not elsewhere
    assert not folder.exists()
    with socket.socket() as ended:
        assert ended.connect_ex(("127.0.0.1", port)) != 0


# The page as it is served, with the models that ship.


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Give the page, its address, the folder of what is sent, and the gallery's file."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("sent")
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        gallery = tmp_path_factory.mktemp("people") / "friends.gallery"
        page = app.build_page(*load_reader(gallery), gallery)
        page.launch(
            server_name="127.0.0.1",
            server_port=free_port(),
            quiet=True,
            inline=False,
            prevent_thread_lock=True,
        )
        yield SimpleNamespace(page=page, url=page.local_url, folder=folder, gallery=gallery)
        page.close(verbose=False)


@pytest.fixture(scope="module")
def astronaut(tmp_path_factory) -> Path:
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("photos") / "astronaut 🙂 'quoted\".png"
    Image.fromarray(astronaut()).save(path)
    return path


def upload(served, name: str, content: bytes) -> requests.Response:
    files = {"files": (name, content)}
    return requests.post(f"{served.url}gradio_api/upload", files=files, timeout=60)


def ask(served, payload) -> tuple[str, object]:
    """Return the event with which the endpoint ends, and what it gives."""
    url = f"{served.url}gradio_api/call/predict"
    event = requests.post(url, json={"data": [payload]}, timeout=60).json()["event_id"]
    lines = requests.get(f"{url}/{event}", timeout=120).text.splitlines()
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


def test_the_endpoint_gives_what_predict_prints_and_keeps_nothing(served, astronaut):
    from gradio_client import Client, handle_file

    # Without this the client would take "path" in the result for a file that it shall fetch.
    client = Client(served.url, verbose=False, download_files=False)
    result = client.predict(handle_file(astronaut), api_name="/predict")
    expected = FaceReader().read_one(astronaut).to_dict()
    (image,) = result["images"]
    assert len(image["faces"]) == 1 and image["faces"][0]["emotion"]["happy"] > 0.5
    assert image | {"path": None} == expected | {"path": None}
    assert files_in(served.folder) == []


def test_bad_files_over_the_network_are_sentences_and_the_server_goes_on(served, tmp_path):
    for name, sentence in bad_files(tmp_path).items():
        if (tmp_path / name).exists():
            (path,) = upload(served, name, (tmp_path / name).read_bytes()).json()
            event, data = ask(served, {"path": path, "orig_name": name, "meta": UPLOAD})
            assert event == "complete"
            assert sentence in data[0]["images"][0]["error"]
            assert data[0]["images"][0]["path"] == name
    assert files_in(served.folder) == []


def test_too_large_a_file_is_refused_and_not_kept(served):
    response = upload(served, "large.jpg", bytes(21 * 2**20))
    assert response.status_code == 413 and "maximum allowed size" in response.text
    assert files_in(served.folder) == []


def test_the_server_reads_no_other_file_and_fetches_nothing(served, astronaut):
    for meta in ({"meta": UPLOAD}, {}):
        event, data = ask(served, {"path": str(astronaut), **meta})
        assert event == "error" or "was not sent" in data[0]["images"][0]["error"]
    assert astronaut.exists()
    event, data = ask(served, {"path": f"{served.url}theme.css", "meta": UPLOAD})
    assert event == "error" and "fetches nothing" in data["error"]


def test_a_page_that_a_notebook_launches_is_private_and_records_nothing(served):
    settings = requests.get(f"{served.url}config", timeout=60).json()
    assert settings["run_history"] is False and served.page.share is False
    assert served.page.analytics_enabled is False and settings["analytics_enabled"] is False
    assert served.page.launch.keywords["share"] is False
    about = requests.get(f"{served.url}gradio_api/info", timeout=60).json()
    assert list(about["named_endpoints"]) == ["/predict"]


# The page in a browser.

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


def test_a_visitor_reads_enrols_reads_again_and_forgets(visit, served, astronaut):
    page = visit()
    assert read_in(page, astronaut) == "Done: 1 face was read."
    assert "happy" in page.locator("#result table").inner_text()
    page.get_by_alt_text("The photo with its 1 face marked. Face 1: happy").wait_for()
    page.get_by_alt_text("Bar chart of face 1: happy").wait_for()
    page.get_by_label("Name").fill("Eileen")
    page.get_by_role("button", name="Enrol this face").click()
    page.get_by_text("Eileen is enrolled by 1 face").wait_for()
    page.get_by_text("Enrolled: Eileen.").wait_for()
    assert identity.load_gallery(served.gallery).people == ["Eileen"]
    assert read_in(page, astronaut) == "Done: 1 face was read."
    assert "Eileen" in page.locator("#result table").inner_text()
    page.get_by_alt_text(re.compile(r"Face 1: happy \d+%, Eileen")).first.wait_for()
    page.get_by_label("Name").fill("Eileen")
    page.get_by_role("button", name="Forget this name").click()
    page.get_by_text("Eileen is forgotten.").wait_for()
    assert identity.load_gallery(served.gallery).people == []
    page.get_by_role("button", name="Enrol this face").click()
    page.get_by_text("Not done. Type a name first.").wait_for()
    assert files_in(served.folder) == []
    outside = [url for url in page.asked if not url.startswith((served.url, "data:", "blob:"))]
    assert page.asked and not outside


def test_a_broken_file_is_a_sentence_on_the_page_and_the_next_photo_is_read(
    visit, astronaut, tmp_path
):
    (tmp_path / "broken.jpg").write_text("This is no picture.")
    page = visit()
    assert read_in(page, tmp_path / "broken.jpg") == (
        "Not done. This is not a picture that can be read."
    )
    assert read_in(page, astronaut) == "Done: 1 face was read."


def test_nothing_of_a_visit_stays_in_memory_after_it(visit, served, astronaut):
    page = visit()
    read_in(page, astronaut)
    held = served.page.state_holder.session_data
    before = set(held)
    assert before
    page.close()
    wait_until = time.monotonic() + 60
    while len(held) == len(before) and time.monotonic() < wait_until:
        time.sleep(0.2)
    assert set(held) < before


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window_with_a_reading_on_it(visit, astronaut, width):
    page = visit(width)
    read_in(page, astronaut)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than a telephone scrolls by itself, and a keyboard can get there.
    assert page.locator("[aria-label='Table of faces'][tabindex='0']").count() == 1


def test_the_page_can_be_used_by_keyboard_and_by_ear(visit, astronaut):
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
