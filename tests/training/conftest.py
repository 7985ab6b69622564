"""What tests of training share."""

import pytest
import tensorflow as tf


@pytest.fixture(scope="module")
def eagerly():
    """Run networks without compiling them, which takes longer than a tiny network's training."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
