"""Descent: an optimizer's own update rule on a function one can draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.plans.surfaces import Surface
from koubai.lab.perform.run_result import Exhibit
from koubai.optim.optimizer import Optimizer
from koubai.probes.history import History
from koubai.schedules.schedule import ConstantRate, Schedule

_GRID = 80  # points along each axis of the drawn surface
_AXES = ("x", "y")
_BESIDE = 0.5  # how far from a saddle is near it
_FAR = 1e6  # points beyond are not in the picture


@dataclass(frozen=True, kw_only=True)
class Descent(LabPlan):
    """x <- update(x, f'(x)), `steps` times from `start`, in float64. The same code as in training."""

    registry_name = "descent"
    surface: Surface
    optimizer: Optimizer
    start: tuple[float, ...]
    schedule: Schedule = ConstantRate()
    steps: int = 30

    def points(self) -> Array:
        """Return the path: (steps + 1, D)."""
        x = np.array(self.start, np.float64)
        slots = {name: np.zeros_like(x) for name in self.optimizer.slots}
        path = [x.copy()]
        with np.errstate(over="ignore", invalid="ignore"):  # a descent that diverges is a result
            for t in range(1, self.steps + 1):
                alpha = self.optimizer.learning_rate * self.schedule.factor(t)
                self.optimizer.update(x, self.surface.gradient(x), slots, alpha, t)
                path.append(x.copy())
        return np.array(path)

    def perform(self, context: Context) -> Outcome:
        """Descend; the scores are those of the last point."""
        points = self.points()
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.surface.value(points)
            distances = np.sqrt(np.square(points - np.array(self.surface.minimum)).sum(axis=1))
        history = History()
        steps = np.arange(len(points))
        history.add_series("", "loss", steps, values)
        history.add_series("", "distance", steps, distances)
        for axis, column in zip(_AXES, points.T, strict=False):
            history.add_series(axis, "position", steps, column)
        return Outcome(
            scores={
                "final_value": float(values[-1]),
                "distance": float(distances[-1]),
                "turns": float(_turns(points, self.surface.minimum)),
                **_near_saddle(points, self.surface),
            },
            history=history,
            exhibits=(
                Exhibit("path", "", {"points": points, "values": values}, note=self.surface.registry_name),
                *self._picture(points),
            ),
            engine="formula",
        )

    def _picture(self, points: Array) -> tuple[Exhibit, ...]:
        """Return the surface around the path, for contours or a curve."""
        inside = points[(np.abs(points) < _FAR).all(axis=1)]
        low, high = inside.min(axis=0), inside.max(axis=0)
        low, high = np.minimum(low, self.surface.minimum), np.maximum(high, self.surface.minimum)
        margin = 0.1 * np.maximum(high - low, 1e-9)
        axes = [np.linspace(a, b, _GRID) for a, b in zip(low - margin, high + margin, strict=True)]
        mesh = np.stack(np.meshgrid(*axes, indexing="xy"), axis=-1)
        arrays = dict(zip(_AXES, axes, strict=False)) | {"values": self.surface.value(mesh)}
        return (Exhibit("surface", "", arrays, note=self.surface.registry_name),)


def _turns(points: Array, minimum: tuple[float, ...]) -> int:
    """Return how often the path crosses the minimum in its steepest (last) coordinate."""
    side = np.sign(points[:, -1] - minimum[-1])
    side = side[side != 0]
    return int((side[1:] != side[:-1]).sum())


def _near_saddle(points: Array, surface: Surface) -> dict[str, float]:
    """Return how many steps ended near the saddle, if the surface has one."""
    if surface.saddle is None:
        return {}
    away = np.sqrt(np.square(points[1:] - np.array(surface.saddle)).sum(axis=1))
    return {"steps_near_saddle": float((away < _BESIDE).sum())}
