"""`python -m reading_faces enroll`: a folder of photos for each person becomes a gallery."""

import argparse
import sys
from pathlib import Path

from reading_faces.commands.console import between, printable, quiet, refuse_outputs, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `enroll`."""
    parser.add_argument("folder", help="a folder that holds a folder of photos for each person")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the gallery")
    parser.add_argument("--embedder", choices=("shipped", "facenet"), default="shipped")
    parser.add_argument(
        "--threshold",
        type=between(-1, 1),
        metavar="T",
        help="cosine similarity that makes a name; default: the embedder's",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the gallery; return 1 if somebody could not be enrolled from any photo."""
    with quiet():
        from helpers import data
        from helpers.embedders import best_embedder
        from reading_faces.enroll import enroll_people
        from reading_faces.gallery_file import save_gallery

    people = data.load_people(options.folder)
    refuse_outputs(people.files, out=options.out)
    with quiet():
        embedder = best_embedder(options.embedder)
    gallery, left_out = enroll_people(people, embedder, options.threshold)
    for name, reason in left_out:
        print(f"{printable(name)}: {reason}", file=sys.stderr)
    if not gallery.people:
        raise ValueError(f"{options.folder}: no face was found on any photo; nobody is enrolled.")
    with writing(options.out):
        save_gallery(gallery, options.out)
    for name in gallery.people:
        print(f"{printable(name)}: {(gallery.names == name).sum()} photo(s)")
    return 1 if {str(name) for name in people.names} - set(gallery.people) else 0
