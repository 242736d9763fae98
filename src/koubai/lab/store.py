"""Where finished runs lie: one folder a run, named by its key; copied, moved, merged with plain tools.

    STORE/
      runs/KEY/result.json         arm, seed, scores, seconds, what the environment was
      runs/KEY/history.jsonl       one column a line
      runs/KEY/exhibits.safetensors

A run's folder is written under another name and renamed when it is complete, so a process killed at any
moment leaves whole runs and perhaps a nameless rest, never half a run. A run is found by its key alone:
an arm of the same recipe in another experiment, or under another name, is not trained again.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.params import Array
from koubai.lab.result import Exhibit, RunResult
from koubai.probes.history import History
from koubai.words.system import reason

_FORMAT = 1


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
        return next(self.runs.glob("[!.]*"), None) is None

    def load(self, key: str, arm: str, seed: int) -> RunResult | None:
        """Return a finished run under the name it has in this experiment, or None if there is none."""
        place = self.runs / key
        if not (place / "result.json").exists():
            return None
        try:
            return replace(_read(place), arm=arm, seed=seed)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"a stored run cannot be read: {error}",
                where=str(place),
                hint="delete this folder to run it anew",
            ) from error

    def save(self, run: RunResult) -> None:
        """Keep a finished run; a run that is already there stays as it is."""
        place, rest = self.runs / run.key, self.runs / f".{run.key}.{uuid.uuid4().hex[:8]}"
        if place.exists():
            return
        try:
            rest.mkdir(parents=True)
            _write(rest, run)
            _make_durable(rest)
            rest.rename(place)
        except OSError as error:
            shutil.rmtree(rest, ignore_errors=True)
            if place.exists():  # another process finished the same run between our look and our rename
                return
            raise RunError(
                f"cannot keep a finished run: {reason(error)}",
                where=str(self.runs),
                hint="earlier results are intact; free space, or name another folder with --out",
            ) from error

    def check(self) -> None:
        """Raise RunError now if nothing can be written here, before hours of training."""
        probe = self.runs / f".probe.{uuid.uuid4().hex[:8]}"
        try:
            probe.mkdir(parents=True)
            probe.rmdir()
        except OSError as error:
            raise RunError(
                f"cannot write here: {reason(error)}",
                where=str(self.runs),
                hint="name another folder with --out",
            ) from error

    def sweep(self) -> None:
        """Remove what killed processes left half written; call it when no other process writes here."""
        for rest in self.runs.glob(".*"):
            shutil.rmtree(rest, ignore_errors=True)


def _write(place: Path, run: RunResult) -> None:
    from safetensors.numpy import save_file

    exhibits: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    for i, exhibit in enumerate(run.exhibits):
        arrays |= {f"{i}/{name}": np.array(array, order="C") for name, array in exhibit.arrays.items()}
        exhibits.append(
            {
                "kind": exhibit.kind,
                "path": exhibit.path,
                "note": exhibit.note,
                "columns": exhibit.columns,
                "rows": exhibit.rows,
                "arrays": list(exhibit.arrays),
            }
        )
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
        "exhibits": exhibits,
    }
    lines = [
        column.to_json(path, quantity) + "\n" for (path, quantity), column in run.history.columns.items()
    ]
    (place / "history.jsonl").write_text("".join(lines), encoding="utf-8")
    if arrays:
        save_file(arrays, str(place / "exhibits.safetensors"))
    (place / "result.json").write_text(json.dumps(plain, indent=1, ensure_ascii=False), encoding="utf-8")


def _read(place: Path) -> RunResult:
    plain = json.loads((place / "result.json").read_text(encoding="utf-8"))
    if plain["format"] != _FORMAT:
        raise ValueError(f"format {plain['format']}, this version reads {_FORMAT}")
    history = History()
    for line in (place / "history.jsonl").read_text(encoding="utf-8").splitlines():
        history.add_json(line)
    return RunResult(
        arm=plain["arm"],
        seed=plain["seed"],
        plan_hash=plain["plan_hash"],
        key=plain["key"],
        scores={name: float(value) for name, value in plain["scores"].items()},
        history=history,
        seconds=plain["seconds"],
        collapsed=plain["collapsed"],
        stopped_by=plain["stopped_by"],
        engine=plain["engine"],
        exhibits=_read_exhibits(place, plain["exhibits"]),
        startup=plain.get("startup", 0.0),
    )


def _read_exhibits(place: Path, listed: list[Mapping[str, Any]]) -> tuple[Exhibit, ...]:
    from safetensors.numpy import load_file

    if not listed:
        return ()
    arrays = load_file(str(place / "exhibits.safetensors"))
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


def _make_durable(place: Path) -> None:
    """Have the disk hold every file before the rename makes them visible."""
    for path in place.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
