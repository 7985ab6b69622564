"""Made people in the forms of other data sets: albums, photos, CK+ sequences, videos.

An `Album` says what lies where in a folder that looks like a public data set; its pictures are
drawn when they are asked for, and the caller writes them.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from reading_faces.made_faces.camera import Camera, draw_camera
from reading_faces.made_faces.expression import EMOTIONS, PRESENT_FROM, UNITS, draw_expression
from reading_faces.made_faces.people import Person
from reading_faces.made_faces.scenes import MadeFace, Scene, draw_scene, portrait, take_photo
from reading_faces.made_faces.sets import VERSION, draw_all, person_number

_ALBUM, _GROUP, _SEQUENCE = 3, 4, 5
# The codes of CK+'s emotion files.
CKPLUS_CODES = {"angry": 1, "disgust": 3, "fear": 4, "happy": 5, "sad": 6, "surprise": 7}
_ASIDE = 20  # the seed of single photos: no set that is trained on has it
CKPLUS_SIZE = (320, 245)  # half of the original's 640 × 490


@dataclass(frozen=True)
class Album:
    """A folder of pictures to be drawn."""

    name: str  # tells apart albums that hold other pictures
    total: int  # how many pictures there are
    # Path in the folder, and a picture, `(h, w) uint8` or `(h, w, 3) uint8` RGB, or a text.
    pages: Iterator[tuple[str, np.ndarray | str]]


def people_album(people: int = 12, photos: int = 12, seed: int = 0, size: int = 200) -> Album:
    """Return made people, a folder of colour photos of each.

    A photo shows head and shoulders and is `size` pixels wide and high.
    """
    job = functools.partial(album_photo, photos=photos, seed=seed, size=size)
    pages = (
        (f"person-{number // photos:02d}/{number % photos:03d}.jpg", photo)
        for number, photo in enumerate(draw_all(job, people * photos))
    )
    name = f"people-{people}x{photos}-{size}px-seed{seed}-{VERSION}"
    return Album(name, people * photos, pages)


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
    changed = person | {name: float(rng.uniform()) for name in ("cloth_hue", "headwear", "make_up")}
    if rng.random() < 0.15:
        changed["glasses"] = float(rng.uniform())
    changed["gaze_across"] = float(np.clip(rng.normal(), -2.5, 2.5))
    return changed


def single_photo(number: int, pose: str) -> tuple[np.ndarray, MadeFace]:
    """Draw a colour photo of 160 to 250 pixels: a head, nothing before it, and what is behind."""
    scene, rng = scene_aside(number, pose)
    scene = replace(scene, occluded=False)
    side = int(rng.integers(160, 250 + 1))
    place = *(side * rng.uniform([0.42, 0.36], [0.58, 0.48])), side * rng.uniform(1 / 190, 1 / 130)
    photo, faces = take_photo([scene], [place], (side, side), scene.camera, number)
    return photo, faces[0]


def kaggle_points(number: int) -> np.ndarray:
    """Return the keypoints `(15, 2)` of a face that is turned as Kaggle's are."""
    return portrait(scene_aside(number, "kaggle")[0])[1].keypoints


def scene_aside(number: int, pose: str) -> tuple[Scene, np.random.Generator]:
    """Choose the person and emotion of a number; return the scene, and chance for all the rest."""
    rng = np.random.default_rng([_ASIDE, number])
    person, emotion = person_number(number, _ASIDE), EMOTIONS[number % len(EMOTIONS)]
    return draw_scene(person, emotion, rng, pose), rng


def group_photo(people: int, size: tuple[int, int]) -> tuple[np.ndarray, list[MadeFace]]:
    """Photograph several people side by side, those behind between the shoulders of those before.

    Returns the photo `(h, w, 3) uint8` RGB, and its faces with labels in the photo's pixels.
    """
    rng = np.random.default_rng([0, _GROUP])
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
        person = person_number(int(rng.integers(10_000)), 0)
        scene = draw_scene(person, str(rng.choice(EMOTIONS)), rng, "kaggle")
        scenes.append(replace(scene, occluded=False, azimuth=30.0, elevation=35.0))
        places.append((x + rng.normal(0, 4 * zoom), y + rng.normal(0, 4 * zoom), zoom))
    return take_photo(scenes, places, size, Camera(blur=0.5, noise=1.5))


def animate(
    person: Person, start: np.ndarray, end: np.ndarray, frames: int = 24, size: int = 200, **turns
) -> Iterator[tuple[np.ndarray, MadeFace]]:
    """Draw a face that changes from units `start (18, 2)` to `end`.

    `turns` are the first and the last value of other numbers of `Scene`. Yields frames
    `(size, size, 3) uint8` RGB, each with the face and its labels at that moment.
    """
    for number in range(frames):
        share = number / max(1, frames - 1)
        # Slow at both ends, as muscles are.
        eased = share * share * (3 - 2 * share)
        now = {name: first + eased * (last - first) for name, (first, last) in turns.items()}
        moment = Scene(person, start + eased * (end - start), **now)
        place = (size / 2, size * 0.42, size / 130)
        photo, faces = take_photo([moment], [place], (size, size), moment.camera, moment.seed)
        yield photo, faces[0]


def ckplus_album(subjects: int = 30, sequences: int = 4, frames: int = 6, seed: int = 0) -> Album:
    """Return sequences in the form of the official CK+ tree, each from neutral to a peak.

    `FACS` files list the units of the peak that are present, with their intensity from 1 to 5;
    `Emotion` files hold CK+'s code.
    """
    total = subjects * sequences * frames
    job = functools.partial(sequence_frame, sequences=sequences, frames=frames, seed=seed)

    def pages() -> Iterator[tuple[str, np.ndarray | str]]:
        for number, photo in enumerate(draw_all(job, total)):
            sequence, frame = divmod(number, frames)
            who, which = (f"{n:03d}" for n in np.add(divmod(sequence, sequences), (0, 1)))
            stem = f"S{who}/{which}/S{who}_{which}_{frame + 1:08d}"
            yield f"cohn-kanade-images/{stem}.png", cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
            if frame == frames - 1:
                emotion, units = peak(sequence, sequences, seed)
                yield f"Emotion/{stem}_emotion.txt", f"   {CKPLUS_CODES[emotion]:.7e}\n"
                yield f"FACS/{stem}_facs.txt", facs_text(units)

    return Album(f"ckplus-{subjects}x{sequences}x{frames}-seed{seed}-{VERSION}", total, pages())


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
    place = (CKPLUS_SIZE[0] / 2, CKPLUS_SIZE[1] * 0.4, 2.0)
    camera = replace(draw_camera(rng), blur=0.5)
    return take_photo([scene], [place], CKPLUS_SIZE, camera, scene.seed)[0]


def facs_text(units: np.ndarray) -> str:
    """Write the units of a peak frame `(18, 2)` as CK+ does: number and intensity from 1 to 5."""
    return "".join(
        f"   {unit:.7e}   {np.clip(np.ceil(5 * intensity), 1, 5):.7e}\n"
        for unit, intensity in zip(UNITS, units.max(axis=1), strict=True)
        if intensity >= PRESENT_FROM
    )


def neutral_to(emotion: str) -> tuple[np.ndarray, np.ndarray]:
    """Return units of rest and of a strong expression of an emotion, for `animate`."""
    units = draw_expression(emotion, np.random.default_rng(0), strength=1.0)
    return np.zeros_like(units), units
