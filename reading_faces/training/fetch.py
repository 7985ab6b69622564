"""Downloading a known data set, only when asked, and checking later that it is unchanged.

Its folder appears when all of it has arrived and was checked, or not at all.
"""

import hashlib
import json
import os
import shutil
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

from helpers import settings
from helpers.data.records import DataError
from helpers.data.sources import KNOWN, Source, find_folder, known_folder
from helpers.data.tables import find_table, read_table
from helpers.files import file_sha256, whole_folder

_RECORD = "checksums.json"


def fetch(name: str) -> Path:
    """Download a known data set unless it is here already, and return its folder.

    That is the first of `settings.data_folders()` that can be written, joined with `name`.

    Raises
    ------
    DataError
        If the name is unknown, the download fails or is cut, or what came is not the published set.
    """
    source = _known(name)
    if here := find_folder(name):
        return here
    target = _writable_folder() / name
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
    """Check a data set that is here against published and recorded checksums and row counts.

    Returns
    -------
    list of str
        A line for each thing that was looked at. Row counts that differ from the published ones are
        told, not refused: many copies of these sets are partial.

    Raises
    ------
    DataError
        If the set is not here, or a file is gone or is not what was downloaded.
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
    """Put a data set into a folder, and count the rows of its tables."""
    if source.name == "lfw":
        _from_scikit_learn(source, folder)
    if source.kaggle:
        _from_kaggle(source, folder)
    for url, sha256 in source.downloads.items():
        _from_address(source, url, sha256, folder)
    counts = list(_count_rows(source, folder))
    if source.rows and not counts:
        raise DataError(
            f"The download of {source.name} holds no table that is known; {_by_hand(source)}."
        )
    for table, found, published in counts:
        if found != published:
            raise DataError(
                f"{table.name} came with {found:,} rows where {published:,} are published; "
                "fetch it again."
            )


def _from_scikit_learn(source: Source, folder: Path) -> None:
    from sklearn.datasets import fetch_lfw_people

    try:
        fetch_lfw_people(data_home=folder, min_faces_per_person=70)
    except OSError as problem:
        raise DataError(
            f"scikit-learn could not fetch LFW ({problem}); run again, or {_by_hand(source)}."
        ) from problem
    # Only its own cache of shrunken pictures, which it makes again when it needs it.
    shutil.rmtree(folder / "lfw_home" / "joblib", ignore_errors=True)


def _from_kaggle(source: Source, folder: Path) -> None:
    import kagglehub

    kind = "dataset" if "/" in source.kaggle else "competition"
    try:
        arrived = Path(getattr(kagglehub, f"{kind}_download")(source.kaggle))
    except Exception as problem:
        # Its error classes differ between versions, and those of requests come through as well.
        name, status = source.name, getattr(getattr(problem, "response", None), "status_code", None)
        if status == 403:
            cause = f"Kaggle refuses {name} (403): sign in at {source.page} and accept its rules"
        elif status == 401 or type(problem).__name__ == "UnauthenticatedError":
            cause = (
                f"Kaggle gives {name} only to people it knows: make an API token at "
                "https://www.kaggle.com/settings and save it as that page says"
            )
        else:
            reason = textwrap.shorten(f"{type(problem).__name__}: {problem}", 120)
            cause = f"Kaggle could not deliver {name} ({reason}): check the network"
        raise DataError(f"{cause}, then run the command again; or {_by_hand(source)}.") from problem
    for entry in arrived.glob(source.kaggle_files):
        copy = shutil.copytree if entry.is_dir() else shutil.copyfile
        copy(entry, folder / entry.name)


def _from_address(source: Source, url: str, sha256: str, folder: Path) -> None:
    import pooch

    # Pooch would suggest in its log to trust whatever hash the file happens to have.
    pooch.get_logger().setLevel("WARNING")
    file = folder / url.rsplit("/", 1)[-1]
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)
    try:
        pooch.retrieve(url, sha256 or None, file.name, folder, downloader=downloader)
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                archive.extractall(folder)
            file.unlink()
    except OSError as problem:
        response = getattr(problem, "response", None)
        fault = f"it answers {response.status_code}" if response is not None else problem
        raise DataError(
            f"{url} was not downloaded to its end ({fault}); check the network and run the "
            f"command again, or {_by_hand(source)}."
        ) from problem
    except (ValueError, zipfile.BadZipFile) as problem:
        fault = "its SHA-256 is not the published one" if sha256 else problem
        raise DataError(
            f"{url} did not deliver the right file ({fault}), so it was thrown away; "
            f"run again, or {_by_hand(source)}."
        ) from problem


def _by_hand(source: Source) -> str:
    target = settings.data_folders()[0] / source.name
    return f"put {source.by_hand} from {source.page} into {target} by hand"


def _count_rows(source: Source, folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Yield (table, rows it has, rows published) of the tables in `folder`."""
    for stem, published in source.rows.items():
        if table := find_table(folder, stem):
            yield table, sum(map(len, read_table(table))), published


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of the list of its files and their hashes."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = (f"{file.relative_to(path).as_posix()} {file_sha256(file)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
