"""What a careful reviewer finds in a data set: of emotions, counts, copies, conflicts and doubts;
of Kaggle's keypoints, which are marked.
"""

import numpy as np

from helpers import data
from reading_faces.training.scores import mean_or_none
from reading_faces.training.soft_labels import agreement, label_by_votes


def review(source: str) -> dict:
    """Look over `facial-keypoints`, or any source of faces with emotions."""
    if source == "facial-keypoints":
        return describe_gaps(data.kaggle_coordinates(source))
    return review_emotions(data.load_emotions(source))


def review_emotions(faces: data.EmotionData) -> dict:
    """Look a data set over.

    Returns
    -------
    `counts` by split and class; `copies`: how many pictures of each other split also occur among
    those to train on, how many of them carry the same label there, and how often the label of the
    nearest training picture is right with and without such copies; `conflicts`: groups of
    identical pictures with different labels; `flat`: pictures with a standard deviation below 20
    grey levels; and `votes`, if there are any: among them how often the label is told right by
    somebody who sees the votes of all ten instead of the face.
    """
    training = np.isin(faces.split, ("train", "val"))
    others = [split for split in np.unique(faces.split) if split not in ("train", "val", "all")]
    return {
        "n": len(faces),
        "counts": {
            split: {
                name: int(((faces.split == split) & (faces.labels == label)).sum())
                for label, name in enumerate(faces.classes)
            }
            for split in np.unique(faces.split).tolist()
        },
        "copies": {
            str(split): review_copies(faces.select(training), faces.select(str(split)))
            for split in others
            if training.any()
        },
        "conflicts": review_conflicts(faces),
        "flat": int((faces.images.std(axis=(1, 2)) < 20).sum()),
        "votes": review_votes(faces),
    }


def review_copies(training: data.EmotionData, other: data.EmotionData) -> dict:
    """Count pictures of `other` that occur in `training`, and say what they do to a score."""
    copied = data.occur_among(other.images, training.images)
    labels_there = labels_of_pictures(training)
    agrees = [
        int(label) in labels_there[image.tobytes()]
        for image, label in zip(other.images[copied], other.labels[copied], strict=True)
    ]
    nearest = training.labels[nearest_pictures(other.images, training.images)] == other.labels
    return {
        "n": int(copied.sum()),
        "of": len(other),
        "with_the_same_label": int(sum(agrees)),
        "nearest_picture_accuracy": float(nearest.mean()),
        "nearest_picture_accuracy_without_copies": mean_or_none(nearest[~copied]),
    }


def labels_of_pictures(faces: data.EmotionData) -> dict[bytes, list[int]]:
    """Return the labels that each different picture carries, by its bytes."""
    labels: dict[bytes, list[int]] = {}
    for image, label in zip(faces.images, faces.labels, strict=True):
        labels.setdefault(image.tobytes(), []).append(int(label))
    return labels


def nearest_pictures(images: np.ndarray, others: np.ndarray, block: int = 500) -> np.ndarray:
    """Return for each picture the row of the most correlated one among `others`, `(n,) int`."""
    images, others = (unit_rows(pictures) for pictures in (images, others))
    starts = range(0, len(images), block)
    found = [(images[start : start + block] @ others.T).argmax(axis=1) for start in starts]
    return np.concatenate(found)


def unit_rows(images: np.ndarray) -> np.ndarray:
    """Return pictures as rows of mean 0 and length 1, whose dot product is a correlation."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3)


def review_conflicts(faces: data.EmotionData) -> dict:
    """Count groups of identical pictures that do not all carry one label."""
    torn = [labels for labels in labels_of_pictures(faces).values() if len(set(labels)) > 1]
    return {"groups": len(torn), "pictures": sum(map(len, torn))}


def review_votes(faces: data.EmotionData) -> dict | None:
    """Say how far voters agree with each other and with the label; None if there are no votes."""
    if faces.votes is None or not faces.votes.any():
        return None
    voted = faces.votes.sum(axis=1) > 0
    votes, labels = faces.votes[voted].astype(float), faces.labels[voted]
    shares = votes / votes.sum(axis=1, keepdims=True)
    own = faces.labels_among(data.VOTES)[voted]
    rows = np.arange(len(votes))
    top = np.bincount(votes.argmax(axis=1), minlength=len(data.VOTES))
    pairs = (votes * (votes - 1)).sum(axis=1) / np.maximum(
        votes.sum(axis=1) * (votes.sum(axis=1) - 1), 1
    )
    return {
        "n": len(votes),
        "most_frequent_answer": dict(zip(data.VOTES, top.tolist(), strict=True)),
        "label_is_most_frequent": float((votes.argmax(axis=1) == own).mean()),
        "a_voter_agrees_with_the_label": float(shares[rows, own].mean()),
        "two_voters_agree": float(pairs.mean()),
        "all_agree": float((agreement(votes) == 1).mean()),
        "label_told_from_votes": float(
            (label_by_votes(labels, votes).argmax(axis=1) == labels).mean()
        ),
        "nobody_agrees_with_the_label": int((shares[rows, own] == 0).sum()),
    }


def describe_gaps(keypoints: np.ndarray) -> dict:
    """Count which of the keypoints `(n, 15, 2)` are marked, by face, by point and by pattern.

    `patterns` holds the five commonest sets of missing points; `more_than_four` says where in the
    table the faces with more than four points are, which tells two merged sources apart.
    `largest_is_lower_lip_y` counts the complete faces of whose 30 numbers the lower lip's height is
    the largest.
    """
    marked = np.isfinite(keypoints).all(axis=2)
    numbers, faces = np.unique(marked.sum(axis=1), return_counts=True)
    patterns, shared = np.unique(marked, axis=0, return_counts=True)
    rich = np.flatnonzero(marked.sum(axis=1) > 4)
    largest = keypoints[marked.all(axis=1)].reshape(-1, 30).argmax(axis=1)
    return {
        "n": len(keypoints),
        "complete": int(marked.all(axis=1).sum()),
        "faces_by_points_marked": {str(k): int(n) for k, n in zip(numbers, faces, strict=True)},
        "faces_by_point": dict(zip(data.KEYPOINT_NAMES, marked.sum(axis=0).tolist(), strict=True)),
        "patterns": [
            {
                "faces": int(shared[i]),
                "missing": [data.KEYPOINT_NAMES[k] for k in np.flatnonzero(~patterns[i])],
            }
            for i in np.argsort(-shared, kind="stable")[:5]
        ],
        "more_than_four": {
            "faces": len(rich),
            "first_row": int(rich.min(initial=len(keypoints))),
            "last_row": int(rich.max(initial=-1)),
        },
        "largest_is_lower_lip_y": int((largest == 29).sum()),
        "range_px": {
            axis: [round(float(bound), 2) for bound in (values.min(), values.max())]
            for axis, values in zip("xy", keypoints[marked].T, strict=True)
            if len(values)
        },
    }
