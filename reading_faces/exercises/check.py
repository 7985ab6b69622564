"""Checkers of the exercises: each runs a learner's function and says what is right or wrong.

One module a lesson; what they answer is a `Verdict`.
"""

from reading_faces.exercises.lesson_01 import (
    brighten,
    count_complete,
    flip_keypoints,
    most_unusual,
    move_keypoints,
)
from reading_faces.exercises.lesson_02 import (
    average_with_mirror,
    error_in_eye_distances,
    gradient_step,
    masked_loss,
    stage_shapes,
)
from reading_faces.exercises.lesson_03 import (
    class_weights,
    find_copies,
    keep_classes,
    macro_f1,
    soften,
)
from reading_faces.exercises.lesson_04 import (
    best_threshold,
    focal_loss,
    nearest_prototype,
    pad_and_crop,
    split_subjects,
)
from reading_faces.exercises.lesson_05 import (
    equal_error_rate,
    name_or_nobody,
    semi_hard,
    triplet_loss,
    unit_sphere,
)
from reading_faces.exercises.lesson_06 import hand_out, keypoints_to_photo, overlap, smooth
from reading_faces.exercises.verdict import Verdict

__all__ = [
    "Verdict",
    "average_with_mirror",
    "best_threshold",
    "brighten",
    "class_weights",
    "count_complete",
    "equal_error_rate",
    "error_in_eye_distances",
    "find_copies",
    "flip_keypoints",
    "focal_loss",
    "gradient_step",
    "hand_out",
    "keep_classes",
    "keypoints_to_photo",
    "macro_f1",
    "masked_loss",
    "most_unusual",
    "move_keypoints",
    "name_or_nobody",
    "nearest_prototype",
    "overlap",
    "pad_and_crop",
    "semi_hard",
    "smooth",
    "soften",
    "split_subjects",
    "stage_shapes",
    "triplet_loss",
    "unit_sphere",
]
