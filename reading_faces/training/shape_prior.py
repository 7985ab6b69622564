"""How the points of a face lie together: what real faces have shown, and how far a face is from it.

Points that nobody labelled can be judged by it: a brow below the eye is wrong all the same.
"""

from dataclasses import dataclass, replace

import numpy as np

from helpers.data.splits import similarities

# Eye centres, nose tip and mouth corners: the points that data sets and detectors agree on. Faces
# are laid over each other by these, and the other ten are judged.
ALIGNED_BY = np.array([0, 1, 10, 11, 12])
JUDGED = np.setdiff1d(np.arange(15), ALIGNED_BY)


@dataclass(frozen=True)
class ShapeModel:
    """Where the ten other points are, once turn, size and place of a face are taken out."""

    reference: np.ndarray  # (15, 2) float, the face that others are laid over, in pixels
    mean: np.ndarray  # (20,) float, x and y of the ten points
    precision: np.ndarray  # (20, 20) float, inverse of their covariance
    # The distance within which 99 % of the faces lie that the model was made of. They scatter more
    # widely than a normal distribution, whose 99 % would end at 6.1.
    radius: float

    def distances(self, keypoints: np.ndarray) -> np.ndarray:
        """Return the Mahalanobis distance `(n,)` of the ten points of faces `(n, 15, 2)`."""
        away = aligned_points(keypoints, self.reference) - self.mean
        return np.sqrt(np.einsum("ni,ij,nj->n", away, self.precision, away))

    def outside(self, keypoints: np.ndarray) -> np.ndarray:
        """Return `(n,) bool`: which faces lie outside the region of 99 %."""
        return self.distances(keypoints) > self.radius


def fit_shape_model(keypoints: np.ndarray) -> ShapeModel:
    """Make a model of the faces `(n, 15, 2)` that have all 15 points; others are passed over.

    Raises ValueError if fewer than 100 faces are complete.
    """
    complete = np.asarray(keypoints, float)[np.isfinite(keypoints).all(axis=(1, 2))]
    if len(complete) < 100:
        raise ValueError(f"{len(complete)} complete faces are too few for a model of their shape.")
    reference = complete.mean(axis=0)
    points = aligned_points(complete, reference)
    mean, precision = points.mean(axis=0), np.linalg.inv(np.cov(points.T))
    model = ShapeModel(reference, mean, precision, np.inf)
    return replace(model, radius=float(np.quantile(model.distances(complete), 0.99)))


def aligned_points(keypoints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Lay faces `(n, 15, 2)` over the reference and return their ten other points `(n, 20)`."""
    fits = similarities(keypoints[:, ALIGNED_BY], reference[ALIGNED_BY])
    points = keypoints[:, JUDGED] @ fits[:, :, :2].transpose(0, 2, 1) + fits[:, None, :, 2]
    return points.reshape(len(points), -1)
