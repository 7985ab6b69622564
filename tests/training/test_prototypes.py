"""Prototypes name the emotion that they describe."""

import numpy as np
import pytest

from helpers.data import EMOTIONS
from reading_faces.made_faces.expression import PROTOTYPES, UNIT_NAMES, with_units
from reading_faces.training.action_units import load_action_units
from reading_faces.training.scores import emotions_of_units, prototype_agreement


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_each_prototype_is_nearest_to_itself(emotion):
    for variant in PROTOTYPES[emotion]:
        units = with_units(**{f"AU{unit}": size for unit, size in variant.items()})[:, 0]
        assert EMOTIONS[emotions_of_units(units[np.newaxis], EMOTIONS)[0]] == emotion


def test_only_the_emotions_asked_for_are_named():
    smile = with_units(AU6=0.8, AU12=1.0)[:, 0]
    assert emotions_of_units(smile[np.newaxis], ("sad", "happy"))[0] == 1
    assert emotions_of_units(smile[np.newaxis], ("sad", "angry")).shape == (1,)


def test_what_a_prototype_expects_and_nobody_shows_counts_more_than_the_other_way_round():
    """A raised brow and a dropped jaw lack what sadness expects; surprise expects them both."""
    found = with_units(AU1=1.0, AU26=1.0)[:, 0]
    assert emotions_of_units(found[np.newaxis], ("sad", "surprise"))[0] == 1


def test_true_units_of_made_faces_name_most_of_their_emotions():
    """What is lost is what is ambiguous or faint: the ceiling for whoever reads units."""
    data = load_action_units().select("test")
    assert data.unit_names == UNIT_NAMES
    named = np.array(EMOTIONS)[emotions_of_units(data.intensities, EMOTIONS)]
    assert 0.7 < (named == data.emotions).mean() < 0.97


def test_agreement_is_the_share_of_faces_that_are_called_what_their_units_say():
    """Two smiles are called happy by those who see them, one calls itself sad."""
    smile = with_units(AU6=0.8, AU12=1.0)[:, 0]
    sad = with_units(**{f"AU{unit}": size for unit, size in PROTOTYPES["sad"][0].items()})[:, 0]
    units = np.stack([smile, smile, smile, sad, sad])
    emotions = np.array(["happy", "happy", "sad", "sad", "contempt"])
    found = prototype_agreement(units, emotions)["prototype_agreement"]
    assert (found["n"], found["agreement"], found["most_frequent_class"]) == (4, 0.75, 0.5)
    assert prototype_agreement(units, np.array(["contempt"] * 5)) == {}
