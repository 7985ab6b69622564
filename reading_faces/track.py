"""Follow faces through a video: a number is one person, and what a label says does not flicker.

The detector, which takes most of the time, looks at every few frames only. In between, its last
network alone looks where each face should be by now. In doubt the detector looks again.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from helpers import detect, embedders
from helpers.crop import Framing, crop_faces, region_of_landmarks
from helpers.detect import DetectedFace, roll_of, shared_area
from helpers.gallery import to_unit_length
from helpers.images import to_grey
from reading_faces import upright
from reading_faces.reader import FaceReader, FaceReading

# Of a face that is followed: as sure must the last network be, and as alike the face as it was a
# frame before (correlation), or else the detector looks again.
SURE, ALIKE = 0.7, 0.75
# A face that is off by more of its side from where it should be is looked at again from there.
NEAR = 0.06
# Least overlap (intersection over union) of two boxes that may be one face.
OVERLAP = 0.2
# So many looks of the detector may miss a face that is in sight; one that is out of sight may come
# back to its place within so many looks, and anywhere else at any time.
PATIENCE = 3
# How many people are remembered.
MOST = 100
# An emotion has to be likelier than the one that a label says by so much; a name has to be right
# for so many frames before a label says it, and stays while it is not less similar by so much.
LEAD, FRAMES_TO_NAME, LENIENT = 0.2, 5, 0.15
USUAL_RATE = 25.0


@dataclass(frozen=True)
class Track:
    """A person who is followed.

    Attributes
    ----------
    number : from 1, given at first sight and to no other person afterwards.
    face : where the face is, or was last; its confidence is that of now.
    reading : what was read last, its emotion smoothed over time.
    motion : (2,) pixels by which the face has moved in the last frame.
    look : (24, 24) float, the face in small, to notice at once if it becomes another one.
    embedding : (d,) of length 1, the mean of how the person looked so far; `seen` times.
    missed : how many looks of the detector in a row have not found the face.
    hidden : whether the face is out of sight.
    """

    number: int
    face: DetectedFace
    embedding: np.ndarray
    reading: FaceReading | None = None
    motion: np.ndarray = field(default_factory=lambda: np.zeros(2))
    look: np.ndarray | None = None
    seen: int = 1
    missed: int = 0
    hidden: bool = False


class FaceTracker:
    """Reads a video's frames one after the other.

    Parameters
    ----------
    reader : what reads each face. Its embedder, or else the one that ships, tells people apart.
    every : the detector looks at every so many frames, at every third while nobody is in sight,
        and where a face is in doubt.
    smoothing : seconds over which an emotion is averaged (time constant of an exponential mean);
        0 for as it is read.
    """

    def __init__(self, reader: FaceReader, every: int = 10, smoothing: float = 0.4):
        reader.load()  # it may bring an embedder
        reader.embedder = reader.embedder or embedders.SmallEmbedder()
        self.reader, self.every, self.smoothing = reader, max(1, every), smoothing
        # In a video a person looks more alike than on two photos, so a number asks for more.
        self.same = reader.embedder.threshold + (1 - reader.embedder.threshold) / 3
        self.frame, self.numbers = 0, 0
        self.seconds: float | None = None
        self.tracks: list[Track] = []

    def read(self, frame: np.ndarray, seconds: float | None = None) -> list[Track]:
        """Return the faces of the next frame `(h, w, 3) uint8` RGB by number.

        `seconds` is when it is shown; by default a 25th of a second after the one before.
        """
        passed = 1 / USUAL_RATE if None in (seconds, self.seconds) else seconds - self.seconds
        self.seconds = seconds
        tracks, doubtful = self._follow(frame)
        every = self.every if any(not track.hidden for track in tracks) else min(self.every, 3)
        looked = self.frame % every == 0 or bool(doubtful)
        if looked:
            tracks = self._look(frame, tracks, doubtful)
        self.frame += 1
        seen = [track for track in tracks if not track.hidden]
        seen = [replace(track, look=small_look(track.face, frame)) for track in seen]
        faces = [track.face for track in seen]
        readings = self.reader.read_faces(frame, faces, found_by="mtcnn", named=False)
        keep = float(np.exp(-max(passed, 0) / self.smoothing)) if self.smoothing > 0 else 0.0
        seen = [
            replace(track, reading=smoothed(track.reading, reading, keep))
            for track, reading in zip(seen, readings, strict=True)
        ]
        if self.reader.gallery and self.reader.gallery.people:
            seen = self._name(seen if looked else self._see_again(frame, seen))
        hidden = [track for track in tracks if track.hidden]
        self.tracks = [*hidden, *seen][-MOST:]
        return sorted(seen, key=lambda track: track.number)

    def _follow(self, frame: np.ndarray) -> tuple[list[Track], set[int]]:
        """Move each face to where it is now; say by number of which that is in doubt."""
        tracks, doubtful = [track for track in self.tracks if track.hidden], set()
        seen = [track for track in self.tracks if not track.hidden]
        for track, face in zip(seen, moved_faces(frame, seen), strict=True):
            sure = face.confidence >= SURE
            if sure and (track.look * small_look(face, frame)).sum() >= ALIKE:
                track = replace(track, face=face, motion=middle(face) - middle(track.face))
            else:
                doubtful.add(track.number)
            tracks.append(track)
        return tracks, doubtful

    def _look(self, frame: np.ndarray, tracks: list[Track], doubtful: set[int]) -> list[Track]:
        """Give the faces that the detector sees the numbers that they had, or new ones."""
        found = find_faces(frame, self.reader.detector, any(not t.hidden for t in tracks))
        people = self.reader.embed_faces(frame, found, "mtcnn")
        known = match(tracks, doubtful, found, people, self.same)
        looked = []
        for row, track in enumerate(tracks):
            if row in known:
                face, person = found[known[row]], people[known[row]]
                moved = np.zeros(2) if track.hidden else middle(face) - middle(track.face)
                # A face that is not in doubt was moved already.
                motion = moved if track.number in doubtful or track.hidden else track.motion
                track = seen_again(track, person)
                track = replace(track, face=face, motion=motion, missed=0, hidden=False)
            else:
                # What lies, the detector does not see.
                missed = track.missed + (abs(track.face.roll) <= upright.LEVEL)
                gone = track.number in doubtful or missed > PATIENCE
                track = replace(track, missed=missed, hidden=track.hidden or gone)
            looked.append(track)
        for place in sorted(set(range(len(found))) - set(known.values())):
            self.numbers += 1
            looked.append(Track(self.numbers, found[place], people[place]))
        return looked

    def _see_again(self, frame: np.ndarray, tracks: list[Track]) -> list[Track]:
        """Add to each mean embedding how the person looks now, which a look has done already."""
        people = self.reader.embed_faces(frame, [track.face for track in tracks], "mtcnn")
        return [seen_again(track, person) for track, person in zip(tracks, people, strict=True)]

    def _name(self, tracks: list[Track]) -> list[Track]:
        """Name those who have looked like an enrolled person for some frames on average."""
        gallery, embeddings = self.reader.gallery, [track.embedding for track in tracks]
        answers = gallery.identify(np.array(embeddings)) if tracks else []
        lenient = replace(gallery, threshold=max(-1, gallery.threshold - LENIENT))
        still = lenient.identify(np.array(embeddings)) if tracks else []
        named = []
        for track, now, kept in zip(tracks, answers, still, strict=True):
            before = track.reading.identity[0] if track.reading.identity else None
            if before and now[0] in (None, before):
                now = kept if kept[0] == before else (None, now[1])
            elif track.seen < FRAMES_TO_NAME:
                now = None, now[1]
            named.append(replace(track, reading=replace(track.reading, identity=now)))
        return named


def find_faces(frame: np.ndarray, detector: str, any_known: bool) -> list[DetectedFace]:
    """Return the faces of a frame with landmarks, by which they can be followed.

    Those that lie are found only as long as no face is known: to turn the frame takes its time.
    """
    if any_known:
        found = detect.detect_faces(frame, detector)
    else:
        found, _ = upright.find_faces(frame, detector)
    if detector != "mtcnn":
        squares = [face.region for face in found]
        found = detect.look_at(frame, squares, np.zeros(len(squares)))
    return [face for face in found if face.confidence >= SURE]


def moved_faces(frame: np.ndarray, tracks: list[Track]) -> list[DetectedFace]:
    """Look for faces where they should be if they go on as they moved, and once more if not."""
    landmarks = [track.face.landmarks + track.motion for track in tracks]
    for _ in range(2):
        squares = [region_of_landmarks(marks) for marks in landmarks]
        faces = detect.look_at(frame, squares, [roll_of(marks) for marks in landmarks])
        expected, landmarks = landmarks, [face.landmarks for face in faces]
        limits = [NEAR * side for *_, side in squares]
        if all(
            np.abs(now - before).max() < limit
            for now, before, limit in zip(landmarks, expected, limits, strict=True)
        ):
            break
    return faces


def small_look(face: DetectedFace, frame: np.ndarray) -> np.ndarray:
    """Return a face as `(24, 24)` grey values of mean 0 and length 1."""
    square = region_of_landmarks(face.landmarks)
    (crop,), _ = crop_faces(frame, [square], 24, Framing(1.0), face.roll)
    grey = to_grey(crop).astype(np.float32)
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1e-6)


def match(
    tracks: list[Track],
    doubtful: set[int],
    found: list[DetectedFace],
    people: np.ndarray,
    same: float,
) -> dict[int, int]:
    """Pair tracks with found faces, by row: by place first, or else by who they are.

    Who vanished, or looks different at once, is the same person only if `same` or more similar.
    """
    scores = np.zeros((len(tracks), len(found)))
    for row, track in enumerate(tracks):
        near = track.missed <= PATIENCE
        for place, face in enumerate(found):
            similar = float(track.embedding @ people[place])
            overlap = intersection_over_union(track.face.box, face.box) if near else 0.0
            in_sight = not track.hidden and track.number not in doubtful
            if overlap >= OVERLAP and (in_sight or similar >= same):
                scores[row, place] = 3 + overlap
            elif similar >= same:
                scores[row, place] = 1 + similar
    pairs = zip(*linear_sum_assignment(scores, maximize=True), strict=True)
    return {row: place for row, place in pairs if scores[row, place] > 0}


def seen_again(track: Track, person: np.ndarray) -> Track:
    """Return a track whose mean embedding has one more; the last twenty count most."""
    weight = 1 / min(track.seen + 1, 20)
    mean = (1 - weight) * track.embedding + weight * person
    return replace(track, embedding=to_unit_length(mean), seen=track.seen + 1)


def smoothed(before: FaceReading | None, now: FaceReading, keep: float) -> FaceReading:
    """Let an emotion change slowly, and its label only where another one clearly leads."""
    if before is None or not now.emotion:
        return replace(now, identity=before.identity if before else None)
    mixed = {name: keep * before.emotion[name] + (1 - keep) * p for name, p in now.emotion.items()}
    held, best = before.top_emotion, max(mixed, key=mixed.get)
    if not keep or mixed[best] - mixed[held] > LEAD:
        held = best
    return replace(now, emotion=mixed, held_emotion=held, identity=before.identity)


def middle(face: DetectedFace) -> np.ndarray:
    """Return the middle `(2,)` of a face's landmarks."""
    return face.landmarks.mean(axis=0)


def intersection_over_union(one: tuple, other: tuple) -> float:
    """Return the share of the area of two boxes (x, y, width, height) that both cover."""
    a, b = np.array(one, float), np.array(other, float)
    shared = shared_area(a, b)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-9)
