"""The course's data: one loader per kind of data set, and every source gives the same record.

Loading never touches the network.
"""

from helpers.data.ckplus import load_peaks
from helpers.data.emotions import load_emotions
from helpers.data.keypoints import kaggle_coordinates, load_keypoints
from helpers.data.made import album_folder, load_set
from helpers.data.people import load_people
from helpers.data.records import (
    EMOTIONS,
    FIVE_CLASSES,
    KEYPOINT_COLUMNS,
    KEYPOINT_NAMES,
    VOTES,
    DataError,
    EmotionData,
    KeypointData,
)
from helpers.data.splits import occur_among
