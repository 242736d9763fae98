"""Record: the rows of `koubai doctor bench programs`, in a file if one is named; one line of JSON each.

Lines of another koubai (its source differs), of another budget or of another set are left where they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import koubai
from koubai_benchmarks.doctor.program_run import CostRow, ProgramRow


@dataclass
class Record:
    """The rows that are known, and the file to which new ones are added (None: none)."""

    path: Path | None
    budget: float | None
    koubai: str = ""
    verdicts: dict[tuple[Any, ...], ProgramRow] = field(default_factory=dict)
    costs: dict[tuple[Any, ...], CostRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.koubai = source_hash()
        if self.path is None or not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):  # an interrupted line: the next begins one of its own
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n")
        for line in text.splitlines():
            try:
                plain = json.loads(line)
            except ValueError:  # an interrupted line
                continue
            if (plain.pop("koubai", ""), plain.pop("budget", None)) != (self.koubai, self.budget):
                continue
            if plain.pop("kind") == "cost":
                self._keep(CostRow(**plain))
            else:
                self._keep(ProgramRow.from_dict(plain))

    def add(self, row: ProgramRow | CostRow) -> None:
        """Keep a row, and write it down."""
        self._keep(row)
        if self.path is not None:
            kind = "cost" if isinstance(row, CostRow) else "verdict"
            values = {"koubai": self.koubai, "budget": self.budget, "kind": kind, **row.to_dict()}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")

    def _keep(self, row: ProgramRow | CostRow) -> None:
        if isinstance(row, CostRow):
            self.costs[row.program, row.hash, row.seed] = row
        else:
            self.verdicts[row.program, row.hash, row.seed, row.fixed] = row


def source_hash() -> str:
    """Return a short hash of koubai's own source: rows of another koubai are not taken for this one's."""
    root = Path(koubai.__file__).parent
    files = sorted(path for kind in ("*.py", "*.toml") for path in root.rglob(kind))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
