"""Writes one page an experiment of the catalog: question, verdicts, pictures, recipe.

Pages are quick to write, because nothing is trained here: what `scripts/run-catalog` left in a folder is
shown, and for an experiment without results there what the record tells (`record.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from docstrings import docstring, messages, told
from pages import home, write
from pictures import picture, table
from record import RECORD, read, result_of

from koubai.doctor.diagnoses.diagnosis import known
from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Experiment
from koubai.lab.experiments.entry import Entry
from koubai.report.experiment import experiment_page
from koubai.report.page import Page, Section
from koubai.report.palette import dark_colors
from koubai.report.sections.setting import recipe_section
from koubai.report.theme import template
from koubai.words import LANGUAGES, say, speaking

LEFT_OUT = ("findings", "runs", "environment")
"""The sections of a report that a page does not show: they are in the file that `koubai run` writes."""


def write_experiments(
    root: Path, runs: Path, kept: Path = RECORD, languages: Sequence[str] = LANGUAGES
) -> None:
    """Write a page of every experiment and an index, in every language; `runs` has folders of results."""
    record = read(kept)
    found = {entry.name(): result_of(entry.name(), runs, record) for entry in catalog_entries()}
    results = {name: result for name, (result, _) in found.items()}
    for lang in languages:
        folder = home(lang, root) / "experiments"
        for entry in catalog_entries():
            result, recorded = found[entry.name()]
            write(folder / f"{entry.name()}.md", page(entry, result, lang, recorded=recorded))
        write(folder / "index.md", index(results, lang))


def write_scripts(folder: Path) -> None:
    """Write what all pictures share, once: Plotly from its Python package, and the look of the reports."""
    from plotly.offline import get_plotlyjs

    looks = {"templates": {"light": template(), "dark": template(dark=True)}, "dark": dark_colors()}
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "plotly.js", get_plotlyjs())
    write(folder / "looks.js", f"const looks = {json.dumps(looks)};\n")


def page(entry: Entry, result: ExperimentResult | None, lang: str, *, recorded: bool = False) -> str:
    """Return the page of one experiment in Markdown."""
    experiment = result.experiment if result else catalog_experiment(entry.name())
    with speaking(lang):
        report = experiment_page(result) if result else None
        sections = report.sections if report else [recipe_section(_without_runs(experiment))]
    parts = [
        f"# {title(entry, lang)}\n",
        f"**{experiment.question.say(lang)}**\n",
        f"{told(docstring(type(entry)), lang)}\n",
        *(_outcome(report, lang) if report else [_NOT_RUN[lang]]),
        *([_RECORDED[lang].format(name=entry.name())] if recorded else []),
        *([f"## {report.lead.title}\n", _raw(picture(report.lead, lang))] if report and report.lead else []),
        _repeat(entry, lang),
        *_related(entry, lang),
        *(part for section in sections for part in _section(section, lang)),
    ]
    return "\n".join(parts)


def title(entry: Entry, lang: str) -> str:
    """Return the name of an experiment as a heading."""
    return say(f"titles.{entry.registry_name}", lang)


def sentences() -> Iterator[str]:
    """Return all sentences of docstrings that these pages show."""
    for entry in catalog_entries():
        yield from messages(docstring(type(entry)))


def index(results: dict[str, ExperimentResult | None], lang: str) -> str:
    """Return the list of all experiments with their verdicts."""
    lines = [_INDEX[lang]]
    for entry in catalog_entries():
        name, result = entry.name(), results[entry.name()]
        question = catalog_experiment(name).question.say(lang)
        lines.append(f"| [{title(entry, lang)}]({name}.md) | {question} | {_verdicts(result, lang)} |")
    names = "\n".join(results)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


_INDEX = {
    "en": "# The catalog\n\n| experiment | question | verdict |\n|---|---|---|",
    "ja": "# 実験の一覧\n\n| 実験 | 問い | 判定 |\n|---|---|---|",
}
_NOT_RUN = {
    "en": """```{note}
This page was built without results: `scripts/run-catalog` makes them, and `make docs` then shows them.
```
""",
    "ja": """```{note}
このページは結果なしで作られました。`scripts/run-catalog` で実行すると、
次の `make docs` で結果が表示されます。
```
""",
}
_RECORDED = {
    "en": """```{{note}}
These are the numbers of the last recorded runs. Learning curves, gradients and all else that a run leaves are
in the report that `koubai run {name}` writes, and on this page once `scripts/run-catalog` has made the runs.
```
""",
    "ja": """```{{note}}
最後に記録した実行の数値です。学習曲線や勾配などの残りの結果は、`koubai run {name}` が書き出す
レポートにあります。
`scripts/run-catalog` で実行したあとなら、このページにも表示されます。
```
""",
}
_COMMA = {"en": ", ", "ja": "、"}
_WORDS = {
    "not_run": {"en": "not run here", "ja": "未実行"},
    "no_claim": {"en": "no claim", "ja": "主張なし"},
    "short": {"en": "In short", "ja": "要点"},
    "repeat": {"en": "Repeat it", "ja": "もう一度実行する"},
    "related": {
        "en": "What the doctor calls what goes wrong here: {links}.",
        "ja": "ここで起こる問題の診断名: {links}",
    },
}


def _verdicts(result: ExperimentResult | None, lang: str) -> str:
    """Return how often each verdict was given, or why there is none."""
    if result is None:
        return _WORDS["not_run"][lang]
    counts = Counter(verdict.outcome for verdict in result.verdicts)
    said = {outcome: say(f"report.verdict.{outcome.replace(' ', '_')}", lang) for outcome in counts}
    several = {"en": "{} ({})", "ja": "{}（{}）"}[lang]
    listed = [several.format(said[outcome], n) if n > 1 else said[outcome] for outcome, n in counts.items()]
    return _COMMA[lang].join(listed) or _WORDS["no_claim"][lang]


def _outcome(report: Page, lang: str) -> list[str]:
    """Return verdicts and sentences."""
    badges = "".join(
        f'<li class="badge {badge.tone}"><strong>{escape(badge.word)}</strong> {escape(badge.text)}</li>'
        for badge in report.badges
    )
    facts = "; ".join(f"{escape(name)}: {escape(value)}" for name, value in report.facts)
    html = [
        f'<ul class="badges">{badges}</ul>' if badges else "",
        _list(report.sentences),
        f'<p class="facts">{facts}</p>',
    ]
    return [f"## {_WORDS['short'][lang]}\n", _raw("\n".join(part for part in html if part))]


def _repeat(entry: Entry, lang: str) -> str:
    commands = [f"koubai run {entry.name()}"]
    commands += [f"koubai run {entry.name()} --data {data.replace('_', '-')}" for data in entry.data[1:]]
    return f"## {_WORDS['repeat'][lang]}\n\n```sh\n" + "\n".join(commands) + "\n```\n"


def _related(entry: Entry, lang: str) -> list[str]:
    """Return links to the diagnoses that this experiment shows."""
    links = [
        f"[{diagnosis.code} {say(f'diagnoses.{name}.title', lang)}](../diagnoses/{name}.md)"
        for name, diagnosis in sorted(known().items(), key=lambda item: item[1].code)
        if diagnosis.experiment == entry.name()
    ]
    return [_WORDS["related"][lang].format(links=_COMMA[lang].join(links)) + "\n"] if links else []


def _section(section: Section, lang: str) -> list[str]:
    """Return a section's pictures and tables under its heading."""
    if section.name in LEFT_OUT:
        return []
    parts = [f"## {section.title}\n"]
    for shown in section.pictures:
        parts += [f"### {shown.title}\n", _raw(picture(shown, lang))]
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
