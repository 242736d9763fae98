"""What a run was made with: versions, processor, threads, data, state of the code. No persons, no hosts."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from koubai.data.dataset import Dataset
from koubai.engines.choose import kernels_of

_PACKAGES = ("koubai", "numpy", "scipy", "scikit-learn", "numba", "onednn-cpu-gomp", "torch")


def environment(
    *, engine: str, threads: int | str, dataset: Dataset | None, device: str = ""
) -> dict[str, Any]:
    """Return what one needs to judge or repeat a run; data and device where there are such."""
    return {
        "engine": engine,
        "kernels": kernels_of(engine),
        "threads": threads,
        **({"device": device} if device else {}),
        **({} if dataset is None else {"data": {"name": dataset.name, "sha256": dataset.sha256}}),
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "git": git_state(Path.cwd()),
    }


def as_environment(plain: Any) -> dict[str, Any]:
    """Return what a file says of an environment; TypeError where it is no such thing."""
    if not isinstance(plain, dict) or not isinstance(plain.get("data", {}), dict):
        raise TypeError(f"not an environment: {str(plain)[:80]}")
    return plain


def cpu() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def git_state(folder: Path) -> str:
    """Return the commit checked out around a folder, with a + where files differ from it; "" without git."""
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=5, check=True
    )
    return done.stdout.strip()


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
