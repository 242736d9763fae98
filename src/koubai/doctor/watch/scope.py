"""Scope: what a watch could not see, and what no diagnosis names, in sentences."""

from __future__ import annotations

from typing import Any

from koubai.doctor.watch.seen import Seen
from koubai.words import say


def sentences(watch: Seen) -> list[str]:
    """Return a sentence for everything that was not seen, and what could be done about it."""
    found = []
    if watch.failure is not None:
        found.append("failed")
    loop = watch.loop.facts(watch.root, watch.step)
    if watch.loop.stale and loop.kept_gradients is None:
        found.append("stale_gradients")
    if not watch.step and not loop.passes:
        found.append("no_step")
    if not len(watch.record.history.series("loss")[0]) and watch.step:
        found.append("loss_not_seen")
    elif watch.rule is None and watch.step:
        found.append("loss_not_known")
    if len(watch.losses_seen) > 1:
        found.append("several_losses")
    if watch.blind:
        found.append("compiled")
    if watch.memory.samples() is None and watch.step:
        found.append("no_samples")
    if watch.start is None:
        found.append("start_not_kept")
    if watch.held.samples() is None and watch.step:
        found.append("no_evaluation")
    values: dict[str, Any] = {
        "losses": ", ".join(sorted(watch.losses_seen)),
        "error": watch.refused or "",
        "failure": watch.failure or "",
        "step": watch.step,
    }
    if watch.refused is not None:
        found.append("refused")
    return [say(f"watch.scope.{name}", **values) for name in found]
