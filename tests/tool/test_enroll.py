"""People are enrolled from folders, named in photos, and strangers are not."""

import json

import pytest
from faces import Tint, find_portrait, stand_ins, tinted
from PIL import Image

from helpers import detect, embedders, models
from helpers.gallery import Gallery
from reading_faces import __main__
from reading_faces.gallery_file import load_gallery, save_gallery

LIGHT = {"ann": (1, 0.6, 0.6), "bob": (0.6, 0.6, 1)}


@pytest.fixture(autouse=True)
def without_networks(monkeypatch):
    monkeypatch.setattr(models, "load", stand_ins().get)
    monkeypatch.setattr(embedders, "best_embedder", lambda name: Tint())
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    monkeypatch.setattr(detect, "detect_faces", find_portrait)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)


@pytest.fixture
def friends(tmp_path):
    folder = tmp_path / "friends"
    for name, light in LIGHT.items():
        (folder / name).mkdir(parents=True)
        tinted(*light).save(folder / name / "1.png")
    return folder


def run(*arguments) -> int:
    return __main__.main([*map(str, arguments)])


def test_who_is_enrolled_is_named_and_a_stranger_is_not(friends, tmp_path, capfd):
    gallery = tmp_path / "friends.gallery"
    assert run("enroll", friends, "--out", gallery) == 0
    assert capfd.readouterr().out == "ann: 1 photo(s)\nbob: 1 photo(s)\n"
    for name, light in (LIGHT | {"green": (0.6, 1, 0.6)}).items():
        tinted(*light).save(tmp_path / f"{name}.png")
    photos = [tmp_path / f"{name}.png" for name in ("ann", "bob", "green")]
    assert run("predict", *photos, "--gallery", gallery, "--json") == 0
    faces = [i["faces"][0]["identity"] for i in json.loads(capfd.readouterr().out)["images"]]
    assert [face["name"] for face in faces] == ["ann", "bob", None]
    assert all(0 < face["score"] <= 1 for face in faces)
    assert run("predict", *photos, "--gallery", gallery) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "ann 1.00" in lines[1] and "nobody enrolled" in lines[3]
    table = tmp_path / "faces.csv"
    assert run("predict", *photos, "--gallery", gallery, "--csv", table) == 0
    assert table.read_text().splitlines()[1].count("ann") == 2  # the path, and the name


def test_photos_that_cannot_serve_are_named_and_the_others_do(friends, tmp_path, capfd):
    Image.new("RGB", (60, 40)).save(friends / "ann" / "wall.png")
    (friends / "bob" / "2.png").write_bytes(b"no picture")
    (friends / "carl").mkdir()
    Image.new("RGB", (60, 40)).save(friends / "carl" / "wall.png")
    assert run("enroll", friends, "--out", tmp_path / "g", "--threshold", "0.5") == 1
    printed = capfd.readouterr()
    assert "carl" not in printed.out and "carl: No face was found" in printed.err
    assert "ann: No face was found" in printed.err and "2.png" in printed.err
    gallery = load_gallery(tmp_path / "g")
    assert gallery.people == ["ann", "bob"] and gallery.threshold == 0.5


@pytest.mark.parametrize(
    ("asked", "kept"), [((), Tint.threshold), (("--threshold", 0), 0), (("--threshold", 1), 1)]
)
def test_the_threshold_is_the_one_asked_for_and_else_the_embedders(friends, asked, kept):
    assert run("enroll", friends, "--out", friends / "g", *asked) == 0
    assert load_gallery(friends / "g").threshold == kept


@pytest.mark.parametrize(
    ("options", "asked"), [((), "shipped"), (("--embedder", "facenet"), "facenet")]
)
def test_people_are_enrolled_by_the_embedder_asked_for(friends, options, asked, monkeypatch):
    names = []
    monkeypatch.setattr(embedders, "best_embedder", lambda name=None: names.append(name) or Tint())
    assert run("enroll", friends, "--out", friends / "g", *options) == 0
    assert names == [asked]


def test_where_nobody_can_be_enrolled_nothing_is_written(friends, tmp_path, capfd):
    for name in LIGHT:
        Image.new("RGB", (60, 40)).save(friends / name / "1.png")
    assert run("enroll", friends, "--out", tmp_path / "g") == 1
    assert "nobody is enrolled" in capfd.readouterr().err
    assert not (tmp_path / "g").exists()
    assert run("enroll", tmp_path / "nowhere", "--out", tmp_path / "g") == 1
    assert run("enroll", friends, "--out", tmp_path) == 1
    assert "It is a folder" in capfd.readouterr().err


@pytest.mark.parametrize("threshold", ["55", "-1.01", "nan", "inf", "high"])
def test_a_threshold_that_no_similarity_could_reach_is_wrong_usage(friends, threshold, capfd):
    with pytest.raises(SystemExit, match="2"):
        run("enroll", friends, "--out", friends / "g", f"--threshold={threshold}")
    assert f"'{threshold}' is no number from -1 to 1" in capfd.readouterr().err
    assert not (friends / "g").exists()


@pytest.mark.parametrize("by", ["name", "other spelling", "link"])
def test_a_photo_is_never_replaced_by_the_gallery(friends, by, capfd):
    photo, link = friends / "ann" / "1.png", friends / "link"
    link.symlink_to(photo)
    before = photo.read_bytes()
    spelled = f"{friends}/bob/../ann/1.png"
    out = {"name": photo, "other spelling": spelled, "link": link}[by]
    assert run("enroll", friends, "--out", out) == 2
    assert f"--out {out} would replace a file that is read" in capfd.readouterr().err
    assert photo.read_bytes() == before


def test_a_gallery_is_written_again_over_the_old_one_in_the_same_folder(friends):
    for _ in range(2):
        assert run("enroll", friends, "--out", friends / "g") == 0
    assert load_gallery(friends / "g").people == ["ann", "bob"]


def test_a_gallery_of_an_embedder_that_is_not_here_is_one_sentence(tmp_path, capfd):
    gallery = Gallery.empty("somebody else's", 0.5).enroll("ann", [[1.0, 0, 0]])
    save_gallery(gallery, tmp_path / "g")
    tinted(1, 1, 1).save(tmp_path / "photo.png")
    assert run("predict", tmp_path / "photo.png", "--gallery", tmp_path / "g") == 1
    printed = capfd.readouterr()
    assert "made with somebody else's" in printed.err and "Traceback" not in printed.err
    assert run("predict", tmp_path / "photo.png", "--gallery", tmp_path / "none") == 1
    assert "no gallery at" in capfd.readouterr().err
