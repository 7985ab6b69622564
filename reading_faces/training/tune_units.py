"""Action units of real people: learnt on top of what drawings taught, and judged fold by fold.

Coded faces of real people are few (`ckplus-action-units`), so the network that has learnt from made
faces alone is fine-tuned on both together.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from helpers import settings
from helpers.models import TrainedModel
from reading_faces.training import losses, scores, storage
from reading_faces.training.action_units import ActionUnitData, load_action_units
from reading_faces.training.crossval import folds_of_subjects, judge_folds
from reading_faces.training.loop import fit, thaw
from reading_faces.training.measure import Evaluation, describe, finite
from reading_faces.training.recipes import RECIPES, build_optimizer, precision
from reading_faces.training.training_data import Examples, drawn_only, unit_examples

DRAWN = settings.SHIPPED / "weights" / "made" / "action_units.weights.h5"
PEOPLE = "ckplus-action-units"
RECIPE = RECIPES["action_units"]["full"]


def fit_thresholds(model: TrainedModel, examples: Examples, run) -> dict:
    """Fit from which probability on each unit counts as present; for `tasks.Task.calibrate`.

    After a full training with people, those of units that enough people show come from five folds
    of them: the few people in `examples.validation` would tell too little. The folds begin as the
    run did, unless that is with weights that have learnt from people. `rest_on_drawings` are the
    other units.
    """
    targets = examples.validation.targets
    present = np.where(np.isfinite(targets), targets >= 0.5, np.nan)
    thresholds = scores.fit_thresholds(present, model.predict(examples.validation.images))
    people = [source for source in run.sources if not drawn_only((source,))]
    found, units = {}, model.card["units"]
    for source in people if run.profile == "full" else ():
        faces = load_action_units(source)
        first = run.first if run.first and seen_drawings_only(run.first) else storage.load(DRAWN)
        tune = partial(fine_tune, first, faces)
        judged = judge_folds(tune, faces.images, folds_of_subjects(faces, 5))
        present, _ = faces.among_units(units)
        thresholds = thresholds_of_people(present, judged, faces.subjects, thresholds)
        rare = np.nansum(present, axis=0) < scores.ENOUGH
        found["rest_on_drawings"] = [units[unit] for unit in np.flatnonzero(rare)]
    return {"thresholds": thresholds.round(4).tolist(), **found}


def seen_drawings_only(model: TrainedModel) -> bool:
    """Whether neither weights nor those before them have learnt from people, as the card says."""
    training, sources = model.card.get("training", {}), []
    while training is not None:
        sources += training.get("sources") or ["unknown"]
        training = training.get("began_with")
    return drawn_only(tuple(sources))


def cross_validate(
    model: TrainedModel, source: str, folds: int = 5, mirrored: bool = False
) -> Evaluation:
    """Fine-tune `model` once for each fold of the source's subjects, and measure it on that fold.

    The thresholds of a fold are fitted to what was said of the others' people. `before` is what the
    model gives on the same faces without having learnt from any of them.

    Raises ValueError if the model has learnt from people, and DataError if the source has too few.
    """
    if not seen_drawings_only(model):
        raise ValueError(
            "These weights have learnt from people, who may be in any fold. Leave --weights out to "
            "begin with those that ship and have seen made faces only."
        )
    faces, units = load_action_units(source), model.card["units"]
    parts = folds_of_subjects(faces, folds)
    probabilities = judge_folds(partial(fine_tune, model, faces), faces.images, parts, mirrored)
    present, _ = faces.among_units(units)
    first, thresholds = np.array(model.card["thresholds"]), np.zeros(present.shape)
    for learnt, judged in parts:
        said = present[learnt], probabilities[learnt], faces.subjects[learnt]
        thresholds[judged] = thresholds_of_people(*said, first)
    measured = measure_people(faces, units, probabilities, thresholds)
    before = finite(model.predict(faces.images, mirrored))
    measured["before"] = measure_people(faces, units, before, first)
    measured["left_out_of_AU26"] = int(np.isnan(faces.among_units(["AU26"])[0]).sum())
    measured["subjects"] = len(np.unique(faces.subjects))
    split = f"{folds} folds of subjects"
    result = describe("action-units", source, split, len(faces), mirrored, measured)
    return Evaluation(result, {"probabilities": probabilities, "classes": np.array(units)})


def fine_tune(
    model: TrainedModel, people: ActionUnitData, rows: np.ndarray, seed: int
) -> TrainedModel:
    """Return the model after all epochs of a training on some rows of people and on made faces."""
    epochs, made = settings.by_profile((1, 64), *[(RECIPE.schedule.epochs, RECIPE.rows)] * 2)
    recipe = replace(RECIPE, rows=made, schedule=replace(RECIPE.schedule, epochs=epochs))
    batches = unit_examples([load_action_units()], recipe, seed, [people.select(rows)]).training
    with precision(recipe.schedule.precision):
        network = storage.build(model.card)
    network.set_weights(model.network.get_weights())
    thaw(network, recipe.last_stages)
    network.compile(build_optimizer(recipe.schedule, len(batches)), losses.masked_entropy)
    fit(network, batches, epochs, verbose=0)
    return TrainedModel(network, model.card)


def thresholds_of_people(
    present: np.ndarray, probabilities: np.ndarray, subjects: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Fit thresholds `(units,)`; that of a unit that too few people show is taken from `others`.

    The best one for so few people moves with each of them: it is the mean over draws of them.
    """
    often = np.nansum(present, axis=0) >= scores.ENOUGH
    draws = scores.draw_people(subjects, 25)
    fitted = [scores.fit_thresholds(present[rows], probabilities[rows]) for rows in draws]
    return np.where(often, np.mean(fitted, axis=0), others)


def measure_people(
    faces: ActionUnitData, units: list[str], probabilities: np.ndarray, thresholds: np.ndarray
) -> dict:
    """Measure the units that enough faces show, and how well they go with the posed emotions."""
    present, _ = faces.among_units(units)
    measured = scores.common_units(present, probabilities, units, thresholds, faces.subjects)
    # Nobody poses a neutral face, and it would be named right more easily.
    posed = np.where(faces.emotions == "neutral", "", faces.emotions)
    return measured | scores.prototype_agreement(probabilities, posed)
