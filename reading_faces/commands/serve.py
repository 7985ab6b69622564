"""`python -m reading_faces serve`: the web page, on this machine and for it alone."""

import argparse
import errno
import os
import signal
import socket
import tempfile

from reading_faces.commands import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `serve`."""
    parser.description = (
        "Serve the web page until Ctrl-C. Programs get what `predict --json` prints: "
        "curl -F photo=@photo.jpg http://127.0.0.1:7860/predict"
    )
    parser.add_argument("--port", type=console.whole(1, 65535), default=7860, help="default: 7860")
    host = "default: 127.0.0.1, this machine only; 0.0.0.0 lets all of the network in"
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help=host)
    kept = "who is enrolled is kept in FILE; without it, until the server ends"
    console.add_reader_options(parser, gallery=kept)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until somebody stops it."""
    console.refuse_outputs([], gallery=options.gallery)
    host = options.host.strip("[]")  # as an IPv6 address stands in that of a page
    # A server is mostly ended by this signal, and what it leaves behind shall go then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What is sent goes into a folder that only this user can open, and that ends with the server.
    with (
        listen(host, options.port) as port,
        tempfile.TemporaryDirectory(prefix="reading-faces-") as uploads,
    ):
        os.environ["GRADIO_TEMP_DIR"] = uploads
        with console.quiet():
            from reading_faces import page
            from reading_faces.reader import FaceReader

            app = page.build_app(FaceReader(options.detector), options.gallery)
        import uvicorn  # comes with Gradio

        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        host = f"[{host}]" if ":" in host else host
        print(f"Reading faces at http://{host}:{options.port}/ (Ctrl-C ends it)", flush=True)
        uvicorn.Server(config).run(sockets=[port])
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Take the port, before models are loaded; ValueError if nothing can be served there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        sentence = {
            errno.EADDRINUSE: f"Port {port} is in use; choose another one with --port.",
            errno.EACCES: f"There is no permission to use port {port}; choose one from 1024 on.",
        }
        where = f"This machine has no address {console.printable(host)}."
        raise ValueError(sentence.get(getattr(error, "errno", 0), where)) from None
