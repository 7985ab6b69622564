"""What a checker answers, and what all of them ask first.

A checker returns a `Verdict`, which shows itself as ✅ or ❌ in a notebook and never raises; in an
assignment `verdict.require()` does, so that the cell fails and no point is given.
"""

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


def judge(problems: Callable[[], Iterator[str]], praise: str) -> Verdict:
    """Return the first problem as the verdict; an answer that raises is a problem too."""
    try:
        problem = next(iter(problems()), None)
    except Exception as error:  # the learner's own code may raise anything
        problem = f"Your function stopped with {type(error).__name__}: {error}."
    return Verdict(problem is None, problem or praise)


def wrong_form(result, given: np.ndarray, before: np.ndarray) -> Iterator[str]:
    """Yield what is wrong before any number is looked at; `given` was `before` when handed over."""
    if result is None or result is ...:
        yield NOTHING
    elif np.shape(result) != before.shape:
        yield f"The result has shape {np.shape(result)}; it should stay {before.shape}."
    elif not np.array_equal(given, before, equal_nan=True):
        yield "Your function changed the array it was given; work on a copy."


def known_mistakes(result, mistakes: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield the message of each mistake, keyed by it, that would have given just this result."""
    for message, wrong in mistakes.items():
        if np.shape(result) == np.shape(wrong) and np.allclose(result, wrong):
            yield message
