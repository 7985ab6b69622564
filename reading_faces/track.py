"""Follow faces through a video: each keeps its number, and its emotion does not flicker.

The detector, which takes most of the time, looks at every few frames only. In between, a face is
cut where its own keypoints were a moment ago: eyes, nose and mouth say where it has moved to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from helpers.crop import find_region
from helpers.detect import DetectedFace, shared_area
from reading_faces import upright
from reading_faces.reader import FaceReader, FaceReading

# MTCNN's five landmarks among the 15 keypoints, the subject's right side first.
LANDMARKS = [1, 0, 10, 12, 11]
# A face may be out of sight for so many looks of the detector and keep its number.
PATIENCE = 3
# Least overlap (intersection over union) of two boxes that may be one face.
OVERLAP = 0.2


@dataclass(frozen=True)
class Track:
    """A face that is followed."""

    number: int  # from 1, given at first sight and to nobody else afterwards
    face: DetectedFace  # where it was last
    reading: FaceReading | None = None  # what was last read, its emotion smoothed over time
    missed: int = 0  # how many looks of the detector have not found it
    embedding: np.ndarray | None = None  # (d,), who it is, if an embedder looks too


class FaceTracker:
    """Reads a video's frames one after the other.

    Parameters
    ----------
    reader : what reads each face; it must read keypoints, which tell where a face has moved. Its
        embedder knows a face again that was out of sight, or jumped; without, only place counts.
    every : the detector looks at every so many frames.
    smoothing : over how many frames an emotion is averaged (time constant of an exponential mean);
        0 for as it is read.

    Raises
    ------
    ValueError
        If the reader reads no keypoints.
    """

    def __init__(self, reader: FaceReader, every: int = 10, smoothing: float = 5.0):
        if "keypoints" not in reader.parts:
            raise ValueError("Faces are followed by their keypoints, which this reader leaves out.")
        reader.load()  # it may bring an embedder
        self.reader, self.every, self.embedder = reader, max(1, every), reader.embedder
        self.keep = float(np.exp(-1 / smoothing)) if smoothing > 0 else 0.0
        self.frame, self.numbers = 0, 0
        self.tracks: list[Track] = []

    def read(self, frame: np.ndarray) -> list[Track]:
        """Return the faces of the next frame `(h, w, 3) uint8` RGB by number."""
        if self.frame % self.every == 0:
            self._look(frame)
        self.frame += 1
        seen = [track for track in self.tracks if not track.missed]
        readings = self.reader.read_faces(frame, [track.face for track in seen])
        moved = [follow(*pair, self.keep) for pair in zip(seen, readings, strict=True)]
        missed = [track for track in self.tracks if track.missed]
        self.tracks = sorted(moved + missed, key=lambda track: track.number)
        return moved

    def _look(self, frame: np.ndarray) -> None:
        """Give the faces that the detector sees the numbers that they had, or new ones."""
        found, _ = upright.find_faces(frame, self.reader.detector)
        who = self.reader.embed_faces(frame, found) if self.embedder else [None] * len(found)
        known = self._match(found, who)
        tracks = [replace(track, missed=track.missed + 1) for track in self.tracks]
        for row, place in known.items():
            tracks[row] = replace(tracks[row], face=found[place], missed=0, embedding=who[place])
        for place in sorted(set(range(len(found))) - set(known.values())):
            self.numbers += 1
            tracks.append(Track(self.numbers, found[place], embedding=who[place]))
        self.tracks = [track for track in tracks if track.missed <= PATIENCE]

    def _match(self, found: list[DetectedFace], embeddings: Sequence) -> dict[int, int]:
        """Pair tracks with found faces: by place first, or else by who they are."""
        scores = [
            [self._likeness(track, *seen) for seen in zip(found, embeddings, strict=True)]
            for track in self.tracks
        ]
        scores = np.reshape(scores, (len(self.tracks), len(found)))
        pairs = zip(*linear_sum_assignment(scores, maximize=True), strict=True)
        return {row: place for row, place in pairs if scores[row, place] > 0}

    def _likeness(self, track: Track, face: DetectedFace, embedding: np.ndarray | None) -> float:
        """Say how likely this is a track's face: above 2 by its place, up to 1 by who it is."""
        overlap = intersection_over_union(track.face.box, face.box)
        if overlap >= OVERLAP:
            return 2 + overlap
        if not self.embedder:
            return 0.0
        similar = float(track.embedding @ embedding)
        return similar if similar >= self.embedder.threshold else 0.0


def intersection_over_union(one: tuple, other: tuple) -> float:
    """Return the share of the area of two boxes (x, y, width, height) that both cover."""
    a, b = np.array(one, float), np.array(other, float)
    shared = shared_area(a, b)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-9)


def follow(track: Track, reading: FaceReading, keep: float) -> Track:
    """Move a face to where its keypoints are now, and let its emotion change slowly."""
    landmarks = np.asarray(reading.keypoints, float)[LANDMARKS]
    face, before = track.face, track.face.landmarks
    if before is not None:
        box = moved_box(face.box, before, landmarks)
        face = replace(face, box=tuple(box.tolist()), region=find_region(box, landmarks))
    face = replace(face, landmarks=landmarks)
    emotion = reading.emotion
    if emotion and track.reading is not None and track.reading.emotion:
        old = track.reading.emotion
        emotion = {name: keep * old[name] + (1 - keep) * p for name, p in emotion.items()}
    return replace(track, face=face, reading=replace(reading, box=face.box, emotion=emotion))


def moved_box(box: tuple, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Move and scale a box as its landmarks `(5, 2)` have moved and spread."""
    box = np.array(box, float)
    middle, target = before.mean(axis=0), after.mean(axis=0)
    spread = np.linalg.norm(before - middle)
    scale = float(np.clip(np.linalg.norm(after - target) / max(spread, 1e-9), 0.8, 1.25))
    start = target + scale * (box[:2] - middle)
    return np.concatenate([start, scale * box[2:]])
