"""Right answers to the exercises of lesson 6, and wrong ones with a piece of what they are told."""

import numpy as np
from keras import ops

from reading_faces.exercises import check, lesson_06

QUIZ = {1: "C", 2: "C", 3: "A", 4: "B", 5: "A"}


def squared(one, other):
    return ops.sum((one - other) ** 2, axis=1)


def triplets(a, p, n, margin):
    return ops.mean(ops.maximum(squared(a, p) - squared(a, n) + margin, 0))


def triplets_by_cosine(a, p, n, margin):
    # On the unit sphere the squared distance is 2 - 2 cos.
    return ops.mean(ops.relu(2 * ops.sum(a * n, axis=1) - 2 * ops.sum(a * p, axis=1) + margin))


def triplets_in_numpy(a, p, n, margin):
    near, far = (((np.asarray(a) - np.asarray(other)) ** 2).sum(axis=1) for other in (p, n))
    return np.maximum(near - far + margin, 0).mean()


def that_names(share):
    """Return an embedder that knows the people on so many of the new faces, and mixes up others."""
    images, who = lesson_06.new_faces()
    people, numbers = np.unique(who, return_inverse=True)
    known = np.random.default_rng(0).random(len(who)) < share
    points = np.eye(len(people))[np.where(known, numbers, (numbers + 1) % len(people))]
    rows = {image.tobytes(): row for row, image in enumerate(images)}
    return lambda images: 3 * points[[rows[image.tobytes()] for image in images]]


def picked(to_positive, distances, is_other, margin):
    good = is_other & (distances > to_positive) & (distances < to_positive + margin)
    return int(np.where(good, distances, np.inf).argmin()) if good.any() else -1


def picked_by_sorting(to_positive, distances, is_other, margin):
    for place in np.argsort(distances):
        if is_other[place] and to_positive < distances[place] < to_positive + margin:
            return place
    return -1


def picked_of(good, distances):
    return int(np.where(good, distances, np.inf).argmin()) if good.any() else -1


def first_of(good):
    return int(good.argmax()) if good.any() else -1


def named(similar, names, threshold):
    return [names[row.argmax()] if row.max() >= threshold else "unknown" for row in similar]


def named_at_once(similar, names, threshold):
    nearest = np.array(names)[similar.argmax(axis=1)]
    return np.where(similar.max(axis=1) < threshold, "unknown", nearest)


GOOD_MARGINS = {0.05: 0.88, 0.2: 0.9, 0.5: 0.895, 1.0: 0.88}

RIGHT = {
    check.triplet_loss: [triplets, triplets_by_cosine],
    check.semi_hard: [picked, picked_by_sorting],
    check.name_or_unknown: [named, named_at_once],
    check.margins: [GOOD_MARGINS, {"0.01": 0.8, "0.1": 0.89, "0.3": 0.9, "0.8": 0.85, "2": 0.84}],
    check.embedder: [that_names(1), that_names(0.95)],
    check.quiz_06: [QUIZ, {number: letter.lower() for number, letter in QUIZ.items()}],
}

WRONG = {
    check.triplet_loss: [
        (lambda a, p, n, margin: ..., "end it with return"),
        (triplets_in_numpy, "cannot differentiate"),
        (lambda a, p, n, margin: ((a - p) ** 2).sum(axis=1), "has no methods"),
        (
            lambda a, p, n, margin: ops.mean(squared(a, p) - squared(a, n) + margin),
            "stop each at 0",
        ),
        (lambda a, p, n, margin: triplets(a, n, p, margin), "changed places"),
        (lambda a, p, n, margin: triplets(a, p, n, 0), "margin is missing"),
        (lambda a, p, n, margin: triplets(a, p, n, -margin), "wrong sign"),
        (lambda a, p, n, margin: triplets(a, p, n, margin) * len(a), "That is the sum"),
        (
            lambda a, p, n, margin: ops.mean(
                ops.relu(ops.sqrt(squared(a, p)) - ops.sqrt(squared(a, n)) + margin)
            ),
            "leave out the root",
        ),
        (lambda a, p, n, margin: squared(a, p), "One number"),
        (lambda a, p, n, margin: ops.convert_to_tensor(0.3), "it should be"),
        (
            lambda a, p, n, margin: ops.relu(ops.mean(squared(a, p) - squared(a, n) + margin)),
            "stop each triplet at 0",
        ),
        (
            lambda a, p, n, margin: ops.mean(
                ops.relu(ops.mean((a - p) ** 2, axis=1) - ops.mean((a - n) ** 2, axis=1) + margin)
            ),
            "Add the squares up",
        ),
    ],
    check.semi_hard: [
        (
            lambda d, ds, o, m: int(ds[o & (ds > d) & (ds < d + m)].argmin()),
            "the semi-hard ones only",
        ),
        (lambda d, ds, o, m: first_of(o & (ds > d) & (ds < d + m)), "not the first"),
        (lambda d, ds, o, m: None, "end it with return"),
        (lambda d, ds, o, m: picked_of(o, ds), "hard, not semi-hard"),
        (lambda d, ds, o, m: picked_of((ds > d) & (ds < d + m), ds), "same person"),
        (lambda d, ds, o, m: int(np.where(ds[o] > d, ds[o], 9).argmin()) - 1, "among all pictures"),
        (
            lambda d, ds, o, m: int(np.where(o & (ds > d) & (ds < d + m), ds, 0).argmax()),
            "farthest within",
        ),
        (lambda d, ds, o, m: ds[picked(d, ds, o, m)], "that is the distance".capitalize()),
        (lambda d, ds, o, m: picked_of(o & (ds > d), ds), "Give back -1"),
        (lambda d, ds, o, m: -1, "There is one here"),
    ],
    check.name_or_unknown: [
        (lambda s, names, t: None, "end it with return"),
        (lambda s, names, t: [names[i] for i in s.argmax(axis=1)], "all the same"),
        (lambda s, names, t: named(-s, names, -t), "least alike"),
        (lambda s, names, t: [names[i % 3] for i in s.argmax(axis=0)], "rows are faces"),
        (lambda s, names, t: s.argmax(axis=1), "names or 'unknown'"),
        (
            lambda s, names, t: [names[row.argmax()] if row.max() < t else "unknown" for row in s],
            "other way round",
        ),
        (lambda s, names, t: named(s, names, 0.5), "Right at 0.5"),
        (lambda s, names, t: named(s, names, t + 1e-9), "of just 0.75 is known"),
    ],
    check.margins: [
        ({}, "Nothing here yet"),
        ([0.8, 0.9], "Give a dictionary"),
        ({0.05: 0.88, 0.5: 0.9, 1.0: 0.88}, "you have 3"),
        ({0.1: 0.88, 0.2: 0.9, 0.5: 0.895, 1.0: 0.88}, "0.05 or less"),
        ({0.05: 0.88, 0.2: 0.9, 0.5: 0.895, 0.6: 0.88}, "0.8 or more"),
        ({0.05: 88, 0.2: 90, 0.5: 89, 1.0: 88}, "between 0 and 1"),
        ({-0.1: 0.8, 0.2: 0.9, 0.5: 0.89, 1.0: 0.88}, "above 0"),
        ({0.05: 0.9, 0.2: 0.9, 0.5: 0.9, 1.0: 0.9}, "its own margin"),
        ({0.05: 0.6, 0.2: 0.64, 0.5: 0.63, 1.0: 0.6}, "learnt much"),
    ],
    check.embedder: [
        (None, "Nothing here yet"),
        (np.zeros((320, 64)), "Give a function"),
        (that_names(0.6), "60% is asked"),
        (lambda images: np.zeros(64), "give as many rows"),
        (lambda images: np.full((len(images), 8), np.nan), "NaN"),
        (lambda images: images.reshape(len(images), -1) / 255, "is asked"),
    ],
    check.quiz_06: [
        ({number: ... for number in QUIZ}, "Nothing here yet"),
        (QUIZ | {3: "B"}, "two clouds"),
        (QUIZ | {5: "D"}, "multiply it"),
        ({1: "C", 2: "C"}, "Not answered yet: 3, 4, 5"),
        (QUIZ | {2: "1"}, "Question 2"),
    ],
}
