"""How a command speaks: as a person reads it, plainly, or as JSON. Chosen once, by the global options.

Results go to standard output, everything else (progress, hints, errors) to standard error.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from koubai.core.visible import json_safe, visible
from koubai.words import say

if TYPE_CHECKING:
    from cyclopts import Parameter
    from rich.console import Console


@dataclass
class OutputStyle:
    """What the global options chose: `json` for programs, `plain` without colors, boxes and live displays.

    `allow_memory`: sizes are not held against the machine's memory.
    """

    json: bool = False
    plain: bool = False
    allow_memory: bool = False


style = OutputStyle()


def option(key: str, **settings: Any) -> Parameter:
    """Return a parameter whose help is the catalog's entry `key`, such as "cli.train.out"."""
    from cyclopts import Parameter

    return Parameter(help=say(key), **settings)


def whole(key: str) -> Parameter:
    """Return the parameter of a whole number: 1.5 is refused, where the parser alone would round it."""
    from cyclopts import CoercionError, Token, convert

    def exactly(kind: type[int], tokens: Sequence[Token]) -> int:
        if "." in tokens[0].value:
            raise CoercionError(token=tokens[0], target_type=kind)
        number: int = convert(kind, tokens)
        return number

    return option(key, converter=exactly)


def threads_option(key: str) -> Parameter:
    """Return the parameter of a number of threads, or "auto"."""
    from cyclopts import CoercionError, Token

    words: Any = Literal["auto", "1", "2", "..."]

    def understood(kind: object, tokens: Sequence[Token]) -> int | str:
        value = tokens[0].value
        if value != "auto" and not value.removeprefix("-").isdecimal():
            raise CoercionError(token=tokens[0], target_type=words)
        return value if value == "auto" else int(value)

    return option(key, converter=understood)


def console(*, stderr: bool = False) -> Console:
    """Return where to print tables and text; plain has no color and no markup of its own."""
    width = 400 if style.plain else None  # plain lines are for grep: they do not wrap
    return _screen()(stderr=stderr, no_color=style.plain or None, highlight=False, width=width, emoji=False)


@cache
def _screen() -> type[Console]:
    """Return rich's console, made to show what would command the terminal instead of sending it there."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class Screen(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    return Screen


def live() -> bool:
    """Return whether a display that redraws itself is wanted: on a terminal, for a person."""
    return sys.stderr.isatty() and not (style.plain or style.json)


def print_json(value: Any) -> None:
    """Print one JSON document; NaN and infinities, which JSON has not, become null."""
    print(json_safe(json.dumps(_standard(value), ensure_ascii=False, indent=2, allow_nan=False)))


def print_either(value: Any, sentence: str) -> None:
    """Print a value where JSON is asked for, else the sentence that tells it."""
    if style.json:
        print_json(value)
    else:
        console().print(sentence, markup=False, soft_wrap=True)


def print_table(columns: list[str], rows: list[list[str]], *, right: tuple[int, ...] = ()) -> None:
    """Print a table; `right` are the columns of numbers. Plain: columns parted by two spaces or more.

    A number is never broken, and a name, which is to be copied, only where nothing but numbers stands
    beside it and they leave no room.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table

    titles = [c.replace(" ", "\n") if i in right and not style.plain else c for i, c in enumerate(columns)]
    texts = [[title, *(row[i] for row in rows)] for i, title in enumerate(titles)]
    widest = [
        max(
            map(cell_len, " ".join(column).split() if i and i not in right else "\n".join(column).split("\n"))
        )
        for i, column in enumerate(texts)
    ]
    room = console().width - sum(widest) - len(columns) - 1  # a space beside each column is the box's
    gap = 1 if room < 2 * (len(columns) - 1) else 2
    others = set(range(1, len(columns))) - set(right)  # which give way first
    name = style.plain or bool(others) or room >= gap * (len(columns) - 1)
    shape, header = (None, "") if style.plain else (box.SIMPLE_HEAD, "bold")
    table = Table(
        box=shape, padding=(0, 2 if style.plain else gap, 0, 0), pad_edge=False, header_style=header
    )
    for i, title in enumerate(titles):
        whole = i in right or (i == 0 and name)
        width = widest[i] if i in right else None
        table.add_column(
            title, justify="right" if i in right else "left", overflow="fold", no_wrap=whole, width=width
        )
    for row in rows:
        table.add_row(*row)
    console().print(table, markup=False)


def _standard(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _standard(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
