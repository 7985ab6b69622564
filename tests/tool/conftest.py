"""The shipped models and the detector, loaded once for all tests of the tool."""

import functools
from pathlib import Path

import pytest
from matplotlib import cbook
from PIL import Image

from helpers import models
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
    """The two portraits of lesson 6, as files."""
    from skimage.data import astronaut

    folder = tmp_path_factory.mktemp("portraits")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        Image.open(file).convert("RGB").save(folder / "hopper.png")
    Image.fromarray(astronaut()).save(folder / "astronaut 🙂 'quoted\".png")
    return {"hopper": folder / "hopper.png", "collins": folder / "astronaut 🙂 'quoted\".png"}
