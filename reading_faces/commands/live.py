"""`python -m reading_faces live`: follow the faces of a video, or of a camera, frame by frame."""

import argparse
import collections
import contextlib
import csv
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
        from helpers.embedders import SmallEmbedder
        from reading_faces.track import FaceTracker
        from reading_faces.video import open_video, write_video

        video = open_video(options.video or options.camera)
    on_screen = not (options.out or options.csv)
    if on_screen and sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise ValueError("There is no screen to show it on; add --out FILE or --csv FILE.")
    reader = console.load_reader(options)
    reader.embedder = reader.embedder or SmallEmbedder()
    tracker = FaceTracker(reader, options.every)
    # Both results are there whole, or not at all.
    with contextlib.ExitStack() as results:
        if not options.video:
            # A camera has no other end than Ctrl-C; of a video, half a result is none.
            usual = signal.signal(signal.SIGINT, lambda *_: video.capture.release())
            results.callback(signal.signal, signal.SIGINT, usual)
        table = None
        if options.csv:
            results.enter_context(writing(options.csv))
            part = results.enter_context(whole_file(options.csv))
            file = results.enter_context(part.open("w", newline="", encoding="utf-8"))
            table = csv.DictWriter(file, ["frame", "seconds", "face", *reader.columns])
            table.writeheader()
        seen = follow(video, tracker, table, is_camera=not options.video)
        if options.out:
            results.enter_context(writing(options.out))
            write_video(film(seen, video.rate), options.out, video.rate)
        elif on_screen:
            all(map(show, film(seen, video.rate)))
        else:
            collections.deque(seen, maxlen=0)
    print(f"{tracker.frame} frames, {tracker.numbers} face(s).")
    return 0


def follow(video, tracker, table, is_camera: bool) -> Iterator[tuple]:
    """Yield when each frame was seen, in seconds, the frame and its faces; write their rows."""
    from tqdm import tqdm

    started = time.perf_counter()
    frames = tqdm(video.frames(), total=video.total, unit="frame", disable=None)
    for count, frame in enumerate(frames):
        tracks = tracker.read(frame)
        seconds = time.perf_counter() - started if is_camera else count / video.rate
        for track in tracks if table else ():
            about = {"frame": count, "seconds": round(seconds, 4), "face": track.number}
            table.writerow(about | track.reading.to_row())
        yield seconds, frame, tracks


def film(seen: Iterable[tuple], rate: float) -> Iterator:
    """Yield the frames of `follow` with their faces marked, so many a second."""
    from reading_faces.annotate import annotate_photo
    from reading_faces.reader import PhotoReading

    given = 0
    for seconds, frame, tracks in seen:
        reading = PhotoReading(None, faces=[track.reading for track in tracks])
        marked = annotate_photo(frame, reading, [track.number for track in tracks])
        # A camera gives its next frame when we are ready for it, later than its rate says: until
        # then the last one stays, so that the film runs as fast as what was filmed.
        for _ in range(max(1, int(seconds * rate) + 1 - given)):
            yield marked
            given += 1


def show(frame) -> bool:
    """Show a frame in a window; return whether to go on."""
    import cv2

    cv2.imshow("Reading faces: q to quit", frame[..., ::-1])
    return cv2.waitKey(1) & 0xFF != ord("q")
