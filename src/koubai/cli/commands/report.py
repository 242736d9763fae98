"""`koubai report`: one HTML file about a run or an experiment, from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.experiments import order_in
from koubai.cli.output import option, print_either
from koubai.words import say

if TYPE_CHECKING:
    from koubai.report.page import Page
    from koubai.train.folder import RunFolder


def report(
    folder: Annotated[Path, option("report.cli.folder")],
    *,
    out: Annotated[Path | None, option("report.cli.out", name=("--out", "-o"))] = None,
    doctor: Annotated[bool, option("report.cli.doctor", negative="")] = False,
) -> None:
    """Write the report of a run's or an experiment's folder."""
    from koubai.report.html import write_page

    written = write_page(_page(folder, doctor=doctor), out if out is not None else folder / "report.html")
    print_either({"report": str(written)}, say("report.cli.written", path=written))


def _page(folder: Path, *, doctor: bool) -> Page:
    from koubai.report.experiment import experiment_page
    from koubai.report.run import RunRecord, run_page
    from koubai.train.folder import RunFolder

    run = RunFolder(folder)
    if run.exists:
        return run_page(RunRecord.read(run), findings=_findings(run) if doctor else None)
    return experiment_page(order_in(folder).result(folder))


def _findings(run: RunFolder) -> list[dict[str, Any]]:
    """Ask the doctor about a finished run; that trains a little, to try what it thinks of."""
    from koubai.doctor.diagnose import diagnose
    from koubai.train.train import resume

    return [finding.to_dict() for finding in diagnose(resume(run.path))]
