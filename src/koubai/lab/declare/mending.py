"""What a faulty recipe was probably meant to be, so that edits of it can be checked all the same."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from koubai.core.errors import nearest
from koubai.data.sources.digits import Digits
from koubai.models.mlp import Mlp
from koubai.train.faults import Faults
from koubai.train.kinds import KINDS
from koubai.train.plain import hints_of
from koubai.train.recipe import Recipe
from koubai.train.toml_lines import KeyPath

_STAND_INS = {"network": Mlp(()), "data": Digits()}  # what a recipe cannot do without


@dataclass(frozen=True)
class Ground:
    """A recipe that edits can be tried on; nothing is known of what lies under its `unsure` settings."""

    recipe: Recipe
    unsure: frozenset[str] = frozenset()

    def known(self, edits: Mapping[str, Any]) -> dict[str, Any]:
        """Return the edits that the recipe can judge: not those of a part that is only a stand-in."""
        return {
            path: value
            for path, value in edits.items()
            if "." not in path or path.partition(".")[0] not in self.unsure
        }


def mended(plain: Any) -> Ground:
    """Return a recipe from what is right in a plain one.

    What is wrong is left out and so has its default; a misspelled part becomes the nearest one; a part
    with nothing to go by is unsure.
    """
    kept = deepcopy(plain) if isinstance(plain, dict) else {}
    # Pydantic takes a tenth of a second, and most starts read no file.
    from koubai.train.schema import read_plain

    unsure: set[str] = set()
    while True:
        try:
            return Ground(read_plain(Recipe, kept), frozenset(unsure))
        except Faults as found:
            before = deepcopy(kept)
            for fault in found.faults:
                head = str(fault.place[0]) if fault.place else ""
                if not _left_out(kept, fault.place) and not _respelled(kept, head):
                    kept.pop(head, None)
                    if head in _STAND_INS:
                        kept[head] = _STAND_INS[head]
                    unsure.add(head)
            if kept == before:  # what is wrong has no place that could be left out
                kept, unsure = dict(_STAND_INS), set(hints_of(Recipe))


def _left_out(table: Any, place: KeyPath) -> bool:
    """Remove one setting inside a part; False where the place is a whole part, or is gone already."""
    if len(place) < 2:
        return False
    for step in place[:-1]:
        table = table.get(step) if isinstance(table, dict) else None
    return isinstance(table, dict) and table.pop(place[-1], None) is not None


def _respelled(table: dict[str, Any], head: str) -> bool:
    """Give a part of a misspelled type the nearest name; False where none is near."""
    registry, value = KINDS.get(hints_of(Recipe).get(head, object)), table.get(head)
    name = value.get("type") if isinstance(value, dict) else value
    if registry is None or not isinstance(name, str) or name in registry:
        return False
    near = nearest(name, registry)
    if near is None:
        return False
    table[head] = {**value, "type": near} if isinstance(value, dict) else near
    return True
