"""Each option of a command reaches the function that it is for; the others keep their defaults."""

import importlib
import inspect
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
from faces import Cheerful, MeanFace, Smiling, Tint, stand_ins, wall

from helpers import detect, embedders, models
from helpers.gallery import Gallery
from reading_faces.__main__ import main
from reading_faces.gallery_file import save_gallery
from reading_faces.training import measure_identity, storage


class Reached(Exception):
    """A function was called; the rest of the command is not done."""


@pytest.fixture
def call(monkeypatch):
    """Return a function that runs a command as far as a function, and returns what that is given.

    That is, its arguments by their names, and those that have their default without being given.
    """

    def run(words: str, function: str) -> dict:
        module, name = function.rsplit(".", 1)
        module = importlib.import_module(f"reading_faces.{module}")
        signature = inspect.signature(getattr(module, name))

        def reached(*arguments, **options):
            bound = signature.bind(*arguments, **options)
            bound.apply_defaults()
            raise Reached(bound.arguments)

        with monkeypatch.context() as patch, pytest.raises(Reached) as stopped:
            patch.setattr(module, name, reached)
            main(words.split())
        return stopped.value.args[0]

    return run


EVALUATE = {"source": "made", "split": None, "mirrored": False}
FOLDS = {"source": "made", "folds": 3, "mirrored": False}
SAID, AS_SAID = "--source here --split val --tta", {"source": "here", "split": "val"}
AS_SAID |= {"mirrored": True}


@pytest.mark.parametrize(
    ("words", "function", "given"),
    [
        ("keypoints", "measure.evaluate", EVALUATE),
        (f"action-units {SAID}", "measure.evaluate", AS_SAID),
        (
            f"keypoints --jitter 0.15 {SAID}",
            "measure.evaluate_keypoints",
            AS_SAID | {"jitter": 0.15},
        ),
        ("emotion --in-photos", "measure.evaluate_in_photos", EVALUATE | {"detector": "mtcnn"}),
        (
            f"keypoints --in-photos --detector haar {SAID}",
            "measure.evaluate_in_photos",
            AS_SAID | {"detector": "haar"},
        ),
        (
            "emotion --folds 3",
            "crossval.cross_validate",
            FOLDS | {"scratch": False, "every_class": False},
        ),
        (
            "emotion --folds 3 --scratch --source here --tta",
            "crossval.cross_validate",
            FOLDS | {"source": "here", "scratch": True, "every_class": False, "mirrored": True},
        ),
        (
            "emotion --folds 3 --every-class --split all",
            "crossval.cross_validate",
            FOLDS | {"scratch": False, "every_class": True},
        ),
        ("action-units --folds 3", "tune_units.cross_validate", FOLDS),
        (
            "action-units --folds 3 --source here --tta",
            "tune_units.cross_validate",
            FOLDS | {"source": "here", "mirrored": True},
        ),
    ],
)
def test_evaluate(words, function, given, call, monkeypatch):
    known = {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": Smiling()}
    monkeypatch.setattr(storage, "load", lambda weights: known[weights.name.partition(".")[0]])
    arguments = call(f"evaluate {words}", f"training.{function}")
    model = known[words.split()[0].replace("-", "_")]
    assert arguments == given | {"model": model}


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ("keypoints", "weights/keypoints.weights.h5"),
        ("action-units", "weights/action_units.weights.h5"),
        ("action-units --folds 3", "weights/made/action_units.weights.h5"),
        ("emotion --folds 3", "weights/emotion.weights.h5"),
        ("emotion --weights mine.weights.h5", "mine.weights.h5"),
        ("action-units --folds 3 --weights mine.weights.h5", "mine.weights.h5"),
    ],
)
def test_evaluate_takes_the_weights(words, file, call):
    (weights,) = call(f"evaluate {words}", "training.storage.load").values()
    assert weights.as_posix().endswith(file)


@pytest.fixture
def loaded(monkeypatch):
    """Have no faces loaded; return by what they were asked for."""
    asked, signature = [], inspect.signature(measure_identity.load_faces)

    def load(*arguments, **options):
        asked.append(signature.bind(*arguments, **options).arguments)
        return f"faces of {asked[-1]['source']}"

    monkeypatch.setattr(measure_identity, "load_faces", load)
    monkeypatch.setattr(embedders, "best_embedder", lambda name: f"{name} embedder")
    monkeypatch.setattr(embedders, "SmallEmbedder", lambda model: f"embedder of {model}")
    monkeypatch.setattr(models, "load", lambda weights: weights)
    return asked


HERE = {"source": "here", "split": None, "embedder": "shipped embedder", "detector": "mtcnn"}
HERE |= {"upright": True, "many": False}


@pytest.mark.parametrize(
    ("words", "function", "given", "faces"),
    [
        ("", "svm", {"folds": 0}, {}),
        ("--folds 4 --split test", "svm", {"folds": 4}, {"split": "test"}),
        ("--embedder facenet --no-align", "svm", {"folds": 0},
         {"embedder": "facenet embedder", "upright": False}),
        ("--enroll 3 --weights my.h5", "few", {"enrolled": 3}, {"embedder": "embedder of my.h5"}),
        ("--pairs --detector haar", "pairs", {}, {"many": True, "detector": "haar"}),
        ("--unknown there", "strangers", {"folds": 5, "strangers": "faces of there"}, {}),
        ("--unknown there --folds 2 --split val", "strangers",
         {"folds": 2, "strangers": "faces of there"}, {"split": "val"}),
    ],
)  # fmt: skip
def test_evaluate_identity(words, function, given, faces, call, loaded):
    command = f"evaluate identity --source here {words}"
    arguments = call(command, f"training.measure_identity.evaluate_{function}")
    assert arguments == given | {"faces": "faces of here"}
    assert loaded[0] == HERE | faces
    # Of strangers, all are taken, and they are cut out as the others are.
    assert loaded[1:] == [HERE | faces | {"source": "there", "split": None}] * ("there" in words)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("", {"model": None, "init": None, "epochs": None, "profile": "smoke", "resume": False}),
        (
            "--model residual --epochs 7 --resume --copy-to there --profile lesson",
            {"model": "residual", "epochs": 7, "resume": True, "copy_to": Path("there")}
            | {"profile": "lesson"},
        ),
        ("--source a --source b", {"sources": ("a", "b")}),
    ],
)
def test_train(words, given, call, tmp_path):
    command = f"train keypoints --out {tmp_path} {words}"
    arguments = call(command, "training.make.train_model")
    run = arguments.pop("run")
    given = {"copy_to": None, "out": tmp_path, "sources": ("made",)} | given
    assert {name: (vars(run) | arguments)[name] for name in given} == given
    assert run.task.name == "keypoints" and run.command.endswith(" ".join(command.split()))


MAKE = {"n": 3200, "seed": 0, "pose": "wide", "processes": None, "mixed": False}


@pytest.mark.parametrize(
    ("words", "function", "given"),
    [
        ("data make", "made_faces.sets.draw_set", MAKE),
        ("data make --n 9 --seed 5 --pose turned --processes 3", "made_faces.sets.draw_set",
         {"n": 9, "seed": 5, "pose": "turned", "processes": 3, "mixed": False}),
        ("data realism", "training.realism.measure_realism", {"faces": 400}),
        ("data review", "training.audit.review", {"source": "fer2013"}),
        ("data review here", "training.audit.review", {"source": "here"}),
        ("data verify lfw", "training.fetch.verify", {"name": "lfw"}),
        ("data fetch lfw", "training.fetch.fetch", {"name": "lfw"}),
        ("study five-classes --out there", "training.studies.run_study",
         {"name": "five-classes", "out": Path("there"), "smoke": True}),
    ],
)  # fmt: skip
def test_data_and_study(words, function, given, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(words, function) == given


# Commands that read faces.


@pytest.fixture
def people(monkeypatch, tmp_path):
    """Let stand-ins read; return the path of a gallery."""
    monkeypatch.setattr(models, "load", stand_ins().get)
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    save_gallery(Gallery.empty("tint", 0.9).enroll("Ann", np.ones((1, 3))), tmp_path / "g")
    return tmp_path / "g"


@pytest.mark.parametrize("detector", ["mtcnn", "haar"])
def test_the_detector_of_predict(detector, people, monkeypatch, tmp_path):
    def find(photo, detector="mtcnn", *_):
        raise Reached(detector)

    monkeypatch.setattr(detect, "detect_faces", find)
    wall().save(tmp_path / "wall.png")
    with pytest.raises(Reached, match=detector):
        main(["predict", str(tmp_path / "wall.png"), "--detector", detector])


@pytest.mark.parametrize(
    ("words", "every", "detector"),
    [("", 10, "mtcnn"), ("--every 3 --detector haar --gallery", 3, "haar")],
)
def test_live(words, every, detector, people, call, monkeypatch, tmp_path):
    monkeypatch.setattr("reading_faces.video.open_video", lambda source: source)
    words = words.replace("--gallery", f"--gallery {people}")
    arguments = call(f"live --csv {tmp_path}/out.csv {words}", "track.FaceTracker")
    assert (arguments["every"], arguments["reader"].detector) == (every, detector)
    assert bool(arguments["reader"].gallery) == ("--gallery" in words)


@pytest.mark.parametrize(
    ("words", "source"), [("", 0), ("--camera 7", 7), ("--video a.mp4", Path("a.mp4"))]
)
def test_the_source_of_live(words, source, call):
    assert call(f"live {words}", "video.open_video") == {"source": source}


def test_serve(people, call, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # which the command sets
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = call(f"serve --port {port} --detector haar", "page.build_app")
    assert (asked["reader"].detector, asked["gallery_file"]) == ("haar", None)
    asked = call(f"serve --port {port} --gallery {people}", "page.build_app")
    assert (asked["reader"].detector, asked["gallery_file"]) == ("mtcnn", people)
