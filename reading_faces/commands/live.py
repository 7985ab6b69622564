"""`python -m reading_faces live`: follow the faces of a video, or of a camera, frame by frame."""

import argparse
import contextlib
import csv
import os
import sys
import time
from pathlib import Path

from helpers.files import refuse_replacing, whole_file
from reading_faces.commands.console import quiet, refuse_folder, whole, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `live`."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--camera", type=whole(0, 1000), default=0, metavar="N", help="default: camera 0"
    )
    source.add_argument("--video", type=Path, metavar="FILE", help="a video instead of a camera")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the annotated video, without sound"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row a face a frame")
    parser.add_argument(
        "--gallery", type=Path, metavar="FILE", help="name whom `enroll` has put in"
    )
    parser.add_argument("--detector", choices=("mtcnn", "haar"), default="mtcnn")
    parser.add_argument(
        "--every",
        type=whole(1, 1000),
        default=10,
        metavar="K",
        help="look for faces at every K-th frame; in between they are followed",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read frame by frame until the video ends, `q` is pressed, or Ctrl-C stops a camera.

    Raises
    ------
    ValueError
        If there is no such camera or video, nowhere to show it, or a result cannot be written.
    """
    read = [path for path in (options.video, options.gallery) if path]
    refuse_replacing(read, out=options.out, csv=options.csv)
    for path in filter(None, (options.out, options.csv)):
        refuse_folder(path)
    shown = not (options.out or options.csv)
    with quiet():
        from helpers.embedders import SmallEmbedder
        from reading_faces.gallery_file import embedder_of, load_gallery
        from reading_faces.reader import FaceReader
        from reading_faces.track import FaceTracker
        from reading_faces.video import open_video

        video = open_video(options.video if options.video else options.camera)
        if shown and sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
            raise ValueError("There is no screen to show it on; add --out FILE or --csv FILE.")
        gallery = load_gallery(options.gallery) if options.gallery else None
        embedder = embedder_of(gallery) if gallery else SmallEmbedder()
        reader = FaceReader(options.detector, gallery=gallery, embedder=embedder)
        reader.load()
    tracker = FaceTracker(reader, options.every, embedder=embedder)
    with contextlib.ExitStack() as results:
        count = follow(
            video, tracker, *open_results(options, video.rate, reader, results), shown, options
        )
    print(f"{count} frames, {tracker.numbers} face(s).")
    return 0


def open_results(
    options: argparse.Namespace, rate: float, reader, results: contextlib.ExitStack
) -> tuple:
    """Open the video and the table that are to be written; both are whole or not there."""
    from reading_faces.video import video_file

    film = table = None
    if options.out:
        results.enter_context(writing(options.out))
        film = results.enter_context(video_file(options.out, rate))
    if options.csv:
        results.enter_context(writing(options.csv))
        part = results.enter_context(whole_file(options.csv))
        file = results.enter_context(part.open("w", newline="", encoding="utf-8"))
        table = csv.DictWriter(file, ["frame", "seconds", "face", *reader.columns])
        table.writeheader()
    return film, table


def follow(video, tracker, film, table, shown: bool, options: argparse.Namespace) -> int:
    """Read, write and show all frames; return how many."""
    from tqdm import tqdm

    from reading_faces.annotate import annotate_photo
    from reading_faces.reader import PhotoReading

    count, started = 0, time.perf_counter()
    bar = tqdm(video.frames(), total=video.total, unit="frame", disable=None)
    try:
        for frame in bar:
            tracks = tracker.read(frame)
            seconds = count / video.rate if options.video else time.perf_counter() - started
            for track in tracks if table else ():
                about = {"frame": count, "seconds": round(seconds, 4), "face": track.number}
                table.writerow(about | track.reading.to_row())
            if film or shown:
                numbers = [track.number for track in tracks]
                reading = PhotoReading(None, faces=[track.reading for track in tracks])
                marked = annotate_photo(frame, reading, numbers)
                for _ in range(frames_due(film, seconds, video.rate, options)):
                    film.write(marked)
            count += 1
            if shown and not show(marked):
                break
    except KeyboardInterrupt:
        # A camera has no other end; of a video, half a result is none.
        if options.video:
            raise
    return count


def frames_due(film, seconds: float, rate: float, options: argparse.Namespace) -> int:
    """Return how often to write a frame, so that what is written runs as fast as what was filmed.

    A camera gives its next frame when we are ready for it, which is later than its `rate` promises;
    until then the last one stays.
    """
    if not film:
        return 0
    return 1 if options.video else max(1, int(seconds * rate) + 1 - film.count)


def show(frame) -> bool:
    """Show a frame in a window; return whether to go on."""
    import cv2

    cv2.imshow("Reading faces: q to quit", frame[..., ::-1])
    return cv2.waitKey(1) & 0xFF != ord("q")
