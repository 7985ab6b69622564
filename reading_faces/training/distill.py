"""Let a trained network teach its next training (self-distillation).

What a network says of a face, all its probabilities, tells more than one person's hasty label; and
it can be asked of faces that nobody has labelled. A pupil who sees them in harder views than the
teacher did can come out better (Furlanello et al. 2018, https://arxiv.org/abs/1805.04770; Xie et
al. 2020, https://arxiv.org/abs/1911.04252).
"""

from functools import partial

import keras
import numpy as np
from scipy.special import softmax

from helpers.augment import augment_faces, flip_images
from helpers.batches import Batches
from helpers.models import standardize
from reading_faces.training.loop import Recipe
from reading_faces.training.mixup import MixedBatches


def mirrored_answers(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what a network that gives logits says of faces, `(n, classes) float32` probabilities.

    The mean of each face `(n, h, w) uint8` and its mirror image: an answer to learn from should be
    as good as can be had.
    """
    sides = (images, flip_images(images))
    logits = [network.predict(standardize(side), batch_size=128, verbose=0) for side in sides]
    return softmax(np.float32(logits), axis=2).mean(axis=0)


def taught_batches(
    training: Batches, faces: np.ndarray, said: list[np.ndarray], recipe: Recipe
) -> Batches:
    """Return batches whose targets are in part what teachers said.

    Parameters
    ----------
    training : labelled faces with their targets `(n, classes)`.
    faces : `(m, h, w) uint8`, those of `training` first; of the others all is the teachers' word.
    said : probabilities `(m, classes)` of each teacher; their mean is taken.
    recipe : its `teacher_weight` is the teachers' share where there are labels.
    """
    labelled = len(training.images)
    targets = np.mean(said, axis=0, dtype=np.float32)
    targets[:labelled] *= recipe.teacher_weight
    targets[:labelled] += (1 - recipe.teacher_weight) * training.targets
    return MixedBatches(
        faces,
        targets,
        augment=partial(augment_faces, reach=recipe.reach),
        batch_size=recipe.batch_size,
        seed=training.seed + len(said),  # so that each sees other views than the one before
        mixup=recipe.mixup,
    )
