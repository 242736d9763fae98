"""Not seen: what a watch could not see, and what no diagnosis names, in sentences."""

from __future__ import annotations

from typing import Any

from koubai.doctor.watch.program.loose import LooseTensors
from koubai.doctor.watch.seen.seen import Seen
from koubai.words import say


def sentences(seen: Seen) -> list[str]:
    """Return a sentence for everything that was not seen, and what could be done about it."""
    found = []
    if seen.failure is not None:
        found.append("failed")
    loop = seen.loop.facts(seen.root, seen.step)
    if seen.loop.stale and loop.kept_gradients is None:
        found.append("stale_gradients")
    if not seen.step and not loop.passes:
        found.append("no_step")
    if not len(seen.record.history.series("loss")[0]) and seen.step:
        found.append("loss_not_seen")
    elif seen.loss.rule is None and seen.step and not isinstance(seen.root, LooseTensors):
        found.append("loss_not_known")
    if len(seen.loss.names) > 1:
        found.append("several_losses")
    if seen.blind:
        found.append("compiled")
    if not seen.trained.batches and seen.step:
        found.append("no_samples")
    if seen.start is None:
        found.append("start_not_kept")
    if not seen.held.batches and seen.step:
        found.append("no_evaluation_seen" if isinstance(seen.root, LooseTensors) else "no_evaluation")
    values: dict[str, Any] = {
        "losses": ", ".join(sorted(seen.loss.names)),
        "error": seen.refused or "",
        "failure": seen.failure or "",
        "step": seen.step,
    }
    if seen.refused is not None:
        found.append("refused")
    return [say(f"watch.scope.{name}", **values) for name in found]
