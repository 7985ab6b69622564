"""`python -m reading_faces predict`: read the faces in photos into a table, JSON, files, pictures.

Only the result goes to standard output; progress and problems go to standard error.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers.files import explain, whole_file
from reading_faces.commands import console
from reading_faces.commands.console import UsageError, printable, writing

# Written into each annotated copy: nothing else in its folder is ever replaced by one.
MARK = "annotated by reading-faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `predict`."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a photo, or a folder of photos")
    results = parser.add_mutually_exclusive_group()
    results.add_argument("--json", action="store_true", help="print the result as JSON")
    results.add_argument("--csv", type=Path, metavar="FILE", help="write one row a face into FILE")
    results.add_argument("--parquet", metavar="FILE", help="the same as Parquet")
    parser.add_argument("--resume", action="store_true", help="go on with a table that was cut")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="write annotated copies into DIR")
    console.add_reader_options(parser, "name the people that `enroll` wrote into FILE")
    many = parser.add_argument_group("a million photos (docs/scale.md)")
    many.add_argument("--engine", choices=("ray",), help="many processes, into a --parquet FOLDER")
    many.add_argument("--actors", type=console.whole(1, 100_000), help="so many; default: all fit")
    many.add_argument("--address", help="of a Ray cluster, such as auto; default: this machine")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read every photo; return 0, or 1 if one could not be read or its copy not be written."""
    from helpers.images import skipped_files

    if options.engine:
        return run_by_ray(options)
    if options.actors or options.address:
        raise UsageError("--actors and --address need --engine ray.")
    if options.parquet and "://" in options.parquet:
        raise UsageError("An address for --parquet needs --engine ray.")
    table = options.csv or (options.parquet and Path(options.parquet))
    if options.resume and not table:
        raise UsageError("--resume needs the --csv or --parquet of the run that was cut.")
    if options.parquet and not importlib.util.find_spec("pyarrow"):
        raise ValueError("Parquet needs one more package: pip install pyarrow")
    paths, copies = find_inputs(options.paths)
    if not paths:
        raise ValueError("There are only annotated copies of photos; name the photos.")
    inputs = filter(None, [*paths, options.gallery])
    console.refuse_outputs(inputs, csv=options.csv, parquet=options.parquet and table)
    if options.draw:
        with writing(options.draw):
            options.draw.mkdir(parents=True, exist_ok=True)
    skipped = skipped_files(options.paths)
    say_what_was_skipped(skipped)
    left_out = [(file, "It is no picture.") for file in skipped]
    if copies:
        left_out += [(file, "It is an annotated copy.") for file in sorted(copies)]
        print(f"Left out, annotated copies: {len(copies)}", file=sys.stderr)
    reader = console.load_reader(options)
    if table:
        return fill_table(options, reader, paths, table)
    readings, went_well = zip(*read_photos(options, reader, paths), strict=True)
    print_result(to_json(readings, left_out) if options.json else to_text(readings))
    return 0 if all(went_well) else 1


def find_inputs(named: list[str]) -> tuple[list[Path], set[Path]]:
    """Return the photos to read, each once, and the annotated copies that folders hold."""
    from helpers.images import find_photos

    found, asked = dict.fromkeys(find_photos(named)), set(map(Path, named))
    copies = {path for path in found if path not in asked and is_copy(path)}
    return [path for path in found if path not in copies], copies


def run_by_ray(options: argparse.Namespace) -> int:
    """Read every photo by Ray's processes, into Parquet files; return 0, or 1 if one failed."""
    from tqdm import tqdm

    from helpers.images import skipped_files

    if not options.parquet or options.draw:
        raise UsageError("--engine ray writes --parquet FOLDER, and draws nothing.")
    if not importlib.util.find_spec("ray"):
        raise ValueError('Ray is not installed: pip install "reading-faces[scale]"')
    from reading_faces import scale

    photos, left_out = [], []
    for place in options.paths:
        if scale.is_address(place) or place.endswith(scale.LISTING):
            found, others = scale.list_photos(place)
        else:
            found, copies = find_inputs([place])
            others = [*skipped_files([place]), *copies]
        photos += map(os.fspath, found)
        left_out += map(Path, others)
    say_what_was_skipped(left_out)
    reader = console.load_reader(options)
    parts = scale.Parts(options.parquet, settings_of(options, reader))
    if parts.names() and not options.resume:
        raise ValueError(f"{options.parquet} holds parts; add --resume to go on, or delete them.")
    photos = [*dict.fromkeys(photos)]
    work = scale.deal(photos, parts.done())
    missing, failed = sum(len(part["photos"]) for part in work), 0
    there = len(photos) - missing
    progress = tqdm(total=len(photos), initial=there, unit="photo", disable=None)
    if work:
        with scale.running(options.address), progress:
            for report in scale.read_parts(work, parts, reader, options.actors):
                progress.update(report["photos"])
                failed += report["failed"]
                for file, reason in report["told"]:
                    progress.write(f"{printable(file)}: {reason}", file=sys.stderr)
        parts.tidy()
    counts = {"read": missing - failed, "failed": failed, "left out": len(left_out)}
    told = ", ".join(f"{what}: {n:,}" for what, n in counts.items())
    print(f"{told}, read before: {there:,}", file=sys.stderr)
    return 1 if failed else 0


def say_what_was_skipped(files: list[Path]) -> None:
    """Count by kind what folders hold besides photos."""
    if files:
        kinds = Counter(
            "linked folder" if file.is_dir() else file.suffix.lower() or "without ending"
            for file in files
        )
        counts = ", ".join(f"{n} {printable(kind)}" for kind, n in kinds.most_common())
        print(f"Left out: {counts} (no pictures)", file=sys.stderr)


def fill_table(options: argparse.Namespace, reader, paths: list[Path], table: Path) -> int:
    """Write a row for each face; a run that is cut has left its rows in a journal."""
    from reading_faces.journal import keep_journal
    from reading_faces.reader import rows_to_frame

    settings, failed = settings_of(options, reader), False
    with writing(table), keep_journal(table, settings, options.resume) as journal:
        for reading, fine in read_photos(options, reader, paths, list(journal.rows)):
            failed |= not fine
            journal.add(reading, fine)
        copies, rows = copy_names(paths, options.draw) if options.draw else {}, []
        for path in map(os.fspath, paths):
            drawn = {"copy": copies[path].name} if copies and copies[path].is_file() else {}
            rows += [row if row.get("error") else row | drawn for row in journal.rows[path]]
        columns = (*reader.columns, "copy") if copies else reader.columns
        frame = rows_to_frame(rows, columns)
        with whole_file(table) as part:
            write = frame.to_csv if options.csv else frame.to_parquet
            write(part, index=False)
    return 1 if failed else 0


def settings_of(options: argparse.Namespace, reader) -> dict[str, str]:
    """Return what a reading depends on: another model or gallery would give others."""
    cards = {part: model.card for part, model in reader.load().items()}
    people = options.gallery.read_bytes() if options.gallery else b""
    made_by = hashlib.sha256(json.dumps(cards, sort_keys=True).encode() + people).hexdigest()
    return {"detector": options.detector, "by": made_by}


def read_photos(
    options: argparse.Namespace, reader, paths: list[Path], done: Sequence[str] = ()
) -> Iterator[tuple]:
    """Read and draw each photo that is not done; yield the reading, and whether all went well."""
    from tqdm import tqdm

    copies = copy_names(paths, options.draw) if options.draw else {}
    left = [path for path in map(os.fspath, paths) if path not in done]
    # No bar where nobody watches: `disable=None` is tqdm's word for that.
    bar = tqdm(reader.read(left), total=len(paths), initial=len(done), unit="photo", disable=None)
    for reading in bar:
        error = reading.error
        if options.draw and not error:
            error = draw(reading, copies[reading.path])
        for sentence in filter(None, [error, *reading.remarks]):
            bar.write(f"{printable(reading.path)}: {sentence}", file=sys.stderr)
        yield reading, not error


def copy_names(paths: list[Path], folder: Path) -> dict[str, Path]:
    """Return a file for each photo's annotated copy: no two the same, and none that is there.

    Copies of an earlier run may be replaced; a photo never is, neither in `folder` nor elsewhere.
    """
    taken = {path.name.lower() for path in paths}
    taken |= {file.name.lower() for file in folder.iterdir() if not is_copy(file)}
    copies = {}
    for path in paths:
        stem, number = path.stem[:60], 1
        name = f"{stem}-faces.jpg"
        while name.lower() in taken:
            number += 1
            name = f"{stem}-faces-{number}.jpg"
        taken.add(name.lower())
        copies[os.fspath(path)] = folder / name
    return copies


def is_copy(file: Path) -> bool:
    """Whether `draw` wrote this file."""
    from PIL import Image

    if not file.is_file():
        return False
    try:
        with Image.open(file) as picture:
            return picture.info.get("comment") == MARK.encode()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def draw(reading, path: Path) -> str:
    """Write the annotated copy of a photo; return a sentence if that failed, or an empty one."""
    from helpers.images import PhotoError, load_photo, write_photo
    from reading_faces.annotate import annotate_photo

    try:
        photo = load_photo(reading.path)
        if photo.shrunk > 1:
            size = "{1:,} × {0:,} pixels".format(*photo.pixels.shape)
            print(f"{printable(path)} is smaller than its photo: {size}.", file=sys.stderr)
        write_photo(path, annotate_photo(photo.pixels, reading), comment=MARK)
        return ""
    except PhotoError as error:
        return str(error)
    except OSError as error:
        # Pillow's own errors carry no number; the only one of a JPEG is a side above 65,500 pixels.
        reason = explain(error) if error.errno else "The photo is too long for a JPEG."
        return f"{printable(path)} cannot be written. {reason}"


def print_result(text: str) -> None:
    """Print a result to the last letter, or say why that cannot be."""
    try:
        with writing("The result"):
            sys.stdout.write(text)
            sys.stdout.flush()
    except ValueError:
        console.discard_output()
        raise


def to_json(readings: list, skipped: list[tuple[Path, str]]) -> str:
    """Return `{"left_out": […], "images": […]}`, a line for each photo."""
    left_out = [{"file": os.fspath(file), "reason": why} for file, why in skipped]
    left_out += [one for reading in readings for one in reading.left_out]
    write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    lines = ",\n".join(write(reading.to_dict()) for reading in readings)
    return f'{{"left_out": {write(left_out)}, "images": [\n{lines}\n]}}\n'


def to_text(readings: list) -> str:
    """Return a line for each face: where it is, how sure the detector is, emotion, and who."""
    import pandas as pd

    rows = []
    for reading in readings:
        photo = {"photo": printable(reading.path)}
        if not reading.faces and not reading.error:
            rows.append(photo | {"face": "none"})
        for number, face in enumerate(reading.faces, 1):
            box = dict(zip(("x", "y", "width", "height"), map(round, face.box), strict=True))
            row = photo | {"face": number} | box | {"confidence": f"{face.confidence:.3f}"}
            row["emotion"] = f"{face.top_emotion} {max(face.emotion.values()):.0%}"
            if face.identity:
                who, score = face.identity
                row |= {"name": printable(who or "unknown"), "similarity": f"{score:.2f}"}
            rows.append(row)
    return pd.DataFrame(rows, dtype=object).fillna("").to_string(index=False) + "\n" if rows else ""
