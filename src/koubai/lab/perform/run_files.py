"""The files of one kept run: how they are written, and read again as what was written or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.params import Array
from koubai.lab.perform.run_result import Exhibit, RunResult
from koubai.probes.history import History
from koubai.probes.packed import Packed
from koubai.train.files import LARGEST_TEXT, json_bytes, parse_json, reading
from koubai.train.manifest import HISTORY, MANIFEST, FileEntry, Manifest, check_bytes
from koubai.train.packing import pack, unpack
from koubai.train.safe_folder import SafeFolder
from koubai.train.verify import Found, Verified, look_at
from koubai.words import say

_FORMAT = 3
_LINES = 2  # the format with the history as lines of JSON
_UNVOUCHED = 1  # that without a manifest, too
RESULT, _HISTORY, _EXHIBITS = "result.json", "history.safetensors", "exhibits.safetensors"
_READ_LATELY = 64  # runs whose tables are kept for a second look
_SHOWN_LATELY = 16  # the same of arrays, which may be larger


def verified(place: SafeFolder) -> Verified:
    """Return what is whole of a stored run."""
    if not place.has(MANIFEST):
        state = [Found(name, "unvouched") for name in (RESULT, HISTORY, _EXHIBITS) if place.has(name)]
        return Verified(
            place.path, (*state, *([] if _format(place) == _UNVOUCHED else [Found(MANIFEST, "missing")]))
        )
    return look_at(place)


def _format(place: SafeFolder) -> object:
    with suppress(RunError, OSError, TypeError, KeyError):
        return parse_json(place.read(RESULT, LARGEST_TEXT), place.path / RESULT)["format"]
    return None


def write_run(place: SafeFolder, run: RunResult) -> None:
    """Write a run to its folder, the manifest last."""
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
    tables = run.history.tables()
    files = {_HISTORY: pack(tables.arrays(), {"columns": tables.columns()}), RESULT: json_bytes(plain)}
    if arrays:
        files[_EXHIBITS] = pack(arrays, {})
    for name, data in files.items():
        place.put(name, data)
    place.put(MANIFEST, Manifest({name: FileEntry.of(data) for name, data in files.items()}).to_bytes())


@contextmanager
def understanding(place: SafeFolder) -> Iterator[None]:
    """Tell of a run that cannot be read which it is, and why."""
    try:
        yield
    except (RunError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            "stored_run_cannot_be_read",
            why=error.message if isinstance(error, RunError) else error,
            folder=place.path,
            where=error.where if isinstance(error, RunError) else str(place.path),
        ) from error


def let_go(place: SafeFolder, run: RunResult) -> None:
    """Leave a run's series and arrays on the disk, where they are, until somebody asks for them."""
    run.history.let_go(partial(_tables, place))
    for i, exhibit in enumerate(run.exhibits):
        exhibit.let_go(partial(_arrays_of, place, i))


@lru_cache(maxsize=_READ_LATELY)
def _tables(place: SafeFolder) -> Packed:
    with understanding(place):
        files = _files(place, (HISTORY, _HISTORY))
        return _history(files, place.path)


@lru_cache(maxsize=_SHOWN_LATELY)
def _arrays(place: SafeFolder) -> Mapping[str, Array]:
    with understanding(place):
        return unpack(_files(place, (_EXHIBITS,))[_EXHIBITS], place.path / _EXHIBITS)[0]


def _arrays_of(place: SafeFolder, i: int) -> Mapping[str, Array]:
    start = f"{i}/"
    return {name.removeprefix(start): each for name, each in _arrays(place).items() if name.startswith(start)}


def _files(place: SafeFolder, wanted: Collection[str] | None = None) -> dict[str, bytes]:
    """Return the files of a stored run, or some; raise RunError unless they are as they were written."""
    if not place.has(MANIFEST) and (form := _format(place)) not in (_LINES, _FORMAT):
        if form != _UNVOUCHED:
            raise RunError("another_format", found=form, known=_FORMAT, where=str(place.path))
        warnings.warn(say("train.unvouched", folder=place.path), stacklevel=2)
        files = {}
        for name in (RESULT, HISTORY, _EXHIBITS):
            if (wanted is None or name in wanted) and (name != _EXHIBITS or place.has(name)):
                with reading(place.path / name):
                    files[name] = place.read(name)
        return files
    files = {}
    for name, entry in Manifest.read(place).files.items():
        if wanted is not None and name not in wanted:
            continue
        with reading(place.path / name):
            files[name] = place.read(name, entry.largest())
        check_bytes(entry, files[name], place.path / name)
    return files


def read_run(place: SafeFolder, key: str) -> RunResult:
    """Return the run of a folder, which must be the one of this key."""
    files = _files(place)
    plain = parse_json(files[RESULT], place.path / RESULT)
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
        history=History.of_tables(_history(files, place.path)),
        seconds=float(plain["seconds"]),
        collapsed=bool(plain["collapsed"]),
        stopped_by=plain["stopped_by"],
        engine=plain["engine"],
        exhibits=_exhibits(arrays, plain["exhibits"]),
        startup=float(plain.get("startup", 0.0)),
        device=str(plain.get("device", "")),
    )


def _history(files: Mapping[str, bytes], folder: Path) -> Packed:
    """Return the tables of the history in a stored run's files, of any format."""
    if HISTORY in files:
        history = History()
        for line in files[HISTORY].decode().splitlines():
            history.add_json(line)
        return history.tables()
    arrays, about = unpack(files[_HISTORY], folder / _HISTORY)
    return Packed.of_arrays(arrays, about["columns"])


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
