"""What a checker answers, and what all of them ask first.

A checker returns a `Verdict`, which shows itself as ✅ or ❌ in a notebook and never raises; in an
assignment `verdict.require()` does, so that the cell fails and no point is given.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd


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


class Wrong(Exception):
    """What is wrong with an answer of which nothing more can be asked."""


def checker(praise: str) -> Callable:
    """Make a checker of a function that is given an answer and yields a sentence a problem.

    The checker returns the first problem as its verdict, or `praise`; to raise is a problem too.
    """

    def decorate(problems: Callable[[Callable], Iterator[str]]) -> Callable[[Callable], Verdict]:
        @functools.wraps(problems)
        def check(answer: Callable) -> Verdict:
            try:
                problem = next(problems(functools.partial(call, answer)), None)
            except Wrong as wrong:
                problem = str(wrong)
            except Exception as error:  # the learner's own code may raise anything
                problem = f"Your function stopped with {type(error).__name__}: {error}."
            return Verdict(problem is None, problem or praise)

        return check

    return decorate


def call(answer: Callable, *given):
    """Return what an answer gives back for copies of what it is given, which it must not change."""
    copies = copy.deepcopy(given)
    result = answer(*copies)
    if result is None or result is ...:
        raise Wrong("Your function gives nothing back yet; end it with return.")
    for before, after in zip(given, copies, strict=True):
        if changed(before, after):
            name = type(before).__name__
            name = {"ndarray": "array", "DataFrame": "frame"}.get(name, name)
            raise Wrong(f"Your function changed the {name} it was given; work on a copy.")
    return result


def changed(before, after) -> bool:
    """Return whether an answer has changed what it was given: an array, a frame or a collection."""
    if isinstance(before, np.ndarray):
        return before.tobytes() != after.tobytes()
    if isinstance(before, pd.DataFrame):
        return not before.equals(after)
    return isinstance(before, list | set | dict) and before != after


def as_array(result, shape: tuple[int, ...], form: str = "") -> np.ndarray:
    """Return a result as an array of the shape asked for, which `form` says in words."""
    result = np.asarray(result)
    if result.shape != shape:
        form = form or f"The result should have shape {shape}"
        raise Wrong(f"{form}; yours has shape {result.shape}.")
    return result


def same(result, expected, atol: float = 1e-8) -> bool:
    """Return whether two results are equal: lists exactly, numbers nearly, NaN where NaN is."""
    if isinstance(expected, list):
        return result == expected
    if np.shape(result) != np.shape(expected):
        return False
    return np.allclose(np.asarray(result, float), expected, atol=atol, equal_nan=True)


def compare(
    result, right, mistakes: dict, otherwise: str = "", atol: float = 1e-8, form: str = ""
) -> Iterator[str]:
    """Yield which mistake has made a result another than the right one, or `otherwise`."""
    if not isinstance(right, list):
        result = as_array(result, np.shape(right), form)
    if not same(result, right, atol):
        yield from (message for message, wrong in mistakes.items() if same(result, wrong, atol))
        yield otherwise or difference(result, right)


def difference(result: np.ndarray, right: np.ndarray) -> str:
    """Say what the result is and should be, of several rows in the first that differs."""
    if np.ndim(right) == 0:
        return f"You got {result:.4f}; it should be {right:.4f}."
    row = next(i for i in range(len(right)) if not same(result[i], right[i]))
    found, wanted = np.round(result[row], 4), np.round(right[row], 4)
    return f"In row {row} you got {found}; it should be {wanted}."
