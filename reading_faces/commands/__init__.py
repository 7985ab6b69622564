"""The commands of `python -m reading_faces`, a module each; what they share is in `console`.

A command has `add_arguments(parser)` and `run(options)`, which returns an exit code, or raises
ValueError or OSError with a sentence for whoever typed it. It imports nothing heavy until it runs,
so that `--help` is instant.
"""
