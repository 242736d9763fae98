"""What every plan of the lab shares: edits by dotted path, a hash, a difference; and its own `perform`."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar, Self

from koubai.core.errors import ConfigError, Problem, did_you_mean, nearest
from koubai.lab.perform.outcome import Context, Outcome, Report
from koubai.train.plain import differences, digest, normalized, to_plain
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase


@dataclass(frozen=True, kw_only=True)
class LabPlan:
    """Base of all plans that the lab performs itself; `seed` is the replica."""

    registry_name: ClassVar[str] = ""
    seed: int = 0

    def perform(self, context: Context) -> Outcome:
        """Do it and return what came out."""
        raise NotImplementedError

    def recipes(self) -> list[Recipe]:
        """Return the trainings inside, for an estimate of time."""
        return []

    def edit(self, **changes: Any) -> Self:
        """Return a copy with fields replaced; a dotted path reaches inside. All wrong paths at once."""
        problems: list[Problem] = []
        plan: Any = self
        for path, value in changes.items():
            plan = _replaced(plan, path.split("."), value, path, problems)
        if problems:
            raise ConfigError("edit", problems)
        return plan

    @property
    def hash(self) -> str:
        """16 hexadecimal digits: equal plans, equal names."""
        return digest(normalized(to_plain(self)))

    def diff(self, other: LabPlan) -> dict[str, tuple[Any, Any]]:
        """Return what differs, by dotted path: (ours, theirs)."""
        return differences(self, other)


def shifted(report: Report, done: int, total: int) -> Report:
    """Return the report of one training among several, which tells where all of them together stand."""
    return lambda step, steps, loss: report(done + step, total, loss)


def _replaced(node: Any, parts: list[str], value: Any, path: str, problems: list[Problem]) -> Any:
    names = [field.name for field in fields(node)] if is_dataclass(node) else []
    head, rest = parts[0], parts[1:]
    if head not in names:
        hint = did_you_mean(nearest(head, names)) or phrase("fields_are", names=", ".join(names))
        problems.append(
            Problem(path, phrase("has_no_field", owner=type(node).__name__, name=head), hint=hint)
        )
        return node
    now = getattr(node, head)
    if not rest:
        now = value
    elif isinstance(now, Recipe):
        now = now.edit(**{".".join(rest): value})
    else:
        now = _replaced(now, rest, value, path, problems)
    return replace(node, **{head: now})
