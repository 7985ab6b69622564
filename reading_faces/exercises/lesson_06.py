"""Checkers of lesson 6: the unit sphere, triplets, names or nobody, and the equal error rate."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import zscore
from sklearn.preprocessing import normalize

from reading_faces.exercises.verdict import as_array, checker, compare

__all__ = ["equal_error_rate", "name_or_nobody", "semi_hard", "triplet_loss", "unit_sphere"]


@checker("Right: only the direction is left.")
def unit_sphere(answer: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that scales each embedding `(n, d)` to length 1."""
    embeddings = np.array([[3.0, 4.0, 0.0], [0.2, -0.1, 0.2], [-5.0, 0.0, 12.0], [1.0, 1.0, 2.0]])
    lengths, size = np.linalg.norm(embeddings, axis=1, keepdims=True), np.linalg.norm(embeddings)
    by_sum, by_column = normalize(embeddings, "l1"), normalize(embeddings, axis=0)
    mistakes = {
        "Each column has length 1 now; each row, which is a face, should.": by_column,
        "You divided by the squared length; take its root first.": embeddings / lengths**2,
        "The sum of the sizes is 1 now; the root of the sum of squares should be.": by_sum,
        "All faces were divided by one number; each has a length of its own.": embeddings / size,
        "That is standardising; subtract nothing.": zscore(embeddings, axis=1),
        "Nothing has changed.": embeddings,
    }

    yield from compare(answer(embeddings), embeddings / lengths, mistakes)


@checker("Right: only triplets that are not yet far enough apart count.")
def triplet_loss(answer: Callable) -> Iterator[str]:
    """Check a function `(anchor, positive, negative, margin)`: the mean loss of triplets."""
    rng = np.random.default_rng(3)
    # Five of these triplets are right by more than the margin, three are wrong.
    anchor = normalize(rng.normal(size=(8, 4)))
    positive, negative = (normalize(anchor + far * rng.normal(size=(8, 4))) for far in (0.7, 0.9))
    margin = 0.2

    def loss(terms: np.ndarray) -> float:
        return np.maximum(terms, 0).mean()

    near, far = (((anchor - other) ** 2).sum(axis=1) for other in (positive, negative))
    terms, of_means = near - far + margin, loss((near - far) / 4 + margin)
    mistakes = {
        "A triplet that is right already pulls the loss below 0; stop each at 0.": terms.mean(),
        "0 is the least of each triplet, not of their mean.": max(terms.mean(), 0),
        "Positive and negative have changed places.": loss(far - near + margin),
        "The margin is missing.": loss(near - far),
        "The margin has the wrong sign: it is added.": loss(near - far - margin),
        "That is the sum; take the mean over triplets.": loss(terms) * len(terms),
        "Take squared distances: leave out the root.": loss(near**0.5 - far**0.5 + margin),
        "Add the squares up over a face's numbers; you took their mean.": of_means,
    }

    form = "One number, the mean over triplets"
    yield from compare(answer(anchor, positive, negative, margin), loss(terms), mistakes, form=form)


@checker("Right: hard enough to learn from, not so hard that all collapses.")
def semi_hard(answer: Callable[[float, np.ndarray, np.ndarray, float], int]) -> Iterator[str]:
    """Check a function that picks a semi-hard negative for one anchor, or -1.

    It is given the distance to the positive, the distances `(n,)` to all pictures, whether each
    shows another person `(n,) bool`, and the margin.
    """
    distances = np.array([0.45, 0.9, 0.2, 0.62, 0.7, 0.55, 0.5, 0.66])
    other = np.array([False, True, True, True, True, False, False, True])
    mistakes = {
        "That one is nearer than the positive: hard, not semi-hard.": 2,
        "That one is of the same person; look at `is_other`.": 5,
        "That is its place among the other people only; count among all pictures.": 2 - 1,
        "That is the farthest within the margin; take the nearest.": 4,
        "That is the distance; give back the position.": 0.62,
        "There is one here: farther than the positive, by less than the margin.": -1,
    }

    result = as_array(answer(0.5, distances, other, 0.3), (), "Give back one position")
    chosen = f"You picked picture {result}; the nearest of 0.62, 0.66 and 0.7 is picture 3."
    yield from compare(result, 3, mistakes, chosen)
    if answer(0.5, distances, other, 0.1) != -1:
        yield "With a margin of 0.1 there is none: 0.62 is 0.12 farther. Give back -1 then."
    if answer(0.63, distances, other, 0.3) != 7:
        yield "Right for one anchor; with its positive at 0.63 it is picture 7."


@checker("Right: the nearest, if it is near enough.")
def name_or_nobody(answer: Callable[[np.ndarray, list, float], list]) -> Iterator[str]:
    """Check a function that names faces by similarities `(n, people)`, or says "unknown"."""
    names = ["ann", "bob", "cleo"]
    similar = np.array([[0.9, 0.2, 0.1], [0.3, 0.35, 0.2], [0.1, 0.6, 0.75], [0.55, 0.8, 0.5]])
    right = ["ann", "unknown", "cleo", "bob"]
    everyone, turned_round = ["ann", "bob", "cleo", "bob"], ["unknown", "bob", "unknown", "unknown"]
    mistakes = {
        "The second face is like nobody, and you name it all the same.": everyone,
        "The other way round: it is unknown *below* the threshold.": turned_round,
    }

    def at(threshold: float) -> list[str]:
        form = "One answer a face, 4 of them: rows are faces"
        return as_array(answer(similar, names, threshold), (4,), form).astype(str).tolist()

    said = at(0.5)
    if set(said) - {*names, "unknown"}:
        yield f"Answer with names or 'unknown', not {sorted(set(said) - {*names})[0]!r}."
    other = f"You say {', '.join(said)}; it should be {', '.join(right)}."
    smallest = [names[row.argmin()] for row in similar]
    if all(name in (least, "unknown") for name, least in zip(said, smallest, strict=True)):
        other = "You take the person least alike; similarity is higher for nearer faces."
    yield from compare(said, right, mistakes, other)
    if at(0.85) != ["ann", "unknown", "unknown", "unknown"]:
        yield "Right at 0.5; at a threshold of 0.85 only the first face is known."
    if at(0.75) != right:
        yield "Unknown is who is *below* the threshold; at 0.75 the face of just 0.75 is known."


@checker("Right: as many strangers let in as friends turned away, in shares.")
def equal_error_rate(answer: Callable[[np.ndarray, np.ndarray], float]) -> Iterator[str]:
    """Check a function that finds the rate at which both errors are alike.

    It is given similarities of pairs of one person and of pairs of two.
    """
    rng = np.random.default_rng(1)
    same, different = rng.normal(0.6, 0.2, 40).round(3), rng.normal(0.1, 0.25, 100).round(3)
    thresholds = np.concatenate([same, different])[:, np.newaxis]
    accepted, rejected = (different >= thresholds).mean(axis=1), (same < thresholds).mean(axis=1)
    at_half = ((different >= 0.5).mean() + (same < 0.5).mean()) / 2
    total, apart = accepted + rejected, np.abs(accepted - rejected)
    right, at = total[apart.argmin()] / 2, thresholds[apart.argmin(), 0]
    mistakes = {
        "That is the threshold; give back the rate of errors at it.": at,
        "That is the difference of the two rates; give back the rates themselves.": apart.min(),
        "That is at a threshold of 0.5; find the one where both rates are alike.": at_half,
        "That is the lowest sum of both rates; they need not be alike there.": total.min(),
        "That is one less the rate: the share that is right.": 1 - right,
    }

    form, atol = "Give back one number", 0.006  # rates may be interpolated
    yield from compare(answer(same, different), right, mistakes, atol=atol, form=form)
    if not np.isclose(answer(same + 5, different), 0, atol=1e-6):
        yield "Right once; where all pairs are told apart it should be 0."
