"""`koubai compare`: one page about runs that belong to no experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.output import console, option, print_json, print_table, style
from koubai.words import say


def compare(
    *folders: Annotated[Path, option("report.cli.folders")],
    out: Annotated[Path, option("report.cli.compare_out", name=("--out", "-o"))] = Path("compare.html"),
) -> None:
    """Set runs side by side: their scores, their curves, and in what their recipes differ."""
    from koubai.report import measures
    from koubai.report.compare import side_by_side
    from koubai.report.experiment import experiment_page
    from koubai.report.html import write_page
    from koubai.report.run import RunRecord
    from koubai.train.folder import RunFolder

    result = side_by_side([RunRecord.read(RunFolder(folder)) for folder in folders])
    written = write_page(experiment_page(result), out)
    names = [name for name in ("test_accuracy", "test_loss", "train_accuracy", "train_loss") if any(
        name in run.scores for run in result.runs
    )]  # fmt: skip
    if style.json:
        runs = {run.arm: dict(run.scores) for run in result.runs}
        print_json({"report": str(written), "runs": runs})
        return
    rows = [
        [run.arm, *(measures.writer(name)(run.scores.get(name)) for name in names)] for run in result.runs
    ]
    heads = [say("report.compare.run"), *(measures.title(name) for name in names)]
    print_table(heads, rows, right=tuple(range(1, len(heads))))
    console().print(say("report.cli.written", path=written), markup=False, soft_wrap=True)
