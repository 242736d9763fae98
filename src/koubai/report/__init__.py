"""What came out, shown: figures, tables, one HTML file, the terminal, exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from koubai.lab.conclude.result import ExperimentResult
from koubai.train.train import Run

__all__ = ["write_html"]


def write_html(
    result: ExperimentResult | Run,
    path: str | Path,
    lang: str | None = None,
    findings: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """Write the report of an experiment's result, or of one run, as one HTML file that opens offline.

    `lang` None means the language in use; `findings` are the doctor's, as dicts (None: it was not asked).
    Raises KoubaiError if the file cannot be written.
    """
    from koubai.report.experiment import experiment_page
    from koubai.report.html import write_page
    from koubai.report.run import RunRecord, run_page

    if isinstance(result, ExperimentResult):
        return write_page(experiment_page(result, lang, findings), Path(path))
    return write_page(run_page(RunRecord.of(result), lang, findings), Path(path))
