"""Checkers of lesson 5: the unit sphere, triplets, names or nobody, and the equal error rate."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import zscore

from reading_faces.exercises.verdict import Verdict, compare, judge, mistake_of

__all__ = ["equal_error_rate", "name_or_nobody", "semi_hard", "triplet_loss", "unit_sphere"]


def unit_sphere(answer: Callable[[np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that scales each embedding `(n, d)` to length 1."""
    embeddings = np.array([[3.0, 4.0, 0.0], [0.2, -0.1, 0.2], [-5.0, 0.0, 12.0], [1.0, 1.0, 2.0]])
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    columns, size = np.linalg.norm(embeddings, axis=0), np.linalg.norm(embeddings)
    sums = np.abs(embeddings).sum(axis=1, keepdims=True)
    mistakes = {
        "Each column has length 1 now; each row, which is a face, should.": embeddings / columns,
        "You divided by the squared length; take its root first.": embeddings / lengths**2,
        "The sum of the sizes is 1 now; the root of the sum of squares should be.": embeddings
        / sums,
        "All faces were divided by one number; each has a length of its own.": embeddings / size,
        "That is standardising; subtract nothing.": zscore(embeddings, axis=1),
        "Nothing has changed.": embeddings,
    }

    def problems(result: np.ndarray) -> Iterator[str]:
        found = np.linalg.norm(result.astype(float), axis=1).round(2)
        other = f"The rows should have length 1 and their old direction; yours are {found} long."
        yield from compare(result, embeddings / lengths, mistakes, other)

    praise = "Right: only the direction is left."
    return judge(answer, (embeddings,), problems, praise, shape=embeddings.shape)


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

    def loss(terms: np.ndarray) -> float:
        return np.maximum(terms, 0).mean()

    near, far = squared(anchor, positive), squared(anchor, negative)
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

    def problems(result: np.ndarray) -> Iterator[str]:
        yield from compare(result, loss(terms), mistakes)

    praise = "Right: only triplets that are not yet far enough apart count."
    given = anchor, positive, negative, margin
    form = "One number, the mean over triplets"
    return judge(answer, given, problems, praise, shape=(), form=form)


def semi_hard(answer: Callable[[float, np.ndarray, np.ndarray, float], int]) -> Verdict:
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

    def problems(result: np.ndarray) -> Iterator[str]:
        chosen = f"You picked picture {result}; the nearest of 0.62, 0.66 and 0.7 is picture 3."
        yield from compare(result, 3, mistakes, chosen)
        if answer(0.5, distances.copy(), other.copy(), 0.1) != -1:
            yield "With a margin of 0.1 there is none: 0.62 is 0.12 farther. Give back -1 then."
        if answer(0.63, distances.copy(), other.copy(), 0.3) != 7:
            yield "Right for one anchor; with its positive at 0.63 it is picture 7."

    praise = "Right: hard enough to learn from, not so hard that all collapses."
    given = 0.5, distances, other, 0.3
    return judge(answer, given, problems, praise, shape=(), form="Give back one position")


def name_or_nobody(answer: Callable[[np.ndarray, list, float], list]) -> Verdict:
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
        return [str(name) for name in answer(similar.copy(), list(names), threshold)]

    def problems(result: np.ndarray) -> Iterator[str]:
        said = [str(name) for name in result]
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

    praise = "Right: the nearest, if it is near enough."
    form = "One answer a face, 4 of them: rows are faces"
    return judge(answer, (similar, names, 0.5), problems, praise, shape=(4,), form=form)


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
    apart = np.abs(both[:, 0] - both[:, 1])
    at_half, lowest = np.mean(rates(0.5)), both.sum(axis=1).min()
    right = both[apart.argmin()].mean()
    mistakes = {
        "That is the threshold; give back the rate of errors at it.": thresholds[apart.argmin()],
        "That is the difference of the two rates; give back the rates themselves.": apart.min(),
        "That is at a threshold of 0.5; find the one where both rates are alike.": at_half,
        "That is the lowest sum of both rates; they need not be alike there.": lowest,
        "That is one less the rate: the share that is right.": 1 - right,
    }

    def problems(result: np.ndarray) -> Iterator[str]:
        if not np.isclose(result, right, atol=0.006):  # rates may be interpolated
            other = f"You got {result:.3f}; both rates are about {right:.3f} at one threshold."
            yield mistake_of(result, mistakes, other)
        if not np.isclose(answer(same + 5, different), 0, atol=1e-6):
            yield "Right once; where all pairs are told apart it should be 0."

    praise = "Right: as many strangers let in as friends turned away, in shares."
    form = "Give back one number"
    return judge(answer, (same, different), problems, praise, shape=(), form=form)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
