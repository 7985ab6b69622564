"""Drawings of networks show the shapes that the network really has."""

from helpers import models
from helpers.plots import residual_blocks


def test_the_drawing_of_a_network_names_the_shape_after_each_stage():
    network = models.build_keypoint_model(filters=(4, 8, 12))
    figure, alt = network(network)
    drawn = [text.get_text() for text in figure.axes[0].texts]
    for shape in ("96 × 96 × 1", "48 × 48 × 32", "24 × 24 × 4", "12 × 12 × 8", "6 × 6 × 12"):
        assert shape in drawn
    assert "stage of 3 blocks: 6 by 6 by 12" in alt
    assert "15 by 2" in alt


def test_the_blocks_are_told_apart_by_their_short_path():
    figure, alt = residual_blocks()
    identity, convolution = ([text.get_text() for text in ax.texts] for ax in figure.axes)
    assert "as it is" in identity
    assert any("1 × 1" in text for text in convolution)
    assert "short path" in alt
