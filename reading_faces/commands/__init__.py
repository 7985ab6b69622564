"""The commands of `python -m reading_faces`, a module each; what several of them need is in `console`.

A command has `add_arguments(parser)` and `run(options)`, which returns an exit code. None imports
anything heavy until it runs, so that `--help` is instant.
"""
