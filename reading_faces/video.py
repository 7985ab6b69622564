"""Videos and cameras: frames in, frames out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from helpers.files import whole_file

# What is assumed where a file or a camera does not say.
USUAL_RATE = 25.0


@dataclass
class Video:
    """An opened video or camera."""

    capture: cv2.VideoCapture
    rate: float  # frames a second
    total: int | None  # how many frames it says to have; None for a camera, or if it does not say

    def frames(self) -> Iterator[np.ndarray]:
        """Yield each frame `(h, w, 3) uint8` RGB, and close the source at the end."""
        try:
            while True:
                there, frame = self.capture.read()
                if not there:
                    return
                yield np.ascontiguousarray(frame[..., ::-1])
        finally:
            self.capture.release()


def open_video(source: Path | int) -> Video:
    """Open a video file, or the camera of a number; ValueError if there is none, or no video."""
    if isinstance(source, Path) and not source.is_file():
        raise ValueError(f"There is no video file at {source}.")
    capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
    if not capture.isOpened():
        if isinstance(source, int):
            raise ValueError(f"There is no camera {source} here; name a file with --video.")
        raise ValueError(f"{source} is not a video that can be read here.")
    rate = capture.get(cv2.CAP_PROP_FPS)
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return Video(capture, rate if 0 < rate <= 1000 else USUAL_RATE, total if total > 0 else None)


def write_video(frames: Iterable[np.ndarray], path: Path, frames_a_second: float = 12.0) -> int:
    """Write frames `(h, w, 3) uint8` RGB as a video, whole or not at all; return how many.

    Raises ValueError if there are no frames, they differ in size, or this OpenCV cannot write such
    a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer, count, shape = cv2.VideoWriter(), 0, None
    with whole_file(path) as part:
        try:
            for frame in frames:
                shape = shape or frame.shape
                if frame.shape != shape:
                    raise ValueError(
                        f"Frame {count + 1} is {frame.shape}; those before it are {shape}."
                    )
                if not count and not writer.open(str(part), code, frames_a_second, shape[1::-1]):
                    raise ValueError(f"{path} cannot be written as a video; name an .mp4 or .avi.")
                writer.write(np.ascontiguousarray(frame[..., ::-1]))
                count += 1
        finally:
            writer.release()
        if not count:
            raise ValueError("There is no frame to write.")
    return count
