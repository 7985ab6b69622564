"""Checkers of lesson 5: the unit sphere, triplets, names or nobody, and the equal error rate."""

from collections.abc import Callable, Iterator

import numpy as np

from reading_faces.exercises.verdict import NOTHING, Verdict, judge, known_mistakes, wrong_form


def unit_sphere(answer: Callable[[np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that scales each embedding `(n, d)` to length 1."""
    embeddings = np.array([[3.0, 4.0, 0.0], [0.2, -0.1, 0.2], [-5.0, 0.0, 12.0], [1.0, 1.0, 2.0]])
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)

    def problems() -> Iterator[str]:
        given = embeddings.copy()
        result = answer(given)
        yield from wrong_form(result, given, embeddings)
        columns = np.linalg.norm(embeddings, axis=0, keepdims=True)
        centred = embeddings - embeddings.mean(axis=1, keepdims=True)
        yield from known_mistakes(
            result,
            {
                "Each column has length 1 now; each row, which is a face, should.": (
                    embeddings / columns
                ),
                "You divided by the squared length; take its root first.": embeddings / lengths**2,
                "The sum of the sizes is 1 now; the root of the sum of squares should be.": (
                    embeddings / np.abs(embeddings).sum(axis=1, keepdims=True)
                ),
                "All faces were divided by one number; each has a length of its own.": (
                    embeddings / np.linalg.norm(embeddings)
                ),
                "That is standardising; subtract nothing.": (
                    centred / embeddings.std(axis=1, keepdims=True)
                ),
                "Nothing has changed.": embeddings,
            },
        )
        if not np.allclose(result, embeddings / lengths):
            found = np.linalg.norm(np.asarray(result, float), axis=1).round(2)
            yield f"The rows should have length 1 and their old direction; yours are {found} long."

    return judge(problems, "Right: only the direction is left.")


def triplet_loss(
    answer: Callable[[np.ndarray, np.ndarray, np.ndarray, float], float],
) -> Verdict:
    """Check a function that gives the mean triplet loss of `(n, d)` embeddings."""
    rng = np.random.default_rng(3)
    # Five of these triplets are right by more than the margin, three are wrong.
    anchor = unit(rng.normal(size=(8, 4)))
    positive, negative = (unit(anchor + away * rng.normal(size=(8, 4))) for away in (0.7, 0.9))
    margin = 0.2

    def squared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return ((one - other) ** 2).sum(axis=1)

    near, far = squared(anchor, positive), squared(anchor, negative)
    terms = np.maximum(near - far + margin, 0)

    def problems() -> Iterator[str]:
        result = answer(anchor.copy(), positive.copy(), negative.copy(), margin)
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) != ():
            yield f"One number, the mean over triplets, not shape {np.shape(result)}."
        yield from known_mistakes(
            result,
            {
                "A triplet that is right already pulls the loss below 0; stop each at 0.": (
                    (near - far + margin).mean()
                ),
                "0 is the least of each triplet, not of their mean.": (
                    max((near - far + margin).mean(), 0)
                ),
                "Positive and negative have changed places.": (
                    np.maximum(far - near + margin, 0).mean()
                ),
                "The margin is missing.": np.maximum(near - far, 0).mean(),
                "The margin has the wrong sign: it is added.": (
                    np.maximum(near - far - margin, 0).mean()
                ),
                "That is the sum; take the mean over triplets.": terms.sum(),
                "Take squared distances: leave out the root.": (
                    np.maximum(np.sqrt(near) - np.sqrt(far) + margin, 0).mean()
                ),
                "Add the squares up over a face's numbers; you took their mean.": (
                    np.maximum((near - far) / 4 + margin, 0).mean()
                ),
            },
        )
        if not np.allclose(result, terms.mean()):
            yield f"You got {float(result):.4f}; it should be {terms.mean():.4f}."

    return judge(problems, "Right: only triplets that are not yet far enough apart count.")


def semi_hard(answer: Callable[[float, np.ndarray, np.ndarray, float], int]) -> Verdict:
    """Check a function that picks a semi-hard negative for one anchor, or -1.

    It is given the distance to the positive, the distances `(n,)` to all pictures, whether each
    shows another person `(n,) bool`, and the margin.
    """
    distances = np.array([0.45, 0.9, 0.2, 0.62, 0.7, 0.55, 0.5, 0.66])
    other = np.array([False, True, True, True, True, False, False, True])

    def problems() -> Iterator[str]:
        result = answer(0.5, distances.copy(), other.copy(), 0.3)
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) != ():
            yield f"Give back one position, not shape {np.shape(result)}."
        yield from known_mistakes(
            result,
            {
                "That one is nearer than the positive: hard, not semi-hard.": 2,
                "That one is of the same person; look at `is_other`.": 5,
                "That is its place among the other people only; count among all pictures.": 2 - 1,
                "That is the farthest within the margin; take the nearest.": 4,
                "That is the distance; give back the position.": 0.62,
                "There is one here: farther than the positive, by less than the margin.": -1,
            },
        )
        if result != 3:
            yield f"You picked picture {result}; the nearest of 0.62, 0.66 and 0.7 is picture 3."
        if answer(0.5, distances.copy(), other.copy(), 0.1) != -1:
            yield "With a margin of 0.1 there is none: 0.62 is 0.12 farther. Give back -1 then."
        if answer(0.63, distances.copy(), other.copy(), 0.3) != 7:
            yield "Right for one anchor; with its positive at 0.63 it is picture 7."

    return judge(problems, "Right: hard enough to learn from, not so hard that all collapses.")


def name_or_nobody(answer: Callable[[np.ndarray, list, float], list]) -> Verdict:
    """Check a function that names faces by similarities `(n, people)`, or says "unknown"."""
    names = ["ann", "bob", "cleo"]
    similar = np.array([[0.9, 0.2, 0.1], [0.3, 0.35, 0.2], [0.1, 0.6, 0.75], [0.55, 0.8, 0.5]])
    right = ["ann", "unknown", "cleo", "bob"]

    def problems() -> Iterator[str]:
        result = answer(similar.copy(), list(names), 0.5)
        if result is None or result is ...:
            yield NOTHING
            return
        result = [str(name) for name in np.ravel(result)]
        if len(result) != 4:
            yield f"One answer a face: 4 of them, not {len(result)}. Rows are faces."
        if set(result) - {*names, "unknown"}:
            yield f"Answer with names or 'unknown', not {sorted(set(result) - {*names})[0]!r}."
        if result == ["ann", "bob", "cleo", "bob"]:
            yield "The second face is like nobody, and you name it all the same."
        if result == ["unknown", "bob", "unknown", "unknown"]:
            yield "The other way round: it is unknown *below* the threshold."
        smallest = [names[row.argmin()] for row in similar]
        if all(name in (least, "unknown") for name, least in zip(result, smallest, strict=True)):
            yield "You take the person who is least alike; similarity is higher for nearer faces."
        if result != right:
            yield f"You say {', '.join(result)}; it should be {', '.join(right)}."
        strict = [str(name) for name in np.ravel(answer(similar.copy(), list(names), 0.85))]
        if strict != ["ann", "unknown", "unknown", "unknown"]:
            yield "Right at 0.5; at a threshold of 0.85 only the first face is known."
        if [str(name) for name in np.ravel(answer(similar.copy(), list(names), 0.75))] != right:
            yield "Unknown is who is *below* the threshold; at 0.75 the face of just 0.75 is known."

    return judge(problems, "Right: the nearest, if it is near enough.")


def equal_error_rate(answer: Callable[[np.ndarray, np.ndarray], float]) -> Verdict:
    """Check a function that finds the rate at which both errors are alike.

    It is given similarities of pairs of one person and of pairs of two.
    """
    rng = np.random.default_rng(1)
    same, different = rng.normal(0.6, 0.2, 40).round(3), rng.normal(0.1, 0.25, 100).round(3)
    thresholds = np.concatenate([same, different])

    def rates(threshold: float) -> tuple[float, float]:
        return float((different >= threshold).mean()), float((same < threshold).mean())

    both = np.array([rates(threshold) for threshold in thresholds])
    best = np.abs(both[:, 0] - both[:, 1]).argmin()
    right = both[best].mean()

    def problems() -> Iterator[str]:
        result = answer(same.copy(), different.copy())
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) != ():
            yield f"Give back one number, not something of shape {np.shape(result)}."
        halfway = np.array(rates(0.5))
        yield from known_mistakes(
            result,
            {
                "That is the threshold; give back the rate of errors at it.": thresholds[best],
                "That is the difference of the two rates; give back the rates themselves.": (
                    np.abs(both[:, 0] - both[:, 1]).min()
                ),
                "That is at a threshold of 0.5; look for the one where both rates are alike.": (
                    halfway.mean()
                ),
                "That is the lowest sum of both rates; they need not be alike there.": (
                    both.sum(axis=1).min()
                ),
                "That is one less the rate: the share that is right.": 1 - right,
            },
        )
        if not np.isclose(result, right, atol=0.006):
            yield f"You got {float(result):.3f}; both rates are about {right:.3f} at one threshold."
        if not np.isclose(answer(same + 5, different), 0, atol=1e-6):
            yield "Right once; where all pairs are told apart it should be 0."

    return judge(problems, "Right: as many strangers let in as friends turned away, in shares.")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
