"""`evaluate identity` measures photos of people and embeddings from elsewhere, and says how."""

import json

import numpy as np
import pytest
from data_samples import real
from faces import Tint, portrait, tinted
from test_recognition import crowd

from helpers import gallery as identity
from helpers.detect import crop_largest_faces
from helpers.embedders import SmallEmbedder
from reading_faces.__main__ import main
from reading_faces.training import measure_identity as evaluate_identity

LIGHTS = {"ann": (1, 0.6, 0.6), "bob": (0.6, 0.6, 1)}


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr(identity, "best_embedder", lambda name: Tint())


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
    points, names = crowd()
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
    result = run_json(capsys, "--source", people, "--no-align", "--detector", "haar")
    assert (result["detector"], result["upright"]) == ("haar", False)
    result = run_json(capsys, "--source", people, "--enroll", 1)
    assert result["metrics"]["accuracy"] == 1 and result["metrics"]["draws"] == 40


def test_strangers_are_counted_and_told_apart(people, tmp_path, capsys):
    (tmp_path / "others" / "green").mkdir(parents=True)
    tinted(0.6, 1, 0.6).save(tmp_path / "others" / "green" / "1.png")
    result = run_json(capsys, "--source", people, "--unknown", tmp_path / "others", "--folds", 2)
    assert result["metrics"]["unknown_auroc"] == 1 and result["metrics"]["strangers"] == 1
    same = run_json(capsys, "--source", people, "--unknown", people, "--folds", 2)
    assert same["metrics"]["unknown_auroc"] < 0.9


def test_embeddings_from_elsewhere_need_no_embedder(embeddings, capsys):
    result = run_json(capsys, "--source", embeddings)
    assert result["metrics"]["accuracy"] == 1 and result["n"] == 40
    assert result["metrics"]["judged"] == "leaving one face out"
    assert run_json(capsys, "--source", embeddings, "--folds", 4)["metrics"]["judged"] == "4 folds"


def test_the_similarity_is_to_the_others_of_that_name():
    points = np.array([[1.0, 0], [0.8, 0.6], [0, 1]])
    names = np.array(["a", "a", "b"])
    found = evaluate_identity.similarity_to(points, names, np.array(["a", "b", "a"]))
    middle = np.array([0.9, 0.3]) / np.hypot(0.9, 0.3)
    np.testing.assert_allclose(found, [0.8, 0.6, middle[1]], atol=1e-6)


def test_who_got_a_wrong_name_is_listed_with_whom_they_resemble():
    points = np.array([[1.0, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]])
    names = np.array(["a", "a", "b", "b"])
    found = evaluate_identity.wrong_names(points, names, np.array(["a", "a", "b", "a"]))
    (wrong,) = found["wrong"]
    assert (wrong["row"], wrong["name"], wrong["called"]) == (3, "b", "a")
    assert wrong["similarity_to_own_name"] == pytest.approx(0.8)
    middle = np.array([0.9, 0.3]) / np.hypot(0.9, 0.3)
    assert wrong["similarity_to_that_name"] == pytest.approx(points[3] @ middle)
    assert found["median_similarity_to_own_name"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--source", "nowhere"], "nowhere is no file"),
        (["--source", "nowhere.npz"], "nowhere.npz is no file"),
        (["--source", "{npz}", "--split", "test"], "no split 'test'"),
        (["--source", "{npz}", "--unknown", "made"], "need photos"),
        (["--source", "{npz}", "--tta"], "without --tta"),
        (["--source", "{npz}", "--enroll", "1", "--folds", "2"], "--enroll goes without"),
        (["--source", "{npz}", "--enroll", "8"], "9 are needed"),
        (["--source", "{people}", "--folds", "5"], "5 are needed"),
        (["--source", "{bad}"], "holds no embeddings"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    arguments, sentence, people, embeddings, tmp_path, capsys
):
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    places = {"npz": embeddings, "people": people, "bad": tmp_path / "bad.npz"}
    assert main(["evaluate", "identity", *(a.format(**places) for a in arguments)]) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err and "Traceback" not in printed.err and not printed.out


def test_options_of_identity_are_refused_elsewhere(capsys):
    assert main(["evaluate", "emotion", "--enroll", "1"]) == 1
    assert "are for identity" in capsys.readouterr().err


def test_a_face_is_found_turned_upright_and_cut_and_a_wall_gives_its_middle():
    leaning = np.array(portrait().rotate(20, expand=False))
    wall = np.zeros((50, 80, 3), np.uint8)
    wall[15:35, 30:50] = 255
    faces, found = crop_largest_faces([np.array(portrait()), leaning, wall], 48, "embedding")
    assert found.tolist() == [True, True, False] and faces.shape == (3, 48, 48, 3)
    assert (faces[2, 16:32, 16:32] == 255).all()
    as_it_leans, _ = crop_largest_faces([leaning], 48, "embedding", upright=False)
    inner = (slice(10, 38), slice(10, 38))

    def likeness(face):
        return np.corrcoef(faces[0][inner].ravel(), face[inner].ravel())[0, 1]

    assert likeness(faces[1]) > 0.9 > likeness(as_it_leans[0])


@real("orl")
def test_the_shipped_embedder_keeps_people_apart_whom_it_never_saw():
    embedder = SmallEmbedder()
    result = evaluate_identity.evaluate_identity(embedder, "orl", "test", enroll=1).result
    assert result["n"] == 100 and result["metrics"]["accuracy"] >= 0.92
    # A face and its mirror image are one person to it.
    faces = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    np.testing.assert_allclose(embedder.embed(faces), embedder.embed(faces[:, :, ::-1]), atol=1e-5)
