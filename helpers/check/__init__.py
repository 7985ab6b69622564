"""Checkers of the exercises: each runs a learner's function and says what is right or wrong.

One module a lesson; what they answer is a `Verdict`.
"""

from helpers.check.lesson_01 import count_complete, flip_keypoints
from helpers.check.lesson_06 import keypoints_to_photo
from helpers.check.verdict import Verdict

__all__ = ["Verdict", "count_complete", "flip_keypoints", "keypoints_to_photo"]
