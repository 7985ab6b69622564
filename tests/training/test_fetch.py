"""`fetch` and `verify`, against a server on this machine: whole, cut, wrong, refused."""

import hashlib
import io
import json
import sys
import threading
import types
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from data_samples import fer_rows, files_under, grey, write_table

from helpers import settings
from helpers.data import DataError, sources
from helpers.data.sources import Source, known_folder
from reading_faces.__main__ import main
from reading_faces.training.fetch import fetch, verify

CONTENT = bytes(range(256)) * 2_000


class Server(BaseHTTPRequestHandler):
    """Serves `content`; sends only `cut_at` bytes of it while that is set."""

    content, cut_at, asked = CONTENT, None, 0

    def do_GET(self):
        type(self).asked += 1
        if self.path.endswith("gone"):
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: self.cut_at])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = type("Handler", (Server,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        handler.url = f"http://127.0.0.1:{running.server_port}"
        yield handler
        running.shutdown()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "sets"))
    monkeypatch.setattr(settings, "data_folders", lambda: [tmp_path / "sets"])
    return tmp_path


def know(monkeypatch, **described) -> None:
    """Make `tiny` a known set."""
    known = Source("tiny", "a tiny set", "http://page", "tiny.bin", terms="none", **described)
    monkeypatch.setitem(sources.KNOWN, "tiny", known)


def know_file(monkeypatch, server, sha256="", path="/tiny.bin"):
    know(monkeypatch, downloads={server.url + path: sha256})


def refused(action, name="tiny") -> str:
    with pytest.raises(DataError) as caught:
        action(name)
    return str(caught.value)


def test_a_set_appears_in_its_folder_with_its_checksum_recorded(folders, server, monkeypatch):
    know_file(monkeypatch, server)
    folder = fetch("tiny")
    assert folder == folders / "sets" / "tiny"
    assert (folder / "tiny.bin").read_bytes() == CONTENT
    recorded = json.loads((folder / "checksums.json").read_text())
    assert recorded == {"tiny.bin": hashlib.sha256(CONTENT).hexdigest()}
    assert files_under(folders / "cache") == set()


def test_a_set_that_is_here_is_not_fetched_again(folders, server, monkeypatch):
    know_file(monkeypatch, server)
    fetch("tiny")
    fetch("tiny")
    assert server.asked == 1


def test_progress_is_shown(server, monkeypatch, capsys):
    know_file(monkeypatch, server)
    fetch("tiny")
    assert "100%" in capsys.readouterr().err


def test_a_published_checksum_is_checked(server, monkeypatch):
    know_file(monkeypatch, server, hashlib.sha256(CONTENT).hexdigest())
    assert fetch("tiny").is_dir()


def test_a_wrong_checksum_is_refused_and_nothing_stays(folders, server, monkeypatch):
    know_file(monkeypatch, server, "0" * 64)
    assert "SHA-256 is not the published one" in refused(fetch)
    assert files_under(folders) == set()


def test_a_cut_download_is_refused_and_the_next_one_is_whole(folders, server, monkeypatch):
    know_file(monkeypatch, server)
    server.cut_at = 131_072
    message = refused(fetch)
    assert "was not downloaded to its end" in message and "run the command again" in message
    assert files_under(folders) == set()
    server.cut_at = None
    assert (fetch("tiny") / "tiny.bin").read_bytes() == CONTENT


def test_an_address_that_is_gone_is_told(server, monkeypatch):
    know_file(monkeypatch, server, path="/gone")
    assert "answers 404" in refused(fetch)


def test_a_server_that_is_not_there_is_told(monkeypatch):
    know(monkeypatch, downloads={"http://127.0.0.1:9/tiny.bin": ""})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "check the network" in refused(fetch)


def test_a_zip_is_unpacked(server, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("s1/1.pgm", "P5")
    server.content = packed.getvalue()
    know_file(monkeypatch, server, path="/tiny.zip")
    assert files_under(fetch("tiny")) == {"s1/1.pgm", "checksums.json"}
    assert verify("tiny") == ["s1: SHA-256 as recorded."]
    folder = known_folder("tiny") / "s1"
    (folder / "1.pgm").rename(folder / "2.pgm")
    assert "s1 is not what was downloaded" in refused(verify)
    (folder / "1.pgm").write_text("P2")
    (folder / "2.pgm").unlink()
    assert "s1 is not what was downloaded" in refused(verify)


def test_a_zip_that_is_none_is_refused_and_nothing_stays(folders, server, monkeypatch):
    know_file(monkeypatch, server, path="/tiny.zip")
    assert "did not deliver the right file" in refused(fetch)
    assert files_under(folders) == set()


def test_a_folder_that_cannot_be_written_is_told(folders, server, monkeypatch):
    know_file(monkeypatch, server)
    (folders / "sets").write_text("in the way")
    assert "cannot be written" in refused(fetch)


def test_every_known_set_says_how_it_is_had():
    for name, source in sources.KNOWN.items():
        assert source.can_be_fetched != (name == "ckplus-action-units")
    ((address, sha256),) = sources.KNOWN["facenet"].downloads.items()
    assert address.endswith("/" + sources.KNOWN["facenet"].by_hand) and len(sha256) == 64


def test_a_set_goes_into_the_first_folder_that_can_be_written(folders, server, monkeypatch):
    know_file(monkeypatch, server)
    places = [folders / "locked" / "sets", folders / "mine" / "sets"]
    monkeypatch.setattr(settings, "data_folders", lambda: places)
    for name in ("locked", "mine"):
        (folders / name).mkdir()
    for open_ones in ([], ["mine"]):
        monkeypatch.setattr("os.access", lambda path, how, some=open_ones: path.name in some)
        if open_ones:
            assert fetch("tiny") == places[1] / "tiny"
        else:
            assert refused(fetch).startswith(f"Cannot write to {places[0]} or {places[1]}; set")


def test_an_unknown_name_lists_the_known_ones():
    assert "fer2013" in refused(fetch, "fer2014")


def test_a_changed_file_is_noticed(server, monkeypatch):
    know_file(monkeypatch, server)
    folder = fetch("tiny")
    assert verify("tiny") == ["tiny.bin: SHA-256 as recorded."]
    (folder / "tiny.bin").write_bytes(b"else")
    assert "is not what was downloaded" in refused(verify)


def test_a_lost_file_is_noticed(server, monkeypatch):
    know_file(monkeypatch, server)
    (fetch("tiny") / "tiny.bin").unlink()
    assert "is gone" in refused(verify)


def test_a_file_put_there_by_hand_must_be_the_published_one(folders, server, monkeypatch):
    know_file(monkeypatch, server, hashlib.sha256(CONTENT).hexdigest())
    (folders / "sets" / "tiny").mkdir(parents=True)
    (folders / "sets" / "tiny" / "tiny.bin").write_bytes(CONTENT)
    assert verify("tiny") == ["tiny.bin: SHA-256 as recorded."]
    (folders / "sets" / "tiny" / "tiny.bin").write_bytes(CONTENT[1:])
    assert "is not what was downloaded" in refused(verify)


def test_a_set_put_there_by_hand_is_told_by_its_rows(folders, monkeypatch):
    know(monkeypatch, rows={"tiny": 5})
    table = fer_rows(grey(2, 48), [0, 1], ["Training"] * 2)
    write_table(folders / "sets" / "tiny" / "tiny.csv", table)
    hand, rows = verify("tiny")
    assert "no checksum" in hand
    assert rows == "tiny.csv: 2 rows, published with 5."


def kaggle(monkeypatch, download):
    """Put a stand-in where kagglehub is imported from."""
    module = types.SimpleNamespace(dataset_download=download, competition_download=download)
    monkeypatch.setitem(sys.modules, "kagglehub", module)


def test_what_kaggle_delivers_is_checked_and_put_in_place(folders, monkeypatch):
    know(monkeypatch, kaggle="owner/tiny", kaggle_files="tiny*", rows={"tiny": 2})
    table = fer_rows(grey(2, 48), [0, 1], ["Training"] * 2)
    write_table(folders / "hub" / "tiny.csv", table)
    (folders / "hub" / "sample.csv").write_text("not wanted")
    kaggle(monkeypatch, lambda handle: str(folders / "hub"))
    assert files_under(fetch("tiny")) == {"tiny.csv", "checksums.json"}


def test_of_kaggle_a_data_set_is_asked_by_its_owner_and_a_competition_by_its_name(
    folders, monkeypatch
):
    (folders / "hub" / "faces" / "deep").mkdir(parents=True)
    (folders / "hub" / "faces" / "deep" / "1.png").write_text("a picture")
    asked = []

    def download(kind):
        return lambda handle: asked.append((kind, handle)) or str(folders / "hub")

    hub = {f"{kind}_download": download(kind) for kind in ("dataset", "competition")}
    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(**hub))
    for number, handle in enumerate(("owner/tiny", "tiny")):
        know(monkeypatch, kaggle=handle)
        monkeypatch.setattr(settings, "data_folders", lambda n=number: [folders / f"sets{n}"])
        assert files_under(fetch("tiny")) == {"faces/deep/1.png", "checksums.json"}
    assert asked == [("dataset", "owner/tiny"), ("competition", "tiny")]


def test_a_delivery_without_the_table_is_refused(folders, monkeypatch):
    know(monkeypatch, kaggle="owner/tiny", rows={"tiny": 5})
    (folders / "hub").mkdir()
    (folders / "hub" / "other.csv").write_text("something else")
    kaggle(monkeypatch, lambda handle: str(folders / "hub"))
    assert "holds no table that is known" in refused(fetch)
    assert files_under(folders / "sets") == set()


def test_a_delivery_with_too_few_rows_is_refused(folders, monkeypatch):
    know(monkeypatch, kaggle="owner/tiny", rows={"tiny": 5})
    table = fer_rows(grey(2, 48), [0, 1], ["Training"] * 2)
    write_table(folders / "hub" / "tiny.csv", table)
    kaggle(monkeypatch, lambda handle: str(folders / "hub"))
    assert "2 rows where 5 are published" in refused(fetch)
    assert files_under(folders / "sets") == set()


class UnauthenticatedError(Exception):
    pass


class Forbidden(Exception):
    response = types.SimpleNamespace(status_code=403)


class Unauthorized(Exception):
    response = types.SimpleNamespace(status_code=401)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (UnauthenticatedError(), "make an API token at https://www.kaggle.com/settings"),
        (Forbidden(), "accept its rules"),
        (Unauthorized(), "make an API token at https://www.kaggle.com/settings"),
        (ConnectionError("no route"), "no route"),
    ],
)
def test_what_kaggle_refuses_is_told_with_what_to_do(folders, monkeypatch, problem, said):
    def download(handle):
        raise problem

    know(monkeypatch, kaggle="tiny")
    kaggle(monkeypatch, download)
    message = refused(fetch)
    assert message.startswith("tiny was not downloaded to its end")
    assert said in message and "by hand" in message and "\n" not in message
    assert files_under(folders) == set()


def test_every_set_is_known_and_found_where_it_is(folders, server, monkeypatch):
    know_file(monkeypatch, server)
    assert sources.find_folder("tiny") is None
    fetch("tiny")
    assert sources.find_folder("tiny") == folders / "sets" / "tiny"
    known = {"fer2013", "facial-keypoints", "ckplus", "five-celebrities", "orl", "lfw", "facenet"}
    known |= {"celeba", "youtube-faces"}
    assert known <= set(sources.KNOWN)


def test_the_command_prints_the_folder_alone_and_the_list_where_it_is(
    folders, server, monkeypatch, capsys
):
    know_file(monkeypatch, server)
    assert main(["data", "fetch", "tiny"]) == 0
    assert capsys.readouterr().out == f"{folders / 'sets' / 'tiny'}\n"
    assert main(["data", "list", "--json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "tiny"]
    expected = {"name": "tiny", "what": "a tiny set", "terms": "none"}
    assert row == expected | {"found": str(folders / "sets" / "tiny")}
    assert main(["data", "list"]) == 0
    listed = capsys.readouterr().out
    assert f"{'tiny':20} {folders / 'sets' / 'tiny'}" in listed and "not here" in listed
    assert main(["data", "verify"]) == 0
    assert capsys.readouterr().out == "tiny: tiny.bin: SHA-256 as recorded.\n"


def test_where_no_set_is_there_is_nothing_to_verify(capsys):
    assert main(["data", "verify"]) == 1
    assert "No known data set is here" in capsys.readouterr().err


def test_a_set_that_is_not_known_fails_the_command(capsys):
    assert main(["data", "fetch", "fer2014"]) == 1
    assert "Error: 'fer2014' is no known data set" in capsys.readouterr().err


def test_a_set_without_a_download_is_had_by_hand_alone(folders):
    message = refused(fetch, "ckplus-action-units")
    assert "cannot be downloaded" in message and "ckplus_au.csv" in message
    missing = refused(sources.locate, "ckplus-action-units")
    assert "By hand" in missing and "data fetch" not in missing
    assert files_under(folders) == set()
