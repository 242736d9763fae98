"""What is known of a run besides its history: what is trained, how far it is, and how it ended.

| state   | when                                                                    |
|---------|-------------------------------------------------------------------------|
| running | something was written within the last two minutes                       |
| silent  | nothing was: it was stopped, or waits; nobody can tell from the folder   |
| ended   | it says so itself                                                       |
| died    | the program ended with an error                                         |
| damaged | what it says of itself is not as it was written                         |
| gone    | its folder is no longer there                                           |
"""

from __future__ import annotations

import json
import math
import os
import time
import tomllib
from contextlib import suppress
from typing import Any

from koubai.core.errors import KoubaiError, RunError
from koubai.core.visible import visible
from koubai.doctor.answer.diary import ABOUT, FINDINGS
from koubai.page.watch.follower import last_written
from koubai.page.watch.listing import WATCHED, RunPlace
from koubai.train.files import parse_json, understanding
from koubai.train.folder import RunFolder
from koubai.train.folder_files import step_of
from koubai.train.manifest import HISTORY, MANIFEST, unsealed
from koubai.train.safe_folder import SafeFolder
from koubai.words import LANGUAGES
from koubai.words.phrase import told

SILENT = 120.0  # seconds
_READ = (MANIFEST, "run.json", "recipe.toml", "result.json", ABOUT, FINDINGS)
_LARGEST = 2**20  # bytes of a file that is read here
_TAIL = 64 * 1024
_LONGEST = 2000  # letters of a text that is passed on
_MOST_FINDINGS, _MOST_LINES = 20, 40
_SEVERITIES = ("info", "warn", "severe")


def marks(place: RunPlace) -> tuple[Any, ...]:
    """Return what changes whenever the files that `facts` reads do."""
    return (place.folder.path.is_dir(), *(_mark(place.folder, name) for name in _READ))


def _mark(folder: SafeFolder, name: str) -> tuple[int, int] | None:
    with suppress(OSError, RunError), folder.open(name) as file:
        about = os.fstat(file.fileno())
        return about.st_mtime_ns, about.st_size
    return None


def facts(place: RunPlace) -> dict[str, Any]:
    """Return what is known of a run; never raises for what lies in its folder."""
    try:
        return _watched(place.folder) if place.kind == WATCHED else _own(place.folder)
    except (KoubaiError, OSError, ValueError, TypeError, AttributeError) as error:
        if not place.folder.path.is_dir():
            return {"state": "gone"}
        return {"state": "damaged", "why": _told(error)}


def with_state(place: RunPlace, known: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with kind, state and, unless it is running, when it was last written."""
    written = last_written(place.folder)
    recent = written is not None and time.time() - written < SILENT
    state = known.get("state") or ("running" if recent else "silent")
    return {**known, "kind": place.kind, "state": state, "written": None if state == "running" else written}


def run_folder(folder: SafeFolder) -> RunFolder:
    """Return the run in a folder, below which no link is followed."""
    run = RunFolder(folder.path)
    run.place = folder
    return run


def stored_steps(folder: SafeFolder) -> list[int]:
    """Return the steps of a run at which its state is stored."""
    with suppress(KoubaiError, OSError):
        return [step_of(name) for name in run_folder(folder).names("checkpoints", "step")]
    return []


def _own(folder: SafeFolder) -> dict[str, Any]:
    for name in ("run.json", MANIFEST, "recipe.toml", "result.json"):
        if (folder.size(name) or 0) > _LARGEST:
            raise RunError("file_is_too_large_for_a_run", count=_LARGEST, where=str(folder.path / name))
    run = run_folder(folder)
    settings = run.settings
    recipe = run.bytes_of("recipe.toml", _LARGEST).decode()
    with understanding(folder.path / "recipe.toml"):
        steps = tomllib.loads(recipe)["steps"]
        data = str(settings["data"]["name"]) if settings.get("data") else ""
    found: dict[str, Any] = {
        "planned": steps if isinstance(steps, int) else None,
        "engine": text_of(settings["engine"]),
        "data": text_of(data),
        "recipe": visible(recipe[:20_000]),
    }
    if run.finished:
        result = run.result
        found |= {
            "state": "ended",
            "stopped_by": text_of(result["stopped_by"]) if result["stopped_by"] else None,
        }
        found["scores"] = {
            text_of(part): [_number(score.loss), _number(score.accuracy)]
            for part, score in result["scores"].items()
        }
    return found


def _watched(folder: SafeFolder) -> dict[str, Any]:
    told = _sealed(folder, ABOUT)
    planned, parameters = told.get("planned"), told.get("parameters")
    found: dict[str, Any] = {
        "model": text_of(told.get("model", "")),
        "planned": planned if isinstance(planned, int) else None,
        "parameters": parameters if isinstance(parameters, int) else None,
        "began": text_of(told.get("began", "")),
    }
    if folder.has(FINDINGS):
        verdict = _sealed(folder, FINDINGS)
        found["verdict"] = checked_verdict(verdict)
        if verdict.get("state") in ("ended", "died"):
            found["state"] = verdict["state"]
    return found


def _sealed(folder: SafeFolder, name: str) -> dict[str, Any]:
    file = folder.path / name
    return unsealed(parse_json(folder.read(name, _LARGEST), file), file)


def checked_verdict(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return what of a verdict's plain values is shown: texts, each of bounded length, and known words."""
    name, findings = verdict.get("verdict"), verdict.get("findings")
    shown = []
    for finding in findings[:_MOST_FINDINGS] if isinstance(findings, list) else []:
        if isinstance(finding, dict):
            severity = finding.get("severity")
            first = finding.get("first_step")
            shown.append(
                {
                    "code": text_of(finding.get("code", ""))[:8],
                    "severity": severity if severity in _SEVERITIES else "info",
                    "first_step": first if isinstance(first, int) else None,
                    "told": _lines(finding.get("told")),
                }
            )
    unseen = verdict.get("unseen")
    step = verdict.get("step")
    return {
        "name": name if name in ("findings", "healthy", "not_judged") else "not_judged",
        "findings": shown,
        "unseen": [
            _lines(gap.get("told"))
            for gap in (unseen[:_MOST_FINDINGS] if isinstance(unseen, list) else [])
            if isinstance(gap, dict)
        ],
        "step": step if isinstance(step, int) else None,
    }


def _lines(told: Any) -> dict[str, list[str]]:
    found = {}
    for lang in LANGUAGES:
        lines = told.get(lang) if isinstance(told, dict) else None
        found[lang] = [text_of(line) for line in lines[:_MOST_LINES]] if isinstance(lines, list) else []
    return found


def text_of(value: Any) -> str:
    """Return a text from a file as it may be shown."""
    return visible(str(value)[:_LONGEST])


def _told(error: object) -> dict[str, str]:
    return {lang: text_of(told(error, lang)) for lang in LANGUAGES}


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def tail(folder: SafeFolder) -> tuple[int | None, float | None]:
    """Return the latest step and loss that the end of a history tells, without reading all of it."""
    with suppress(OSError, RunError), folder.open(HISTORY) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        for line in reversed(file.read(_TAIL).split(b"\n")[:-1]):
            if b'"quantity":"loss"' in line[:200] and b'"path":""' in line[:200]:
                with suppress(ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError):
                    row = json.loads(line)
                    return int(row["steps"][-1]), _number(float(row["values"][-1]))
    return None, None
