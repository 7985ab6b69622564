"""What each habit of transfer learning is worth: one change at a time, three seeds.

Some of the made people are learnt from, the others judge; of no use for weights that ship.
"""

from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers import models
from helpers.batches import PictureTable, peak_table
from helpers.data.ckplus import read_peaks
from helpers.data.made import album_folder
from helpers.metrics import action_unit_metrics
from reading_faces.made_faces.albums import ckplus_album
from reading_faces.training import transfer
from reading_faces.training.loop import fit
from reading_faces.training.recipes import Schedule, build_optimizer

SEQUENCES = 4  # of each person
HEAD_RATE = 3e-3
ALL_STAGES = {"stages": 9}

# Arguments of `train_once` that are not the baseline's.
VARIANTS = {
    "baseline": {},
    "no class weights": {"loss": "plain"},
    "focal loss, gamma 2": {"loss": "focal"},
    "constant rate": {"falling_rate": False},
    "SGD, momentum 0.9": {"optimizer": "sgd"},
    "batch of 8": {"batch_size": 8},
    "dense 64": {"dense": 64},
    "single emotions, no groups": {"grouped": False},
    "heads only": {"stages": 0},
    "all stages thawed": ALL_STAGES,
    "batch norm thawed too": {"normalise_anew": True},
    "fine-tuned at 1e-3": {"fine_rate": 1e-3},
    "fine-tuned at 1e-5": {"fine_rate": 1e-5},
    "random backbone": ALL_STAGES | {"random": True, "normalise_anew": True, "fine_rate": 1e-3},
}


def train(_: Path, budget: dict, **special) -> dict:
    """Train with each seed, and measure on people who were not learnt from."""
    album = ckplus_album(budget["people"] + budget["judges"], SEQUENCES, frames=2)
    table = peak_table([peak for peak in read_peaks(album_folder(album)) if peak.emotion])
    learns = (table["subject"] < f"S{budget['people']:03d}").to_numpy()
    runs = [
        train_once(table, learns, budget["epochs"], seed, **special) for seed in budget["seeds"]
    ]
    curves = runs[0][1]  # of the first seed; from one phase to the next they go on
    return {
        "metrics": pd.DataFrame([metrics for metrics, _ in runs]).to_dict("list"),
        "val_loss": curves["val_loss"].tolist(),
        "val_auc": curves["val_units_auc"].tolist(),
    }


def train_once(
    table: pd.DataFrame,
    learns: np.ndarray,
    epochs: int,
    seed: int,
    random: bool = False,
    stages: int = 1,
    normalise_anew: bool = False,
    fine_rate: float = 1e-4,
    optimizer: str = "adamw",
    falling_rate: bool = True,
    batch_size: int = 32,
    dense: int = 256,
    loss: str = "weighted",
    grouped: bool = True,
) -> tuple[dict, pd.DataFrame]:
    """Train heads, thaw, train on; return metrics of the last epoch, and the history.

    Parameters
    ----------
    learns : which rows of the table are learnt from; the others judge.
    random : begin with random weights instead of the emotion model's.
    stages, fine_rate : how many stages of the backbone are thawed after the heads have learnt, and
        the rate at which everything learns from then on. SGD gets the tenfold, as usual.
    loss : `plain`, `focal` or `weighted`.
    grouped : tell groups of emotions apart, not single ones.
    """
    keras.utils.set_random_seed(seed)
    units = sorted(set().union(*table["units"]))
    classes = transfer.GROUPS if grouped else sorted(set(table["emotion"]))
    training, judging = (
        loader(table[rows], units, classes, batch_size, seed, augment)
        for rows, augment in ((learns, True), (~learns, False))
    )
    backbone = transfer.emotion_backbone()
    if random:
        backbone = keras.models.clone_model(backbone)  # which draws new weights
    network = transfer.two_heads(backbone, len(units), len(classes), dense)
    weighing = {"plain": {}, "focal": {"gamma": 2.0}, "weighted": {
        "unit_weights": transfer.positive_weights(training.targets["units"]),
        "class_weights": transfer.class_weights(training.targets["emotion"]),
    }}  # fmt: skip
    curves = []
    for rate, thawed in ((HEAD_RATE, 0), (fine_rate, stages)):
        if thawed:
            transfer.thaw(backbone, thawed, normalise_anew)
        rate = 10 * rate if optimizer == "sgd" else rate
        schedule = Schedule(epochs, rate, optimizer, weight_decay=0.0, warmup_epochs=0)
        steps = len(training) if falling_rate else None
        transfer.compile_heads(network, build_optimizer(schedule, steps), **weighing[loss])
        curves.append(fit(network, training, epochs, judging, verbose=0))
    said, true = network.predict(judging, verbose=0), judging.targets
    names, halves = tuple(f"AU{unit}" for unit in units), np.full(len(units), 0.5)
    measured = action_unit_metrics(true["units"].astype(int), said["units"], names, halves)
    # Also a head of single emotions is judged by the groups that they belong to.
    group_of = np.array([transfer.GROUP_OF.get(name, name) for name in classes])
    said_group, true_group = (group_of[x["emotion"].argmax(axis=1)] for x in (said, true))
    metrics = {
        "units_auc": measured["macro_auc"],
        "units_f1": measured["macro_f1"],
        "group_accuracy": float((said_group == true_group).mean()),
    }
    return metrics, pd.concat(curves).round(4)


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
