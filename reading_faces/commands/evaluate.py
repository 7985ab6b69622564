"""`python -m reading_faces evaluate`: measure a model on a data set, or how fast the tool is."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from helpers import settings
from helpers.files import refuse_replacing
from reading_faces.commands import console
from reading_faces.commands.console import UsageError, between, quiet, whole

DETECTORS = ("mtcnn", "haar")
# Options that say how another one is done.
NEEDS = {"scratch": "folds", "every_class": "folds", "detector": "in_photos"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `evaluate`, each task with the options that apply to it."""
    parser.set_defaults(jitter=0, folds=None, in_photos=False)
    tasks = parser.add_subparsers(required=True, metavar="TASK")

    def add(task: str, what: str, measure=measure_model) -> argparse.ArgumentParser:
        command = tasks.add_parser(task, help=what)
        add_what_all_have(command)
        part = "embedding" if task == "identity" else task.replace("-", "_")
        command.set_defaults(run=run, measure=measure, part=part)
        return command

    keypoints = add("keypoints", "15 points of a face")
    emotion = add("emotion", "the emotion that a face shows")
    units = add("action-units", "what moves in a face")
    add_identity(add("identity", "whose face it is", measure_identity))
    for command in (keypoints, emotion, units):
        command.add_argument("--tta", action="store_true", help="average with the mirrored picture")
    what = "move and scale each picture by up to this share first, as 0.15"
    one_of = keypoints.add_mutually_exclusive_group()
    one_of.add_argument("--jitter", type=between(0, 0.5), default=0, metavar="SHARE", help=what)
    add_in_photos(keypoints, one_of)
    what = (
        "fine-tune the model K times, each time on all subjects but a K-th, and judge it on those"
    )
    one_of = emotion.add_mutually_exclusive_group()
    one_of.add_argument("--folds", type=whole(2, 100), metavar="K", help=what)
    add_in_photos(emotion, one_of)
    emotion.add_argument("--scratch", action="store_true", help="--folds: from random weights")
    what = "--folds: learn classes too that the model does not know, such as contempt"
    emotion.add_argument("--every-class", action="store_true", help=what)
    speed = tasks.add_parser("speed", help="how fast photos are read on this machine")
    speed.add_argument("photos", nargs="*", metavar="PATH", help="photos or folders; default: made")
    speed.add_argument("--detector", choices=DETECTORS, default=DETECTORS[0])
    speed.add_argument("--json", action="store_true", help="print the result as JSON")
    speed.set_defaults(run=run_speed)


def add_what_all_have(parser: argparse.ArgumentParser) -> None:
    """Describe what to measure on, and what to do with it."""
    parser.add_argument("--source", default="made", help="made, a known data set or a path")
    parser.add_argument("--split", help="default: test, or everything where a source has no split")
    parser.add_argument("--weights", type=Path, help="a .weights.h5 file; default: those shipped")
    parser.add_argument("--speed", action="store_true", help="time the model on this machine too")
    what = "store what was predicted, row by row"
    parser.add_argument("--predictions", type=Path, metavar="FILE.npz", help=what)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_in_photos(parser: argparse.ArgumentParser, one_of) -> None:
    """Describe how faces are measured that a detector has found; `one_of` goes without others."""
    what = "put each face into a larger picture and find it there first"
    one_of.add_argument("--in-photos", action="store_true", help=what)
    parser.add_argument("--detector", choices=DETECTORS, help="--in-photos: default mtcnn")


def add_identity(parser: argparse.ArgumentParser) -> None:
    """Describe how people are told apart."""
    what = "name each face by what an SVM has learnt from the other folds"
    parser.add_argument("--folds", type=whole(2, 100), metavar="K", help=what)
    one_of = parser.add_mutually_exclusive_group()
    what = "enrol N pictures of each person by chance, and name the others"
    one_of.add_argument("--enroll", type=whole(1, 1000), metavar="N", help=what)
    one_of.add_argument("--unknown", metavar="SOURCE", help="people who are not enrolled")
    parser.add_argument("--embedder", choices=("shipped", "facenet"), help="default: shipped")
    parser.add_argument("--detector", choices=DETECTORS, help="who finds faces; default: mtcnn")
    parser.add_argument("--no-align", action="store_true", help="leave leaning heads as they lean")


def run(options: argparse.Namespace) -> int:
    """Print how good a model is, and store what it predicted."""
    if options.predictions:
        console.refuse_folder(options.predictions)
        refuse_replacing(files_read(options), predictions=options.predictions)
    evaluation, speed = options.measure(options)
    result = evaluation.result | ({"speed": speed} if speed else {})
    result.setdefault("weights", str(options.weights or f"shipped {options.part}"))
    console.print_result(result, options)
    if options.predictions:
        with console.writing(options.predictions):
            evaluation.save_predictions(options.predictions)
    return 0


def files_read(options: argparse.Namespace) -> Iterator[Path]:
    """Give every file of the model and of the data."""
    from helpers.data import DataError
    from helpers.data.sources import locate

    weights = options.weights or settings.SHIPPED / "weights" / f"{options.part}.weights.h5"
    yield from (weights, weights.with_name(weights.name.removesuffix(".weights.h5") + ".json"))
    yield settings.SHIPPED / "made_faces.npz"
    for source in (options.source, getattr(options, "unknown", None)):
        try:
            path = locate(source or "made", "faces")
        except DataError:  # made faces, or a source that is not there, as loading it will say
            continue
        # FER+ votes are read from beside their table.
        yield from path.rglob("*") if path.is_dir() else (path, *path.parent.glob("fer2013new.*"))


def measure_model(options: argparse.Namespace) -> tuple:
    """Return the evaluation of a model, and how fast it is if that was asked for."""
    for option, needed in NEEDS.items():
        if getattr(options, option, None) and not getattr(options, needed):
            option, needed = (f"--{name.replace('_', '-')}" for name in (option, needed))
            raise UsageError(f"{option} says how {needed} is done: add {needed}.")
    if options.folds and options.split not in (None, "all"):
        raise UsageError("--folds takes a source whole: leave out --split.")
    with quiet():
        from reading_faces.training import (
            crossval,
            measure,
            measure_in_photos,
            measure_speed,
            storage,
        )

    model = storage.load(options.weights or options.part)
    if model.card["task"] != options.part:
        raise ValueError(f"{options.weights} is a model for {model.card['task']}.")
    if options.folds:
        how = options.folds, options.scratch, options.every_class, options.tta
        evaluation = crossval.cross_validate(model, options.source, *how)
    elif options.in_photos:
        how = options.split, options.tta, options.detector or DETECTORS[0]
        evaluation = measure_in_photos.evaluate_in_photos(model, options.source, *how)
    elif options.jitter:
        how = options.split, options.tta, options.jitter
        evaluation = measure.evaluate_keypoints(model, options.source, *how)
    else:
        evaluation = measure.evaluate(model, options.source, options.split, options.tta)
    return evaluation, (measure_speed.model_speed(model) if options.speed else None)


def measure_identity(options: argparse.Namespace) -> tuple:
    """Return the evaluation of an embedder, and how fast it is if that was asked for."""
    given = options.source.endswith(".npz")
    for option in ("unknown", "embedder", "weights", "detector", "no_align", "speed"):
        if given and getattr(options, option):
            option = option.replace("_", "-")
            raise UsageError(f"--{option} needs photos; {options.source} holds embeddings.")
    if options.weights and options.embedder:
        raise UsageError("--weights are an embedder of your own: leave out --embedder.")
    if options.enroll and (options.folds or options.predictions):
        # Each draw names other faces: there is no one name a row.
        raise UsageError("--enroll goes without --folds and --predictions.")
    with quiet():
        from helpers import data, embedders, models
        from reading_faces.training import made_sets, measure_identity, measure_speed

    embedder = None
    if options.weights:
        embedder = embedders.SmallEmbedder(models.load(options.weights))
    elif not given:
        embedder = embedders.best_embedder(options.embedder or "shipped")
    how = embedder, options.detector or DETECTORS[0], not options.no_align
    faces = measure_identity.load_faces(options.source, options.split, *how)
    if options.unknown:
        strangers = measure_identity.load_faces(options.unknown, None, *how)
        evaluation = measure_identity.evaluate_strangers(faces, strangers, options.folds or 5)
    elif options.enroll:
        evaluation = measure_identity.evaluate_few(faces, options.enroll)
    else:
        evaluation = measure_identity.evaluate_svm(faces, options.folds or 0)
    if not options.speed:
        return evaluation, None
    photos = data.load_people(made_sets.people_source(options.source)).photos
    return evaluation, measure_speed.embedder_speed(embedder, photos)


def run_speed(options: argparse.Namespace) -> int:
    """Print how fast photos are read."""
    with quiet():
        from helpers import data, images
        from reading_faces.reader import FaceReader
        from reading_faces.training import made_sets, measure_speed

    made = data.load_people(made_sets.people_source("made")).files
    photos = images.find_photos(options.photos) if options.photos else made
    speed = measure_speed.reader_speed(FaceReader(options.detector), photos)
    console.print_result({"task": "speed", **speed}, options)
    return 0
