"""`python -m reading_faces evaluate`: measure a model on a data set, or how fast the tool is."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from helpers import settings
from helpers.files import refuse_replacing
from reading_faces.commands.console import (
    UsageError,
    between,
    print_result,
    quiet,
    refuse_folder,
    whole,
    writing,
)

DETECTORS = ("mtcnn", "haar")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `evaluate` and what can be measured."""
    tasks = parser.add_subparsers(required=True, metavar="TASK")
    keypoints = add_task(tasks, "keypoints", measure_keypoints, "15 points of a face")
    emotion = add_task(tasks, "emotion", measure_emotion, "the emotion that a face shows")
    units = add_task(tasks, "action-units", measure_action_units, "what moves in a face")
    identity = add_task(tasks, "identity", measure_identity, "whose face it is")
    for task in (keypoints, emotion, units):
        task.add_argument("--tta", action="store_true", help="average with the mirrored picture")
    what = "move and scale each picture by up to this share first, as 0.15"
    one_of = keypoints.add_mutually_exclusive_group()
    one_of.add_argument("--jitter", type=between(0, 0.5), default=0, metavar="SHARE", help=what)
    add_in_photos(keypoints, one_of)
    what = "fine-tune the model K times, each time on all subjects but a K-th, and judge it on those"
    one_of = emotion.add_mutually_exclusive_group()
    one_of.add_argument("--folds", type=whole(2, 100), metavar="K", help=what)
    add_in_photos(emotion, one_of)
    emotion.add_argument("--scratch", action="store_true", help="--folds: from random weights")
    what = "--folds: learn classes too that the model does not know, such as contempt"
    emotion.add_argument("--every-class", action="store_true", help=what)
    add_identity(identity)
    speed = tasks.add_parser("speed", help="how fast photos are read on this machine")
    speed.add_argument("photos", nargs="*", metavar="PATH", help="photos, or folders; default: made")
    speed.add_argument("--detector", choices=DETECTORS, default=DETECTORS[0])
    speed.add_argument("--json", action="store_true", help="print the result as JSON")
    speed.set_defaults(run=run_speed)


def add_task(tasks, name: str, measure, what: str) -> argparse.ArgumentParser:
    """Describe what every task has."""
    parser = tasks.add_parser(name, help=what)
    parser.add_argument("--source", default="made", help="made, a known data set or a path")
    parser.add_argument("--split", help="default: test, or everything where a source has no split")
    parser.add_argument("--weights", type=Path, help="a .weights.h5 file; default: those shipped")
    parser.add_argument("--speed", action="store_true", help="time the model on this machine too")
    what = "store what was predicted, row by row"
    parser.add_argument("--predictions", type=Path, metavar="FILE.npz", help=what)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    part = "embedding" if name == "identity" else name.replace("-", "_")
    parser.set_defaults(run=run, measure=measure, part=part)
    return parser


def add_in_photos(parser: argparse.ArgumentParser, one_of) -> None:
    """Describe how faces are measured that a detector has found."""
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
        refuse_folder(options.predictions)
        refuse_replacing(files_read(options), predictions=options.predictions)
    evaluation, speed = options.measure(options)
    result = evaluation.result | ({"speed": speed} if speed else {})
    result.setdefault("weights", str(options.weights or f"shipped {options.part}"))
    print_result(result, options)
    if options.predictions:
        with writing(options.predictions):
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
        except DataError:  # drawn, or said when it is loaded
            continue
        yield from path.rglob("*") if path.is_dir() else (path, *path.parent.glob("fer2013new.*"))


def load_model(options: argparse.Namespace):
    """Load the model that is to be measured, and time it if that was asked for."""
    with quiet():
        from reading_faces.training import storage
        from reading_faces.training.measure_speed import model_speed
    model = storage.load(options.weights or options.part)
    if model.card["task"] != options.part:
        raise ValueError(f"{options.weights} is a model for {model.card['task']}.")
    return model, (model_speed(model) if options.speed else None)


def measure_keypoints(options: argparse.Namespace) -> tuple:
    """Return the evaluation of a keypoint model, and its speed if that was asked for."""
    check_detector(options)
    model, speed = load_model(options)
    if options.in_photos:
        return measure_in_photos(model, options), speed
    from reading_faces.training.measure import evaluate_keypoints

    how = options.split, options.tta, options.jitter
    return evaluate_keypoints(model, options.source, *how), speed


def measure_emotion(options: argparse.Namespace) -> tuple:
    """Return the evaluation of an emotion model, and its speed if that was asked for."""
    check_detector(options)
    if (options.scratch or options.every_class) and not options.folds:
        raise UsageError("--scratch and --every-class say how to fine-tune: add --folds K.")
    if options.folds and options.split not in (None, "all"):
        raise UsageError("--folds takes a source whole: leave out --split.")
    model, speed = load_model(options)
    if options.in_photos:
        return measure_in_photos(model, options), speed
    if options.folds:
        from reading_faces.training.crossval import cross_validate

        how = options.folds, options.scratch, options.every_class, options.tta
        return cross_validate(model, options.source, *how), speed
    from reading_faces.training.measure import evaluate_emotion

    return evaluate_emotion(model, options.source, options.split, options.tta), speed


def measure_action_units(options: argparse.Namespace) -> tuple:
    """Return the evaluation of an action-unit model, and its speed if that was asked for."""
    from reading_faces.training.measure import evaluate_action_units

    model, speed = load_model(options)
    return evaluate_action_units(model, options.source, options.split, options.tta), speed


def check_detector(options: argparse.Namespace) -> None:
    """Refuse a detector that nobody asks to find anything."""
    if options.detector and not options.in_photos:
        raise UsageError("--detector finds faces in photos: add --in-photos.")


def measure_in_photos(model, options: argparse.Namespace):
    """Return the evaluation of a model on faces that a detector has found."""
    from reading_faces.training.measure_in_photos import evaluate_in_photos

    how = options.split, options.tta, options.detector or DETECTORS[0]
    return evaluate_in_photos(model, options.source, *how)


def measure_identity(options: argparse.Namespace) -> tuple:
    """Return the evaluation of an embedder, and its speed if that was asked for."""
    check_identity(options)
    with quiet():
        from helpers import models
        from helpers.embedders import SmallEmbedder, best_embedder
        from reading_faces.training import measure_identity as identity
        from reading_faces.training.measure_speed import embedder_speed

    embedder = None
    if options.weights:
        embedder = SmallEmbedder(models.load(options.weights))
    elif not options.source.endswith(".npz"):
        embedder = best_embedder(options.embedder or "shipped")
    how = embedder, options.detector or DETECTORS[0], not options.no_align
    faces = identity.load_faces(options.source, options.split, *how)
    if options.unknown:
        strangers = identity.load_faces(options.unknown, None, *how)
        evaluation = identity.evaluate_strangers(faces, strangers, options.folds or 5)
    elif options.enroll:
        evaluation = identity.evaluate_few(faces, options.enroll)
    else:
        evaluation = identity.evaluate_svm(faces, options.folds or 0)
    speed = embedder_speed(embedder, identity.load_photos(options.source)) if options.speed else None
    return evaluation, speed


def check_identity(options: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if options.weights and options.embedder:
        raise UsageError("--weights are an embedder of your own: leave out --embedder.")
    if options.enroll and (options.folds or options.predictions):
        # Each draw names other faces: there is no one name a row.
        raise UsageError("--enroll goes without --folds and --predictions.")
    for_photos = ("unknown", "embedder", "weights", "detector", "no_align", "speed")
    given = [name for name in for_photos if getattr(options, name)]
    if options.source.endswith(".npz") and given:
        option = "--" + given[0].replace("_", "-")
        raise UsageError(f"{option} needs photos, and {options.source} is embeddings.")


def run_speed(options: argparse.Namespace) -> int:
    """Print how fast photos are read."""
    with quiet():
        from helpers.images import find_photos
        from reading_faces.reader import FaceReader
        from reading_faces.training.measure_identity import load_photos
        from reading_faces.training.measure_speed import reader_speed

    photos = find_photos(options.photos) if options.photos else load_photos("made").files
    print_result({"task": "speed", **reader_speed(FaceReader(options.detector), photos)}, options)
    return 0
