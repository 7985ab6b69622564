"""Checkers of lesson 5: prototypes, subjects, padding, focal loss, and thresholds."""

from collections.abc import Callable, Iterator

import numpy as np

from reading_faces.exercises.verdict import as_array, checker, compare

__all__ = ["best_threshold", "focal_loss", "nearest_prototype", "pad_and_crop", "split_subjects"]


@checker("Right: what both have, over what at least one of them has.")
def nearest_prototype(answer: Callable[[set, dict], str]) -> Iterator[str]:
    """Check a function that names the emotion whose prototype shares most units with a face."""
    prototypes = {
        "surprise": {1, 2, 5, 26},
        "fear": {1, 2, 4, 5, 20, 25, 26},
        "happy": {6, 12},
        "sad": {1, 4, 15},
    }
    cases = [
        ({6, 12}, "happy"),
        ({1, 2, 5, 26}, "surprise"),  # all of them are fear's as well
        ({1, 2, 4, 26}, "surprise"),  # has more in common with fear
        ({6, 12, 25}, "happy"),
        ({1, 2, 4, 5, 20}, "fear"),  # all but one are half of surprise's
        ({1, 15, 17, 24, 43}, "sad"),
    ]

    def shared(units: set, emotion: str) -> str:
        both, either = units & prototypes[emotion], units | prototypes[emotion]
        return f"{len(both)} of {len(either)}"

    for units, right in cases:
        result = answer(units, prototypes)
        if not isinstance(result, str) or result not in prototypes:
            yield f"Give back the name of an emotion, not {result!r}; the nearest one wins."
        elif result != right:
            yield (
                f"You say {result} for units {sorted(units)}, but of all units of the two "
                f"they share {shared(units, result)}, with {right} {shared(units, right)}. "
                "Divide what both have by what at least one of them has."
            )


@checker("Right: nobody is in both sets.")
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
            form = f"True (test) or False (training) for each picture: {len(subjects)} of them"
            yield f"Give back {form}, not {result.dtype} of shape {result.shape}."
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


@checker("Right: moved by up to two pixels each way, and as large as before.")
def pad_and_crop(answer: Callable) -> Iterator[str]:
    """Check a function `(image, pad, rng)` that pads with zeros and cuts at a random place."""
    image = np.arange(1, 31, dtype=np.uint8).reshape(5, 6)
    padded = np.pad(image, 2)
    places = {padded[y : y + 5, x : x + 6].tobytes(): (y, x) for y in range(5) for x in range(5)}
    seen = set()
    for seed in range(60):
        result = as_array(answer(image, 2, np.random.default_rng(seed)), image.shape)
        place = places.get(result.astype(np.uint8).tobytes())
        if place is None:
            piece = "a piece of the picture with 2 rows and columns of zeros around it"
            yield f"This is not {piece}: do not wrap, stretch or repeat the edge."
        seen.add(place)
    down, right = ({place[axis] for place in seen} for axis in (0, 1))
    if len(seen) == 1:
        yield "The picture moves in the same way every time; let `rng` choose the place."
    elif len(down) == 1 or len(right) == 1:
        yield "It moves along one axis only; draw a place down and a place across."
    elif all(one == other for one, other in seen):
        yield "It moves on a diagonal only; draw the two places one by one."
    elif max(down) < 4 or max(right) < 4:
        yield "The largest place is 2 · pad, the far corner; `rng.integers(0, n)` stops at n - 1."


@checker("Right: what the network is sure of already counts little.")
def focal_loss(answer: Callable[[np.ndarray, np.ndarray, float], float]) -> Iterator[str]:
    """Check a function that gives the mean focal loss of some units."""
    true = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    p = np.array([[0.8, 0.3, 0.1], [0.6, 0.4, 0.05]])
    of_truth = np.where(true == 1, p, 1 - p)

    def loss(weight: np.ndarray | float) -> float:
        return np.mean(weight * -np.log(of_truth))

    right, other_way = loss((1 - of_truth) ** 2), loss(of_truth**2)
    of_presence, present_only = loss((1 - p) ** 2), loss(true * (1 - p) ** 2)
    mistakes = {
        "That is plain cross-entropy; weigh each term by (1 - p of the truth)^gamma.": loss(1),
        "The sign is wrong: a loss is positive, and log of a probability is not.": -right,
        "That is the sum; take the mean over faces and units.": right * true.size,
        "The weight is the other way round: what is sure already should count less.": other_way,
        "The weight needs the probability of the truth: 1 - p where a unit is absent.": of_presence,
        "Only the units that are there count here; absent ones do too, with 1 - p.": present_only,
        "gamma is an exponent, not a factor.": loss(2 * (1 - of_truth)),
    }

    form = "One number, the mean over faces and units"
    yield from compare(answer(true, p, 2.0), right, mistakes, form=form)
    if not np.allclose(answer(true, p, 0.0), loss(1)):
        yield "Right for gamma 2; with gamma 0 it should be plain cross-entropy."


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
        "0.5 is where nobody looked: of a rare unit the network is never that sure.": 0.5,
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
