"""`python -m reading_faces enroll`: a folder of photos for each person becomes a gallery."""

import argparse
import sys
from pathlib import Path

from reading_faces.commands import console
from reading_faces.commands.console import between, printable, quiet, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `enroll`."""
    parser.add_argument("folder", help="a folder that holds a folder of photos for each person")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the gallery")
    parser.add_argument("--embedder", **console.EMBEDDER)
    threshold = parser.add_mutually_exclusive_group()
    similar = "cosine similarity that makes a name; default: the embedder's"
    threshold.add_argument("--threshold", type=between(-1, 1), metavar="T", help=similar)
    stricter = "keep strangers out: the embedder's higher threshold"
    threshold.add_argument("--strict", action="store_true", help=stricter)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the gallery; return 1 if somebody could not be enrolled from any photo."""
    with quiet():
        from helpers import data, embedders
        from helpers.data.folders import subfolders
        from reading_faces.enroll import enroll_people
        from reading_faces.gallery_file import save_gallery

    people = data.load_people(options.folder)
    console.refuse_outputs(people.files, out=options.out)
    with quiet():
        embedder = embedders.best_embedder(options.embedder or "shipped")
    if not options.embedder and embedders.facenet_is_here():
        print("FaceNet's weights are here: add --embedder facenet to use them.", file=sys.stderr)
    threshold = embedder.strict_threshold if options.strict else options.threshold
    gallery, used, remarks = enroll_people(people, embedder, threshold)
    for file, sentence in remarks.items():
        print(f"{printable(file)}: {printable(sentence)}", file=sys.stderr)
    # A folder without pictures beside those of people is missing, too.
    named = zip(people.files, people.names, strict=True)
    places = {file.parent.parent for file, name in named if file.parent.name == name}
    wanted = {folder.name for place in places for folder in subfolders(place)} | {*people.names}
    missing = sorted(wanted - {*gallery.people})
    for name in missing:
        print(f"{printable(name)}: Not enrolled: there is no usable photo.", file=sys.stderr)
    if not used:
        raise ValueError(f"{options.folder}: no photo can be used; nobody is enrolled.")
    with writing(options.out):
        save_gallery(gallery, options.out)
    for name in gallery.people:
        files = [printable(used[row].name) for row in (gallery.names == name).nonzero()[0]]
        print(f"{printable(name)}: {len(files)} photo(s): {', '.join(files)}")
    return 1 if missing else 0
