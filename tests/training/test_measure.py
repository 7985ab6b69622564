"""`evaluate`, `train` and `data` say what they measured, or in one sentence why they could not."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from data_samples import fer_rows, grey, write_picture, write_table

from helpers.augment import warp_images, warp_keypoints
from helpers.data import EMOTIONS, FIVE_CLASSES, KEYPOINT_NAMES, load_emotions, load_keypoints
from helpers.data.emotions import VOTES_HEADER
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.made_faces import UNIT_NAMES
from reading_faces.training import measure as evaluate
from reading_faces.training import storage
from reading_faces.training.networks import BUILDERS


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


def run_json(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


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
    assert set(five["classes"]) == set(FIVE_CLASSES)
    labels = load_emotions("made").select("test").labels
    assert five["n"] == np.isin(labels, [EMOTIONS.index(name) for name in five["classes"]]).sum()


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
    evaluation = evaluate.evaluate(model, str(path), "public")
    found = evaluation.result["metrics"]
    right = evaluation.predictions["probabilities"].argmax(axis=1) == labels[4:]
    assert found["without_copies"]["n"] == 2
    assert found["without_copies"]["accuracy"] == right[:2].mean()
    assert found["by_agreement"] == [
        {"from": 0.5, "to": 0.7, "n": 4, "accuracy": found["accuracy"]}
    ]


def test_agreement_ends_in_a_group_that_holds_full_agreement():
    votes = np.zeros((3, 10), int)
    votes[:, 0], votes[:, 1] = (10, 9, 4), (0, 1, 4)
    votes[2, 2] = 2
    rows = evaluate.by_agreement(votes, np.array([True, False, True]))
    assert [(row["from"], row["n"], row["accuracy"]) for row in rows] == [
        (0.0, 1, 1.0),
        (0.9, 2, 0.5),
    ]


def test_speed_is_measured_when_asked_for(weights, capsys, monkeypatch):
    monkeypatch.setattr(evaluate, "time_call", lambda call, seconds: call() is None or 0.5)
    path = weights / "emotion.weights.h5"
    speed = run_json(capsys, "evaluate", "emotion", "--weights", path, "--speed")["speed"]
    assert speed["faces_per_second_batch_64"] == 128
    assert speed["one_face_ms"] == speed["one_face_by_keras_predict_ms"] == 500
    assert "speed" not in run_json(capsys, "evaluate", "emotion", "--weights", path)


def test_a_call_is_timed_by_its_median():
    assert 0.009 < evaluate.time_call(lambda: time.sleep(0.01), 0.1) < 0.05


def test_action_units_are_measured_one_by_one_and_against_the_emotions(weights, capsys):
    path = weights / "action_units.weights.h5"
    result = run_json(capsys, "evaluate", "action-units", "--weights", path)
    assert (result["task"], result["split"], result["n"]) == ("action-units", "test", 320)
    measured = result["metrics"]
    assert {"macro_auc", "macro_f1", "macro_auc_weak"} <= set(measured)
    assert set(measured["per_unit"]) == set(UNIT_NAMES) and not measured["never_seen"]
    agreement = measured["prototype_agreement"]
    assert agreement["n"] == 320 and agreement["classes"] == list(EMOTIONS)
    assert 0 <= agreement["agreement"] <= 1 and np.sum(agreement["confusion"]) == 320
    # Faces that show nothing strong, or half of a prototype, cannot be named even from their truth.
    assert 0.4 < agreement["ceiling"] < 1


def test_where_no_units_are_coded_they_are_held_against_the_emotions(weights, tmp_path, capsys):
    for name, path in (("sad", "0"), ("happy", "1"), ("contempt", "2")):
        write_picture(tmp_path / "ck" / name / f"S00{path}_001.png", grey(1, 48, int(path))[0])
    path = weights / "action_units.weights.h5"
    source = ("--source", tmp_path / "ck", "--split", "all")
    measured = run_json(capsys, "evaluate", "action-units", *source, "--weights", path)["metrics"]
    assert set(measured) == {"prototype_agreement"}
    assert measured["prototype_agreement"]["n"] == 2
    assert measured["prototype_agreement"]["classes"] == ["happy", "sad"]


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


def test_flip_averaging_gives_a_face_and_its_mirror_image_the_same_answer(weights):
    model = storage.load(weights / "keypoints.weights.h5")
    result = evaluate.evaluate(model, "made", "test", tta=True)
    assert result.result["tta"]
    plain = evaluate.evaluate(model, "made", "test").predictions["keypoints"]
    assert not np.allclose(result.predictions["keypoints"], plain)


def test_a_loose_box_is_simulated_and_what_is_stored_belongs_to_the_pictures(weights):
    model = storage.load(weights / "keypoints.weights.h5")
    measured = evaluate.evaluate(model, "made", "test", jitter=0.15)
    assert measured.result["jitter"] == 0.15
    faces = load_keypoints("made").select("test")
    moved = evaluate.loose_boxes(len(faces), 96, 0.15)
    seen = model.predict(warp_images(faces.images, moved))
    there = warp_keypoints(measured.predictions["keypoints"], moved)
    np.testing.assert_allclose(there, seen, atol=1e-2)


def test_loose_boxes_move_and_scale_by_up_to_what_was_asked():
    moved = evaluate.loose_boxes(500, 96, 0.15)
    sides = 1 / moved[:, 0, 0]
    centres = moved @ [47.5, 47.5, 1] - 47.5
    assert 0.85 <= sides.min() < 0.87
    assert 1.13 < sides.max() <= 1.15
    assert 14 < np.abs(centres).max() <= 0.15 * 96


def test_points_without_labels_are_held_against_the_shape_of_real_faces(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    complete = rng.uniform(20, 75, (15, 2)) + rng.normal(0, 1, (200, 15, 2))
    monkeypatch.setattr(evaluate, "kaggle_coordinates", lambda source: complete)
    true, predicted = complete[:20].copy(), complete[:20].copy()
    assert evaluate.unlabelled_points("some", true, predicted) == {}
    true[:10, 2:10] = np.nan
    predicted[:5, 6, 1] += 40
    predicted[10:, 6, 1] += 40  # labelled: judged by its label, not by its shape
    found = evaluate.unlabelled_points("some", true, predicted)
    assert found == {"unlabelled_outside_99": 0.5}


def test_without_complete_faces_nothing_is_said_of_unlabelled_points():
    true = np.full((3, 15, 2), np.nan)
    assert evaluate.unlabelled_points("made", true, np.zeros_like(true)) == {}


def test_emotions_are_not_measured_with_jitter(weights, capsys):
    path = weights / "emotion.weights.h5"
    assert main(["evaluate", "emotion", "--weights", str(path), "--jitter", "0.1"]) == 1
    assert "Only keypoints" in capsys.readouterr().err


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
    ("arguments", "sentence"),
    [(["--source", "nowhere"], "nowhere is no file"), (["--model", "oracle"], "no model 'oracle'")],
)
def test_a_training_that_cannot_start_leaves_nothing_behind(arguments, sentence, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "emotion", "--profile", "smoke", "--out", str(out), *arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert not out.exists()


def test_unknown_words_are_a_usage_error():
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "horoscope"])
    assert stopped.value.code == 2


def test_the_list_of_data_sets_is_there_for_people_and_for_programs(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    rows = run_json(capsys, "data", "list")
    assert {"fer2013", "facial-keypoints"} <= {row["name"] for row in rows}
    assert main(["data", "list"]) == 0
    assert "not here" in capsys.readouterr().out


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = (
        "import sys; from helpers.__main__ import build_parser as build; build();"
        "heavy = {'tensorflow', 'keras', 'pandas', 'mtcnn'}; print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
