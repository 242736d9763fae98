"""`koubai resume`: a run goes on from its latest checkpoint, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.output import option, whole
from koubai.cli.run_report import finish_in_words, watching
from koubai.train.folder import RunFolder
from koubai.train.train import resume as resume_run
from koubai.words import say


def resume(
    run: Annotated[Path, option("cli.resume.run")],
    *,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
    engine: Annotated[str | None, option("cli.resume.engine")] = None,
    threads: Annotated[int | None, whole("cli.resume.threads")] = None,
    save_every: Annotated[int, whole("cli.train.save_every")] = 0,
) -> int:
    """Continue a run to its end; a finished one is shown."""
    with watching() as (tell, on_progress):
        already = RunFolder(run).finished
        ended = resume_run(
            run,
            data_dir=data_dir,
            engine=engine,
            threads=threads,
            on_progress=on_progress,
            save_every=save_every,
        )
        if already:  # known before, but only said of a folder that can be read
            tell(say("cli.train.already", folder=run))
    return finish_in_words(ended)
