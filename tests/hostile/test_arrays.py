"""Hostile arrays: every call is right, or a koubai error, under compiled code that checks its indices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from koubai.engines.choose import why_not_native
from support.host import environment

HARNESS = Path(__file__).with_name("arrays.py")
needs_native = pytest.mark.skipif(why_not_native() is not None, reason="no native engine here")

OUT_OF_BOUNDS = """
import sys
from typing import NamedTuple
import numpy as np
from koubai.engines.native.kernels.base import floats, kernel
seen = []
sys.unraisablehook = seen.append
class Beyond(NamedTuple):
    x: int
@kernel
def beyond(b: Beyond, thread, team):
    view = floats(b.x, 4)
    for i in range(team):
        view[i + 4] = 0.0
x = np.zeros(64, np.float32)
block = np.array([x.ctypes.data])
from ctypes import CFUNCTYPE, c_int64
CFUNCTYPE(None, c_int64, c_int64, c_int64)(beyond.address)(block.ctypes.data, 0, 1)
print([type(each.exc_value).__name__ for each in seen])
"""


def checked(cache, *arguments, timeout=600):
    more = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment(**more), capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip


def test_calls_with_hostile_arrays_are_right_or_refused():
    done = subprocess.run(
        [sys.executable, HARNESS, "300"], env=environment(), capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert "300 calls, 0 wrong" in done.stdout, done.stdout + done.stderr


@needs_native
@pytest.mark.slow
def test_an_index_out_of_bounds_is_seen(tmp_path):
    script = tmp_path / "beyond.py"
    script.write_text(OUT_OF_BOUNDS)
    done = checked(tmp_path / "cache", script)
    assert done.stdout == "['IndexError']\n", done.stdout + done.stderr


@needs_native
@pytest.mark.slow
def test_a_hundred_thousand_calls_with_bounds_checked(tmp_path):
    done = checked(
        tmp_path / "cache", HARNESS, os.environ.get("KOUBAI_HOSTILE_CALLS", "100000"), timeout=7200
    )
    assert " calls, 0 wrong" in done.stdout, done.stdout + done.stderr
