"""`python -m reading_faces data`: list, fetch, verify, review data sets; draw and judge made faces."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from reading_faces.commands.console import print_result, quiet, whole

LARGEST = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
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

    add_made(
        commands.add_parser("make", help="draw more made faces, with all their labels"),
        commands.add_parser("realism", help="measure how real made faces are, as a table"),
    )


def add_made(make: argparse.ArgumentParser, realism: argparse.ArgumentParser) -> None:
    """Describe what is done with made faces."""
    from reading_faces.made_faces.scenes import POSES
    from reading_faces.made_faces.sets import SHIPPED_FACES

    make.add_argument(
        "--n", type=whole(1, LARGEST), default=SHIPPED_FACES, help="how many (default %(default)s)"
    )
    make.add_argument("--seed", type=whole(0, 2**31), default=0, help="the same seed, the same set")
    make.add_argument(
        "--out", type=Path, default=Path("build/made_faces.npz"), help="default: %(default)s"
    )
    make.add_argument("--pose", choices=POSES, default="wide", help="how far faces are turned")
    make.add_argument(
        "--processes", type=whole(1, 512), help="how many draw at a time (default: all cores)"
    )
    make.set_defaults(run=run_make)
    realism.add_argument(
        "--n", type=whole(50, LARGEST), default=400, help="faces a measure (default %(default)s)"
    )
    realism.add_argument("--json", action="store_true", help="print the table as JSON")
    realism.set_defaults(run=run_realism)


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
    from reading_faces.training.fetch import fetch

    print(fetch(options.name))
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Check one data set, or all that are there."""
    from helpers import data
    from reading_faces.training.fetch import verify

    names = [options.name] if options.name else [s.name for s in data.list_sources() if s.where]
    if not names:
        raise ValueError("No known data set is on this machine; see: python -m reading_faces data list")
    for name in names:
        print(*(f"{name}: {line}" for line in verify(name)), sep="\n")
    return 0


def run_review(options: argparse.Namespace) -> int:
    """Print what a careful reviewer finds in a data set."""
    from helpers import data
    from reading_faces.training import audit as review

    found = review.review_emotions(data.load_emotions(options.source))
    print_result(found | {"source": options.source}, options)
    return 0


def run_make(options: argparse.Namespace) -> int:
    """Draw a set of made faces and say where it is."""
    from tqdm import tqdm

    from reading_faces.made_faces.sets import collect, draw_set, save_set

    if options.out.suffix != ".npz" or options.out.is_dir():
        raise ValueError(
            f"{options.out} is no name for the set; give --out a file that ends in .npz."
        )
    # Before an hour of drawing, not after it.
    options.out.parent.mkdir(parents=True, exist_ok=True)
    drawn = draw_set(options.n, options.seed, options.pose, options.processes)
    faces = collect(tqdm(drawn, total=options.n, unit="face", smoothing=0.05))
    save_set(faces, options.out)
    print(options.out)
    return 0


def run_realism(options: argparse.Namespace) -> int:
    """Measure how real made faces are and print a table."""
    with quiet():
        from reading_faces.training import realism
    rows = []
    for measure in realism.measure_realism(options.n):
        rows.append(measure)
        if not options.json:
            print(as_line(measure), flush=True)
        else:
            print(measure.name, file=sys.stderr, flush=True)
    if options.json:
        table = [asdict(row) | {"reached": row.reached} for row in rows]
        print_result({"task": "realism", "measures": table}, options)
    return 0


def as_line(measure) -> str:
    """Write one measure as a line of the table: reached or not, value, what was wanted, name."""
    mark = {True: "yes", False: "NO", None: ""}[measure.reached]
    value = "not measured" if measure.value is None else f"{measure.value:.3f}"
    wanted = ""
    if measure.wanted is not None:
        wanted = f"{'≥' if measure.at_least else '≤'} {measure.wanted:g}"
    line = f"{mark:4}{value:>13}  {wanted:8}{measure.name}"
    if measure.n:
        line += f" ({measure.n:,} faces)"
    return line + (f"\n{'':27}{measure.note}" if measure.note else "")
