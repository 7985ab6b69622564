"""Checkers of lesson 2: one step of learning, shapes, the masked loss, and errors of faces."""

from collections.abc import Callable, Iterator

import numpy as np

from helpers.augment import flip_images, flip_keypoints
from reading_faces.exercises.verdict import NOTHING, Verdict, judge, known_mistakes, wrong_form


def gradient_step(answer: Callable) -> Verdict:
    """Check a function that takes `(weight, bias, x, y, rate)` and returns the next two numbers."""
    x, y = np.array([0.5, 1.0, 2.0, -1.0]), np.array([1.0, 0.0, 3.0, 1.0])
    weight, bias, rate = 0.7, -0.2, 0.1

    def step(weight: float, bias: float, share: float = 2 / len(x), sign: int = -1) -> np.ndarray:
        error = weight * x + bias - y
        return np.array([weight, bias]) + sign * rate * share * np.array([error @ x, error.sum()])

    def problems() -> Iterator[str]:
        result = answer(weight, bias, x.copy(), y.copy(), rate)
        if result is None or result is ...:
            yield NOTHING
        elif np.shape(result) != (2,):
            yield "Give back two numbers: the new weight and the new bias."
        right = step(weight, bias)
        then = step(right[0], bias)[1]  # the bias, if the weight has moved already
        mistakes = {
            "Nothing moved: weight and bias are what they were.": (weight, bias),
            "Uphill: the loss grows along the gradient, so subtract it.": step(
                weight, bias, sign=1
            ),
            "You added up over the faces; the loss is a mean, so divide by their number.": step(
                weight, bias, share=2
            ),
            "The factor 2 is missing: the slope of error² is 2 · error.": step(
                weight, bias, share=1 / len(x)
            ),
            "Your bias already used the new weight; work out both slopes first.": (right[0], then),
            "Weight and bias have changed places.": right[::-1],
        }
        yield from known_mistakes(result, mistakes)
        if not np.allclose(result, right):
            yield f"You got {np.round(result, 4)}; it should be {np.round(right, 4)}."

    return judge(problems, "Right: one step downhill for both numbers at once.")


def stage_shapes(answer: Callable[[int, tuple[int, ...]], list]) -> Verdict:
    """Check a function that gives the shape after each stage, for a picture of any size."""

    def sides(size: int, filters: tuple, halve: Callable, first: bool = True) -> list:
        side, shapes = halve(size) if first else size, []
        for channels in filters:
            side = halve(side)
            shapes.append((side, side, channels))
        return shapes

    def problems() -> Iterator[str]:
        filters = (8, 16, 24)
        result = answer(96, filters)
        if result is None or result is ...:
            yield NOTHING
            return
        result = [tuple(int(number) for number in shape) for shape in result]
        if result == [(12, 12, 8), (6, 6, 16), (3, 3, 24)]:
            yield "One halving too many: only the first block of a stage has stride 2."
        elif result == sides(96, filters, lambda n: n // 2, first=False):
            yield "The convolution before the stages has stride 2 as well."
        elif result == [(48, 48, 8), (48, 48, 16), (48, 48, 24)]:
            yield "Each stage halves the picture once more."
        elif [shape[::-1] for shape in result] == sides(96, filters, lambda n: n // 2):
            yield "Height and width first, channels last."
        elif len(result) != 3:
            yield f"You gave {len(result)} shapes; there are as many as stages, here 3."
        elif result != sides(96, filters, lambda n: n // 2):
            yield f"For 96 pixels and {filters} you gave {result}."
        elif answer(50, (8, 8, 8)) == sides(50, (8, 8, 8), lambda n: n // 2):
            yield "Right for 96, but 25 pixels become 13, not 12: an odd side is rounded up."
        elif [tuple(s) for s in answer(50, (4, 5))] != sides(50, (4, 5), lambda n: -(-n // 2)):
            yield f"Right for 96; for 50 pixels and (4, 5) you gave {answer(50, (4, 5))}."

    return judge(problems, "Right: half the side with each stage, and as many channels as filters.")


def masked_loss(answer: Callable) -> Verdict:
    """Check a loss of true and predicted points `(n, 15, 2)`, where a true NaN takes no part."""
    rng = np.random.default_rng(4)
    true = rng.normal(0, 0.5, (6, 15, 2)).astype(np.float32)
    predicted = (true + rng.normal(0, 0.2, true.shape)).astype(np.float32)
    gaps = true.copy()
    gaps[1:4, 2:] = np.nan
    labelled = np.isfinite(gaps)
    squares = np.where(labelled, (gaps - predicted) ** 2, 0)

    def problems() -> Iterator[str]:
        result = answer(gaps, predicted)
        if result is None or result is ...:
            yield NOTHING
        elif np.shape(result) not in ((), (1,)):
            yield f"A loss is one number for the whole batch; yours has shape {np.shape(result)}."
        result = float(np.asarray(result).ravel()[0])
        if np.isnan(result):
            yield "NaN: one gap spoils the sum. NaN · 0 is NaN too; choose with ops.where."
        elif np.isclose(result, np.mean((np.nan_to_num(gaps) - predicted) ** 2)):
            yield "Gaps count as 0, which is the middle of the picture: leave them out instead."
        elif np.isclose(result, squares.mean()):
            yield "Divide by the number of labelled coordinates, not by all of them."
        elif np.isclose(result, squares.sum()):
            yield "That is the sum; divide by the number of labelled coordinates."
        elif np.isclose(result, (squares.sum(axis=(1, 2)) / labelled.sum(axis=(1, 2))).mean()):
            yield "A mean of the faces' means: a face with few labels counts as much as a full one."
        elif np.isclose(result, np.sqrt(squares.sum() / labelled.sum())):
            yield "That is the root of the mean square; leave the root away for a loss."
        elif not np.isclose(result, squares.sum() / labelled.sum(), rtol=1e-4):
            yield f"You got {result:.4f}; it should be {squares.sum() / labelled.sum():.4f}."
        none = float(np.asarray(answer(np.full_like(gaps, np.nan), predicted)).ravel()[0])
        if not np.isfinite(none):
            yield "A batch without any label divides by zero; divide by at least 1."

    return judge(problems, "Right: only what somebody labelled is compared.")


def error_in_eye_distances(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that gives the mean error of each face, with gaps, in eye distances."""
    rng = np.random.default_rng(6)
    true = rng.uniform(10, 86, (5, 15, 2))
    true[:, 0], true[:, 1] = (66, 38), (30, 36)
    true[:, 1, 0] += np.arange(5) * 3  # heads turned more and more
    predicted = true + rng.normal(0, 2, true.shape)
    true[2, 4:9] = np.nan
    away = np.linalg.norm(predicted - true, axis=2)
    eyes = np.linalg.norm(true[:, 0] - true[:, 1], axis=1)
    right = np.nanmean(away, axis=1) / eyes

    def problems() -> Iterator[str]:
        result = answer(true.copy(), predicted.copy())
        if result is None or result is ...:
            yield NOTHING
            return
        result = np.asarray(result, float)
        if result.shape == ():
            yield "One number for each face, please, not one for all."
        elif result.shape != (5,):
            yield f"The result has shape {result.shape}; five faces should give (5,)."
        elif np.isnan(result[2]) and np.isfinite(result[0]):
            yield "Face 2 has gaps; take the mean over the points that are there (np.nanmean)."
        elif np.allclose(result, right * eyes):
            yield "That is in pixels; divide by the distance between the eye centres."
        elif np.allclose(result, right * 100):
            yield "Fractions, not per cent: 5 % is 0.05."
        elif np.allclose(result, np.nanmean(away, axis=1) / eyes.mean()):
            yield "Divide each face by its own eye distance, not by the mean of all."
        elif np.allclose(result, np.nanmean(away, axis=1) / np.abs(true[:, 0, 0] - true[:, 1, 0])):
            yield "The eye distance has a height as well: use x and y."
        elif np.allclose(result, np.nanmean(np.abs(predicted - true), axis=(1, 2)) / eyes):
            yield "Distances first: x and y of a point go together, by Pythagoras."
        elif not np.allclose(result, right):
            yield f"For the first face you got {result[0]:.4f}; it should be {right[0]:.4f}."

    return judge(problems, "Right: each face measured by its own eyes.")


def average_with_mirror(answer: Callable) -> Verdict:
    """Check a function `(predict, images)` that averages what is said of a face and its mirror."""
    rng = np.random.default_rng(8)
    images = rng.integers(0, 256, (3, 96, 96), dtype=np.uint8)

    def predict(pictures: np.ndarray) -> np.ndarray:
        """Answer something else for each picture, as a network would."""
        seen = pictures.reshape(len(pictures), -1)[:, :30].astype(float)
        return (seen / 3).reshape(-1, 15, 2)

    mirrored = predict(flip_images(images))
    plain, back = predict(images), flip_keypoints(mirrored)

    def problems() -> Iterator[str]:
        given = images.copy()
        result = answer(predict, given)
        if result is None or result is ...:
            yield NOTHING
            return
        if not np.array_equal(given, images):
            yield "Your function changed the pictures it was given; work on a copy."
        yield from wrong_form(result, plain, plain)
        result = np.asarray(result, float)
        if np.allclose(result, plain):
            yield "That is the plain answer; ask about the mirrored picture as well."
        elif np.allclose(result, back):
            yield "That is the mirrored answer alone; average it with the plain one."
        elif np.allclose(result, (plain + flip_keypoints(plain)) / 2):
            yield "You asked twice about the same picture; the second look is at its mirror image."
        elif np.allclose(result, (plain + mirrored) / 2):
            yield "The points of the mirrored picture have to be mirrored back first."
        elif np.allclose(result, (plain + back + [1, 0]) / 2):
            yield "One pixel off: back in the picture, x is 95 - x."
        elif np.allclose(result, (plain + (mirrored * [-1, 1] + [95, 0])) / 2):
            yield "x is back, but left and right are still swapped: flip_keypoints does both."
        elif np.allclose(result, plain + back):
            yield "That is the sum; take half of it."
        elif not np.allclose(result, (plain + back) / 2, atol=1e-3):
            yield "Neither answer, nor their mean: look at the order of flip, predict, flip back."

    return judge(problems, "Right: two looks at each face, and the mean of what they say.")
