"""A model is made by its recipe, replaces nothing, and says where its weights come from."""

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_samples import files_under, grey
from tiny_tasks import ACTION_UNITS, EMOTION, KEYPOINTS

from helpers import models
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.training import loop, storage, tasks
from reading_faces.training.make import TEXTS, Run, first_network, train_model, write_card
from reading_faces.training.recipes import Recipe, Schedule
from reading_faces.training.storage import BUILDERS

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]

FREE, RESEARCH, UNKNOWN = (TEXTS["terms"][name] for name in ("drawn", "real", "unknown"))
KNOWN = TEXTS["known_failures"]


# Making a model


@pytest.mark.parametrize("task", [KEYPOINTS, EMOTION, ACTION_UNITS], ids=lambda task: task.name)
def test_training_writes_a_model_that_loads_and_predicts(task, few_faces, tmp_path):
    run = Run(task, (few_faces,), "smoke", tmp_path / "run")
    returned = train_model(run)
    model = storage.load(tmp_path / "run" / f"{task.name}.weights.h5")
    faces = grey(4, task.size)
    # What is measured and calibrated is what is on disk, in half precision.
    np.testing.assert_array_equal(returned.predict(faces), model.predict(faces))
    training = model.card["training"]
    assert (training["n_train"], training["n_val"], training["epochs_run"]) == (64, 16, 1)
    assert training["recipe"]["rows"] == 128
    history = loop.read_history(run.out)
    assert training[task.monitor] == [pytest.approx(history[task.monitor][0], abs=1e-4)]
    fitted = {"emotion": {"temperature"}, "action_units": {"thresholds"}, "keypoints": set()}
    assert set(model.card) >= {"terms", "known_failures"} | fitted[task.name] | set(task.outputs)
    with pytest.raises(ValueError, match="add --resume"):
        train_model(run)
    for other in ({"seed": 1}, {"sources": ("made",)}, {"profile": "lesson"}):
        with pytest.raises(ValueError, match="another run"):
            train_model(replace(run, **other), resume=True)
    assert train_model(run, resume=True).card["training"] == training


@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_only_a_full_training_is_measured_and_the_card_keeps_that(profile, few_faces, tmp_path):
    recipe = Recipe(Schedule(1, 1e-3), rows=32)
    task = replace(
        KEYPOINTS,
        recipes={"smoke": recipe, "full": recipe},
        measure=lambda model, run: {"measured": [run.profile]},
    )
    train_model(Run(task, (few_faces,), profile, tmp_path))
    card = json.loads((tmp_path / "keypoints.json").read_text())
    assert card.get("measured") == (["full"] if profile == "full" else None)


def test_training_begins_with_the_first_weights(few_faces, tmp_path):
    standing = {"smoke": Recipe(Schedule(1, 0.0), rows=32)}
    first = storage.load(a_model(tmp_path / "first"))
    run = Run(replace(EMOTION, recipes=standing), (few_faces,), "smoke", tmp_path / "run")
    begun = train_model(replace(run, init=tmp_path / "first/emotion.weights.h5"))
    other = train_model(replace(run, out=tmp_path / "other"))
    kernels = [model.network.layers[1].get_weights()[0] for model in (first, begun, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_what_is_learnt_from_is_drawn_and_shuffled_by_the_seed_of_the_run(few_faces, tmp_path):
    class Asked(Exception):
        pass

    def data(sources, recipe, seed):
        raise Asked(seed)

    with pytest.raises(Asked, match="^7$"):
        train_model(Run(replace(KEYPOINTS, data=data), (few_faces,), "smoke", tmp_path, seed=7))


def test_layers_are_built_with_the_precision_of_the_recipe(tmp_path):
    recipe = Recipe(Schedule(1, 1e-3, precision="mixed_float16"))  # what `auto` never is
    run = Run(replace(EMOTION, recipes={"smoke": recipe}), ("made",), "smoke", tmp_path)
    assert first_network(run).layers[1].compute_dtype == "float16"


def test_a_number_of_epochs_takes_the_place_of_the_whole_chain(tmp_path):
    run = Run(tasks.EMOTION, ("fer2013",), "full", tmp_path)
    assert len(run.recipe.in_turn()) == 2
    shorter = replace(run, epochs=3).recipe.in_turn()
    assert [recipe.schedule.epochs for recipe in shorter] == [3]
    assert replace(run, model="keypoints").recipe.schedule.epochs == 7


def test_only_a_full_training_takes_real_faces_where_no_source_is_named(tmp_path, monkeypatch):
    runs = []
    monkeypatch.setattr("reading_faces.training.make.train_model", lambda run, *_: runs.append(run))
    monkeypatch.setenv("COURSE_PROFILE", "lesson")
    for profile in ([], ["--profile", "smoke"], ["--profile", "full"]):
        assert main(["train", "emotion", *profile, "--out", str(tmp_path)]) == 0
    assert [run.sources for run in runs] == [("made",), ("made",), tasks.EMOTION.sources]
    assert "fer2013" in tasks.EMOTION.sources


def test_a_full_training_of_units_begins_with_what_drawings_taught(tmp_path, monkeypatch):
    runs, units = [], tasks.ACTION_UNITS
    monkeypatch.setattr("reading_faces.training.make.train_model", lambda run, *_: runs.append(run))
    options = ["--profile", "full"], ["--source", "made"], ["--init", "mine.weights.h5"], []
    for more in ((0,), (0, 1), (0, 2), (3,)):
        asked = [word for option in more for word in options[option]]
        assert main(["train", "action-units", *asked, "--out", str(tmp_path)]) == 0
    assert [run.init for run in runs] == [units.init, None, Path("mine.weights.h5"), None]
    full, drawn = (run.recipe for run in runs[:2])
    assert full == units.recipes["full"] != drawn == units.recipes["full drawn"]
    assert storage.load(units.init).card["terms"] == FREE
    assert runs[0].began_with["weights"] == "data/weights/made/action_units.weights.h5"


# What is refused, before any work


@pytest.fixture
def idle(monkeypatch):
    """Let a tiny task be trained by the command line, but fail if it begins to load its data."""

    def load(*_):
        pytest.fail("work has begun")

    monkeypatch.setitem(tasks.TASKS, "emotion", replace(EMOTION, data=load))


def a_model(folder: Path, of=EMOTION, **card) -> Path:
    """Store a tiny untrained model, and return the path of its weights."""
    function, arguments = of.networks["tiny"]
    network = BUILDERS[function](**arguments)
    written = write_card(Run(of, ("made",), "smoke", folder), {})
    return storage.save(TrainedModel(network, written | card), folder)


def test_a_disk_without_room_is_one_sentence_before_the_work(tmp_path, monkeypatch, capsys):
    full = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    assert main(["train", "emotion", "--out", str(tmp_path / "new" / "run")]) == 1
    assert "the disk is too full; 200 MB are needed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "nowhere"], "nowhere is no file or folder here"),
        (["--source", "made", "--source", "nowhere.npz"], "nowhere.npz is no file"),
        (["--model", "huge"], "emotion has no model 'huge'"),
        (["--init", "nothing.weights.h5"], "no trained model at nothing.weights.h5"),
    ],
)
def test_what_is_unknown_is_refused_before_any_work(options, said, idle, tmp_path, capsys):
    assert main(["train", "emotion", *options, "--out", str(tmp_path / "run")]) != 0
    assert said in capsys.readouterr().err
    assert not files_under(tmp_path)


def test_weights_of_another_network_are_refused_before_any_work(idle, tmp_path, capsys):
    other = a_model(tmp_path, KEYPOINTS)
    assert main(["train", "emotion", "--init", str(other), "--out", str(tmp_path / "run")]) != 0
    assert "is a model for keypoints that does not fit" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_first_weights_are_never_replaced(idle, tmp_path, capsys):
    weights = a_model(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    command = ["train", "emotion", "--init", str(weights), "--out"]
    for out in ("mine", "link", "mine/../mine"):
        assert main([*command, str(tmp_path / out)]) == 2
        assert "would replace" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "run"), "--copy-to", str(tmp_path / "mine")]) == 2
    assert "--copy-to" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == before


def test_nothing_is_written_among_the_pictures_that_are_learnt_from(idle, tmp_path, capsys):
    (tmp_path / "faces/train/happy").mkdir(parents=True)
    for out in ("faces", "faces/model"):
        command = ["train", "emotion", "--source", str(tmp_path / "faces")]
        assert main([*command, "--out", str(tmp_path / out)]) == 2
        assert "which is learnt from" in capsys.readouterr().err
    assert not files_under(tmp_path)


def test_weights_and_card_are_put_where_the_command_says_too(
    few_faces, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(tasks.TASKS, "emotion", EMOTION)
    out, ship = tmp_path / "run", tmp_path / "weights"
    command = ["train", "emotion", "--source", few_faces, "--profile", "smoke"]
    command += ["--out", str(out), "--copy-to", str(ship)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out / 'emotion.weights.h5'}\n"
    assert files_under(ship) == {"emotion.weights.h5", "emotion.json"}
    card = models.load(ship / "emotion.weights.h5").card
    assert card == models.load(out / "emotion.weights.h5").card
    assert card["training"]["command"] == shlex.join(["python", "-m", "reading_faces", *command])


# What the card says of licence and data


def card_of(tmp_path, sources=("made",), init=None, task=EMOTION) -> dict:
    return write_card(Run(task, sources, "smoke", tmp_path / "out", init=init), {})


def test_weights_that_have_seen_made_faces_only_are_free_and_say_so(tmp_path):
    card = card_of(tmp_path)
    assert (card["terms"], card["known_failures"]) == (FREE, KNOWN["any"]["drawn"])
    card = card_of(tmp_path, init=a_model(tmp_path))
    assert (card["terms"], card["known_failures"]) == (FREE, KNOWN["any"]["drawn"])
    units = card_of(tmp_path, task=ACTION_UNITS)
    assert (units["terms"], units["known_failures"]) == (FREE, KNOWN["action_units"]["drawn"])


def test_weights_that_have_seen_people_are_for_research(tmp_path):
    card = card_of(tmp_path, ("made", "fer2013"))
    assert (card["terms"], card["known_failures"]) == (RESEARCH, KNOWN["emotion"]["real"])
    card = card_of(tmp_path, ("fer2013",), init=a_model(tmp_path))
    assert (card["terms"], card["known_failures"]) == (RESEARCH, KNOWN["emotion"]["real"])


def test_made_faces_do_not_free_weights_that_began_with_people(tmp_path):
    first = a_model(tmp_path / "a", terms=RESEARCH, known_failures="Often wrong.")
    second = card_of(tmp_path, init=first)
    assert second["terms"] == RESEARCH
    assert "no real one" not in second["known_failures"]
    assert "Often wrong." in second["known_failures"]
    began = second["training"]["began_with"]
    assert began["weights"] == str(first) and began["sources"] == ["made"]
    # And so on: who began with those is not free either, and says what those began with.
    third = card_of(tmp_path, init=a_model(tmp_path / "b", **second))
    assert third["terms"] == RESEARCH and "Often wrong." in third["known_failures"]
    assert third["training"]["began_with"]["began_with"] == began


def test_first_weights_keep_their_own_terms_and_unknown_ones_are_called_unknown(tmp_path):
    card = card_of(tmp_path, ("fer2013",), init=a_model(tmp_path, terms="Ask me first."))
    assert card["terms"] == f"{RESEARCH} Ask me first."
    weights = a_model(tmp_path)
    path = weights.with_name("emotion.json")
    stored = {
        name: value for name, value in json.loads(path.read_text()).items() if name != "terms"
    }
    path.write_text(json.dumps(stored))
    assert card_of(tmp_path, init=weights)["terms"] == UNKNOWN


def test_a_run_goes_on_only_from_the_weights_that_it_began_with(few_faces, tmp_path):
    first = a_model(tmp_path / "first")
    run = Run(EMOTION, (few_faces,), "smoke", tmp_path / "run", init=first)
    train_model(run)
    a_model(tmp_path / "first", terms=RESEARCH, training={"sources": ["fer2013"]})
    with pytest.raises(ValueError, match="another run"):
        train_model(replace(run), resume=True)
