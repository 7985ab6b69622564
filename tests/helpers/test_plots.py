"""Figures carry their words, stay small, and mark what they are given where it is."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from document_rules import GRAPHICS, TEXT, contrast
from matplotlib import colormaps, pyplot, rc_context
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle
from PIL import Image

from helpers import plots
from helpers.data import KEYPOINT_NAMES

FACES = np.random.default_rng(0).integers(0, 256, (5, 96, 96), np.uint8)
POINTS = np.random.default_rng(1).uniform(20, 70, (5, 15, 2)).astype(np.float32)


@pytest.fixture
def shown(monkeypatch):
    """Collect the HTML that `show` displays."""
    pieces = []
    monkeypatch.setattr("IPython.display.display", lambda html: pieces.append(html.data))
    return pieces


def test_a_shown_figure_has_its_alternative_text_and_is_closed(shown):
    fig, _ = pyplot.subplots()
    plots.show(fig, 'Two "faces" & <one> more.')
    assert 'alt="Two &quot;faces&quot; &amp; &lt;one&gt; more."' in shown[0]
    assert not pyplot.fignum_exists(fig.number)


def test_the_same_figure_is_the_same_picture_each_time(shown):
    for _ in range(2):
        plots.show(plots.face_grid(FACES), "Noise.")
    assert shown[0] == shown[1]


def test_even_a_large_photo_is_shown_in_at_most_150_kilobytes(shown):
    fig, ax = pyplot.subplots(figsize=(12, 12))
    ax.imshow(np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8))
    plots.show(fig, "Noise.")
    picture = re.search(r"base64,([^\"]+)", shown[0])[1]
    assert len(picture) * 3 / 4 <= plots.LARGEST_FIGURE


def test_left_right_and_middle_points_differ_by_marker_and_colour():
    groups = plots.sides()
    assert len({marker for _, _, marker in groups.values()}) == 3
    assert len({colour for _, colour, _ in groups.values()}) == 3
    assert sorted(row for rows, _, _ in groups.values() for row in rows) == list(range(15))
    assert all("left" in KEYPOINT_NAMES[row] for row in groups["left"][0])
    assert all("right" in KEYPOINT_NAMES[row] for row in groups["right"][0])


@pytest.mark.parametrize("colour", plots.CYCLE)
def test_lines_and_marks_stand_out_from_paper_and_from_their_white_rims(colour):
    assert {plots.LEFT, plots.RIGHT, plots.MIDDLE, plots.BOX} < set(plots.CYCLE)
    assert contrast(to_rgb(colour), to_rgb("white")) >= GRAPHICS


def test_a_line_that_names_no_colour_takes_one_of_them_once_the_style_is_set():
    with rc_context():
        plots.set_style()
        (line,) = pyplot.figure().subplots().plot([0, 1])
        assert line.get_color() == plots.CYCLE[0]
    pyplot.close("all")


def test_who_imports_the_figures_keeps_their_own_matplotlib():
    ask = "import helpers.plots; from matplotlib import rcParams, rcParamsDefault as usual; "
    ask += "print(rcParams['axes.prop_cycle'] == usual['axes.prop_cycle'])"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"


@pytest.mark.parametrize("percent", [*range(0, 101, 10), 51, 65, 71, 72])
def test_every_share_in_a_confusion_matrix_can_be_read(percent):
    counts = np.array([[percent, 100 - percent]] * 2)
    (ax,) = plots.confusion_matrices({"": counts}, ("a", "b")).axes
    for text in ax.texts:
        cell = colormaps["Blues"](int(text.get_text().rstrip("%")) / 100)
        assert contrast(to_rgb(text.get_color()), cell) >= TEXT, text.get_text()


def test_points_that_nobody_marked_are_left_out():
    points = POINTS.copy()
    points[:, 4:] = np.nan
    fig = plots.face_grid(FACES, points)
    plots.encode(fig)
    for ax in fig.axes[: len(FACES)]:
        drawn = np.concatenate([marks.get_offsets().filled(np.nan) for marks in ax.collections])
        assert np.isfinite(drawn).all(axis=1).sum() == 4


def test_a_face_is_shown_as_dark_as_it_is_and_not_stretched():
    dim = FACES[:1] // 4 + 30
    (ax,) = plots.face_grid(dim, columns=1).axes
    (picture,) = ax.images
    shown = picture.to_rgba(picture.get_array())
    np.testing.assert_allclose(shown[..., 0], dim[0] / 255, atol=0.01)


@pytest.mark.parametrize("n", [0, 1, 3, 5])
def test_a_grid_takes_any_number_of_faces(n):
    fig = plots.face_grid(FACES[:n], POINTS[:n], [f"face {i}" for i in range(n)])
    assert [ax.get_title() for ax in fig.axes if ax.get_title()] == [f"face {i}" for i in range(n)]


def test_the_ellipses_of_a_mean_face_hold_95_of_100_points_and_lie_as_the_points_do():
    rng = np.random.default_rng(2)
    clouds = rng.multivariate_normal([50, 40], [[30, 18], [18, 20]], (4000, 15))
    clouds[:, 3] = np.nan
    clouds[2:, 4] = np.nan
    (ax,) = plots.mean_face(np.zeros((4, 96, 96), np.uint8), clouds).axes
    assert len(ax.patches) == 13, "two points have too few faces for an ellipse"
    for ellipse in ax.patches:
        inside = ellipse.get_path().contains_points(
            ellipse.get_patch_transform().inverted().transform(clouds[:, 0])
        )
        assert inside.mean() == pytest.approx(0.95, abs=0.015)


def test_the_points_of_each_side_are_drawn_where_they_are_in_the_colour_of_the_side():
    (ax,) = plots.face_grid(FACES[:1], POINTS[:1], columns=1).axes
    assert len(ax.collections) == 3
    for marks, (rows, colour, marker) in zip(ax.collections, plots.sides().values(), strict=True):
        np.testing.assert_allclose(marks.get_offsets(), POINTS[0, rows])
        assert to_rgb(marks.get_facecolor()[0]) == to_rgb(colour)
        assert len(marks.get_paths()[0]) == len(MarkerStyle(marker).get_path()), "the shape"


def test_rows_of_a_confusion_matrix_are_true_classes_and_each_adds_up_to_one():
    counts = np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
    (ax,) = plots.confusion_matrices({"ours": counts}, ("angry", "happy", "sad")).axes
    said = {text.get_position(): text.get_text() for text in ax.texts}
    assert (said[0, 0], said[1, 0], said[1, 1], said[2, 2]) == ("75%", "25%", "100%", "0%")
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("ours", "answer", "true class")
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["angry", "happy", "sad"]


def test_confusion_matrices_stand_side_by_side_each_with_its_own_counts():
    counts = {"theirs": np.array([[1, 3], [0, 1]]), "ours": np.array([[1, 0], [1, 4]])}
    axes = plots.confusion_matrices(counts, ("angry", "happy")).axes
    assert [ax.get_title() for ax in axes] == ["theirs", "ours"]
    shown = [[text.get_text() for text in ax.texts] for ax in axes]
    assert shown == [["25%", "75%", "0%", "100%"], ["100%", "0%", "20%", "80%"]]


@pytest.mark.parametrize(("columns", "shape"), [(2, (3, 2)), (4, (2, 4)), (9, (1, 5))])
def test_faces_stand_in_rows_of_so_many_each_in_its_place(columns, shape):
    axes = plots.face_grid(FACES, POINTS, columns=columns).axes
    assert axes[0].get_gridspec().get_geometry() == shape
    for ax, face, points in zip(axes, FACES, POINTS, strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), face)
        np.testing.assert_allclose(ax.collections[0].get_offsets()[0], points[0])


def test_a_mean_face_is_the_average_from_black_to_white_with_the_mean_points():
    faces = np.full((2, 96, 96), 90, np.uint8)
    faces[:, :48] = [[[100]], [[120]]]
    points = POINTS.copy()
    points[3:, 2] = np.nan
    points[2:, 3] = np.nan
    (ax,) = plots.mean_face(faces, points).axes
    average = ax.images[0].get_array()
    assert (average.min(), average.max()) == (0, 255) and (average[:48] == 255).all()
    assert len(ax.patches) == 14, "three marks make an ellipse, two do not"
    rows, colour, _ = plots.sides()["left"]
    ellipse = ax.patches[0]
    np.testing.assert_allclose(ellipse.center, points[:, rows[0]].mean(axis=0), rtol=1e-5)
    assert to_rgb(ellipse.get_edgecolor()) == to_rgb(colour)
    marks = ax.collections[0].get_offsets()
    np.testing.assert_allclose(marks[rows.index(2)], points[:3, 2].mean(axis=0), rtol=1e-5)


def test_a_drawing_is_encoded_as_png_and_a_photo_as_jpeg_as_large_as_they_fit():
    fig, ax = pyplot.subplots(figsize=(4, 3))
    ax.plot([0, 1])
    kind, drawing = plots.encode(fig)
    assert kind == "png" and Image.open(io.BytesIO(drawing)).size == (400, 300)
    ax.imshow(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8), aspect="auto")
    kind, noise = plots.encode(fig)
    assert kind == "jpeg" and Image.open(io.BytesIO(noise)).size == (400, 300)
    pyplot.close(fig)
