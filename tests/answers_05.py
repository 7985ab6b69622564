"""Right answers to the exercises of lesson 5, and wrong ones with a piece of what they are told."""

import numpy as np
from sklearn.metrics import f1_score, precision_recall_curve
from sklearn.model_selection import GroupShuffleSplit

from reading_faces.exercises import check


def by_overlap(units, prototypes):
    def overlap(name):
        return len(units & prototypes[name]) / len(units | prototypes[name])

    return max(prototypes, key=overlap)


def by_dice(units, prototypes):
    scores = {
        name: 2 * len(units & prototype) / (len(units) + len(prototype))
        for name, prototype in prototypes.items()
    }
    return sorted(scores, key=scores.get)[-1]


def by_equality(units, prototypes):
    return next((name for name, found in prototypes.items() if found == units), "neutral")


def by_share_of_the_prototype(units, prototypes):
    return max(prototypes, key=lambda name: len(units & prototypes[name]) / len(prototypes[name]))


def people_drawn(subjects, share, rng):
    people = np.unique(subjects)
    chosen = rng.choice(people, round(share * len(people)), replace=False)
    return np.isin(subjects, chosen)


def people_by_scikit_learn(subjects, share, rng):
    cut = GroupShuffleSplit(1, test_size=share, random_state=int(rng.integers(2**31)))
    _, rows = next(cut.split(subjects, groups=subjects))
    mask = np.zeros(len(subjects), bool)
    mask[rows] = True
    return mask


def people_by_picture(subjects, share, rng):
    # Whoever has more pictures is drawn more often: too few people come out.
    return np.isin(subjects, rng.choice(subjects, round(share * len(np.unique(subjects)))))


def padded(image, pad, rng):
    down, right = rng.integers(0, 2 * pad + 1, 2)
    height, width = image.shape
    return np.pad(image, pad)[down : down + height, right : right + width]


def padded_by_copying(image, pad, rng):
    moved = np.zeros_like(image)
    down, right = (int(rng.integers(-pad, pad + 1)) for _ in range(2))
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y + down < height and 0 <= x + right < width:
                moved[y, x] = image[y + down, x + right]
    return moved


def cut(image, pad, down, right, **how):
    height, width = image.shape
    return np.pad(image, pad, **how)[down : down + height, right : right + width]


def of_truth(true, p):
    return np.where(true == 1, p, 1 - p)


def focal(true, p, gamma):
    return np.mean((1 - of_truth(true, p)) ** gamma * -np.log(of_truth(true, p)))


def focal_in_two_parts(true, p, gamma):
    present = -true * (1 - p) ** gamma * np.log(p)
    absent = -(1 - true) * p**gamma * np.log(1 - p)
    return (present + absent).sum() / true.size


def by_trying(true, p):
    return max(p, key=lambda threshold: f1_score(true, p >= threshold))


def by_curve(true, p):
    precision, recall, at = precision_recall_curve(true, p)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return at[np.argmax(f1[:-1])]


RIGHT = {
    check.nearest_prototype: [by_overlap, by_dice],
    check.split_subjects: [people_drawn, people_by_scikit_learn],
    check.pad_and_crop: [padded, padded_by_copying],
    check.focal_loss: [focal, focal_in_two_parts],
    check.best_threshold: [by_trying, by_curve],
}
WRONG = {
    check.nearest_prototype: [
        (lambda units, prototypes: None, "end it with return"),
        (by_equality, "not 'neutral'"),
        (lambda units, prototypes: units.clear() or "happy", "changed the set"),
        (lambda units, prototypes: prototypes.pop("sad") and "happy", "changed the dict"),
        (lambda units, prototypes: units, "Give back the name"),
        (by_share_of_the_prototype, "they share 3 of 6, with fear 5 of 7"),
        (
            lambda units, prototypes: max(prototypes, key=lambda e: len(units & prototypes[e])),
            "they share 4 of 7, with surprise 3 of 5. Divide",
        ),
        (
            lambda units, prototypes: max(
                sorted(prototypes), key=lambda name: len(units & prototypes[name])
            ),
            "say fear for units [1, 2, 5, 26]",
        ),
    ],
    check.split_subjects: [
        (lambda subjects, share, rng: ..., "end it with return"),
        (lambda subjects, share, rng: rng.random(len(subjects)) < share, "on both sides"),
        (lambda subjects, share, rng: np.unique(subjects)[:5], "for each picture"),
        (lambda subjects, share, rng: np.zeros(len(subjects), bool), "you put 0 into test"),
        (lambda subjects, share, rng: np.isin(subjects, np.unique(subjects)[:4]), "you put 4"),
        (
            lambda subjects, share, rng: np.isin(subjects, np.unique(subjects)[:5]),
            "let `rng` choose",
        ),
        (people_by_picture, "A quarter of 20 people"),
        (
            lambda subjects, share, rng: people_drawn(subjects, share, np.random.default_rng()),
            "use no other chance",
        ),
    ],
    check.pad_and_crop: [
        (lambda image, pad, rng: None, "end it with return"),
        (lambda image, pad, rng: np.pad(image, pad), "should have shape"),
        (lambda image, pad, rng: image, "same way every time"),
        (lambda image, pad, rng: np.roll(image, int(rng.integers(3)), axis=1), "do not wrap"),
        (
            lambda image, pad, rng: cut(image, pad, *rng.integers(0, 5, 2), mode="edge"),
            "repeat the edge",
        ),
        (lambda image, pad, rng: cut(image, pad, 2, int(rng.integers(5))), "one axis only"),
        (lambda image, pad, rng: cut(image, pad, *[int(rng.integers(5))] * 2), "diagonal"),
        (lambda image, pad, rng: cut(image, pad, *rng.integers(0, 4, 2)), "stops at n - 1"),
        (lambda image, pad, rng: cut(image, pad, *rng.integers(0, (5, 4))), "stops at n - 1"),
        (lambda image, pad, rng: cut(image, pad, *rng.integers(0, (4, 5))), "stops at n - 1"),
    ],
    check.focal_loss: [
        (lambda true, p, gamma: None, "end it with return"),
        (lambda true, p, gamma: -np.log(of_truth(true, p)).mean(), "plain cross-entropy"),
        (lambda true, p, gamma: -focal(true, p, gamma), "sign is wrong"),
        (lambda true, p, gamma: focal(true, p, gamma) * true.size, "That is the sum"),
        (
            lambda true, p, gamma: np.mean(of_truth(true, p) ** gamma * -np.log(of_truth(true, p))),
            "the other way round",
        ),
        (
            lambda true, p, gamma: np.mean((1 - p) ** gamma * -np.log(of_truth(true, p))),
            "the probability of the truth",
        ),
        (
            lambda true, p, gamma: np.mean(-true * (1 - p) ** gamma * np.log(p)),
            "Only the units that are there",
        ),
        (lambda true, p, gamma: -np.log(of_truth(true, p)), "One number"),
        (lambda true, p, gamma: focal(true, p, 2), "with gamma 0"),
        (
            lambda true, p, gamma: np.mean(
                gamma * (1 - of_truth(true, p)) * -np.log(of_truth(true, p))
            ),
            "an exponent, not a factor",
        ),
    ],
    check.best_threshold: [
        (lambda true, p: None, "end it with return"),
        (lambda true, p: 0.5, "nobody looked"),
        (lambda true, p: max(f1_score(true, p >= t) for t in p), "That is the best F1"),
        (lambda true, p: int(np.argmax([f1_score(true, p >= t) for t in p])), "position"),
        (lambda true, p: p[np.argmax([((p >= t) == true).mean() for t in p])], "best accuracy"),
        (lambda true, p: max(p, key=lambda t: f1_score(true, p > t, zero_division=0)), ">="),
        (lambda true, p: p.mean(), "can be reached"),
        (lambda true, p: 0.3, "Right once"),
        (lambda true, p: p, "one number"),
    ],
}
