"""The shipped models and the detector, loaded once for all tests of the tool."""

import functools
from pathlib import Path

import pytest
from faces import find_portrait, portrait, stand_ins
from matplotlib import cbook
from PIL import Image

from helpers import detect, models
from reading_faces.reader import FaceReader

LOADED = functools.cache(models.load)


@pytest.fixture(scope="session")
def shipped() -> FaceReader:
    """A reader of the shipped models."""
    return FaceReader(
        models={part: LOADED(part) for part in ("keypoints", "emotion", "action_units")}
    )


@pytest.fixture
def shipped_models(monkeypatch):
    """Have the shipped models loaded only once, however many tests need them."""
    monkeypatch.setattr(models, "load", LOADED)


@pytest.fixture(scope="session")
def portraits(tmp_path_factory) -> dict[str, Path]:
    """The two portraits of lesson 7, as files."""
    from skimage.data import astronaut

    folder = tmp_path_factory.mktemp("portraits")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        Image.open(file).convert("RGB").save(folder / "hopper.png")
    Image.fromarray(astronaut()).save(folder / "astronaut 🙂 'quoted\".png")
    return {"hopper": folder / "hopper.png", "collins": folder / "astronaut 🙂 'quoted\".png"}


@pytest.fixture
def without_networks(monkeypatch):
    """Let stand-ins read, which know where on the portrait the face is."""
    monkeypatch.setattr(models, "load", stand_ins().get)
    monkeypatch.setattr(detect, "detect_faces", find_portrait)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)


@pytest.fixture
def album(tmp_path):
    """A folder with a portrait, a plain wall and, deeper, the portrait again."""
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    portrait().save(folder / "portrait.png")
    portrait().save(folder / "deeper" / "portrait.png")
    Image.new("RGB", (60, 40)).save(folder / "wall.png")
    return folder
