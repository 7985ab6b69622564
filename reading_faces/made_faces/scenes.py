"""One face in one picture: who, doing what, turned how, in which light; and all its labels."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from reading_faces.made_faces.camera import (
    Camera,
    develop,
    draw_background,
    draw_camera,
    occlude,
    read_jpeg,
)
from reading_faces.made_faces.expression import at_rest, draw_expression
from reading_faces.made_faces.head import Head, build_head
from reading_faces.made_faces.paint import paint_face
from reading_faces.made_faces.people import Person
from reading_faces.made_faces.render import Light, View, render
from reading_faces.made_faces.sheets import build_sheets

POSES = tomllib.loads(Path(__file__).with_name("poses.toml").read_text("utf-8"))
# Kaggle's pictures of 96 × 96 have a place between eyes and mouth (this share of the way from the
# mouth) about here; by so many pixels that place varies, and by such a share the size.
KAGGLE_CENTRE, KAGGLE_SHIFT, KAGGLE_ZOOM = np.array([48.2, 49.1]), (2.0, 1.9), (0.985, 0.06)
EYE_SHARE = 0.7
FRAME_MARGIN = 2.0
OCCLUDED_SHARE = 0.12
OVERSAMPLING = 1.5


@dataclass(frozen=True)
class Scene:
    """Everything that decides how one face looks in one picture."""

    person: Person
    units: np.ndarray = field(default_factory=at_rest)  # (18, 2), see `expression`
    emotion: str = "neutral"  # what the units were drawn for
    yaw: float = 0.0  # degrees, positive to the right of the picture
    pitch: float = 0.0  # degrees, positive down
    roll: float = 0.0  # degrees, positive clockwise
    distance: float = 600.0  # from the camera in face units of 1.7 mm
    azimuth: float = 25.0  # of the lamp in degrees, positive from the right
    elevation: float = 35.0  # of the lamp in degrees, positive from above
    key: float = 0.9  # brightness of the lamp
    fill: float = 0.35  # brightness of the surroundings
    warmth: float = 0.0  # of the lamp's colour; positive is yellower
    occluded: bool = False  # whether something is in front of the face
    camera: Camera = Camera()
    seed: int = 0  # of background, occlusion and noise

    def light(self) -> Light:
        """Return the lamp and the surroundings."""
        across, up = np.deg2rad([self.azimuth, self.elevation])
        direction = [np.sin(across) * np.cos(up), -np.sin(up), np.cos(across) * np.cos(up)]
        tint = 1 + self.warmth * np.array([1.0, 0.1, -1.0])
        return Light(np.array(direction), self.key * tint, self.fill * (2 - tint))


@dataclass(frozen=True)
class MadeFace:
    """One face in a picture, with its labels; places are in the picture's pixels."""

    scene: Scene
    keypoints: np.ndarray  # (15, 2) float, Kaggle's order
    visible: np.ndarray  # (15,) bool; False where something, perhaps the face itself, is in front
    box: tuple[float, float, float, float]  # x, y, width, height, from the hairline to the chin


def draw_scene(person: Person, emotion: str, rng: np.random.Generator, pose: str = "wide") -> Scene:
    """Draw how a person shows an emotion, turned, lit and photographed by chance.

    `pose` is one of `POSES`.
    """
    turned = {
        name: float(np.clip(rng.normal(0, deviation), -limit, limit))
        for name, (deviation, limit) in POSES[pose].items()
    }
    strong = rng.beta(2, 2)
    return Scene(
        person,
        draw_expression(emotion, rng),
        emotion,
        **turned,
        distance=float(rng.uniform(350, 1400)),
        azimuth=float(np.clip(rng.normal(0, 40), -85, 85)),
        elevation=float(np.clip(rng.normal(28, 22), -25, 75)),
        key=float(0.25 + 0.9 * strong),
        fill=float(0.5 - 0.38 * strong),
        warmth=float(np.clip(rng.normal(0.05, 0.1), -0.25, 0.3)),
        occluded=bool(rng.random() < OCCLUDED_SHARE),
        camera=draw_camera(rng),
        seed=int(rng.integers(2**31)),
    )


def take_portrait(scene: Scene) -> tuple[bytes, MadeFace]:
    """Photograph one face as Kaggle's are: a grey JPEG file of 96 × 96 pixels, and the face."""
    rng = np.random.default_rng(scene.seed)
    head = build_head(scene.person, scene.units)
    view = kaggle_frame(scene, head, rng)
    picture = draw_background((96, 96), rng, OVERSAMPLING)
    face = draw_face(scene, head, view, picture, rng)
    linear = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)
    return develop(linear, scene.camera, [face.box], rng, grey=True), face


def kaggle_frame(scene: Scene, head: Head, rng) -> View:
    """Return the view that frames a face as Kaggle's pictures do."""
    zoom = KAGGLE_ZOOM[0] * float(1 + KAGGLE_ZOOM[1] * np.clip(rng.normal(), -2.5, 2.5))
    view = View(scene.yaw, scene.pitch, scene.roll, scene.distance, zoom, (0.0, 0.0))
    seen = view.project(view.turn(head.keypoints()))[:, :2]
    eyes, mouth = seen[:2].mean(axis=0), seen[[11, 12]].mean(axis=0)
    shift = np.clip(rng.normal(size=2), -2.5, 2.5) * KAGGLE_SHIFT
    centre = KAGGLE_CENTRE + shift - (EYE_SHARE * eyes + (1 - EYE_SHARE) * mouth)
    # As in Kaggle's pictures, no point is cut off.
    centre += np.maximum(FRAME_MARGIN - (seen + centre).min(axis=0), 0)
    centre -= np.maximum((seen + centre).max(axis=0) - (95 - FRAME_MARGIN), 0)
    return replace(view, centre=tuple(centre.tolist()))


def take_photo(
    scenes: list[Scene], places: list, size: tuple[int, int], camera: Camera, seed: int = 0
) -> tuple[np.ndarray, list[MadeFace]]:
    """Photograph one or several faces together, in colour.

    Parameters
    ----------
    scenes : the faces, those farthest from the camera first.
    places : `(x, y, zoom)` of each: where the middle of its eyes would be, were it not turned, in
        pixels, and how many pixels a face unit is long. (The eyes are 36.6 units apart.)
    size : width and height of the photo in pixels.

    Returns the photo `(h, w, 3) uint8` RGB, and its faces.
    """
    rng = np.random.default_rng(seed)
    picture = draw_background(size, rng, OVERSAMPLING)
    faces: list[MadeFace] = []
    for scene, (x, y, zoom) in zip(scenes, places, strict=True):
        view = View(scene.yaw, scene.pitch, scene.roll, scene.distance, zoom, (x, y))
        before = picture.copy()
        face = draw_face(scene, build_head(scene.person, scene.units), view, picture, rng)
        changed = (picture != before).any(axis=-1)
        faces = [hide_behind(other, changed) for other in faces] + [face]
    linear = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return read_jpeg(develop(linear, camera, [face.box for face in faces], rng)), faces


def hide_behind(face: MadeFace, changed: np.ndarray) -> MadeFace:
    """Mark those points as hidden where somebody was drawn over the face afterwards."""
    height, width = changed.shape
    fine = np.rint((face.keypoints + 0.5) * OVERSAMPLING - 0.5).astype(int)
    column, row = np.clip(fine, 0, (width - 1, height - 1)).T
    return replace(face, visible=face.visible & ~changed[row, column])


def draw_face(scene: Scene, head: Head, view: View, picture: np.ndarray, rng) -> MadeFace:
    """Draw a face into a picture of linear light that is `OVERSAMPLING` times finer than `view`."""
    centre = tuple((c + 0.5) * OVERSAMPLING - 0.5 for c in view.centre)
    fine = replace(view, zoom=view.zoom * OVERSAMPLING, centre=centre)
    # In steps, so that fields of noise of that size are made once and used again.
    detail = float(np.clip(np.round(2 * fine.zoom) / 2, 1.5, 12))
    painting = paint_face(scene.person, head.features, detail)
    sheets = build_sheets(scene.person, head, painting)
    height, width = picture.shape[:2]
    drawn, depth = render(sheets, fine, scene.light(), (width, height))
    picture += np.isfinite(depth)[..., np.newaxis] * (drawn - picture)
    seen = fine.project(fine.turn(head.keypoints()))
    places = np.rint(seen[:, :2]).astype(int)
    inside = np.clip(places, 0, (width - 1, height - 1))
    column, row = inside.T
    # A point is visible if what is drawn there is not nearer to us by more than a lid is thick.
    visible = (places == inside).all(axis=1) & (depth[row, column] < seen[:, 2] + 3.0)
    if scene.occluded:
        visible &= ~occlude(picture, seen[:, :2], fine.zoom, rng)[row, column]
    # To a thousandth, so that processors that round otherwise still give the same labels.
    keypoints = np.round((seen[:, :2] + 0.5) / OVERSAMPLING - 0.5, 3)
    return MadeFace(scene, keypoints, visible, face_box(head, view))


def face_box(head: Head, view: View) -> tuple[float, float, float, float]:
    """Return the box round a face, from the hairline to the chin and from ear to ear."""
    rows = np.linspace(-38, head.features.left["chin"][1], 12)[:, np.newaxis]
    columns = np.deg2rad(np.linspace(-85, 85, 13))[np.newaxis]
    seen = view.project(view.turn(head.surface(columns, rows)))[..., :2].reshape(-1, 2)
    low, high = seen.min(axis=0), seen.max(axis=0)
    return tuple(np.round([*low, *(high - low)], 3).tolist())


def portrait(scene: Scene) -> tuple[np.ndarray, MadeFace]:
    """Photograph one face as Kaggle's are: a picture `(96, 96) uint8`, and the face."""
    file, face = take_portrait(scene)
    return read_jpeg(file, grey=True), face
