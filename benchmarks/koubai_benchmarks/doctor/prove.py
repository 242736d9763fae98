"""Are the doctor's first remedies proven? One proof a family of faults, on the recipe that was diagnosed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from koubai.core.errors import KoubaiError
from koubai.doctor.answer.proof import Proof, prove
from koubai_benchmarks.doctor.case import Case
from koubai_benchmarks.doctor.run import CaseRow
from koubai_benchmarks.doctor.share import Share

SEEDS = 8


def proofs(
    cases: Sequence[Case],
    rows: Sequence[CaseRow],
    *,
    seeds: int = SEEDS,
    engine: str = "auto",
    threads: int = 1,
) -> dict[str, Proof | None]:
    """Return case -> proof of the remedy that was prescribed first most often; None where none was."""
    found: dict[str, Proof | None] = {}
    for case in cases:
        prescribed = Counter(
            row.remedy for row in rows if row.case == case.id and row.label == "faulty" and row.remedy
        )
        if case.healthy or not any(row.case == case.id and row.label == "faulty" for row in rows):
            continue
        found[case.id] = None
        if prescribed:
            remedy = prescribed.most_common(1)[0][0]
            try:
                found[case.id] = prove(case.recipe, remedy, seeds=seeds, engine=engine, threads=threads)
            except KoubaiError:  # the remedy changes nothing in this recipe: that proves nothing
                continue
    return found


def remedies_proven(found: dict[str, Proof | None]) -> Share:
    """Return the share of faults whose first remedy beat unchanged, placebo and random remedy."""
    proven = sum(proof is not None and proof.verdict == "proven" for proof in found.values())
    return Share(proven, len(found))
