"""`python -m reading_faces serve`: the web page, on this machine and for it alone."""

import argparse
import errno
import os
import signal
import socket
import tempfile
import threading
from pathlib import Path

from reading_faces.commands.console import printable, quiet, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `serve`."""
    parser.description = (
        "Serve the web page until Ctrl-C. Its endpoint /predict gives programs what "
        "`predict --json` prints: from gradio_client import Client, handle_file; "
        "Client('http://127.0.0.1:7860', download_files=False)"
        ".predict(handle_file('photo.jpg'), api_name='/predict')"
    )
    parser.add_argument("--port", type=whole(1, 65535), default=7860, help="default: 7860")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="default: 127.0.0.1, this machine only; 0.0.0.0 lets all of the network in",
    )
    parser.add_argument(
        "--gallery",
        type=Path,
        metavar="FILE",
        help="who is enrolled is kept in FILE; without it, until the server ends",
    )
    parser.add_argument("--detector", choices=("mtcnn", "haar"), default="mtcnn")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until somebody stops it.

    Raises
    ------
    ValueError
        If the port is taken, Gradio is not installed, or a gallery or a model cannot be loaded.
    """
    check_address(options.host, options.port)
    check_gallery(options.gallery)
    # A server is mostly ended by this signal, and what it leaves behind shall go then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What is sent goes into a folder that only this user can open, and that ends with the server.
    with tempfile.TemporaryDirectory(prefix="reading-faces-") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        # Gradio asks its own server whether it is up, which no proxy can know.
        past = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "localhost"
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{past},localhost,{options.host}"
        with quiet():
            from reading_faces import page as app
            from reading_faces import page_actions as desk

            app.load_gradio()  # so that its absence is known before models are loaded
            reader, embedder = desk.load_reader(options.gallery, options.detector)
            page = app.build_page(reader, embedder, options.gallery)
        try:
            page.launch(
                server_name=options.host,
                server_port=options.port,
                quiet=True,
                inline=False,
                prevent_thread_lock=True,
            )
            print(f"Reading faces at {page.local_url} (Ctrl-C ends it)", flush=True)
            threading.Event().wait()
        finally:
            page.close(verbose=False)
    return 0


def check_address(host: str, port: int) -> None:
    """Say before models are loaded that nothing can be served there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        sentence = {
            errno.EADDRINUSE: f"Port {port} is in use; choose another one with --port.",
            errno.EACCES: f"There is no permission to use port {port}; choose one from 1024 on.",
        }
        where = f"This machine has no address {printable(host)}."
        raise ValueError(sentence.get(error.errno, where)) from None


def check_gallery(path: Path | None) -> None:
    """Say before somebody is enrolled that a gallery could not be written."""
    if path and (path.is_dir() or not path.parent.is_dir()):
        what = "It is a folder" if path.is_dir() else "There is no such folder"
        raise ValueError(f"{printable(path)} cannot be written. {what}.")
