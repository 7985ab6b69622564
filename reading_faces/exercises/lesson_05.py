"""Checkers of lesson 5: split by people, moved faces, thresholds, rates, units in any pose."""

import functools
import json
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.metrics import roc_auc_score

from helpers import data
from helpers.settings import SHIPPED
from reading_faces.exercises import verdict
from reading_faces.exercises.verdict import as_array, checker, compare, rates_tried, value_checker

__all__ = ["any_pose", "best_threshold", "fine_rates", "pad_and_crop", "split_subjects"]

# What the challenge asks for, and of which units; the lesson's own network misses it.
AUC, ASKED = 0.88, ("AU1", "AU4", "AU12", "AU25", "AU26")
PRESENT_FROM = 0.2  # a drawn unit, as in the lesson


@checker("Right: no person is in both sets.")
def split_subjects(answer: Callable) -> Iterator[str]:
    """Check a function `(subjects, share, rng)` that puts a share of all people into test."""
    # Twenty people, some with many pictures, not in order.
    subjects = np.repeat([f"S{n:03d}" for n in range(20)], [3, 9, 5, 1] * 5)
    subjects = np.random.default_rng(0).permutation(subjects)

    def people(rows: np.ndarray) -> set:
        return set(subjects[rows].tolist())

    chosen = []
    for seed in (0, 1, 2, 0):
        result = np.asarray(answer(subjects, 0.25, np.random.default_rng(seed)))
        if result.shape != subjects.shape or result.dtype != bool:
            form = f"True (test) or False (training) for each of the {len(subjects)} pictures"
            yield f"Give back {form}: `np.isin(subjects, people)` turns people into that."
        both = sorted(people(result) & people(~result))
        if both:
            yield f"{both[0]} is on both sides; draw people, not pictures."
        if len(people(result)) != 5:
            yield f"A quarter of 20 people is 5; you put {len(people(result))} into test."
        chosen.append(people(result))
    if chosen[0] == chosen[1] == chosen[2]:
        yield "The same people at every draw: let `rng` choose them."
    if chosen[0] != chosen[3]:
        yield "With the same `rng`, the same people should be drawn; use no other chance."


@checker("Right: moved by up to `pad` pixels each way, and as large as before.")
def pad_and_crop(answer: Callable) -> Iterator[str]:
    """Check a function `(image, pad, rng)` that repeats the edge and cuts at a random place."""
    image = np.arange(1, 91, dtype=np.uint8).reshape(5, 6, 3)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    places = {padded[y : y + 5, x : x + 6].tobytes(): (y, x) for y in range(5) for x in range(5)}
    seen = set()
    for seed in range(60):
        result = as_array(answer(image, 2, np.random.default_rng(seed)), image.shape)
        place = places.get(result.astype(np.uint8).tobytes())
        if place is None:
            piece = "a piece of the image with its edge repeated by 2 rows and columns"
            yield f"This is not {piece}: do not wrap, stretch or fill with zeros."
        seen.add(place)
    down, right = ({place[axis] for place in seen} for axis in (0, 1))
    if len(seen) == 1:
        yield "The image moves in the same way every time; let `rng` choose the place."
    elif len(down) == 1 or len(right) == 1:
        yield "It moves along one axis only; draw a place down and a place across."
    elif all(one == other for one, other in seen):
        yield "It moves on a diagonal only; draw the two places one by one."
    elif max(down) < 4 or max(right) < 4:
        yield "The largest place is 2 · pad, the far corner; `rng.integers(0, n)` stops at n - 1."


@checker("Right: the threshold follows from the unit, not from habit.")
def best_threshold(answer: Callable[[np.ndarray, np.ndarray], float]) -> Iterator[str]:
    """Check a function that finds the probability from which on F1 is highest."""
    p = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6])
    true = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 1])

    def f1(threshold: float, true=true, p=p) -> float:
        called = p >= threshold
        return 2 * (true * called).sum() / max(true.sum() + called.sum(), 1)

    reached = [f1(threshold) for threshold in p]
    best = max(reached)
    above = p[np.argmax([f1(np.nextafter(threshold, 1)) for threshold in p])]
    accurate = p[np.argmax([((p >= threshold) == true).mean() for threshold in p])]
    mistakes = {
        "That is the best F1; give back the threshold that reaches it.": best,
        "0.5 is only a habit: try each probability in p as the threshold.": 0.5,
        "That is the position of the best threshold, not the threshold.": np.argmax(reached),
        "A unit is present from the threshold on: compare with >=, not with >.": above,
        "That one has the best accuracy; a rare unit needs F1.": accurate,
    }

    result = as_array(answer(true, p), (), "Give back one number")
    if not np.isclose(f1(result), best):
        other = f"With your {result:.2f}, F1 is {f1(result):.2f}; {best:.2f} can be reached."
        yield from compare(result, p[np.argmax(reached)], mistakes, other)
    other, shifted = 1 - true, 1 - p
    most = max(f1(threshold, other, shifted) for threshold in shifted)
    if not np.isclose(f1(answer(other, shifted), other, shifted), most):
        yield "Right once, but not for a frequent unit with other probabilities."


@value_checker(verdict.lowest("the validation loss"))
def fine_rates(results: dict[float, float]) -> Iterator[str]:
    """Check an experiment: validation losses by learning rate."""
    rates, losses = rates_tried(results, "validation loss", least=4)
    if (losses <= 0).any() or np.isnan(losses).any():
        yield "A validation loss is a number above 0."
    if np.ptp(losses) < 0.01:
        yield "All losses are alike: does each training use its own rate?"
    if losses.argmin() == len(losses) - 1:
        yield "Your largest rate is the best one: go on until the loss grows again."


@value_checker(lambda answer: f"Yes: a mean AUC of {mean_auc(answer):.3f} on faces in any pose.")
def any_pose(answer: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function from faces `(n, 48, 48) uint8` to probabilities of five units `(n, 5)`."""
    if not callable(answer):
        form = "Give a function that takes faces (n, 48, 48) and returns probabilities (n, 5)."
        raise verdict.Wrong(form)
    few = as_array(answer(test_faces()[0][:3]), (3, 5), "For 3 faces give 3 rows of 5 numbers")
    if not np.isfinite(few.astype(float)).all():
        yield "Some of its answers are no numbers."
    if few.min() < 0 or few.max() > 1:
        yield "Probabilities lie between 0 and 1."
    found = mean_auc(answer)
    if found < AUC:
        yield f"Its mean AUC is {found:.3f}; {AUC} is asked."


def mean_auc(answer: Callable) -> float:
    """Return a model's mean AUC over the five units."""
    images, present = test_faces()
    p = as_array(answer(images), present.shape, "For n faces give n rows of 5 numbers")
    return float(np.mean([roc_auc_score(*pair) for pair in zip(present.T, p.T, strict=True)]))


@functools.cache
def test_faces() -> tuple[np.ndarray, np.ndarray]:
    """Return drawn test faces `(n, 48, 48) uint8`, and which of the five units are there."""
    drawn = data.load_set()
    units = json.loads((SHIPPED / "weights" / "action_units.json").read_text())["units"]
    rows, columns = drawn.split == "test", [units.index(name) for name in ASKED]
    present = drawn.action_units[rows].max(axis=2) >= PRESENT_FROM
    return drawn.small_images[rows], present[:, columns].astype(int)
