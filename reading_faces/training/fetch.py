"""Downloading a known data set, only when asked, and checking later that it is unchanged.

Its folder appears when all of it has arrived and was checked, or not at all.
"""

import contextlib
import hashlib
import json
import os
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from helpers import settings
from helpers.data.parsing import find_table, read_table
from helpers.data.records import DataError
from helpers.data.sources import KNOWN, Source, find_folder, known_folder
from helpers.files import file_sha256, whole_folder

_RECORD = "checksums.json"


def fetch(name: str) -> Path:
    """Download a known data set unless it is here already, and return its folder.

    That is the first of `settings.data_folders()` that can be written, joined with `name`. Raises
    DataError if the name is unknown or has no download, or that fails, is cut or brings another
    set.
    """
    source = _known(name)
    if here := find_folder(name):
        return here
    target = _writable_folder() / name
    if not source.can_be_fetched:
        raise DataError(
            f"{name} cannot be downloaded by this command: from {source.page} put {source.by_hand} "
            f"into {target}. Terms: {source.terms}."
        )
    try:
        with whole_folder(target) as folder:
            _gather(source, folder)
            digests = {entry.name: _digest(entry) for entry in sorted(folder.iterdir())}
            (folder / _RECORD).write_text(json.dumps(digests, indent=1) + "\n")
    except OSError as problem:
        raise DataError(
            f"{target} cannot be written ({problem}); free space there or set COURSE_DATA."
        ) from problem
    return target


def verify(name: str) -> list[str]:
    """Check a data set that is here, and return a line for each thing that was looked at.

    Row counts that differ from the published ones are told, not refused: many copies of these sets
    are partial. Raises DataError if the set is not here, or a file is gone or has not its published
    or recorded checksum.
    """
    source, folder = _known(name), known_folder(name)
    record, lines = folder / _RECORD, []
    expected = json.loads(record.read_text()) if record.is_file() else {}
    expected |= {url.rsplit("/", 1)[-1]: sha for url, sha in source.downloads.items() if sha}
    for entry, digest in expected.items():
        path = folder / entry
        if not path.exists() or _digest(path) != digest:
            fault = "is not what was downloaded" if path.exists() else "is gone"
            raise DataError(f"{path} {fault}; delete {folder} and fetch it again.")
        lines.append(f"{entry}: SHA-256 as recorded.")
    if not lines:
        lines = [f"{folder}: no checksum was published or recorded, for it was put there by hand."]
    for table, found, published in _count_rows(source, folder):
        lines.append(f"{table.name}: {found:,} rows, published with {published:,}.")
    return lines


def _known(name: str) -> Source:
    if name not in KNOWN:
        raise DataError(f"{name!r} is no known data set; choose one of {', '.join(KNOWN)}.")
    return KNOWN[name]


def _writable_folder() -> Path:
    folders = settings.data_folders()
    for folder in folders:
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if os.access(nearest, os.W_OK):
            return folder
    raise DataError(
        f"Cannot write to {' or '.join(map(str, folders))}; set COURSE_DATA to a folder of yours."
    )


def _gather(source: Source, folder: Path) -> None:
    """Put a data set into a folder, and check the rows of its tables."""
    if source.name == "lfw":
        from sklearn.datasets import fetch_lfw_people

        with _explained(source):
            fetch_lfw_people(data_home=folder, min_faces_per_person=70)
        # Only its own cache of shrunken pictures, which it makes again when it needs it.
        shutil.rmtree(folder / "lfw_home" / "joblib", ignore_errors=True)
    if source.kaggle:
        import kagglehub

        kind = "dataset" if "/" in source.kaggle else "competition"
        with _explained(source):
            arrived = Path(getattr(kagglehub, f"{kind}_download")(source.kaggle))
        for entry in arrived.glob(source.kaggle_files):
            copy = shutil.copytree if entry.is_dir() else shutil.copyfile
            copy(entry, folder / entry.name)
    for url, sha256 in source.downloads.items():
        import pooch

        # Pooch would suggest in its log to trust whatever hash the file happens to have.
        pooch.get_logger().setLevel("WARNING")
        file = folder / url.rsplit("/", 1)[-1]
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)  # 1.8 waits for ever
        with _explained(source, url):
            pooch.retrieve(url, sha256 or None, file.name, folder, downloader=downloader)
            if file.suffix == ".zip":
                shutil.unpack_archive(file, folder)
                file.unlink()
    counts = _count_rows(source, folder)
    if source.rows and not counts:
        raise DataError(
            f"The download of {source.name} holds no table that is known; {_by_hand(source)}."
        )
    for table, found, rows in counts:
        if found != rows:
            fault = f"came with {found:,} rows where {rows:,} are published"
            raise DataError(f"{table.name} {fault}; fetch it again.")


@contextlib.contextmanager
def _explained(source: Source, url: str = "") -> Iterator[None]:
    """Turn whatever a download failed with into one sentence that says what to do."""
    try:
        yield
    except Exception as problem:  # Kaggle's classes differ between versions
        status = getattr(getattr(problem, "response", None), "status_code", None)
        reason = textwrap.shorten(f"{type(problem).__name__}: {problem}", 120)
        fault = f"was not downloaded to its end ({f'it answers {status}' if status else reason})"
        cure = "check the network and "
        if not url and status == 403:
            cure = f"sign in at {source.page}, accept its rules and "
        elif not url and (status == 401 or type(problem).__name__ == "UnauthenticatedError"):
            page = "https://www.kaggle.com/settings"
            cure = f"make an API token at {page}, save it as that page says and "
        elif url and (isinstance(problem, shutil.ReadError) or not isinstance(problem, OSError)):
            wrong = isinstance(problem, ValueError) and source.downloads[url]
            reason = "its SHA-256 is not the published one" if wrong else reason
            fault, cure = f"did not deliver the right file ({reason}), so it was thrown away", ""
        raise DataError(
            f"{url or source.name} {fault}; {cure}run the command again, or {_by_hand(source)}."
        ) from problem


def _by_hand(source: Source) -> str:
    target = settings.data_folders()[0] / source.name
    return f"put {source.by_hand} from {source.page} into {target} by hand"


def _count_rows(source: Source, folder: Path) -> list[tuple[Path, int, int]]:
    """Return (table, rows it has, rows published) of the tables in `folder`."""
    tables = [(find_table(folder, stem), published) for stem, published in source.rows.items()]
    return [(table, sum(map(len, read_table(table))), rows) for table, rows in tables if table]


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of the list of its files and their hashes."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = (f"{file.relative_to(path).as_posix()} {file_sha256(file)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
