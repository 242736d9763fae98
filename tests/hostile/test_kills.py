"""Killed at random moments: nothing finished is lost, and the end is that of a run that was never killed.

`KOUBAI_KILLS=500 KOUBAI_SEED=1 make test-all` says how many kills the slow test deals, and from which seed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOST = Path(__file__).with_name("kills.py")
COUNT, SEED = int(os.environ.get("KOUBAI_KILLS", "500")), int(os.environ.get("KOUBAI_SEED", "1"))


def hunted(what, place, count, seed):
    words = [sys.executable, str(HOST), what, str(place), str(count), str(seed)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.long
@pytest.mark.parametrize("what", ["training", "experiment"])
def test_what_is_killed_loses_nothing(what, tmp_path):
    found, errors = hunted(what, tmp_path, 8, 7)
    assert not found["wrong"], errors
    assert found["kills"] >= 8
    assert found["runs"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize(("what", "share"), [("training", 0.8), ("experiment", 0.2)])
def test_many_kills(what, share, tmp_path):
    found, errors = hunted(what, tmp_path, round(share * COUNT), SEED)
    print(what, found["kills"], "kills,", found["runs"], "runs to their end")
    assert not found["wrong"], errors
    assert found["kills"] >= round(share * COUNT)
