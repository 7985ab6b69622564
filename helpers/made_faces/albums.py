"""Made people in the forms of other data sets: albums, group photos, CK+ sequences, videos.

Albums and sequences are written as folders that look like the public ones, so that one loader reads
both; they are drawn when asked for and kept in the cache.
"""

import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from helpers import settings
from helpers.made_faces.camera import Camera, draw_camera
from helpers.made_faces.expression import (
    EMOTIONS,
    PRESENT_FROM,
    UNITS,
    at_rest,
    draw_expression,
)
from helpers.made_faces.people import Person
from helpers.made_faces.scenes import MadeFace, Scene, draw_scene, take_photo
from helpers.made_faces.sets import (
    MadeSet,
    collect,
    draw_all,
    draw_set,
    load_set,
    person_number,
    save_set,
)
from helpers.video import VideoFile

_ALBUM, _GROUP, _SEQUENCE = 3, 4, 5
# The codes of CK+'s emotion files.
CKPLUS_CODES = {"angry": 1, "disgust": 3, "fear": 4, "happy": 5, "sad": 6, "surprise": 7}
CKPLUS_SIZE = (320, 245)  # half of the original's 640 × 490
_RAISE_THIS_WHEN_FACES_CHANGE = 4


def training_set(n: int, seed: int = 1, pose: str = "wide", mixed: bool = False) -> MadeSet:
    """Return more grey faces than ship, of other people unless `seed` is 0; see `sets.draw_set`.

    They are drawn at the first call.
    """

    def write(folder: Path, progress) -> None:
        save_set(collect(progress(draw_set(n, seed, pose, mixed=mixed))), folder / "faces.npz")

    name = f"faces-{n}-{pose}{'-mixed' * mixed}-seed{seed}"
    return load_set(cached_folder(name, write, n) / "faces.npz")


def people_folder(people: int = 12, photos: int = 12, seed: int = 0, size: int = 200) -> Path:
    """Return a folder of people, each a folder of colour photos; drawn at the first call.

    Parameters
    ----------
    people, photos : how many people, and photos of each.
    size : side of each photo in pixels; it shows head and shoulders.
    """

    def write(folder: Path, progress) -> None:
        job = functools.partial(album_photo, photos=photos, seed=seed, size=size)
        for number, photo in enumerate(progress(draw_all(job, people * photos))):
            name = folder / f"person-{number // photos:02d}"
            name.mkdir(exist_ok=True)
            save_photo(name / f"{number % photos:03d}.jpg", photo)

    return cached_folder(f"people-{people}x{photos}-{size}px-seed{seed}", write, people * photos)


def album_photo(number: int, photos: int, seed: int, size: int) -> np.ndarray:
    """Draw one photo of an album: the same person on another day."""
    who, _ = divmod(number, photos)
    rng = np.random.default_rng([seed, _ALBUM, number])
    person = another_day(person_number(who, seed), rng)
    scene = draw_scene(person, str(rng.choice(EMOTIONS)), rng, "kaggle")
    place = (size * rng.uniform(0.45, 0.55), size * rng.uniform(0.38, 0.46), size / 150)
    return take_photo([scene], [place], (size, size), scene.camera, int(rng.integers(2**31)))[0]


def another_day(person: Person, rng: np.random.Generator) -> Person:
    """Change what one changes from day to day: clothes, glasses, hat, make-up and gaze."""
    changed = dict(person)
    for name in ("cloth_hue", "headwear", "make_up"):
        changed[name] = float(rng.uniform())
    if rng.random() < 0.15:
        changed["glasses"] = float(rng.uniform())
    changed["gaze_across"] = float(np.clip(rng.normal(), -2.5, 2.5))
    return changed


def group_photo(
    people: int, size: tuple[int, int] = (1200, 800), seed: int = 0
) -> tuple[np.ndarray, list[MadeFace]]:
    """Photograph several people side by side, those behind between the shoulders of those before.

    Returns
    -------
    The photo `(h, w, 3) uint8` RGB, and its faces with labels in the photo's pixels.
    """
    rng = np.random.default_rng([seed, _GROUP])
    width, height = size
    rows = 1 if people <= 4 else 2
    each = -(-people // rows)
    zoom = min(width / (each + 0.4) / 125, height / (rows + 0.6) / 150)
    scenes, places = [], []
    for number in range(people):
        row, column = divmod(number, each)
        in_row = min(each, people - row * each)
        x = width / 2 + (column - (in_row - 1) / 2) * width / (each + 0.4)
        y = height * (0.42 if rows == 1 else 0.28 + 0.38 * row)
        person = person_number(int(rng.integers(10_000)), seed)
        scene = draw_scene(person, str(rng.choice(EMOTIONS)), rng, "kaggle")
        scenes.append(replace(scene, occluded=False, azimuth=30.0, elevation=35.0))
        places.append((x + rng.normal(0, 4 * zoom), y + rng.normal(0, 4 * zoom), zoom))
    return take_photo(scenes, places, size, Camera(blur=0.5, noise=1.5), seed)


def animate(
    person: Person, start: np.ndarray, end: np.ndarray, frames: int = 24, size: int = 200, **scene
) -> Iterator[tuple[np.ndarray, MadeFace]]:
    """Draw a face that changes from one expression to another.

    Parameters
    ----------
    start, end : units `(18, 2)` of the first and the last frame.
    scene : anything else of `Scene`; a pair `(first, last)` of numbers changes on the way.

    Yields
    ------
    A frame `(size, size, 3) uint8` RGB, and the face with the labels of that moment.
    """
    for number in range(frames):
        share = number / max(1, frames - 1)
        # Slow at both ends, as muscles are.
        eased = share * share * (3 - 2 * share)
        now = {
            name: value[0] + eased * (value[1] - value[0]) if isinstance(value, tuple) else value
            for name, value in scene.items()
        }
        moment = Scene(person, start + eased * (end - start), **now)
        place = (size / 2, size * 0.42, size / 130)
        photo, faces = take_photo([moment], [place], (size, size), moment.camera, moment.seed)
        yield photo, faces[0]


def save_video(frames: Iterator[np.ndarray], path: Path, frames_a_second: float = 12.0) -> int:
    """Write frames `(h, w, 3) uint8` RGB as a video, whole or not at all; return how many.

    Raises
    ------
    ValueError
        If there are no frames, they differ in size, or this OpenCV cannot write such a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoFile(path, frames_a_second) as file:
        for frame in frames:
            file.write(frame)
    return file.count


def ckplus_folder(subjects: int = 30, sequences: int = 4, frames: int = 6, seed: int = 0) -> Path:
    """Return a folder in the form of the official CK+ tree; drawn at the first call.

    Each sequence goes from neutral to the peak of an emotion. `FACS` files list the units of the
    peak that are present, with their intensity from 1 to 5; `Emotion` files hold CK+'s code.
    """
    name = f"ckplus-{subjects}x{sequences}x{frames}-seed{seed}"
    total = subjects * sequences * frames

    def write(folder: Path, progress) -> None:
        job = functools.partial(sequence_frame, sequences=sequences, frames=frames, seed=seed)
        for number, photo in enumerate(progress(draw_all(job, total))):
            sequence, frame = divmod(number, frames)
            who, which = divmod(sequence, sequences)
            subject, take = f"S{who:03d}", f"{which + 1:03d}"
            stem = f"{subject}_{take}_{frame + 1:08d}"
            place = folder / "cohn-kanade-images" / subject / take
            place.mkdir(parents=True, exist_ok=True)
            save_photo(place / f"{stem}.png", photo)
            if frame == frames - 1:
                write_ckplus_labels(folder, subject, take, stem, *peak(sequence, sequences, seed))

    return cached_folder(name, write, total)


def peak(sequence: int, sequences: int, seed: int) -> tuple[str, np.ndarray]:
    """Return emotion and units `(18, 2)` of the last frame of a sequence."""
    rng = np.random.default_rng([seed, _SEQUENCE, sequence])
    who, which = divmod(sequence, sequences)
    emotion = list(CKPLUS_CODES)[(who + which) % len(CKPLUS_CODES)]
    return emotion, draw_expression(emotion, rng, strength=rng.uniform(0.7, 1.0))


def sequence_frame(number: int, sequences: int, frames: int, seed: int) -> np.ndarray:
    """Draw one frame of one sequence: from neutral to the peak, the camera standing still."""
    sequence, frame = divmod(number, frames)
    emotion, units = peak(sequence, sequences, seed)
    rng = np.random.default_rng([seed, _SEQUENCE, sequence, 1])
    person = person_number(sequence // sequences, seed)
    scene = draw_scene(person, emotion, rng, "frontal")
    scene = replace(scene, occluded=False, units=units * frame / max(1, frames - 1))
    width, height = CKPLUS_SIZE
    place = (width / 2, height * 0.4, 2.0)
    camera = replace(draw_camera(rng), blur=0.5)
    return take_photo([scene], [place], CKPLUS_SIZE, camera, scene.seed)[0]


def write_ckplus_labels(
    folder: Path, subject: str, take: str, stem: str, emotion: str, units: np.ndarray
) -> None:
    """Write the emotion and the units of a peak frame as CK+ does: numbers in a text file."""
    intensities = units.max(axis=1)
    lines = [
        f"   {unit:.7e}   {np.clip(np.ceil(5 * intensity), 1, 5):.7e}\n"
        for unit, intensity in zip(UNITS, intensities, strict=True)
        if intensity >= PRESENT_FROM
    ]
    texts = {"Emotion": f"   {CKPLUS_CODES[emotion]:.7e}\n", "FACS": "".join(lines)}
    for kind, text in texts.items():
        place = folder / kind / subject / take
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{stem}_{kind.lower()}.txt").write_text(text)


def cached_folder(name: str, write: Callable, total: int) -> Path:
    """Return a folder of the cache, which `write(folder, progress)` fills when it is not there."""
    from tqdm import tqdm

    wanted = settings.CACHE / f"made-{_RAISE_THIS_WHEN_FACES_CHANGE}" / name
    if wanted.is_dir():
        return wanted
    wanted.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=wanted.parent))
    folder.chmod(0o755)  # mkdtemp's is for its owner alone
    try:
        write(folder, functools.partial(tqdm, total=total, unit="picture", desc=name))
        os.replace(folder, wanted)
    except OSError:
        if not wanted.is_dir():  # else somebody drew the same at the same time
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return wanted


def save_photo(path: Path, photo: np.ndarray) -> None:
    """Write a photo `(h, w, 3) uint8` RGB; as grey where the form asks for PNG."""
    if path.suffix == ".png":
        cv2.imwrite(str(path), cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    else:
        cv2.imwrite(str(path), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def neutral_to(emotion: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return units of rest and of a strong expression of an emotion, for `animate`."""
    rng = np.random.default_rng(seed)
    return at_rest(), draw_expression(emotion, rng, strength=1.0)
