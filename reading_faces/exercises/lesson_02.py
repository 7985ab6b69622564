"""Checkers of lesson 2: one step of learning, shapes, the masked loss, and errors of faces."""

from collections.abc import Callable, Iterator

import numpy as np

from helpers.augment import flip_images, flip_keypoints
from reading_faces.exercises.verdict import as_array, checker, compare

__all__ = ["average_with_mirror", "error_in_eye_distances", "gradient_step", "masked_loss"]
__all__ += ["stage_shapes"]


@checker("Right: one step downhill for both numbers at once.")
def gradient_step(answer: Callable) -> Iterator[str]:
    """Check a function that takes `(weight, bias, x, y, rate)` and returns the next two numbers."""
    x, y = np.array([0.5, 1.0, 2.0, -1.0]), np.array([1.0, 0.0, 3.0, 1.0])
    weight, bias, rate = 0.7, -0.2, 0.1

    def step(weight: float = weight, share: float = 2 / len(x), sign: int = -1) -> np.ndarray:
        error = weight * x + bias - y
        return np.array([weight, bias]) + sign * rate * share * np.array([error @ x, error.sum()])

    right, summed = step(), step(share=2)
    then = step(right[0])[1]  # the bias, if the weight has moved already
    mistakes = {
        "Nothing moved: weight and bias are what they were.": (weight, bias),
        "Uphill: the loss grows along the gradient, so subtract it.": step(sign=1),
        "You added up over the faces; the loss is a mean, so divide by their number.": summed,
        "The factor 2 is missing: the slope of error² is 2 · error.": step(share=1 / len(x)),
        "Your bias already used the new weight; work out both slopes first.": (right[0], then),
        "Weight and bias have changed places.": right[::-1],
    }

    form = "Give back two numbers: the new weight and the new bias"
    yield from compare(answer(weight, bias, x, y, rate), right, mistakes, form=form)


@checker("Right: half the side with each stage, and as many channels as filters.")
def stage_shapes(answer: Callable[[int, tuple[int, ...]], list]) -> Iterator[str]:
    """Check a function that gives the shape after each stage, for a picture of any size."""
    filters = (8, 16, 24)

    def shapes(size: int, filters: tuple, up: int = 0) -> list:
        side, found = (size + up) // 2, []
        for channels in filters:
            side = (side + up) // 2
            found.append((side, side, channels))
        return found

    right = shapes(96, filters)
    mistakes = {
        "One halving too many: only a stage's first block has stride 2.": shapes(48, filters),
        "The convolution before the stages has stride 2 as well.": shapes(192, filters),
        "Each stage halves the picture once more.": [(48, 48, channels) for channels in filters],
        "Height and width first, channels last.": [shape[::-1] for shape in right],
    }

    result = [tuple(int(number) for number in shape) for shape in answer(96, filters)]
    other = f"For 96 pixels and {filters} you gave {result}; each stage has one shape, here 3."
    yield from compare(result, right, mistakes, other)
    odd = [tuple(shape) for shape in answer(50, (4, 5))]
    if odd == shapes(50, (4, 5)):
        yield "Right for 96, but 25 pixels become 13, not 12: an odd side is rounded up."
    elif odd != shapes(50, (4, 5), up=1):
        yield f"Right for 96; for 50 pixels and (4, 5) you gave {odd}."


@checker("Right: only what somebody labelled is compared.")
def masked_loss(answer: Callable) -> Iterator[str]:
    """Check a loss of true and predicted points `(n, 15, 2)`, where a true NaN takes no part."""
    rng = np.random.default_rng(4)
    true = rng.normal(0, 0.5, (6, 15, 2)).astype(np.float32)
    predicted = (true + rng.normal(0, 0.2, true.shape)).astype(np.float32)
    true[1:4, 2:] = np.nan
    labelled = np.isfinite(true)
    squares = np.where(labelled, (true - predicted) ** 2, 0)
    right = squares.sum() / labelled.sum()
    with_zeros = (np.nan_to_num(true) - predicted) ** 2
    of_faces = squares.sum(axis=(1, 2)) / labelled.sum(axis=(1, 2))
    mistakes = {
        "Gaps count as 0, the middle of the picture: leave them out instead.": with_zeros.mean(),
        "Divide by the number of labelled coordinates, not by all of them.": squares.mean(),
        "That is the sum; divide by the number of labelled coordinates.": squares.sum(),
        "A mean of the faces' means: one with few labels counts like a full one.": of_faces.mean(),
        "That is the root of the mean square; leave the root away for a loss.": np.sqrt(right),
    }

    form = "A loss is one number for the whole batch"
    loss = as_array(np.squeeze(np.asarray(answer(true, predicted))), (), form)
    if np.isnan(loss):
        yield "NaN: one gap spoils the sum. NaN · 0 is NaN too; choose with ops.where."
    yield from compare(loss, right, mistakes, atol=1e-6)
    if not np.isfinite(np.asarray(answer(np.full_like(true, np.nan), predicted))).all():
        yield "A batch without any label divides by zero; divide by at least 1."


@checker("Right: each face measured by its own eyes.")
def error_in_eye_distances(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that gives the mean error of each face, with gaps, in eye distances."""
    rng = np.random.default_rng(6)
    true = rng.uniform(10, 86, (5, 15, 2))
    true[:, 0], true[:, 1] = (66, 38), (30, 36)
    true[:, 1, 0] += np.arange(5) * 3  # heads turned more and more
    predicted = true + rng.normal(0, 2, true.shape)
    true[2, 4:9] = np.nan
    away = np.nanmean(np.linalg.norm(predicted - true, axis=2), axis=1)
    sides = np.nanmean(np.abs(predicted - true), axis=(1, 2))
    across = true[:, 0] - true[:, 1]
    eyes = np.linalg.norm(across, axis=1)
    right = away / eyes
    mistakes = {
        "That is in pixels; divide by the distance between the eye centres.": away,
        "Fractions, not per cent: 5 % is 0.05.": right * 100,
        "Divide each face by its own eye distance, not by the mean of all.": away / eyes.mean(),
        "The eye distance has a height as well: use x and y.": away / np.abs(across[:, 0]),
        "Distances first: x and y of a point go together, by Pythagoras.": sides / eyes,
    }

    result = as_array(answer(true, predicted), (5,), "One number for each face, please, here five")
    if np.isnan(result[2]) and np.isfinite(result[0]):
        yield "Face 2 has gaps; take the mean over the points that are there (np.nanmean)."
    yield from compare(result, right, mistakes)


@checker("Right: two looks at each face, and the mean of what they say.")
def average_with_mirror(answer: Callable) -> Iterator[str]:
    """Check a function `(predict, images)` that averages what is said of a face and its mirror."""
    rng = np.random.default_rng(8)
    images = rng.integers(0, 256, (3, 96, 96), dtype=np.uint8)

    def predict(pictures: np.ndarray) -> np.ndarray:
        """Answer something else for each picture, as a network would."""
        seen = pictures.reshape(len(pictures), -1)[:, :30].astype(float)
        return (seen / 3).reshape(-1, 15, 2)

    plain, mirrored = predict(images), predict(flip_images(images))
    back = flip_keypoints(mirrored)
    twice, not_back = (plain + flip_keypoints(plain)) / 2, (plain + mirrored) / 2
    unpaired = (plain + mirrored * [-1, 1] + [95, 0]) / 2
    mistakes = {
        "That is the plain answer; ask about the mirrored picture as well.": plain,
        "That is the mirrored answer alone; average it with the plain one.": back,
        "You asked twice about the same picture; the second look is at its mirror image.": twice,
        "The points of the mirrored picture have to be mirrored back first.": not_back,
        "One pixel off: back in the picture, x is 95 - x.": (plain + back + [1, 0]) / 2,
        "x is back, but left and right are still swapped: flip_keypoints does both.": unpaired,
        "That is the sum; take half of it.": plain + back,
    }

    other = "Neither answer, nor their mean: look at the order of flip, predict, flip back."
    yield from compare(answer(predict, images), (plain + back) / 2, mistakes, other, atol=1e-3)
