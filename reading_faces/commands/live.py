"""`python -m reading_faces live`: follow the faces of a video, or of a camera, frame by frame."""

import argparse
import collections
import contextlib
import csv
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.files import whole_file
from reading_faces.commands import console
from reading_faces.commands.console import whole, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `live`."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--camera", type=whole(0, 1000), default=0, metavar="N", help="default: 0")
    source.add_argument("--video", type=Path, metavar="FILE", help="a video instead of a camera")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the annotated video, silent")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row a face a frame")
    console.add_reader_options(parser, "name the people that `enroll` wrote into FILE")
    every = "look for faces at every K-th frame; in between they are followed"
    parser.add_argument("--every", type=whole(1, 1000), default=10, metavar="K", help=every)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read frame by frame until the video ends, `q` is pressed, or Ctrl-C stops a camera."""
    inputs = filter(None, (options.video, options.gallery))
    console.refuse_outputs(inputs, out=options.out, csv=options.csv)
    with console.quiet():
        from reading_faces.track import FaceTracker
        from reading_faces.video import open_video, write_video

        video = open_video(options.video or options.camera)
    on_screen = not (options.out or options.csv)
    if on_screen and sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise ValueError("There is no screen to show it on; add --out FILE or --csv FILE.")
    reader = console.load_reader(options)
    tracker = FaceTracker(reader, options.every)
    # Both results are there whole, or not at all.
    with contextlib.ExitStack() as results:
        if not options.video:
            # A camera has no other end than Ctrl-C; of a video, half a result is none.
            for end in (signal.SIGINT, signal.SIGTERM):
                usual = signal.signal(end, lambda *_: video.capture.release())
                results.callback(signal.signal, end, usual)
        table = None
        if options.csv:
            results.enter_context(writing(options.csv))
            part = results.enter_context(whole_file(options.csv))
            file = results.enter_context(part.open("w", newline="", encoding="utf-8"))
            table = csv.DictWriter(file, ["frame", "seconds", "face", *reader.columns])
            table.writeheader()
        seen = follow(video, tracker, table, options.csv)
        # What formats can hold: some videos say 0.02 or 1,000 frames a second.
        rate = min(max(1.0, round(video.rate, 2)), 120.0)
        if options.out:
            results.enter_context(writing(options.out))
            write_video(film(seen, rate, not video.is_file), options.out, rate)
        elif on_screen:
            all(show(mark(frame, tracks)) for _, frame, tracks in seen)
        else:
            collections.deque(seen, maxlen=0)
        if options.video and not tracker.frame:
            raise ValueError(f"No frame of {options.video} can be decoded.")
    print(f"{tracker.frame} frames, {tracker.numbers} face(s).")
    if video.lost:
        name = console.printable(options.video)
        print(f"{name}: {video.lost} frame(s) could not be decoded.", file=sys.stderr)
    return 1 if video.lost else 0


def follow(video, tracker, table, path: Path | None) -> Iterator[tuple]:
    """Yield when each frame was seen, in seconds, the frame and its faces; write their rows."""
    from tqdm import tqdm

    started = time.perf_counter()
    frames = tqdm(video.frames(), total=video.total, unit="frame", disable=None)
    for count, frame in enumerate(frames):
        seconds = video.seconds if video.is_file else time.perf_counter() - started
        tracks = tracker.read(frame, seconds)
        for track in tracks if table else ():
            about = {"frame": count, "seconds": round(seconds, 4), "face": track.number}
            with writing(path):
                table.writerow(about | track.reading.to_row())
        yield seconds, frame, tracks


def film(seen: Iterable[tuple], rate: float, whole: bool) -> Iterator:
    """Yield the frames of `follow` with their faces marked, so many a second.

    Each is shown until the next one was seen, so that the film runs as fast as what was filmed:
    frames are repeated or, unless the film is to be `whole`, left out.
    """
    given, before = 0, None
    for seconds, *after in seen:
        if before and (times := max(int(whole), round(seconds * rate) - given)) > 0:
            yield from itertools.repeat(mark(*before), times)
            given += times
        before = after
    if before:
        yield mark(*before)


def mark(frame, tracks: list):
    """Return a copy of a frame with its faces marked."""
    from reading_faces.annotate import annotate_photo
    from reading_faces.reader import PhotoReading

    reading = PhotoReading(None, faces=[track.reading for track in tracks])
    return annotate_photo(frame, reading, [track.number for track in tracks])


def show(frame) -> bool:
    """Show a frame in a window; return whether to go on."""
    import cv2

    cv2.imshow("Reading faces: q to quit", frame[..., ::-1])
    return cv2.waitKey(1) & 0xFF != ord("q")
