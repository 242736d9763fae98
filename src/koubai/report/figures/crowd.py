"""A crowd of arms: how their means are spread, where one row an arm is more than anybody reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from koubai.core.params import Array
from koubai.report import measures
from koubai.report.drawing import Drawing
from koubai.report.numbers import percent
from koubai.report.palette import BLUE, GRAY, translucent
from koubai.report.picture import Panel, Picture, Table, join_sentences
from koubai.report.theme import label, log_axis
from koubai.words import say

_BINS = 40
_DECADES = 30.0  # ratio of largest to smallest mean from which the axis is logarithmic
_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def crowd(means: Mapping[str, float], measure: str, baseline: float) -> Picture:
    """Draw how the means of many arms, by title, are spread; NaN is counted apart. One must be a number."""
    known = {title: mean for title, mean in means.items() if np.isfinite(mean)}
    values, write = np.array(list(known.values())), measures.writer(measure)
    lower, upper = map(write, np.quantile(values, (0.25, 0.75)).tolist())
    lowest, highest = (pick(known, key=known.__getitem__) for pick in (min, max))
    lost = len(means) - len(known)
    return Picture(
        name=f"crowd-{measure}",
        title=say("report.crowd.title", measure=measures.title(measure), count=len(means)),
        summary=say(
            "report.crowd.summary",
            lowest=lowest,
            low=write(known[lowest]),
            highest=highest,
            high=write(known[highest]),
            lower=lower,
            upper=upper,
        ),
        panels=(Panel("", _draw(values, measure, baseline)),),
        table=_table(values, measure),
        note=join_sentences([say("report.crowd.how"), say("report.crowd.lost", count=lost) if lost else ""]),
    )


def _draw(values: Array, measure: str, baseline: float) -> Drawing:
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0 and high / low > _DECADES
    edges = np.geomspace(low, high, _BINS + 1) if logarithmic else np.histogram_bin_edges(values, _BINS)
    counts, _ = np.histogram(values, edges)
    axis = log_axis(low, high) if logarithmic else {}
    if measures.in_percent(measure):
        axis["tickformat"] = ".0%"
    fig = Drawing(
        260,
        xaxis={"title": {"text": label(measures.title(measure))}} | axis,
        yaxis={"title": {"text": say("report.crowd.axis")}, "rangemode": "tozero"},
    )
    if np.isfinite(baseline):
        fig.cross(x=baseline, line={"color": GRAY, "width": 1, "dash": "dot"})
    fig.add(
        "scatter",
        x=edges,
        y=np.append(counts, 0),
        mode="lines",
        line={"shape": "hv", "color": BLUE, "width": 1.4},
        fill="tozeroy",
        fillcolor=translucent(BLUE, 0.4),
        hovertemplate="%{x}: %{y}<extra></extra>",
        showlegend=False,
    )
    return fig


def _table(values: Array, measure: str) -> Table:
    write = measures.writer(measure)
    rows = zip(_SHARES, np.quantile(values, _SHARES).tolist(), strict=True)
    columns = (say("report.crowd.share"), measures.title(measure))
    return Table(columns, tuple((percent(share), write(value)) for share, value in rows))
