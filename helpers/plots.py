"""The figures of the course: keypoints on faces, grids of faces, confusions.

Colours are safe for colour-blind readers and never alone: points of the subject's left side are
circles, of the right side squares, and in the middle of the face triangles.
"""

import base64
import functools
import html
import io
import math

import numpy as np
from matplotlib import cycler, rcParams
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from helpers.augment import MIRRORED
from helpers.data.records import KEYPOINT_NAMES

# Seaborn's palette "colorblind", two of them darkened: on white, lines have contrast 3, and
# white text on BOX 4.5 (a test computes them).
LEFT, RIGHT, MIDDLE = "#c97c00", "#0173b2", "#cc78bc"
BOX = "#008060"
# For lines that name no colour: matplotlib's own orange and green are too pale on white.
CYCLE = (RIGHT, LEFT, BOX, "#d55e00", MIDDLE, "#8c510a", "#5e4fa2", "#6e6e6e")
LARGEST_FIGURE = 150_000  # bytes
INSIDE_95 = 5.991  # squared radius that holds 95 % of a normal cloud: chi-square, 2 degrees


@functools.cache
def sides() -> dict[str, tuple[list[int], str, str]]:
    """Return which keypoints are the subject's left, right and middle, with colour and marker."""
    left = [i for i, name in enumerate(KEYPOINT_NAMES) if "left" in name]
    middle = [i for i, partner in enumerate(MIRRORED) if i == partner]
    return {
        "left": (left, LEFT, "o"),
        "right": ([int(MIRRORED[i]) for i in left], RIGHT, "s"),
        "middle": (middle, MIDDLE, "^"),
    }


def set_style() -> None:
    """Let lines that name no colour take those of `CYCLE`, in all figures from here on."""
    rcParams["axes.prop_cycle"] = cycler(color=CYCLE)


def show(fig: Figure, alt: str) -> None:
    """Show a figure in a notebook with its alternative text, and close it.

    A figure's own output would lose the text: JupyterLab keeps `alt` only in HTML.
    """
    from IPython.display import HTML, display
    from matplotlib import pyplot

    kind, picture = encode(fig)
    pyplot.close(fig)
    style = "max-width: 100%; background: white"
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    display(HTML(f'<img alt="{html.escape(alt)}" style="{style}" src="{source}">'))


def encode(fig: Figure) -> tuple[str, bytes]:
    """Draw a figure in at most 150 KB: as PNG or JPEG, whichever is smaller, shrunk if it must be.

    Returns `"png"` or `"jpeg"`, and the file's bytes.
    """
    for dpi, quality in ((100, 88), (75, 88), (50, 88), (50, 40)):
        pictures = {}
        for kind, options in (
            ("png", {"metadata": {"Software": None}}),
            ("jpeg", {"pil_kwargs": {"quality": quality, "subsampling": 0}}),
        ):
            file = io.BytesIO()
            fig.savefig(file, format=kind, dpi=dpi, **options)
            pictures[kind] = file.getvalue()
        kind = min(pictures, key=lambda kind: len(pictures[kind]))
        if len(pictures[kind]) <= LARGEST_FIGURE:
            break
    return kind, pictures[kind]


def draw_keypoints(ax, image: np.ndarray, keypoints: np.ndarray | None = None) -> None:
    """Draw a face `(h, w)` or `(h, w, 3)` and its keypoints `(15, 2)`; NaN points are left out."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()
    if keypoints is None:
        return
    for rows, colour, marker in sides().values():
        x, y = np.asarray(keypoints)[rows].T
        ax.scatter(x, y, s=22, c=colour, marker=marker, edgecolors="white", linewidths=0.7)


def face_grid(
    images: np.ndarray,
    keypoints: np.ndarray | None = None,
    titles: list[str] | None = None,
    columns: int = 4,
) -> Figure:
    """Return a figure of faces `(n, h, w)`, with keypoints `(n, 15, 2)` and titles if given."""
    n = len(images)
    columns = max(1, min(columns, n))
    rows = max(1, math.ceil(n / columns))
    height = 1.75 if titles is None else 2.0
    fig = Figure(figsize=(1.75 * columns, height * rows), layout="constrained")
    for i, ax in enumerate(fig.subplots(rows, columns, squeeze=False).ravel()):
        ax.set_axis_off()
        if i < n:
            draw_keypoints(ax, images[i], None if keypoints is None else keypoints[i])
        if i < n and titles is not None:
            ax.set_title(titles[i], fontsize=9)
    return fig


def mean_face(images: np.ndarray, keypoints: np.ndarray) -> Figure:
    """Return a figure of the average of faces `(n, h, w)`, contrast stretched, and mean keypoints.

    Around each mean lies the ellipse that holds 95 % of that point's places, if they are spread
    normally. Of the keypoints `(n, 15, 2)`, those that fewer than three faces have are left out.
    """
    means = np.full(keypoints.shape[1:], np.nan)
    fig = Figure(figsize=(4.4, 4.4), layout="constrained")
    ax = fig.subplots()
    for rows, colour, _ in sides().values():
        for row in rows:
            places = keypoints[np.isfinite(keypoints[:, row]).all(axis=1), row]
            if len(places) > 2:
                means[row] = places.mean(axis=0)
                ax.add_patch(covariance_ellipse(places, edgecolor=colour))
    average = images.mean(axis=0)
    dark, bright = average.min(), average.max()
    draw_keypoints(ax, 255 * (average - dark) / max(bright - dark, 1), means)
    return fig


def covariance_ellipse(places: np.ndarray, **style) -> Ellipse:
    """Return the ellipse about the mean of places `(n, 2)` that holds 95 % of a normal cloud."""
    variances, directions = np.linalg.eigh(np.cov(places.T))
    width, height = 2 * np.sqrt(INSIDE_95 * np.maximum(variances, 0))
    angle = math.degrees(math.atan2(directions[1, 0], directions[0, 0]))
    return Ellipse(places.mean(axis=0), width, height, angle=angle, fill=False, lw=1.8, **style)


def confusion_matrices(counts: dict[str, np.ndarray], classes: tuple[str, ...]) -> Figure:
    """Return confusion matrices side by side, by title; rows are true classes, as shares of each.

    `counts` are `(classes, classes)`; a class that does not occur has 0 % everywhere.
    """
    fig = Figure(figsize=(4.6 * len(counts), 4.6), layout="constrained")
    axes = fig.subplots(1, len(counts), squeeze=False)[0]
    for ax, (title, matrix) in zip(axes, counts.items(), strict=True):
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 0.71 else "black"  # contrast 4.5 on every blue
            ax.text(column, row, f"{share:.0%}", ha="center", va="center", color=colour, fontsize=8)
        ax.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
        ax.set_yticks(range(len(classes)), classes)
        ax.set(title=title, xlabel="answer", ylabel="true class")
    return fig
