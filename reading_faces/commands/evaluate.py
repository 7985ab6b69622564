"""`python -m reading_faces evaluate`: measure a model on a data set, or how fast the tool is."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from helpers import settings
from reading_faces.commands import console
from reading_faces.commands.console import UsageError, between, quiet, whole

YES = {"action": "store_true"}
OPTIONS = {
    "source": {"default": "made", "help": "made, a known data set or a path"},
    "split": {"help": "default: test, or everything where a source has no split"},
    "weights": {"type": Path, "help": "a .weights.h5 file; default: those shipped"},
    "speed": YES | {"help": "time the model on this machine too"},
    "predictions": {
        "type": Path, "metavar": "FILE.npz", "help": "store what was predicted, row by row"
    },
    "json": YES | {"help": "print the result as JSON"},
    "tta": YES | {"help": "average with the mirrored picture"},
    "jitter": {
        "type": between(0, 0.5), "metavar": "SHARE",
        "help": "move and scale each picture by up to this share first, as 0.15",
    },
    "in-photos": YES | {"help": "put each face into a larger picture and find it there first"},
    "detector": {"choices": ("mtcnn", "haar"), "help": "what finds faces; default: mtcnn"},
    "folds": {
        "type": whole(2, 100), "metavar": "K",
        "help": "of K parts, judge each by what was learnt from the others",
    },
    "scratch": YES | {"help": "--folds: learn from random weights on"},
    "every-class": YES | {
        "help": "--folds: learn classes too that the model does not know, such as contempt"
    },
    "enroll": {
        "type": whole(1, 1000), "metavar": "N",
        "help": "enrol N pictures of each person by chance, and name the others",
    },
    "unknown": {"metavar": "SOURCE", "help": "people who are not enrolled"},
    "pairs": YES | {"help": "say of pairs of faces whether they show one person"},
    "embedder": console.EMBEDDER,
    "no-align": YES | {"help": "leave leaning heads as they lean"},
}  # fmt: skip
ALL_TAKE = ("source", "split", "speed", "predictions", "json")
NETWORKS_TAKE = (*ALL_TAKE, "weights", "tta")
# What a task is, and the options it takes; of those in brackets, one.
TASKS = {
    "keypoints": ("15 points of a face", *NETWORKS_TAKE, ("jitter", "in-photos"), "detector"),
    "emotion": (
        "the emotion that a face shows", *NETWORKS_TAKE, ("folds", "in-photos"), "detector",
        "scratch", "every-class",
    ),
    "action-units": ("what moves in a face", *NETWORKS_TAKE, "folds"),
    "identity": (
        "whose face it is", *ALL_TAKE, ("weights", "embedder"), "folds",
        ("enroll", "unknown", "pairs"), "detector", "no-align",
    ),
    "speed": ("how fast photos are read on this machine", "detector", "json"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `evaluate`, each task with the options that apply to it."""
    # One that does not apply is None.
    parser.set_defaults(run=run, **{name.replace("-", "_"): None for name in OPTIONS})
    tasks = parser.add_subparsers(required=True, metavar="TASK", dest="task")
    for task, (what, *taken) in TASKS.items():
        command = tasks.add_parser(task, help=what)
        for names in taken:
            one_of = command.add_mutually_exclusive_group()
            for name in [names] if isinstance(names, str) else names:
                one_of.add_argument(f"--{name}", **OPTIONS[name])
    speed = tasks.choices["speed"]
    speed.add_argument("photos", nargs="*", metavar="PATH", help="photos; without, the whole tool")
    speed.set_defaults(run=run_speed)


def run(options: argparse.Namespace) -> int:
    """Print how good a model is, and store what it predicted."""
    if options.predictions:
        console.refuse_outputs(files_read(options), predictions=options.predictions)
    measure = measure_people if options.task == "identity" else measure_model
    evaluation, speed = measure(options)
    result = evaluation.result | ({"speed": speed} if speed else {})
    result.setdefault("weights", weights_of(options)[0])
    console.print_result(result, options)
    if options.predictions:
        from reading_faces.training.made_sets import save_set

        with console.writing(options.predictions):
            save_set(evaluation.predictions, options.predictions)
    return 0


def model_name(options: argparse.Namespace) -> str:
    """Return the name of the model that ships for this task."""
    return "embedding" if options.task == "identity" else options.task.replace("-", "_")


def weights_of(options: argparse.Namespace) -> tuple[str, Path]:
    """Return what weights are called in a result, and their file: those asked for, or shipped."""
    if options.weights:
        return str(options.weights), options.weights
    name = model_name(options)
    if options.folds and name == "action_units":  # the others have learnt from people of the folds
        name = f"made/{name}"
    return f"shipped {name}", settings.SHIPPED / "weights" / f"{name}.weights.h5"


def files_read(options: argparse.Namespace) -> Iterator[Path]:
    """Give every file of the model and of the data."""
    from helpers.data import DataError
    from helpers.data.sources import locate

    _, weights = weights_of(options)
    yield from (weights, settings.card_of(weights))
    yield settings.SHIPPED / "made_faces.npz"
    for source in filter(None, (options.source, options.unknown)):
        with contextlib.suppress(DataError):  # one that is not there is said when it is loaded
            place = locate(source)
            # FER+ votes are read from beside their table.
            beside = place.parent.glob("fer2013new.*")
            yield from place.rglob("*") if place.is_dir() else (place, *beside)


def refuse(options: argparse.Namespace, names: str, why: str) -> None:
    """Refuse any of the options `names` that was given."""
    for name in names.split():
        if getattr(options, name.replace("-", "_")):
            raise UsageError(f"--{name} {why}")


def measure_model(options: argparse.Namespace) -> tuple:
    """Return the evaluation of a model, and how fast it is if that was asked for."""
    if not options.folds:
        refuse(options, "scratch every-class", "says how --folds is done: add --folds.")
    elif options.split != "all":
        refuse(options, "split", "does not go with --folds, which takes a source whole.")
    if not options.in_photos:
        refuse(options, "detector", "says how --in-photos is done: add --in-photos.")
    with quiet():
        from reading_faces.training import crossval, measure, measure_speed, storage, tune_units

    model = storage.load(weights_of(options)[1])
    if model.card["task"] != model_name(options):
        raise ValueError(f"{options.weights} is a model for {model.card['task']}.")
    asked = model, options.source, options.split, options.tta
    if options.folds and model_name(options) == "action_units":
        evaluation = tune_units.cross_validate(model, options.source, options.folds, options.tta)
    elif options.folds:
        how = options.folds, options.scratch, options.every_class, options.tta
        evaluation = crossval.cross_validate(model, options.source, *how)
    elif options.in_photos:
        evaluation = measure.evaluate_in_photos(*asked, options.detector or "mtcnn")
    elif options.jitter:
        evaluation = measure.evaluate_keypoints(*asked, options.jitter)
    else:
        evaluation = measure.evaluate(*asked)
    return evaluation, (measure_speed.model_speed(model) if options.speed else None)


def measure_people(options: argparse.Namespace) -> tuple:
    """Return the evaluation of an embedder, and how fast it is if that was asked for."""
    if options.source.endswith(".npz"):
        why = f"needs photos; {options.source} holds embeddings."
        refuse(options, "unknown embedder weights detector no-align speed", why)
    if options.pairs:
        refuse(options, "folds", "does not go with --pairs, which has its own.")
    if options.enroll:
        refuse(options, "folds predictions", "goes without --enroll: each draw names other faces.")
    with quiet():
        from helpers import embedders, models
        from reading_faces.training import measure_identity, measure_speed

    embedder = None
    if options.weights:
        embedder = embedders.SmallEmbedder(models.load(options.weights))
    elif not options.source.endswith(".npz"):
        embedder = embedders.best_embedder(options.embedder or "shipped")
    how = embedder, options.detector or "mtcnn", not options.no_align, bool(options.pairs)
    faces = measure_identity.load_faces(options.source, options.split, *how)
    if options.unknown:
        strangers = measure_identity.load_faces(options.unknown, None, *how)
        evaluation = measure_identity.evaluate_strangers(faces, strangers, options.folds or 5)
    elif options.pairs:
        evaluation = measure_identity.evaluate_pairs(faces)
    elif options.enroll:
        evaluation = measure_identity.evaluate_few(faces, options.enroll)
    else:
        evaluation = measure_identity.evaluate_svm(faces, options.folds or 0)
    return evaluation, (measure_speed.embedder_speed(embedder) if options.speed else None)


def run_speed(options: argparse.Namespace) -> int:
    """Print how fast photos are read."""
    with quiet():
        from helpers.images import find_photos
        from reading_faces.reader import FaceReader
        from reading_faces.track import FaceTracker
        from reading_faces.training.measure_speed import reader_speed, tool_speed

    if options.photos:
        photos = find_photos(options.photos)
        speed = reader_speed(FaceReader(options.detector or "mtcnn"), photos)
    else:
        refuse(options, "detector", "it is for photos; name some")
        reader = FaceReader()
        speed = tool_speed(reader, FaceTracker(reader))
    console.print_result({"task": "speed", **speed}, options)
    return 0
