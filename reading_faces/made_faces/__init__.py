"""Faces that nobody owns: a small renderer of made-up people, with exact labels for everything.

A face is made in the order of the modules: `people` (who), `expression` (which action units
move), `features` (where brows, eyes and lips then lie), `head` (the shape), `paint` (the colours),
`sheets` (head, hair, glasses and shoulders as surfaces), `render` (turned and lit), `camera`
(photographed). `scenes` draws one face with all its labels, `sets` thousands of them, `albums` in
the forms of other data sets; `playground` shows them to people.
"""

from reading_faces.made_faces.expression import EMOTIONS, UNIT_NAMES
from reading_faces.made_faces.scenes import draw_scene, portrait
from reading_faces.made_faces.sets import person_number

__all__ = ["EMOTIONS", "UNIT_NAMES", "draw_scene", "person_number", "portrait"]
