"""The terminal's table of an experiment: rows are arms, columns are layers, a bar is a gradient's size.

It is that of what flows back to the layer at update 1 (`lab/perform/gradients.py`). The same table is shown
while runs come in and when all are done. Plain: no color, no bars, no boxes, and numbers that a program can
read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log10
from typing import TYPE_CHECKING, Any

from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Experiment
from koubai.lab.declare.measures import Duration
from koubai.lab.perform.gradients import at_start
from koubai.lab.perform.progress import CampaignProgress
from koubai.lab.perform.run_result import RunResult
from koubai.report import measures
from koubai.report.experiment import TONES
from koubai.report.layers import Layers, aligned
from koubai.report.numbers import MISSING, number
from koubai.report.picture import thin
from koubai.report.terminal_rows import ArmRow, arm_rows
from koubai.report.theme import columns, shorten, wrap_wide
from koubai.words import say

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_COLORS = {"good": "green", "bad": "red", "open": "yellow"}
_MARKS = {"good": "✓", "bad": "✗", "open": "?"}
_NUMBER = 8  # columns of a number such as 2.5×10⁻⁵
_WIDEST_BAR, _SHORTEST_BAR = 6, 2
_WIDEST_NAME = 30
_WIDEST_HEAD = 26  # a measure with a longer name stands in several lines above its numbers
_MOST_ROWS = 40  # arms; of more, half as many of the best and of the worst
_ROOMY = 100  # columns from which there is room for a bar beside the score


@dataclass(frozen=True)
class _Thrift:
    """What a table leaves out to fit: columns between columns, counts that say nothing, intervals, layers."""

    gap: int
    drops_runs: bool = False
    interval: bool = True
    no_layers: bool = False


# From a roomy terminal to a narrow one; the first that fits is taken.
_THRIFT = (
    _Thrift(3),
    _Thrift(2),
    _Thrift(2, drops_runs=True),
    _Thrift(2, drops_runs=True, interval=False),
    _Thrift(2, drops_runs=True, interval=False, no_layers=True),
)


@dataclass(frozen=True)
class _Layout:
    """What a table shows: titles of layers, gradients by these, and counts of runs by name with titles."""

    gap: int
    titles: Sequence[str]
    layers: Sequence[str]
    gradients: Sequence[Mapping[str, float]]
    bars: int
    head: str
    scores: Sequence[Text]
    counts: Mapping[str, str]


def result_table(
    experiment: Experiment,
    runs: Sequence[RunResult],
    *,
    width: int = 100,
    plain: bool = False,
) -> Table:
    """Return the table of the runs that are known so far, for a terminal of `width` columns.

    Of more arms than a person reads it has the best and the worst; a plain table leaves nothing out.
    """
    from rich import box
    from rich.table import Table

    made, ends = arm_rows(experiment, runs, None if plain else _MOST_ROWS)
    layout = _layout(experiment, made, width, plain)
    table = Table(
        box=None if plain else box.SIMPLE_HEAD,
        padding=(0, layout.gap - 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="" if plain else "bold",
    )
    table.add_column(say("report.axis.arm"), no_wrap=True)
    for name in layout.layers:
        table.add_column(name, justify="left" if layout.bars else "right", no_wrap=True)
    table.add_column(layout.head, no_wrap=True)
    for count in layout.counts.values():
        table.add_column(count, justify="right", no_wrap=True)
    scale = _scale(made)
    listed = zip(layout.titles, layout.gradients, layout.scores, made, strict=True)
    for i, (title, sizes, score, row) in enumerate(listed):
        if ends is not None and i == len(ends.best):
            table.add_row(_text(say("report.crowd.between", count=ends.between), "dim"))
        cells = [_gradient(sizes.get(layer), scale, layout.bars, plain) for layer in layout.layers]
        ended = [_ending(row, name) for name in layout.counts]
        table.add_row(_text(title), *cells, score, *ended)
    return table


def _layout(experiment: Experiment, made: Sequence[ArmRow], width: int, plain: bool) -> _Layout:
    """Return the roomiest layout that fits into `width` columns; plain tables leave nothing out."""
    called = _layer_titles(experiment, made)
    layers = list(dict.fromkeys(title for titles in called for title in titles))
    titles = [row.arm.title() if plain else shorten(row.arm.title(), _WIDEST_NAME) for row in made]
    measure, said = experiment.measure, measures.title(experiment.measure)
    heads = [said] if plain else wrap_wide(said, _WIDEST_HEAD)
    complete = all(row.made == row.wanted for row in made)
    score_bars = 0 if plain or width < _ROOMY or not measures.in_percent(measure) else _WIDEST_BAR
    for thrift in _THRIFT:
        counts = _counts(made, runs=plain or not (thrift.drops_runs and complete))
        scores = [_score(row, measure, score_bars, interval=thrift.interval) for row in made]
        texts = [
            titles,
            [*heads, *(score.plain for score in scores)],
            *([count] for count in counts.values()),
        ]
        room = width - sum(max(map(columns, text), default=0) + thrift.gap for text in texts)
        shown = layers if plain else _that_fit(layers, room, thrift)
        spare = room - sum(max(columns(layer), _NUMBER) + thrift.gap for layer in shown)
        if plain or spare >= 0:
            break
    bars = min(_WIDEST_BAR, spare // max(len(shown), 1) - 1)
    return _Layout(
        gap=thrift.gap,
        titles=titles,
        layers=shown,
        gradients=[
            dict(zip(own, row.gradients.values(), strict=True)) for own, row in zip(called, made, strict=True)
        ],
        bars=0 if plain or bars < _SHORTEST_BAR else bars,
        head="\n".join(heads),
        scores=scores,
        counts=counts,
    )


def _ending(row: ArmRow, count: str) -> str:
    """Return one of the numbers that count runs; nothing for a trouble that did not happen."""
    return f"{row.made}/{row.wanted}" if count == "runs" else str(getattr(row, count) or "")


def _counts(made: Sequence[ArmRow], *, runs: bool) -> dict[str, str]:
    """Return the titles of the columns that count: runs, and what went wrong anywhere."""
    troubles = [name for name in ("collapsed", "lost") if any(getattr(row, name) for row in made)]
    return {name: say(f"report.terminal.{name}") for name in (*(["runs"] if runs else ()), *troubles)}


def live_view(
    experiment: Experiment,
    runs: Sequence[RunResult],
    progress: CampaignProgress,
    *,
    width: int = 100,
) -> RenderableType:
    """Return the table with a line under it: runs done, losses of those under way, time left."""
    from rich.console import Group

    return Group(result_table(experiment, runs, width=width), _text(progress_line(progress)))


def progress_line(progress: CampaignProgress) -> str:
    """Return where the experiment stands, in one line that suits a log too."""
    done = progress.done + progress.failed + progress.reused
    parts = [say("report.terminal.done", done=done, total=progress.total)]
    losses = [number(run.loss) for run in progress.running.values() if isfinite(run.loss)]
    if losses:
        parts.append(say("report.terminal.losses", losses=" ".join(losses[:4])))
    if progress.left is not None and done < progress.total:
        left = Duration(ceil(progress.left)).say()  # an estimate: parts of a second say nothing
        parts.append(say("report.terminal.left", time=left))
    return say("report.list").join(parts)


def print_result(console: Console, result: ExperimentResult, *, plain: bool = False) -> None:
    """Print the question, the table, the verdicts and the closing sentences."""
    experiment = result.experiment
    question = experiment.question.say()
    if question:
        console.print(_text(question, "" if plain else "bold"))
        console.print()
    console.print(result_table(experiment, result.runs, width=console.width, plain=plain))
    if any(at_start(run.history) for run in result.runs):
        console.print(_text(say("report.terminal.layers"), "" if plain else "dim"))
    if not plain:
        console.print()
    for verdict in result.verdicts:
        tone = TONES[verdict.outcome]
        mark = "" if plain else f"{_MARKS[tone]} "
        console.print(_text(f"{mark}{verdict.say()}", "" if plain else _COLORS[tone]))
    for sentence in result.sentences:
        console.print(_text(sentence.say()))


def _text(text: str, style: str = "") -> Text:
    """Return text that is never read as markup."""
    from rich.text import Text

    return Text(text, style=style)


def _layer_titles(experiment: Experiment, made: Sequence[ArmRow]) -> list[tuple[str, ...]]:
    """Return what the layers of every row are called, equal names for equal places."""
    layers = {
        row.arm.name: Layers.of_network(getattr(experiment.plan(row.arm, 0), "network", None)) for row in made
    }
    called, _ = aligned({row.arm.name: tuple(row.gradients) for row in made}, layers)
    return list(called.values())


def _that_fit(layers: Sequence[str], room: int, thrift: _Thrift) -> list[str]:
    """Return the layers that fit into `room` columns: the first and the last, and others between."""
    widest = max(map(columns, layers), default=0)
    fit = max(0 if thrift.no_layers else 2, room // (max(widest, _NUMBER) + thrift.gap))
    return [layers[i] for i in thin(len(layers), fit)] if fit > 1 else list(layers[:fit])


def _scale(made: Sequence[ArmRow]) -> tuple[float, float]:
    """Return the logarithms of the smallest and the largest gradient, at least a factor of ten apart.

    Else gradients that are nearly equal would have bars that are not.
    """
    sizes = [log10(size) for row in made for size in row.gradients.values() if isfinite(size) and size > 0]
    return (min(*sizes, max(sizes) - 1), max(sizes)) if sizes else (0.0, 1.0)


def _gradient(size: float | None, scale: tuple[float, float], width: int, plain: bool) -> Any:
    """Return a bar on the common logarithmic scale, with the number behind it."""
    if plain:
        return _text(MISSING if size is None else f"{size:.2g}")
    text = number(size, 2).ljust(_NUMBER)
    if size is None or not width:
        return _text(text)
    low, high = scale
    share = 0.0
    if size > 0 and isfinite(size):
        share = max((log10(size) - low) / (high - low), 0.03)  # a sliver for the smallest
    drawn = _text(bar(share, width), "cyan")
    return drawn.append(f" {text}", style="default")


def bar(share: float, width: int) -> str:
    """Return a bar of eighths of a character, padded to `width`.

    >>> bar(.5, 4), bar(0, 4), bar(1, 4), bar(.55, 4)
    ('██  ', '    ', '████', '██▎ ')
    """
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def _score(row: ArmRow, measure: str, bars: int, *, interval: bool = True) -> Text:
    write = measures.writer(measure)
    if row.score is None:
        return _text(MISSING)
    text = write(row.score)
    if interval and row.interval is not None and row.interval.low < row.interval.high:
        text += f" [{write(row.interval.low)}, {write(row.interval.high)}]"
    return _text(f"{bar(row.score, bars)} ", "blue").append(text, style="default") if bars else _text(text)
