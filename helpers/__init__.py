"""Shared code of the course *Reading Faces*: from raw pixels to faces found, marked and read.

Nothing is imported here, so that `import helpers` is instant; each module stands on its own.
"""
