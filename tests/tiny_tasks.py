"""The tasks that are trained step by step, with networks that take a second to train."""

from dataclasses import replace

from reading_faces.training import tasks

FEW = {"filters": (4,), "identity_blocks": 0, "dropout": 0.0}

KEYPOINTS = replace(tasks.KEYPOINTS, networks={"tiny": ("build_keypoint_model", FEW)})
EMOTION = replace(tasks.EMOTION, networks={"tiny": ("build_emotion_model", FEW)})
ACTION_UNITS = replace(tasks.ACTION_UNITS, networks={"tiny": ("build_action_unit_model", FEW)})
