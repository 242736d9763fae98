"""Curves as an MLflow tracking folder, one MLflow run a run; needs mlflow or mlflow-skinny.

`mlflow ui --backend-store-uri FOLDER` shows them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.report.export.rows import Curves, by_step
from koubai.report.export.tensorboard import folders

_AT_ONCE = 1000  # the most metrics that MLflow takes in one call
_LONGEST = 500  # letters of a parameter's value, which MLflow bounds


def write_mlflow(runs: Sequence[Curves], path: Path) -> Path:
    """Write every run to the folder `path`; raise KoubaiError without MLflow. Metrics are quantity/path."""
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # newer versions ask whether a folder is meant
    try:
        tracking = import_module("mlflow.tracking")
        metric = import_module("mlflow.entities").Metric
    except ImportError:
        raise KoubaiError("mlflow_is_missing", hint="pip install mlflow-skinny") from None
    path.mkdir(parents=True, exist_ok=True)
    client = tracking.MlflowClient(tracking_uri=path.resolve().as_uri())
    found = client.get_experiment_by_name("koubai")
    experiment = found.experiment_id if found else client.create_experiment("koubai")
    for run, name in zip(runs, folders(runs), strict=True):
        made = client.create_run(experiment, run_name=name)
        for key, value in {"arm": run.arm, "seed": run.seed, **run.settings}.items():
            client.log_param(made.info.run_id, key, str(value)[:_LONGEST])
        metrics = _metrics(run, metric)
        for first in range(0, len(metrics), _AT_ONCE):
            client.log_batch(made.info.run_id, metrics=metrics[first : first + _AT_ONCE])
        client.set_terminated(made.info.run_id)
    return path


def _metrics(run: Curves, metric: Any) -> list[Any]:
    """Return every number as MLflow's metric; the time of a step is its number of seconds."""
    return [
        metric(key, value, 1000 * step, step)
        for step, values in by_step(run.history)
        for key, value in values.items()
    ]
