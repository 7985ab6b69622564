"""A made face to play with: sliders for pose, light and action units, and the face at once.

Where nobody could move a slider, in a page or a notebook run without a front end, a strip of
pictures stands in its place.
"""

import base64
import itertools
import sys
from collections.abc import Callable
from importlib.util import find_spec

import cv2
import numpy as np

from reading_faces.made_faces.camera import Camera, develop, draw_background, read_jpeg
from reading_faces.made_faces.expression import ACTION_UNITS, UNIT_NAMES, with_units
from reading_faces.made_faces.figures import MODEL, PLAIN_WALL
from reading_faces.made_faces.head import build_head
from reading_faces.made_faces.people import Person
from reading_faces.made_faces.render import View
from reading_faces.made_faces.scenes import OVERSAMPLING, Scene, draw_face
from reading_faces.made_faces.sets import person_number

SIZE = 160  # pixels; with many more there would be less than ten pictures a second
# Lowest, highest and first value of each slider that turns the head or moves the lamp, in degrees.
ANGLES = {
    "yaw": (-35, 35, 0), "pitch": (-20, 20, 0), "roll": (-25, 25, 0),
    "azimuth": (-85, 85, 20), "elevation": (-25, 75, 30),
}  # fmt: skip
STRIP = {
    "at rest": {},
    "turned by 30°": {"yaw": 30},
    "lamp from the left": {"azimuth": -75},
    "AU1 + AU2": {"AU1": 1, "AU2": 1},
    "AU6 + AU12": {"AU6": 1, "AU12": 1},
    "AU4 + AU24": {"AU4": 1, "AU24": 1},
}
# As in the course's other figures, the subject's left side, its right side, and the middle: rows of
# Kaggle's points, colour, and a second cue: corners, turn and size of what is drawn.
SIDES = (
    ([0, 2, 3, 6, 7, 11], (201, 124, 0), 24, 0.0, 1.0),
    ([1, 4, 5, 8, 9, 12], (1, 115, 178), 4, np.pi / 4, 1.2),
    ([10, 13, 14], (204, 120, 188), 3, -np.pi / 2, 1.35),
)
# Where FER-2013 has the eyes on average, in units of the picture's side.
EYES_APART, EYES_HEIGHT = 0.36, 0.38
# Given a face `(48, 48) uint8`, framed as in FER-2013, a probability for each answer.
Answer = Callable[[np.ndarray], dict[str, float]]


def play(person: Person | None = None, size: int = SIZE, answer: Answer | None = None) -> None:
    """Show a face with sliders, or, where they would not work, pictures of what they do.

    Parameters
    ----------
    person : whose face it is; somebody whose features are easy to see by default.
    size : side in pixels at which the face is drawn; it is shown twice as large.
    answer : what a model says of the face; shown as bars beside it.
    """
    from IPython.display import display

    person = person_number(MODEL, 0) if person is None else person
    bundle = {"text/plain": "A made face: " + "; ".join(STRIP), "text/html": strip(person, answer)}
    if widgets_work():
        # A front end shows the sliders; what cannot show them takes the pictures.
        model_id = Playground(person, size, answer).everything.model_id
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)


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


def redraw(person: Person, values: dict[str, float], size: int = SIZE) -> tuple[bytes, np.ndarray]:
    """Draw a face with its keypoints.

    Parameters
    ----------
    person : who.
    values : degrees of what is in `ANGLES`, and intensities of action units by name, 0 to 1.
    size : side in pixels at which the face is drawn.

    Returns
    -------
    A JPEG file, twice as large, so that the points are sharp; and the face without points,
    `(48, 48) uint8`, as the emotion model takes it.
    """
    units = with_units(**{name: value for name, value in values.items() if name not in ANGLES})
    angles = {name: float(values.get(name, ANGLES[name][2])) for name in ANGLES}
    scene = Scene(person, units, **angles, key=0.75, fill=0.4)
    # What others shrink, to smooth its edges, is shown as it is: that doubles the speed.
    side = size / OVERSAMPLING
    place = (0.5 * side, 0.4 * side)
    view = View(scene.yaw, scene.pitch, scene.roll, scene.distance, side / 122, place)
    picture = draw_background((size, size), np.random.default_rng(PLAIN_WALL))
    rng = np.random.default_rng(0)
    face = draw_face(scene, build_head(person, units), view, picture, rng)
    box = tuple(OVERSAMPLING * side for side in face.box)
    photo = read_jpeg(develop(picture, Camera(blur=0.5, noise=0.0, quality=95), [box], rng))
    small = frame_by_eyes(photo, (face.keypoints[:2] + 0.5) * OVERSAMPLING - 0.5)
    photo = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    draw_keypoints(photo, (face.keypoints + 0.5) * 2 * OVERSAMPLING - 0.5, size / 56)
    jpeg = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return jpeg.tobytes(), small


def frame_by_eyes(photo: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Cut out a face `(48, 48) uint8` in FER-2013's framing, upright.

    `eyes (2, 2)` are the centres of the left and the right one.
    """
    large = 96  # drawn at twice the size first, so that no pixel of the photo is passed over
    x = 0.5 + EYES_APART / 2 * np.array([1, -1])  # the subject's left eye is on the right
    places = large * np.column_stack([x, [EYES_HEIGHT, EYES_HEIGHT]]) - 0.5
    matrix, _ = cv2.estimateAffinePartial2D(eyes, places)
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    face = cv2.warpAffine(grey, matrix, (large, large), borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)


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


def strip(person: Person, answer: Answer | None = None) -> str:
    """Return HTML with a row of pictures, each with a caption and an alternative text."""
    pictures = []
    for caption, values in STRIP.items():
        jpeg, face = redraw(person, values)
        source = base64.b64encode(jpeg).decode()
        alt = f"A made-up face with its 15 keypoints, {caption}"
        pictures.append(
            '<figure style="display: inline-block; margin: 4px; text-align: center; '
            'vertical-align: top">'
            f'<img alt="{alt}" width="150" src="data:image/jpeg;base64,{source}">'
            f"<figcaption>{caption}</figcaption>"
            f"{bars(answer(face), 150) if answer else ''}</figure>"
        )
    return f"<div>{''.join(pictures)}</div>"


def bars(answers: dict[str, float], width: int) -> str:
    """Return HTML with a bar and a percentage for each answer; `width` in pixels."""
    rows = "".join(
        f'<tr><td style="text-align: left; padding: 0 4px">{name}</td><td style="padding: 0">'
        f'<div style="background: #0173b2; height: 9px; width: {0.35 * width * p:.0f}px"></div>'
        f'</td><td style="text-align: right; padding: 0 4px">{p:.0%}</td></tr>'
        for name, p in answers.items()
    )
    return f'<table style="width: {width}px; font-size: 11px; line-height: 1.1">{rows}</table>'


class Playground:
    """A picture of a face beside its sliders, all inside the widget `everything`."""

    def __init__(self, person: Person, size: int, answer: Answer | None = None):
        import ipywidgets as widgets

        self.person, self.size, self.answer = person, size, answer
        self.answers = widgets.HTML()
        self.others = itertools.count(1)
        self.picture = widgets.Image(format="jpeg", width=2 * size, height=2 * size)
        self.sliders = dict(self.build_sliders(widgets))
        buttons = []
        for text, action in (("at rest", self.rest), ("somebody else", self.change_person)):
            buttons.append(widgets.Button(description=text))
            buttons[-1].on_click(action)
        sliders = list(self.sliders.values())
        left = widgets.VBox([self.picture, self.answers, *sliders[: len(ANGLES)]])
        right = widgets.VBox([*sliders[len(ANGLES) :], widgets.HBox(buttons)])
        self.everything = widgets.HBox([left, right])
        self.update()

    def build_sliders(self, widgets):
        """Yield the name and the slider of each angle and each action unit."""
        lamp = {"azimuth": "lamp: azimuth", "elevation": "lamp: elevation"}
        ranges = {n: (*angles, 1, f"{lamp.get(n, n)}, degrees") for n, angles in ANGLES.items()}
        for name, what in zip(UNIT_NAMES, ACTION_UNITS.values(), strict=True):
            ranges[name] = (0.0, 1.0, 0.0, 0.05, f"{name} {what}")
        for name, (low, high, first, step, text) in ranges.items():
            slider = widgets.FloatSlider(
                first, min=low, max=high, step=step, description=text,
                readout_format=".0f" if step == 1 else ".2f",
                style={"description_width": "165px"}, layout={"width": "360px", "margin": "0"},
            )  # fmt: skip
            slider.observe(self.update, "value")
            yield name, slider

    def update(self, _=None) -> None:
        """Draw the face as the sliders say."""
        values = {name: slider.value for name, slider in self.sliders.items()}
        self.picture.value, face = redraw(self.person, values, self.size)
        if self.answer:
            self.answers.value = bars(self.answer(face), 2 * self.size)

    def rest(self, _=None) -> None:
        """Put all sliders back, and draw once."""
        for name, slider in self.sliders.items():
            slider.unobserve(self.update, "value")
            slider.value = ANGLES[name][2] if name in ANGLES else 0
            slider.observe(self.update, "value")
        self.update()

    def change_person(self, _=None) -> None:
        """Give the sliders another face."""
        self.person = person_number(next(self.others), 0)
        self.update()
