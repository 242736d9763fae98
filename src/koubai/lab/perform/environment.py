"""What a result was made with: that of training, and how the lab ran it. No names of persons or hosts."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from koubai.lab.declare.experiment import Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.train import environment as training


def environment(
    experiment: Experiment,
    runs: Sequence[RunResult],
    *,
    threads: int | str,
    workers: int,
    data_dir: Path | None,
) -> dict[str, Any]:
    """Return what one needs to judge or repeat a result."""
    engines = ", ".join(sorted({run.engine for run in runs if run.engine}))
    devices = ", ".join(sorted({run.device for run in runs if run.device}))
    base = experiment.base
    if hasattr(base, "data"):
        dataset = base.data.load(data_dir)
        found = training.environment(
            engine=engines, threads=threads or "auto", dataset=dataset, device=devices
        )
    else:
        found = {
            "engine": engines,
            "threads": threads or "auto",
            "python": sys.version.split()[0],
            "platform": f"{platform.system()} {platform.machine()}",
            "cpu": training.cpu(),
            "cores": os.cpu_count(),
        }
    return found | {"workers": workers}
