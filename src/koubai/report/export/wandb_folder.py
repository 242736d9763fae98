"""Curves for Weights & Biases, one offline run a run; needs wandb.

Nothing is sent: `wandb sync FOLDER/wandb/offline-run-*` does that, for whoever has an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from koubai.core.errors import KoubaiError
from koubai.report.export.rows import Curves, by_step
from koubai.report.export.tensorboard import folders


def write_wandb(runs: Sequence[Curves], path: Path) -> Path:
    """Write every run offline under `path`; raise KoubaiError without wandb. Keys are quantity/path."""
    try:
        wandb = import_module("wandb")
    except ImportError:
        raise KoubaiError("wandb_is_missing", hint="pip install wandb") from None
    path.mkdir(parents=True, exist_ok=True)
    quiet = wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True)
    for run, name in zip(runs, folders(runs), strict=True):
        config = {"arm": run.arm, "seed": run.seed, **run.settings}
        logged = wandb.init(
            mode="offline", dir=str(path), project="koubai", name=name, config=config, settings=quiet
        )
        for step, values in by_step(run.history):
            logged.log(values, step=step)
        logged.finish()
    return path
