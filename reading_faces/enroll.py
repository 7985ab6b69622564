"""Enrol people from their photos, and say which photos were left out, and which are in doubt."""

from pathlib import Path

import numpy as np

from helpers import detect
from helpers.data.people import PeopleData
from helpers.embedders import SmallEmbedder
from helpers.gallery import Embedder, Gallery, to_unit_length
from helpers.images import PhotoError, load_photo
from reading_faces import upright

# The least area of a face, as a share of the largest on its photo, that may be whose photo it is: a
# smaller one is less than half as wide, so that person stood more than twice as far away.
FOREGROUND = 0.25


def enroll_people(
    people: PeopleData, embedder: Embedder | None = None, threshold: float | None = None
) -> tuple[Gallery, list[Path], dict[Path, str]]:
    """Enrol everybody by their face on each of their photos, by default with our own embedder.

    `threshold` is the similarity that makes a name later; by default the embedder's own, which also
    says here which faces are one person's. Returns the gallery; the photo of each of its
    embeddings; and a sentence for each photo that was left out or may be a mistake.
    """
    embedder = embedder or SmallEmbedder()
    gallery = Gallery.empty(embedder.name, embedder.threshold if threshold is None else threshold)
    used, remarks = [], {}
    for name in np.unique(people.names).tolist():
        found, cut = {}, {}
        for file in people.files[people.names == name]:
            try:
                found[file], cut[file] = embed_foreground(file, embedder)
            except PhotoError as error:
                remarks[file] = f"Left out. {error}"
        chosen, doubts = choose_faces(found, embedder.threshold)
        remarks |= {file: f"Used. {remark}" for file, remark in cut.items() if remark} | doubts
        if chosen:
            gallery = gallery.enroll(name, np.array([*chosen.values()]))
            used += chosen
    doubles = resemblances(gallery, embedder.strict_threshold) if used else {}
    for row, other in doubles.items():
        doubt = f"Used, but {other} has nearly this face: is a photo in a wrong folder?"
        remarks[used[row]] = doubt
    return gallery, used, remarks


def embed_foreground(file: Path, embedder: Embedder) -> tuple[np.ndarray, str]:
    """Return the embeddings `(n, d)` of a photo's faces, besides small ones in the background.

    And a sentence if a part of the photo is missing. Raises PhotoError if it cannot be read, or has
    no face.
    """
    loaded = load_photo(file)
    photo = loaded.pixels
    faces, lying = upright.find_faces(photo)
    if not faces:
        lies = "Its face lies or is upside down, and cannot be read."
        raise PhotoError(lies if lying else "No face was found on it.")
    areas = np.array([face.box[2:] for face in faces]).prod(axis=1)
    faces = [faces[row] for row in np.flatnonzero(areas >= FOREGROUND * areas.max())]
    how = "mtcnn", embedder.framing, embedder.size
    return embedder.embed(detect.crop_detected(photo, faces, *how)[0]), loaded.remark


def choose_faces(
    found: dict[Path, np.ndarray], threshold: float
) -> tuple[dict[Path, np.ndarray], dict[Path, str]]:
    """Choose one person's face `(d,)` on each photo; also say what is left out, or in doubt.

    Of three or more faces that are alone on their photos, the one least like the others goes, again
    and again while it is below the threshold. Those that stay tell whose face is meant elsewhere.
    """
    chosen, remarks = {file: faces[0] for file, faces in found.items() if len(faces) == 1}, {}
    while len(chosen) > 1 and (similar := to_others([*chosen.values()])).min() < threshold:
        if len(chosen) == 2:
            names = " and ".join(file.name for file in chosen)
            remarks |= dict.fromkeys(chosen, f"Used, but the faces on {names} are not alike.")
            break
        odd = [*chosen][similar.argmin()]
        del chosen[odd]
        remarks[odd] = "Left out. Its face is not like those on the person's other photos."
    alone = [*chosen.values()]
    for file, faces in found.items():
        if (count := len(faces)) == 1:
            continue
        similar = faces @ to_unit_length(np.mean(alone, axis=0)) if alone else -np.ones(count)
        if similar.max() >= threshold:
            chosen[file] = faces[similar.argmax()]
            remarks[file] = f"Used. Of its {count} faces, the one like those on the other photos."
        else:
            remarks[file] = f"Left out. It shows {count} faces; no other photo says which is meant."
    return chosen, remarks


def to_others(faces: np.ndarray | list) -> np.ndarray:
    """Return how similar each of `(n, d)` embeddings is to the mean of the others; 0 if alone."""
    return (faces * to_unit_length(np.sum(faces, axis=0) - faces)).sum(axis=1)


def resemblances(gallery: Gallery, threshold: float) -> dict[int, str]:
    """Return the rows of a gallery whose face may be another person's, and whose.

    It is more like that person's faces than the others of its own name, and from the threshold on.
    """
    similar = gallery.similarities(gallery.embeddings)
    for column, name in enumerate(gallery.people):
        mine = gallery.names == name
        similar[mine, column] = to_others(gallery.embeddings[mine])
    nearest = np.array(gallery.people)[similar.argmax(axis=1)]
    rows = np.flatnonzero((nearest != gallery.names) & (similar.max(axis=1) >= threshold))
    return {int(row): str(nearest[row]) for row in rows}
