"""`evaluate identity` measures photos of people and embeddings from elsewhere, and says how."""

import json
from dataclasses import replace

import numpy as np
import pytest
from data_samples import REAL, real
from faces import Tint, find_portrait, tinted, wall

from helpers import detect, embedders, settings
from helpers.data import DataError
from helpers.embedders import SmallEmbedder
from reading_faces.__main__ import main
from reading_faces.training import measure_identity, measure_speed
from reading_faces.training.measure_identity import (
    MOST_PAIRS,
    Faces,
    all_pairs,
    draw_pairs,
    equal_error_rate,
    evaluate_few,
    evaluate_pairs,
    evaluate_strangers,
    evaluate_svm,
    groups_of,
    load_faces,
    similarity_to,
)

LIGHTS = {"ann": (1, 0.6, 0.6), "bob": (0.6, 0.6, 1)}


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """Know people by the colour of their light, and know where on the portrait the face is."""
    monkeypatch.setattr(embedders, "best_embedder", lambda name: Tint())
    monkeypatch.setattr(detect, "detect_faces", find_portrait)


@pytest.fixture
def people(tmp_path):
    """Two people by the colour of their light, four photos each, dimmer from one to the next."""
    for name, light in LIGHTS.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        for number in range(4):
            dim = np.array(light) * (1 - 0.05 * number)
            tinted(*dim).save(tmp_path / "people" / name / f"{number}.png")
    return tmp_path / "people"


@pytest.fixture
def embeddings(tmp_path):
    """Five people who lie apart, eight faces each."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 16)).repeat(8, axis=0) + 0.1 * rng.normal(size=(40, 16))
    names = np.repeat([f"p{number}" for number in range(5)], 8)
    np.savez(tmp_path / "crowd.npz", embeddings=points, labels=names)
    return tmp_path / "crowd.npz"


def run_json(capsys, *arguments) -> dict:
    assert main(["evaluate", "identity", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_people_in_photos_are_told_apart(people, tmp_path, capsys):
    stored = tmp_path / "found.npz"
    result = run_json(capsys, "--source", people, "--predictions", stored)
    assert (result["n"], result["split"], result["embedder"]) == (8, "all", "tint")
    assert result["metrics"]["accuracy"] == 1 and result["metrics"]["no_face_found"] == 0
    assert result["metrics"]["confusion"] == [[4, 0], [0, 4]]
    with np.load(stored) as file:
        assert file["names"].tolist() == ["ann"] * 4 + ["bob"] * 4
        assert (file["scores"] > 0.99).all()
    assert "detector" not in result and result["weights"] == "shipped embedding"
    result = run_json(capsys, "--source", people, "--enroll", 1)
    assert result["metrics"]["accuracy"] == 1 and result["metrics"]["draws"] == 40


def test_faces_are_found_and_cut_as_asked_and_the_result_says_so(people, monkeypatch, capsys):
    asked = []

    def leaning(photo, detector):
        asked.append(detector)
        (face,) = find_portrait(photo)
        return [replace(face, landmarks=np.array([[70.0, 80], [100, 90], *[[85, 100]] * 3]))]

    monkeypatch.setattr(detect, "detect_faces", leaning)
    plain = load_faces(str(people), embedder=Tint())
    as_they_lean = load_faces(str(people), embedder=Tint(), upright=False)
    assert asked == ["mtcnn"] * 16
    assert not np.allclose(plain.embeddings, as_they_lean.embeddings, atol=1e-5)
    result = run_json(capsys, "--source", people, "--no-align", "--detector", "haar")
    assert asked[16:] == ["haar"] * 8
    assert (result["detector"], result["upright"]) == ("haar", False)


def test_the_speed_of_an_embedder_is_added_to_its_result(people, monkeypatch, capsys):
    monkeypatch.setattr(measure_speed, "time_call", lambda call: call() is None or 0.5)
    speed = run_json(capsys, "--source", people, "--speed")["speed"]
    assert speed["faces_per_second_batch_64"] == 128


def test_photos_without_a_face_are_counted(people, capsys):
    wall(90, 90, colour=(90, 90, 90)).save(people / "ann" / "wall.png")
    assert run_json(capsys, "--source", people)["metrics"]["no_face_found"] == 1


def test_strangers_are_counted_and_told_apart(people, tmp_path, capsys):
    (tmp_path / "others" / "green").mkdir(parents=True)
    tinted(0.6, 1, 0.6).save(tmp_path / "others" / "green" / "1.png")
    result = run_json(capsys, "--source", people, "--unknown", tmp_path / "others", "--folds", 2)
    assert result["metrics"]["unknown_auroc"] == 1 and result["metrics"]["strangers"] == 1
    assert result["metrics"]["unknown"] == str(tmp_path / "others") and result["n"] == 8
    same = run_json(capsys, "--source", people, "--unknown", people, "--folds", 2)
    assert same["metrics"]["unknown_auroc"] < 0.9


def two_people() -> Faces:
    """Three faces each of two people, by their direction; one of b lies with those of a."""
    degrees = np.radians([0, 5, 10, 90, 95, 3])
    points = np.stack([np.cos(degrees), np.sin(degrees)], axis=1)
    return Faces(points, np.array(["a", "a", "a", "b", "b", "b"]), "somewhere")


def test_predictions_beside_strangers_are_the_nearest_person_and_how_near():
    stranger = Faces(np.array([[-1.0, 0]]), np.array(["c"]), "elsewhere")
    found = evaluate_strangers(two_people(), stranger, folds=3)
    assert found.predictions["names"].tolist() == ["a", "a", "a", "b", "b", "a"]
    assert found.predictions["scores"].round(2).tolist() == [0.99, 1, 0.99, 0.75, 0.66, 1]
    assert found.result["metrics"]["accuracy"] == pytest.approx(5 / 6)
    assert found.result["metrics"]["unknown_auroc"] == 1
    assert (found.result["n"], found.result["metrics"]["strangers"]) == (6, 1)


def test_enrolling_few_is_the_mean_of_its_draws_and_predicts_no_rows():
    found = evaluate_few(two_people(), enrolled=2)
    measured = found.result["metrics"]
    # Of the two faces that a draw leaves over, one is named wrong if it is the odd one of b.
    odd = 2 * (1 - measured["accuracy"])
    assert 0.1 < odd < 0.6 and 40 * odd == pytest.approx(round(40 * odd))
    deviation = 0.5 * np.sqrt(odd * (1 - odd) * 40 / 39)
    assert measured["standard_deviation_of_draws"] == pytest.approx(deviation)
    assert measured["enrolled"] == 2 and not found.predictions


def test_an_svm_lists_whom_it_took_for_somebody_else_and_whom_they_resemble():
    found = evaluate_svm(two_people(), folds=3)
    measured = found.result["metrics"]
    assert measured["confusion"] == [[3, 0], [1, 2]]
    assert found.predictions["names"][5] == "a" and found.predictions["scores"][5] > 0.99
    (wrong,) = measured["wrong"]
    assert (wrong["row"], wrong["name"], wrong["called"]) == (5, "b", "a")
    # At 3°, and the means of those at 90° and 95° and of those at 0°, 5° and 10° lie at:
    own, other = (np.cos(np.radians(degrees - 3)) for degrees in (92.5, 5))
    assert wrong["similarity_to_own_name"] == pytest.approx(own)
    assert wrong["similarity_to_that_name"] == pytest.approx(other)
    similar = similarity_to(two_people().embeddings, two_people().names, two_people().names)
    assert measured["median_similarity_to_own_name"] == np.median(similar)


def test_embeddings_from_elsewhere_need_no_embedder(embeddings, capsys):
    result = run_json(capsys, "--source", embeddings)
    assert result["metrics"]["accuracy"] == 1 and result["n"] == 40
    assert result["metrics"]["judged"] == "leaving one face out"
    assert result["weights"] == "none: embeddings as given"
    assert run_json(capsys, "--source", embeddings, "--folds", 4)["metrics"]["judged"] == "4 folds"


def test_the_similarity_is_to_the_others_of_that_name():
    points = np.array([[1.0, 0], [0.8, 0.6], [0, 1]])
    names = np.array(["a", "a", "b"])
    found = similarity_to(points, names, np.array(["a", "b", "a"]))
    middle = np.array([0.9, 0.3]) / np.hypot(0.9, 0.3)
    np.testing.assert_allclose(found, [0.8, 0.6, middle[1]], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--source", "nowhere"], "nowhere is no file"),
        (["--source", "nowhere.npz"], "nowhere.npz is no file"),
        (["--source", "{npz}", "--split", "test"], "no split 'test'"),
        (["--source", "{npz}", "--enroll", "8"], "9 are needed"),
        (["--source", "{people}", "--folds", "5"], "5 are needed"),
        (["--source", "{bad}"], "cannot be read as .npz"),
        (["--source", "{nan}"], "embeddings with numbers that are none"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    arguments, sentence, people, embeddings, tmp_path, capsys
):
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    np.savez(tmp_path / "nan.npz", embeddings=np.full((4, 2), np.nan), labels=np.array([*"aabb"]))
    places = {"npz": embeddings, "people": people}
    places |= {name: tmp_path / f"{name}.npz" for name in ("bad", "nan")}
    assert main(["evaluate", "identity", *(a.format(**places) for a in arguments)]) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err and "Traceback" not in printed.err and not printed.out


@pytest.mark.whole
@real("orl")
def test_the_shipped_embedder_keeps_people_apart_whom_it_never_saw(monkeypatch):
    monkeypatch.undo()  # real faces need a real detector
    embedder = SmallEmbedder()
    result = evaluate_few(load_faces("orl", "test", embedder), enrolled=1).result
    assert result["n"] == 100 and result["metrics"]["accuracy"] >= 0.97
    # A face and its mirror image are one person to it.
    faces = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    np.testing.assert_allclose(embedder.embed(faces), embedder.embed(faces[:, :, ::-1]), atol=1e-5)


def faces_of(spread: float, people: int = 12, photos: int = 6) -> Faces:
    """Return faces of people who lie apart, each photo off by about `spread`."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(people, 32)).repeat(photos, axis=0)
    points += spread * rng.normal(size=points.shape)
    names = np.repeat([f"p{number:02d}" for number in range(people)], photos)
    return Faces(points, names, "crowd", sharpness=np.arange(len(names), dtype=float))


def test_pairs_are_told_apart_where_people_lie_apart_and_by_chance_where_nothing_is_known():
    clear = evaluate_pairs(faces_of(0.1)).result["metrics"]
    assert clear["pairs_accuracy"] > 0.98 and clear["pairs_auroc"] == 1 and clear["eer"] == 0
    noise = evaluate_pairs(faces_of(100.0)).result["metrics"]
    assert 0.35 < noise["pairs_accuracy"] < 0.65 and 0.35 < noise["pairs_auroc"] < 0.65
    middling = evaluate_pairs(faces_of(1.2)).result["metrics"]
    assert 0.6 < middling["pairs_accuracy"] < 1
    assert middling["pairs_accuracy"] == pytest.approx(1 - middling["eer"], abs=0.05)
    assert set(middling["eer_by_sharpness"]) == {"blurred", "middling", "sharp"}


def test_a_group_without_pairs_of_both_kinds_has_no_error_rate():
    light, dark = ["person-00"] * 4, ["person-01"] * 4  # so that no two people are alike
    points = np.random.default_rng(0).normal(size=(8, 16))
    measured = evaluate_pairs(Faces(points, np.array(light + dark), "made")).result["metrics"]
    assert measured["eer_by_skin_tone"] == {} and 0 <= measured["eer"] <= 1


def test_a_threshold_for_pairs_is_never_chosen_on_those_it_judges():
    rng = np.random.default_rng(0)
    names = np.repeat([f"p{number:03d}" for number in range(40)], 2)
    shares = [
        evaluate_pairs(Faces(rng.normal(size=(80, 32)), names, "noise")).result["metrics"]
        for _ in range(12)
    ]
    # The best threshold for all pairs together would be right for more than half of any noise.
    assert np.mean([share["pairs_accuracy"] for share in shares]) < 0.53


def test_half_of_the_pairs_show_one_person_who_gives_a_few_at_most():
    names = np.array(["often"] * 30 + ["twice"] * 2 + ["once"])
    pairs, same = draw_pairs(names, 0)
    assert same.sum() == MOST_PAIRS + 1 and len(pairs) == 2 * same.sum()
    np.testing.assert_array_equal(names[pairs[:, 0]] == names[pairs[:, 1]], same)
    assert len({tuple(sorted(pair)) for pair in pairs[same].tolist()}) == same.sum()


def test_all_pairs_are_each_once():
    same, different = all_pairs(np.eye(4)[[0, 0, 1, 2]], np.array(["a", "a", "b", "b"]))
    assert sorted(same) == [0, 1] and sorted(different) == [0, 0, 0, 0]


def test_pairs_have_no_folds_of_anybody_else(people, capsys):
    assert run_json(capsys, "--source", people, "--pairs")["metrics"]["pairs"] == 24
    assert main(["evaluate", "identity", "--source", str(people), "--pairs", "--folds", "3"]) == 2
    assert "--pairs" in capsys.readouterr().err


def test_strangers_are_named_only_from_the_threshold_on(people, tmp_path, capsys):
    (tmp_path / "strangers" / "cyd").mkdir(parents=True)
    tinted(*LIGHTS["ann"]).save(tmp_path / "strangers" / "cyd" / "0.png")
    tinted(0.6, 1, 0.6).save(tmp_path / "strangers" / "cyd" / "1.png")
    command = ["--source", people, "--unknown", tmp_path / "strangers", "--folds", 2]
    measured = run_json(capsys, *command)["metrics"]
    assert measured["named_strangers"] == 1 and measured["shipped_threshold"] == Tint.threshold


def test_made_people_are_compared_within_a_skin_tone_and_photos_by_sharpness():
    faces = replace(faces_of(1.2, people=20), source="made")
    faces = replace(faces, names=np.array([f"person-{name[1:]}" for name in faces.names]))
    pairs, _ = draw_pairs(faces.names, 0)
    tones = groups_of(faces, pairs)["skin_tone"]
    number = np.arange(20).repeat(6)
    dark = np.isin(number, [1, 7, 4, 11, 17, 14])  # tones 7, 9 and 8 of the ten
    np.testing.assert_array_equal(tones["dark"], dark[pairs].all(axis=1))
    assert not (tones["light"] & tones["middle"]).any() and tones["light"].any()
    sharp = groups_of(faces, pairs)["sharpness"]["sharp"]
    assert pairs[sharp].min() > pairs[~sharp].min(axis=1).max() - 1
    assert "skin_tone" not in groups_of(replace(faces, source="crowd"), pairs)


def crowd(people=5, each=8, spread=0.1, seed=0) -> Faces:
    """Faces of some people, who lie apart unless they are spread."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 16))
    points = centres.repeat(each, axis=0) + spread * rng.normal(size=(people * each, 16))
    return Faces(points, np.repeat([f"p{n}" for n in range(people)], each), "crowd")


@pytest.mark.parametrize("folds", [0, 4])
def test_an_svm_names_who_lies_apart_and_guesses_the_others(folds):
    assert evaluate_svm(crowd(), folds).result["metrics"]["accuracy"] == 1
    noise = np.random.default_rng(1).normal(size=(40, 16))
    guessed = evaluate_svm(replace(crowd(), embeddings=noise), folds)
    assert guessed.result["metrics"]["accuracy"] < 0.5


def test_one_picture_is_enough_for_who_lies_apart():
    def named(faces, enrolled):
        return evaluate_few(faces, enrolled).result["metrics"]["accuracy"]

    assert named(crowd(), 1) == 1
    assert 0.2 < named(crowd(spread=2.0), 1) < named(crowd(spread=2.0), 3) < 1


def test_strangers_are_told_from_who_is_known():
    apart = evaluate_strangers(crowd(), crowd(people=20, each=1, seed=7)).result["metrics"]
    assert apart["unknown_auroc"] == 1 and apart["eer"] == 0 and apart["accuracy"] == 1
    same = evaluate_strangers(crowd(), crowd()).result["metrics"]
    assert 0.3 < same["unknown_auroc"] < 0.7 and 0.3 < same["eer"] < 0.7


def test_the_equal_error_rate_is_where_both_errors_are():
    rng = np.random.default_rng(0)
    same, different = rng.normal(1, 1, 4000), rng.normal(-1, 1, 4000)
    rate, threshold = equal_error_rate(same, different)
    assert rate == pytest.approx(0.1587, abs=0.01) and threshold == pytest.approx(0, abs=0.1)


def test_the_threshold_is_given_at_which_both_errors_are_alike():
    same, different = np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.6, 0.2, 0.1, 0.0])
    rate, threshold = equal_error_rate(same, different)
    assert rate == 0.25 and 0.3 < threshold <= 0.7


def test_too_few_people_or_faces_are_one_sentence():
    with pytest.raises(ValueError, match="two or more"):
        evaluate_svm(crowd(people=1, each=2))
    with pytest.raises(ValueError, match="has 1 face.*2 are needed"):
        evaluate_svm(crowd(people=2, each=1))
    few = crowd(people=2, each=2)
    with pytest.raises(ValueError, match="has 2 face"):
        evaluate_svm(few, folds=5)
    with pytest.raises(ValueError, match="3 are needed"):
        evaluate_few(few, enrolled=2)
    with pytest.raises(ValueError, match="has 2 face.*5 are needed"):
        evaluate_strangers(few, few)


@real("five-celebrities")
def test_genuine_facenet_embeddings_tell_five_people_apart():
    source = str(REAL / "five-celebrities" / "facenet_embeddings_train.npz")
    # Two of the 93 lie among somebody else's, whatever looks at them.
    assert len(evaluate_svm(load_faces(source)).result["metrics"]["wrong"]) <= 2


def test_nobody_is_compared_with_their_own_face():
    alike_none = Faces(np.eye(8), np.repeat(["ann", "bob"], 4), "eight")
    judged = evaluate_strangers(alike_none, alike_none, folds=4)
    assert np.abs(judged.predictions["scores"]).max() < 1e-6


@pytest.mark.parametrize(
    "measure",
    [
        lambda faces: evaluate_svm(faces, 4),
        lambda faces: evaluate_few(faces, 2),
        lambda faces: evaluate_strangers(faces, crowd(seed=7, spread=2.0)),
        evaluate_pairs,
    ],
    ids=["svm", "few", "strangers", "pairs"],
)
def test_how_long_embeddings_are_plays_no_part(measure):
    faces = crowd(spread=2.0)
    lengths = np.random.default_rng(0).uniform(0.05, 20, (len(faces.names), 1))
    plain, other = (
        {name: value for name, value in one.result["metrics"].items() if isinstance(value, float)}
        for one in (measure(faces), measure(replace(faces, embeddings=faces.embeddings * lengths)))
    )
    assert plain and other == pytest.approx(plain, abs=1e-5)


@pytest.mark.parametrize(
    ("absent", "there"),
    [(None, [0, 1, 2, 3]), ("orl", [0, 1, 3]), ("photos/strangers", [0, 1, 2])],
)
def test_a_card_reports_the_experiments_whose_data_is_at_hand(absent, there, monkeypatch):
    def load(source, split="all", embedder=None):
        if source == absent:
            raise DataError(f"{source} is not here.")
        return replace(crowd(), source=source, split=split, made_by={"embedder": embedder})

    monkeypatch.setattr(measure_identity, "load_faces", load)
    card = json.loads((settings.SHIPPED / "weights" / "embedding.json").read_text())
    told = [(card["measured"][n]["source"], card["measured"][n]["split"], "mine") for n in there]
    found = measure_identity.evaluate_embedder("mine")
    assert [(one["source"], one["split"], one["embedder"]) for one in found] == told
    kinds = ("pairs", "judged", "draws", "unknown")
    assert all(kinds[n] in one["metrics"] for n, one in zip(there, found, strict=True))
