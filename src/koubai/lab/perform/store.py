"""Where finished runs lie: one folder a run, named by its key; copied, moved, merged with plain tools.

    STORE/
      runs/KEY/result.json         arm, seed, scores, seconds, what the environment was
      runs/KEY/history.safetensors columns of the same steps in one table (see koubai.probes.packed)
      runs/KEY/exhibits.safetensors
      runs/KEY/manifest.json       size and SHA-256 of each; checked when a run is read
      runs/.lock                   held by who writes here

A run's folder is written under another name and renamed when it is complete, so a process killed at any
moment leaves whole runs and perhaps a nameless rest, never half a run. Rests are swept by whoever finds
that nobody else writes here. A run is found by its key alone: an arm of the same recipe in another
experiment, or under another name, is not trained again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.params import Array
from koubai.lab.perform.run_result import Exhibit, RunResult
from koubai.probes.history import History
from koubai.probes.packed import Packed, unpacked
from koubai.train.files import LARGEST_TEXT, json_bytes, parse_json, reading
from koubai.train.lock import LOCK, lock, share
from koubai.train.manifest import HISTORY, MANIFEST, FileEntry, Manifest, check
from koubai.train.packing import pack, unpack
from koubai.train.safe_folder import SafeFolder
from koubai.train.verify import Found, Verified, look_at
from koubai.words import say
from koubai.words.system import reason

_FORMAT = 3
_LINES = 2  # the format with the history as lines of JSON
_UNVOUCHED = 1  # that without a manifest, too
_REST = re.compile(r"\.[A-Za-z0-9_-]+\.[0-9a-f]{8}", re.ASCII)
_RESULT, _HISTORY, _EXHIBITS = "result.json", "history.safetensors", "exhibits.safetensors"


@dataclass(frozen=True)
class Store:
    """A folder of finished runs."""

    folder: Path

    @property
    def runs(self) -> Path:
        """The folder that holds one folder a run."""
        return self.folder / "runs"

    @property
    def empty(self) -> bool:
        """Whether no run is kept here."""
        return all(name.startswith(".") for name in self._place.names())

    @property
    def _place(self) -> SafeFolder:
        return SafeFolder(self.folder).inner("runs")

    def has(self, key: str) -> bool:
        """Whether a run is kept under this key, sound or not."""
        place = self._place.inner(key)
        return place.has(_RESULT) or place.has(MANIFEST)

    def load(self, key: str, arm: str, seed: int) -> RunResult | None:
        """Return a finished run under the name it has in this experiment, or None if there is none."""
        place = self._place.inner(key)
        try:
            if not self.has(key):
                return None
            return replace(_read(place, key), arm=arm, seed=seed)
        except (RunError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = error.message if isinstance(error, RunError) else error
            raise RunError(
                "stored_run_cannot_be_read",
                why=why,
                folder=place.path,
                where=error.where if isinstance(error, RunError) else str(place.path),
            ) from error

    def verify(self) -> list[Verified]:
        """Return what is whole and what is damaged of each run that is kept here."""
        keys = [name for name in self._place.names() if not name.startswith(".")]
        return [_verified(self._place.inner(key)) for key in keys if (self.runs / key).is_dir()]

    def save(self, *runs: RunResult) -> None:
        """Keep finished runs; a run that is already there stays as it is.

        All are written under other names, then the disk is asked once to hold them, then they are renamed.
        """
        place, rests = self._place, dict[str, str]()
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            for run in runs:
                if not any(place.inner(run.key).has(name) for name in (_RESULT, MANIFEST)):
                    rests[run.key] = rest = f".{run.key}.{uuid.uuid4().hex[:8]}"
                    place.make(rest)
                    _write(place.inner(rest), run)
            place.hold_all(rests.values())
            for key, rest in rests.items():
                self._rename(rest, key)
        except OSError as error:
            for rest in rests.values():
                shutil.rmtree(self.runs / rest, ignore_errors=True)
            raise RunError("cannot_keep_finished_run", why=reason(error), where=str(self.runs)) from error

    def _rename(self, rest: str, key: str) -> None:
        try:
            self._place.move(rest, key)
        except OSError:
            if not self._place.has(key):
                raise
            shutil.rmtree(self.runs / rest, ignore_errors=True)  # another process was quicker

    def check(self) -> None:
        """Raise RunError now if nothing can be written here, before hours of training."""
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            probe = f".probe.{uuid.uuid4().hex[:8]}"
            os.close(self._place.touch(probe))
            self._place.remove(probe)
        except OSError as error:
            raise RunError("cannot_write_here", why=reason(error), where=str(self.runs)) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Tell other processes that somebody writes here; if nobody else does, sweep what kills left."""
        try:
            handle = self._place.touch(LOCK)
        except OSError:  # a disk that takes no more files: told when a run is kept
            yield
            return
        try:
            if lock(handle):
                self.sweep()
            share(handle)
            yield
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Remove what killed processes left half written; call it when no other process writes here."""
        for rest in self._place.names():
            if _REST.fullmatch(rest):
                shutil.rmtree(self.runs / rest, ignore_errors=True)  # follows no link
                with suppress(OSError):
                    self._place.remove(rest)


def _verified(place: SafeFolder) -> Verified:
    """Return what is whole of a stored run."""
    if not place.has(MANIFEST):
        state = [Found(name, "unvouched") for name in (_RESULT, HISTORY, _EXHIBITS) if place.has(name)]
        return Verified(
            place.path, (*state, *([] if _format(place) == _UNVOUCHED else [Found(MANIFEST, "missing")]))
        )
    return look_at(place)


def _format(place: SafeFolder) -> object:
    with suppress(RunError, OSError, TypeError, KeyError):
        return parse_json(place.read(_RESULT, LARGEST_TEXT), place.path / _RESULT)["format"]
    return None


def _write(place: SafeFolder, run: RunResult) -> None:
    exhibits: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    for i, exhibit in enumerate(run.exhibits):
        arrays |= {f"{i}/{name}": np.array(array, order="C") for name, array in exhibit.arrays.items()}
        about = {
            "kind": exhibit.kind,
            "path": exhibit.path,
            "note": exhibit.note,
            "columns": exhibit.columns,
            "rows": exhibit.rows,
            "arrays": list(exhibit.arrays),
        }
        exhibits.append(about)
    plain: dict[str, Any] = {
        "format": _FORMAT,
        "arm": run.arm,
        "seed": run.seed,
        "plan_hash": run.plan_hash,
        "key": run.key,
        "scores": {name: _number_out(value) for name, value in run.scores.items()},
        "seconds": run.seconds,
        "startup": run.startup,
        "collapsed": run.collapsed,
        "stopped_by": run.stopped_by,
        "engine": run.engine,
        "device": run.device,
        "exhibits": exhibits,
    }
    files = {_HISTORY: _packed(run.history), _RESULT: json_bytes(plain)}
    if arrays:
        files[_EXHIBITS] = pack(arrays, {})
    for name, data in files.items():
        place.put(name, data)
    place.put(MANIFEST, Manifest({name: FileEntry.of(data) for name, data in files.items()}).to_bytes())


def _files(place: SafeFolder) -> dict[str, bytes]:
    """Return the files of a stored run; raise RunError unless they are as they were written."""
    if not place.has(MANIFEST) and (form := _format(place)) not in (_LINES, _FORMAT):
        if form != _UNVOUCHED:
            raise RunError("another_format", found=form, known=_FORMAT, where=str(place.path))
        warnings.warn(say("train.unvouched", folder=place.path), stacklevel=2)
        files = {}
        for name in (_RESULT, HISTORY, _EXHIBITS):
            if name != _EXHIBITS or place.has(name):
                with reading(place.path / name):
                    files[name] = place.read(name)
        return files
    entries, files = Manifest.read(place).files, {}
    for name, entry in entries.items():
        with reading(place.path / name):
            files[name] = place.read(name, entry.largest())
        check(entry, files[name], place.path / name)
    return files


def _read(place: SafeFolder, key: str) -> RunResult:
    files = _files(place)
    plain = parse_json(files[_RESULT], place.path / _RESULT)
    if plain["format"] not in (_UNVOUCHED, _LINES, _FORMAT):
        raise RunError("another_format", found=plain["format"], known=_FORMAT, where=str(place.path))
    if plain["key"] != key:
        raise RunError("it_is_another_run", key=plain["key"], where=str(place.path))
    arrays = unpack(files[_EXHIBITS], place.path / _EXHIBITS)[0] if _EXHIBITS in files else {}
    return RunResult(
        arm=plain["arm"],
        seed=plain["seed"],
        plan_hash=plain["plan_hash"],
        key=plain["key"],
        scores={name: float(value) for name, value in plain["scores"].items()},
        history=_history(files, place.path),
        seconds=float(plain["seconds"]),
        collapsed=bool(plain["collapsed"]),
        stopped_by=plain["stopped_by"],
        engine=plain["engine"],
        exhibits=_exhibits(arrays, plain["exhibits"]),
        startup=float(plain.get("startup", 0.0)),
        device=str(plain.get("device", "")),
    )


def _packed(history: History) -> bytes:
    tables = history.tables()
    arrays = {f"{i}/steps": steps for i, steps in enumerate(tables.steps)}
    arrays |= {f"{i}/values": values for i, values in enumerate(tables.values)}
    return pack(arrays, {"columns": json.dumps(tables.names, ensure_ascii=False)})


def _history(files: Mapping[str, bytes], folder: Path) -> History:
    """Return the history in a stored run's files, of any format; it stays small until somebody looks."""
    if HISTORY in files:
        history = History()
        for line in files[HISTORY].decode().splitlines():
            history.add_json(line)
        return History.of_tables(history.tables())
    arrays, about = unpack(files[_HISTORY], folder / _HISTORY)
    count = range(len(arrays) // 2)
    steps, values = ([arrays[f"{i}/{name}"] for i in count] for name in ("steps", "values"))
    names = tuple((str(path), str(quantity), int(i)) for path, quantity, i in json.loads(about["columns"]))
    tables = Packed(names, tuple(steps), tuple(values))
    unpacked(tables)  # raises now what it would raise later
    return History.of_tables(tables)


def _exhibits(arrays: Mapping[str, Array], listed: list[Mapping[str, Any]]) -> tuple[Exhibit, ...]:
    return tuple(
        Exhibit(
            item["kind"],
            item["path"],
            {name: arrays[f"{i}/{name}"] for name in item["arrays"]},
            item["note"],
            tuple(item["columns"]),
            tuple(item["rows"]),
        )
        for i, item in enumerate(listed)
    )


def _number_out(value: float) -> float | str:
    """JSON has no NaN and no infinity; these are written as words, which float() reads."""
    return value if np.isfinite(value) else str(value)
