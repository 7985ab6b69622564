"""The tree that the CK+ authors give out: sequences from neutral to a peak, emotions, action units.

`cohn-kanade-images/S005/001/*.png` are the frames; `Emotion/` and `FACS/` hold what the last frame
of a sequence shows, `Landmarks/` where. Most sequences have no emotion file: that is normal.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.data.folders import read_grey, subfolders
from helpers.data.records import DataError
from helpers.data.sources import locate
from helpers.images import is_photo, resize_square

# The codes of CK+ emotion files, from the data set's own read-me.
_CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")


@dataclass(frozen=True)
class Peak:
    """The last frame of a sequence, and what its coders saw on it; None where there is no file."""

    path: Path
    subject: str  # such as S005
    emotion: str | None  # one of the course's names or `contempt`
    # Intensity 1 to 5 by number of the action unit; 0: present, and no intensity is given.
    units: dict[int, float] | None
    points: np.ndarray | None  # (68, 2) landmarks in pixels

    def square(self) -> tuple[int, int, int]:
        """Return left, top and side of the face in pixels: around the landmarks, or the middle."""
        with Image.open(self.path) as picture:  # reads no more than its size
            width, height = picture.size
        centre, side = np.array([width, height]) / 2, min(height, width)
        if self.points is not None:
            # With room for the forehead, which the landmarks leave out.
            size = np.ptp(self.points, axis=0)
            centre = self.points.min(axis=0) + size * [0.5, 0.42]
            side = min(side, round(1.25 * size.max()))
        corner = np.clip(np.round(centre - side / 2), 0, [width - side, height - side])
        return int(corner[0]), int(corner[1]), int(side)

    def face(self, size: int) -> np.ndarray:
        """Cut out the face `(size, size) uint8`."""
        grey = read_grey(self.path)  # first, because it says what is wrong with a damaged picture
        left, top, side = self.square()
        return resize_square(grey[top : top + side, left : left + side], size)


def load_peaks(source: str | Path) -> list[Peak]:
    """Return the peak frames of a data set in CK+'s form, as files that nobody has read yet.

    The source is ``"ckplus"``, or a path to a tree in the official form, such as
    `made.album_folder` gives for made people.

    Raises
    ------
    DataError
        If the source is missing or malformed, or no such tree.
    """
    peaks = read_peaks(locate(source, "sequences", "ckplus"))
    if not peaks:
        raise DataError(f"{source} is not the official CK+ tree: no cohn-kanade-images in it.")
    return peaks


def read_peaks(folder: Path) -> list[Peak]:
    """Return the peak frame of each sequence that has a label; none if `folder` is no such tree.

    It is a `DataError` if nothing is labelled, a label cannot be read, or a labelled sequence has
    no frames.
    """
    roots = [at for at in (folder, *subfolders(folder)) if (at / "cohn-kanade-images").is_dir()]
    if not roots:
        return []
    root = roots[0]
    emotions, units = _labels(root, "Emotion"), _labels(root, "FACS")
    if not emotions and not units:
        raise DataError(
            f"{root} holds cohn-kanade-images and no Emotion/S…/…/…_emotion.txt and no "
            "FACS/S…/…/…_facs.txt; unpack those too."
        )
    return [
        _read_peak(root, sequence, emotions.get(sequence), units.get(sequence))
        for sequence in sorted(emotions.keys() | units.keys())
    ]


def _labels(root: Path, kind: str) -> dict[tuple[str, str], Path]:
    """Return the file of each (subject, take); the authors' archives unpack to `FACS_labels`."""
    files = sorted(root.glob(f"{kind}*/*/*/*_{kind.lower()}.txt"))
    return {(file.parts[-3], file.parts[-2]): file for file in files}


def _read_peak(root: Path, sequence: tuple, emotion: Path | None, units: Path | None) -> Peak:
    folder = root.joinpath("cohn-kanade-images", *sequence)
    frames = [p for p in sorted(folder.glob("*")) if is_photo(p)]
    if not frames:
        raise DataError(f"{emotion or units} labels a sequence without frames; unpack {folder}.")
    return Peak(
        frames[-1],
        sequence[0],
        _read_emotion(emotion) if emotion else None,
        _read_units(units) if units else None,
        _read_landmarks(root.joinpath("Landmarks", *sequence, f"{frames[-1].stem}_landmarks.txt")),
    )


def _read_emotion(file: Path) -> str:
    text = file.read_text().strip()
    try:
        return _CODES[[float(code) for code in range(8)].index(float(text))]
    except ValueError:
        raise DataError(f"{file} says {text!r}; a CK+ emotion is a number from 0 to 7.") from None


def _read_units(file: Path) -> dict[int, float]:
    units = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            unit, intensity = map(float, line.split())
        except ValueError:
            unit, intensity = np.nan, np.nan
        if not (unit in range(1, 100) and 0 <= intensity <= 5):
            raise DataError(
                f"Line {number} of {file} is {line.strip()!r}; it must be the number of an action "
                "unit and an intensity from 0 to 5."
            )
        units[int(unit)] = intensity
    return units


def _read_landmarks(file: Path) -> np.ndarray | None:
    if not file.is_file():
        return None
    try:
        return np.array(file.read_text().split(), float).reshape(68, 2)
    except ValueError:
        raise DataError(f"{file} does not hold 68 rows of x and y; unpack it again.") from None
