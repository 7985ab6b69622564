"""What a careful reviewer finds in a data set of emotions, and which keypoints Kaggle's set has."""

import itertools

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances_argmin

from helpers import data
from reading_faces.training.scores import mean_or_none
from reading_faces.training.training_data import agreement


def review(source: str) -> dict:
    """Look over `facial-keypoints`, or any source of faces with emotions."""
    if source == "facial-keypoints":
        return describe_gaps(data.kaggle_coordinates(source))
    return review_emotions(data.load_emotions(source))


def review_emotions(faces: data.EmotionData) -> dict:
    """Look a data set over.

    What is found: `counts` by split and class; `copies`: how many pictures of each other split also
    occur among those to train on, how many of them carry the same label there, and how often the
    label of the nearest training picture is right with and without such copies; `conflicts`: groups
    of identical pictures with different labels; and `votes`, if there are any.
    """
    training = faces.select(np.isin(faces.split, ("train", "val")))
    others = sorted({*faces.split.tolist()} - {"train", "val", "all"}) if len(training) else []
    names = pd.Categorical.from_codes(faces.labels, faces.classes)
    same = label_table(faces).groupby("picture").label.agg(["nunique", "size"])
    conflicts = same["size"][same["nunique"] > 1]
    return {
        "n": len(faces),
        "counts": pd.crosstab(faces.split, names, dropna=False).to_dict("index"),
        "copies": {split: review_copies(training, faces.select(split)) for split in others},
        "conflicts": {"groups": len(conflicts), "pictures": int(conflicts.sum())},
        "votes": review_votes(faces),
    }


def review_copies(training: data.EmotionData, other: data.EmotionData) -> dict:
    """Count pictures of `other` that occur in `training`, and say what they do to a score."""
    copied = data.occur_among(other.images, training.images)
    agreeing = label_table(other).merge(label_table(training).drop_duplicates())
    nearest = training.labels[nearest_pictures(other.images, training.images)] == other.labels
    return {
        "n": int(copied.sum()),
        "of": len(other),
        "with_the_same_label": len(agreeing),
        "nearest_picture_accuracy": float(nearest.mean()),
        "nearest_picture_accuracy_without_copies": mean_or_none(nearest[~copied]),
    }


def label_table(faces: data.EmotionData) -> pd.DataFrame:
    """Return a row for each face: the bytes of its `picture`, and its `label`."""
    pictures = [image.tobytes() for image in faces.images]
    return pd.DataFrame({"picture": pictures, "label": faces.labels})


def nearest_pictures(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each picture the row of the most correlated one among `others`, `(n,) int`."""
    # The cosine between pictures of mean 0 is their correlation; that of a flat one is 0.
    rows = (np.float32(faces).reshape(len(faces), -1) for faces in (images, others))
    centred = (pixels - pixels.mean(axis=1, keepdims=True) for pixels in rows)
    return pairwise_distances_argmin(*centred, metric="cosine")


def review_votes(faces: data.EmotionData) -> dict | None:
    """Say how far voters agree with each other and with the label; None if there are no votes."""
    if faces.votes is None or not faces.votes.any():
        return None
    voted = faces.select(faces.votes.any(axis=1))
    votes, total = voted.votes.astype(float), voted.votes.sum(axis=1)
    with_label = votes[np.arange(len(votes)), voted.labels_among(data.VOTES)]
    favourite = votes.argmax(axis=1)
    top = np.bincount(favourite, minlength=len(data.VOTES))
    pairs = (votes * (votes - 1)).sum(axis=1) / np.maximum(total * (total - 1.0), 1)
    return {
        "n": len(votes),
        "most_frequent_answer": dict(zip(data.VOTES, top.tolist(), strict=True)),
        "label_is_most_frequent": float((favourite == voted.labels_among(data.VOTES)).mean()),
        "a_voter_agrees_with_the_label": float((with_label / total).mean()),
        "two_voters_agree": float(pairs.mean()),
        "all_agree": float((agreement(votes) == 1).mean()),
        "nobody_agrees_with_the_label": int((with_label == 0).sum()),
    }


def describe_gaps(keypoints: np.ndarray) -> dict:
    """Count which of the keypoints `(n, 15, 2)` are marked.

    `patterns` holds the five commonest sets of missing points; `more_than_four` says where in the
    table the faces with more than four points are, which tells two merged sources apart.
    `largest_is_lower_lip_y` counts the complete faces of whose 30 numbers the lower lip's height is
    the largest.
    """
    marked = np.isfinite(keypoints).all(axis=2)
    points = marked.sum(axis=1)
    patterns = pd.DataFrame(marked).value_counts().head(5)
    rich = np.flatnonzero(points > 4)
    largest = keypoints[points == 15].reshape(-1, 30).argmax(axis=1)
    return {
        "n": len(keypoints),
        "complete": int((points == 15).sum()),
        "patterns": [
            {"faces": n, "missing": list(itertools.compress(data.KEYPOINT_NAMES, ~np.array(there)))}
            for there, n in patterns.items()
        ],
        "more_than_four": {
            "faces": len(rich),
            "first_row": int(rich.min(initial=len(keypoints))),
            "last_row": int(rich.max(initial=-1)),
        },
        "largest_is_lower_lip_y": int((largest == 29).sum()),
    }
