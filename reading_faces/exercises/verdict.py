"""What a checker answers, and what all of them ask first.

A checker returns a `Verdict`, which shows itself as ✅, ❌ or ⬜ in a notebook and never raises; in
an assignment `verdict.require()` does, so that the cell fails and no point is given.
"""

import copy
import dis
import functools
import hashlib
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

NOTHING = "Nothing here yet: type your answer in the cell above, run it, then run this cell."
LETTERS = "ABCD"
QUIZZES = tomllib.loads(Path(__file__).with_name("quizzes.toml").read_text("utf-8"))
# The functions that checkers have accepted, and the course's own that took a learner's place.
accepted: list[Callable] = []
ours: list[Callable] = []


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, or not there yet (⬜), and one sentence about it."""

    passed: bool
    message: str
    mark: str = ""

    def __repr__(self) -> str:
        return f"{self.mark or ('✅' if self.passed else '❌')} {self.message}"

    def require(self) -> None:
        """Print the message, or raise AssertionError with it if the answer is wrong."""
        if not self.passed:
            raise AssertionError(self.message)
        print(self)


class Wrong(Exception):
    """What is wrong with an answer of which nothing more can be asked."""


class Nothing(Exception):
    """There is no answer yet."""


def checker(praise: str) -> Callable:
    """Make a checker of a function that is given an answer and yields a sentence a problem.

    The checker takes a learner's function. It returns the first problem as its verdict, or
    `praise`; to raise is a problem too.
    """

    def decorate(problems: Callable[[Callable], Iterator[str]]) -> Callable[[Callable], Verdict]:
        @functools.wraps(problems)
        def check(answer: Callable) -> Verdict:
            if among(ours, answer):
                return Verdict(False, "This is our solution, not yours: type yours above.", "⬜")
            verdict = judge(problems, functools.partial(call, answer), praise, "Your function")
            if verdict.passed:
                accepted.append(answer)
            return verdict

        return check

    return decorate


def value_checker(praise: str | Callable[..., str]) -> Callable:
    """Make a checker as `checker` does, of a value: results of an experiment, a model.

    What a template holds (None, an empty collection, `...`) is no answer yet. `praise` may also be
    a function of the answer, to say what was reached.
    """

    def decorate(problems: Callable[..., Iterator[str]]) -> Callable[..., Verdict]:
        @functools.wraps(problems)
        def check(answer) -> Verdict:
            if is_template(answer):
                return Verdict(False, NOTHING, "⬜")
            verdict = judge(problems, answer, "", "Checking your answer")
            if not verdict.passed:
                return verdict
            return Verdict(True, praise if isinstance(praise, str) else praise(answer))

        return check

    return decorate


def judge(problems: Callable, answer, praise: str, what: str) -> Verdict:
    """Return the verdict on an answer: the first of its problems, or praise."""
    try:
        problem = next(problems(answer), None)
    except Nothing:
        return Verdict(False, NOTHING, "⬜")
    except Wrong as wrong:
        problem = str(wrong)
    except Exception as error:  # the learner's own code may raise anything
        problem = f"{what} stopped with {type(error).__name__}: {error}."
    return Verdict(problem is None, problem or praise)


def quiz(lesson: str, questions: dict[str, dict] | None = None) -> Callable[[dict], Verdict]:
    """Return the checker of a lesson's questions, by default those in `QUIZZES`.

    For the number of each, there is a digest of its `right` letter, and a `hint` where to look
    again.
    """
    questions = questions or QUIZZES[lesson]

    def check(answers: dict[int, str]) -> Verdict:
        if is_template(answers):
            return Verdict(False, NOTHING, "⬜")
        if not isinstance(answers, dict):
            form = 'Answer with a dictionary of letters in quotes: {1: "A", 2: "B"}.'
            return Verdict(False, form)
        wrong, missing = [], []
        for number, about in questions.items():
            letter = answers.get(int(number))
            letter = "" if is_template(letter) else str(letter).strip(" .)").upper()
            if not letter:
                missing.append(number)
            elif letter not in tuple(LETTERS):
                wrong.append(f"Question {number}: give one of the letters A to D, in quotes.")
            elif digest(lesson, number, letter) != about["right"]:
                wrong.append(f"Question {number}: {about['hint']}")
        if not wrong and not missing:
            return Verdict(True, f"Right: all {len(questions)} answers.")
        open_questions = f" Not answered yet: {', '.join(missing)}." if missing else ""
        message = (" ".join(wrong) or "Right so far.") + open_questions
        return Verdict(False, message, "" if wrong else "⬜")

    check.__name__ = f"quiz_{lesson}"
    return check


def digest(lesson: str, question: int | str, letter: str) -> str:
    """Return what a quiz's key holds for a letter, so that it cannot be read at a glance."""
    return hashlib.sha256(f"reading faces {lesson}.{question} {letter}".encode()).hexdigest()[:10]


def unless_yours(function: Callable) -> Callable:
    """Decorate the course's own solution: where a learner's function was accepted, keep that."""
    name = function.__name__
    yours = function.__globals__.get(name)
    if among(accepted, yours):
        print(f"From here on, the lesson uses your own {name}.")
        return yours
    print(
        f"From here on, the lesson uses our {name}, because none of yours has passed the checker."
    )
    ours.append(function)
    return function


def among(functions: list[Callable], function: Callable) -> bool:
    """Return whether it is one of these very functions."""
    return any(function is one for one in functions)


def is_template(answer) -> bool:
    """Return whether a learner has left a value as it was: None, `...`, or nothing in it."""
    if isinstance(answer, dict):
        return all(is_template(value) for value in answer.values())
    return answer is None or answer is ... or (isinstance(answer, list | tuple) and not answer)


def stub() -> None:
    """Do as little as the stub of an exercise."""
    ...


def is_stub(function: Callable) -> bool:
    """Return whether a function is a `def` without code, at most with a docstring."""
    if getattr(function, "__name__", "<lambda>") == "<lambda>" or not hasattr(function, "__code__"):
        return False
    steps, none = ([step.opname for step in dis.get_instructions(f)] for f in (function, stub))
    return steps == none


def call(answer: Callable, *given):
    """Return what an answer gives back for copies of what it is given, which it must not change."""
    copies = copy.deepcopy(given)
    result = answer(*copies)
    if result is None and is_stub(answer):
        raise Nothing
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


def pairs(results: dict, key: str, value: str, least: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return what an experiment has tried, in rising order, and what came out each time.

    It is `Wrong` if these are no numbers in a dictionary, or fewer than `least`.
    """
    try:
        tried = sorted((float(one), float(found)) for one, found in results.items())
    except (AttributeError, TypeError, ValueError):
        raise Wrong(f"Give a dictionary of numbers: {key}, then {value}.") from None
    if len(tried) < least:
        asked = {3: "three", 4: "four", 5: "five"}[least]
        raise Wrong(f"Try at least {asked} {key}s; you have {len(tried)}.")
    return tuple(np.array(tried).T)


def rates_tried(results: dict, value: str, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `pairs` of an experiment with learning rates, if those are far apart."""
    rates, found = pairs(results, "learning rate", value, least)
    if not ((rates > 0) & (rates <= 10)).all():
        raise Wrong("The keys are learning rates, above 0, such as 2e-3.")
    if rates[-1] < 100 * rates[0]:
        raise Wrong(
            "Your rates are close together; let the largest be 100 times the smallest or more."
        )
    return rates, found


def lowest(what: str) -> Callable[[dict], str]:
    """Return the praise of an experiment: where `what`, by what was tried, came out lowest."""

    def praise(results: dict[float, float]) -> str:
        tried, found = pairs(results, "number", "what came out")
        best = np.nanargmin(found)  # a training that came to nothing ends in NaN
        return f"Right: {what} is lowest at {tried[best]:g}, {found[best]:.3f}."

    return praise


def difference(result: np.ndarray, right: np.ndarray) -> str:
    """Say what the result is and should be, of several rows in the first that differs."""
    if np.ndim(right) == 0:
        return f"You got {result:.4f}; it should be {right:.4f}."
    row = next(i for i in range(len(right)) if not same(result[i], right[i]))
    found, wanted = np.round(result[row], 4), np.round(right[row], 4)
    return f"In row {row} you got {found}; it should be {wanted}."
