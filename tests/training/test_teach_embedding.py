"""An embedding learns what its teacher says, of people who are not kept for testing."""

import json
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from helpers import models
from helpers.batches import Batches
from helpers.crop import FRAMINGS, crop_faces
from helpers.data import album_folder
from helpers.detect import DetectedFace, region_for
from helpers.embedders import SmallEmbedder
from helpers.images import read_photo
from reading_faces.__main__ import main
from reading_faces.made_faces.albums import people_album
from reading_faces.training import storage, tasks, teach_embedding
from reading_faces.training.augment import WIDER
from reading_faces.training.teach_embedding import (
    NAMES_WEIGHT,
    SIDE,
    centred_answers,
    crop_by_landmarks,
    name_and_thresholds,
    portrait_data,
    taught,
    thresholds,
)

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]

PEOPLE, PHOTOS = 20, 2
MIDDLES = np.array([[75, 85], [125, 85], [100, 110], [80, 135], [120, 135]], np.float32)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def write_teacher(folder, names, answers):
    files = [f"{name}/{number:03d}.jpg" for name in names for number in range(PHOTOS)]
    landmarks = np.tile(MIDDLES, (len(files), 1, 1))
    path = folder.with_name(f"{folder.name}_teacher.npz")
    np.savez(path, files=files, embeddings=answers.astype(np.float16), landmarks=landmarks)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Return a folder of drawn people, and what a teacher might say of them."""
    drawn = album_folder(people_album(PEOPLE, PHOTOS, seed=5, size=200))
    folder = tmp_path_factory.mktemp("people") / "crowd"
    folder.symlink_to(drawn, target_is_directory=True)
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(PEOPLE, 128)).repeat(PHOTOS, axis=0)
    answers = answers + 0.3 * rng.normal(size=answers.shape) + 1.0
    write_teacher(folder, sorted(p.name for p in drawn.iterdir()), answers)
    return folder


@pytest.fixture(scope="module")
def lessons(people):
    return portrait_data((str(people),), tasks.EMBEDDING.recipes["smoke"], 0)


def test_a_tenth_of_people_is_kept_for_validation_and_has_no_number(lessons):
    training, validation = lessons.training, lessons.validation
    assert training.images.shape == ((PEOPLE - 2) * PHOTOS, 96 + 2 * WIDER, 96 + 2 * WIDER, 3)
    assert validation.images.shape == (2 * PHOTOS, 96, 96, 3)
    assert lessons.judges.tolist() == ["person-07"] * PHOTOS + ["person-18"] * PHOTOS
    assert set(validation.targets[:, -1]) == {-1}
    numbers = training.targets[:, -1]
    assert sorted(set(numbers)) == list(range(PEOPLE - 2)) and len(lessons.people) == PEOPLE - 2
    # Each number's direction is the nearest one to its own faces.
    nearest = (training.targets[:, :-1] @ lessons.people.T).argmax(axis=1)
    np.testing.assert_array_equal(nearest, numbers)


def test_targets_are_centred_have_length_one_and_lean_to_their_person(people, lessons):
    targets = lessons.training.targets[:, :-1]
    np.testing.assert_allclose(np.linalg.norm(targets, axis=1), 1, atol=1e-4)
    assert np.linalg.norm(targets.mean(axis=0)) < 0.1
    with np.load(people.with_name("crowd_teacher.npz")) as file:
        answers = unit(file["embeddings"].astype(float))
    kept = np.setdiff1d(np.arange(PEOPLE * PHOTOS), [14, 15, 36, 37])
    plain = unit(answers - answers[kept].mean(axis=0))[kept]
    before = (plain[::2] * plain[1::2]).sum(axis=1)
    assert ((targets[::2] * targets[1::2]).sum(axis=1) > before).all()


def test_people_kept_aside_are_judged_by_the_teachers_own_answers(people, lessons):
    with np.load(people.with_name("crowd_teacher.npz")) as file:
        answers = unit(file["embeddings"].astype(float))
    aside = [14, 15, 36, 37]
    centre = np.delete(answers, aside, axis=0).mean(axis=0)
    targets = lessons.validation.targets[:, :-1]
    np.testing.assert_allclose(targets, unit(answers[aside] - centre), atol=2e-3)


def test_who_may_be_a_person_kept_aside_is_not_learnt_from(people, tmp_path):
    folder, said = copy_of(people, tmp_path / "crowd")
    said["embeddings"][0:2] = said["embeddings"][14:16]  # person-00 looks like person-07
    np.savez(tmp_path / "crowd_teacher.npz", **said)
    learnt = portrait_data((str(folder),), tasks.EMBEDDING.recipes["smoke"], 0)
    assert len(learnt.people) == PEOPLE - 3


def copy_of(people, folder):
    """Return the same folder elsewhere, and what the teacher says of it, to be said otherwise."""
    folder.symlink_to(people.resolve(), target_is_directory=True)
    with np.load(people.with_name("crowd_teacher.npz")) as file:
        return folder, dict(file)


def test_pictures_of_which_the_teacher_says_nothing_are_left_out(people, lessons, tmp_path):
    folder, said = copy_of(people, tmp_path / "crowd")
    kept = np.delete(np.arange(PEOPLE * PHOTOS), [3, 14])  # one to learn from, one kept aside
    np.savez(tmp_path / "crowd_teacher.npz", **{name: rows[kept] for name, rows in said.items()})
    found = portrait_data((str(folder),), tasks.EMBEDDING.recipes["smoke"], 0)
    training, validation = found.training.images, found.validation.images
    np.testing.assert_array_equal(training, np.delete(lessons.training.images, 3, axis=0))
    np.testing.assert_array_equal(validation, lessons.validation.images[1:])


def test_a_photo_that_is_too_unlike_the_mean_of_its_person_stays_as_it_is(people, tmp_path):
    folder, said = copy_of(people, tmp_path / "crowd")
    first, *_ = answers = unit(said["embeddings"].astype(float))
    middle = unit(answers.mean(axis=0))
    said["embeddings"][1] = 2 * (first @ middle) * middle - first  # on its other side
    np.savez(tmp_path / "crowd_teacher.npz", **said)
    found = portrait_data((str(folder),), tasks.EMBEDDING.recipes["smoke"], 0)
    answers = np.delete(unit(said["embeddings"].astype(float)), [14, 15, 36, 37], axis=0)
    plain = unit(answers - answers.mean(axis=0))
    apart = np.abs(found.training.targets[:, :-1] - plain).max(axis=1)
    assert apart[:2].max() < 2e-3 and apart[2:].min() > 1e-2


def test_drawn_people_lean_farther_to_their_mean_and_only_the_first_source_judges(
    people, monkeypatch
):
    """Here both sources are the same pictures."""
    monkeypatch.setattr(teach_embedding, "people_album", lambda **_: None)
    monkeypatch.setattr(teach_embedding, "album_folder", lambda album: people)
    recipe = tasks.EMBEDDING.recipes["smoke"]
    found = portrait_data((str(people), "made"), recipe, 0)
    with np.load(people.with_name("crowd_teacher.npz")) as file:
        answers = np.delete(unit(file["embeddings"].astype(float)), [14, 15, 36, 37], axis=0)
    plain = unit(answers - answers.mean(axis=0))
    means = unit(plain.reshape(-1, PHOTOS, 128).mean(axis=1)).repeat(PHOTOS, axis=0)
    wanted = [unit(plain + lean * (means - plain)) for lean in (0.3, 0.75)]
    targets = found.training.targets[:, :-1]
    np.testing.assert_allclose(targets, np.concatenate(wanted), atol=2e-3)
    assert len(found.validation.images) == 4 * PHOTOS and len(found.judges) == 2 * PHOTOS


@pytest.mark.parametrize("made", [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
def test_what_all_faces_have_in_common_is_that_of_real_ones_to_learn_from(made):
    """Only where there is no real one do drawn ones tell it; people kept aside never do."""
    answers = np.random.default_rng(0).normal(size=(5, 8))
    table = pd.DataFrame({"made": np.array(made, bool), "name": [*"abcde"]})
    table["answer"], table["split"] = [*answers], ["train"] * 4 + ["val"]
    common = answers[2:4] if not all(made) else answers[:4]
    targets, _ = centred_answers(table)
    np.testing.assert_allclose(targets, unit(answers - common.mean(axis=0)), atol=1e-6)


def test_names_are_learnt_from_each_person_s_direction_on_and_the_card_has_the_best_epoch(
    lessons, monkeypatch
):
    pupils, history = [], pd.DataFrame({"val_loss": [3.0, 1.0, 2.0]})
    monkeypatch.setattr(
        teach_embedding, "fit", lambda pupil, *_, **__: pupils.append(pupil) or history
    )
    network = models.build_embedding_model(filters=(8,), identity_blocks=(0,), dimensions=128)
    run = SimpleNamespace(recipe=tasks.EMBEDDING.recipes["smoke"], out=None)
    learnt, facts = teach_embedding.learn(network, lessons, run)
    assert learnt is network, "without the layer for the names"
    (names,) = pupils[0].get_layer("names").get_weights()
    np.testing.assert_array_equal(names, lessons.people.T)
    counted = {"n_train": (PEOPLE - 2) * PHOTOS, "n_val": 2 * PHOTOS, "people": PEOPLE - 2}
    assert facts.items() >= (counted | {"val_loss": 1.0, "epochs_run": 3}).items()


def test_another_training_has_another_name_and_thresholds_are_of_both_looks():
    faces = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    lessons = SimpleNamespace(validation=Batches(faces, faces), judges=np.array([*"aabb"]))

    def calibrated(weight):
        def predict(images, mirrored=False):
            return np.eye(4)[images[:, 0, 0, 0]] if mirrored else np.ones((len(images), 4))

        inputs = keras.Input((2,))
        network = keras.Model(inputs, keras.layers.Dense(1, name="embedding")(inputs))
        network.set_weights([np.full((2, 1), weight), np.zeros(1)])
        return name_and_thresholds(SimpleNamespace(network=network, predict=predict), lessons, None)

    one, again, other = map(calibrated, (0.5, 0.5, 0.25))
    assert one["name"] == again["name"] != other["name"]
    assert one["threshold"] == one["strict_threshold"] == 0


def test_faces_are_cut_as_the_detector_cuts_them(people):
    file = next(people.rglob("*.jpg"))
    photo = read_photo(file)
    anywhere = (0.0, 0.0, 9.0, 9.0)  # with landmarks, the box does not matter
    face = DetectedFace(anywhere, 1.0, MIDDLES, anywhere)
    framing = replace(FRAMINGS["mtcnn", "embedding"], side=SIDE)  # MTCNN marks other points
    cut, _ = crop_faces(photo, [region_for(face, framing)], 96, framing)
    inner = crop_by_landmarks(file, MIDDLES)[WIDER:-WIDER, WIDER:-WIDER].astype(int)
    assert np.abs(inner - cut[0]).mean() < 2


def test_the_loss_is_what_its_formula_says():
    rng = np.random.default_rng(1)
    answers, wanted = unit(rng.normal(size=(2, 6, 8)))
    cosines, numbers = rng.uniform(-1, 1, (6, 3)), np.array([0, 2, -1, 1, -1, 2])
    given = np.column_stack([wanted, numbers]), np.column_stack([answers, cosines])
    direct = np.mean(1 - (answers * wanted).sum(axis=1))
    alike = np.mean((answers @ answers.T - wanted @ wanted.T) ** 2)
    missed = []
    for row, number in enumerate(numbers):
        if number >= 0:
            logits = 24 * (cosines[row] - 0.15 * (np.arange(3) == number))
            missed.append(np.log(np.exp(logits).sum()) - logits[number])
    loss = taught(*(part.astype(np.float32) for part in given))
    expected = direct + 2 * alike + NAMES_WEIGHT * np.mean(missed)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_thresholds_let_through_as_few_strangers_as_they_say():
    different, same = np.linspace(-1, 0.6, 10_001), np.linspace(0.2, 1, 1001)
    card = thresholds(same, different)
    assert card["threshold"] < card["strict_threshold"] < 0.6
    for name, rate in (("threshold", 0.005), ("strict_threshold", 0.001)):
        rates = card["rates"][name]
        assert rates["false_accept"] == pytest.approx(rate, abs=4e-4)
        assert rates["false_reject"] == pytest.approx(np.mean(same < card[name]), abs=1e-3)


def test_a_network_learns_from_the_teacher_and_is_stored_with_all_that_matters(
    people, tmp_path, monkeypatch
):
    tiny = {"filters": (8,), "identity_blocks": (0,), "dimensions": 128}
    monkeypatch.setitem(tasks.EMBEDDING.networks, "residual", ("build_embedding_model", tiny))
    command = ["train", "embedding", "--profile", "smoke", "--source", str(people)]
    assert main([*command, "--out", str(tmp_path)]) == 0
    card = json.loads((tmp_path / "embedding.json").read_text())
    assert "dlib" in card["training"]["teacher"] and card["training"]["people"] == PEOPLE - 2
    assert card["threshold"] <= card["strict_threshold"] and set(card["rates"]) == {
        "threshold",
        "strict_threshold",
    }
    embedder = SmallEmbedder(storage.load(tmp_path / "embedding.weights.h5"))
    assert embedder.name.startswith("reading-faces-") and embedder.size == 96


def test_a_source_without_a_teacher_is_refused_with_how_to_make_one(tmp_path, capsys):
    (tmp_path / "crowd" / "ann").mkdir(parents=True)
    for number in range(2):
        (tmp_path / "crowd" / "ann" / f"{number}.png").write_bytes(b"")
    command = ["train", "embedding", "--profile", "smoke", "--source", str(tmp_path / "crowd")]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "has no teacher's embeddings" in said and "--out" in said
    assert not (tmp_path / "out").exists()
