"""The comparisons that lessons quote: several networks, one budget, the same data and seed.

`python -m reading_faces study` is this package; what it prints is kept under `data/results/`. Each
module has its `STUDIES`, which say by the name of a variant what is special about it, their
`BUDGETS`, for a full run and for a look whether it runs at all, and `train_variant`.
"""

from pathlib import Path

import numpy as np

from helpers import settings
from reading_faces.training.loop import once
from reading_faces.training.studies import emotions, keypoints, resnet50, transfer

PART_OF = {
    name: part for part in (keypoints, emotions, transfer, resnet50) for name in part.STUDIES
}
HEADLINES = ("accuracy", "mean_error_interocular", "units_auc", "units_f1", "group_accuracy")


def run_study(name: str, out: Path, smoke: bool = False) -> dict:
    """Train and measure all variants of a study in folder `out`; an interrupted one goes on.

    Returns
    -------
    A dictionary for `data/results/`: the budget and, for each variant, its size, how it learnt
    and its metrics.

    Raises
    ------
    ValueError
        If the folder holds what was trained with another budget.
    """
    part, rows = PART_OF[name], []
    budget = part.BUDGETS[name]["smoke" if smoke else "full"]
    if once(out / "budget.json", lambda: budget) != budget:
        raise ValueError(
            f"{out} holds a study with another budget; choose another folder for --out."
        )
    for variant, special in part.STUDIES[name].items():
        print(variant, flush=True)
        folder = out / variant
        row = once(
            folder / "result.json",
            lambda: part.train_variant(folder, budget, **special),  # noqa: B023
        )
        rows.append({"name": variant} | row)
    return {"study": name, "budget": budget, "seed": settings.SEED, "variants": rows}


def summary(row: dict) -> str:
    """Say in a line how a variant did: mean, and deviation where it was trained several times."""
    shown = [
        f"{name} {np.mean(value):.3f}" + (f" ± {np.std(value):.3f}" if np.ndim(value) else "")
        for name, value in row["metrics"].items()
        if name in HEADLINES
    ]
    size = [f"{row['parameters']:,} parameters"] if "parameters" in row else []
    cost = [f"{row['seconds']:,} s, {row['peak_memory_gib']:.1f} GiB"] if "seconds" in row else []
    return "   ".join([f"{row['name']:24}", *size, *cost, *shown])
