"""Downloading a known data set, only when asked, and checking later that it is unchanged.

A set is gathered and checked in the cache folder, then appears in its own folder by one rename: all
of it or nothing.
"""

import fnmatch
import hashlib
import json
import os
import shutil
import tempfile
import textwrap
import zipfile
from pathlib import Path

from helpers import settings
from helpers.data.cache import file_sha256
from helpers.data.records import DataError
from helpers.data.sources import KNOWN, Download, Source, find_folder, known_folder
from helpers.data.tables import find_table, open_table
from reading_faces.training.resume import download_resuming

_RECORD = "checksums.json"


def fetch(name: str) -> Path:
    """Download a known data set unless it is here already.

    Parameters
    ----------
    name : str
        One of the names that `list_sources` gives.

    Returns
    -------
    Path
        Its folder: the first of `settings.data_folders()` that can be written, joined with `name`.

    Raises
    ------
    DataError
        If the name is unknown, the download fails or is cut, or what came is not the published set.
    """
    source = _known(name)
    here = find_folder(name)
    if here is not None:
        return here
    target = _writable_folder() / name
    downloads = settings.CACHE / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=downloads) as folder:
        staging = Path(folder) / name
        staging.mkdir()
        _gather(name, source, staging)
        _check_rows(name, staging)
        _record(staging)
        _install(staging, target)
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
    record = folder / _RECORD
    expected = json.loads(record.read_text()) if record.is_file() else {}
    expected |= {_file_name(item): item.sha256 for item in source.downloads if item.sha256}
    lines = [_verified(folder / entry, digest) for entry, digest in expected.items()]
    if not expected:
        lines.append(
            f"{folder}: no checksum was published or recorded, for it was put there by hand."
        )
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


def _gather(name: str, source: Source, staging: Path) -> None:
    if name == "lfw":
        _from_scikit_learn(source, staging)
    if source.kaggle:
        _from_kaggle(name, source, staging)
    for item in source.downloads:
        _from_address(name, item, staging)


def _from_scikit_learn(source: Source, staging: Path) -> None:
    from sklearn.datasets import fetch_lfw_people

    try:
        fetch_lfw_people(data_home=staging, min_faces_per_person=70)
    except OSError as problem:
        raise DataError(
            f"scikit-learn could not fetch LFW ({problem}); run again, or see {source.page}."
        ) from problem
    # Only its own cache of shrunken pictures, which it makes again when it needs it.
    shutil.rmtree(staging / "lfw_home" / "joblib", ignore_errors=True)


def _from_kaggle(name: str, source: Source, staging: Path) -> None:
    import kagglehub

    download = (
        kagglehub.dataset_download if "/" in source.kaggle else kagglehub.competition_download
    )
    try:
        folder = Path(download(source.kaggle))
    except Exception as problem:
        # Its error classes differ between versions, and those of requests come through as well.
        raise DataError(_kaggle_advice(name, problem)) from problem
    for entry in folder.iterdir():
        if not any(fnmatch.fnmatch(entry.name, pattern) for pattern in source.kaggle_files):
            continue
        copy = shutil.copytree if entry.is_dir() else shutil.copyfile
        copy(entry, staging / entry.name)


def _kaggle_advice(name: str, problem: Exception) -> str:
    status = getattr(getattr(problem, "response", None), "status_code", None)
    if status == 403:
        cause = (
            f"Kaggle refuses {name} (403): sign in at {KNOWN[name].page} and accept its rules there"
        )
    elif status == 401 or type(problem).__name__ == "UnauthenticatedError":
        cause = (
            f"Kaggle gives {name} only to people it knows: make an API token at "
            "https://www.kaggle.com/settings and save it as that page says"
        )
    else:
        reason = textwrap.shorten(f"{type(problem).__name__}: {problem}", 120)
        cause = f"Kaggle could not deliver {name} ({reason}): check the network"
    return f"{cause}, then run the command again; or {_by_hand(name)}."


def _from_address(name: str, item: Download, staging: Path) -> None:
    import pooch

    # Pooch would suggest in its log to trust whatever hash the file happens to have.
    pooch.get_logger().setLevel("WARNING")
    file_name = _file_name(item)
    try:
        pooch.retrieve(
            item.url,
            known_hash=item.sha256 and f"sha256:{item.sha256}",
            fname=file_name,
            path=staging,
            downloader=download_resuming,
        )
        if file_name.endswith(".zip"):
            with zipfile.ZipFile(staging / file_name) as archive:
                archive.extractall(staging)
            (staging / file_name).unlink()
    except DataError:
        raise
    except (ValueError, zipfile.BadZipFile) as problem:
        reason = "its SHA-256 is not the published one" if item.sha256 else str(problem)
        raise DataError(
            f"{item.url} did not deliver the right file ({reason}), so it was thrown away; "
            f"run again, or {_by_hand(name)}."
        ) from problem


def _by_hand(name: str) -> str:
    source = KNOWN[name]
    target = settings.data_folders()[0] / name
    return f"put {source.by_hand} from {source.page} into {target} by hand"


def _file_name(item: Download) -> str:
    return item.url.rsplit("/", 1)[-1]


def _count_rows(source: Source, folder: Path) -> list[tuple[Path, int, int]]:
    """Return (table, rows it has, rows published) of the tables in `folder`."""
    counts = []
    for stem, published in source.rows:
        table = find_table(folder, stem)
        if table is not None:
            with open_table(table) as (_, rows):
                counts.append((table, sum(1 for _ in rows), published))
    return counts


def _check_rows(name: str, folder: Path) -> None:
    counts = _count_rows(KNOWN[name], folder)
    if KNOWN[name].rows and not counts:
        raise DataError(f"The download of {name} holds no table that is known; {_by_hand(name)}.")
    for table, found, published in counts:
        if found != published:
            raise DataError(
                f"{table.name} came with {found:,} rows where {published:,} are published; "
                "fetch it again."
            )


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of the list of its files and their hashes."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = (f"{file.relative_to(path).as_posix()} {file_sha256(file)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _record(folder: Path) -> None:
    digests = {entry.name: _digest(entry) for entry in sorted(folder.iterdir())}
    (folder / _RECORD).write_text(json.dumps(digests, indent=1) + "\n")


def _verified(path: Path, digest: str) -> str:
    if not path.exists():
        raise DataError(f"{path} is gone; delete {path.parent} and fetch it again.")
    if _digest(path) != digest:
        raise DataError(
            f"{path} is not what was downloaded; delete {path.parent} and fetch it again."
        )
    return f"{path.name}: SHA-256 as recorded."


def _install(staging: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(staging, partial)
        if target.exists():
            target.rmdir()
        os.replace(partial, target)
    except OSError as problem:
        raise DataError(
            f"{target} cannot be written ({problem}); free space there or set COURSE_DATA."
        ) from problem
    finally:
        shutil.rmtree(partial, ignore_errors=True)
