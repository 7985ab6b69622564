"""The course's data: one loader per kind of data set, and every source gives the same record.

Loading never touches the network; `fetch` does, and only when called.
"""

from helpers.data.action_units import NoActionUnits, load_action_units, of_made_faces
from helpers.data.ckplus import Peak, load_peaks
from helpers.data.duplicates import occur_among
from helpers.data.emotions import load_emotions
from helpers.data.fetch import fetch, verify
from helpers.data.keypoints import describe_gaps, kaggle_coordinates, load_keypoints
from helpers.data.people import PeopleData, load_people
from helpers.data.records import (
    EMOTIONS,
    KEYPOINT_COLUMNS,
    KEYPOINT_NAMES,
    VOTES,
    ActionUnitData,
    DataError,
    EmotionData,
    KeypointData,
)
from helpers.data.sources import SourceStatus, list_sources

__all__ = [
    "EMOTIONS",
    "KEYPOINT_COLUMNS",
    "KEYPOINT_NAMES",
    "VOTES",
    "ActionUnitData",
    "DataError",
    "EmotionData",
    "KeypointData",
    "NoActionUnits",
    "Peak",
    "PeopleData",
    "SourceStatus",
    "describe_gaps",
    "fetch",
    "kaggle_coordinates",
    "list_sources",
    "load_action_units",
    "load_emotions",
    "load_keypoints",
    "load_peaks",
    "load_people",
    "occur_among",
    "of_made_faces",
    "verify",
]
