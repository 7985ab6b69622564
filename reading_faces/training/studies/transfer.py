"""What each habit of transfer learning is worth: one change at a time, three seeds.

Made people in CK+'s form; some are learnt from, others judge. No weights that ship come of it, so
nobody else has to be kept aside.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers import models, transfer
from helpers.batches import PictureTable, peak_table
from helpers.data.ckplus import read_peaks
from helpers.data.made import album_folder
from helpers.files import whole_file
from helpers.metrics import action_unit_metrics
from reading_faces.made_faces.albums import ckplus_album

SEEDS = (0, 1, 2)
EPOCHS = 6  # of the heads, and again of the heads with what is thawed
PEOPLE, JUDGES, SEQUENCES = 60, 30, 4
HEAD_RATE = 3e-3
ALL_STAGES = 9


@dataclass(frozen=True)
class TransferVariant:
    """One way to fine-tune: the baseline, but for what is named.

    `stages` of the backbone are thawed after the heads have learnt (0: none), and from then on
    everything learns at `fine_rate`.
    """

    name: str
    backbone: str = "emotion"
    stages: int = 1
    normalise_anew: bool = False
    fine_rate: float = 1e-4
    optimizer: str = "adam"
    schedule: str = "cosine"
    batch_size: int = 32
    dense: int = 256
    loss: str = "weighted"
    grouped: bool = True


STUDIES = {
    "transfer": (
        TransferVariant("baseline"),
        TransferVariant("no class weights", loss="plain"),
        TransferVariant("focal loss, gamma 2", loss="focal"),
        TransferVariant("constant rate", schedule="constant"),
        TransferVariant("SGD, momentum 0.9", optimizer="sgd"),
        TransferVariant("batch of 8", batch_size=8),
        TransferVariant("dense 64", dense=64),
        TransferVariant("single emotions, no groups", grouped=False),
        TransferVariant("heads only", stages=0),
        TransferVariant("all stages thawed", stages=ALL_STAGES),
        TransferVariant("batch norm thawed too", normalise_anew=True),
        TransferVariant("fine-tuned at 1e-3", fine_rate=1e-3),
        TransferVariant("fine-tuned at 1e-5", fine_rate=1e-5),
        TransferVariant(
            "random backbone", "random", ALL_STAGES, normalise_anew=True, fine_rate=1e-3
        ),
    ),
}


def budget(name: str, smoke: bool = False) -> dict:
    """Return what every variant gets."""
    people, judges, seeds, epochs = size(smoke)
    return {"people": people, "judges": judges, "seeds": list(seeds), "epochs": epochs}


def size(smoke: bool) -> tuple[int, int, tuple[int, ...], int]:
    """Return how many people are learnt from, how many judge, the seeds, and epochs a phase."""
    return (3, 3, SEEDS[:1], 1) if smoke else (PEOPLE, JUDGES, SEEDS, EPOCHS)


def summary(row: dict) -> str:
    """Say in a line how a variant did."""
    measured = {name: f"{np.mean(v):.3f} ± {np.std(v):.3f}" for name, v in row["metrics"].items()}
    return "   ".join(f"{name} {value}" for name, value in measured.items())


def run_variant(name: str, variant: TransferVariant, out: Path, smoke: bool = False) -> dict:
    """Train with each seed in folder `out`, and measure on people who were not learnt from."""
    people, judges, seeds, _ = size(smoke)
    peaks = read_peaks(album_folder(ckplus_album(people + judges, SEQUENCES, frames=2)))
    table = peak_table([peak for peak in peaks if peak.emotion])
    runs = []
    for seed in seeds:
        stored = out / f"seed{seed}.json"
        if not stored.exists():
            found = run_once(variant, table, seed, smoke)
            out.mkdir(parents=True, exist_ok=True)
            with whole_file(stored) as part:
                part.write_text(json.dumps(found))
        runs.append(json.loads(stored.read_text()))
    return {
        "name": variant.name,
        "metrics": {
            measure: [run[measure] for run in runs]
            for measure in ("units_auc", "units_f1", "group_accuracy")
        },
        # Of the first seed; from one phase to the next it goes on.
        "val_loss": runs[0]["val_loss"],
        "val_auc": runs[0]["val_auc"],
    }


def run_once(variant: TransferVariant, table: pd.DataFrame, seed: int, smoke: bool) -> dict:
    """Train heads, thaw, train on; return measures of the last epoch and the curves."""
    people, _, _, epochs = size(smoke)
    keras.utils.set_random_seed(seed)
    units = sorted(set().union(*table["units"]))
    backbone = transfer.emotion_backbone(random=variant.backbone == "random")
    emotions = None if variant.grouped else sorted(set(table["emotion"]))
    classes = transfer.GROUPS if variant.grouped else emotions
    network = transfer.two_heads(backbone, len(units), len(classes), variant.dense)
    learns = (table["subject"] < f"S{people:03d}").to_numpy()
    training, judging = (
        loader(table[rows], units, emotions, variant.batch_size, seed, augment)
        for rows, augment in ((learns, True), (~learns, False))
    )
    weighing = {}
    if variant.loss == "weighted":
        weighing = {
            "unit_weights": transfer.positive_weights(training.targets["units"]),
            "class_weights": transfer.class_weights(training.targets["emotion"]),
        }
    elif variant.loss == "focal":
        weighing = {"gamma": 2.0}
    curves = {"val_loss": [], "val_units_auc": []}
    for rate, stages in ((HEAD_RATE, 0), (variant.fine_rate, variant.stages)):
        if stages:
            transfer.thaw(backbone, stages, variant.normalise_anew)
        optimizer = build_optimizer(variant, rate, epochs * len(training))
        transfer.compile_heads(network, optimizer, **weighing)
        past = network.fit(training, validation_data=judging, epochs=epochs, verbose=0).history
        for curve, values in curves.items():
            values.extend(round(float(value), 4) for value in past[curve])
    said = network.predict(judging, verbose=0)
    names = tuple(f"AU{unit}" for unit in units)
    measured = action_unit_metrics(
        judging.targets["units"].astype(int), said["units"], names, np.full(len(units), 0.5)
    )
    # Also a head of single emotions is judged by the groups that they belong to.
    group_of = np.array([transfer.GROUP_OF.get(name, name) for name in classes])
    said_group, true_group = (
        group_of[answer.argmax(axis=1)] for answer in (said["emotion"], judging.targets["emotion"])
    )
    right = said_group == true_group
    print(f"  seed {seed}: AUC {measured['macro_auc']:.3f}, groups {right.mean():.3f}", flush=True)
    return {
        "units_auc": measured["macro_auc"],
        "units_f1": measured["macro_f1"],
        "group_accuracy": float(right.mean()),
        "val_loss": curves["val_loss"],
        "val_auc": curves["val_units_auc"],
    }


def loader(
    rows: pd.DataFrame,
    units: list[int],
    emotions: list[str] | None,
    batch_size: int,
    seed: int,
    augment: bool,
) -> PictureTable:
    """Return pictures of the rows with both targets, 48 × 48 as the emotion model takes them."""
    shown = rows["emotion"].to_numpy()
    present = np.array([[unit in found for unit in units] for found in rows["units"]])
    targets = {
        "units": present.astype(np.float32),
        "emotion": transfer.group_targets(shown) if emotions is None else one_hot(shown, emotions),
    }
    return PictureTable(rows, targets, 48, batch_size, models.standardize, augment, seed)


def one_hot(shown: np.ndarray, emotions: list[str]) -> np.ndarray:
    """Return 1 in the column of each face's emotion, `(n, emotions) float32`."""
    return (shown[:, np.newaxis] == np.array(emotions)).astype(np.float32)


def build_optimizer(
    variant: TransferVariant, rate: float, steps: int
) -> keras.optimizers.Optimizer:
    """Return the variant's optimizer; SGD gets the tenfold rate, as is usual."""
    rate = rate * 10 if variant.optimizer == "sgd" else rate
    if variant.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    if variant.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    return keras.optimizers.Adam(rate)
