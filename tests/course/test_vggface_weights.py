"""The ResNet-50 of lesson 5 takes the public weights of VGGFace2, and no other file.

The file of keras-vggface is not at hand here, so a narrow one is written with its names and layout.
"""

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from notebooks import build


@pytest.fixture(scope="module")
def lesson():
    """Run the cells of the lesson that define the network and load the weights."""
    cells = build.read_source(build.sources(["05"])[0]).cells
    names = {"keras": keras, "layers": layers, "h5py": h5py, "np": np}
    for wanted in ("def build_resnet50", "def load_vggface"):
        exec(next(cell.source for cell in cells if wanted in cell.source), names)
    return names


def public_layers(width=64):
    """Return the name and kernel of each convolution in keras-vggface's file, as it names them."""
    found = {"conv1/7x7_s2": (7, 7, 3, width)}
    channels = width
    for stage, blocks in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True):
        inner = width * 2 ** (stage - 2)
        for block in range(1, blocks + 1):
            name = f"conv{stage}_{block}"
            found[f"{name}_1x1_reduce"] = (1, 1, channels, inner)
            found[f"{name}_3x3"] = (3, 3, inner, inner)
            found[f"{name}_1x1_increase"] = (1, 1, inner, 4 * inner)
            if block == 1:
                found[f"{name}_1x1_proj"] = (1, 1, channels, 4 * inner)
            channels = 4 * inner
    return found


def write_weights(path, width):
    """Write a file of random weights as Keras 2 did: a group a layer, which lists its weights."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, kernel in public_layers(width).items():
            normal = {part: kernel[-1:] for part in ("gamma", "beta", "moving_mean")}
            for layer, shapes in (
                (name, {"kernel": kernel}),
                (f"{name}/bn", normal | {"moving_variance": kernel[-1:]}),
            ):
                group = file.require_group(layer)
                listed = [f"{layer}/{part}:0" for part in shapes]
                for weight, shape in zip(listed, shapes.values(), strict=True):
                    group[weight] = rng.uniform(0.1, 1, shape).astype("float32")
                group.attrs["weight_names"] = listed


def test_each_layer_gets_the_weights_of_its_name(lesson, tmp_path):
    network = lesson["build_resnet50"](width=2)
    write_weights(tmp_path / "narrow.h5", 2)
    lesson["load_vggface"](network, tmp_path / "narrow.h5")
    with h5py.File(tmp_path / "narrow.h5") as file:
        for ours, public in (
            ("conv1_7x7_s2", "conv1/7x7_s2"),
            ("conv4_6_1x1_increase", "conv4_6_1x1_increase"),
            ("conv3_1_1x1_proj_bn", "conv3_1_1x1_proj/bn"),
        ):
            for weight in network.get_layer(ours).weights:
                kept = file[f"{public}/{public}/{weight.name}:0"]
                np.testing.assert_array_equal(np.asarray(weight), kept)
    assert sum(layer.weights != [] for layer in network.layers) == 2 * len(public_layers())


def test_a_file_of_another_network_is_refused_at_once(lesson, tmp_path):
    network, path = lesson["build_resnet50"](width=2), tmp_path / "other.h5"
    write_weights(path, 4)
    with pytest.raises(ValueError, match="shape"):
        lesson["load_vggface"](network, path)
    with h5py.File(path, "w") as file:
        file.create_group("conv1_conv")  # as Keras's own file begins
    with pytest.raises(ValueError, match="has no layer conv1/7x7_s2: it holds another network"):
        lesson["load_vggface"](network, path)


def test_pictures_become_blue_green_and_red_less_their_means(lesson):
    found = lesson["for_vggface"](np.full((1, 2, 2, 3), [131, 104, 91], np.uint8))
    np.testing.assert_allclose(found[0, 0, 0], [-0.4953, 0.1173, -0.0912], atol=1e-4)
