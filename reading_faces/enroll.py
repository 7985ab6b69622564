"""Enrol people from their photos."""

import numpy as np

from helpers.data.people import PeopleData
from helpers.detect import crop_largest_faces
from helpers.gallery import Embedder, Gallery
from helpers.images import PhotoError


def enroll_people(
    people: PeopleData, embedder: Embedder, threshold: float | None = None
) -> tuple[Gallery, list[tuple[str, str]]]:
    """Enrol everybody by the largest face on each of their photos.

    `threshold` is the cosine similarity that makes a name; by default the embedder's own. Returns
    the gallery, and a name and a sentence for each photo that was left out.
    """
    gallery = Gallery.empty(embedder.name, embedder.threshold if threshold is None else threshold)
    rows, photos, left_out = [], [], []
    for row, (file, name) in enumerate(zip(people.files, people.names.tolist(), strict=True)):
        try:
            (face,), (found,) = crop_largest_faces(
                [people.photos[row]], embedder.size, embedder.framing
            )
        except PhotoError as error:
            left_out.append((name, str(error)))
            continue
        if found:
            rows.append(row)
            photos.append(face)
        else:
            left_out.append((name, f"No face was found on {file}."))
    embeddings = embedder.embed(np.array(photos)) if photos else np.zeros((0, 1))
    names = people.names[rows]
    for name in np.unique(names).tolist():
        gallery = gallery.enroll(name, embeddings[names == name])
    return gallery, left_out
