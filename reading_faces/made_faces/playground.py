"""A made face to play with: sliders for pose, light and action units, and the face at once.

Where nobody could move a slider, in a page or a notebook run without a front end, a strip of
pictures stands in its place.
"""

import base64
import itertools
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from reading_faces.made_faces.camera import Camera
from reading_faces.made_faces.expression import ACTION_UNITS, with_units
from reading_faces.made_faces.people import Person
from reading_faces.made_faces.scenes import Scene, take_photo
from reading_faces.made_faces.sets import person_number

MODEL = 35  # whose face moves and turns: nothing on it hides a brow, an eye or the mouth
PLAIN_WALL = 66  # a seed that gives a background without shapes
SIZE = 160  # pixels; with many more there would be less than ten pictures a second
# Lowest, highest and first value of each slider and what stands beside it; what the strip shows.
_TABLES = tomllib.loads(Path(__file__).with_name("playground.toml").read_text("utf-8"))
ANGLES, STRIP = _TABLES["angles"], _TABLES["strip"]
INTENSITIES = {f"AU{unit}": (0, 1, 0, f"AU{unit} {what}") for unit, what in ACTION_UNITS.items()}
# As in the course's other figures, the subject's left side, its right side, and the middle: rows of
# Kaggle's points, colour, and a second cue: corners, turn and size of what is drawn.
SIDES = (
    ([0, 2, 3, 6, 7, 11], (201, 124, 0), 24, 0.0, 1.0),
    ([1, 4, 5, 8, 9, 12], (1, 115, 178), 4, np.pi / 4, 1.2),
    ([10, 13, 14], (204, 120, 188), 3, -np.pi / 2, 1.35),
)


def play() -> None:
    """Show a face with sliders, or, where they would not work, pictures of what they do."""
    from IPython.display import display

    pictures = {"text/plain": "A made face: " + "; ".join(STRIP), "text/html": strip()}
    # A front end shows the sliders; what cannot show them takes the pictures.
    sliders = Playground().everything._repr_mimebundle_() if widgets_work() else {}
    display(sliders | pictures, raw=True)


def widgets_work() -> bool:
    """Say whether ipywidgets is here, and somebody in front of the notebook to use it.

    A program that runs a notebook tells its kernel that nobody will answer a question.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or find_spec("ipywidgets") is None:
        return False
    request = kernel.get_parent("shell").get("content", {})
    return "google.colab" in sys.modules or bool(request.get("allow_stdin"))


def redraw(person: Person, values: dict[str, float]) -> bytes:
    """Draw a face with its keypoints; `values` are those of sliders that were moved, by name.

    Returns a JPEG file, twice as large, so that the points are sharp.
    """
    units = with_units(**{name: value for name, value in values.items() if name not in ANGLES})
    angles = {name: float(values.get(name, ANGLES[name][2])) for name in ANGLES}
    scene = Scene(person, units, **angles, key=0.75, fill=0.4)
    place, camera = (0.5 * SIZE, 0.4 * SIZE, SIZE / 122), Camera(blur=0.5, noise=0.0, quality=95)
    photo, (face,) = take_photo([scene], [place], (SIZE, SIZE), camera, PLAIN_WALL)
    photo = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    draw_keypoints(photo, 2 * face.keypoints + 0.5, SIZE / 56)
    return cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def draw_keypoints(photo: np.ndarray, keypoints: np.ndarray, radius: float) -> None:
    """Draw the 15 points `(15, 2)` of a face as circles, squares and triangles with a rim."""
    for rows, colour, corners, turn, scale in SIDES:
        angles = turn + np.arange(corners) * 2 * np.pi / corners
        shape = scale * radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        for point in keypoints[rows]:
            for size, inked in ((1.4, (255, 255, 255)), (1.0, colour)):
                # OpenCV draws at sixteenths of a pixel when it is told so.
                polygon = np.round((point + size * shape) * 16).astype(np.int32)
                cv2.fillPoly(photo, [polygon], inked, cv2.LINE_AA, shift=4)


def strip() -> str:
    """Return HTML with a row of pictures, each with a caption and an alternative text."""
    pictures = []
    for caption, values in STRIP.items():
        source = base64.b64encode(redraw(person_number(MODEL, 0), values)).decode()
        alt = f"A made-up face with its 15 keypoints, {caption}"
        pictures.append(
            '<figure style="display: inline-block; margin: 4px; text-align: center; '
            'vertical-align: top">'
            f'<img alt="{alt}" width="150" src="data:image/jpeg;base64,{source}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return f"<div>{''.join(pictures)}</div>"


class Playground:
    """A picture of a face beside its sliders, all inside the widget `everything`."""

    def __init__(self):
        import ipywidgets as widgets

        self.person, self.others = person_number(MODEL, 0), itertools.count(1)
        self.picture = widgets.Image(format="jpeg", width=2 * SIZE, height=2 * SIZE)
        rest, change = (widgets.Button(description=text) for text in ("at rest", "somebody else"))
        rest.on_click(self.rest)
        change.on_click(self.change_person)
        angles = {name: self.slider(widgets.IntSlider, 1, row) for name, row in ANGLES.items()}
        units = {n: self.slider(widgets.FloatSlider, 0.05, row) for n, row in INTENSITIES.items()}
        self.sliders = angles | units
        left = widgets.VBox([self.picture, *angles.values()])
        right = widgets.VBox([*units.values(), widgets.HBox([rest, change])])
        self.everything = widgets.HBox([left, right])
        self.update()

    def slider(self, kind, step: float, row: tuple):
        """Return a slider of a kind for a row of `ANGLES` or `INTENSITIES`."""
        low, high, first, text = row
        slider = kind(
            first, min=low, max=high, step=step, description=text,
            style={"description_width": "165px"}, layout={"width": "360px", "margin": "0"},
        )  # fmt: skip
        slider.observe(self.update, "value")
        return slider

    def update(self, _=None) -> None:
        """Draw the face as the sliders say."""
        values = {name: slider.value for name, slider in self.sliders.items()}
        self.picture.value = redraw(self.person, values)

    def rest(self, _=None) -> None:
        """Put all sliders back."""
        for name, (_, _, first, _) in (ANGLES | INTENSITIES).items():
            self.sliders[name].value = first

    def change_person(self, _=None) -> None:
        """Give the sliders another face."""
        self.person = person_number(next(self.others), 0)
        self.update()
