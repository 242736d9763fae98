"""What a job of free play tells.

| event | holds                                                                                       |
|-------|---------------------------------------------------------------------------------------------|
| begin | the whole recipe as tables, TOML, Python and address; layers, data, the frame of the plane   |
| part  | what came since the last one: losses, scores, one column a step of the map of gradients       |
| look  | histograms, weights and plane at one step (koubai.page.play.looks)                            |
| end   | the step reached, and whether it was stopped, ran out of time or of numbers; final scores     |
| failed| `problems`, each with the path of its setting and its text in every language                  |
"""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np

from koubai.lab.perform.gradients import FLOW
from koubai.network.network import Network
from koubai.page.event import Event
from koubai.page.play.looks import in_plane, points
from koubai.probes.history import History
from koubai.train.recipe_address import table_of, write_address
from koubai.train.recipe_python import write_python
from koubai.train.session import Session

_LOSSES = 400  # losses told of a whole run


def part(
    history: History,
    network: Network,
    steps: int,
    since: int,
    until: int,
    *,
    first: bool = False,
    every: bool = False,
) -> Event:
    """Return what a history holds of the updates in (since, until], thinned; `first` adds update 0."""
    low = -1 if first else since
    thin = 1 if every else max(1, steps // _LOSSES)
    at, losses = _between(history, "loss", "", low, until)
    wanted = (at % thin == 0) | (at == 1) | (at == until)
    scores: dict[int, dict[str, float | None]] = {}
    for quantity in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        for step, value in zip(*_between(history, quantity, "", low, until), strict=True):
            scores.setdefault(int(step), {})[quantity] = _finite(value)
    columns: dict[int, list[float | None]] = {}
    for path in (layer["path"] for layer in weighted_layers(network)):
        for step, value in zip(*_between(history, FLOW, path, low, until), strict=True):
            columns.setdefault(int(step), []).append(_finite(value))
    return {
        "kind": "part",
        "step": until,
        "losses": [[int(a), _finite(b)] for a, b in zip(at[wanted], losses[wanted], strict=True)],
        "scores": [{"step": step, **values} for step, values in sorted(scores.items())],
        "gradients": [[step, values] for step, values in sorted(columns.items())],
    }


def weighted_layers(network: Network) -> list[dict[str, str]]:
    """Return the layers with weights, in forward order: the rows of the map of gradients."""
    return [
        {"path": cell.path, "name": type(cell.layer).__name__}
        for cell in network.leaves
        if "weight" in cell.layer.params(cell.in_shape)
    ]


def _between(history: History, quantity: str, path: str, low: int, high: int) -> tuple[Any, Any]:
    at, values = history.series(quantity, path)
    inside = (at > low) & (at <= high)
    return at[inside], values[inside]


def begin(session: Session, start: int, *, reused: bool) -> Event:
    """Return what a job of free play trains; `reused` says that a kept run is told again."""
    recipe, dataset, network = session.recipe, session.dataset, session.network
    return {
        "kind": "begin",
        "start": start,
        "reused": reused,
        "table": table_of(recipe),
        "full": tomllib.loads(recipe.to_toml(full=True)),
        "toml": recipe.to_toml(),
        "python": write_python(recipe),
        "address": write_address(recipe),
        "steps": recipe.steps,
        "layers": weighted_layers(network),
        "parameters": network.parameter_count,
        "classes": dataset.classes,
        "class_names": [str(name)[:40] for name in dataset.class_names[:20]],
        "samples": {name: len(getattr(dataset, f"t_{name}")) for name in ("train", "test")},
        "plane": points(session) if in_plane(session) else None,
    }


def end(step: int, history: History, *, scores: dict[str, float]) -> Event:
    """Return how a job of free play ended at a step."""
    loss = history.series("loss")[1]
    finite = not len(loss) or bool(np.isfinite(loss[-1]))
    return {
        "kind": "end",
        "stopped": False,
        "late": False,
        "finite": finite,
        "step": step,
        "scores": {name: _finite(value) for name, value in scores.items()},
    }


def _finite(value: Any) -> float | None:
    return float(f"{float(value):.6g}") if np.isfinite(value) else None
