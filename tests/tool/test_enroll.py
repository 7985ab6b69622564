"""People are enrolled from folders, named in photos, and strangers are not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from faces import Tint, find_portrait, stand_ins, tinted
from PIL import Image

from helpers import detect, embedders, models
from helpers.data import load_people
from helpers.data.sources import KNOWN
from helpers.gallery import Gallery
from reading_faces import __main__, upright
from reading_faces.enroll import choose_faces, embed_foreground, enroll_people, resemblances
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
    assert capfd.readouterr().out == "ann: 1 photo(s): 1.png\nbob: 1 photo(s): 1.png\n"
    for name, light in (LIGHT | {"green": (0.6, 1, 0.6)}).items():
        tinted(*light).save(tmp_path / f"{name}.png")
    photos = [tmp_path / f"{name}.png" for name in ("ann", "bob", "green")]
    assert run("predict", *photos, "--gallery", gallery, "--json") == 0
    faces = [i["faces"][0]["identity"] for i in json.loads(capfd.readouterr().out)["images"]]
    assert [face["name"] for face in faces] == ["ann", "bob", None]
    assert all(0 < face["score"] <= 1 for face in faces)
    assert run("predict", *photos, "--gallery", gallery) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[1].split()[-2:] == ["ann", "1.00"] and "unknown" in lines[3]
    table = tmp_path / "faces.csv"
    assert run("predict", *photos, "--gallery", gallery, "--csv", table) == 0
    assert table.read_text().splitlines()[1].count("ann") == 2  # the path, and the name


def test_photos_that_cannot_serve_are_named_and_the_others_do(friends, tmp_path, capfd):
    Image.new("RGB", (60, 40)).save(friends / "ann" / "wall.png")
    (friends / "bob" / "2.png").write_bytes(b"no picture")
    (friends / "carl").mkdir()
    Image.new("RGB", (60, 40)).save(friends / "carl" / "wall.png")
    (friends / "dora").mkdir()
    (friends / "dora" / "notes.txt").touch()
    assert run("enroll", friends, "--out", tmp_path / "g") == 1
    printed = capfd.readouterr()
    assert printed.out == "ann: 1 photo(s): 1.png\nbob: 1 photo(s): 1.png\n"
    for name in ("ann", "carl"):
        assert f"{friends / name / 'wall.png'}: Left out. No face was found on it." in printed.err
    assert f"{friends / 'bob' / '2.png'}: Left out. This is not a picture" in printed.err
    for name in ("carl", "dora"):
        assert f"{name}: Not enrolled: there is no usable photo." in printed.err
    assert load_gallery(tmp_path / "g").people == ["ann", "bob"]


def test_who_has_no_folder_of_their_own_is_missed_too(friends, monkeypatch, capfd):
    people = load_people(friends)
    Image.new("RGB", (60, 40)).save(friends / "bob" / "1.png")
    elsewhere = replace(people, names=np.array(["s1", "s2"]))
    monkeypatch.setattr("helpers.data.load_people", lambda source: elsewhere)
    assert run("enroll", friends, "--out", friends / "g") == 1
    assert "s2: Not enrolled: there is no usable photo." in capfd.readouterr().err


@pytest.mark.parametrize("name", ["__MACOSX", ".cache"])
def test_folders_that_systems_leave_beside_those_of_people_are_nobody(friends, name, capfd):
    (friends / name).mkdir()
    (friends / name / "._1.png").touch()
    assert run("enroll", friends, "--out", friends / "g") == 0
    assert "Not enrolled" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ((), Tint.threshold),
        (("--threshold", 0), 0),
        (("--threshold", 1), 1),
        (("--strict",), Tint.strict_threshold),
    ],
)
def test_the_threshold_is_the_one_asked_for_and_else_the_embedders(friends, asked, kept):
    assert run("enroll", friends, "--out", friends / "g", *asked) == 0
    assert load_gallery(friends / "g").threshold == kept


@pytest.mark.parametrize("threshold", [(), ("--threshold", 1), ("--threshold", -1), ("--strict",)])
def test_whose_photos_are_alike_is_asked_by_the_embedders_own_thresholds(friends, threshold, capfd):
    """Two photos at 0.996 are one person's, by 0.99; and at that no other's, by 0.9999."""
    tinted(1, 0.6, 0.5).save(friends / "ann" / "2.png")
    (friends / "carl").mkdir()
    tinted(1, 0.6, 0.7).save(friends / "carl" / "1.png")
    assert run("enroll", friends, "--out", friends / "g", *threshold) == 0
    printed = capfd.readouterr()
    assert printed.err == "" and printed.out.startswith("ann: 2 photo(s): 1.png, 2.png\nbob")


def test_a_face_is_cut_for_enrolment_as_it_is_when_it_is_named(friends, capfd, monkeypatch):
    class Pixels(Tint):
        """An embedder to which no other cut of a face is the same."""

        framing, size = "emotion", 20

        def embed(self, faces):
            flat = faces.reshape(len(faces), -1) - 127.0
            return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)

    monkeypatch.setattr(embedders, "best_embedder", lambda name: Pixels())
    monkeypatch.setattr(embedders, "SmallEmbedder", Pixels)
    for name in LIGHT:
        assert run("enroll", friends, "--out", friends / "g") == 0
        photo = friends / name / "1.png"
        capfd.readouterr()
        assert run("predict", photo, "--gallery", friends / "g", "--json") == 0
        (image,) = json.loads(capfd.readouterr().out)["images"]
        assert image["faces"][0]["identity"] == {"name": name, "score": 1.0}


def test_without_an_embedder_or_a_threshold_people_are_enrolled_by_our_own(friends, monkeypatch):
    monkeypatch.setattr("reading_faces.enroll.SmallEmbedder", Tint)
    gallery, used, remarks = enroll_people(load_people(friends))
    assert (gallery.embedder, gallery.threshold) == ("tint", Tint.threshold)
    assert used == [friends / name / "1.png" for name in gallery.names] and not remarks


def test_a_face_that_lies_and_cannot_be_enrolled_is_said_to_lie(friends, monkeypatch, capfd):
    monkeypatch.setattr(upright, "find_faces", lambda photo: ([], [(1, 2, 3, 4)]))
    assert run("enroll", friends, "--out", friends / "g") == 1
    assert "1.png: Left out. Its face lies or is upside down" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "asked"), [((), "shipped"), (("--embedder", "facenet"), "facenet")]
)
def test_people_are_enrolled_by_the_embedder_asked_for(friends, options, asked, monkeypatch):
    names = []
    monkeypatch.setattr(embedders, "best_embedder", lambda name=None: names.append(name) or Tint())
    assert run("enroll", friends, "--out", friends / "g", *options) == 0
    assert names == [asked]


def test_facenet_is_named_where_its_weights_are_and_it_was_not_asked_for(
    friends, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "facenet").mkdir()
    for file, options, said in (
        ("notes.txt", (), False),
        (KNOWN["facenet"].by_hand, (), True),
        (KNOWN["facenet"].by_hand, ("--embedder", "shipped"), False),
    ):
        (tmp_path / "facenet" / file).touch()
        assert run("enroll", friends, "--out", friends / "g", *options) == 0
        assert ("add --embedder facenet" in capfd.readouterr().err) is said


@pytest.mark.parametrize("command", [("enroll",), ("evaluate", "identity")])
def test_help_says_how_to_get_facenet(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        run(*command, "--help")
    assert "python -m reading_faces data fetch facenet" in " ".join(capsys.readouterr().out.split())


def test_a_photo_that_is_cut_off_is_used_and_that_is_said(friends, tmp_path, capfd):
    tinted(*LIGHT["ann"]).save(friends / "ann" / "2.jpg", quality=95)
    content = (friends / "ann" / "2.jpg").read_bytes()
    (friends / "ann" / "2.jpg").write_bytes(content[:-9])
    assert run("enroll", friends, "--out", tmp_path / "g") == 0
    printed = capfd.readouterr()
    assert "ann: 2 photo(s): 1.png, 2.jpg" in printed.out
    assert "2.jpg: Used. The end of the file is missing" in printed.err


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


def test_a_threshold_of_ones_own_is_not_the_strict_one(friends, capfd):
    with pytest.raises(SystemExit, match="2"):
        run("enroll", friends, "--out", friends / "g", "--strict", "--threshold", "0.5")
    assert "not allowed with" in capfd.readouterr().err


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


# Which face of a photo is the person's.


def find_side_by_side(photo: np.ndarray, *_) -> list:
    """Find the faces of portraits that were put side by side, and are higher than wide."""
    parts = np.array_split(photo, max(1, round(photo.shape[1] / photo.shape[0])), axis=1)
    starts = np.cumsum([0, *(part.shape[1] for part in parts)])
    return [
        replace(face, box=place, region=place)
        for start, part in zip(starts, parts, strict=False)
        for face in find_portrait(part)
        for place in [(face.region[0] + start, *face.region[1:])]
    ]


def test_of_several_faces_the_one_on_the_other_photo_is_enrolled(friends, monkeypatch, capfd):
    monkeypatch.setattr(detect, "detect_faces", find_side_by_side)
    pair = np.hstack([tinted(0.6, 1, 0.6), tinted(*LIGHT["ann"])])
    for name in ("ann", "bob", "carl"):
        (friends / name).mkdir(exist_ok=True)
        Image.fromarray(pair).save(friends / name / "pair.png")
    assert run("enroll", friends, "--out", friends / "g") == 1
    printed = capfd.readouterr()
    assert printed.out == "ann: 2 photo(s): 1.png, pair.png\nbob: 1 photo(s): 1.png\n"
    assert f"{friends / 'ann' / 'pair.png'}: Used. Of its 2 faces, the one" in printed.err
    for name in ("bob", "carl"):
        left_out = f"{friends / name / 'pair.png'}: Left out. It shows 2 faces;"
        assert left_out in printed.err
    ann = load_gallery(friends / "g").embeddings[:2]
    assert ann[0] @ ann[1] == pytest.approx(1, abs=1e-4), "the second face, not the largest"


@pytest.mark.parametrize(("side", "count"), [(60, 2), (30, 2), (29, 1)])
def test_a_face_less_than_half_as_wide_as_the_largest_is_background(
    tmp_path, monkeypatch, side, count
):
    tinted(1, 1, 1).save(tmp_path / "1.png")
    boxes = [(20.0, 20.0, 60.0, 60.0), (120.0, 20.0, float(side), float(side))]
    found = [detect.DetectedFace(box, 0.99, None, box) for box in boxes]
    monkeypatch.setattr(detect, "detect_faces", lambda *_: found)
    assert len(embed_foreground(tmp_path / "1.png", Tint())[0]) == count


A, B, C, D = (Path(f"{letter}.png") for letter in "abcd")


def at(degrees: float) -> np.ndarray:
    """Return one embedding `(1, 2)`; how similar two are is the cosine between them."""
    return np.array([[np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]])


def test_a_face_unlike_the_others_is_left_out_and_said():
    chosen, remarks = choose_faces({A: at(0), B: at(90), C: at(10)}, 0.5)
    assert list(chosen) == [A, C] and list(remarks) == [B]
    assert remarks[B] == "Left out. Its face is not like those on the person's other photos."


def test_one_stranger_among_the_photos_drives_no_friend_out():
    # To the mean of the two others, each is below the threshold; without the stranger, they agree.
    chosen, remarks = choose_faces({A: at(0), B: at(40), C: at(180)}, 0.7)
    assert list(chosen) == [A, B] and list(remarks) == [C]


def test_strangers_go_one_after_the_other_the_least_alike_first():
    chosen, remarks = choose_faces({A: at(0), B: at(10), C: at(100), D: at(200)}, 0.8)
    assert list(chosen) == [A, B] and list(remarks) == [D, C]


def test_whose_face_is_meant_is_told_by_the_mean_of_those_that_are_alone():
    """It is at 10 degrees, and 22 and 14 degrees away from the two faces on the other photos."""
    one, other = (np.concatenate([at(a), at(b)]) for a, b in ((-12, 24), (32, -4)))
    chosen, _ = choose_faces({A: at(0), B: at(20), C: one, D: other}, 0.8)
    np.testing.assert_array_equal([chosen[C], chosen[D]], [at(24)[0], at(-4)[0]])


def test_of_two_unlike_faces_both_stay_and_it_is_said():
    chosen, remarks = choose_faces({A: at(0), B: at(90)}, 0.5)
    assert list(chosen) == [A, B]
    assert set(remarks.values()) == {"Used, but the faces on a.png and b.png are not alike."}
    assert choose_faces({A: at(0), B: at(40)}, 0.5)[1] == {}


def test_faces_that_were_left_out_choose_none_on_other_photos():
    several = np.concatenate([at(35), at(-20)])
    chosen, remarks = choose_faces({A: at(0), B: at(10), C: at(90), D: several}, 0.8)
    assert list(chosen) == [A, B, D] and "Left out" in remarks[C]
    np.testing.assert_array_equal(chosen[D], at(-20)[0])


def test_a_face_that_another_person_has_too_is_named_and_one_that_is_merely_alike_is_not():
    gallery = Gallery.empty("angles", 0.5)
    gallery = gallery.enroll("ann", np.concatenate([at(0), at(4)]))
    gallery = gallery.enroll("bob", np.concatenate([at(90), at(3), at(86)])).enroll("carl", at(-45))
    assert resemblances(gallery, 0.9) == {3: "ann"}
    assert resemblances(gallery.enroll("dora", at(-44)), 0.9) == {3: "ann", 5: "dora", 6: "carl"}


def test_a_photo_in_two_folders_is_said(friends, capfd):
    tinted(*LIGHT["bob"]).save(friends / "ann" / "1.png")
    assert run("enroll", friends, "--out", friends / "g") == 0
    printed = capfd.readouterr().err
    for name, other in (("ann", "bob"), ("bob", "ann")):
        said = f"{friends / name / '1.png'}: Used, but {other} has nearly this face:"
        assert said in printed
