"""Checkers of the exercises: each runs a learner's function and says what is right or wrong.

One module a lesson; what they answer is a `verdict.Verdict`.
"""
# ruff: noqa: F401, F403

from reading_faces.exercises.lesson_01 import *
from reading_faces.exercises.lesson_02 import *
from reading_faces.exercises.lesson_03 import *
from reading_faces.exercises.lesson_04 import *
from reading_faces.exercises.lesson_05 import *
from reading_faces.exercises.lesson_06 import *
from reading_faces.exercises.lesson_07 import *
from reading_faces.exercises.verdict import QUIZZES, quiz, unless_yours

quiz_01, quiz_02, quiz_03, quiz_04, quiz_05, quiz_06, quiz_07 = map(quiz, QUIZZES)
