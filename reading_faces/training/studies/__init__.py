"""The comparisons that lessons and docs/results.md quote: several networks, one budget.

`python -m reading_faces study` is this package; what it prints is kept under `data/results/`. A
module has functions that train and measure one network, and says by the name of each variant what
is special about it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers import settings
from reading_faces.training.loop import once
from reading_faces.training.studies import deep, five_classes, from_scratch, resnet50


class Study(NamedTuple):
    """What is compared: `train(folder, budget, **variant)` returns a variant's row."""

    train: Callable[..., dict]
    variants: dict[str, dict]
    budget: dict


KEYPOINT_STEPS = {"epochs": 6, "rows": 4000, "batch_size": 32}
EMOTION_STEPS = {"epochs": 8, "rows": 8000, "batch_size": 64}
EQUAL_TIME = {"processor_minutes": 20}  # on one core; ten minutes on two idle ones
TWENTY = {"epochs": 20}  # as long as a well-known exercise trains such a network
NARROW = {"epochs": 30, "rows": 6000, "width": 1 / 4}
ALL_FACES = {"epochs": 30, "rows": None, "width": 1 / 4}
FULL_WIDTH = {"epochs": 3, "rows": None, "width": 1}
FOLDED = {"epochs": 30, "batch_size": 32, "width": 1 / 4}
STUDIES = {
    "depth": Study(from_scratch.train, from_scratch.DEPTH, KEYPOINT_STEPS),
    "emotion-models": Study(from_scratch.train, from_scratch.EMOTION_MODELS, EQUAL_TIME),
    "emotion-craft": Study(from_scratch.train, from_scratch.EMOTION_CRAFT, EMOTION_STEPS),
    "four-layers": Study(from_scratch.train, {"four layers": from_scratch.FOUR_LAYERS}, TWENTY),
    "deep-network": Study(deep.compare, deep.CHOICES, NARROW),
    "deep-all-faces": Study(deep.compare, deep.AS_IT_IS, ALL_FACES),
    "deep-full-width": Study(deep.compare, deep.AS_IT_IS, FULL_WIDTH),
    "ckplus-splits": Study(deep.split_ckplus, deep.SPLITS, FOLDED),
    "five-classes": Study(five_classes.train, five_classes.VARIANTS, {}),
    "resnet50": Study(resnet50.train, resnet50.VARIANTS, {"epochs": 1, "side": 224}),
}
# For a look whether a study runs at all.
SMOKE = {"processor_minutes": 0.02, "epochs": 1, "side": 32}
HEADLINES = (
    "parameters", "seconds", "peak_memory_gib", "accuracy", "mean_error_interocular",
)  # fmt: skip


def smoke_budget(name: str) -> dict:
    """Return a study's budget with all that costs time made small, and made faces to learn from."""
    smaller = {key: SMOKE.get(key, value) for key, value in STUDIES[name].budget.items()}
    return smaller | {"rows": 64, "source": "made"}


def run_study(name: str, out: Path, smoke: bool = False) -> dict:
    """Train and measure all variants of a study in folder `out`; an interrupted one goes on.

    Returns the budget and, for each variant, its size, how it learnt and its metrics. Raises
    ValueError if the folder holds what was trained with another budget or seed.
    """
    train, variants, budget = STUDIES[name]
    budget = smoke_budget(name) if smoke else budget
    known = budget | {"seed": settings.SEED}
    if once(out / "budget.json", lambda: known) != known:
        raise ValueError(
            f"{out} holds a study with another budget or seed; choose another folder for --out."
        )
    rows = []
    for variant, special in variants.items():
        print(variant, flush=True)
        folder = out / variant
        row = once(folder / "result.json", lambda: train(folder, budget, **special))  # noqa: B023
        rows.append({"name": variant} | row)
    return {"study": name, "budget": budget, "seed": settings.SEED, "variants": rows}


def summary(variants: list[dict]) -> str:
    """Return a table of how each variant did."""
    table = pd.DataFrame([row | row["metrics"] for row in variants]).set_index("name")
    shown = [column for column in HEADLINES if column in table]
    return table[shown].convert_dtypes().round(3).to_string()
