"""Checkers of lesson 6: triplets, the margin, names or unknown, and a better embedder."""

from collections.abc import Callable, Iterator

import numpy as np
from keras import ops
from sklearn.preprocessing import normalize

from helpers import data
from reading_faces.exercises.verdict import Wrong, as_array, checker, compare, pairs, value_checker

__all__ = ["embedder", "margins", "name_or_unknown", "semi_hard", "triplet_loss"]

# What the challenge asks for: the share named from one face each. The lesson's network misses it.
NAMED = 0.6
DRAWS = 20


@checker("Right: only triplets that are not yet far enough apart count.")
def triplet_loss(answer: Callable) -> Iterator[str]:
    """Check a function `(anchor, positive, negative, margin)` of tensors: the mean loss."""
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
        "You got 0. Add up the squares of each face (axis=1), and stop each triplet at 0.": 0,
        "Positive and negative have changed places.": loss(far - near + margin),
        "The margin is missing.": loss(near - far),
        "The margin has the wrong sign: it is added.": loss(near - far - margin),
        "That is the sum; take the mean over triplets.": loss(terms) * len(terms),
        "Take squared distances: leave out the root.": loss(near**0.5 - far**0.5 + margin),
        "Add the squares up over a face's numbers; you took their mean.": of_means,
    }

    try:
        result = answer(*map(ops.convert_to_tensor, (anchor, positive, negative)), margin)
    except AttributeError:
        form = "A tensor has no methods such as .sum(): take ops.sum(…, axis=1) and ops.mean(…)."
        raise Wrong(form) from None
    if not ops.is_tensor(result):
        yield "Keras cannot differentiate what NumPy computes: take ops.sum, ops.maximum, ops.mean."
    yield from compare(result, loss(terms), mistakes, form="One number, the mean over triplets")


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
        "That is its place among the semi-hard ones only; count among all pictures.": 0,
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
        yield "With the positive at 0.63 it is picture 7: the nearest semi-hard one, not the first."


@checker("Right: the nearest, if it is near enough.")
def name_or_unknown(answer: Callable[[np.ndarray, list, float], list]) -> Iterator[str]:
    """Check a function that names faces by similarities `(n, people)`, or says "unknown"."""
    names = ["ann", "bob", "cleo"]
    similar = np.array([[0.9, 0.2, 0.1], [0.3, 0.35, 0.2], [0.1, 0.6, 0.75], [0.55, 0.8, 0.5]])
    right = ["ann", "unknown", "cleo", "bob"]
    everyone, turned_round = ["ann", "bob", "cleo", "bob"], ["unknown", "bob", "unknown", "unknown"]
    mistakes = {
        "The second face is below the threshold, and you name it all the same.": everyone,
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


def best_margin(results: dict[float, float]) -> str:
    """Say which margin was best, and what that is worth: the praise of `margins`."""
    tried, aucs = pairs(results, "margin", "AUC")
    found = f"the AUC is highest at a margin of {tried[aucs.argmax()]:g}, {aucs.max():.3f}"
    return f"Right: {found}. With 16 people, differences of 0.02 are chance."


@value_checker(best_margin)
def margins(results: dict[float, float]) -> Iterator[str]:
    """Check an experiment: AUC of the new people by margin."""
    tried, aucs = pairs(results, "margin", "AUC", least=4)
    if not ((tried > 0) & (tried <= 4)).all():
        yield "The keys are margins: above 0, and at most 4, the largest squared distance there is."
    if not ((aucs >= 0) & (aucs <= 1)).all():
        yield "The values are AUCs, between 0 and 1."
    if tried[0] > 0.05 or tried[-1] < 0.8:
        yield "Go from 0.05 or less to 0.8 or more."
    if np.ptp(aucs) == 0:
        yield "All AUCs are equal: is each network trained with its own margin?"
    if aucs.max() < 0.7:
        yield "None of these networks learnt much: is it the trained network that you measure?"


def named_from_one(answer: Callable) -> float:
    """Return the share of new faces that embeddings name, with one face of each person enrolled."""
    images, who = new_faces()
    points = np.asarray(answer(images), float)
    similar = normalize(points) @ normalize(points).T
    rng, shares = np.random.default_rng(0), []
    for _ in range(DRAWS):
        known = np.array([rng.choice(np.flatnonzero(who == person)) for person in np.unique(who)])
        asked = np.setdiff1d(np.arange(len(who)), known)
        called = who[known][similar[np.ix_(asked, known)].argmax(axis=1)]
        shares.append(np.mean(called == who[asked]))
    return float(np.mean(shares))


@value_checker(lambda answer: f"Yes: {named_from_one(answer):.1%} are named from one face each.")
def embedder(answer: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function from faces `(n, 48, 48) uint8` to embeddings `(n, d)`."""
    if not callable(answer):
        raise Wrong("Give a function that takes faces (n, 48, 48) and returns embeddings (n, d).")
    images, _ = new_faces()
    points = np.asarray(answer(images), float)
    if points.ndim != 2 or len(points) != len(images):
        raise Wrong(f"For {len(images)} faces give as many rows; yours has shape {points.shape}.")
    if not np.isfinite(points).all():
        yield "Some of its numbers are NaN or infinite."
    share = named_from_one(answer)
    if share < NAMED:
        yield f"It names {share:.1%} of the faces correctly; {NAMED:.0%} is asked."


def new_faces() -> tuple[np.ndarray, np.ndarray]:
    """Return the faces `(n, 48, 48) uint8` of the test people, and who is on each."""
    drawn = data.load_set()
    rows = drawn.split == "test"
    return drawn.small_images[rows], drawn.subjects[rows]
