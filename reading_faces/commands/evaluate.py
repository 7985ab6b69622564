"""`python -m reading_faces evaluate`: measure a model on a data set."""

import argparse
from pathlib import Path

from reading_faces.commands.console import between, print_result, quiet, whole

TASKS = ("keypoints", "emotion", "action-units", "identity")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `evaluate`."""
    parser.add_argument("task", choices=(*TASKS, "identity"))
    parser.add_argument("--source", default="made", help="made, a known data set or a path")
    parser.add_argument("--split", help="default: test, or everything where a source has no split")
    parser.add_argument("--weights", type=Path, help="a .weights.h5 file; default: those shipped")
    parser.add_argument("--tta", action="store_true", help="average with the mirrored picture")
    parser.add_argument(
        "--jitter",
        type=between(0, 0.5),
        default=0.0,
        metavar="SHARE",
        help="keypoints: move and scale each picture by up to this share first, as 0.15",
    )
    parser.add_argument(
        "--folds",
        type=whole(2, 100),
        metavar="K",
        help="emotion: fine-tune the model K times, each time on all subjects but a K-th; "
        "identity: name each face by what an SVM has learnt from the other folds",
    )
    parser.add_argument("--scratch", action="store_true", help="--folds: from random weights")
    parser.add_argument(
        "--every-class",
        action="store_true",
        help="--folds: learn classes too that the model does not know, such as contempt",
    )
    parser.add_argument(
        "--enroll",
        type=whole(1, 1000),
        metavar="N",
        help="identity: enrol N pictures of each person by chance, and name the others",
    )
    parser.add_argument("--unknown", metavar="SOURCE", help="identity: people who are not enrolled")
    parser.add_argument("--embedder", choices=("shipped", "facenet"), default="shipped")
    parser.add_argument(
        "--in-photos",
        action="store_true",
        help="keypoints, emotion: put each face into a larger picture and find it there first",
    )
    parser.add_argument(
        "--detector",
        choices=("mtcnn", "haar"),
        default="mtcnn",
        help="identity, --in-photos: who finds faces",
    )
    parser.add_argument(
        "--no-align", action="store_true", help="identity: leave leaning heads as they lean"
    )
    parser.add_argument("--speed", action="store_true", help="time the model on this machine too")
    parser.add_argument(
        "--predictions", type=Path, metavar="FILE.npz", help="store what was predicted, row by row"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print how good a model is."""
    if options.task == "identity":
        return finish_evaluation(options, *of_identity(options))
    if options.enroll or options.unknown or options.embedder != "shipped":
        raise ValueError("--enroll, --unknown and --embedder are for identity.")
    with quiet():
        from reading_faces.training import measure as evaluate
        from reading_faces.training import storage

    task = options.task.replace("-", "_")
    model = storage.load(options.weights or task)
    if model.card["task"] != task:
        raise ValueError(f"{options.weights} is a model for {model.card['task']}.")
    if options.folds or options.scratch or options.every_class:
        evaluation = in_folds(model, options)
    elif options.in_photos:
        if options.jitter:
            raise ValueError("--in-photos goes without --jitter.")
        from reading_faces.training.measure_in_photos import evaluate_chain

        evaluation = evaluate_chain(
            model, options.source, options.split, options.tta, options.detector
        )
    else:
        evaluation = evaluate.evaluate(
            model, options.source, options.split, options.tta, options.jitter
        )
    speed = {"speed": evaluate.measure_speed(model)} if options.speed else {}
    return finish_evaluation(options, evaluation, speed)


def finish_evaluation(options: argparse.Namespace, evaluation, speed: dict) -> int:
    """Store what was predicted, and print what was measured."""
    if options.predictions:
        evaluation.save_predictions(options.predictions)
    shipped = "embedding" if options.task == "identity" else options.task.replace("-", "_")
    result = evaluation.result | speed
    result.setdefault("weights", str(options.weights or f"shipped {shipped}"))
    print_result(result, options)
    return 0


def of_identity(options: argparse.Namespace) -> tuple:
    """Return the evaluation of an embedder, and how fast it is if that is asked for."""
    if any((options.tta, options.jitter, options.scratch, options.every_class, options.in_photos)):
        raise ValueError(
            "identity goes without --tta, --jitter, --scratch, --every-class and --in-photos."
        )
    if options.enroll and (options.unknown or options.folds or options.predictions):
        # Each draw names other faces: there is no one name a row.
        raise ValueError("--enroll goes without --unknown, --folds and --predictions.")
    if options.weights and options.embedder == "facenet":
        raise ValueError("FaceNet's weights are fetched; --weights is for embedders of our own.")
    with quiet():
        from helpers import data, models
        from helpers.embedders import SmallEmbedder, best_embedder
        from reading_faces.training import measure_identity as evaluate_identity

        given = options.source.endswith(".npz")
        if given and (options.unknown or options.speed):
            raise ValueError("--unknown and --speed need photos, not an .npz of embeddings.")
        embedder = None
        if options.weights:
            embedder = SmallEmbedder(models.load(options.weights))
        elif not given:
            embedder = best_embedder(options.embedder)
    evaluation = evaluate_identity.evaluate_identity(
        embedder,
        options.source,
        options.split,
        options.folds,
        options.enroll,
        options.unknown,
        options.detector,
        not options.no_align,
    )
    speed = {}
    if options.speed:
        from reading_faces.training.made_sets import people_source

        photos = data.load_people(people_source(options.source)).photos
        speed = {"speed": evaluate_identity.measure_speed(embedder, photos)}
    return evaluation, speed


def in_folds(model, options: argparse.Namespace):
    """Fine-tune and measure by folds of subjects."""
    from reading_faces.training import crossval as folds

    if not options.folds:
        raise ValueError("--scratch and --every-class say how to fine-tune: add --folds K.")
    if options.task != "emotion" or options.split not in (None, "all"):
        raise ValueError("--folds is for emotion, and takes a source whole: leave out --split.")
    return folds.cross_validate(
        model, options.source, options.folds, options.scratch, options.every_class, options.tta
    )
