"""`koubai resume`: a run goes on from its latest checkpoint, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.output import option, whole
from koubai.cli.run_report import finish_in_words, watching
from koubai.train.elsewhere import going_on_otherwise
from koubai.train.folder import RunFolder
from koubai.train.folder_writer import RunWriter
from koubai.train.salvage import salvage as go_back
from koubai.train.train import resume as resume_run
from koubai.words import say


def resume(
    run: Annotated[Path, option("cli.resume.run")],
    *,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
    engine: Annotated[str | None, option("cli.resume.engine")] = None,
    threads: Annotated[int | None, whole("cli.resume.threads")] = None,
    device: Annotated[str | None, option("cli.resume.device", env_var="KOUBAI_DEVICE")] = None,
    save_every: Annotated[int, whole("cli.train.save_every")] = 0,
    salvage: Annotated[bool, option("cli.resume.salvage", negative="")] = False,
) -> int:
    """Continue a run to its end; a finished one is shown."""
    with watching() as (tell, on_progress):
        if salvage:
            tell(_gone_back(RunWriter(run)))
        already = RunFolder(run).finished
        tell(going_on_otherwise(RunFolder(run), threads))
        ended = resume_run(
            run,
            data_dir=data_dir,
            engine=engine,
            threads=threads,
            device=device,
            on_progress=on_progress,
            save_every=save_every,
        )
        if already:  # known before, but only said of a folder that can be read
            tell(say("cli.train.already", folder=run))
    return finish_in_words(ended)


def _gone_back(run: RunWriter) -> str:
    """Bring a damaged run back to what is sound and return what was done."""
    with run.held():
        done = go_back(run)
    if done is None:
        return say("cli.resume.sound", folder=run.path)
    return say("cli.resume.salvaged", step=done.step, folder=run.path / done.folder, count=len(done.aside))
