"""Teach an embedding who looks like whom: by what a larger network says, and by people's names.

The teacher (`teacher`) is dlib's public-domain network. The pupil learns to answer what it answers
(one minus the cosine), to find the same faces alike as it does (similarities within a batch), and
to keep people apart by a margin (CosFace: Wang et al. 2018, https://arxiv.org/abs/1801.09414).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from tqdm import tqdm

from helpers.batches import Batches
from helpers.crop import Framing, crop_faces, region_of_landmarks
from helpers.data import DataError, album_folder, load_people
from helpers.data.sources import locate
from helpers.data.splits import tenth_of_people
from helpers.detect import roll_of
from helpers.gallery import to_unit_length
from helpers.images import read_photo
from helpers.models import TrainedModel
from reading_faces.made_faces.albums import people_album
from reading_faces.training import measure_identity
from reading_faces.training.augment import WIDER, augment_people
from reading_faces.training.loop import fit
from reading_faces.training.recipes import Recipe, build_optimizer
from reading_faces.training.teacher import read_teacher

TEACHER = (
    "dlib_face_recognition_resnet_model_v1 (CC0), which had learnt from three million pictures; "
    "faces were cut by the points of dlib's 68-point predictor (no commercial use)"
)
SIDE = 1.2  # of the square that is cut out, where the points imply one of side 1
SIZE = 96  # of the faces that the network takes
# Made people to learn from, and photos of each; the seed is of nobody who is tested on.
MADE = {"people": 240, "photos": 12, "seed": 101}
# Training people whom the teacher finds so near to a person kept aside may be the same one.
SAME_PERSON = 0.72
# How far a target leans towards the mean answer for its person, which is surer than the answer for
# one picture; a photo too unlike that mean may show somebody else, and stays as it is.
LEAN, LEAN_MADE, LIKE = 0.3, 0.75, 0.45
MATRIX_WEIGHT, NAMES_WEIGHT = 2.0, 0.03
SCALE, MARGIN = 24.0, 0.15  # of the margin loss
# False-accept rates on pairs of validation people: for naming a friend, for keeping strangers out.
FRIEND, STRICT = 0.005, 0.001


@dataclass(frozen=True)
class Lessons:
    """Batches whose targets `(m, d + 1)` are the teacher's answer and the number of the person.

    Attributes
    ----------
    training, validation : nobody in validation has a number, so only the teacher's answers count.
    people : (k, d) float32, the mean answer for each person to learn from
    judges : (j,) str, who is on the first faces of validation: those of the first source
    """

    training: Batches
    validation: Batches
    people: np.ndarray
    judges: np.ndarray


def portrait_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Lessons:
    """Load the faces of people who are not kept for testing, and what to learn of each."""
    tables = [read_source(source, recipe.rows) for source in sources]
    table = pd.concat(tables, ignore_index=True)
    targets, means = centred_answers(table)
    learnt, judged = who_is_learnt(table, means), (table.split == "val").to_numpy()
    if not learnt.any() or not judged.any():
        raise DataError(f"{', '.join(sources)}: too few people to learn from and to judge by.")
    number, _ = pd.factorize(table.name.where(learnt))  # -1 for those who are not learnt from
    lean = np.where((means * targets).sum(axis=1) > LIKE, LEAN, 0.0)
    lean = (learnt * np.where(table.made, LEAN_MADE, lean))[:, np.newaxis]
    wanted = np.column_stack([to_unit_length(targets + lean * (means - targets)), number])
    wanted, size = wanted.astype(np.float32), recipe.schedule.batch_size
    views, faces = (
        np.stack([crop_by_landmarks(*row) for row in zip(tqdm(x.file), x.landmarks, strict=True)])
        for x in (table[learnt], table[judged])
    )
    return Lessons(
        Batches(views, wanted[learnt], augment_people, size, seed),
        Batches(faces[:, WIDER:-WIDER, WIDER:-WIDER], wanted[judged], batch_size=size),
        means[learnt][np.unique(number[learnt], return_index=True)[1]],
        table.name[judged & (table.index < len(tables[0]))].to_numpy(str),
    )


def read_source(source: str, rows: int | None) -> pd.DataFrame:
    """Return a row for each picture that the teacher has seen.

    The table has `file`, `name`, `split`, whether it is `made`, and the teacher's `answer` and
    `landmarks`. Where people have no split, a tenth of them is for validation.
    """
    made = source == "made"
    source = str(album_folder(people_album(**MADE))) if made else source
    people, teacher, folder = load_people(source), read_teacher(source), locate(source)
    said = dict(zip(teacher.files.tolist(), zip(*teacher[1:], strict=True), strict=True))
    seen = [said.get(file.relative_to(folder).as_posix(), (None, None)) for file in people.files]
    table = pd.DataFrame(seen, columns=["answer", "landmarks"])
    table = table.assign(file=people.files, name=people.names, split=people.split, made=made)
    table = table.dropna(subset="answer")[:rows]
    aside = np.where(tenth_of_people(table.name.to_numpy()), "val", "train")
    return table.assign(split=table.split.mask(table.split == "all", aside))


def centred_answers(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the teacher's answers `(n, d)`, and for each face the mean of those for its person.

    All faces have much in common, which does not say whose they are: it is taken away, and what is
    left has length 1.
    """
    answers = np.stack(table.answer)
    real = (table.split == "train") & ~(table.made & ~table.made.all())
    targets = to_unit_length(answers - answers[real].mean(axis=0))
    means = pd.DataFrame(targets).groupby(table.name).transform("mean").to_numpy()
    return targets, to_unit_length(means)


def who_is_learnt(table: pd.DataFrame, means: np.ndarray) -> np.ndarray:
    """Return which training faces `(n,) bool` show nobody who may be a person kept aside."""
    training = (table.split == "train").to_numpy()
    nearest = (means @ np.unique(means[~training], axis=0).T).max(axis=1, initial=-1.0)
    return training & (nearest < SAME_PERSON)


def crop_by_landmarks(file: Path, landmarks: np.ndarray) -> np.ndarray:
    """Cut a face out of a photo upright, with `WIDER` pixels more on each side than embedded."""
    region, size = region_of_landmarks(landmarks), SIZE + 2 * WIDER
    framing = Framing(SIDE * size / SIZE)
    (face,), _ = crop_faces(read_photo(file), region, size, framing, roll_of(landmarks))
    return face


def learn(network: keras.Model, lessons: Lessons, run) -> tuple[keras.Model, dict]:
    """Train, with a last layer for the names that is not kept; return also what the card says."""
    names = layers.Dense(
        len(lessons.people),
        use_bias=False,
        kernel_constraint=keras.constraints.UnitNorm(axis=0),
        dtype="float32",
        name="names",
    )
    both = layers.Concatenate(dtype="float32")([network.output, names(network.output)])
    pupil = keras.Model(network.input, both)
    names.set_weights([lessons.people.T])
    schedule = run.recipe.schedule
    optimizer = build_optimizer(schedule, len(lessons.training))
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "names"])
    pupil.compile(optimizer, taught)
    history = fit(pupil, lessons.training, schedule.epochs, lessons.validation, run.out)
    return network, {
        "teacher": TEACHER,
        "n_train": len(lessons.training.images),
        "n_val": len(lessons.validation.images),
        "people": len(lessons.people),
        "val_loss": round(float(history["val_loss"].min()), 4),
        "epochs_run": len(history),
    }


def taught(wanted, answered):
    """Return the loss of a batch.

    `wanted` is `(m, d + 1)`: what the teacher says, and the person's number; -1 for nobody's.
    `answered` is `(m, d + people)`: the embedding, and its cosine to each person's own direction.
    """
    wanted, number = wanted[:, :-1], ops.cast(wanted[:, -1], "int32")
    answered, cosines = ops.split(answered, [wanted.shape[1]], axis=1)
    direct = 1 - ops.mean(ops.sum(wanted * answered, axis=1))
    alike = answered @ ops.transpose(answered) - wanted @ ops.transpose(wanted)
    # One-hot of -1 is all zeros: who has no number costs nothing.
    person = ops.one_hot(number, cosines.shape[1])
    logits = SCALE * (cosines - MARGIN * person)
    missed = ops.sum(person * (ops.logsumexp(logits, axis=1, keepdims=True) - logits))
    names = missed / ops.maximum(ops.sum(person), 1.0)
    return direct + MATRIX_WEIGHT * ops.mean(ops.square(alike)) + NAMES_WEIGHT * names


def name_and_thresholds(model: TrainedModel, lessons: Lessons, _) -> dict:
    """Give the model a name, and thresholds by what the validation people look like.

    Embeddings of two trainings mean nothing to each other: so the name tells trainings apart.
    """
    numbers = model.network.get_layer("embedding").get_weights()[0].astype("<f2").tobytes()
    faces = lessons.validation.images[: len(lessons.judges)]
    similar = measure_identity.all_pairs(model.predict(faces, mirrored=True), lessons.judges)
    chosen = thresholds(*similar)
    return {"name": f"reading-faces-{hashlib.sha256(numbers).hexdigest()[:8]}"} | chosen


def thresholds(same: np.ndarray, different: np.ndarray) -> dict:
    """Return the two thresholds, and how often each is wrong, as a card says it.

    `same` and `different` are the similarities of pairs of faces of one person, and of two.
    """
    asked = {"threshold": FRIEND, "strict_threshold": STRICT}
    card = {name: round(float(np.quantile(different, 1 - x)), 3) for name, x in asked.items()}
    rates = {
        name: {
            "false_accept": round(float((different >= value).mean()), 5),
            "false_reject": round(float((same < value).mean()), 4),
        }
        for name, value in card.items()
    }
    return card | {"rates": rates}
