"""The page of an experiment: question and verdicts first, then everything behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from koubai.lab.conclude.result import ExperimentResult
from koubai.report.layers import Layers
from koubai.report.numbers import seconds
from koubai.report.page import Badge, Page, Section
from koubai.report.picture import Picture
from koubai.report.sections.exhibits import (
    activation_section,
    filter_section,
    path_section,
    plane_section,
    table_section,
    weight_section,
)
from koubai.report.sections.findings import findings_section
from koubai.report.sections.gradients import gradient_section
from koubai.report.sections.learning import learning_section
from koubai.report.sections.outcome import outcome_section
from koubai.report.sections.setting import environment_section, recipe_section, run_section
from koubai.words import language, say, speaking

TONES = {"supported": "good", "not supported": "bad", "cannot tell yet": "open"}


def experiment_page(
    result: ExperimentResult, lang: str | None = None, findings: Sequence[Mapping[str, Any]] | None = None
) -> Page:
    """Return the page of a result; `findings` are the doctor's, as dicts (None: it was not asked)."""
    with speaking(lang):
        return _page(result, findings)


def _page(result: ExperimentResult, findings: Sequence[Mapping[str, Any]] | None) -> Page:
    from koubai import __version__

    experiment = result.experiment
    sections = (
        plane_section(result),
        path_section(result),
        outcome_section(result),
        learning_section(result),
        gradient_section(result),
        activation_section(result),
        filter_section(result),
        weight_section(result),
        table_section(result),
        findings_section(findings, Layers.of(result, experiment.reference.name)),
        recipe_section(result),
        run_section(result),
        environment_section(result.environment),
    )
    lead, others = _leading([section for section in sections if section])
    return Page(
        lang=language(),
        kicker=say("report.page.experiment", name=experiment.name),
        title=experiment.question.say() or experiment.name,
        badges=tuple(
            Badge(TONES[verdict.outcome], *_split(verdict.say(), verdict.outcome))
            for verdict in result.verdicts
        ),
        sentences=tuple(sentence.say() for sentence in result.sentences),
        facts=_facts(result),
        sections=others,
        footer=say("report.page.footer", version=__version__),
        lead=lead,
    )


def _leading(sections: Sequence[Section]) -> tuple[Picture | None, tuple[Section, ...]]:
    """Return the first picture of all, which stands under the question, and the sections without it."""
    first = next((i for i, section in enumerate(sections) if section.pictures), None)
    if first is None:
        return None, tuple(sections)
    lead, *others = sections[first].pictures
    rest = replace(sections[first], pictures=tuple(others))
    return lead, (*sections[:first], *([rest] if rest else []), *sections[first + 1 :])


def _split(text: str, outcome: str) -> tuple[str, str]:
    """Return (word, rest) of a verdict, whose sentence begins with the outcome and a colon."""
    word = say(f"report.verdict.{outcome.replace(' ', '_')}")
    head, colon, rest = text.partition(":")
    return (word, rest.strip()) if colon and head.casefold() == word.casefold() else (word, text)


def _facts(result: ExperimentResult) -> tuple[tuple[str, str], ...]:
    experiment = result.experiment
    made = len(result.runs)
    facts = [
        (say("report.facts.runs"), f"{len(experiment.arms)} × {len(experiment.seeds)} = {made:,}")
        if not result.pending
        else (say("report.facts.runs"), f"{made:,} / {made + result.pending:,}"),
        (say("report.facts.seconds"), seconds(result.seconds)),
    ]
    environment = result.environment
    data = environment.get("data", {})
    known = {
        "engine": environment.get("engine", ""),
        "data": data.get("name", "") if isinstance(data, Mapping) else data,
        "cpu": environment.get("cpu", ""),
    }
    facts += [(say(f"report.facts.{name}"), str(text)) for name, text in known.items() if text]
    return tuple(facts)
