"""What a checker answers, and what all of them ask first.

A checker returns a `Verdict`, which shows itself as ✅ or ❌ in a notebook and never raises; in an
assignment `verdict.require()` does, so that the cell fails and no point is given.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

NOTHING = "Your function gives nothing back yet; end it with return."


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and one sentence about it."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'✅' if self.passed else '❌'} {self.message}"

    def require(self) -> None:
        """Print the message, or raise AssertionError with it if the answer is wrong."""
        if not self.passed:
            raise AssertionError(self.message)
        print(self)


def judge(
    answer: Callable,
    given: tuple,
    problems: Callable[..., Iterator[str]],
    praise: str,
    shape: tuple[int, ...] | None = None,
    form: str | None = None,
) -> Verdict:
    """Call an answer and return the first problem as the verdict; to raise is a problem too.

    Parameters
    ----------
    given : what the answer is called with; it gets copies, and must not change them.
    problems : called with what the answer gave back, yields a sentence a problem.
    praise : what is said of a right answer.
    shape : what the result must have; it is then an array for `problems`. None for any form.
    form : what is asked for, in words, where the bare shape would not say it.
    """

    def all_problems() -> Iterator[str]:
        copies = copy.deepcopy(given)
        result = answer(*copies)
        if result is None or result is ...:
            yield NOTHING
        if shape is not None:
            result = np.asarray(result)
            if result.shape != shape:
                yield wrong_shape(result.shape, shape, form, shape == np.shape(given[0]))
        for before, after in zip(given, copies, strict=True):
            if changed(before, after):
                kind = {"ndarray": "array", "DataFrame": "frame"}
                name = kind.get(type(before).__name__, type(before).__name__)
                yield f"Your function changed the {name} it was given; work on a copy."
        yield from problems(result)

    try:
        problem = next(all_problems(), None)
    except Exception as error:  # the learner's own code may raise anything
        problem = f"Your function stopped with {type(error).__name__}: {error}."
    return Verdict(problem is None, problem or praise)


def wrong_shape(found: tuple, wanted: tuple, form: str | None, as_given: bool) -> str:
    """Say that a result has another shape than it should."""
    if form:
        return f"{form}; yours has shape {found}."
    return f"The result has shape {found}; it should {'stay' if as_given else 'be'} {wanted}."


def changed(before, after) -> bool:
    """Return whether an answer has changed what it was given: an array, a frame or a collection."""
    if isinstance(before, np.ndarray):
        return not np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    if hasattr(before, "equals"):
        return not before.equals(after)
    return isinstance(before, list | set | dict) and before != after


def same(result, expected, atol: float = 1e-8) -> bool:
    """Return whether two results are equal: lists exactly, numbers nearly, NaN where NaN is."""
    if isinstance(expected, list):
        return result == expected
    if np.shape(result) != np.shape(expected):
        return False
    return np.allclose(np.asarray(result, float), expected, atol=atol, equal_nan=True)


def mistake_of(result, mistakes: dict, otherwise: str, atol: float = 1e-8) -> str:
    """Return the message of the mistake, keyed by it, that would have given just this result."""
    known = (message for message, wrong in mistakes.items() if same(result, wrong, atol))
    return next(known, otherwise)


def compare(
    result, right, mistakes: dict, otherwise: str = "", atol: float = 1e-8
) -> Iterator[str]:
    """Yield which mistake has made a result another than the right one, or `otherwise`."""
    if not same(result, right, atol):
        yield mistake_of(result, mistakes, otherwise or difference(result, right), atol)


def difference(result: np.ndarray, right: np.ndarray) -> str:
    """Say what the result is and should be, of several rows in the first that differs."""
    if np.ndim(right) == 0:
        return f"You got {result:.4f}; it should be {right:.4f}."
    row = next(i for i in range(len(right)) if not same(result[i], right[i]))
    found, wanted = np.round(result[row], 4), np.round(right[row], 4)
    return f"In row {row} you got {found}; it should be {wanted}."
