"""`python -m reading_faces data`: data sets that are known, and made faces to draw and to judge."""

import argparse
import contextlib
import json
import sys
from pathlib import Path

from reading_faces.commands.console import print_result, quiet, refuse_outputs, whole, writing

# Known here too, so that --help need load neither the renderer nor OpenCV.
POSES = ("kaggle", "wide", "turned", "frontal")
SHIPPED_FACES = 3_200
LARGEST = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `data` and its own commands."""
    commands = parser.add_subparsers(
        required=True, metavar="list | fetch NAME | verify [NAME] | review | teach | make | realism"
    )

    def add(name: str, run, what: str, json_of: str = ""):
        command = commands.add_parser(name, help=what)
        command.set_defaults(run=run)
        if json_of:
            command.add_argument("--json", action="store_true", help=f"print {json_of} as JSON")
        return command.add_argument

    many = "how many faces (default %(default)s)"
    add("list", run_list, "which data sets are known, and where they were found", "the list")
    add("fetch", run_fetch, "download a data set")("name")
    add("verify", run_verify, "check the files of data sets that are there")("name", nargs="?")
    what = "look faces with emotions over, or the gaps of facial-keypoints"
    option = add("review", run_review, what, "what was found")
    option("source", nargs="?", default="fer2013", help="default: fer2013")
    what = "store what dlib's face recognition network says of each picture, to learn from"
    option = add("teach", run_teach, what)
    option("source", help="lfw, celeba, youtube-faces, or a folder with a folder for each person")
    option("--out", type=Path, required=True, metavar="FILE.npz", help="read as SOURCE_teacher.npz")
    option = add("make", run_make, "draw more made faces, with all their labels")
    option("--n", type=whole(1, LARGEST), default=SHIPPED_FACES, help=many)
    option("--seed", type=whole(0, 2**31), default=0, help="the same seed, the same set")
    option("--out", type=Path, default="build/made_faces.npz", help="default: %(default)s")
    option("--pose", choices=POSES, default="wide", help="how far faces are turned")
    option("--processes", type=whole(1, 512), help="how many draw at a time (default: all cores)")
    option = add("realism", run_realism, "measure how real made faces are, as a table", "the table")
    option("--n", type=whole(50, LARGEST), default=400, help=many)


def run_list(options: argparse.Namespace) -> int:
    """Print every known data set."""
    from helpers.data.sources import KNOWN, find_folder

    rows = [
        {"name": known.name, "what": known.what, "found": find_folder(name), "terms": known.terms}
        for name, known in KNOWN.items()
    ]
    if options.json:
        print(json.dumps(rows, indent=2, default=str))
        return 0
    for row in rows:
        print(f"{row['name']:20} {row['found'] or 'not here'}")
        print(f"  {row['what']}. Terms: {row['terms']}.")
    return 0


def run_fetch(options: argparse.Namespace) -> int:
    """Download one data set and print its folder."""
    from reading_faces.training.fetch import fetch

    with contextlib.redirect_stdout(sys.stderr):  # what downloads says meanwhile is no result
        folder = fetch(options.name)
    print(folder)
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Check one data set, or all that are there."""
    from helpers.data.sources import KNOWN, find_folder
    from reading_faces.training.fetch import verify

    names = [options.name] if options.name else list(filter(find_folder, KNOWN))
    if not names:
        raise ValueError("No known data set is here; see: python -m reading_faces data list")
    for name in names:
        print(*(f"{name}: {line}" for line in verify(name)), sep="\n")
    return 0


def run_review(options: argparse.Namespace) -> int:
    """Print what a careful reviewer finds in a data set."""
    from reading_faces.training import audit

    print_result(audit.review(options.source) | {"source": options.source}, options)
    return 0


def run_teach(options: argparse.Namespace) -> int:
    """Write the teacher's embeddings of a source, and say what was left out."""
    from helpers.data.people import load_people
    from reading_faces.training.made_sets import save_set
    from reading_faces.training.teacher import teach

    refuse_all_but_npz(options.out)
    refuse_outputs(load_people(options.source).files, out=options.out)
    said, left_out = teach(options.source)
    with writing(options.out):
        save_set(said._asdict(), options.out)
    if left_out:
        pictures = f"{left_out} of {left_out + len(said.files)} pictures"
        print(f"{pictures} left out: no face found, or not to be read.", file=sys.stderr)
    print(options.out)
    return 0


def refuse_all_but_npz(path: Path) -> None:
    """Refuse a name that does not say what is written: arrays of NumPy."""
    if path.suffix != ".npz":
        raise ValueError(f"{path} is no name for arrays; give --out a file that ends in .npz.")


def run_make(options: argparse.Namespace) -> int:
    """Draw a set of made faces and say where it is."""
    from tqdm import tqdm

    from reading_faces.made_faces.sets import collect, draw_set
    from reading_faces.training.made_sets import save_set

    refuse_all_but_npz(options.out)
    # Before an hour of drawing, not after it.
    options.out.parent.mkdir(parents=True, exist_ok=True)
    refuse_outputs([], out=options.out)
    drawn = draw_set(options.n, options.seed, options.pose, options.processes)
    faces = collect(tqdm(drawn, total=options.n, unit="face", smoothing=0.05))
    with writing(options.out):
        save_set(faces, options.out)
    print(options.out)
    return 0


def run_realism(options: argparse.Namespace) -> int:
    """Measure how real made faces are and print a table."""
    import pandas as pd
    from tqdm import tqdm

    with quiet():
        from reading_faces.training import realism
    table = list(tqdm(realism.measure_realism(options.n), total=8, unit="measure"))
    if options.json:
        print_result({"task": "realism", "measures": table}, options)
    else:
        print(pd.DataFrame(table).round(3).to_string(index=False))
    return 0
