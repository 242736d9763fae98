"""Run code in a process of its own, with koubai and the helpers of these tests."""

import os
import subprocess
import sys
from pathlib import Path


def environment(**more):
    """Return this process's environment with the tests' folder among Python's paths."""
    path = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)} | more


def host(code, *words, timeout=240, **more):
    """Run Python code to its end; return the process, with what it printed."""
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=timeout, env=environment(**more)
    )
