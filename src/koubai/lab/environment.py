"""What a result was made with: versions, machine, threads, data, state of the code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from koubai.lab.experiment import Experiment
from koubai.lab.result import RunResult
from koubai.train.recipe import Recipe

_PACKAGES = ("koubai", "numpy", "scipy", "scikit-learn", "numba", "onednn-cpu-gomp")


def environment(
    experiment: Experiment, runs: Sequence[RunResult], *, threads: int, workers: int, data_dir: Path | None
) -> dict[str, Any]:
    """Return what one needs to judge or repeat a result; no names of persons, hosts or folders."""
    base = experiment.base
    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "workers": workers,
        "threads": threads,
        "engines": sorted({run.engine for run in runs if run.engine}),
        "versions": {name: number for name in _PACKAGES if (number := _version(name))},
        "git": git_state(),
    }
    if isinstance(base, Recipe):
        found["data"] = {"source": repr(base.data), "sha256": base.data.load(data_dir).sha256}
    return found


def cpu() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def git_state() -> str:
    """Return the commit koubai runs from, + where files differ from it; "" for an installed package."""
    here = Path(__file__).parent
    try:
        _git(
            here, "ls-files", "--error-unmatch", Path(__file__).name
        )  # else it is somebody else's repository
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=5, check=True
    )
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
