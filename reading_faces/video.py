"""Videos and cameras: frames in, frames out."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from helpers.files import whole_file
from reading_faces.outputs import errors_go_to

# What is assumed where a file or a camera does not say.
USUAL_RATE = 25.0
# A damaged file may give frames again after so many failed reads, or as many as it has frames.
PATIENCE, MOST_PATIENCE = 100, 10_000
# A frame that seems to be shown for longer has a wrong time.
LONGEST_SECONDS = 600.0


@dataclass
class Video:
    """An opened video or camera."""

    capture: cv2.VideoCapture
    rate: float  # frames a second, on average
    total: int | None  # how many frames it says to have; None for a camera, or if it does not say
    is_file: bool = False
    aspect: float = 1.0  # width of its pixels by their height; frames have square ones
    seconds: float = 0.0  # when the last frame is shown, by the clock of the file
    lost: int = 0  # how many frames of a damaged file could not be decoded, known at its end

    def frames(self) -> Iterator[np.ndarray]:
        """Yield each frame `(h, w, 3) uint8` RGB that can be decoded; close the source at the end.

        What a decoder says of damage is kept from the screen; `lost` tells how much it was.
        """
        times, failed, damaged = [], 0, False
        patience = min(max(PATIENCE, self.total or 0), MOST_PATIENCE) if self.is_file else 0
        try:
            with tempfile.TemporaryFile() as complaints:
                while failed <= patience:
                    with errors_go_to(complaints):
                        there, frame = self.capture.read()
                    if not there:
                        failed += 1
                        continue
                    damaged, failed = damaged or failed > 0, 0
                    self.seconds = self._clock(times)
                    times.append(self.seconds)
                    yield np.ascontiguousarray(square_pixels(frame, self.aspect)[..., ::-1])
                # A trimmed video has fewer frames than it says, too, and nothing is wrong with it.
                if self.is_file and (damaged or os.fstat(complaints.fileno()).st_size):
                    self.lost = count_lost(times, self.rate, self.total)
        finally:
            self.capture.release()

    def _clock(self, times: list[float]) -> float:
        """Return when the frame that was just read is shown: later than those before."""
        now = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 if self.is_file else -1.0
        if not times:
            return now if 0 <= now < LONGEST_SECONDS else 0.0
        return now if 0 < now - times[-1] < LONGEST_SECONDS else times[-1] + 1 / max(1, self.rate)


def square_pixels(frame: np.ndarray, aspect: float) -> np.ndarray:
    """Stretch a frame whose pixels are `aspect` times as wide as they are high."""
    height, width = frame.shape[:2]
    size = round(width * max(1, aspect)), round(height * max(1, 1 / aspect))
    return frame if size == (width, height) else cv2.resize(frame, size)


def count_lost(times: list[float], rate: float, total: int | None) -> int:
    """Return how many frames are missing between those at `times`, in seconds, and after them.

    As many as fit there at the pace of the frames before or behind, if that is slower; but no more
    than a file says to have, which of some formats is a guess.
    """
    missing = max(0, total - len(times)) if total else 0
    if len(times) < 3:  # no pace is known
        return missing
    steps = np.diff([*times, max(times[-1] + 1 / rate, (total or 0) / rate)])
    before, behind = np.r_[0, steps[:-1]], np.r_[steps[1:-1], 0, 0]
    fitting = (np.rint(steps / np.maximum(before, behind)) - 1).clip(0).sum()
    return min(max(1, int(fitting)), missing) if total else int(fitting)


def open_video(source: Path | int) -> Video:
    """Open a video file, or the camera of a number; ValueError if there is none, or no video."""
    is_file = not isinstance(source, int)
    if not is_file:
        capture = cv2.VideoCapture(source)
        if not capture.isOpened():
            raise ValueError(f"There is no camera {source} here; name a file with --video.")
    else:
        if not source.is_file():
            raise ValueError(f"There is no video file at {source}.")
        # In one thread, which complains of a frame while that one is read.
        capture = cv2.VideoCapture(str(source), cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened() and not capture.open(str(source)):
            raise ValueError(f"{source} is not a video that can be read here.")
    rate, total = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    rate, total = rate if 0 < rate <= 1000 else USUAL_RATE, total if total > 0 else None
    return Video(capture, rate, total, is_file, pixel_aspect(capture) if is_file else 1.0)


def pixel_aspect(capture: cv2.VideoCapture) -> float:
    """Return the width of a file's pixels by their height; 1 where that is nearly so, or absurd."""
    width, height = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    aspect = width / height if width > 0 and height > 0 else 1.0
    if capture.get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270):  # by which OpenCV turns frames
        aspect = 1 / aspect
    return aspect if abs(aspect - 1) > 0.02 and 0.2 <= aspect <= 5 else 1.0


def write_video(frames: Iterable[np.ndarray], path: Path, frames_a_second: float = 12.0) -> int:
    """Write frames `(h, w, 3) uint8` RGB as a video, whole or not at all; return how many.

    Raises ValueError if there are no frames, they differ in size, this OpenCV cannot write such a
    file, or fewer frames are in it than were written, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.suffix.lower()
    code = cv2.VideoWriter_fourcc(*("MJPG" if ending == ".avi" else "mp4v"))
    writer, count, shape = cv2.VideoWriter(), 0, None
    with whole_file(path) as part, open(os.devnull, "wb") as nowhere:
        try:
            for frame in frames:
                shape = shape or frame.shape
                if frame.shape != shape:
                    raise ValueError(
                        f"Frame {count + 1} is {frame.shape}; those before it are {shape}."
                    )
                how = str(part), code, frames_a_second, shape[1::-1]
                with errors_go_to(nowhere):
                    if not count and not writer.open(*how):
                        size = f" of {shape[1]} × {shape[0]} at {frames_a_second:g} frames a second"
                        why = size if ending in (".mp4", ".avi") else "; name an .mp4 or .avi"
                        raise ValueError(f"{path} cannot be written as a video{why}.")
                    writer.write(np.ascontiguousarray(frame[..., ::-1]))
                count += 1
        finally:
            with errors_go_to(nowhere):
                writer.release()
        if not count:
            raise ValueError("There is no frame to write.")
        # OpenCV's writer never says that something failed.
        with errors_go_to(nowhere):
            arrived = sum(1 for _ in Video(cv2.VideoCapture(str(part)), 1.0, None).frames())
        if arrived != count:
            raise ValueError(
                f"{path} cannot be written: {arrived} of {count} frames arrived. Is the disk full?"
            )
    return count
