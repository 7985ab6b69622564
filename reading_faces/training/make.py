"""Make the weights of a model, by its task's recipe, and the card that goes with them.

`python -m reading_faces train` is this module; what each model is made of stands in `tasks`.
"""

import functools
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import keras

from helpers import settings
from helpers.data.sources import locate
from helpers.models import TrainedModel
from reading_faces.outputs import ReplaceError, refuse_replacing
from reading_faces.training import storage
from reading_faces.training.loop import once
from reading_faces.training.recipes import Recipe, precision
from reading_faces.training.tasks import Task
from reading_faces.training.training_data import drawn_only

TEXTS = tomllib.loads(Path(__file__).with_name("cards.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Run:
    """One training: of what, on what, for how long, from which weights, and into which folder."""

    task: Task
    sources: tuple[str, ...]
    profile: str
    out: Path
    model: str | None = None
    init: Path | None = None
    seed: int = settings.SEED
    epochs: int | None = None
    command: str = ""  # what was typed, for the card

    @property
    def recipe(self) -> Recipe:
        """The recipe of the profile (and model or sources, if there is one), or `epochs` of it."""
        recipes, special = self.task.recipes, [self.model, drawn_only(self.sources) and "drawn"]
        own = [recipes.get(f"{self.profile} {name}") for name in special]
        recipe = next(filter(None, own), recipes[self.profile])
        return recipe.with_epochs(self.epochs) if self.epochs else recipe

    @property
    def network(self) -> tuple[str, dict]:
        """The function that builds the network, and its arguments."""
        networks = self.task.networks
        name = self.model or next(iter(networks))
        if name not in networks:
            choice = " or ".join(networks)
            raise ValueError(f"{self.task.name} has no model {name!r}; choose {choice}.")
        return networks[name]

    @functools.cached_property
    def first(self) -> TrainedModel | None:
        """The trained model that it begins with, unless it begins with random weights."""
        return storage.load(self.init) if self.init else None

    @property
    def began_with(self) -> dict | None:
        """What is known of the first weights: whose they are, and what those learnt from."""
        if not self.first:
            return None
        training, home = self.first.card.get("training", {}), settings.SHIPPED.parent
        ships = self.init.is_relative_to(home)  # then its place on this machine tells nothing
        return {
            "weights": str(self.init.relative_to(home) if ships else self.init),
            "sha256": self.first.card.get("sha256"),
            **{name: training.get(name) for name in ("sources", "began_with")},
        }


def train_model(run: Run, resume: bool = False, copy_to: Path | None = None) -> TrainedModel:
    """Train, write weights and card into `run.out`, and return the model as it was written.

    In the end, both are put into the folder `copy_to` as well. Raises ValueError before any work:
    if the model, a source or the first weights are unknown; if a file that is read would be
    replaced; if `run.out` holds another run, or this one and `resume` is not set.
    """
    refuse_replacing_what_is_read(run, copy_to)
    keras.utils.set_random_seed(run.seed)
    network, known = first_network(run), description(run)
    path = run.out / "run.json"
    if path.exists() and json.loads(path.read_text()) != known:
        raise ValueError(f"{run.out} holds another run; choose another folder for --out.")
    if path.exists() and not resume:
        raise ValueError(
            f"{run.out} already holds this run; add --resume to go on, or choose another --out."
        )
    examples = run.task.data(run.sources, run.recipe, run.seed)
    # Only now, so that data that cannot be read leaves no folder behind.
    once(path, lambda: known)
    network, facts = run.task.learn(network, examples, run)
    weights = storage.save(TrainedModel(network, write_card(run, facts)), run.out)
    # From here on the model is the float16 one on disk: what ships is calibrated and measured.
    model = storage.load(weights)
    model.card.update(run.task.calibrate(model, examples, run))
    if run.profile == "full":
        model.card.update(run.task.measure(model, run))
    for folder in [run.out, *([copy_to] if copy_to else [])]:
        storage.save(model, folder)
    return model


def refuse_replacing_what_is_read(run: Run, copy_to: Path | None) -> None:
    """Refuse a folder in which the run would replace what it begins with or learns from."""
    read = [locate(source, "faces") for source in run.sources]
    if run.init:
        read += [run.init, settings.card_of(run.init)]
    folders = {"out": run.out} | ({"copy-to": copy_to} if copy_to else {})
    for option, folder in folders.items():
        for place in read:
            if place.is_dir() and folder.resolve().is_relative_to(place.resolve()):
                raise ReplaceError(f"--{option} {folder} lies in {place}, which is learnt from.")
        for name in (f"{run.task.name}.weights.h5", f"{run.task.name}.json", "best.weights.h5"):
            refuse_replacing(read, **{option: folder / name})


def first_network(run: Run) -> keras.Model:
    """Build the network, with the first weights in it if there are any."""
    function, arguments = run.network
    with precision(run.recipe.schedule.precision):
        network = storage.BUILDERS[function](**arguments)
    if run.first:
        try:
            storage.take_over(network, run.first.network)
        except ValueError:
            raise ValueError(
                f"{run.init} is a model for {run.first.card['task']} that does "
                f"not fit into {function}; choose another --init or --model."
            ) from None
    return network


def description(run: Run) -> dict:
    """Return what tells this run from others, as JSON has it."""
    names = ("sources", "profile", "model", "init", "seed", "epochs", "began_with")
    facts = {"task": run.task.name, "recipe": run.recipe.as_card()}
    facts |= {name: getattr(run, name) for name in names}
    return json.loads(json.dumps(facts, default=str))


def write_card(run: Run, facts: dict) -> dict:
    """Return the model card: enough to build, feed and judge the model."""
    function, arguments = run.network
    known = description(run)
    names = ("sources", "profile", "seed", "recipe", *(["began_with"] if run.first else []))
    scaling = f"{run.task.colours}, each picture to mean 0 and standard deviation 1"
    return {
        "task": run.task.name,
        "build": {"function": function, "arguments": arguments},
        "input": {"size": run.task.size, "scaling": scaling},
        "training": {name: known[name] for name in names} | {"command": run.command} | facts,
        **terms_and_failures(run),
        **run.task.outputs,
    }


def terms_and_failures(run: Run) -> dict[str, str]:
    """Return what follows from the sources, and from all that the first weights had learnt from."""
    texts = TEXTS["terms"]
    failures = TEXTS["known_failures"]["any"] | TEXTS["known_failures"][run.task.name]
    first = {"terms": texts["unknown"]} | run.first.card if run.first else {"terms": texts["drawn"]}
    saw_people = first["terms"] != texts["drawn"]
    sources = "drawn" if drawn_only(run.sources) else "real"
    terms = dict.fromkeys([texts[sources], first["terms"]])
    said = [failures["drawn_after_real" if sources == "drawn" and saw_people else sources]]
    if saw_people and first.get("known_failures", said[0]) not in said:
        said += [failures["began_with"], first["known_failures"]]
    return {
        "terms": " ".join(text for text in terms if text != texts["drawn"]) or texts["drawn"],
        "known_failures": " ".join(said),
    }
