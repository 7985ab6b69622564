"""The command line: `python -m reading_faces predict | enroll | live | …`, or `reading-faces`.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
2 wrong usage, 130 stopped by Ctrl-C.
"""

import argparse
import importlib
import io
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from reading_faces.commands.console import UsageError, discard_output, sentence
from reading_faces.outputs import ReplaceError

# TensorFlow reads this when it is imported, which only happens once a command needs a model.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# No command shows a figure, and what a notebook has set may not be installed here.
os.environ["MPLBACKEND"] = "Agg"

# Each is the module of its name in `commands`.
COMMANDS = {
    "predict": "read the faces in photos or folders of photos",
    "enroll": "make a gallery of people to be named",
    "live": "follow the faces of a video or a camera",
    "serve": "the web page: photos, webcam, people by name",
    "evaluate": "measure a model on a data set",
    "train": "train a model; an interrupted run resumes",
    "study": "compare networks, as the lessons quote it",
    "data": "list, fetch or verify data sets",
    "check": "score a lesson with your answers",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if arguments is None:
        arguments = sys.argv[1:]
        # What would end this program at once ends it as Ctrl-C does, with nothing half-written.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Whatever a terminal can show, names of files and people may hold anything.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    options = build_parser(arguments).parse_args(arguments)
    options.command = shlex.join(["python", "-m", "reading_faces", *arguments])
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough, as `head` does
        discard_output()
        return 1
    except (ValueError, OSError, ImportError, MemoryError) as error:
        print(sentence(error), file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:
            discard_output()
        return 2 if isinstance(error, (UsageError, ReplaceError)) else 1


def build_parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Describe every command, and the arguments of the one that is asked for.

    Only that one is imported, so that help is there at once.
    """
    script = Path(sys.argv[0]).stem == "reading-faces"
    parser = argparse.ArgumentParser(
        prog="reading-faces" if script else "python -m reading_faces",
        description="Find faces in photos, mark 15 keypoints, say what they show and who they are.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what)
        if name == asked:
            importlib.import_module(f"reading_faces.commands.{name}").add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
