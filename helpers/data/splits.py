"""Which rows to train on and which to keep aside: the same ones whatever the course's seed.

Stored weights are judged on these splits, so a split that moved with the seed would let training
pictures leak into it, as would a copy of one photo on the other side. Marked faces are cropped anew
a few pixels apart and lit alike with many others: they are laid onto the mean face by their points,
and compared by their lines and edges rather than by their shading.
"""

import hashlib
import itertools

import cv2
import numpy as np

_SEED = 0
# Chosen by looking at pairs of 10,000 real faces: copies score 0.91 to 1.00, strangers up to 0.92.
_SAME_PHOTO = 0.9
# The middle 72 pixels as 18 × 18 cells, also moved by 3 pixels because some marks are loose.
_SIDE, _CELLS = 72, 18
_MOVES = tuple(itertools.product((-3, 0, 3), repeat=2))
_HELD = _MOVES.index((0, 0))
_BLOCK = 2_000


def tenth_per_class(labels: np.ndarray) -> np.ndarray:
    """Pick a tenth of each class, the same one every time.

    Returns
    -------
    (n,) bool
        True for the rows to set aside; of a class with k rows, k / 10 rounded.
    """
    rng = np.random.default_rng(_SEED)
    aside = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        aside[rng.permutation(rows)[: round(len(rows) / 10)]] = True
    return aside


def split_by_name(name: str) -> str:
    """Return the split of a person by the MD5 hash of the name, modulo 10: the same in each set."""
    tenth = _hash(name) % 10
    return "test" if tenth > 7 else "val" if tenth == 7 else "train"


def tenth_of_people(names: np.ndarray) -> np.ndarray:
    """Pick a tenth of the people `(n,) str`, at least one, by their hashes; return `(n,) bool`."""
    people = sorted(set(names.tolist()), key=_hash)
    return np.isin(names, people[: max(1, round(len(people) / 10))])


def _hash(name: str) -> int:
    return int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), 16)


def split_by_group(groups: np.ndarray) -> np.ndarray:
    """Split about 80/10/10 into train, val and test; rows `(n,)` of the same number stay together.

    Returns
    -------
    (n,) str
    """
    # A group goes where its first row is drawn, so that finding one more group elsewhere moves
    # only that group's rows and not the whole split.
    draw = np.random.default_rng(_SEED).permutation(len(groups)) / len(groups)
    _, first, group_of_row = np.unique(groups, return_index=True, return_inverse=True)
    side = np.digitize(draw[first], [0.1, 0.2])
    return np.array(["test", "val", "train"])[side[group_of_row]]


def occur_among(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return (n,) bool: is a picture (n, h, w) uint8 one of `others`, pixel for pixel?"""
    there = {other.tobytes() for other in others}
    return np.array([image.tobytes() in there for image in images], bool)


def near_duplicate_groups(images: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Return a number `(n,)` for each face, the same for copies of one photo.

    Images are `(n, 96, 96) uint8`, keypoints `(n, 15, 2)` in pixels, NaN where unlabelled.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(images)
    mean_face = np.ma.masked_invalid(keypoints).mean(axis=0, dtype=float).filled(0)
    faces = zip(images, similarities(keypoints, mean_face), strict=True)
    first, second = _alike_pairs(np.stack([_descriptors(image, fit) for image, fit in faces]))
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(n, n))
    return connected_components(links, directed=False)[1]


def _descriptors(image: np.ndarray, alignment: np.ndarray) -> np.ndarray:
    """Return (9, 324) float32, a row for each move; a dot product of rows is a correlation."""
    aligned = cv2.warpAffine(image, alignment, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    aligned = aligned.astype(np.float32)
    lines = cv2.GaussianBlur(aligned, (0, 0), 1.5) - cv2.GaussianBlur(aligned, (0, 0), 8)
    start = (len(image) - _SIDE) // 2
    windows = [lines[start + down :, start + right :][:_SIDE, :_SIDE] for down, right in _MOVES]
    cells = [cv2.resize(w, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) for w in windows]
    rows = np.stack(cells).reshape(len(_MOVES), -1)
    rows -= rows.mean(axis=1, keepdims=True)
    # A blank picture has no lines; it must match nothing rather than divide by zero.
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3)


def _alike_pairs(descriptors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the pairs that correlate, one face held still and the other moved."""
    firsts, seconds = [], []
    for move, start in itertools.product(range(len(_MOVES)), range(0, len(descriptors), _BLOCK)):
        held = descriptors[start : start + _BLOCK, _HELD]
        first, second = np.nonzero(held @ descriptors[:, move].T > _SAME_PHOTO)
        firsts.append(first + start)
        seconds.append(second)
    return np.concatenate(firsts), np.concatenate(seconds)


def similarities(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return `(n, 2, 3)` turns, scales and shifts that lay points `(n, k, 2)` on `target (k, 2)`.

    Points that are NaN take no part; a face whose points all coincide is only shifted. With points
    as complex numbers z and their targets m, the least-squares fit is z -> a z + b with
    a = Σ conj(z) m / Σ |z|², both centred.
    """
    known = np.isfinite(points).all(axis=2)
    places = np.where(known, points[..., 0] + 1j * points[..., 1], 0)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    wanted = known * (target[:, 0] + 1j * target[:, 1])
    centre = places.sum(axis=1, keepdims=True) / count
    middle = wanted.sum(axis=1, keepdims=True) / count
    spread = known * (places - centre)
    turn = (np.conj(spread) * (wanted - middle)).sum(axis=1)
    size = (np.abs(spread) ** 2).sum(axis=1)
    a = np.where(size > 0, turn / np.maximum(size, 1e-6), 1)
    b = middle[:, 0] - a * centre[:, 0]
    return np.stack([a.real, -a.imag, b.real, a.imag, a.real, b.imag], axis=1).reshape(-1, 2, 3)
