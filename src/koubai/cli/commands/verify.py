"""`koubai verify`: whether a run's folder, or every run in a folder, is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.output import console, option, print_json, print_table, style
from koubai.core.errors import RunError
from koubai.words import say
from koubai.words.phrase import told

if TYPE_CHECKING:
    from koubai.train.verify import Verified

NOT_SOUND = 3


def verify(folder: Annotated[Path, option("cli.verify.folder")]) -> int:
    """Check every file against its digest; 0 if all are as they were written, else 3."""
    found = list(_found(folder))
    if not found:
        raise RunError("no_run_here", where=str(folder))
    if style.json:
        print_json({"sound": all(one.sound for one in found), "folders": [_plain(one) for one in found]})
    else:
        for one in found:
            _tell(one)
    return 0 if all(one.sound for one in found) else NOT_SOUND


def _found(folder: Path) -> Iterator[Verified]:
    """Yield what is found of the run in a folder, or of each run in it and in its folder runs/."""
    from koubai.lab.perform.store import Store
    from koubai.train.folder import RunFolder
    from koubai.train.verify import verify as look

    if RunFolder(folder).exists:
        yield look(folder)
        return
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in inside:
        if path.is_dir() and not path.is_symlink() and RunFolder(path).exists:
            yield look(path)
    yield from Store(folder).verify()


def _plain(found: Verified) -> dict[str, Any]:
    files = [asdict(file) for file in found.files]
    return {"folder": str(found.path), "sound": found.sound, "back_to": found.back_to, "files": files}


def _tell(found: Verified) -> None:
    screen = console()
    if found.sound:
        text = say("cli.verify.sound", folder=found.path, count=len(found.files))
        screen.print(text, markup=False, soft_wrap=True)
        return
    key = "unvouched" if found.intact else "damaged"
    screen.print(say(f"cli.verify.{key}", folder=found.path), markup=False, soft_wrap=True)
    header = [say(f"cli.verify.column.{name}") for name in ("file", "state", "why")]
    rows = [[one.name, say(f"cli.verify.state.{one.state}"), told(one.why)] for one in found.files]
    print_table(header, rows)
    if not found.intact and found.back_to is not None:
        text = say("cli.verify.back", folder=found.path, step=found.back_to)
        screen.print(text, markup=False, soft_wrap=True)
