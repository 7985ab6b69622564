"""Networks learn from training faces alone, and from what their recipe asks for."""

from dataclasses import replace

import numpy as np
import pytest
from data_samples import grey

from helpers.data import EMOTIONS, DataError, EmotionData, KeypointData
from helpers.data.made import SHIPPED, load_set
from reading_faces.made_faces.expression import PRESENT_FROM
from reading_faces.made_faces.sets import collect, draw_set
from reading_faces.training import definitions, training_data
from reading_faces.training.made_sets import save_set
from reading_faces.training.recipes import Recipe, Schedule
from reading_faces.training.training_data import soft_labels


@pytest.fixture(scope="module")
def three_file(tmp_path_factory):
    """A set of three made faces, as `data make` writes it."""
    path = tmp_path_factory.mktemp("set") / "three.npz"
    save_set(collect(draw_set(3, seed=9)), path)
    return str(path)


def test_a_set_that_data_make_wrote_holds_drawn_faces_and_any_other_file_may_hold_people(
    three_file, tmp_path
):
    np.savez(tmp_path / "faces.npz", images=grey(2, 48))
    assert training_data.drawn_only(("made", three_file))
    for other in (str(tmp_path / "faces.npz"), str(tmp_path), "fer2013"):
        assert not training_data.drawn_only(("made", other))


def test_training_pictures_that_occur_in_another_split_are_left_out():
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1) * np.ones((1, 96, 96), np.uint8)
    images[1] = images[5]
    split = np.array(["train", "train", "train", "val", "val", "test"])
    faces = KeypointData(images, np.zeros((6, 15, 2), np.float32), split)
    training, validation = training_data.train_and_val(faces, 128, 0)
    assert training.images[:, 0, 0].tolist() == [0, 2]
    assert validation.images[:, 0, 0].tolist() == [3, 4]
    assert len(training_data.train_and_val(faces, 1, 0)[0]) == 1


def test_a_source_without_splits_gives_a_tenth_to_judge_by():
    faces = KeypointData(grey(400, 96), np.zeros((400, 15, 2), np.float32), np.full(400, "all"))
    training, validation = training_data.train_and_val(faces, None, 0)
    assert len(training) + len(validation) == 400 and 20 < len(validation) < 60


def test_a_recipe_may_ask_for_more_made_faces_than_ship(few_faces, monkeypatch):
    asked = []

    def training_set(n, pose):
        asked.append((n, pose))
        return few_faces

    monkeypatch.setattr(training_data, "training_set", training_set)
    plain = Recipe(Schedule(1, 1e-3))
    shipped = training_data.keypoint_data(("made",), plain, 0).training
    assert not asked and np.isnan(shipped.targets).any()
    recipe = replace(plain, drawn=500)
    assert len(training_data.keypoint_data((few_faces,), recipe, 0).training.images) == 64
    assert not asked  # made faces were not asked for
    drawn = training_data.keypoint_data(("made",), recipe, 0).training
    assert asked == [(500, "turned")]
    assert len(drawn.images) == 64 and np.isfinite(drawn.targets).all()
    assert drawn.targets.max() > 40 > 2 > np.abs(drawn[0][1]).max(), "in the network's units"


class Oracle:
    """A model that knows faces by their first pixel, if it sees their mirror image, too."""

    def __init__(self, keypoints):
        self.keypoints = keypoints

    def predict(self, images, mirrored=False):
        return self.keypoints[images[:, 0, 0]] + (0 if mirrored else 5)


@pytest.fixture
def elsewhere(monkeypatch):
    """Points of made faces as we mark them, and the same faces with labels of a known set."""
    ours = load_set().keypoints[:120]
    images = np.arange(120, dtype=np.uint8)[:, None, None] * np.ones((1, 96, 96), np.uint8)
    offsets = np.zeros((15, 2))
    offsets[[0, 1, 14]], offsets[[7, 9]] = (0, 0.03), [[0.05, -0.1], [-0.05, -0.1]]
    labels = definitions.add_offsets(ours, offsets, ours)
    split = np.repeat(["train", "val", "test"], [80, 20, 20])
    faces = KeypointData(images, labels, split, source="youtube-faces")
    monkeypatch.setattr(training_data, "load_keypoints", lambda source: faces)
    monkeypatch.setattr(training_data.models, "load", lambda name: Oracle(ours))
    sparse = ours - [0, 9] * (np.arange(15) == 14)[:, None]  # marked by others
    sparse[:, 2:10] = np.nan
    table = np.concatenate([ours[:100], sparse])
    monkeypatch.setattr(training_data, "kaggle_coordinates", lambda: table)
    return ours, faces


def test_labels_of_another_definition_are_moved_to_kaggles(elsewhere):
    ours, faces = elsewhere
    assert np.abs(faces.keypoints - ours).max() > 2
    recipe = Recipe(Schedule(1, 1e-3))
    training, validation, _ = training_data.keypoint_data(("youtube-faces",), recipe, 0)
    np.testing.assert_allclose(training.targets, ours[:80], atol=0.5)
    np.testing.assert_allclose(validation.targets, ours[80:100], atol=0.5)


def test_beside_others_they_are_learnt_three_times_from_all_but_the_people_for_the_test(
    elsewhere, monkeypatch
):
    ours, faces = elsewhere
    split = np.repeat(["train", "val"], 60)
    others = KeypointData(faces.images + 120, ours, split, source="others")
    monkeypatch.setattr(
        training_data, "load_keypoints", {"youtube-faces": faces, "others": others}.get
    )
    recipe, both = Recipe(Schedule(1, 1e-3)), ("others", "youtube-faces")
    training, validation, _ = training_data.keypoint_data(both, recipe, 0)
    rows = [*range(60), *range(100), *range(100), *range(100)]
    np.testing.assert_allclose(training.targets, ours[rows], atol=0.5)
    np.testing.assert_allclose(validation.targets, ours[60:], atol=0.5)
    some = training_data.keypoint_data(both, replace(recipe, rows=30), 0)
    assert len(some.training.images) == 60 and len(some.validation.images) == 80


def test_kaggles_faces_are_stretched_until_their_mouths_are_as_low(elsewhere, monkeypatch):
    ours, faces = elsewhere
    middle = ours[:100, :2].mean(axis=1, keepdims=True)
    low = middle + (ours[:100] - middle) * [1, 0.9]  # as if seen from above
    plain = training_data.offsets_from_kaggle(training_data.learnt_from(faces))
    monkeypatch.setattr(training_data, "kaggle_coordinates", lambda: low)
    np.testing.assert_allclose(
        training_data.offsets_from_kaggle(training_data.learnt_from(faces)), plain, atol=0.02
    )


def test_units_that_a_source_does_not_code_are_not_learnt_from_it(
    three_file, tmp_path, monkeypatch
):
    monkeypatch.setattr(training_data, "training_set", lambda n: three_file)
    drawn = training_data.load_units("made", 500)
    assert len(drawn) == 3 and drawn.action_units.shape == (3, 18)
    few = {"images": grey(20, 96), "action_units": np.tile(np.eye(2, dtype=int), (10, 1))}
    for names, path in ((["AU1", "AU2"], "few.npz"), (["AU98", "AU99"], "none.npz")):
        np.savez(tmp_path / path, unit_names=np.array(names), **few)
    recipe = Recipe(Schedule(1, 1e-3))
    examples = training_data.action_unit_data((str(tmp_path / "few.npz"),), recipe, 0)
    targets = examples.training.targets
    assert np.isfinite(targets[:, :2]).all() and np.isnan(targets[:, 2:]).all()
    with pytest.raises(DataError, match="none of the units"):
        training_data.load_units(str(tmp_path / "none.npz"), None)


def test_without_splits_people_are_kept_on_one_side():
    who = np.repeat([f"S{n}" for n in range(40)], 5)
    faces = KeypointData(
        grey(200, 96), np.zeros((200, 15, 2), np.float32), np.full(200, "all"), who
    )
    training, validation = training_data.train_and_val(faces, None, 0)
    assert not set(training.subjects) & set(validation.subjects)
    assert len(set(validation.subjects)) == 4


def test_units_in_any_combination_are_learnt_from_and_never_validated_on(three_file, monkeypatch):
    natural = load_set()

    def training_set(n, seed=1, mixed=False):
        return three_file if mixed else str(SHIPPED)

    monkeypatch.setattr(training_data, "training_set", training_set)
    recipe = Recipe(Schedule(1, 1e-3), drawn=40, drawn_mixed=3)
    training, validation, _ = training_data.action_unit_data(("made",), recipe, 0)
    assert len(training.images) == (natural.split == "train").sum() + 3
    judged = natural.split != "train"
    assert len(validation.images) == judged.sum() > (natural.split == "val").sum()
    assert ((training.targets > 0) & (training.targets < 1)).any()
    intensities = natural.action_units[judged].max(axis=2)
    np.testing.assert_array_equal(validation.targets >= 0.5, intensities >= PRESENT_FROM)


def test_few_rows_are_taken_by_chance_and_the_same_by_the_same_seed():
    split = np.array(["train"] * 90 + ["val"] * 10)
    faces = KeypointData(grey(100, 96), np.zeros((100, 15, 2), np.float32), split)

    def taken(seed):
        images = training_data.train_and_val(faces, 20, seed)[0].images
        return [image.tobytes() for image in images]

    assert taken(0) == taken(0) != taken(1)
    assert set(taken(0)) != {image.tobytes() for image in faces.images[:20]}


def test_votes_soften_what_is_learnt_and_not_what_is_judged_by(monkeypatch):
    labels = np.repeat(np.arange(7), 12)
    votes = np.random.default_rng(0).integers(0, 5, (84, 10)).astype(np.uint8)
    split = np.tile(["train", "train", "val"], 28)
    faces = EmotionData(grey(84, 48), labels, EMOTIONS, split, votes=votes, source="here")
    monkeypatch.setattr(training_data, "load_emotions", lambda source: faces)
    recipe = Recipe(Schedule(1, 1e-3), votes_weight=0.5)
    training, validation, unlabelled = training_data.emotion_data(("here",), recipe, 0)
    learnt = faces.select("train")
    np.testing.assert_allclose(training.targets, soft_labels(learnt.labels, learnt.votes, 0.5))
    assert set(np.unique(validation.targets)) == {0, 1}
    assert (validation.targets.argmax(axis=1) == faces.select("val").labels).all()
    assert not len(unlabelled)


def test_emotions_of_a_source_are_matched_by_name_and_unknown_ones_left_out(monkeypatch):
    labels, split = np.array([0, 1, 2, 0, 2, 1]), np.repeat(["train", "val"], 3)
    faces = EmotionData(grey(6, 48), labels, ("happy", "contempt", "sad"), split, source="here")
    monkeypatch.setattr(training_data, "load_emotions", lambda source: faces)
    training, validation, _ = training_data.emotion_data(("here",), Recipe(Schedule(1, 1e-3)), 0)
    happy, sad = (np.eye(7)[EMOTIONS.index(name)] for name in ("happy", "sad"))
    for batches in (training, validation):
        np.testing.assert_array_equal(batches.targets, [happy, sad])


def test_batches_are_made_as_the_recipe_says_and_only_training_is_changed():
    recipe = Recipe(Schedule(9, 1e-3, batch_size=10, restarts=(6, 3)), rows=30, mixup=0.2)
    training, validation, _ = training_data.emotion_data(("made",), recipe, 5)
    assert (training.batch_size, training.mixup, training.mixup_from) == (10, 0.2, 3)
    assert (len(training.images), len(training), training.seed) == (30, 3, 5)
    assert training.augment and not validation.augment
