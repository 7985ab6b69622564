"""Sets of made faces: drawn from one seed on several processes, stored small, read back.

Face `i` of a set and person `j` have a source of chance of their own, `[seed, kind, number]`, so a
larger set begins with the smaller one, and it does not matter which process draws which face.
"""

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np

from helpers import settings
from helpers.data.archives import ARCHIVE_PROBLEMS
from helpers.files import whole_file
from helpers.made_faces.camera import read_jpeg
from helpers.made_faces.expression import EMOTIONS, mix_units
from helpers.made_faces.people import Person, draw_person
from helpers.made_faces.scenes import MadeFace, Scene, draw_scene, take_portrait

SHIPPED = settings.SHIPPED / "made_faces.npz"
SHIPPED_FACES, FACES_A_PERSON = 3_200, 20
_PERSON, _FACE, _LABELS, _MIXED = 0, 1, 2, 6


@dataclass(frozen=True)
class MadeSet:
    """A set of grey made faces with all their labels.

    Attributes
    ----------
    files : (n,) object, the JPEG file of each picture of 96 × 96
    keypoints : (n, 15, 2) float32, pixels, Kaggle's order; nothing is left out
    visible : (n, 15) bool
    box : (n, 4) float32, x, y, width, height
    action_units : (n, 18, 2) float32, 0 to 1, left and right
    emotions : (n,) int, positions in `EMOTIONS`
    subjects : (n,) str
    split : (n,) str, train, val or test; nobody is in two
    tone : (n,) float32, place on the Monk scale, 0 to below 10
    pose : (n, 3) float32, degrees of yaw, pitch and roll
    light : (n, 4) float32, azimuth and elevation of the lamp in degrees, brightness of it and of
        the surroundings
    occluded : (n,) bool
    """

    files: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    box: np.ndarray
    action_units: np.ndarray
    emotions: np.ndarray
    subjects: np.ndarray
    split: np.ndarray
    tone: np.ndarray
    pose: np.ndarray
    light: np.ndarray
    occluded: np.ndarray

    def __len__(self) -> int:
        return len(self.files)

    @functools.cached_property
    def images(self) -> np.ndarray:
        """The pictures `(n, 96, 96) uint8`."""
        return np.stack([read_jpeg(file, grey=True) for file in self.files])

    @functools.cached_property
    def small_images(self) -> np.ndarray:
        """The same pictures of half the side `(n, 48, 48) uint8`.

        That is FER-2013's framing: eyes on a fifth of the width from the middle, at 0.39 of the
        height (by our keypoint model on 600 of its training faces), as in Kaggle's.
        """
        small = [cv2.resize(i, (48, 48), interpolation=cv2.INTER_AREA) for i in self.images]
        return np.stack(small)


_STORED = tuple(f.name for f in fields(MadeSet) if f.name != "files")


def make_set(n: int, seed: int = 0, pose: str = "wide", **options) -> MadeSet:
    """Draw `n` grey faces, twenty of each person; see `draw_set` for the arguments."""
    return collect(draw_set(n, seed, pose, **options))


def draw_set(
    n: int,
    seed: int = 0,
    pose: str = "wide",
    processes: int | None = None,
    mixed: bool = False,
) -> Iterator[tuple[bytes, MadeFace, str]]:
    """Draw faces one by one: file, face with labels, and the person's name.

    Parameters
    ----------
    n : how many faces.
    seed : the same seed gives the same faces.
    pose : one of `scenes.POSES`.
    processes : how many draw at a time; one for each processor by default.
    mixed : with action units in any combination (`mix_units`); `emotions` then mean nothing.
    """
    job = functools.partial(draw_number, seed=seed, pose=pose, mixed=mixed)
    yield from draw_all(job, n, processes)


def draw_all(job: Callable, n: int, processes: int | None = None) -> Iterator:
    """Yield `job(0)`, `job(1)`, … in order; several processes work on them if there are many."""
    processes = processes or os.cpu_count() or 1
    if processes == 1 or n < 64:
        yield from map(job, range(n))
        return
    # Forking a process in which TensorFlow runs may hang it, so each starts anew.
    context = multiprocessing.get_context("spawn")
    start = {"initializer": cv2.setNumThreads, "initargs": (1,)}
    with ProcessPoolExecutor(processes, context, **start) as pool:
        try:
            yield from pool.map(job, range(n), chunksize=16)
        finally:  # whoever stops listening does not wait for what is still to come
            pool.shutdown(cancel_futures=True)


def draw_number(
    number: int, seed: int, pose: str, mixed: bool = False
) -> tuple[bytes, MadeFace, str]:
    """Draw face `number` of the set with this seed."""
    scene, name = scene_number(number, seed, pose)
    if mixed:
        scene = replace(scene, units=mix_units(np.random.default_rng([seed, _MIXED, number])))
    file, face = take_portrait(scene)
    return file, face, name


def scene_number(number: int, seed: int, pose: str) -> tuple[Scene, str]:
    """Choose who face `number` of a set is and what it does: every person shows every emotion."""
    who, turn = divmod(number, FACES_A_PERSON)
    rng = np.random.default_rng([seed, _FACE, number])
    emotion = EMOTIONS[(turn + who) % len(EMOTIONS)]
    return draw_scene(person_number(who, seed), emotion, rng, pose), f"made{seed}-{who:04d}"


@functools.lru_cache(maxsize=64)
def person_number(number: int, seed: int) -> Person:
    """Draw person `number` of a set; ten in a row have the ten tones of the Monk scale."""
    rng = np.random.default_rng([seed, _PERSON, number])
    return draw_person(rng, tone=(number * 7 % 10) + rng.uniform(0, 1))


def collect(drawn: Iterator[tuple[bytes, MadeFace, str]]) -> MadeSet:
    """Gather drawn faces into arrays."""
    files, faces, names = zip(*drawn, strict=True)
    scenes = [face.scene for face in faces]
    subjects = np.array(names)

    def table(rows) -> np.ndarray:
        return np.array(list(rows), np.float32)

    return MadeSet(
        files=np.array(files, object),
        keypoints=table(face.keypoints for face in faces),
        visible=np.array([face.visible for face in faces]),
        box=table(face.box for face in faces),
        action_units=table(np.round(scene.units, 4) for scene in scenes),
        emotions=np.array([EMOTIONS.index(scene.emotion) for scene in scenes]),
        subjects=subjects,
        split=split_people(subjects),
        tone=table(np.round(scene.person["tone"], 3) for scene in scenes),
        pose=table(np.round((s.yaw, s.pitch, s.roll), 3) for s in scenes),
        light=table(np.round((s.azimuth, s.elevation, s.key, s.fill), 3) for s in scenes),
        occluded=np.array([scene.occluded for scene in scenes]),
    )


def split_people(subjects: np.ndarray) -> np.ndarray:
    """Put two of each twenty people in a row into test, two into val and the others into train."""
    number = np.array([int(name.rsplit("-", 1)[1]) for name in subjects.tolist()])
    place = number * 7 % 20
    return np.where(place < 2, "test", np.where(place < 4, "val", "train"))


def save_set(faces: MadeSet, path: Path) -> None:
    """Store a set in one `.npz`, whole or not at all."""
    arrays = {name: getattr(faces, name) for name in _STORED}
    sizes = np.array([len(file) for file in faces.files], np.int32)
    joined = np.frombuffer(b"".join(faces.files), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, jpeg=joined, jpeg_size=sizes, **arrays)


def load_set(path: Path = SHIPPED) -> MadeSet:
    """Read a stored set; the one that ships by default.

    Raises
    ------
    ValueError
        If the file is damaged or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("jpeg", "jpeg_size", *_STORED)}
    except FileNotFoundError:
        raise
    except (*ARCHIVE_PROBLEMS, KeyError) as problem:
        raise ValueError(
            f"{path} is no set of made faces, or damaged ({problem}); write it again with "
            "python -m helpers data make."
        ) from None
    joined, ends = arrays.pop("jpeg"), np.cumsum(arrays.pop("jpeg_size"))
    files = np.empty(len(ends), object)
    files[:] = [part.tobytes() for part in np.split(joined, ends[:-1])]
    return MadeSet(files, **arrays)
