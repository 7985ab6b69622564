"""What people really have on their disks, through each of the three doors: nothing stops the rest.

The doors are `FaceReader`, `predict` and what the page of `serve` hands its uploads to.
"""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from faces import Cheerful, MeanFace, Smiling, Tint, bad_files, portrait, put_upload, wall
from PIL import Image

from helpers import detect, models
from reading_faces import __main__
from reading_faces.page_actions import Desk
from reading_faces.reader import FaceReader


@pytest.fixture(params=["FaceReader", "predict", "serve"])
def read(request, tmp_path, monkeypatch, capfd):
    """Return a function that reads files by one door, and returns what that says of each."""
    loaded = {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": Smiling()}
    monkeypatch.setattr(models, "load", loaded.get)

    def by_reader(*paths: Path) -> list[dict]:
        return [reading.to_dict() for reading in FaceReader().read(paths)]

    def by_command(*paths: Path) -> list[dict]:
        capfd.readouterr()
        code = __main__.main(["predict", *map(str, paths), "--json"])
        out, err = capfd.readouterr()
        images = json.loads(out)["images"]
        assert code == any(image["error"] is not None for image in images)
        assert all(image["error"] in err for image in images if image["error"])
        assert "Traceback" not in err
        return images

    def by_page(*paths: Path) -> list[dict]:
        folder = tmp_path / "uploads"
        folder.mkdir(exist_ok=True)
        desk = Desk(FaceReader(embedder=Tint()), Tint(), folder)
        uploads = [put_upload(path, folder) for path in paths]
        images = [desk.predict(one)["images"][0] for one in uploads]
        assert not [path for path in folder.rglob("*") if path.is_file()]
        return images

    return {"FaceReader": by_reader, "predict": by_command, "serve": by_page}[request.param]


def box_of(image: dict) -> np.ndarray:
    assert image["error"] is None
    (face,) = image["faces"]
    return np.array(face["box"])


def unusual_photos(folder: Path) -> list[Path]:
    """Save the portrait in each way that a picture can be odd and yet whole."""
    grey = np.array(portrait().convert("L"))
    with_holes = (grey / 255).astype(np.float32)
    with_holes[2:6] = np.nan
    palette = portrait().convert("P")
    second = {"save_all": True, "append_images": [wall(*portrait().size)]}
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "sixteen bits.png")
    Image.fromarray(with_holes).save(folder / "numbers that are none.tif")
    portrait().convert("CMYK").save(folder / "for print.jpg", quality=95)
    palette.save(folder / "see-through.png", transparency=palette.getpixel((0, 0)))
    portrait().save(folder / "moving.gif", **second)
    portrait().save(folder / "moving.webp", quality=95, **second)
    return sorted(folder.iterdir())


def test_unusual_pictures_show_the_same_face(read, tmp_path):
    paths = unusual_photos(tmp_path)
    assert len(paths) == 6
    portrait().save(tmp_path / "plain.png")
    images = read(tmp_path / "plain.png", *paths)
    plain = box_of(images[0])
    for path, image in zip(paths, images[1:], strict=True):
        assert np.allclose(box_of(image), plain, atol=0.05 * plain[3]), path.name


def test_every_exif_orientation_gives_the_same_numbers(read, tmp_path):
    upright = portrait()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that hides it again
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
        stored.save(tmp_path / f"{orientation}.png", exif=exif)
    images = read(*sorted(tmp_path.glob("*.png")))
    assert len(images) == 8
    for image in images:
        assert image | {"path": ""} == images[0] | {"path": ""}
        assert (image["width"], image["height"]) == upright.size
        box_of(image)


def test_each_bad_file_gets_its_sentence_and_the_good_one_its_face(read, tmp_path):
    sentences = bad_files(tmp_path)
    portrait().save(tmp_path / "good.png")
    *bad, good = read(*(tmp_path / name for name in sentences), tmp_path / "good.png")
    for image, part in zip(bad, sentences.values(), strict=True):
        assert part in image["error"]
        assert image["error"].endswith(".")
        assert image["faces"] == []
    box_of(good)


def test_where_there_is_no_face_there_is_no_error(read, tmp_path):
    paths = [tmp_path / f"{width}.png" for width in (1, 10, 60)]
    for path, size in zip(paths, [(1, 1), (10, 4000), (60, 40)], strict=True):
        wall(*size).save(path)
    for image in read(*paths):
        assert (image["error"], image["faces"]) == (None, [])


def test_forty_faces_are_forty_entries(read, tmp_path):
    face = np.array(portrait(150))
    Image.fromarray(np.tile(face, (5, 8, 1))).save(tmp_path / "crowd.png")
    (image,) = read(tmp_path / "crowd.png")
    assert len(image["faces"]) == 40
    nose = np.array([face["keypoints"]["nose_tip"] for face in image["faces"]])
    cells = {tuple(cell) for cell in (nose // face.shape[1::-1]).astype(int)}
    assert cells == {(x, y) for x in range(8) for y in range(5)}


def test_a_file_without_permission_says_so(read, tmp_path, monkeypatch):
    portrait(60).save(tmp_path / "secret.png")

    def refuse(*_):  # taking the right away would not do: root may read everything
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    (image,) = read(tmp_path / "secret.png")
    assert image["error"] == "There is no permission to open it."


def test_an_empty_folder_named_like_a_photo_says_so(read, tmp_path):
    (tmp_path / "x.jpg").mkdir()
    (image,) = read(tmp_path / "x.jpg")
    assert image["error"] == "There is no photo in this folder."


def test_a_file_that_vanishes_while_others_are_read_says_so(read, tmp_path, monkeypatch):
    names = ["first.png", "second.png", "third.png"]
    for name in names:
        portrait(120).save(tmp_path / name)
    find, seen = detect.detect_faces, []

    def find_and_remove(*arguments):
        if not seen:
            for path in tmp_path.rglob("second.png"):
                path.unlink()
        seen.append(True)
        return find(*arguments)

    monkeypatch.setattr(detect, "detect_faces", find_and_remove)
    first, second, third = read(*(tmp_path / name for name in names))
    assert second["error"] == "There is no such file."
    box_of(first)
    box_of(third)


@pytest.mark.parametrize(
    "name", ["two\nlines.png", "🙂 smile.png", 'it\'s "me".png', b"caf\xe9.png"], ids=ascii
)
def test_odd_names_come_back_whole(read, tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    try:
        portrait(120).save(path, "PNG")
    except OSError as error:
        pytest.skip(f"this file system does not take the name: {error}")
    (image,) = read(path)
    assert Path(image["path"]).name == path.name
    box_of(image)
