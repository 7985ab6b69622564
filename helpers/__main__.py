"""The command line: `python -m helpers predict | enroll | live | evaluate | train | study | …`.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
2 wrong usage, 130 stopped by Ctrl-C.
"""

import argparse
import contextlib
import datetime
import json
import os
import shlex
import sys
from pathlib import Path

# TensorFlow reads this when it is imported, which only happens once a command needs a model.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from helpers import (
    check_command,
    enroll_command,
    live_command,
    made_command,
    predict_command,
    serve_command,
)

TASKS = ("keypoints", "emotion", "action-units")
# Known here too, so that --help need not load a network.
STUDIES = ("depth", "masked-loss", "emotion-models", "emotion-craft", "transfer", "resnet50")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(arguments)
    options.command = shlex.join(["python", "-m", "helpers", *arguments])
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Describe every command with its arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers",
        description="Find faces in photos, mark 15 keypoints, say what they show and who they are.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    predict = commands.add_parser("predict", help="read the faces in photos or folders of photos")
    predict_command.add_arguments(predict)
    predict.set_defaults(run=predict_command.run)
    enroll = commands.add_parser("enroll", help="make a gallery of people to be named")
    enroll_command.add_arguments(enroll)
    enroll.set_defaults(run=enroll_command.run)
    live = commands.add_parser("live", help="follow the faces of a video or a camera")
    live_command.add_arguments(live)
    live.set_defaults(run=live_command.run)
    serve = commands.add_parser("serve", help="the web page: photos, webcam, people by name")
    serve_command.add_arguments(serve)
    serve.set_defaults(run=serve_command.run)
    add_evaluate(commands.add_parser("evaluate", help="measure a model on a data set"))
    add_train(commands.add_parser("train", help="train a model; an interrupted run resumes"))
    add_study(commands.add_parser("study", help="compare networks, as the lessons quote it"))
    add_data(commands.add_parser("data", help="list, fetch or verify data sets"))
    check = commands.add_parser("check", help="score a lesson with your answers")
    check_command.add_arguments(check)
    check.set_defaults(run=check_command.run)
    return parser


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Describe `evaluate`."""
    parser.add_argument("task", choices=(*TASKS, "identity"))
    parser.add_argument("--source", default="made", help="made, a known data set or a path")
    parser.add_argument("--split", help="default: test, or everything where a source has no split")
    parser.add_argument("--weights", type=Path, help="a .weights.h5 file; default: those shipped")
    parser.add_argument("--tta", action="store_true", help="average with the mirrored picture")
    parser.add_argument(
        "--jitter",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="keypoints: move and scale each picture by up to this share first, as 0.15",
    )
    parser.add_argument(
        "--folds",
        type=made_command.whole(2, 100),
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
        type=made_command.whole(1, 1000),
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
    parser.set_defaults(run=run_evaluate)


def share(text: str) -> float:
    """Return a number from 0 to 0.5 for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 0.5")
    return value


def run_evaluate(options: argparse.Namespace) -> int:
    """Print how good a model is."""
    if options.task == "identity":
        return finish_evaluation(options, *of_identity(options))
    if options.enroll or options.unknown or options.embedder != "shipped":
        raise ValueError("--enroll, --unknown and --embedder are for identity.")
    with predict_command.quiet():
        from helpers import evaluate, models

    task = options.task.replace("-", "_")
    model = models.load(options.weights or task)
    if model.card["task"] != task:
        raise ValueError(f"{options.weights} is a model for {model.card['task']}.")
    if options.folds or options.scratch or options.every_class:
        evaluation = in_folds(model, options)
    elif options.in_photos:
        if options.jitter:
            raise ValueError("--in-photos goes without --jitter.")
        from helpers.evaluate_chain import evaluate_chain

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
    result = (
        evaluation.result
        | speed
        | {
            "weights": evaluation.result.get(
                "weights", str(options.weights or f"shipped {shipped}")
            ),
            "command": options.command,
            "date": datetime.date.today().isoformat(),
        }
    )
    print(json.dumps(result, indent=2) if options.json else as_text(result))
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
    with predict_command.quiet():
        from helpers import data, evaluate_identity, identity, models

        given = options.source.endswith(".npz")
        if given and (options.unknown or options.speed):
            raise ValueError("--unknown and --speed need photos, not an .npz of embeddings.")
        embedder = None
        if options.weights:
            embedder = identity.SmallEmbedder(models.load(options.weights))
        elif not given:
            embedder = identity.best_embedder(options.embedder)
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
        photos = data.load_people(options.source).photos
        speed = {"speed": evaluate_identity.measure_speed(embedder, photos)}
    return evaluation, speed


def in_folds(model, options: argparse.Namespace):
    """Fine-tune and measure by folds of subjects."""
    from helpers import folds

    if not options.folds:
        raise ValueError("--scratch and --every-class say how to fine-tune: add --folds K.")
    if options.task != "emotion" or options.split not in (None, "all"):
        raise ValueError("--folds is for emotion, and takes a source whole: leave out --split.")
    return folds.cross_validate(
        model, options.source, options.folds, options.scratch, options.every_class, options.tta
    )


def as_text(result: dict, indent: str = "") -> str:
    """Write a nested result as indented lines, with a table for the confusion counts."""
    lines = []
    for name, value in result.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", as_text(value, indent + "  ")]
        elif name == "confusion":
            lines += [f"{indent}confusion (rows: true, columns: predicted):"]
            lines += [indent + "  " + " ".join(f"{count:6d}" for count in row) for row in value]
        elif value is not None:
            lines.append(
                f"{indent}{name}: {round(value, 4) if isinstance(value, float) else value}"
            )
    return "\n".join(lines)


def add_train(parser: argparse.ArgumentParser) -> None:
    """Describe `train`."""
    parser.add_argument("task", choices=(*TASKS, "embedding"))
    parser.add_argument(
        "--source",
        action="append",
        help="may be given more than once; default: made, for --profile full the real data sets",
    )
    parser.add_argument(
        "--profile",
        choices=("smoke", "lesson", "full"),
        help="how long to train; default: $COURSE_PROFILE, else lesson",
    )
    parser.add_argument("--model", help="which network, for instance residual")
    parser.add_argument(
        "--epochs", type=made_command.whole(1, 10_000), help="default: as the profile says"
    )
    parser.add_argument("--init", type=Path, help="start from these weights")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder for weights and history"
    )
    parser.set_defaults(run=run_train)


def run_train(options: argparse.Namespace) -> int:
    """Train a model and say where its weights are."""
    with predict_command.quiet():
        from helpers import recipes, settings

    profile = options.profile or settings.PROFILE
    task = options.task.replace("-", "_")
    run = recipes.Run(
        task=task,
        sources=tuple(options.source or recipes.SOURCES.get((task, profile), ["made"])),
        profile=profile,
        out=options.out,
        model=options.model,
        init=options.init,
        epochs=options.epochs,
    )
    with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress
        recipes.train_model(run, resume=options.resume)
    print(options.out / f"{task}.weights.h5")
    return 0


def add_study(parser: argparse.ArgumentParser) -> None:
    """Describe `study`."""
    parser.add_argument("study", choices=STUDIES, help="what is compared")
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder for weights; a cut study resumes there"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run_study)


def run_study(options: argparse.Namespace) -> int:
    """Train the networks of a comparison and print how good each is."""
    with predict_command.quiet():
        from helpers import settings, studies

    with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress
        smoke = settings.PROFILE == "smoke"
        result = studies.run_study(options.study, options.out, smoke)
    result |= {"command": options.command, "date": datetime.date.today().isoformat()}
    if options.json:
        print(json.dumps(result, indent=2))
    for row in () if options.json else result["variants"]:
        print(f"{row['name']:24} {studies.part_of(options.study).summary(row)}")
    return 0


def add_data(parser: argparse.ArgumentParser) -> None:
    """Describe `data` and its own commands."""
    commands = parser.add_subparsers(
        required=True, metavar="list | fetch NAME | verify [NAME] | review | make | realism"
    )
    listing = commands.add_parser(
        "list", help="which data sets are known, and where they were found"
    )
    listing.add_argument("--json", action="store_true", help="print the list as JSON")
    listing.set_defaults(run=run_list)
    fetching = commands.add_parser("fetch", help="download a data set")
    fetching.add_argument("name")
    fetching.set_defaults(run=run_fetch)
    checking = commands.add_parser("verify", help="check the files of data sets that are there")
    checking.add_argument("name", nargs="?")
    checking.set_defaults(run=run_verify)

    reviewing = commands.add_parser(
        "review", help="look faces with emotions over: counts, copies, conflicts, votes"
    )
    reviewing.add_argument("source", nargs="?", default="fer2013", help="default: fer2013")
    reviewing.add_argument("--json", action="store_true", help="print what was found as JSON")
    reviewing.set_defaults(run=run_review)

    made_command.add_arguments(
        commands.add_parser("make", help="draw more made faces, with all their labels"),
        commands.add_parser("realism", help="measure how real made faces are, as a table"),
    )


def run_list(options: argparse.Namespace) -> int:
    """Print every known data set."""
    from helpers import data

    sources = data.list_sources()
    if options.json:
        rows = [
            {"name": s.name, "what": s.what, "found": s.where, "terms": s.terms} for s in sources
        ]
        print(json.dumps(rows, indent=2, default=str))
    else:
        for source in sources:
            print(f"{source.name:18} {source.where or 'not here'}")
            print(f"  {source.what}. Terms: {source.terms}.")
    return 0


def run_fetch(options: argparse.Namespace) -> int:
    """Download one data set."""
    from helpers import data

    print(data.fetch(options.name))
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Check one data set, or all that are there."""
    from helpers import data

    names = [options.name] if options.name else [s.name for s in data.list_sources() if s.where]
    if not names:
        raise ValueError("No known data set is on this machine; see: python -m helpers data list")
    for name in names:
        print(*(f"{name}: {line}" for line in data.verify(name)), sep="\n")
    return 0


def run_review(options: argparse.Namespace) -> int:
    """Print what a careful reviewer finds in a data set."""
    from helpers import data, review

    result = review.review_emotions(data.load_emotions(options.source)) | {
        "source": options.source,
        "command": options.command,
        "date": datetime.date.today().isoformat(),
    }
    print(json.dumps(result, indent=2) if options.json else as_text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
