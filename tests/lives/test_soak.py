"""A short soak; `scripts/soak` says what it does and how long it may be."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.host import environment

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_many_lives_leave_nothing_behind():
    pytest.importorskip("torch")
    words = [sys.executable, str(ROOT / "scripts/soak"), "90"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=1800, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
