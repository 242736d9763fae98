"""`koubai train` in processes that torchrun started: all train one run, rank 0 speaks."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from koubai.cli.run_report import finish_in_words, watching
from koubai.cli.streams import INTERRUPTED
from koubai.core.errors import SettingError
from koubai.train.recipe import Recipe
from koubai.train.together import told_once, train_together
from koubai.words import say

Wish = Callable[[], tuple[Recipe, str, str]]


def started_by_torchrun() -> bool:
    """Return whether this is one of several processes of a launcher such as torchrun."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def train_in_ranks(wish: Wish, out: Callable[[str, Recipe], Path], again: bool, **settings: Any) -> int:
    """Train what is wished for (see `koubai.cli.train`) with all processes; return the exit code.

    `again` is whether --new or --overwrite was given, which a start after a failure would repeat.
    """
    from koubai.engines.torch.ranks import joined

    with joined() as ranks:
        with told_once(ranks):
            if again:
                raise SettingError(say("cli.train.again"))
            wanted, name, said = wish()
        quiet = nullcontext((lambda _: None, None))
        with watching() if ranks.rank == 0 else quiet as (tell, on_progress):
            for line in (said, say("cli.train.ranks", count=ranks.size)):
                if line:
                    tell(line)
            run = train_together(wanted, ranks, out(name, wanted), on_progress=on_progress, **settings)
        if ranks.rank == 0:
            return finish_in_words(run)
        return INTERRUPTED if run.stopped_by == "interrupted" else 0
