"""Benchmarks of koubai: how fast it trains beside others (`speed`), how well its doctor does (`doctor`).

They belong to the repository, not to the installed package. `koubai bench` and `koubai doctor bench` find
them in a clone, or where they are installed (`pip install ./benchmarks`).
"""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Return the environment of a child process, which finds this package where we found it."""
    here = str(Path(__file__).parents[1])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
