"""Downloads: mirrors tried in turn, the SHA-256 of the published bytes checked before a file is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from koubai.core.errors import DataError

_SECONDS = 20  # until a silent mirror is given up


@dataclass(frozen=True)
class Download:
    """A published file: its name, the SHA-256 of its bytes, and the folders (URLs) that have it."""

    name: str
    sha256: str
    mirrors: tuple[str, ...]


def fetch(file: Download, into: Path, what: str) -> Path:
    """Return the path of `file` in `into`, downloaded if it is not there.

    A file is moved to its place only when its digest is right, so an interrupted download leaves nothing.

    Raises:
        DataError: no mirror gave the file; says where to put it by hand.
    """
    import pooch

    path = into / file.name
    if path.is_file():
        return path
    failures = []
    # Some servers would unpack .gz files on the way, and then the digest would not be that of the file.
    downloader = pooch.HTTPDownloader(timeout=_SECONDS, headers={"Accept-Encoding": "identity"})
    for mirror in file.mirrors:
        try:
            pooch.retrieve(
                f"{mirror}/{file.name}", f"sha256:{file.sha256}", file.name, into, downloader=downloader
            )
        except (OSError, ValueError) as error:  # the network and the disk; pooch's word for a wrong digest
            failures.append(f"{mirror}: {_first_line(error)}")
        else:
            return path
    raise DataError(
        f"{file.name} is not there and could not be downloaded",
        where=what,
        expected=path,
        got="".join(f"\n    {failure}" for failure in failures),
        hint=f"put the files of {what} into {into}, or name another data folder (--data-dir or KOUBAI_DATA)",
    )


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text[:160]}"
