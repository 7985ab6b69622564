"""How a network is trained: everything that changes the result and is worth writing on its card."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Schedule:
    """For how long, in which steps and with which numbers.

    At each epoch of `restarts` the learning rate rises again, to half its first height, and falls
    once more. `precision` is a Keras dtype policy, or `auto`: bfloat16 where the processor has it,
    which halves an epoch there and makes it many times longer elsewhere. The weights are float32
    either way.

    Keras takes `weight_decay` of a weight at each step, times the learning rate and no momentum: to
    decay as fast as elsewhere with momentum 0.9, it has to be ten times as large.
    """

    epochs: int
    learning_rate: float
    optimizer: str = "adamw"
    batch_size: int = 64
    weight_decay: float = 1e-4
    warmup_epochs: float = 1.0
    restarts: tuple[int, ...] = ()
    precision: str = "auto"


@dataclass(frozen=True)
class Data:
    """Which pictures are learnt from, and how they are changed.

    `rows` limits how many training pictures of a source are used. `drawn` says how many made faces
    are drawn in place of those that ship, of other people and turned farther; `drawn_mixed` how
    many more with action units in any combination, only to learn from. `unlabelled` sources give
    faces that a teacher labels. Pictures are changed `reach` times as far as usual, and from the
    first restart on mixed in pairs, as strongly as `mixup` says (`MixedBatches`).
    """

    rows: int | None = None
    drawn: int | None = None
    drawn_mixed: int | None = None
    unlabelled: tuple[str, ...] = ()
    reach: float = 1.0
    mixup: float = 0.0


@dataclass(frozen=True)
class Targets:
    """What the network is told of a picture, and what an error costs.

    `votes_weight` is how much of an emotion's target comes from people's votes (`soft_labels`), and
    `teacher_weight` how much from what the network said after the trainings before (`distill`).
    `shape_weight` is the price of an unlikely shape (`losses.distance_within_shape`).
    """

    votes_weight: float = 0.0
    teacher_weight: float = 0.0
    label_smoothing: float = 0.0
    shape_weight: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """One training, and the one that goes on from the weights that came out of it."""

    schedule: Schedule
    data: Data = Data()
    targets: Targets = Targets()
    then: "Recipe | None" = None

    def in_turn(self) -> list["Recipe"]:
        """Return this recipe and those that follow it."""
        return [self, *(self.then.in_turn() if self.then else [])]

    def with_epochs(self, epochs: int) -> "Recipe":
        """Return the first training alone, that long."""
        return replace(self, schedule=replace(self.schedule, epochs=epochs), then=None)

    def as_card(self) -> dict:
        """Return everything by name in one flat dictionary, as a model card holds it."""
        parts = asdict(self.schedule) | asdict(self.data) | asdict(self.targets)
        return parts | {"then": self.then.as_card() if self.then else None}
