"""The comparisons that lessons quote: several networks, one budget, the same data and seed.

`python -m reading_faces study` is this package; what it prints is kept under `data/results/`.
"""

from pathlib import Path
from types import ModuleType

from helpers import settings
from reading_faces.training.studies import emotions, keypoints, resnet50, transfer

PARTS = (keypoints, emotions, transfer, resnet50)
STUDIES = {name: variants for part in PARTS for name, variants in part.STUDIES.items()}


def part_of(study: str) -> ModuleType:
    """Return the module that knows how a study is done."""
    return next(part for part in PARTS if study in part.STUDIES)


def run_study(name: str, out: Path, smoke: bool = False) -> dict:
    """Train and measure all variants of a study in folder `out`; an interrupted one goes on.

    Returns
    -------
    A dictionary for `data/results/`: the budget and, for each variant, its size, how it learnt
    and its metrics.
    """
    study = part_of(name)
    rows = []
    for variant in STUDIES[name]:
        print(variant.name, flush=True)
        rows.append(study.run_variant(name, variant, out / variant.name, smoke))
    budget = study.budget(name, smoke)
    return {"study": name, "budget": budget, "seed": settings.SEED, "variants": rows}
