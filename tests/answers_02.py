"""Right answers to the exercises of lesson 2, and wrong ones with a piece of what they are told."""

import numpy as np

from helpers.augment import flip_images, flip_keypoints
from reading_faces.exercises import check


def step(weight, bias, x, y, rate):
    error = weight * x + bias - y
    return weight - rate * 2 * (error * x).mean(), bias - rate * 2 * error.mean()


def step_by_fit(weight, bias, x, y, rate):
    inputs = np.column_stack([x, np.ones_like(x)])
    before = np.array([weight, bias])
    return before - 2 * rate * inputs.T @ (inputs @ before - y) / len(x)


def step_one_after_the_other(weight, bias, x, y, rate):
    weight = weight - rate * 2 * ((weight * x + bias - y) * x).mean()
    return weight, bias - rate * 2 * (weight * x + bias - y).mean()


def halved(size, filters):
    shapes = []
    side = -(-size // 2)
    for channels in filters:
        side = -(-side // 2)
        shapes.append((side, side, channels))
    return shapes


def halved_by_ceil(size, filters):
    sides = [int(np.ceil(np.ceil(size / 2) / 2 ** (i + 1))) for i in range(len(filters))]
    return [[side, side, channels] for side, channels in zip(sides, filters, strict=True)]


def masked(true, predicted):
    labelled = np.isfinite(true)
    squares = np.where(labelled, true - predicted, 0) ** 2
    return squares.sum() / max(labelled.sum(), 1)


def masked_by_index(true, predicted):
    labelled = ~np.isnan(true)
    return ((true - predicted)[labelled] ** 2).mean() if labelled.any() else 0.0


def eyes_of(true):
    return np.linalg.norm(true[:, 0] - true[:, 1], axis=1)


def away(true, predicted):
    return np.linalg.norm(predicted - true, axis=2)


def with_mirror(predict, images):
    return (predict(images) + flip_keypoints(predict(flip_images(images)))) / 2


def with_mirror_at_once(predict, images):
    both = predict(np.concatenate([images, images[:, :, ::-1]]))
    return np.mean([both[: len(images)], flip_keypoints(both[len(images) :])], axis=0)


def mirrors_what_it_is_given(predict, images):
    plain = predict(images)
    images[:] = images[:, :, ::-1].copy()
    return (plain + flip_keypoints(predict(images))) / 2


RIGHT = {
    check.gradient_step: [step, step_by_fit],
    check.stage_shapes: [halved, halved_by_ceil],
    check.masked_loss: [masked, masked_by_index],
    check.error_in_eye_distances: [
        lambda true, predicted: np.nanmean(away(true, predicted), axis=1) / eyes_of(true),
        lambda true, predicted: np.nanmean(away(true, predicted) / eyes_of(true)[:, None], axis=1),
    ],
    check.average_with_mirror: [with_mirror, with_mirror_at_once],
}
WRONG = {
    check.gradient_step: [
        (lambda w, b, x, y, r: ..., "gives nothing back"),
        (lambda w, b, x, y, r: (w, b), "Nothing moved"),
        (lambda w, b, x, y, r: step(w, b, x, y, -r), "Uphill"),
        (lambda w, b, x, y, r: step(w, b, x, y, r * len(x)), "divide by their number"),
        (lambda w, b, x, y, r: step(w, b, x, y, r / 2), "factor 2"),
        (step_one_after_the_other, "both slopes first"),
        (lambda w, b, x, y, r: step(w, b, x, y, r)[::-1], "changed places"),
        (lambda w, b, x, y, r: step(w, b, x, y, r)[0], "two numbers"),
        (lambda w, b, x, y, r: (0.0, 0.0), "it should be"),
    ],
    check.stage_shapes: [
        (lambda size, filters: None, "gives nothing back"),
        (lambda size, filters: halved(2 * size, filters), "before the stages"),
        (lambda size, filters: [(size // 2, size // 2, n) for n in filters], "once more"),
        (lambda size, filters: [s[::-1] for s in halved(size, filters)], "channels last"),
        (lambda size, filters: halved(size // 2, filters), "One halving too many"),
        (lambda size, filters: halved(size, filters)[:2], "each stage has one shape, here 3"),
        (
            lambda size, filters: [
                (size // 2 ** (i + 2), size // 2 ** (i + 2), n) for i, n in enumerate(filters)
            ],
            "rounded up",
        ),
        (lambda size, filters: [(1, 1, n) for n in filters], "you gave"),
        (lambda size, filters: halved(96, (8, 16, 24)), "for 50 pixels"),
    ],
    check.masked_loss: [
        (lambda true, predicted: ..., "gives nothing back"),
        (lambda true, predicted: ((true - predicted) ** 2).mean(), "NaN"),
        (lambda true, predicted: ((np.nan_to_num(true) - predicted) ** 2).mean(), "count as 0"),
        (lambda true, predicted: np.nan_to_num((true - predicted) ** 2).mean(), "not by all"),
        (lambda true, predicted: np.nansum((true - predicted) ** 2), "the sum"),
        (lambda true, predicted: np.sqrt(masked(true, predicted)), "root"),
        (
            lambda true, predicted: np.nanmean((true - predicted) ** 2, axis=(1, 2)).mean(),
            "mean of the faces' means",
        ),
        (lambda true, predicted: np.nanmean((true - predicted) ** 2), "divides by zero"),
        (lambda true, predicted: np.abs(true - predicted), "one number"),
        (lambda true, predicted: masked(true, predicted) + 1, "it should be"),
    ],
    check.error_in_eye_distances: [
        (lambda true, predicted: ..., "gives nothing back"),
        (lambda true, predicted: np.nanmean(away(true, predicted)), "One number for each face"),
        (lambda true, predicted: away(true, predicted), "shape"),
        (lambda true, predicted: away(true, predicted).mean(axis=1) / eyes_of(true), "nanmean"),
        (lambda true, predicted: np.nanmean(away(true, predicted), axis=1), "in pixels"),
        (
            lambda true, predicted: 100 * np.nanmean(away(true, predicted), 1) / eyes_of(true),
            "per cent",
        ),
        (
            lambda true, predicted: np.nanmean(away(true, predicted), 1) / eyes_of(true).mean(),
            "its own eye distance",
        ),
        (
            lambda true, predicted: (
                np.nanmean(away(true, predicted), 1) / (true[:, 0, 0] - true[:, 1, 0])
            ),
            "use x and y",
        ),
        (
            lambda true, predicted: (
                np.nanmean(np.abs(true - predicted), axis=(1, 2)) / eyes_of(true)
            ),
            "Pythagoras",
        ),
        (lambda true, predicted: np.ones(5), "In row 0 you got 1.0; it should be"),
    ],
    check.average_with_mirror: [
        (lambda predict, images: ..., "gives nothing back"),
        (lambda predict, images: predict(images), "plain answer"),
        (lambda predict, images: flip_keypoints(predict(flip_images(images))), "mirrored answer"),
        (
            lambda predict, images: (predict(images) + predict(flip_images(images))) / 2,
            "mirrored back first",
        ),
        (
            lambda predict, images: (
                (predict(images) + predict(flip_images(images)) * [-1, 1] + [95, 0]) / 2
            ),
            "still swapped",
        ),
        (
            lambda predict, images: (
                (predict(images) + flip_keypoints(predict(flip_images(images)), 97)) / 2
            ),
            "One pixel off",
        ),
        (
            lambda predict, images: (predict(images) + flip_keypoints(predict(images))) / 2,
            "twice about the same picture",
        ),
        (lambda predict, images: 2 * with_mirror(predict, images), "the sum"),
        (lambda predict, images: with_mirror(predict, images)[0], "shape"),
        (lambda predict, images: with_mirror(predict, images) + 3, "Neither"),
        (mirrors_what_it_is_given, "changed the array"),
    ],
}
