"""The manifest of a folder: every file in it with its size and its SHA-256.

A file counts from the moment the manifest names it. Who writes puts new files there first, then the manifest
(one rename), then removes what it no longer names; so the manifest is true at every moment, also at that of
a kill. Of a file that is about to be replaced it names both forms until the new one is there. Of
history.jsonl, which grows, it names the beginning that is sure to be on the disk.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.train.files import LARGEST_TEXT, json_bytes, parse_json, reading, standard, understanding
from koubai.train.safe_folder import SafeFolder
from koubai.words.phrase import phrase

MANIFEST, HISTORY = "manifest.json", "history.jsonl"
_FORMAT, _SEAL = 1, "sha256"
_NAME = re.compile(
    r"(?:(?:vectors|checkpoints)/(?:step|best)-\d{8,15}|[A-Za-z][A-Za-z0-9_-]*)\.[a-z]+", re.ASCII
)


@dataclass(frozen=True)
class FileEntry:
    """A file's size in bytes and SHA-256; `was` is the form it replaces, `seconds` the training before it."""

    size: int
    sha256: str
    seconds: float | None = None
    was: FileEntry | None = None

    @classmethod
    def of(cls, data: bytes, seconds: float | None = None) -> FileEntry:
        """Return the entry of a file that holds these bytes."""
        return cls(len(data), hashlib.sha256(data).hexdigest(), seconds)

    def fits(self, data: bytes) -> bool:
        """Whether these bytes are the file."""
        forms = [form for form in (self, self.was) if form is not None and form.size == len(data)]
        return bool(forms) and hashlib.sha256(data).hexdigest() in {form.sha256 for form in forms}

    def largest(self) -> int:
        """Return the most bytes the file may have."""
        return max(self.size, self.was.size if self.was is not None else 0)

    def to_plain(self) -> dict[str, Any]:
        """Return the entry as JSON holds it."""
        plain: dict[str, Any] = {"bytes": self.size, "sha256": self.sha256}
        if self.seconds is not None:
            plain["seconds"] = self.seconds
        if self.was is not None:
            plain["was"] = self.was.to_plain()
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> FileEntry:
        """Return the entry that JSON holds."""
        was, seconds, size = plain.get("was"), plain.get("seconds"), int(plain["bytes"])
        if size < 0:
            raise ValueError("a size below 0")
        return cls(
            size,
            str(plain["sha256"]),
            None if seconds is None else float(seconds),
            None if was is None else cls.from_plain({**was, "was": None}),
        )


@dataclass(frozen=True)
class Manifest:
    """The files of a folder by their names in it."""

    files: Mapping[str, FileEntry]

    @classmethod
    def read(cls, place: SafeFolder) -> Manifest:
        """Return a folder's manifest; raise RunError if it is missing, damaged, or of another format."""
        file = place.path / MANIFEST
        with reading(file):
            data = place.read(MANIFEST, LARGEST_TEXT)
        plain = unsealed(parse_json(data, file), file)
        with understanding(file):
            if plain["format"] != _FORMAT:
                raise RunError(
                    "run_has_another_format", where=str(file), expected=_FORMAT, got=plain["format"]
                )
            for name in plain["files"]:
                if not _NAME.fullmatch(name):
                    raise RunError("no_file_of_a_run_has_this_name", where=str(file), got=ascii(name))
            return cls({name: FileEntry.from_plain(entry) for name, entry in plain["files"].items()})

    def write(self, place: SafeFolder) -> None:
        """Write it to a folder, whole or not at all."""
        place.write(MANIFEST, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return what its file holds."""
        files = {name: entry.to_plain() for name, entry in sorted(self.files.items())}
        return json_bytes(sealed({"format": _FORMAT, "files": files}))

    def replacing(self, new: Mapping[str, bytes]) -> Manifest | None:
        """Return what holds while files are replaced, None if all are new."""
        both = {
            name: replace(FileEntry.of(data), was=replace(self.files[name], was=None))
            for name, data in new.items()
            if name in self.files
        }
        return Manifest({**self.files, **both}) if both else None


def check_bytes(entry: FileEntry, data: bytes, path: Path) -> None:
    """Raise RunError unless these bytes are the file that a manifest names."""
    if not entry.fits(data):
        same = len(data) == entry.size
        raise RunError(
            "file_is_not_as_it_was_written",
            where=str(path),
            expected=f"SHA-256 {entry.sha256}" if same else phrase("bytes_counted", count=entry.size),
            got=hashlib.sha256(data).hexdigest() if same else phrase("bytes_counted", count=len(data)),
        )


def sealed(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a JSON file is to say with the SHA-256 of it."""
    said = standard(dict(plain))
    return {**said, _SEAL: _digest(said)}


def unsealed(plain: Any, path: Path) -> dict[str, Any]:
    """Return what a JSON file says without its digest; raise RunError if the two do not agree."""
    with understanding(path):
        rest = {name: value for name, value in plain.items() if name != _SEAL}
        if plain[_SEAL] == _digest(rest):
            return rest
    raise RunError("file_lacks_its_digest", where=str(path), hint=phrase("take_it_from_a_copy"))


def _digest(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
