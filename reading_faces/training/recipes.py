"""How each model that ships is made: which data, which network, how long.

`helpers.training_data` prepares the data, `helpers.weights` trains and writes the card.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from helpers import settings
from helpers.data.archives import is_made_set
from reading_faces.training.loop import Recipe

RECIPES = {
    "keypoints": {
        "smoke": Recipe(epochs=1, learning_rate=1e-3, rows=128, precision="float32"),
        "lesson": Recipe(epochs=4, learning_rate=2e-3, batch_size=32, rows=1000),
        "full": Recipe(
            epochs=14, learning_rate=1e-3, batch_size=32, drawn=12_000, shape_weight=0.003
        ),
        "full small": Recipe(epochs=8, learning_rate=2e-3, batch_size=32),
    },
    "emotion": {
        "smoke": Recipe(epochs=1, learning_rate=1e-3, rows=128, precision="float32"),
        "lesson": Recipe(epochs=8, learning_rate=1e-3, rows=3000, label_smoothing=0.1),
        "full": Recipe(
            epochs=92,
            learning_rate=0.05,
            optimizer="sgd",
            weight_decay=5e-3,
            votes_weight=0.5,
            restarts=(24, 52),
            mixup=0.2,
            then=Recipe(
                epochs=22,
                learning_rate=0.025,
                optimizer="sgd",
                weight_decay=5e-3,
                mixup=0.2,
                teacher_weight=0.5,
                unlabelled=("facial-keypoints",),
                reach=1.5,
            ),
        ),
        "full keypoints": Recipe(epochs=7, learning_rate=3e-3, label_smoothing=0.1),
    },
    "action_units": {
        "smoke": Recipe(epochs=1, learning_rate=1e-3, rows=128, precision="float32"),
        "lesson": Recipe(epochs=4, learning_rate=2e-3, batch_size=32, rows=1000),
        "full": Recipe(
            epochs=42,
            learning_rate=3e-3,
            batch_size=32,
            restarts=(6, 18, 30),
            drawn=12_000,
            drawn_mixed=14_000,
        ),
    },
    # No step is taken: what to learn from is all there is to choose, see `discriminant`.
    "embedding": {
        "smoke": Recipe(epochs=0, learning_rate=0.0, rows=128, precision="float32"),
        "lesson": Recipe(epochs=0, learning_rate=0.0, rows=1000, precision="float32"),
        "full": Recipe(epochs=0, learning_rate=0.0, rows=4000, precision="float32"),
    },
    # What lesson 5 does by hand.
    "triplets": {
        "smoke": Recipe(epochs=2, learning_rate=2e-3),
        "lesson": Recipe(epochs=12, learning_rate=2e-3),
        "full": Recipe(epochs=60, learning_rate=2e-3),
    },
    # What lesson 4 does by hand, of each of its two phases.
    "transfer": {
        "smoke": Recipe(epochs=1, learning_rate=3e-3, batch_size=32),
        "lesson": Recipe(epochs=8, learning_rate=3e-3, batch_size=32),
        "full": Recipe(epochs=24, learning_rate=3e-3, batch_size=32),
    },
}

# What `--model` may name, the default first: the function that builds the network, its arguments.
NETWORKS = {
    "keypoints": {
        "heatmap": ("build_heatmap_model", {}),
        "residual": ("build_keypoint_model", {}),
        "small": ("build_heatmap_model", {"filters": (24, 48, 64)}),
    },
    "emotion": {
        "residual": ("build_emotion_model", {}),
        "keypoints": ("build_emotion_by_keypoints_model", {}),
    },
    "action_units": {"residual": ("build_action_unit_model", {})},
    "embedding": {"residual": ("build_embedding_model", {})},
}

# What is trained on when no source is named; `made` otherwise.
SOURCES = {
    ("keypoints", "full"): ("facial-keypoints", "made"),
    ("emotion", "full"): ("fer2013",),
    ("embedding", "full"): ("facial-keypoints", "ckplus", "orl"),
}


@dataclass(frozen=True)
class Run:
    """One training: what on, for how long, from which weights, and into which folder."""

    task: str
    sources: tuple[str, ...]
    profile: str
    out: Path
    model: str | None = None
    init: Path | None = None
    seed: int = settings.SEED
    epochs: int | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe of the profile (and model, if it has its own).

        If a number of epochs was asked for, it takes the place of all that the recipe has.
        """
        recipes = RECIPES[self.task]
        recipe = recipes.get(f"{self.profile} {self.model}", recipes[self.profile])
        return replace(recipe, epochs=self.epochs, then=None) if self.epochs else recipe

    @property
    def on_made_faces_only(self) -> bool:
        """Whether no real face is trained on."""
        return all(source == "made" or is_made_set(Path(source)) for source in self.sources)

    @property
    def network(self) -> tuple[str, dict]:
        """The function that builds the network, and its arguments."""
        networks = NETWORKS[self.task]
        name = self.model or next(iter(networks))
        if name not in networks:
            raise ValueError(f"{self.task} has no model {name!r}; choose {' or '.join(networks)}.")
        return networks[name]

    @property
    def command(self) -> str:
        """The command line that makes this run again."""
        sources = " ".join(f"--source {source}" for source in self.sources)
        init = f" --init {self.init}" if self.init else ""
        model = f" --model {self.model}" if self.model else ""
        model += f" --epochs {self.epochs}" if self.epochs else ""
        seed = f"COURSE_SEED={self.seed} " if self.seed else ""
        return (
            f"{seed}python -m reading_faces train {self.task.replace('_', '-')} {sources}"
            f" --profile {self.profile}"
            f"{model}{init} --out {self.out}"
        )
