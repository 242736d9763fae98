"""Where a run goes on that began elsewhere: what may then be not bit for bit, or slow."""

from __future__ import annotations

from koubai.engines.threads import thread_budget
from koubai.train.environment import cpu
from koubai.train.folder import RunFolder
from koubai.words import say


def going_on_otherwise(run: RunFolder, threads: int | str | None = None) -> str:
    """Return sentences on what differs from where the run began; "" where nothing does, or it is finished.

    `threads` is what was asked for now; without a word a run keeps the number it began with.

    Raises:
        RunError: a damaged folder.
    """
    if not run.exists or run.finished:
        return ""
    kept, here, told = run.settings["threads"], thread_budget(), []
    if threads not in (None, kept, "auto"):
        told.append(say("train.elsewhere.threads", before=kept, now=threads))
    elif kept > here and threads is None:
        told.append(say("train.elsewhere.cores", threads=kept, here=here))
    began_on = [found for entry in run.environments if (found := entry.get("cpu"))]
    if began_on and began_on[-1] != (this := cpu()):
        told.append(say("train.elsewhere.processor", before=began_on[-1], now=this))
    return " ".join(told)
