"""Right answers to the exercises of lesson 6, and wrong ones with a piece of what they are told."""

import numpy as np

from helpers import check


def by_the_inverse_matrix(points, matrix):
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


RIGHT = {
    check.keypoints_to_photo: [
        lambda points, m: (points - m[:, 2]) / m[0, 0],
        by_the_inverse_matrix,
    ],
}
WRONG = {
    check.keypoints_to_photo: [
        (lambda points, m: ..., "gives nothing back"),
        (lambda points, m: points, "Nothing moved"),
        (lambda points, m: points @ m[:, :2].T + m[:, 2], "the way back"),
        (lambda points, m: points / m[0, 0], "not shifted"),
        (lambda points, m: points - m[:, 2], "not scaled"),
        (lambda points, m: points / m[0, 0] - m[:, 2], "wrong order"),
        (lambda points, m: ((points - m[:, 2]) / m[0, 0])[:, ::-1], "changed places"),
        (lambda points, m: (points - m[:, 2]) / m[0, 0] + 1, "1.4 px"),
        (lambda points, m: points[0], "shape"),
        (lambda points, m: m @ points, "ValueError"),
    ],
}
