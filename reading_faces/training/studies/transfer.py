"""What each habit of transfer learning is worth: one change at a time, three seeds.

Made people in CK+'s form; some are learnt from, others judge. No weights that ship come of it, so
nobody else has to be kept aside.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers import models, transfer
from helpers.batches import PictureTable, peak_table
from helpers.data.ckplus import read_peaks
from helpers.data.made import album_folder
from helpers.metrics import action_unit_metrics
from reading_faces.made_faces.albums import ckplus_album
from reading_faces.training.loop import build_optimizer, fit
from reading_faces.training.recipes import Schedule
from reading_faces.training.studies.once import once

SEQUENCES = 4  # of each person
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
    optimizer: str = "adamw"
    falling_rate: bool = True
    batch_size: int = 32
    dense: int = 256
    loss: str = "weighted"
    grouped: bool = True


STUDIES = {
    "transfer": (
        TransferVariant("baseline"),
        TransferVariant("no class weights", loss="plain"),
        TransferVariant("focal loss, gamma 2", loss="focal"),
        TransferVariant("constant rate", falling_rate=False),
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


# `epochs` of the heads, and again of the heads with what is thawed.
BUDGETS = {
    "transfer": {
        "full": {"people": 60, "judges": 30, "seeds": [0, 1, 2], "epochs": 6},
        "smoke": {"people": 3, "judges": 3, "seeds": [0], "epochs": 1},
    }
}


def run_variant(variant: TransferVariant, out: Path, budget: dict) -> dict:
    """Train with each seed in folder `out`, and measure on people who were not learnt from."""
    album = ckplus_album(budget["people"] + budget["judges"], SEQUENCES, frames=2)
    table = peak_table([peak for peak in read_peaks(album_folder(album)) if peak.emotion])
    runs = [
        once(out / f"seed{seed}.json", lambda: run_once(variant, table, seed, budget))  # noqa: B023
        for seed in budget["seeds"]
    ]
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


def run_once(variant: TransferVariant, table: pd.DataFrame, seed: int, budget: dict) -> dict:
    """Train heads, thaw, train on; return measures of the last epoch and the curves."""
    keras.utils.set_random_seed(seed)
    units = sorted(set().union(*table["units"]))
    classes = transfer.GROUPS if variant.grouped else sorted(set(table["emotion"]))
    learns = (table["subject"] < f"S{budget['people']:03d}").to_numpy()
    training, judging = (
        loader(table[rows], units, classes, variant.batch_size, seed, augment)
        for rows, augment in ((learns, True), (~learns, False))
    )
    backbone = transfer.emotion_backbone()
    if variant.backbone == "random":
        backbone = keras.models.clone_model(backbone)  # which draws new weights
    network = transfer.two_heads(backbone, len(units), len(classes), variant.dense)
    curves = []
    for rate, stages in ((HEAD_RATE, 0), (variant.fine_rate, variant.stages)):
        if stages:
            transfer.thaw(backbone, stages, variant.normalise_anew)
        compile_network(network, variant, rate, budget["epochs"], training)
        curves.append(fit(network, training, budget["epochs"], judging, verbose=0))
    curves = pd.concat(curves).round(4)
    said, true = network.predict(judging, verbose=0), judging.targets
    names, halves = tuple(f"AU{unit}" for unit in units), np.full(len(units), 0.5)
    measured = action_unit_metrics(true["units"].astype(int), said["units"], names, halves)
    # Also a head of single emotions is judged by the groups that they belong to.
    group_of = np.array([transfer.GROUP_OF.get(name, name) for name in classes])
    said_group, true_group = (group_of[x["emotion"].argmax(axis=1)] for x in (said, true))
    right = float((said_group == true_group).mean())
    print(f"  seed {seed}: AUC {measured['macro_auc']:.3f}, groups {right:.3f}", flush=True)
    return {
        "units_auc": measured["macro_auc"],
        "units_f1": measured["macro_f1"],
        "group_accuracy": right,
        "val_loss": curves["val_loss"].tolist(),
        "val_auc": curves["val_units_auc"].tolist(),
    }


def compile_network(
    network: keras.Model, variant: TransferVariant, rate: float, epochs: int, training: PictureTable
) -> None:
    """Give the network the variant's optimizer and losses; SGD gets the tenfold rate, as usual."""
    rate = rate * 10 if variant.optimizer == "sgd" else rate
    schedule = Schedule(epochs, rate, variant.optimizer, weight_decay=0.0, warmup_epochs=0)
    optimizer = build_optimizer(schedule, len(training) if variant.falling_rate else None)
    weighing = {"plain": {}, "focal": {"gamma": 2.0}, "weighted": {
        "unit_weights": transfer.positive_weights(training.targets["units"]),
        "class_weights": transfer.class_weights(training.targets["emotion"]),
    }}  # fmt: skip
    transfer.compile_heads(network, optimizer, **weighing[variant.loss])


def loader(
    rows: pd.DataFrame, units: list, classes: list, batch_size: int, seed: int, augment: bool
) -> PictureTable:
    """Return pictures of the rows with both targets, 48 × 48 as the emotion model takes them.

    A face is of the class that its emotion is, or belongs to.
    """
    shown = [name if name in classes else transfer.GROUP_OF[name] for name in rows["emotion"]]
    targets = {
        "units": np.array([[unit in found for unit in units] for found in rows["units"]], "f4"),
        "emotion": np.array([[name == known for known in classes] for name in shown], "f4"),
    }
    return PictureTable(rows, targets, 48, batch_size, models.standardize, augment, seed)
