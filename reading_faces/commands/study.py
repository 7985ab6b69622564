"""`python -m reading_faces study`: train the networks that a lesson compares, one after another."""

import argparse
import contextlib
import sys
from pathlib import Path

from reading_faces.commands.console import print_result, quiet

# Known here too, so that --help need not load a network.
STUDIES = ("depth", "masked-loss", "emotion-models", "emotion-craft", "transfer", "resnet50")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `study`."""
    parser.add_argument("study", choices=STUDIES, help="what is compared")
    out = "the folder for weights; a cut study resumes there"
    parser.add_argument("--out", type=Path, required=True, help=out)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train the networks of a comparison and print how good each is."""
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
