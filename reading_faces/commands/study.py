"""`python -m reading_faces study`: train the networks that a lesson compares, or judge others'."""

import argparse
import contextlib
import sys
from pathlib import Path

from reading_faces.commands.console import UsageError, print_result, quiet

# Known here too, so that --help need not load a network.
TRAINED = (
    "depth", "emotion-models", "emotion-craft", "four-layers", "deep-network", "deep-all-faces",
    "deep-full-width", "ckplus-splits", "five-classes", "resnet50",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `study`."""
    parser.add_argument("study", choices=(*TRAINED, "peers"), help="what is compared")
    out = "the folder for what is trained; a cut study goes on there (peers trains nothing)"
    parser.add_argument("--out", type=Path, help=out)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train the networks of a comparison, or ask other programs, and print how good each is."""
    if (options.study == "peers") == bool(options.out):
        raise UsageError("study peers takes no --out; any other needs one.")
    if options.study == "peers":
        from reading_faces.training.peers import compare

        print_result(compare(), options)
        return 0
    with quiet():
        from helpers import settings
        from reading_faces.training import studies

    with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress
        smoke = settings.PROFILE == "smoke"
        result = studies.run_study(options.study, options.out, smoke)
    if options.json:
        print_result(result, options)
    else:
        print(studies.summary(result["variants"]))
    return 0
