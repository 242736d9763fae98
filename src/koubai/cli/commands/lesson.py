"""`koubai lesson`: one lesson as one file, to be handed out; without a name, which lessons there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.output import option, print_either, print_json, print_table, style
from koubai.core.errors import UnknownName
from koubai.words import LANGUAGES, say


def lesson(
    name: Annotated[str | None, option("page.cli.lesson")] = None,
    *,
    out: Annotated[Path | None, option("page.cli.out", name=("--out", "-o"))] = None,
) -> None:
    """Write one lesson as one file."""
    from koubai.data.files import cache_folder
    from koubai.page.offline import write_lesson
    from koubai.study.lessons import lessons

    known = lessons()
    if name is None:
        _list(list(known))
        return
    chosen = known.get(name.replace("-", "_"))
    if chosen is None:
        raise UnknownName("lesson", name, known)
    path = out if out is not None else Path(f"{chosen.registry_name}.html")
    written = write_lesson(chosen, path, cache_folder() / "lessons")
    print_either({"lesson": str(written)}, say("report.cli.written", path=written))


def _list(names: list[str]) -> None:
    if style.json:
        print_json(
            [
                {"name": name, "title": {lang: say(f"lessons.{name}.title", lang) for lang in LANGUAGES}}
                for name in names
            ]
        )
        return
    columns = [say("page.cli.name"), say("page.cli.title")]
    print_table(columns, [[name, say(f"lessons.{name}.title")] for name in names])
