"""Writes one page an experiment of the catalogue: question, picture, verdict, numbers, how to repeat it.

The quick variant of every experiment is run when the pages are built; finished runs are kept in a cache,
so only what changed is run again.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from experiments.picture import outcome  # the module beside this file

from koubai.lab import ExperimentResult, build, listing, run
from koubai.lab.catalog import Entry
from koubai.lab.measures import Measured, MeasureName

HEAVY = ("alexnet",)
"""Not run here: it needs two gigabytes and a minute."""


def write_pages(folder: Path, cache: Path) -> None:
    """Write NAME.md and NAME.svg for every experiment, and index.md with all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = listing()
    for entry in entries:
        if entry.name() in HEAVY:
            _write(folder / f"{entry.name()}.md", page(entry, None))
            continue
        result = run(build(entry.name()), out=cache / entry.name())
        _write(folder / f"{entry.name()}.svg", outcome(result))
        _write(folder / f"{entry.name()}.md", page(entry, result))
    _write(folder / "index.md", index(entries))


def page(entry: Entry, result: ExperimentResult | None) -> str:
    """Return the page of one experiment in Markdown."""
    experiment = result.experiment if result else build(entry.name())
    parts = [
        f"# {_title(entry)}\n",
        f"**{experiment.question.say('en')}**\n",
        f"{experiment.question.say('ja')}\n",
        inspect.cleandoc(type(entry).__doc__ or "") + "\n",
    ]
    if result is not None:
        parts.append(f"![{MeasureName(experiment.measure).say('en')} of every arm]({entry.name()}.svg)\n")
        parts += [f"- {verdict.say('en')}" for verdict in result.verdicts]
        parts += [f"- {sentence.say('en')}" for sentence in result.sentences]
        parts += ["", table(result), ""]
    variants = ", ".join(f"`--data {name.replace('_', '-')}`" for name in entry.data if len(entry.data) > 1)
    parts.append(f"Repeat it: `koubai run {entry.name()}`" + (f" ({variants})" if variants else "") + ".\n")
    if result is not None:
        seeds = len(experiment.seeds)
        engine = result.environment.get("engine")
        parts.append(f"Made with {seeds} seed{'s' if seeds > 1 else ''} on the {engine} engine.\n")
    return "\n".join(parts)


def table(result: ExperimentResult) -> str:
    """Return the arms with their statistics as a Markdown table."""
    measure = result.experiment.measure
    lines = [
        f"| arm | {MeasureName(measure).say('en')} | 95 % interval | seeds | collapsed |",
        "|---|---|---|---|---|",
    ]
    for name in result.arms:
        summary = result.summary(name)
        if summary is None:
            continue
        ends = [summary.interval.low, summary.interval.high] if summary.interval else []
        interval = " to ".join(Measured(measure, end).say("en") for end in ends)
        mean = Measured(measure, summary.mean).say("en")
        title = result.arms[name].title("en")
        lines.append(f"| {title} | {mean} | {interval} | {summary.n} | {summary.collapsed or ''} |")
    return "\n".join(lines)


def index(entries: list[Entry]) -> str:
    """Return the list of all experiments."""
    lines = ["# The catalogue\n", "| experiment | question |", "|---|---|"]
    lines += [
        f"| [{entry.name()}]({entry.name()}.md) | {build(entry.name()).question.say('en')} |"
        for entry in entries
    ]
    names = "\n".join(entry.name() for entry in entries)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def _title(entry: Entry) -> str:
    return entry.name().replace("-", " ").capitalize()


def _write(path: Path, text: str) -> None:
    """Leave a file that is right already, so that an unchanged build stays quick."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
