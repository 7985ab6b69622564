"""Checkers of lesson 4: prototypes, subjects, padding, focal loss, and thresholds."""

from collections.abc import Callable, Iterator

import numpy as np

from reading_faces.exercises.verdict import NOTHING, Verdict, judge, known_mistakes, wrong_form


def nearest_prototype(answer: Callable[[set, dict], str]) -> Verdict:
    """Check a function that names the emotion whose prototype shares most units with a face."""
    prototypes = {
        "surprise": {1, 2, 5, 26},
        "fear": {1, 2, 4, 5, 20, 25, 26},
        "happy": {6, 12},
        "sad": {1, 4, 15},
    }
    cases = [
        ({6, 12}, "happy", "Units 6 and 12 are the prototype of happy itself."),
        (
            {1, 2, 5, 26},
            "surprise",
            "Units 1, 2, 5, 26 are surprise itself; fear has them too, and three more. Divide by "
            "how many units the two have together.",
        ),
        (
            {1, 2, 4, 26},
            "surprise",
            "Units 1, 2, 4, 26 share four units with fear and three with surprise; but with fear "
            "they have seven units together, with surprise five. Divide.",
        ),
        (
            {6, 12, 25},
            "happy",
            "Units 6, 12, 25: nobody's prototype exactly, and most like happy's. The nearest one "
            "wins, even if it is not equal.",
        ),
        (
            {1, 2, 4, 5, 20},
            "fear",
            "Units 1, 2, 4, 5, 20 lack two of fear's, and are still nearest to it: 5 of 7 units "
            "are in both.",
        ),
        (
            {1, 15, 17, 24, 43},
            "sad",
            "Units 1, 15, 17, 24, 43 share two units with sad and less with the others.",
        ),
    ]

    def problems() -> Iterator[str]:
        for units, right, hint in cases:
            result = answer(set(units), {name: set(found) for name, found in prototypes.items()})
            if result is None or result is ...:
                yield NOTHING
            elif not isinstance(result, str) or result not in prototypes:
                yield f"Give back the name of an emotion, not {result!r}."
            elif result != right:
                yield f"You say {result}. {hint}"

    return judge(problems, "Right: what both have, over what at least one of them has.")


def split_subjects(answer: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]):
    """Check a function that puts a share of the subjects, with all their pictures, into test."""
    # Twenty people, some with many pictures, not in order.
    subjects = np.repeat([f"S{n:03d}" for n in range(20)], [3, 9, 5, 1] * 5)
    subjects = np.random.default_rng(0).permutation(subjects)

    def people(rows: np.ndarray) -> set:
        return set(subjects[rows].tolist())

    def problems() -> Iterator[str]:
        chosen = []
        for seed in range(3):
            result = answer(subjects.copy(), 0.25, np.random.default_rng(seed))
            if result is None or result is ...:
                yield NOTHING
                return
            result = np.asarray(result)
            if result.shape != subjects.shape or result.dtype != bool:
                yield (
                    "Give back True (test) or False (training) for each picture: "
                    f"{len(subjects)} of them, not {result.dtype} of shape {result.shape}."
                )
            both = sorted(people(result) & people(~result))
            if both:
                yield f"{both[0]} is on both sides; draw people, not pictures."
            if not result.any():
                yield "Nobody is in test."
            if len(people(result)) != 5:
                yield f"A quarter of 20 people is 5; you put {len(people(result))} into test."
            chosen.append(frozenset(people(result)))
        if len(set(chosen)) == 1:
            yield "The same people at every draw: let `rng` choose them."
        again = answer(subjects.copy(), 0.25, np.random.default_rng(0))
        if people(np.asarray(again)) != chosen[0]:
            yield "With the same `rng`, the same people should be drawn; use no other chance."

    return judge(problems, "Right: nobody is in both sets.")


def pad_and_crop(answer: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]) -> Verdict:
    """Check a function that pads a picture with zeros and cuts it back at a random place."""
    image = np.arange(1, 31, dtype=np.uint8).reshape(5, 6)

    def places(result: np.ndarray) -> list[tuple[int, int]]:
        """Return each (down, right) at which the crop of the padded picture may have been cut."""
        padded = np.pad(image, 2)
        return [
            (down, right)
            for down in range(5)
            for right in range(5)
            if np.array_equal(padded[down : down + 5, right : right + 6], result)
        ]

    def problems() -> Iterator[str]:
        seen = set()
        for seed in range(60):
            given = image.copy()
            result = answer(given, 2, np.random.default_rng(seed))
            yield from wrong_form(result, given, image)
            where = places(np.asarray(result))
            if not where:
                yield (
                    "This is not a piece of the picture with 2 rows and columns of zeros around "
                    "it: do not wrap, stretch or repeat the edge."
                )
                return
            seen.add(where[0])
        down, right = ({place[axis] for place in seen} for axis in (0, 1))
        if len(seen) == 1:
            yield "The picture moves in the same way every time; let `rng` choose the place."
        elif len(down) == 1 or len(right) == 1:
            yield "It moves along one axis only; draw a place down and a place across."
        elif all(one == other for one, other in seen):
            yield "It moves on a diagonal only; draw the two places one by one."
        elif max(down) < 4 or max(right) < 4:
            yield (
                "The largest place is 2 · pad, which shows the far corner; `rng.integers(0, n)` "
                "stops at n - 1."
            )

    return judge(problems, "Right: moved by up to two pixels each way, and as large as before.")


def focal_loss(answer: Callable[[np.ndarray, np.ndarray, float], float]) -> Verdict:
    """Check a function that gives the mean focal loss of some units."""
    true = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    p = np.array([[0.8, 0.3, 0.1], [0.6, 0.4, 0.05]])
    of_truth = np.where(true == 1, p, 1 - p)
    entropy = -np.log(of_truth)
    right = ((1 - of_truth) ** 2 * entropy).mean()

    def problems() -> Iterator[str]:
        result = answer(true.copy(), p.copy(), 2.0)
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) != ():
            yield f"One number, the mean over faces and units, not shape {np.shape(result)}."
        yield from known_mistakes(
            result,
            {
                "That is plain cross-entropy; weigh each term by (1 - p of the truth)^gamma.": (
                    entropy.mean()
                ),
                "The sign is wrong: a loss is positive, and log of a probability is not.": -right,
                "That is the sum; take the mean over faces and units.": right * true.size,
                "The weight is the other way round: what is sure already should count less.": (
                    of_truth**2 * entropy
                ).mean(),
                "The weight needs the probability of the truth: 1 - p where a unit is absent.": (
                    (1 - p) ** 2 * entropy
                ).mean(),
                "Only the units that are there count here; absent ones do too, with 1 - p.": (
                    true * (1 - p) ** 2 * entropy
                ).mean(),
                "gamma is an exponent, not a factor.": (2 * (1 - of_truth) * entropy).mean(),
            },
        )
        if not np.allclose(result, right):
            yield f"You got {result:.4f}; it should be {right:.4f}."
        if not np.allclose(answer(true.copy(), p.copy(), 0.0), entropy.mean()):
            yield "Right for gamma 2; with gamma 0 it should be plain cross-entropy."

    return judge(problems, "Right: what the network is sure of already counts little.")


def best_threshold(answer: Callable[[np.ndarray, np.ndarray], float]) -> Verdict:
    """Check a function that finds the probability from which on F1 is highest."""
    p = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6])
    true = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 1])

    def f1(threshold: float, true=true, p=p) -> float:
        called = p >= threshold
        return 2 * (true * called).sum() / max(true.sum() + called.sum(), 1)

    def problems() -> Iterator[str]:
        result = answer(true.copy(), p.copy())
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) != ():
            yield f"Give back one number, not something of shape {np.shape(result)}."
        best = max(f1(threshold) for threshold in p)
        if not np.isclose(f1(result), best):
            if np.isclose(result, best):
                yield "That is the best F1; give back the threshold that reaches it."
            if np.isclose(result, 0.5):
                yield "0.5 is where nobody looked: of a rare unit the network is never that sure."
            if np.isclose(result, np.argmax([f1(threshold) for threshold in p])):
                yield "That is the position of the best threshold, not the threshold."
            if np.isclose(result, max(p, key=lambda t: f1(np.nextafter(t, 1)))):
                yield "A unit is present from the threshold on: compare with >=, not with >."
            accuracy = [((p >= t) == true).mean() for t in p]
            if np.isclose(result, p[np.argmax(accuracy)]):
                yield "That one has the best accuracy; a rare unit needs F1."
            yield f"With your {result:.2f}, F1 is {f1(result):.2f}; {best:.2f} can be reached."
        other, shifted = 1 - true, 1 - p
        least = answer(other.copy(), shifted.copy())
        reached = f1(least, other, shifted)
        if not np.isclose(reached, max(f1(t, other, shifted) for t in shifted)):
            yield "Right once, but not for a frequent unit with other probabilities."

    return judge(problems, "Right: the threshold follows from the unit, not from habit.")
