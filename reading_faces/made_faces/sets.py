"""Sets of made faces: drawn from one seed on several processes, as arrays to be stored.

Face `i` of a set and person `j` have a source of chance of their own, `[seed, kind, number]`, so a
larger set begins with the smaller one, and it does not matter which process draws which face.
"""

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import joblib
import numpy as np

from reading_faces.made_faces.expression import EMOTIONS, mix_units
from reading_faces.made_faces.people import Person, draw_person
from reading_faces.made_faces.scenes import MadeFace, draw_scene, take_portrait

VERSION = 4  # raise this when faces change, so that no stored set or album of former ones is taken
FACES_A_PERSON = 20
_PERSON, _FACE, _MIXED = 0, 1, 6


def draw_set(
    n: int, seed: int = 0, pose: str = "wide", processes: int | None = None, mixed: bool = False
) -> Iterator[tuple[bytes, MadeFace, str]]:
    """Draw `n` faces one by one: grey file, face with labels, and the person's name.

    Parameters
    ----------
    pose : one of `scenes.POSES`.
    processes : how many draw at a time; one for each processor by default.
    mixed : with action units in any combination (`mix_units`); `emotions` then mean nothing.
    """
    job = functools.partial(draw_number, seed=seed, pose=pose, mixed=mixed)
    yield from draw_all(job, n, processes)


def draw_all(job: Callable, n: int, processes: int | None = None) -> Iterator:
    """Yield `job(0)`, `job(1)`, … in order; several processes work on them if there are many.

    They start when the first result is asked for. Each is a new Python that imports `job` and not
    the caller's script: a script needs no `if __name__ == "__main__"` to draw.
    """
    processes = processes or os.cpu_count() or 1
    if processes == 1 or n < 64:
        yield from map(job, range(n))
        return
    pool = joblib.Parallel(processes, return_as="generator", batch_size=8)
    yield from pool(joblib.delayed(draw_alone)(job, number) for number in range(n))


def draw_alone(job: Callable, number: int):
    """Return `job(number)`, done by one thread, as other processes keep other processors busy."""
    cv2.setNumThreads(1)
    return job(number)


def draw_number(
    number: int, seed: int, pose: str, mixed: bool = False
) -> tuple[bytes, MadeFace, str]:
    """Draw face `number` of the set with this seed; every person shows every emotion."""
    who, turn = divmod(number, FACES_A_PERSON)
    rng = np.random.default_rng([seed, _FACE, number])
    emotion = EMOTIONS[(turn + who) % len(EMOTIONS)]
    scene = draw_scene(person_number(who, seed), emotion, rng, pose)
    if mixed:
        scene = replace(scene, units=mix_units(np.random.default_rng([seed, _MIXED, number])))
    file, face = take_portrait(scene)
    return file, face, f"made{seed}-{who:04d}"


@functools.lru_cache(maxsize=64)
def person_number(number: int, seed: int) -> Person:
    """Draw person `number` of a set."""
    rng = np.random.default_rng([seed, _PERSON, number])
    return draw_person(rng, tone=tone_of(number) + rng.uniform(0, 1))


def tone_of(number):
    """Return the skin tone of person `number`, 0 to 9 on the Monk scale; ten in a row have all."""
    return number * 7 % 10


def collect(drawn: Iterator[tuple[bytes, MadeFace, str]]) -> dict[str, np.ndarray]:
    """Gather drawn faces into the arrays of a set, as `data/made_faces.npz` stores them.

    These are `jpeg` and `jpeg_size`, the files of all pictures in a row and the bytes of each; and
    of each face `keypoints (n, 15, 2)`, `visible (n, 15)`, `box (n, 4)`, `emotions (n,)` as
    positions in `EMOTIONS`, `action_units (n, 18, 2)`, `subjects`, `split`, `tone`,
    `pose (n, 3)`, `light (n, 4)` and `occluded`.
    """
    files, faces, names = zip(*drawn, strict=True)
    scenes = [face.scene for face in faces]
    subjects = np.array(names)

    def table(rows) -> np.ndarray:
        return np.array(list(rows), np.float32)

    return {
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
        "jpeg_size": np.array([len(file) for file in files], np.int32),
        "keypoints": table(face.keypoints for face in faces),
        "visible": np.array([face.visible for face in faces]),
        "box": table(face.box for face in faces),
        "action_units": table(np.round(scene.units, 4) for scene in scenes),
        "emotions": np.array([EMOTIONS.index(scene.emotion) for scene in scenes]),
        "subjects": subjects,
        "split": split_people(subjects),
        "tone": table(np.round(scene.person["tone"], 3) for scene in scenes),
        "pose": table(np.round((s.yaw, s.pitch, s.roll), 3) for s in scenes),
        "light": table(np.round((s.azimuth, s.elevation, s.key, s.fill), 3) for s in scenes),
        "occluded": np.array([scene.occluded for scene in scenes]),
    }


def split_people(subjects: np.ndarray) -> np.ndarray:
    """Put two of each twenty people in a row into test, two into val and the others into train."""
    number = np.array([int(name.rsplit("-", 1)[1]) for name in subjects.tolist()])
    place = number * 7 % 20
    return np.where(place < 2, "test", np.where(place < 4, "val", "train"))
