"""A crew enrolled by one portrait each is named on the photos from orbit, and nobody else is."""

import json
from pathlib import Path

import pandas as pd
import pytest

from helpers.settings import SHIPPED
from reading_faces import __main__

PHOTOS = SHIPPED / "photos"


def run(*arguments) -> int:
    return __main__.main([*map(str, arguments)])


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Enrol the nine portraits with the embedder that ships."""
    file = tmp_path_factory.mktemp("crews") / "crews.gallery"
    assert run("enroll", PHOTOS / "crews", "--out", file, "--embedder", "shipped") == 0
    return file


def named(gallery, capfd, *paths) -> list[dict]:
    """Return what `predict` says of each photo."""
    capfd.readouterr()
    assert run("predict", *paths, "--gallery", gallery, "--json") == 0
    return json.loads(capfd.readouterr().out)["images"]


@pytest.mark.whole
def test_nine_of_nine_are_named_on_the_two_photos(gallery, capfd):
    truth = {file: rows for file, rows in pd.read_csv(PHOTOS / "who.csv").groupby("photo")}
    wanted, said = [], []
    for image in named(gallery, capfd, *(PHOTOS / file for file in truth)):
        rows = truth[Path(image["path"]).name]
        assert len(image["faces"]) == len(rows)
        for face in image["faces"]:
            x, y, width, height = face["box"]
            here = rows["x"].between(x, x + width) & rows["y"].between(y, y + height)
            wanted += rows["name"][here].tolist()
            said.append(face["identity"]["name"])
    assert len(set(wanted)) == 9
    assert said == wanted


@pytest.mark.whole
def test_strangers_are_seldom_named_and_never_by_the_strict_threshold(gallery, capfd, tmp_path):
    images = named(gallery, capfd, PHOTOS / "strangers")
    assert len(images) == 12
    assert (
        sum(face["identity"]["name"] is not None for image in images for face in image["faces"])
        <= 2
    )
    strict = tmp_path / "strict.gallery"
    assert (
        run("enroll", PHOTOS / "crews", "--out", strict, "--embedder", "shipped", "--strict") == 0
    )
    images = named(strict, capfd, PHOTOS / "strangers")
    assert [face for image in images for face in image["faces"] if face["identity"]["name"]] == []
