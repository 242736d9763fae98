"""A figure as Plotly's script takes it: traces and a layout, of plain values and arrays."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.report.theme import template


class Drawing:
    """A figure of the reports, in their look, which `Drawing.add` fills trace by trace.

    A report needs nothing of Plotly's Python package but its script; `plotly` makes a figure of that package
    for who wants to go on with it. There every name and value is checked, as the tests do for all figures.
    """

    def __init__(self, height: int = 320, **layout: Any) -> None:
        self.traces: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {"height": height, **layout}

    def add(self, kind: str, **trace: Any) -> None:
        """Add a trace: 'scatter', 'bar', 'heatmap' or 'contour' with the settings that Plotly gives it."""
        self.traces.append({"type": kind, **trace})

    def lay(self, **layout: Any) -> None:
        """Set parts of the layout; what an axis has already stays unless it is set again."""
        for name, part in layout.items():
            before = self.layout.get(name)
            self.layout[name] = before | part if isinstance(before, dict) else part

    def mark(self, **annotation: Any) -> None:
        """Add a text at a place."""
        self.layout["annotations"] = [*self.layout.get("annotations", []), annotation]

    def cross(self, x: float, line: dict[str, Any]) -> None:
        """Draw a line from the bottom to the top at x."""
        ends = {"x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
        self.layout["shapes"] = [*self.layout.get("shapes", []), {"type": "line", "line": line, **ends}]

    def plain(self) -> dict[str, Any]:
        """Return the figure as JSON values, without the template that all figures share."""
        return {"data": _plain(self.traces), "layout": _plain(self.layout)}

    def plotly(self) -> Any:
        """Return the figure as one of Plotly's Python package, with the template."""
        import plotly.graph_objects as go

        return go.Figure(self.traces, {"template": template(), **self.layout})


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: arrays packed, settings of None left out, what is not finite as null."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _packed(value) if value.dtype.kind in "iuf" else _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _packed(values: Array) -> dict[str, str]:
    """Return numbers as Plotly's script unpacks them: float32, which is finer than any screen, or int32."""
    whole = values.dtype.kind in "iu" and (values.size == 0 or np.abs(values).max() < 2**31)
    packed = np.ascontiguousarray(values, "<i4" if whole else "<f4")
    about = {"dtype": "i4" if whole else "f4", "bdata": b64encode(packed.tobytes()).decode("ascii")}
    return about if values.ndim == 1 else {**about, "shape": ", ".join(map(str, values.shape))}
