"""Downloads: mirrors tried in turn, the SHA-256 of the published bytes checked before a file is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from koubai.core.errors import DataError
from koubai.words.phrase import joined, phrase

_SECONDS = 20  # until a silent mirror is given up


@dataclass(frozen=True)
class Download:
    """A published file: its name, the SHA-256 of its bytes, and the folders (URLs) that have it."""

    name: str
    sha256: str
    mirrors: tuple[str, ...]


def fetch(file: Download, into: Path, what: str, needed: tuple[str, ...]) -> Path:
    """Return the path of `file` in `into`, downloaded.

    A file is moved to its place only when its digest is right, so an interrupted download leaves nothing.

    Args:
        file: what to fetch, and from where.
        into: the folder to put it into; made if need be.
        what: name of the data set, for the error.
        needed: names of all files of the set, for the error.

    Raises:
        DataError: no mirror gave the file; says which files to put where by hand.
    """
    import pooch

    failures = []
    # Some servers would unpack .gz files on the way, and then the digest would not be that of the file.
    downloader = pooch.HTTPDownloader(timeout=_SECONDS, headers={"Accept-Encoding": "identity"})
    for mirror in file.mirrors:
        try:
            pooch.retrieve(
                f"{mirror}/{file.name}", f"sha256:{file.sha256}", file.name, into, downloader=downloader
            )
        except (OSError, ValueError) as error:
            failures.append(phrase("at", where=mirror, problem=_reason(error)))
        else:
            return into / file.name
    raise DataError(
        "could_not_be_downloaded",
        file=file.name,
        where=what,
        expected=joined([phrase("these_files_in", folder=into), *needed], "\n    "),
        got=joined(["", *failures], "\n    "),
    )


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return phrase("no_connection", kind=type(error).__name__)
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return phrase("downloaded_file_is_another")
    return str(error).partition("\n")[0]
