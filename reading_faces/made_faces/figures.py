"""Made faces to look at: people with all their emotions, action units off and on, poses and lamps.

Each function returns a figure and the text that stands in for it: `plots.show(*pose_and_light())`.
"""

import numpy as np
from matplotlib.figure import Figure

from reading_faces.made_faces.camera import Camera
from reading_faces.made_faces.expression import ACTION_UNITS, EMOTIONS, draw_expression, with_units
from reading_faces.made_faces.scenes import Scene, take_photo
from reading_faces.made_faces.sets import person_number

# People of seed 0 from light to dark skin, chosen for different hair, beards and glasses.
PEOPLE = (30, 3, 79, 62, 15, 48, 24, 7)
MODEL = 35  # whose face moves and turns: nothing on it hides a brow, an eye or the mouth
CALM = Camera(exposure=0.3, contrast=1.1, blur=0.3, noise=0.0, quality=95)
PLAIN_WALL = 66  # a seed that gives a background without shapes
# Pixels of a picture, and between two. With larger ones a figure would be above 150 KB, and shrunk.
SIDE, GAP = 74, 3
_DPI = 100  # at which a pixel of a picture is a pixel of the figure
# What `pose_and_light` turns, and how far to either side in degrees.
TURNS = {
    "yaw": ("yaw: turned to the left or right of the picture", 35),
    "pitch": ("pitch: up or down", 20),
    "roll": ("roll: leaning to one side", 25),
    "azimuth": ("lamp: from the left or right of the picture", 75),
}


def identities_by_emotions() -> tuple[Figure, str]:
    """Return a grid of eight people from light to dark skin, each with seven emotions."""
    rows = [[photograph(strong(number, name)) for name in EMOTIONS] for number in PEOPLE]
    fig, (ax,) = frame({"": rows})
    ax.set_xticks(middles(len(EMOTIONS)), EMOTIONS)
    ax.set_yticks(middles(len(PEOPLE)), [int(person_number(n, 0)["tone"]) + 1 for n in PEOPLE])
    ax.set_ylabel("skin tone on the Monk scale, from 1 to 10")
    alt = (
        f"A grid of made-up faces: {len(PEOPLE)} people from light to dark skin, with different "
        f"hair, beards, glasses and ages, each in seven columns with another emotion: "
        f"{', '.join(EMOTIONS)}."
    )
    return fig, alt


def strong(number: int, emotion: str) -> Scene:
    """Return a person of seed 0 with an emotion as strong as it gets, turned a little."""
    rng = np.random.default_rng([number, EMOTIONS.index(emotion)])
    units = draw_expression(emotion, rng, strength=1.0)
    turned = {"yaw": float(rng.uniform(-14, 14)), "roll": float(rng.uniform(-4, 4))}
    return calm_scene(number, units=units, emotion=emotion, **turned)


def action_unit_figure() -> tuple[Figure, str]:
    """Return a pair of pictures, off and on, for each action unit."""
    off = photograph(calm_scene(MODEL), across=104)
    panels = {}
    for unit, what in ACTION_UNITS.items():
        scene = calm_scene(MODEL, units=with_units(**{f"AU{unit}": 1}))
        panels[f"AU{unit} {what}"] = [[off, photograph(scene, across=104)]]
    fig, axes = frame(panels, columns=3)
    for ax in axes:
        ax.set_xticks(middles(2), ["off", "on"])
    return fig, f"A made-up face without and with each action unit: {', '.join(panels)}."


def pose_and_light() -> tuple[Figure, str]:
    """Return one face in a row of yaws, of pitches, of rolls, and of directions of the lamp."""
    panels = {}
    for name, (title, reach) in TURNS.items():
        # The lamp is harder in its own row, to show the shadows.
        lamp = {"key": 0.95, "fill": 0.2} if name == "azimuth" else {}
        angles = np.linspace(-reach, reach, 7).tolist()
        panels[title] = [
            [photograph(calm_scene(MODEL, **lamp, **{name: angle})) for angle in angles]
        ]
    fig, axes = frame(panels)
    for ax, (_, reach) in zip(axes, TURNS.values(), strict=True):
        ax.set_xticks(middles(7), [f"{angle:.0f}°" for angle in np.linspace(-reach, reach, 7)])
    alt = (
        "One made-up face in four rows of seven pictures: turned from -35 to 35 degrees of yaw, "
        "from -20 to 20 of pitch, from -25 to 25 of roll, and lit by a lamp that moves from 75 "
        "degrees on the left to 75 on the right, so that the shadow of the nose wanders."
    )
    return fig, alt


def calm_scene(number: int, **changes) -> Scene:
    """Return a person of seed 0 in friendly light before a quiet camera, with changes."""
    usual = {"azimuth": 20.0, "elevation": 30.0, "key": 0.6, "fill": 0.5}
    person = person_number(number, 0)
    return Scene(person, **{**usual, **changes}, camera=CALM, seed=PLAIN_WALL)


def photograph(scene: Scene, across: float = 138.0) -> np.ndarray:
    """Return a picture `(74, 74, 3) uint8` that is `across` face units wide.

    Unlike a portrait it is not framed by chance, so that pictures beside each other can be
    compared. With 138 units the whole head is on it, with 104 the face from forehead to chin.
    """
    place = (0.5 * SIDE, (0.62 - 26 / across) * SIDE, SIDE / across)
    return take_photo([scene], [place], (SIDE, SIDE), scene.camera, scene.seed)[0]


def frame(panels: dict[str, list], columns: int = 1) -> tuple[Figure, np.ndarray]:
    """Return a figure with a titled panel for each grid of pictures, and the panels' axes.

    One image a panel and not one a face: laying out dozens of axes would take many seconds.
    """
    mosaics = [mosaic(np.array(grid)) for grid in panels.values()]
    height, width = mosaics[0].shape[:2]
    rows = len(panels) // columns
    size = (columns * (width + 20) + 40) / _DPI, rows * (height + 46) / _DPI
    fig = Figure(figsize=size, layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax, title, picture in zip(axes, panels, mosaics, strict=True):
        ax.imshow(picture)
        ax.set_title(title, fontsize=10)
        ax.tick_params(length=0)
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    return fig, axes


def mosaic(grid: np.ndarray) -> np.ndarray:
    """Lay out pictures `(rows, columns, h, w, 3) uint8` as one, with white gaps between them."""
    gaps = (0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)
    rows = np.concatenate(np.pad(grid, gaps, constant_values=255), axis=1)
    return np.concatenate(rows, axis=1)[:-GAP, :-GAP]


def middles(count: int) -> np.ndarray:
    """Return where the middle of each of `count` joined pictures is, in pixels."""
    return np.arange(count) * (SIDE + GAP) + SIDE / 2
