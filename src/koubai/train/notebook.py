"""How a run shows itself in a notebook: plain HTML that survives an export."""

from __future__ import annotations

from html import escape

import numpy as np

from koubai.core.params import Array
from koubai.train.sentences import ended, score_rows
from koubai.train.train import Run

_WIDTH, _HEIGHT = 480, 120  # of the curve, in pixels
_POINTS = 240


def run_html(run: Run) -> str:
    """Return how a run ended, its scores and the curve of its loss."""
    header, *rows = score_rows(run.scores)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    scores = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div><p>{escape(ended(run))}</p>{scores}{_curve(*run.history.series('loss'))}</div>"


def _curve(steps: Array, losses: Array) -> str:
    """Return the loss over steps as one line, log scale where it can be, with its ends in words."""
    shown = np.isfinite(losses)
    steps, losses = steps[shown], losses[shown]
    if len(steps) < 2:
        return ""
    groups = np.array_split(np.arange(len(steps)), min(_POINTS, len(steps)))
    x = np.array([steps[group].mean() for group in groups])
    y = np.array([losses[group].mean() for group in groups])
    first, last = float(y[0]), float(y[-1])
    if y.min() > 0:
        y = np.log(y)
    across = (x - x[0]) / max(x[-1] - x[0], 1) * _WIDTH
    up = _HEIGHT - (y - y.min()) / (float(np.ptp(y)) or 1.0) * _HEIGHT
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
    title = f"loss: {first:.4g} to {last:.4g} over {int(steps[-1]):,} steps"
    return (
        f'<svg role="img" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 -4 {_WIDTH} {_HEIGHT + 8}">'
        f'<title>{title}</title><polyline fill="none" stroke="currentColor" stroke-width="1.5" '
        f'points="{points}"/></svg><p>{title}</p>'
    )
