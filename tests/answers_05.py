"""Right answers to the exercises of lesson 5, and wrong ones with a piece of what they are told."""

import numpy as np
from sklearn.metrics import f1_score, precision_recall_curve
from sklearn.model_selection import GroupShuffleSplit

from reading_faces.exercises import check, lesson_05


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
    return cut(image, pad, *rng.integers(0, 2 * pad + 1, 2))


def padded_by_index(image, pad, rng):
    height, width, _ = image.shape
    down, right = (int(rng.integers(-pad, pad + 1)) for _ in range(2))
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    return image[rows][:, np.clip(np.arange(width) + right, 0, width - 1)]


def cut(image, pad, down, right, mode="edge"):
    height, width, _ = image.shape
    moved = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode=mode)
    return moved[down : down + height, right : right + width]


def by_trying(true, p):
    return max(p, key=lambda threshold: f1_score(true, p >= threshold))


def by_curve(true, p):
    precision, recall, at = precision_recall_curve(true, p)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return at[np.argmax(f1[:-1])]


def that_knows(share):
    """Return a model that knows the units of some of the faces, and says 0.5 of all others."""

    def answer(images):
        tests, present = lesson_05.test_faces()
        known = {face.tobytes(): units for face, units in zip(tests, present, strict=True)}
        right = np.array([known[face.tobytes()] for face in images], float)
        right[round(share * len(right)) :] = 0.5
        return right

    return answer


QUIZ = {1: "B", 2: "C", 3: "D", 4: "A", 5: "B"}
TRIED = {1e-5: 0.84, 1e-4: 0.8, 1e-3: 0.9, 1e-2: 1.4}

RIGHT = {
    check.split_subjects: [people_drawn, people_by_scikit_learn],
    check.pad_and_crop: [padded, padded_by_index],
    check.best_threshold: [by_trying, by_curve],
    check.fine_rates: [TRIED, {"1e-6": 1.1, "1e-5": 0.9, "3e-4": 0.8, "1e-2": np.inf}],
    check.any_pose: [that_knows(1), that_knows(0.9)],
    check.quiz_05: [QUIZ, {number: letter.lower() for number, letter in QUIZ.items()}],
}
WRONG = {
    check.split_subjects: [
        (lambda subjects, share, rng: ..., "gives nothing back"),
        (lambda subjects, share, rng: rng.random(len(subjects)) < share, "on both sides"),
        (lambda subjects, share, rng: np.unique(subjects)[:5], "np.isin"),
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
        (lambda image, pad, rng: None, "gives nothing back"),
        (
            lambda image, pad, rng: np.pad(image, ((pad, pad), (pad, pad), (0, 0))),
            "should have shape",
        ),
        (lambda image, pad, rng: image, "same way every time"),
        (lambda image, pad, rng: np.roll(image, int(rng.integers(3)), axis=1), "do not wrap"),
        (
            lambda image, pad, rng: cut(image, pad, *rng.integers(0, 5, 2), mode="constant"),
            "fill with zeros",
        ),
        (lambda image, pad, rng: cut(image, pad, 2, int(rng.integers(5))), "one axis only"),
        (lambda image, pad, rng: cut(image, pad, *[int(rng.integers(5))] * 2), "diagonal"),
        (lambda image, pad, rng: cut(image, pad, *rng.integers(0, 4, 2)), "stops at n - 1"),
        (lambda image, pad, rng: cut(image, pad, *rng.integers(0, (5, 4))), "stops at n - 1"),
        (lambda image, pad, rng: cut(image, pad, *rng.integers(0, (4, 5))), "stops at n - 1"),
    ],
    check.best_threshold: [
        (lambda true, p: None, "gives nothing back"),
        (lambda true, p: 0.5, "only a habit"),
        (lambda true, p: max(f1_score(true, p >= t) for t in p), "That is the best F1"),
        (lambda true, p: int(np.argmax([f1_score(true, p >= t) for t in p])), "position"),
        (lambda true, p: p[np.argmax([((p >= t) == true).mean() for t in p])], "best accuracy"),
        (lambda true, p: max(p, key=lambda t: f1_score(true, p > t, zero_division=0)), ">="),
        (lambda true, p: p.mean(), "can be reached"),
        (lambda true, p: 0.3, "Right once"),
        (lambda true, p: p, "one number"),
    ],
    check.fine_rates: [
        ({}, "Nothing here yet"),
        ([0.8, 0.7, 0.9, 1.2], "Give a dictionary"),
        (TRIED | {0: 0.8}, "above 0"),
        (TRIED | {1e-6: np.nan}, "a number above 0"),
        ({1e-5: 0.84, 1e-4: 0.8, 1e-2: 1.4}, "you have 3"),
        ({1e-4: 0.84, 2e-4: 0.8, 3e-4: 0.81, 4e-4: 0.82}, "close together"),
        (dict.fromkeys(TRIED, 0.8), "All losses are alike"),
        ({1e-6: 0.9, 1e-5: 0.88, 1e-4: 0.86, 1e-3: 0.8}, "go on until"),
        (TRIED | {1e-6: "low"}, "dictionary of numbers"),
    ],
    check.any_pose: [
        (None, "Nothing here yet"),
        (np.full((320, 5), 0.5), "Give a function"),
        (lambda images: np.full(len(images), 0.5), "3 rows of 5"),
        (lambda images: np.full((len(images), 5), np.nan), "no numbers"),
        (lambda images: np.full((len(images), 5), 2.0), "between 0 and 1"),
        (lambda images: np.full((len(images), 5), 0.5), "Its mean AUC is 0.500"),
        (that_knows(0.4), "is asked"),
        (lambda images: np.full((min(len(images), 9), 5), 0.5), "For n faces"),
    ],
    check.quiz_05: [
        ({number: ... for number in QUIZ}, "Nothing here yet"),
        (QUIZ | {2: "A"}, "Question 2"),
        (QUIZ | {5: "C"}, "true of one face"),
        ({1: "B", 2: "C"}, "Not answered yet: 3, 4, 5"),
        (QUIZ | {3: "all"}, "Question 3"),
    ],
}
