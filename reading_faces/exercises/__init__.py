"""Exercises: checkers of what learners write, and the score of a lesson."""
