"""`predict --engine ray`: the same reader in many processes, on this machine or on a cluster.

The one module that knows of Ray. Only the names of photos pass through it: the process that reads a
part of them also writes the part, as one Parquet file. The file's name follows from the photos, so
that a part which is read again replaces itself.
"""

import collections
import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

import fsspec
import pyarrow
from pyarrow import compute, parquet

from helpers.files import whole_file
from helpers.images import EXTENSIONS
from reading_faces.outputs import errors_go_to

# What a process that is killed has to read again, at most: a minute's work.
PHOTOS_A_PART = 256
# What Ray sets aside for a process: it takes 1.6 GB with photos of 1,280 pixels.
MEMORY = 2_000_000_000
# So many photos of a bucket are fetched ahead of the reader, by so many threads.
AHEAD, THREADS = 32, 8
LISTING = ".txt"
_SETTINGS = b"reading-faces"  # the key in each part's metadata


def is_address(place: str) -> bool:
    """Whether `fsspec` is to open it, such as `s3://bucket/photos`."""
    return "://" in place


def ending(place: str) -> str:
    """Return `.jpg` of a path or an address, also of `zip://a.jpg::photos.zip`."""
    return PurePosixPath(place.partition("::")[0]).suffix.lower()


def list_photos(place: str) -> tuple[list[str], list[str]]:
    """Return the photos of a listing file or of an address, and what else the address holds.

    A listing names a photo a line. What lies at an address is known by its name: to open each file
    would take hours.
    """
    if ending(place) == LISTING:
        with fsspec.open(place, "rt", encoding="utf-8-sig", errors="surrogateescape") as lines:
            return [line.rstrip("\n") for line in lines if line.strip()], []
    files, path = fsspec.core.url_to_fs(place)
    if ending(place) in EXTENSIONS or not files.isdir(path):
        return [place], []
    around = "".join(place.partition("::")[1:])
    found = [files.unstrip_protocol(name) + around for name in sorted(files.find(path))]
    photos = [name for name in found if ending(name) in EXTENSIONS]
    return photos, [name for name in found if ending(name) not in EXTENSIONS]


def deal(photos: Sequence[str], done: set[str]) -> list[dict]:
    """Return `{"part", "photos"}` for every part that is to be read; names as bytes, as on disk.

    Parts are named in the order of the photos.
    """
    left = [
        (number, os.fsencode(photo))
        for number, photo in enumerate(photos)
        if photo.encode(errors="backslashreplace").decode() not in done  # as a table names it
    ]
    parts = []
    for start in range(0, len(left), PHOTOS_A_PART):
        numbers, names = zip(*left[start : start + PHOTOS_A_PART], strict=True)
        digest = hashlib.sha256(b"\0".join(names)).hexdigest()[:16]
        parts.append({"part": f"{numbers[0]:09d}-{digest}.parquet", "photos": [*names]})
    return parts


class Parts:
    """The folder of Parquet files that a run writes, on a disk or at an address."""

    def __init__(self, folder: str, settings: dict[str, str]):
        self.files, self.path = fsspec.core.url_to_fs(folder)
        self.on_disk = isinstance(self.files, fsspec.get_filesystem_class("file"))
        self.settings, self.run = {_SETTINGS: json.dumps(settings).encode()}, secrets.token_hex(4)
        if self.files.isfile(self.path):
            raise ValueError(f"{folder} is a file; name a folder for the parts.")
        self.files.makedirs(self.path, exist_ok=True)

    def names(self) -> list[str]:
        """Return the names of the parts that are there."""
        names = (PurePosixPath(path).name for path in self.files.find(self.path, maxdepth=1))
        return sorted(n for n in names if n.endswith(".parquet") and not n.startswith("."))

    def write(self, name: str, table) -> None:
        """Put a part in its place, whole or not at all."""
        content, about = pyarrow.BufferOutputStream(), table.schema.metadata | self.settings
        parquet.write_table(table.replace_schema_metadata(about), content)
        content = content.getvalue().to_pybytes()
        if self.on_disk:
            with whole_file(Path(self.path, name)) as file:
                file.write_bytes(content)
        else:  # in a bucket nothing is there before all of it is
            self.files.pipe_file(f"{self.path}/{name}", content)

    def done(self) -> set[str]:
        """Return the photos that need not be read again; the failed ones are taken out.

        Raises ValueError if there is a file that is no part of a run with these settings.
        """
        with ThreadPoolExecutor(THREADS) as pool:
            return set().union(*pool.map(self._done, self.names()))

    def _done(self, name: str) -> set[str]:
        path = f"{self.path}/{name}"
        try:
            with self.files.open(path) as file:
                table = parquet.read_table(file)
        except pyarrow.ArrowInvalid:
            table = pyarrow.table({})
        if not (table.schema.metadata or {}).items() >= self.settings.items():
            raise ValueError(f"{path} is no part of such a run; name another folder.")
        fine = table.filter(compute.is_null(table["error"]))
        if not len(fine):
            self.files.rm_file(path)
        elif len(fine) < len(table):
            self.write(name, fine)
        return set(fine["path"].to_pylist())

    def tidy(self) -> None:
        """Remove what processes that were killed have left half-written."""
        for file in Path(self.path).glob(".part-*") if self.on_disk else ():
            file.unlink(missing_ok=True)


class PartReader:
    """A process of Ray's: it loads the networks once, then reads and writes part after part."""

    def __init__(self, parts: Parts, where: str, detector: str, gallery):
        # Before TensorFlow is imported, which would take all cores of the machine.
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[name] = "1"
        with contextlib.suppress(OSError):
            os.chdir(where)  # relative paths lead to the same photos, if this machine has them
        import cv2

        from helpers import detect
        from reading_faces.reader import FaceReader

        cv2.setNumThreads(1)
        self.parts, self.reader = parts, FaceReader(detector, gallery=gallery)
        self.reader.load()
        if detector == "mtcnn":
            detect.load_mtcnn()

    def __call__(self, batch: dict) -> dict:
        """Read and write one part; return what there is to tell of it."""
        (name,), (photos,) = batch["part"], batch["photos"]
        readings = self.read(name, [os.fsdecode(photo) for photo in photos])
        self.parts.write(name, to_arrow(readings, self.reader.columns))
        told = [(one["file"], one["reason"]) for reading in readings for one in reading.left_out]
        failed = sum(bool(reading.error) for reading in readings)
        return {"report": [json.dumps({"photos": len(photos), "failed": failed, "told": told})]}

    def read(self, name: str, photos: list[str]) -> list:
        """Return the readings of a part's photos; one that kills this process again fails.

        What killed it is found by notes on this machine, a line a try. From the third on photos are
        read one by one, and the line says which.
        """
        from reading_faces.reader import PhotoReading

        notes = Path(tempfile.gettempdir(), f"reading-faces-{self.parts.run}-{name}")
        tries = notes.read_text().splitlines() if notes.exists() else []
        one_by_one, readings = len(tries) > 1, []
        at_once = 1 if one_by_one else len(photos)
        for start in range(0, len(photos), at_once):
            line = str(start) if one_by_one else "all"
            if one_by_one and line in tries:
                sentence = "The process that reads it dies of it."
                readings.append(PhotoReading(photos[start], error=sentence))
            else:
                notes.write_text("\n".join([*tries, line]))
                readings += self.read_some(photos[start : start + at_once])
        notes.unlink(missing_ok=True)
        return readings

    def read_some(self, photos: list[str]) -> Iterator:
        """Yield the readings of photos, in order; those of an address are copied here first."""
        failed: dict[str, str] = {}

        def ahead() -> Iterator[str]:
            coming = collections.deque()
            for photo in photos:
                coming.append(pool.submit(fetch, photo, folder, failed))
                if len(coming) == AHEAD:
                    yield coming.popleft().result()
            yield from (one.result() for one in coming)

        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(THREADS) as pool:
            for photo, reading in zip(photos, self.reader.read(ahead()), strict=True):
                if is_address(photo):
                    Path(reading.path).unlink(missing_ok=True)
                yield replace(reading, path=photo, error=failed.get(photo, reading.error))


def fetch(photo: str, folder: str, failed: dict[str, str]) -> str:
    """Return a photo's path here: of an address, that of a copy, or `failed` says what is wrong."""
    if not is_address(photo):
        return photo
    copy = os.path.join(folder, hashlib.sha256(os.fsencode(photo)).hexdigest())
    try:
        with fsspec.open(photo, "rb") as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target)
    except Exception as error:  # each kind of store raises its own
        failed[photo] = f"It cannot be fetched ({type(error).__name__}: {error})."
    return copy


def to_arrow(readings: Iterable, columns: Sequence[str]):
    """Return the rows of `to_frame` as an Arrow table whose types are the same for any photos."""
    from reading_faces.reader import to_frame

    frame = to_frame(readings, columns)
    kinds = dict.fromkeys(frame, pyarrow.float64())
    kinds |= dict.fromkeys({"path", "name", "emotion", "error"} & {*frame}, pyarrow.string())
    kinds |= dict.fromkeys(("width", "height", "face"), pyarrow.int64())
    return pyarrow.Table.from_pandas(frame, pyarrow.schema(kinds), preserve_index=False)


@contextlib.contextmanager
def running(address: str | None) -> Iterator[None]:
    """Join a cluster, or start Ray on this machine; leave it again, and say how to go on if cut.

    Raises ValueError if there is no such cluster, or if Ray gives up.
    """
    # Unless it is told not to, Ray tells its makers how it is used, says much on the screen, and
    # gives up a start that takes half a minute, as on a busy machine.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_agent_register_timeout_ms", "300000")
    import ray

    how = {"address": address} if address else {"address": "local", "include_dashboard": False}
    stopped_by = signal.getsignal(signal.SIGTERM)
    try:
        if address and ":" in address and not is_address(address):
            host, _, port = address.rpartition(":")
            socket.create_connection((host, port), timeout=10).close()  # Ray would try for minutes
        with open(os.devnull, "wb") as nowhere, errors_go_to(nowhere):
            ray.init(**how, logging_level="error", log_to_driver=False)
    except Exception as error:  # a plain one, too
        raise ValueError(f"Ray does not answer at {address or 'this machine'}: {error}") from None
    signal.signal(signal.SIGTERM, stopped_by)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel("ERROR")
    try:
        yield
    except BaseException as error:
        print("The same command with --resume goes on from here.", file=sys.stderr)
        if isinstance(error, ray.exceptions.RayError):
            raise ValueError(f"Ray gave up: {str(error).splitlines()[-1]}") from None
        raise
    finally:
        ray.shutdown()


def read_parts(work: list[dict], parts: Parts, reader, actors: int | None) -> Iterator[dict]:
    """Have Ray's processes read what `deal` returned; yield `{"photos", "failed", "told"}` a part.

    They get the detector and the gallery of `reader`. By default there are as many as have room,
    each on a core of its own.
    """
    import ray

    room = ray.cluster_resources()
    most = int(min(room["CPU"], room["memory"] // MEMORY))
    told = ray.data.from_items(work, override_num_blocks=len(work)).map_batches(
        PartReader,
        batch_size=1,
        # A part takes a minute, so none waits behind another.
        compute=ray.data.ActorPoolStrategy(
            size=min(actors or max(1, most), len(work)), max_tasks_in_flight_per_actor=1
        ),
        num_cpus=1,
        memory=MEMORY,
        fn_constructor_args=(parts, os.getcwd(), reader.detector, reader.gallery),
    )
    yield from (json.loads(row["report"]) for row in told.iter_rows())
