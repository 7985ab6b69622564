"""A made face to play with: sliders for pose, light and action units, and the face at once.

Where nobody could move a slider, in a page or a notebook run without a front end, a strip of
pictures stands in its place.
"""

import base64
import functools
import itertools
import sys
from importlib.util import find_spec

import cv2
import numpy as np

from helpers import plots
from helpers.made_faces.camera import Camera, develop, draw_background, read_jpeg
from helpers.made_faces.expression import ACTION_UNITS, UNIT_NAMES, with_units
from helpers.made_faces.features import place_features
from helpers.made_faces.gallery import MODEL, PLAIN_WALL
from helpers.made_faces.head import build_head
from helpers.made_faces.people import Person
from helpers.made_faces.render import View
from helpers.made_faces.scenes import OVERSAMPLING, Scene, draw_face
from helpers.made_faces.sets import person_number

SIZE = 160  # pixels; with many more there would be less than ten pictures a second
# Lowest, highest and first value of each slider that turns the head or moves the lamp, in degrees.
ANGLES = {
    "yaw": (-35, 35, 0), "pitch": (-20, 20, 0), "roll": (-25, 25, 0),
    "azimuth": (-85, 85, 20), "elevation": (-25, 75, 30),
}  # fmt: skip
LABELS = {
    "yaw": "yaw", "pitch": "pitch", "roll": "roll",
    "azimuth": "lamp: azimuth", "elevation": "lamp: elevation",
}  # fmt: skip
STRIP = {
    "at rest": {},
    "turned by 30°": {"yaw": 30},
    "lamp from the left": {"azimuth": -75},
    "AU1 + AU2": {"AU1": 1, "AU2": 1},
    "AU6 + AU12": {"AU6": 1, "AU12": 1},
    "AU4 + AU24": {"AU4": 1, "AU24": 1},
}


def play(person: Person | None = None, size: int = SIZE) -> None:
    """Show a face with sliders, or, where they would not work, pictures of what they do.

    Parameters
    ----------
    person : whose face it is; somebody whose features are easy to see by default.
    size : side in pixels at which the face is drawn; it is shown twice as large.
    """
    from IPython.display import display

    person = person_number(MODEL, 0) if person is None else person
    bundle = {"text/plain": "A made face: " + "; ".join(STRIP), "text/html": strip(person)}
    if widgets_work():
        # A front end shows the sliders; what cannot show them takes the pictures.
        model_id = Playground(person, size).everything.model_id
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


def redraw(person: Person, values: dict[str, float], size: int = SIZE) -> bytes:
    """Draw a face with its keypoints.

    Parameters
    ----------
    person : who.
    values : degrees of what is in `ANGLES`, and intensities of action units by name, 0 to 1.
    size : side in pixels at which the face is drawn.

    Returns
    -------
    A JPEG file, twice as large, so that the points are sharp.
    """
    units = with_units(**{name: value for name, value in values.items() if name not in ANGLES})
    angles = {name: float(values.get(name, ANGLES[name][2])) for name in ANGLES}
    scene = Scene(person, units, **angles, key=0.75, fill=0.4)
    features = place_features(person, units)
    # What others shrink, to smooth its edges, is shown as it is: that doubles the speed.
    side = size / OVERSAMPLING
    place = (0.5 * side, 0.4 * side)
    view = View(scene.yaw, scene.pitch, scene.roll, scene.distance, side / 122, place)
    picture = background(size).copy()
    rng = np.random.default_rng(0)
    face = draw_face(scene, features, build_head(person, features), view, picture, rng)
    box = tuple(OVERSAMPLING * side for side in face.box)
    photo = read_jpeg(develop(picture, Camera(blur=0.5, noise=0.0, quality=95), [box], rng))
    photo = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    plots.draw_points(photo, (face.keypoints + 0.5) * 2 * OVERSAMPLING - 0.5, 0.8 * size)
    return cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


@functools.cache
def background(size: int) -> np.ndarray:
    """Return a plain wall `(size, size, 3) float32`, linear light."""
    return draw_background((size, size), np.random.default_rng(PLAIN_WALL))


def strip(person: Person) -> str:
    """Return HTML with a row of pictures, each with a caption and an alternative text."""
    pictures = []
    for caption, values in STRIP.items():
        source = base64.b64encode(redraw(person, values)).decode()
        alt = f"A made-up face with its 15 keypoints, {caption}"
        pictures.append(
            '<figure style="display: inline-block; margin: 4px; text-align: center">'
            f'<img alt="{alt}" width="150" src="data:image/jpeg;base64,{source}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return f"<div>{''.join(pictures)}</div>"


class Playground:
    """A picture of a face beside its sliders, all inside the widget `everything`."""

    def __init__(self, person: Person, size: int):
        import ipywidgets as widgets

        self.person, self.size = person, size
        self.others = itertools.count(1)
        self.picture = widgets.Image(format="jpeg", width=2 * size, height=2 * size)
        self.sliders = dict(self.build_sliders(widgets))
        buttons = []
        for text, action in (("at rest", self.rest), ("somebody else", self.change_person)):
            buttons.append(widgets.Button(description=text))
            buttons[-1].on_click(action)
        left = widgets.VBox([self.picture, *list(self.sliders.values())[: len(ANGLES)]])
        right = widgets.VBox([*list(self.sliders.values())[len(ANGLES) :], widgets.HBox(buttons)])
        self.everything = widgets.HBox([left, right])
        self.update()

    def build_sliders(self, widgets):
        """Yield the name and the slider of each angle and each action unit."""
        ranges = {name: (*ANGLES[name], 1, f"{text}, degrees") for name, text in LABELS.items()}
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
        self.picture.value = redraw(self.person, values, self.size)

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
