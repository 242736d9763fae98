"""Share: how many of how many, with an exact interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from koubai.core.statistics import share_interval


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, with a Clopper-Pearson interval."""

    hits: int
    n: int

    def to_dict(self) -> dict[str, Any]:
        """value, low, high, n."""
        interval = share_interval(self.hits, self.n)
        value = self.hits / self.n if self.n else None
        return {"value": value, "low": interval.low, "high": interval.high, "n": self.n}
