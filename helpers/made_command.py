"""`python -m helpers data make` and `data realism`: draw made faces, measure how real they are."""

import argparse
import datetime
import json
import sys
from dataclasses import asdict
from pathlib import Path

LARGEST = 1_000_000


def add_arguments(make: argparse.ArgumentParser, realism: argparse.ArgumentParser) -> None:
    """Describe both commands."""
    from helpers.made_faces.scenes import POSES
    from helpers.made_faces.sets import SHIPPED_FACES

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


def whole(lowest: int, highest: int):
    """Return a type for argparse: a whole number in a range."""

    def number(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {lowest:,} to {highest:,}"
            )
        return int(text)

    return number


def run_make(options: argparse.Namespace) -> int:
    """Draw a set of made faces and say where it is."""
    from tqdm import tqdm

    from helpers.made_faces.sets import collect, draw_set, save_set

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
    from helpers.predict_command import quiet

    with quiet():
        from helpers import realism
    rows = []
    for measure in realism.measure_realism(options.n):
        rows.append(measure)
        if not options.json:
            print(as_line(measure), flush=True)
        else:
            print(measure.name, file=sys.stderr, flush=True)
    if options.json:
        table = [asdict(row) | {"reached": row.reached} for row in rows]
        result = {
            "task": "realism",
            "measures": table,
            "command": options.command,
            "date": datetime.date.today().isoformat(),
        }
        print(json.dumps(result, indent=2))
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
