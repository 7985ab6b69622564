"""Say who a face is, or that it is nobody enrolled: a gallery of embeddings, and a threshold.

An embedding is a face as a point on the unit sphere; the nearer two of them, the more alike. What
makes embeddings is an `Embedder`. A gallery is plain arrays: nothing is trained when somebody is
enrolled or forgotten.
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np


class Embedder(Protocol):
    """What turns faces into embeddings.

    Attributes
    ----------
    name : tells apart embedders whose embeddings cannot be compared.
    framing : how faces are cut for it: the second part of a key of `crop.FRAMINGS`.
    size : side of the square faces that it takes, in pixels.
    threshold : cosine similarity from which on two faces are taken for one person's.
    strict_threshold : the same where a wrong name is worse than none: strangers are kept out.
    """

    name: str
    framing: str
    size: int
    threshold: float
    strict_threshold: float

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return `(n, d) float32` of length 1 for faces `(n, size, size, 3) uint8` RGB."""


@dataclass(frozen=True)
class Gallery:
    """The people who are known.

    Attributes
    ----------
    embeddings : `(n, d) float32`, each of length 1.
    names : `(n,) str`, whose each one is.
    embedder : name of what made them.
    threshold : cosine similarity from which on a face is taken for somebody; from -1 to 1, or a
        ValueError says that it must be.
    """

    embeddings: np.ndarray
    names: np.ndarray
    embedder: str
    threshold: float

    def __post_init__(self):
        if not -1 <= self.threshold <= 1:
            raise ValueError(f"A threshold lies between -1 and 1, which {self.threshold} does not.")

    @classmethod
    def empty(cls, embedder: str, threshold: float) -> Self:
        """Return a gallery in which nobody is known yet."""
        return cls(np.zeros((0, 0), np.float32), np.array([], str), embedder, threshold)

    @property
    def people(self) -> list[str]:
        """Who is known, by name."""
        return sorted(set(self.names.tolist()))

    def enroll(self, name: str, embeddings: np.ndarray) -> Self:
        """Return the gallery with `(n, d)` more embeddings of somebody, new or known.

        Raises
        ------
        ValueError
            If there is no name or no face, or the embeddings are not finite or of another length.
        """
        embeddings = np.atleast_2d(np.asarray(embeddings, np.float32))
        if not name.strip():
            raise ValueError("Whoever is enrolled needs a name.")
        if not embeddings.size:
            raise ValueError(f"There is no face to enrol {name} by.")
        if not np.isfinite(embeddings).all():
            raise ValueError(f"An embedding of {name} holds numbers that are not finite.")
        if len(self.names) and embeddings.shape[1] != self.embeddings.shape[1]:
            lengths = self.embeddings.shape[1], embeddings.shape[1]
            raise ValueError("The gallery holds {} numbers a face, these have {}.".format(*lengths))
        embeddings = to_unit_length(embeddings)
        known = self.embeddings if len(self.names) else embeddings[:0]
        names = np.concatenate([self.names, [name] * len(embeddings)])
        return replace(self, embeddings=np.concatenate([known, embeddings]), names=names)

    def forget(self, name: str) -> Self:
        """Return the gallery without somebody; nothing of them is kept.

        Raises
        ------
        ValueError
            If nobody of that name is enrolled.
        """
        kept = self.names != name
        if kept.all():
            raise ValueError(f"Nobody called {name} is enrolled.")
        return replace(self, embeddings=self.embeddings[kept], names=self.names[kept])

    def similarities(self, embeddings: np.ndarray) -> np.ndarray:
        """Return `(n, people)`: cosine similarity to the mean of each person's embeddings."""
        centres = [self.embeddings[self.names == name].mean(axis=0) for name in self.people]
        return to_unit_length(embeddings) @ to_unit_length(np.array(centres)).T

    def identify(self, embeddings: np.ndarray) -> list[tuple[str | None, float]]:
        """Name the faces of one photo by their embeddings `(n, d)`; nobody is on it twice.

        The most similar pair of a face and a person comes first, then the next of those left over.

        Returns
        -------
        For each face, a person and the similarity to them; None, and the similarity to the nearest
        person, where nobody is left whose similarity reaches the threshold.
        """
        if not len(self.names):
            return [(None, -1.0)] * len(embeddings)
        free, people = self.similarities(embeddings).astype(float), self.people
        found = [(None, nearest) for nearest in free.max(axis=1).tolist()]
        while free.size and free.max() >= self.threshold:
            face, person = np.unravel_index(free.argmax(), free.shape)
            found[face] = people[person], float(free[face, person])
            free[face], free[:, person] = -np.inf, -np.inf
        return found


def to_unit_length(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors `(n, d)` to length 1; one of length 0 stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
