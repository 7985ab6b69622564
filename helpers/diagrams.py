"""Drawings of networks: the two residual blocks, and the shapes that flow through a whole network.

Each function returns a figure and the text that stands in for it, for `plots.show(*…)`.
"""

import keras
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

MAIN, SHORT, PLAIN = "#cfe3f2", "#fbe3c3", "#eeeeee"


def residual_blocks() -> tuple[Figure, str]:
    """Draw an identity block and a convolution block side by side, main path and short path."""
    fig = Figure(figsize=(7.5, 4.6), layout="constrained")
    for ax, title, short in zip(
        fig.subplots(1, 2),
        ("identity block", "convolution block"),
        ("as it is", "convolution 1 × 1\nstride 2, batch norm."),
        strict=True,
    ):
        first = "convolution 3 × 3" + (", stride 2" if "1 × 1" in short else "")
        main = (f"{first}\nbatch norm., ReLU", "convolution 3 × 3\nbatch norm.")
        draw_box(ax, 1.5, 5.2, "features in", PLAIN)
        for height, text in zip((4.0, 2.8), main, strict=True):
            draw_box(ax, 0.7, height, text, MAIN, width=1.85)
        draw_box(ax, 2.75, 3.4, short, SHORT)
        draw_box(ax, 1.5, 1.5, "add, ReLU", PLAIN)
        for start, end in (
            ((1.3, 4.87), (0.7, 4.33)),
            ((0.7, 3.67), (0.7, 3.13)),
            ((0.7, 2.47), (1.3, 1.83)),
            ((1.7, 4.87), (2.75, 3.73)),
            ((2.75, 3.07), (1.7, 1.83)),
        ):
            draw_arrow(ax, start, end)
        ax.text(0.75, 4.65, "main path", ha="right", fontsize=9, style="italic")
        ax.text(2.5, 4.65, "short path", ha="left", fontsize=9, style="italic")
        ax.set(xlim=(-0.5, 3.8), ylim=(1.1, 5.6), title=title)
        ax.set_axis_off()
    alt = (
        "Two block diagrams. In both, features go in at the top, split into a main path of two "
        "3 by 3 convolutions and a short path, and are added at the bottom. In the identity block "
        "the short path is the input itself; in the convolution block it is a 1 by 1 convolution "
        "with stride 2."
    )
    return fig, alt


def network(model: keras.Model) -> tuple[Figure, str]:
    """Draw the shapes that flow through a residual network, a box a stage, read off the model."""
    steps = [("face", shape_of(model.layers[0]))]
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    steps.append(("convolution\n5 × 5, stride 2", shape_of(first)))
    added = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    for layer in added:
        if shape_of(layer) == steps[-1][1]:
            continue  # an identity block of the stage before
        blocks = sum(shape_of(other) == shape_of(layer) for other in added)
        steps.append((f"stage of\n{blocks} blocks", shape_of(layer)))
    steps.append(("flatten,\ndropout", shape_of(flattened(model))))
    steps.append(("dense,\nreshape", tuple(model.output_shape[1:])))
    fig = Figure(figsize=(9, 2.1), layout="constrained")
    ax = fig.subplots()
    for place, (name, shape) in enumerate(steps):
        colour = MAIN if name.startswith("stage") else PLAIN
        draw_box(ax, 1.6 * place, 0, name, colour, width=1.25)
        ax.text(1.6 * place, -0.62, " × ".join(map(str, shape)), ha="center", fontsize=8)
        if place:
            draw_arrow(ax, (1.6 * place - 0.97, 0), (1.6 * place - 0.63, 0))
    ax.set(xlim=(-0.9, 1.6 * len(steps) - 0.7), ylim=(-0.9, 0.6))
    ax.set_axis_off()
    words = "; ".join(
        f"{name.replace(chr(10), ' ')}: {' by '.join(map(str, shape))}" for name, shape in steps
    )
    return fig, f"The network as a row of boxes with the shape that leaves each. {words}."


def flattened(model: keras.Model) -> keras.Layer:
    """Return the layer that lays all features in a row."""
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.Flatten))


def shape_of(layer: keras.Layer) -> tuple[int, ...]:
    """Return the shape that leaves a layer, without the number of pictures."""
    return tuple(layer.output.shape[1:])


def draw_box(ax: Axes, x: float, y: float, text: str, colour: str, width: float = 1.5) -> None:
    """Draw a box with text, its middle at x and y."""
    box = FancyBboxPatch(
        (x - width / 2, y - 0.25), width, 0.5, boxstyle="round,pad=0.08", fc=colour, ec="#444444"
    )
    ax.add_patch(box)
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5)


def draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two places."""
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color="#444444"))
