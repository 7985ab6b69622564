"""A downloader for pooch that goes on where a cut download stopped, which pooch's own does not."""

import hashlib
import os
import shutil
from pathlib import Path

from helpers import settings
from helpers.data.records import DataError

# What a cut loses at most.
_CHUNK = 1 << 16
_TIMEOUT_S = 60


def download_resuming(url: str, output_file: str | os.PathLike, _pooch: object = None) -> None:
    """Download `url` to `output_file`, which is only written once all bytes have arrived.

    What has arrived so far waits in the cache folder. The next call asks for the rest, provided the
    server's file is still the same one (HTTP ``If-Range``).

    Raises
    ------
    DataError
        If the address cannot be reached, answers with an error, or sends less than it announced.
    """
    import requests

    partial = (
        settings.CACHE / "downloads" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.partial"
    )
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        _append(url, partial)
    except requests.RequestException as problem:
        reason = type(problem).__name__
        response = getattr(problem, "response", None)
        if response is not None:
            reason = f"it answers {response.status_code}"
        so_far = partial.stat().st_size if partial.exists() else 0
        raise DataError(
            f"{url} was not downloaded to its end ({reason}, {so_far:,} bytes so far); "
            "check the network and run the same command again."
        ) from problem
    _version_file(partial).unlink(missing_ok=True)
    shutil.move(partial, output_file)


def _append(url: str, partial: Path) -> None:
    """Fetch the bytes that `partial` lacks."""
    import requests

    headers = {"Accept-Encoding": "identity", **_resume_headers(partial)}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            partial.unlink()
            return _append(url, partial)
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        _version_file(partial).write_text(_version(response.headers))
        _write(response, partial, resumed)


def _write(response: "requests.Response", partial: Path, resumed: bool) -> None:  # noqa: F821
    from requests.exceptions import ConnectionError
    from tqdm.auto import tqdm

    start = partial.stat().st_size if resumed else 0
    length = response.headers.get("Content-Length")
    total = start + int(length) if length else None
    name = response.url.rsplit("/", 1)[-1]
    with (
        open(partial, "ab" if resumed else "wb") as file,
        tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=name) as progress,
    ):
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            progress.update(len(chunk))
    if total is not None and partial.stat().st_size != total:
        raise ConnectionError(f"{partial.stat().st_size} of {total} bytes")


def _resume_headers(partial: Path) -> dict[str, str]:
    """Return the headers that ask for the rest, none where there is nothing to go on from."""
    version = _version_file(partial)
    if not (partial.exists() and version.exists() and version.read_text()):
        return {}
    return {"Range": f"bytes={partial.stat().st_size}-", "If-Range": version.read_text()}


def _version(headers: dict[str, str]) -> str:
    """Return what tells versions of the server's file apart; weak tags cannot, says RFC 9110."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _version_file(partial: Path) -> Path:
    return partial.with_suffix(".version")
