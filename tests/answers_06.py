"""Right answers to the exercises of lesson 6, and wrong ones with a piece of what they are told."""

import numpy as np
from scipy.stats import zscore
from sklearn.metrics import roc_curve
from sklearn.preprocessing import normalize

from reading_faces.exercises import check


def scaled(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def squared(one, other):
    return ((one - other) ** 2).sum(axis=1)


def triplets(a, p, n, margin):
    return np.maximum(squared(a, p) - squared(a, n) + margin, 0).mean()


def triplets_by_loop(a, p, n, margin):
    total = 0.0
    for one, same, other in zip(a, p, n, strict=True):
        # On the unit sphere the squared distance is 2 - 2 cos.
        total += max(0.0, 2 * (one @ other) - 2 * (one @ same) + margin)
    return total / len(a)


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


def named(similar, names, threshold):
    return [names[row.argmax()] if row.max() >= threshold else "unknown" for row in similar]


def named_at_once(similar, names, threshold):
    nearest = np.array(names)[similar.argmax(axis=1)]
    return np.where(similar.max(axis=1) < threshold, "unknown", nearest)


def rates(same, different):
    at = np.concatenate([same, different])
    return at, np.array([[(different >= t).mean(), (same < t).mean()] for t in at])


def eer(same, different):
    _, both = rates(same, different)
    return both[np.abs(both[:, 0] - both[:, 1]).argmin()].mean()


def eer_by_roc(same, different):
    true = np.repeat([1, 0], [len(same), len(different)])
    accepted, found, _ = roc_curve(true, np.concatenate([same, different]), drop_intermediate=False)
    best = np.abs(accepted - (1 - found)).argmin()
    return (accepted[best] + 1 - found[best]) / 2


def eer_threshold(same, different):
    at, both = rates(same, different)
    return at[np.abs(both[:, 0] - both[:, 1]).argmin()]


RIGHT = {
    check.unit_sphere: [scaled, normalize],
    check.triplet_loss: [triplets, triplets_by_loop],
    check.semi_hard: [picked, picked_by_sorting],
    check.name_or_nobody: [named, named_at_once],
    check.equal_error_rate: [eer, eer_by_roc],
}
WRONG = {
    check.unit_sphere: [
        (lambda x: None, "end it with return"),
        (lambda x: x / np.linalg.norm(x, axis=0), "Each column"),
        (lambda x: x / (x**2).sum(axis=1, keepdims=True), "take its root"),
        (lambda x: x / np.abs(x).sum(axis=1, keepdims=True), "sum of the sizes"),
        (lambda x: x / np.linalg.norm(x), "one number"),
        (lambda x: x, "Nothing has changed"),
        (lambda x: x[:, :2], "should have shape"),
        (lambda x: 2 * scaled(x), "In row 0 you got [1.2 1.6 0. ]; it should be [0.6 0.8 0. ]"),
        (lambda x: zscore(x, axis=1), "standardising"),
    ],
    check.triplet_loss: [
        (lambda a, p, n, margin: ..., "end it with return"),
        (lambda a, p, n, margin: (squared(a, p) - squared(a, n) + margin).mean(), "stop each at 0"),
        (lambda a, p, n, margin: triplets(a, n, p, margin), "changed places"),
        (lambda a, p, n, margin: triplets(a, p, n, 0), "margin is missing"),
        (lambda a, p, n, margin: triplets(a, p, n, -margin), "wrong sign"),
        (lambda a, p, n, margin: triplets(a, p, n, margin) * len(a), "That is the sum"),
        (
            lambda a, p, n, margin: np.maximum(
                np.sqrt(squared(a, p)) - np.sqrt(squared(a, n)) + margin, 0
            ).mean(),
            "leave out the root",
        ),
        (lambda a, p, n, margin: squared(a, p), "One number"),
        (lambda a, p, n, margin: 0.3, "it should be"),
        (
            lambda a, p, n, margin: max((squared(a, p) - squared(a, n) + margin).mean(), 0),
            "not of their mean",
        ),
        (
            lambda a, p, n, margin: np.maximum(
                ((a - p) ** 2).mean(axis=1) - ((a - n) ** 2).mean(axis=1) + margin, 0
            ).mean(),
            "Add the squares up",
        ),
    ],
    check.semi_hard: [
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
        (lambda d, ds, o, m: 3 if m == 0.3 else -1, "Right for one anchor"),
    ],
    check.name_or_nobody: [
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
    check.equal_error_rate: [
        (lambda same, different: None, "end it with return"),
        (eer_threshold, "That is the threshold"),
        (
            lambda same, different: np.mean([(different >= 0.5).mean(), (same < 0.5).mean()]),
            "threshold of 0.5",
        ),
        (lambda same, different: rates(same, different)[1].sum(axis=1).min(), "lowest sum"),
        (lambda same, different: 1 - eer(same, different), "one less"),
        (lambda same, different: rates(same, different)[1][0], "one number"),
        (lambda same, different: eer(different, same), "one less"),
        (lambda same, different: 0.3, "You got 0.3000; it should be 0.0725"),
        (lambda same, different: 0.0725, "Right once"),
        (
            lambda same, different: np.abs(np.diff(rates(same, different)[1])).min(),
            "difference of the two rates",
        ),
    ],
}
