"""The command line: `python -m reading_faces predict | enroll | live | evaluate | train | study | …`.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
2 wrong usage, 130 stopped by Ctrl-C.
"""

import argparse
import os
import shlex
import sys

# TensorFlow reads this when it is imported, which only happens once a command needs a model.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from reading_faces.commands import check, data, enroll, evaluate, live, predict, serve, study, train

COMMANDS = {
    "predict": (predict, "read the faces in photos or folders of photos"),
    "enroll": (enroll, "make a gallery of people to be named"),
    "live": (live, "follow the faces of a video or a camera"),
    "serve": (serve, "the web page: photos, webcam, people by name"),
    "evaluate": (evaluate, "measure a model on a data set"),
    "train": (train, "train a model; an interrupted run resumes"),
    "study": (study, "compare networks, as the lessons quote it"),
    "data": (data, "list, fetch or verify data sets"),
    "check": (check, "score a lesson with your answers"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(arguments)
    options.command = shlex.join(["python", "-m", "reading_faces", *arguments])
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Describe every command with its arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m reading_faces",
        description="Find faces in photos, mark 15 keypoints, say what they show and who they are.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (command, what) in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=what))
    return parser


if __name__ == "__main__":
    sys.exit(main())
