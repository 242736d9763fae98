"""How the arms of an experiment are laid out: which panel, which color, which short name.

A grid of two factors reads best as one panel a level of one factor, with one color a level of the
other. Anything else is one panel with one color an arm; more arms than can be told apart become small panels
of a few each, the best first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Arm
from koubai.lab.declare.measures import factor_name
from koubai.report.crowd import best_first, means_of
from koubai.report.palette import Style, style
from koubai.report.picture import MOST_PANELS
from koubai.words import say

_CROWDED = 4  # arms beyond which a grid is split into panels
_COLORS = 7
_FULLEST = 20  # lines in a panel of a grid, beyond which nobody tells them apart
_MANY = 12  # arms without a grid beyond which one panel can no longer be read


@dataclass(frozen=True)
class ArmView:
    """One arm as drawn: its full title, the short one inside its panel, its style."""

    name: str
    title: str
    short: str
    style: Style


@dataclass(frozen=True)
class Group:
    """Arms that share a panel; the title is empty where all do."""

    title: str
    arms: tuple[ArmView, ...]


def groups(arms: Sequence[Arm], best_first: Sequence[str] = ()) -> tuple[Group, ...]:
    """Return the panels of a set of arms, in the order of the experiment.

    `best_first` are the names of all arms, in the order in which many without a grid are shown.
    """
    axes = _grid(arms)
    if len(axes) != 2 and len(arms) > _MANY:
        return _few_each(arms, best_first)
    if len(arms) <= _CROWDED or len(axes) != 2:
        return (Group("", tuple(_alone(i, arm) for i, arm in enumerate(arms))),)
    panel_axis, color_axis = _choose(axes, arms)
    levels = axes[color_axis]
    if len(levels) > _FULLEST:
        return _few_each(arms, best_first)
    panels = {level: [arm for arm in arms if arm.factors[panel_axis] == level] for level in axes[panel_axis]}
    return tuple(
        Group(
            _panel_title(panel_axis, own[0].level(panel_axis)),
            tuple(
                ArmView(
                    arm.name,
                    arm.title(),
                    arm.level(color_axis),
                    style(levels.index(arm.factors[color_axis]) if len(levels) <= _COLORS else i),
                )
                for i, arm in enumerate(own)
            ),
        )
        for level, own in panels.items()
    )


def _few_each(arms: Sequence[Arm], best_first: Sequence[str]) -> tuple[Group, ...]:
    named = {arm.name: arm for arm in arms}
    ordered = [named[name] for name in best_first] or list(arms)
    size = min(_COLORS, max(5, ceil(len(ordered) / MOST_PANELS)))
    found = []
    for at in range(0, len(ordered), size):
        own = ordered[at : at + size]
        key = "report.arms.places" if best_first else "report.arms.some"
        title = say(key, first=at + 1, last=at + len(own), count=len(ordered))
        found.append(Group(title, tuple(_alone(i, arm) for i, arm in enumerate(own))))
    return tuple(found)


def ranked(result: ExperimentResult) -> tuple[Group, ...]:
    """Return the panels of a result's arms; many without a grid by their mean in the experiment's measure."""
    return groups(result.experiment.arms, best_first(means_of(result), result.experiment.measure))


def views(arms: Sequence[Arm]) -> tuple[ArmView, ...]:
    """Return all arms as drawn, in the order of the experiment."""
    found = {view.name: view for group in groups(arms) for view in group.arms}
    return tuple(found[arm.name] for arm in arms)


def numeric_axis(arms: Sequence[Arm]) -> str | None:
    """Return the factor whose levels are all numbers, at least three of them, or None."""
    for axis, levels in _grid(arms, whole=False).items():
        if len(levels) >= 3 and all(_is_number(level) for level in levels):
            return axis
    return None


def _alone(i: int, arm: Arm) -> ArmView:
    return ArmView(arm.name, arm.title(), arm.title(), style(i))


def _grid(arms: Sequence[Arm], whole: bool = True) -> dict[str, tuple[str, ...]]:
    """Return axis -> levels for the factors that every arm has; `whole` asks for every combination once."""
    axes = {
        axis: tuple(dict.fromkeys(arm.factors[axis] for arm in arms))
        for axis in (arms[0].factors if arms else ())
        if all(axis in arm.factors for arm in arms)
    }
    combinations = {tuple(arm.factors[axis] for axis in axes) for arm in arms}
    return axes if len(combinations) == len(arms) or not whole else {}


def _choose(axes: dict[str, tuple[str, ...]], arms: Sequence[Arm]) -> tuple[str, str]:
    """Return (panel axis, color axis): as few panels as colors allow, the first axis where all is equal."""
    first, second = axes

    def cost(panel_axis: str) -> tuple[bool, int]:
        fullest = max(Counter(arm.factors[panel_axis] for arm in arms).values())
        return fullest > _COLORS, len(axes[panel_axis])

    return (first, second) if cost(first) <= cost(second) else (second, first)


def _panel_title(axis: str, level: str) -> str:
    """Return the level; a number alone would not say what it is."""
    return f"{factor_name(axis)} {level}" if _is_number(level) else level


def _is_number(level: str) -> bool:
    try:
        float(level)
    except ValueError:
        return False
    return True
