"""A made face with each of its action units off and on."""

import numpy as np
from matplotlib.figure import Figure

from reading_faces.made_faces.camera import Camera
from reading_faces.made_faces.expression import ACTION_UNITS, with_units
from reading_faces.made_faces.scenes import Scene, take_photo
from reading_faces.made_faces.sets import person_number

MODEL = 35  # whose face moves and turns: nothing on it hides a brow, an eye or the mouth
CALM = Camera(exposure=0.3, contrast=1.1, blur=0.3, noise=0.0, quality=95)
PLAIN_WALL = 66  # a seed that gives a background without shapes
# Pixels of a picture, and between two. With larger ones a figure would be above 150 KB, and shrunk.
SIDE, GAP = 74, 3
_COLUMNS, _DPI = 3, 100  # at 100 dots an inch, a pixel of a picture is a pixel of the figure


def action_unit_figure() -> tuple[Figure, str]:
    """Return a pair of pictures, off and on, for each action unit, and the text that says so.

    One image a panel and not one a face: laying out dozens of axes would take many seconds.
    """
    off, gap = photograph(), np.full((SIDE, GAP, 3), 255, np.uint8)
    panels = {
        f"AU{unit} {what}": [off, gap, photograph(units=with_units(**{f"AU{unit}": 1}))]
        for unit, what in ACTION_UNITS.items()
    }
    rows = len(panels) // _COLUMNS
    size = _COLUMNS * (2 * SIDE + GAP + 20) + 40, rows * (SIDE + 46)
    fig = Figure(figsize=np.divide(size, _DPI), layout="constrained")
    for ax, (title, pictures) in zip(
        fig.subplots(rows, _COLUMNS).flat, panels.items(), strict=True
    ):
        ax.imshow(np.concatenate(pictures, axis=1))
        ax.set_title(title, fontsize=10)
        ax.tick_params(length=0)
        ax.set(yticks=[])
        ax.set_xticks([SIDE / 2, SIDE / 2 + SIDE + GAP], ["off", "on"])
        ax.spines[:].set_visible(False)
    return fig, f"A made-up face without and with each action unit: {', '.join(panels)}."


def photograph(**changes) -> np.ndarray:
    """Return `MODEL` from forehead to chin in friendly light, `(74, 74, 3) uint8`, with changes.

    Unlike a portrait it is not framed by chance, so that pictures beside each other can be
    compared.
    """
    usual = {"azimuth": 20.0, "elevation": 30.0, "key": 0.6, "fill": 0.5}
    scene = Scene(person_number(MODEL, 0), **usual | changes)
    across = 104.0  # face units
    place = (0.5 * SIDE, (0.62 - 26 / across) * SIDE, SIDE / across)
    return take_photo([scene], [place], (SIDE, SIDE), CALM, PLAIN_WALL)[0]
