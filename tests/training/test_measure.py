"""`evaluate` says what it measured, or in one sentence why it could not."""

import errno
import functools
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from data_samples import fer_rows, grey, write_frames, write_picture, write_table

from helpers.augment import flip_images, flip_keypoints, warp_images, warp_keypoints
from helpers.data import (
    EMOTIONS,
    FIVE_CLASSES,
    KEYPOINT_NAMES,
    load_emotions,
    load_keypoints,
)
from helpers.data.emotions import VOTES_HEADER
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.commands import evaluate as command
from reading_faces.made_faces import UNIT_NAMES
from reading_faces.training import made_sets, measure, storage
from reading_faces.training.action_units import load_action_units
from reading_faces.training.definitions import fit_offsets
from reading_faces.training.storage import BUILDERS


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Untrained but complete models on disk: their numbers are bad, and that is all right here."""
    folder = tmp_path_factory.mktemp("weights")
    for task, size, build in (
        ("keypoints", 96, "keypoint"),
        ("emotion", 48, "emotion"),
        ("action_units", 96, "action_unit"),
    ):
        arguments = {"filters": [4]}
        network = BUILDERS[f"build_{build}_model"](**arguments)
        if task == "keypoints":  # whose head begins at zero: let it answer something
            head = network.get_layer("coordinates")
            head.set_weights(
                [np.random.default_rng(0).normal(0, 0.01, w.shape) for w in head.weights]
            )
        card = {
            "task": task,
            "build": {"function": f"build_{build}_model", "arguments": arguments},
            "input": {"size": size},
            "classes": list(EMOTIONS),
            "units": list(UNIT_NAMES),
            "thresholds": [0.5] * 18,
        }
        storage.save(TrainedModel(network, card), folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def load_once():
    """Load each model once: a network that is new prepares itself for each size of batch anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "load", functools.cache(storage.load))
        yield


@pytest.fixture
def few(tmp_path):
    """Eight made faces of the test split as files of keypoints and of emotions."""
    points, faces = (load("made").select("test") for load in (load_keypoints, load_emotions))
    rows = np.arange(8)
    np.savez(tmp_path / "points.npz", images=points.images[rows], keypoints=points.keypoints[rows])
    np.savez(tmp_path / "faces.npz", images=faces.images[rows], labels=faces.labels[rows])
    return tmp_path


def refuse(word: str):
    """Stop at NaN or Infinity, which are no JSON."""
    raise ValueError(word)


def run_json(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=refuse)


def exit_code(*arguments) -> int:
    """Return how a command ends, whether argparse stops it or it says so itself."""
    try:
        return main(list(map(str, arguments)))
    except SystemExit as stopped:
        return stopped.code


def test_keypoints_are_measured_on_the_test_split(weights, capsys):
    path = weights / "keypoints.weights.h5"
    result = run_json(capsys, "evaluate", "keypoints", "--weights", path)
    assert {"task", "source", "split", "n", "tta", "weights", "metrics"} <= set(result)
    assert result["command"].startswith("python -m reading_faces evaluate keypoints --weights")
    assert (result["task"], result["source"], result["split"]) == ("keypoints", "made", "test")
    assert result["n"] == len(load_keypoints("made").select("test"))
    assert set(result["metrics"]["per_point"]) == set(KEYPOINT_NAMES)


def test_emotions_are_measured_with_all_their_numbers(weights, capsys):
    path = weights / "emotion.weights.h5"
    metrics = run_json(capsys, "evaluate", "emotion", "--weights", path)["metrics"]
    assert {"accuracy", "macro_f1", "ece", "confusion"} <= set(metrics)
    assert np.shape(metrics["confusion"]) == (7, 7)
    assert np.trace(metrics["confusion"]) / np.sum(metrics["confusion"]) == metrics["accuracy"]


def test_five_classes_are_measured_beside_the_seven(weights, capsys):
    path = weights / "emotion.weights.h5"
    result = run_json(capsys, "evaluate", "emotion", "--weights", path)
    five = result["metrics"]["five_classes"]
    labels = load_emotions("made").select("test").labels
    assert five["n"] == np.isin(labels, [EMOTIONS.index(name) for name in FIVE_CLASSES]).sum()


def test_copies_from_training_are_left_out_of_a_second_score(weights, tmp_path):
    """Half of PublicTest is copied from Training here, with ten votes for each face."""
    images, labels = grey(8, 48), [0, 1, 2, 3, 4, 5, 0, 1]
    images[6:] = images[:2]
    usage = ["Training"] * 4 + ["PublicTest"] * 4
    path = write_table(tmp_path / "fer2013.csv", fer_rows(images, labels, usage))
    rows = [VOTES_HEADER.split(",")]
    rows += [[u, f"fer{i}.png", "5", *"00", "5", *"000000"] for i, u in enumerate(usage)]
    write_table(tmp_path / "fer2013new.csv", rows)
    model = storage.load(weights / "emotion.weights.h5")
    evaluation = measure.evaluate(model, str(path), "public")
    found = evaluation.result["metrics"]
    right = evaluation.predictions["probabilities"].argmax(axis=1) == labels[4:]
    assert found["without_copies"]["n"] == 2
    assert found["without_copies"]["accuracy"] == right[:2].mean()
    assert found["by_agreement"] == [
        {"from": 0.5, "to": 0.7, "n": 4, "accuracy": found["accuracy"]}
    ]
    among_themselves = measure.evaluate(model, str(path), "train").result["metrics"]
    assert "without_copies" not in among_themselves


def test_faces_of_classes_that_the_model_does_not_know_are_in_no_score(weights, tmp_path):
    path = tmp_path / "faces.npz"
    classes, labels = [*EMOTIONS, "contempt"], np.array([0, 7, 0, 1, 7, 7])
    split = ["train", "train", "test", "test", "test", "test"]
    np.savez(path, images=grey(6, 48), labels=labels, split=split, classes=classes)
    model = storage.load(weights / "emotion.weights.h5")
    result = measure.evaluate(model, str(path), "test").result
    assert result["n"] == result["metrics"]["without_copies"]["n"] == 2
    assert result["left_out"]["n"] == 2


def test_agreement_ends_in_a_group_that_holds_full_agreement():
    votes = np.zeros((3, 10), int)
    votes[:, 0], votes[:, 1] = (10, 9, 4), (0, 1, 4)
    votes[2, 2] = 2
    rows = measure.by_agreement(votes, np.array([True, False, True]))
    assert [(row["from"], row["n"], row["accuracy"]) for row in rows] == [
        (0.0, 1, 1.0),
        (0.9, 2, 0.5),
    ]


@pytest.mark.parametrize(("share", "group"), [(4, 0.0), (5, 0.5), (7, 0.7), (9, 0.9), (10, 0.9)])
def test_each_group_of_agreement_begins_at_its_share(share, group):
    votes = np.zeros((1, 10), int)
    votes[0, 0], votes[0, 1:4] = share, ((10 - share) // 3 + 1)
    votes[0, 1] -= votes.sum() - 10
    (row,) = measure.by_agreement(votes, np.array([True]))
    assert row["from"] == group


def test_where_every_face_is_a_copy_nothing_is_said_of_the_others(weights, tmp_path, capsys):
    images = grey(4, 48)
    usage = ["Training"] * 2 + ["PublicTest"] * 2
    rows = fer_rows(images[[0, 1, 0, 1]], [0, 1, 0, 1], usage)
    source = write_table(tmp_path / "fer2013.csv", rows)
    asked = ["emotion", "--source", source, "--split", "public"]
    path = weights / "emotion.weights.h5"
    found = run_json(capsys, "evaluate", *asked, "--weights", path)["metrics"]["without_copies"]
    assert found == {"n": 0, "accuracy": None}


def test_a_point_that_no_face_with_eyes_has_is_measured_in_pixels_alone(weights, few, capsys):
    """Without eye centres there is no distance to divide by: null, never NaN, which is no JSON."""
    with np.load(few / "points.npz") as stored:
        images, points = stored["images"], stored["keypoints"]
    points[:4, 5:], points[4:, :2] = np.nan, np.nan
    np.savez(few / "points.npz", images=images, keypoints=points)
    asked = ["--source", few / "points.npz", "--weights", weights / "keypoints.weights.h5"]
    found = run_json(capsys, "evaluate", "keypoints", *asked)["metrics"]["per_point"]
    assert found[KEYPOINT_NAMES[9]]["mean_error_interocular"] is None
    assert found[KEYPOINT_NAMES[9]]["rmse_px"] > 0
    assert found[KEYPOINT_NAMES[3]]["mean_error_interocular"] > 0


@pytest.mark.parametrize(
    ("task", "shape"), [("keypoints", (15, 2)), ("emotion", (7,)), ("action_units", (18,))]
)
def test_a_model_that_answers_with_nan_is_not_measured(task, shape):
    class Broken:
        card = {"task": task, "classes": EMOTIONS, "units": UNIT_NAMES, "thresholds": [0.5] * 18}
        input_size = 48 if task == "emotion" else 96

        def predict(self, images, mirrored=False):
            answers = np.zeros((len(images), *shape))
            answers[0] = np.nan
            return answers

    with pytest.raises(ValueError, match="numbers that are none"):
        measure.evaluate(Broken(), "made", "test")


def test_action_units_are_measured_one_by_one_and_against_the_emotions(weights, capsys):
    path = weights / "action_units.weights.h5"
    result = run_json(capsys, "evaluate", "action-units", "--weights", path)
    assert (result["task"], result["split"], result["n"]) == ("action-units", "test", 320)
    measured = result["metrics"]
    assert {"macro_auc", "macro_f1", "macro_auc_weak"} <= set(measured)
    assert set(measured["per_unit"]) == set(UNIT_NAMES) and not measured["never_seen"]
    agreement = measured["prototype_agreement"]
    assert agreement["n"] == 320 and 0 <= agreement["agreement"] <= 1


def test_units_are_matched_by_name_wherever_they_stand(weights, monkeypatch):
    """A source that codes five units, in another order: each meets its own answer and threshold."""
    model = storage.load(weights / "action_units.weights.h5")
    model = replace(model, card=model.card | {"thresholds": np.linspace(0.3, 0.7, 18).tolist()})
    whole = measure.evaluate(model, "made", "test").result["metrics"]["per_unit"]
    data, picked = load_action_units("made"), [11, 2, 7, 0, 5]
    fewer = replace(
        data,
        unit_names=tuple(UNIT_NAMES[unit] for unit in picked),
        action_units=data.action_units[:, picked],
        intensities=data.intensities[:, picked],
    )
    monkeypatch.setattr(measure.action_units, "load_action_units", lambda source: fewer)
    found = measure.evaluate(model, "made", "test").result["metrics"]["per_unit"]
    assert found == {name: whole[name] for name in fewer.unit_names}


def test_where_no_units_are_coded_they_are_held_against_the_emotions(weights, tmp_path, capsys):
    for name, path in (("sad", "0"), ("happy", "1"), ("contempt", "2")):
        write_picture(tmp_path / "ck" / name / f"S00{path}_001.png", grey(1, 48, int(path))[0])
    path = weights / "action_units.weights.h5"
    source = ("--source", tmp_path / "ck", "--split", "all")
    measured = run_json(capsys, "evaluate", "action-units", *source, "--weights", path)["metrics"]
    assert set(measured) == {"prototype_agreement"}
    assert measured["prototype_agreement"]["n"] == 2


def test_predictions_are_stored_row_by_row(weights, tmp_path):
    path = tmp_path / "predictions.npz"
    arguments = ["evaluate", "emotion", "--weights", str(weights / "emotion.weights.h5")]
    assert main([*arguments, "--split", "val", "--predictions", str(path)]) == 0
    stored = np.load(path)
    model = storage.load(weights / "emotion.weights.h5")
    faces = load_emotions("made").select("val")
    np.testing.assert_allclose(stored["probabilities"], model.predict(faces.images), atol=1e-5)
    assert stored["classes"].tolist() == list(EMOTIONS)
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.npz"]


@pytest.mark.parametrize("task", ["keypoints", "emotion", "action_units"])
def test_with_the_mirrored_look_the_answer_is_the_mean_of_both(task, weights, capsys, tmp_path):
    """The points of the second look are flipped back first."""
    path, stored = weights / f"{task}.weights.h5", tmp_path / "p.npz"
    name = task.replace("_", "-")
    asked = ["--split", "test", "--weights", path, "--tta", "--predictions", stored]
    assert "mirror" in run_json(capsys, "evaluate", name, *asked)["tta"]
    load = {
        "keypoints": load_keypoints,
        "emotion": load_emotions,
        "action_units": load_action_units,
    }
    images, model = load[task]("made").select("test").images, storage.load(path)
    first, second = model.predict(images), model.predict(flip_images(images))
    if task == "keypoints":
        second = flip_keypoints(second, 96)
    assert not np.allclose(first, second, atol=1e-3)
    with np.load(stored) as found:
        answers = found["keypoints" if task == "keypoints" else "probabilities"]
    np.testing.assert_allclose(answers, (first + second) / 2, atol=1e-4)


def test_the_offsets_on_the_card_are_taken_away_on_their_own_source_alone(
    weights, tmp_path, monkeypatch
):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    face = load_keypoints("made").select("test").keypoints[0]
    write_frames(tmp_path / "youtube-faces", {"Ann_Lee_0.png": face, "Ann_Lee_1.png": face})
    model = storage.load(weights / "keypoints.weights.h5")
    faces = load_keypoints("youtube-faces")
    offsets = fit_offsets(model.predict(faces.images), faces.keypoints).tolist()
    knows = replace(model, card=model.card | {"offsets": {"youtube-faces": offsets}})
    (split,) = set(faces.split)
    found = measure.evaluate(knows, "youtube-faces", split).result["metrics"]
    assert found["offset_removed"] < found["mean_error_interocular"]
    assert found["ten"]["offset_removed"] < found["ten"]["mean_error_interocular"]
    for other, source, part in ((model, "youtube-faces", split), (knows, "made", "test")):
        assert "offset_removed" not in measure.evaluate(other, source, part).result["metrics"]


def test_a_loose_box_is_simulated_and_what_is_stored_belongs_to_the_pictures(weights):
    model = storage.load(weights / "keypoints.weights.h5")
    measured = measure.evaluate_keypoints(model, "made", "test", jitter=0.15)
    assert measured.result["jitter"] == 0.15
    faces = load_keypoints("made").select("test")
    moved = measure.loose_boxes(len(faces), 96, 0.15)
    seen = model.predict(warp_images(faces.images, moved))
    there = warp_keypoints(measured.predictions["keypoints"], moved)
    np.testing.assert_allclose(there, seen, atol=1e-2)
    off = seen - warp_keypoints(faces.keypoints, moved)
    rmse = measured.result["metrics"]["rmse_px"]
    assert rmse == pytest.approx(np.sqrt(np.nanmean(off**2)), rel=1e-4)


def test_loose_boxes_move_and_scale_by_up_to_what_was_asked():
    moved = measure.loose_boxes(500, 96, 0.15)
    sides = 1 / moved[:, 0, 0]
    centres = moved @ [47.5, 47.5, 1] - 47.5
    assert 0.85 <= sides.min() < 0.87
    assert 1.13 < sides.max() <= 1.15
    assert 14 < np.abs(centres).max() <= 0.15 * 96


@pytest.mark.parametrize("text", ["0.6", "-0.1", "much", "nan"])
def test_a_jitter_that_makes_no_sense_is_a_usage_error(text):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "keypoints", "--jitter", text])
    assert stopped.value.code == 2


def test_a_source_without_splits_is_taken_whole(weights, tmp_path, capsys):
    faces = load_keypoints("made").select(np.arange(7))
    np.savez(tmp_path / "mine.npz", images=faces.images, keypoints=faces.keypoints)
    path = weights / "keypoints.weights.h5"
    source = tmp_path / "mine.npz"
    result = run_json(capsys, "evaluate", "keypoints", "--source", source, "--weights", path)
    assert (result["split"], result["n"]) == ("all", 7)


def test_faces_of_a_class_that_the_model_does_not_know_are_left_out(weights, tmp_path, capsys):
    images = load_emotions("made").images[:4]
    classes = np.array(["happy", "contempt"])
    np.savez(tmp_path / "mine.npz", images=images, labels=[0, 1, 0, 1], classes=classes)
    path = weights / "emotion.weights.h5"
    source = tmp_path / "mine.npz"
    result = run_json(capsys, "evaluate", "emotion", "--source", source, "--weights", path)
    assert (result["n"], result["left_out"]["n"]) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["keypoints", "--split", "nowhere"], "no split 'nowhere'"),
        (["keypoints", "--source", "no/such/file.csv"], "no/such/file.csv"),
        (["emotion", "--source", "facial-keypoints"], "no emotions"),
        (["keypoints", "--weights", "no.weights.h5"], "no trained model"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(weights, arguments, sentence, capsys):
    if "--weights" not in arguments:
        arguments = [*arguments, "--weights", str(weights / f"{arguments[0]}.weights.h5")]
    assert main(["evaluate", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert "Traceback" not in printed.err


def test_weights_of_the_other_task_are_refused(weights, capsys):
    path = weights / "emotion.weights.h5"
    assert main(["evaluate", "keypoints", "--weights", str(path)]) == 1
    assert "is a model for emotion" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["horoscope"],
        ["keypoints", "--folds", "2"],
        ["keypoints", "--enroll", "1"],
        ["keypoints", "--jitter", "0.1", "--in-photos"],
        ["keypoints", "--detector", "haar"],
        ["emotion", "--jitter", "0.1"],
        ["emotion", "--detector", "haar", "--no-align"],
        ["emotion", "--detector", "haar"],
        ["emotion", "--folds", "2", "--detector", "haar"],
        ["emotion", "--folds", "2", "--in-photos"],
        ["emotion", "--folds", "2", "--split", "test"],
        ["emotion", "--scratch"],
        ["emotion", "--every-class"],
        ["action-units", "--in-photos"],
        ["action-units", "--folds", "2", "--scratch"],
        ["identity", "--tta"],
        ["identity", "--in-photos"],
        ["identity", "--scratch"],
        ["identity", "--enroll", "1", "--unknown", "made"],
        ["identity", "--enroll", "1", "--folds", "2"],
        ["identity", "--enroll", "1", "--predictions", "p.npz"],
        ["identity", "--weights", "w.weights.h5", "--embedder", "facenet"],
        ["identity", "--source", "e.npz", "--unknown", "made"],
        ["identity", "--source", "e.npz", "--no-align"],
        ["identity", "--source", "e.npz", "--weights", "w.weights.h5"],
        ["identity", "--source", "e.npz", "--embedder", "facenet"],
        ["identity", "--source", "e.npz", "--detector", "haar"],
        ["identity", "--source", "e.npz", "--speed"],
        ["speed", "--source", "made"],
    ],
)
def test_an_option_that_does_not_apply_is_refused_before_any_work(arguments, monkeypatch, capsys):
    monkeypatch.setattr(storage, "load", lambda *_: pytest.fail("a model was loaded"))
    assert exit_code("evaluate", *arguments) == 2
    printed = capsys.readouterr()
    assert not printed.out and "Traceback" not in printed.err


def test_help_lists_each_task_once(capsys):
    assert exit_code("evaluate", "--help") == 0
    words = re.findall(r"^    ([a-z-]+)\s", capsys.readouterr().out, re.M)
    assert words == ["keypoints", "emotion", "action-units", "identity", "speed"]


# --predictions


@pytest.fixture
def unmeasured(monkeypatch):
    """Fail where a model is measured: what is wrong should be said before."""
    monkeypatch.setattr(command, "measure_model", lambda options: pytest.fail("measured"))


def test_predictions_that_have_no_place_are_refused_before_the_work(unmeasured, tmp_path, capsys):
    for path in (tmp_path / "no" / "such" / "p.npz", tmp_path):
        assert exit_code("evaluate", "emotion", "--predictions", path) == 1
        printed = capsys.readouterr()
        assert f"{path} cannot be written" in printed.err
        assert ".part-" not in printed.err and not printed.out
    assert list(tmp_path.iterdir()) == []


def test_predictions_never_replace_what_is_read(unmeasured, tmp_path, capsys):
    source, votes = tmp_path / "fer2013.csv", tmp_path / "fer2013new.csv"
    weights, card = tmp_path / "mine.weights.h5", tmp_path / "mine.json"
    picture = tmp_path / "folder" / "happy" / "1.png"
    picture.parent.mkdir(parents=True)
    link = tmp_path / "link.npz"
    for file in (source, votes, weights, card, picture):
        file.write_text("mine")
    link.symlink_to(source)
    asked = ["evaluate", "emotion", "--weights", weights]
    for read in (source, votes, weights, card, link):
        assert exit_code(*asked, "--source", source, "--predictions", read) == 2
        assert "--predictions" in capsys.readouterr().err
    assert exit_code(*asked, "--source", tmp_path / "folder", "--predictions", picture) == 2
    strangers = ["--source", tmp_path / "nowhere", "--unknown", tmp_path / "folder"]
    assert exit_code("evaluate", "identity", *strangers, "--predictions", picture) == 2
    shipped = ["evaluate", "emotion", "--predictions"]
    for name in ("made_faces.npz", "weights/emotion.json"):
        assert exit_code(*shipped, command.settings.SHIPPED / name) == 2
    assert {file.read_text() for file in (source, votes, weights, card, picture)} == {"mine"}


def test_a_disk_that_fills_at_the_end_costs_the_file_and_not_the_result(
    weights, few, monkeypatch, capsys
):
    def full(arrays, path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path.with_name(".part-1.npz")))

    monkeypatch.setattr(made_sets, "save_set", full)
    asked = ["--weights", weights / "emotion.weights.h5", "--source", few / "faces.npz"]
    asked += ["--json", "--predictions", few / "p.npz"]
    assert exit_code("evaluate", "emotion", *asked) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["n"] == 8
    assert f"{few / 'p.npz'} cannot be written. The disk is full." in printed.err
    assert ".part-" not in printed.err
