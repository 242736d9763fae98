"""Writes one page an experiment of the catalog: question, verdicts, pictures, recipe.

Pages are quick to write, because nothing is trained here: what `scripts/run-catalog` left in a folder is
shown, and for an experiment without results there what the record tells (`record.py`).
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from html import escape
from pathlib import Path

from pages import write
from pictures import picture, table
from record import RECORD, read, result_of

from koubai.doctor.diagnoses.diagnosis import known
from koubai.lab.catalog import build, listing
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Experiment
from koubai.lab.experiments.entry import Entry
from koubai.report.experiment import experiment_page
from koubai.report.page import Page, Section
from koubai.report.palette import dark_colors
from koubai.report.sections.setting import recipe_section
from koubai.report.theme import template
from koubai.words import say, speaking

LEFT_OUT = ("findings", "runs", "environment")
"""The sections of a report that a page does not show: they are in the file that `koubai run` writes."""


def write_experiments(folder: Path, runs: Path, kept: Path = RECORD) -> None:
    """Write NAME.md for every experiment and index.md; `runs` holds a folder of results for each."""
    folder.mkdir(parents=True, exist_ok=True)
    record = read(kept)
    results = {}
    for entry in listing():
        result, recorded = result_of(entry.name(), runs, record)
        results[entry.name()] = result
        write(folder / f"{entry.name()}.md", page(entry, result, recorded=recorded))
    write(folder / "index.md", index(results))


def write_scripts(folder: Path) -> None:
    """Write what all pictures share, once: Plotly from its Python package, and the look of the reports."""
    from plotly.offline import get_plotlyjs

    looks = {"templates": {"light": template(), "dark": template(dark=True)}, "dark": dark_colors()}
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "plotly.js", get_plotlyjs())
    write(folder / "looks.js", f"const looks = {json.dumps(looks)};\n")


def page(entry: Entry, result: ExperimentResult | None, *, recorded: bool = False) -> str:
    """Return the page of one experiment in Markdown."""
    experiment = result.experiment if result else build(entry.name())
    with speaking("en"):
        report = experiment_page(result) if result else None
        sections = report.sections if report else [recipe_section(_without_runs(experiment))]
    parts = [
        f"# {title(entry)}\n",
        f"**{experiment.question.en}**\n",
        f'<p lang="ja">{escape(experiment.question.ja)}</p>\n',
        inspect.cleandoc(type(entry).__doc__ or "") + "\n",
        *(_outcome(report, result) if report and result else [_NOT_RUN]),
        *([_RECORDED.format(name=entry.name())] if recorded else []),
        *([f"## {report.lead.title}\n", _raw(picture(report.lead))] if report and report.lead else []),
        _repeat(entry),
        *_related(entry),
        *(part for section in sections for part in _section(section)),
    ]
    return "\n".join(parts)


def title(entry: Entry) -> str:
    """Return the name of an experiment as a heading."""
    return _NAMES.get(entry.name(), entry.name().replace("-", " ").capitalize())


def index(results: dict[str, ExperimentResult | None]) -> str:
    """Return the list of all experiments with their verdicts."""
    lines = ["# The catalog\n", "| experiment | question | verdict |", "|---|---|---|"]
    for entry in listing():
        name, result = entry.name(), results[entry.name()]
        lines.append(f"| [{title(entry)}]({name}.md) | {build(name).question.en} | {_verdicts(result)} |")
    names = "\n".join(results)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


_NAMES = {
    "adagrad-stalls": "AdaGrad stalls",
    "alexnet": "AlexNet",
    "im2col": "im2col",
    "l1-l2": "L1 and L2",
    "l2-output-layer": "L2 and the output layer",
    "over-fitting": "Over-fitting",
    "padding-stride": "Padding and stride",
}
_NOT_RUN = """```{note}
This page was built without results: `scripts/run-catalog` makes them, and `make docs` then shows them.
```
"""
_RECORDED = """```{{note}}
These are the numbers of the last recorded runs. Learning curves, gradients and all else that a run leaves are
in the report that `koubai run {name}` writes, and on this page once `scripts/run-catalog` has made the runs.
```
"""


def _verdicts(result: ExperimentResult | None) -> str:
    """Return how often each verdict was given, or why there is none."""
    if result is None:
        return "not run here"
    counts = Counter(verdict.outcome for verdict in result.verdicts)
    return ", ".join(f"{outcome} ({n})" if n > 1 else outcome for outcome, n in counts.items()) or "no claim"


def _outcome(report: Page, result: ExperimentResult) -> list[str]:
    """Return verdicts and sentences, in English and, folded, in Japanese."""
    badges = "".join(
        f'<li class="badge {badge.tone}"><strong>{escape(badge.word)}</strong> {escape(badge.text)}</li>'
        for badge in report.badges
    )
    facts = "; ".join(f"{escape(name)}: {escape(value)}" for name, value in report.facts)
    japanese = [*(v.say("ja") for v in result.verdicts), *(s.say("ja") for s in result.sentences)]
    html = [
        f'<ul class="badges">{badges}</ul>' if badges else "",
        _list(report.sentences),
        f'<details lang="ja"><summary>日本語</summary>{_list(japanese)}</details>' if japanese else "",
        f'<p class="facts">{facts}</p>',
    ]
    return ["## In short\n", _raw("\n".join(part for part in html if part))]


def _repeat(entry: Entry) -> str:
    commands = [f"koubai run {entry.name()}"]
    commands += [f"koubai run {entry.name()} --data {data.replace('_', '-')}" for data in entry.data[1:]]
    return "## Repeat it\n\n```sh\n" + "\n".join(commands) + "\n```\n"


def _related(entry: Entry) -> list[str]:
    """Return links to the diagnoses that this experiment shows."""
    links = [
        f"[{diagnosis.code} {say(f'diagnoses.{name}.title', 'en')}](../diagnoses/{name}.md)"
        for name, diagnosis in sorted(known().items(), key=lambda item: item[1].code)
        if diagnosis.experiment == entry.name()
    ]
    return [f"What the doctor calls what goes wrong here: {', '.join(links)}.\n"] if links else []


def _section(section: Section) -> list[str]:
    """Return a section's pictures and tables under its heading."""
    if section.name in LEFT_OUT:
        return []
    parts = [f"## {section.title}\n"]
    for shown in section.pictures:
        parts += [f"### {shown.title}\n", _raw(picture(shown))]
    for titled in section.tables:
        note = f'<p class="note">{escape(titled.note)}</p>' if titled.note else ""
        heading = f"### {titled.title}\n" if titled.title != section.title else ""
        parts += [heading, _raw(note + table(titled.table))]
    return parts


def _without_runs(experiment: Experiment) -> ExperimentResult:
    """Return the result before anything ran: its recipe can be shown."""
    return ExperimentResult(experiment, (), {}, (), (), ())


def _list(texts: list[str] | tuple[str, ...]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def _raw(html: str) -> str:
    """Return HTML as it stands; Markdown would read its stars and dollars."""
    return f"````{{raw}} html\n{html}\n````\n"
