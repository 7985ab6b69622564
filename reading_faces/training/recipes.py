"""How a network is trained: all that changes the result and is written on its card.

The recipes of the models that ship are in `recipes.toml`.
"""

import contextlib
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import keras
from keras import ops
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule


@dataclass(frozen=True)
class Schedule:
    """For how long, in which steps and with which numbers.

    Keras takes `weight_decay` of a weight at each step, times the learning rate and no momentum: to
    decay as fast as elsewhere with momentum 0.9, it has to be ten times as large.
    """

    epochs: int
    learning_rate: float
    optimizer: str = "adamw"
    batch_size: int = 64
    weight_decay: float = 1e-4
    warmup_epochs: float = 1.0
    restarts: tuple[int, ...] = ()  # epochs at which the rate rises again, to half its first height
    precision: str = "auto"  # a Keras dtype policy; see `precision`


@dataclass(frozen=True)
class Recipe:
    """One training: its schedule, which pictures it learns from, and what it is told of them."""

    schedule: Schedule
    rows: int | None = None  # of the training pictures of a source, at most so many
    drawn: int | None = None  # made faces in place of those that ship, of other people
    drawn_mixed: int | None = None  # more, with units in any combination, only to learn from
    unlabelled: tuple[str, ...] = ()  # sources of faces that a teacher labels
    reach: float = 1.0  # in a `then`, pictures are changed so many times as far as usual
    mixup: float = 0.0  # how strongly pictures are mixed in pairs, from the first restart on
    votes_weight: float = 0.0  # the share of people's votes in an emotion's target
    teacher_weight: float = 0.0  # the share of what the network said after the trainings before
    label_smoothing: float = 0.0
    last_stages: int | None = None  # only so many of the network learn: `loop.thaw`
    then: "Recipe | None" = None  # goes on from the weights that came out of this one

    def in_turn(self) -> list["Recipe"]:
        """Return this recipe and those that follow it."""
        return [self, *(self.then.in_turn() if self.then else [])]

    def with_epochs(self, epochs: int) -> "Recipe":
        """Return the first training alone, that long."""
        return replace(self, schedule=replace(self.schedule, epochs=epochs), then=None)

    def as_card(self) -> dict:
        """Return everything by name in one flat dictionary, as a model card holds it."""
        card = asdict(self) | {"then": self.then.as_card() if self.then else None}
        return card.pop("schedule") | card

    @classmethod
    def from_card(cls, card: dict) -> "Recipe":
        """Return the recipe of such a dictionary; what it does not name is as usual."""
        card = {name: tuple(x) if isinstance(x, list) else x for name, x in card.items()}
        steps = {f.name: card.pop(f.name) for f in fields(Schedule) if f.name in card}
        then = cls.from_card(card["then"]) if card.get("then") else None
        return cls(Schedule(**steps), **card | {"then": then})


_TABLES = tomllib.loads(Path(__file__).with_name("recipes.toml").read_text("utf-8"))
RECIPES = {
    task: {name: Recipe.from_card(card) for name, card in cards.items()}
    for task, cards in _TABLES.items()
}


def build_optimizer(schedule: Schedule, steps_per_epoch: int | None) -> keras.optimizers.Optimizer:
    """Return the optimizer, its rate falling as planned; without steps it stays as it is."""
    rate = schedule.learning_rate
    if steps_per_epoch is not None:
        rate = FallingRate(schedule, steps_per_epoch)
    decay = {"weight_decay": schedule.weight_decay}
    kinds = {
        "adamw": partial(keras.optimizers.AdamW, **decay),
        "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True, **decay),
        "nadam": keras.optimizers.Nadam,  # these two without decay, as they are usually trained
        "adam": keras.optimizers.Adam,
    }
    return kinds[schedule.optimizer](rate)


class FallingRate(LearningRateSchedule):
    """A learning rate that warms up and falls to 0 by cosine, and does so again at each restart.

    Source of the restarts: Loshchilov and Hutter, SGDR, ICLR 2017.
    """

    def __init__(self, schedule: Schedule, steps_per_epoch: int):
        restarts = [epoch for epoch in schedule.restarts if epoch < schedule.epochs]
        warmup = int(schedule.warmup_epochs * steps_per_epoch)
        self.falls = []
        for start, end in pairwise([0, *restarts, schedule.epochs]):
            peak = schedule.learning_rate / (2 if start else 1)
            steps = max(1, (end - start) * steps_per_epoch - warmup)
            fall = CosineDecay(peak / 20, steps, warmup_target=peak, warmup_steps=warmup)
            self.falls.append((start * steps_per_epoch, fall))

    def __call__(self, step):
        """Return the learning rate of a step."""
        rate = 0.0
        for start, fall in self.falls:
            rate = ops.where(step < start, rate, fall(ops.maximum(step - start, 0)))
        return rate


@contextlib.contextmanager
def precision(policy: str):
    """Build layers under a dtype policy, and put back the one that was there.

    `auto` is `mixed_bfloat16` where the processor computes with it, which halves an epoch there and
    makes it many times longer elsewhere, else `float32`. The weights are float32 either way.
    """
    if policy == "auto":
        processor = Path("/proc/cpuinfo")  # of Linux alone; elsewhere the safe choice is taken
        flags = processor.read_text() if processor.exists() else ""
        fast = "avx512_bf16" in flags or "amx_bf16" in flags
        policy = "mixed_bfloat16" if fast else "float32"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
