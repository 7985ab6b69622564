"""Checkers of lesson 6: from a photo to crops and back."""

from collections.abc import Callable, Iterator

import numpy as np

from helpers.check.verdict import Verdict, judge, wrong_form


def keypoints_to_photo(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that brings points `(15, 2)` of a crop back into the photo.

    It is given the `(2, 3)` matrix that took the photo's points into the crop: x and y times the
    zoom, plus the last column.
    """
    rng = np.random.default_rng(5)
    in_photo = rng.uniform(100, 400, (15, 2))
    zoom, shift = 0.4, np.array([-60.0, -25.0])
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    in_crop = in_photo * zoom + shift

    def problems() -> Iterator[str]:
        given = in_crop.copy()
        result = answer(given, matrix.copy())
        yield from wrong_form(result, given, in_crop)
        result = np.asarray(result, float)
        if np.allclose(result, in_crop):
            yield "Nothing moved: the points are still where they were in the crop."
        elif np.allclose(result, in_crop * zoom + shift):
            yield "You went from photo to crop once more; we want the way back."
        elif np.allclose(result, in_crop / zoom):
            yield "Scaled back, but not shifted: subtract the last column first."
        elif np.allclose(result, in_crop - shift):
            yield "Shifted back, but not scaled: divide by the zoom as well."
        elif np.allclose(result, in_crop / zoom - shift):
            yield "Both steps are there, in the wrong order: what was added last is undone first."
        elif np.allclose(result, in_photo[:, ::-1]):
            yield "x and y have changed places."
        elif not np.allclose(result, in_photo):
            far = np.linalg.norm(result - in_photo, axis=1).max()
            yield f"Some points are up to {far:.1f} px from where they should be."

    return judge(problems, "Right: what was added is subtracted, what was multiplied is divided.")
