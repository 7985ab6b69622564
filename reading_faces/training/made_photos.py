"""Made faces as `realism` needs them: whole colour photos, or just where the points lie.

Processes that draw import this module, so it imports the renderer and nothing else.
"""

from dataclasses import replace

import numpy as np

from reading_faces.made_faces import EMOTIONS, draw_scene, person_number
from reading_faces.made_faces.scenes import MadeFace, Scene, portrait, take_photo

SEED = 20  # no set that is trained on has it


def draw_photo(number: int, pose: str) -> tuple[np.ndarray, MadeFace]:
    """Draw a colour photo of 160 to 250 pixels: a head, nothing before it, and what is behind."""
    scene, rng = new_scene(number, pose)
    scene = replace(scene, occluded=False)
    side = int(rng.integers(160, 250 + 1))
    place = *(side * rng.uniform([0.42, 0.36], [0.58, 0.48])), side * rng.uniform(1 / 190, 1 / 130)
    photo, faces = take_photo([scene], [place], (side, side), scene.camera, number)
    return photo, faces[0]


def draw_labels(number: int) -> np.ndarray:
    """Return the keypoints `(15, 2)` of a face that is turned as Kaggle's are."""
    return portrait(new_scene(number, "kaggle")[0])[1].keypoints


def new_scene(number: int, pose: str) -> tuple[Scene, np.random.Generator]:
    """Choose the person and emotion of a number; return the scene, and chance for all the rest."""
    rng = np.random.default_rng([SEED, number])
    person = person_number(number, SEED)
    emotion = EMOTIONS[number % len(EMOTIONS)]
    return draw_scene(person, emotion, rng, pose), rng
