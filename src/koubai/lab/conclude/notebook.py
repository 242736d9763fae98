"""How a result shows itself in a notebook: plain HTML without a script, so that it survives an export."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from koubai.core.markup import scale
from koubai.lab.declare.measures import Measured, MeasureName, is_share
from koubai.words import say

if TYPE_CHECKING:  # a result shows itself by this module
    from koubai.lab.conclude.result import ArmSummary, ExperimentResult

_WIDTH, _HEIGHT = 200, 18  # of one arm's dots, in pixels


def result_html(result: ExperimentResult) -> str:
    """Return the question, a row for every arm with its seeds as dots, the verdicts and the sentences."""
    experiment = result.experiment
    summaries = {arm: result.summary(arm) for arm in result.arms}
    values = [value for summary in summaries.values() if summary for value in summary.values.values()]
    low, high = (
        (0.0, 1.0) if is_share(experiment.measure) else (min(values, default=0), max(values, default=1))
    )
    heads = (say("report.axis.arm"), MeasureName(experiment.measure).say(), "")
    rows = [
        f"<tr><td style='text-align:left'>{escape(result.arms[arm].title())}</td>"
        f"<td>{escape(_number(summary))}</td><td>{_dots(summary, low, high)}</td></tr>"
        for arm, summary in summaries.items()
    ]
    if values:
        rows.append(f"<tr><td></td><td></td><td>{scale(low, high, _WIDTH)}</td></tr>")
    said = [*(verdict.say() for verdict in result.verdicts), *(s.say() for s in result.sentences)]
    return (
        f"<div><p><strong>{escape(experiment.question.say() or experiment.name)}</strong></p>"
        f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in said)}</ul>"
        f"<table><thead><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _number(summary: ArmSummary | None) -> str:
    if summary is None:
        return "–"
    mean = Measured(summary.measure, summary.mean).say()
    if summary.interval is None:
        return mean
    ends = (Measured(summary.measure, end).say() for end in (summary.interval.low, summary.interval.high))
    return f"{mean} [{', '.join(ends)}]"


def _dots(summary: ArmSummary | None, low: float, high: float) -> str:
    """Return the seeds as dots and the mean as a bar on the scale that all arms share."""
    if summary is None:
        return ""

    def across(value: float) -> float:
        return 6 + (_WIDTH - 12) * (value - low) / ((high - low) or 1)

    middle = _HEIGHT / 2
    seeds = "".join(
        f'<circle cx="{across(value):.1f}" cy="{middle}" r="3.5" fill="#0072B2" fill-opacity=".4"/>'
        for value in summary.values.values()
    )
    mean = across(summary.mean)
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" aria-hidden="true">'
        f'<line x1="6" x2="{_WIDTH - 6}" y1="{middle}" y2="{middle}" stroke="gray" stroke-opacity=".4"/>'
        f'{seeds}<line x1="{mean:.1f}" x2="{mean:.1f}" y1="2" y2="{_HEIGHT - 2}" stroke="#D55E00" '
        'stroke-width="2.5"/></svg>'
    )
