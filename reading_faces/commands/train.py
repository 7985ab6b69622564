"""`python -m reading_faces train`: make a model; a run that was cut goes on with `--resume`."""

import argparse
import contextlib
import shutil
import sys
from pathlib import Path

from reading_faces.commands.console import quiet, whole

# What the states of a run may take. HDF5 ends Python where a disk is full, so that is asked before.
ROOM_MB = 200
TASKS = ("keypoints", "emotion", "action-units", "embedding")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `train`."""
    parser.add_argument("task", choices=TASKS)
    several = "may be given more than once; default: made, for --profile full the real data sets"
    parser.add_argument("--source", action="append", help=several)
    long = "how long to train; default: $COURSE_PROFILE, else lesson"
    parser.add_argument("--profile", choices=("smoke", "lesson", "full"), help=long)
    parser.add_argument("--model", help="which network, for instance residual")
    parser.add_argument("--epochs", type=whole(1, 10_000), help="default: as the profile says")
    parser.add_argument("--init", type=Path, help="start from these weights")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and history")
    too = "in the end, put weights and card there as well"
    parser.add_argument("--copy-to", type=Path, metavar="DIR", help=too)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train a model and say where its weights are."""
    with quiet():
        from helpers import settings
        from reading_faces.training.make import Run, train_model
        from reading_faces.training.tasks import TASKS

    profile = options.profile or settings.PROFILE
    task = TASKS[options.task.replace("-", "_")]
    sources = tuple(options.source or (task.sources if profile == "full" else ["made"]))
    how = {name: vars(options)[name] for name in ("out", "model", "init", "epochs", "command")}
    if profile == "full" and not options.source:
        how["init"] = options.init or task.init
    place = next(path for path in (options.out, *options.out.absolute().parents) if path.exists())
    if shutil.disk_usage(place).free < ROOM_MB * 1_000_000:
        raise ValueError(f"{options.out}: the disk is too full; {ROOM_MB} MB are needed.")
    run = Run(task, sources, profile, **how)
    with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress
        train_model(run, options.resume, options.copy_to)
    print(options.out / f"{task.name}.weights.h5")
    return 0
