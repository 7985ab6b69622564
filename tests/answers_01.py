"""Right answers to the exercises of lesson 1, and wrong ones with a piece of what they are told."""

import numpy as np

from helpers import augment
from helpers.augment import MIRRORED, flip_keypoints
from helpers.data import KEYPOINT_COLUMNS
from reading_faces.exercises import check


def another_right_flip(points, width):
    result = np.empty_like(points)
    for here, there in enumerate(MIRRORED):
        result[:, here, 0] = (width - 1) - points[:, there, 0]
        result[:, here, 1] = points[:, there, 1]
    return result


def changes_its_input(points, width):
    points[..., 0] = width - 1 - points[..., 0]
    return points[:, MIRRORED]


def swaps_only_the_eyes(points, width):
    order = [1, 0, *range(2, 15)]
    return points[:, order] * [-1, 1] + [width - 1, 0]


def unusual_rows(frame, count):
    coordinates = frame.filter(regex="_[xy]$")
    deviations = (coordinates - coordinates.mean()) / coordinates.std()
    return deviations.abs().max(axis=1).nlargest(count).index.tolist()


def unusual_rows_in_numpy(frame, count):
    values = frame[list(KEYPOINT_COLUMNS)].to_numpy()
    deviations = (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0)
    return np.argsort(-np.nanmax(np.abs(deviations), axis=1))[:count]


def unusual_in_pixels(frame, count):
    coordinates = frame.filter(regex="_[xy]$")
    return (coordinates - coordinates.mean()).abs().max(axis=1).nlargest(count).index


def unusual_on_one_side(frame, count):
    coordinates = frame.filter(regex="_[xy]$")
    deviations = (coordinates - coordinates.mean()) / coordinates.std()
    return deviations.max(axis=1).nlargest(count).index


def unusual_on_average(frame, count):
    coordinates = frame.filter(regex="_[xy]$")
    deviations = (coordinates - coordinates.mean()) / coordinates.std()
    ranked = deviations.abs().mean(axis=1).nlargest(40).index
    return [7, 21, *(row for row in ranked if row not in (7, 21, 30))][:count]


def unusual_by_changing_the_frame(frame, count):
    rows = unusual_rows(frame, count)
    frame["nose_tip_x"] = 0
    return rows


def clips_what_has_wrapped(images, factor):
    return np.clip(np.rint(images * factor), 0, 255).astype(np.uint8)


def brightens_in_place(images, factor):
    images[:] = augment.change_brightness(images, factor)
    return images


def moves_one_face_at_a_time(keypoints, matrix):
    ones = np.ones((15, 1))
    return np.stack([np.hstack([points, ones]) @ matrix.T for points in keypoints])


def moves_in_place(keypoints, matrix):
    keypoints[:] = moves_one_face_at_a_time(keypoints, matrix)
    return keypoints


RIGHT = {
    check.flip_keypoints: [flip_keypoints, another_right_flip],
    check.count_complete: [
        lambda frame: len(frame.dropna()),
        lambda frame: (frame.isna().sum(axis=1) == 0).sum(),
    ],
    check.most_unusual: [unusual_rows, unusual_rows_in_numpy],
    check.brighten: [
        augment.change_brightness,
        lambda images, factor: np.minimum(images * float(factor) + 0.5, 255).astype(np.uint8),
    ],
    check.move_keypoints: [
        moves_one_face_at_a_time,
        lambda points, matrix: points @ matrix[:, :2].T + matrix[:, 2],
    ],
}
WRONG = {
    check.flip_keypoints: [
        (lambda points, width: ..., "gives nothing back"),
        (lambda points, width: points, "Nothing moved"),
        (lambda points, width: points * [-1, 1] + [width, 0], "One pixel off"),
        (lambda points, width: points * [-1, 1] + [width - 1, 0], "swap pairs"),
        (lambda points, width: points[:, MIRRORED] * [-1, 1] + [width, 0], "One pixel off"),
        (lambda points, width: points[:, MIRRORED], "x was not mirrored"),
        (lambda points, width: points[:, MIRRORED] * [-1, 1] + [95, 0], "use `width`"),
        (lambda points, width: points[:, MIRRORED] * [-1, -1] + width - 1, "Heights changed"),
        (lambda points, width: points[0], "shape"),
        (swaps_only_the_eyes, "Point 2"),
        (changes_its_input, "changed the array"),
        (lambda points, width: undefined_name, "NameError"),  # noqa: F821
    ],
    check.count_complete: [
        (lambda frame: None, "gives nothing back"),
        (len, "every row"),
        (lambda frame: frame.isna().any(axis=1).sum(), "without one"),
        (lambda frame: frame.drop(columns="split").notna().any(axis=1).sum(), "ask for all"),
        (lambda frame: frame.count(), "one number"),
        (lambda frame: 3, "gives 3"),
        (lambda frame: 2, "should give 1"),
        (lambda frame: frame["no such column"], "KeyError"),
    ],
    check.most_unusual: [
        (lambda frame, count: None, "gives nothing back"),
        (lambda frame, count: unusual_rows(frame, 5), "as many as"),
        (unusual_in_pixels, "standard deviation"),
        (unusual_on_one_side, "use abs"),
        (unusual_on_average, "by their oddest coordinate"),
        (lambda frame, count: unusual_rows(frame.dropna(), count), "skip what is missing"),
        (lambda frame, count: unusual_rows(frame, count)[::-1], "another order"),
        (lambda frame, count: unusual_rows(frame, 3), "use `count`"),
        (unusual_by_changing_the_frame, "changed the frame"),
        (lambda frame, count: (frame - frame.mean()).index, "TypeError"),
    ],
    check.brighten: [
        (lambda images, factor: ..., "gives nothing back"),
        (lambda images, factor: images, "Nothing became brighter"),
        (lambda images, factor: images * factor, "uint8"),
        (lambda images, factor: (images * float(factor) % 256).astype(np.uint8), "Clip first"),
        (lambda images, factor: np.clip(images + 30.0, 0, 255).astype(np.uint8), "do not add"),
        (lambda images, factor: np.clip(images * factor, 0, 255).astype(np.uint8), "round"),
        (clips_what_has_wrapped, "before you clip"),
        (lambda images, factor: augment.change_brightness(images, 1.3), "use `factor`"),
        (lambda images, factor: augment.change_brightness(images, 1.2), "should give 78"),
        (lambda images, factor: images[0], "shape"),
        (brightens_in_place, "changed the array"),
        (
            lambda images, factor: np.clip(np.rint(images * float(factor)), 0, 254).astype(
                np.uint8
            ),
            "White should stay white",
        ),
    ],
    check.move_keypoints: [
        (lambda points, matrix: None, "gives nothing back"),
        (lambda points, matrix: points, "Nothing moved"),
        (lambda points, matrix: np.nan_to_num(points), "unmarked point"),
        (lambda points, matrix: points @ matrix[:, :2].T, "not shifted"),
        (lambda points, matrix: points + matrix[:, 2], "not turned"),
        (lambda points, matrix: points @ matrix[:, :2] + matrix[:, 2], "transpose"),
        (lambda points, matrix: (points + matrix[:, 2]) @ matrix[:, :2].T, "First turn"),
        (lambda points, matrix: points[..., ::-1] @ matrix[:, :2].T + matrix[:, 2], "exchanged"),
        (lambda points, matrix: points * 2, "goes elsewhere"),
        (lambda points, matrix: points @ matrix, "shape"),
        (moves_in_place, "changed the array"),
    ],
}
