"""Regularisation paths: what becomes of every weight as the penalty grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.report.numbers import number
from koubai.report.palette import BLUE, VERMILION, translucent
from koubai.report.picture import Panel, Picture, Table, join_sentences, thin
from koubai.report.theme import figure, label
from koubai.words import say

_COLUMNS = 12
_LINES = 200


@dataclass(frozen=True, eq=False)
class Path:
    """Weights (S, D) at penalty strengths (S,), and what is not penalised, `bias` (S, B)."""

    title: str
    strengths: Array
    weights: Array
    bias: Array


def regularization_paths(paths: Sequence[Path], *, letter: str = "λ", lang: str | None = None) -> Picture:
    """Draw one panel a penalty: a thin line for each weight, a thick dashed one for each bias."""
    return Picture(
        name="regularization",
        title=say("report.regularization.title", lang),
        summary=_summary(paths, letter, lang),
        panels=tuple(Panel(path.title, _draw(path, letter, lang)) for path in paths),
        table=_table(paths, letter, lang),
        note=say("report.regularization.note", lang),
        width=340,
    )


def _draw(path: Path, letter: str, lang: str | None) -> Any:
    log = bool((path.strengths > 0).all())
    fig = figure(
        320,
        xaxis={"title": {"text": label(letter)}, "type": "log" if log else "linear"},
        yaxis={"title": {"text": say("report.regularization.axis", lang)}},
    )
    for i, column in enumerate(thin(path.weights.shape[1], _LINES)):
        fig.add_scatter(
            x=path.strengths,
            y=path.weights[:, column],
            mode="lines",
            line={"color": translucent(BLUE, 0.4) if path.weights.shape[1] > 12 else BLUE, "width": 1.2},
            name=say("report.regularization.weights", lang),
            legendgroup="weights",
            showlegend=i == 0,
            hovertemplate="%{y:.3g}<extra></extra>",
        )
    for i in range(path.bias.shape[1]):
        fig.add_scatter(
            x=path.strengths,
            y=path.bias[:, i],
            mode="lines",
            line={"color": VERMILION, "width": 2.6, "dash": "dash"},
            name=say("report.regularization.bias", lang),
            legendgroup="bias",
            showlegend=i == 0,
            hovertemplate="%{y:.3g}<extra></extra>",
        )
    return fig


def _near_zero(weights: Array) -> float:
    """Return the share of weights below a thousandth of the largest anywhere on the path."""
    return float((np.abs(weights[-1]) < 1e-3 * max(np.abs(weights).max(initial=0.0), 1e-300)).mean())


def _summary(paths: Sequence[Path], letter: str, lang: str | None) -> str:
    sentences = []
    for path in paths:
        values = {
            "penalty": path.title,
            "letter": letter,
            "first": number(float(path.strengths[0])),
            "last": number(float(path.strengths[-1])),
            "norm_first": number(float(np.linalg.norm(path.weights[0]))),
            "norm_last": number(float(np.linalg.norm(path.weights[-1]))),
            "zero": _near_zero(path.weights),
        }
        sentences.append(say("report.regularization.one", lang, **values))
    return join_sentences(sentences, lang) or say("report.regularization.none", lang)


def _table(paths: Sequence[Path], letter: str, lang: str | None) -> Table:
    rows = []
    width = min(max((path.weights.shape[1] for path in paths), default=0), _COLUMNS)
    for path in paths:
        for i, strength in enumerate(path.strengths):
            norm = number(float(np.linalg.norm(path.weights[i])))
            weights = [number(float(x)) for x in path.weights[i, :width]]
            bias = number(float(np.linalg.norm(path.bias[i])))
            rows.append((path.title, number(float(strength)), norm, bias, *weights))
    columns = (
        say("report.regularization.penalty", lang),
        letter,
        say("report.regularization.norm", lang),
        say("report.regularization.bias", lang),
        *(f"w{i + 1}" for i in range(width)),
    )
    return Table(columns, tuple(rows), headings=2)
