"""What other systems lack, taken away here: Windows has no `resource`, and it and macOS no affinity."""

import os
import sys

from koubai.core.memory import machine_bytes, require_memory
from koubai.engines.threads import thread_budget


def test_a_system_that_does_not_tell_its_memory_bounds_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    machine_bytes.cache_clear()
    try:
        require_memory({"parameters": 10**15}, "network")
    finally:
        machine_bytes.cache_clear()


def test_a_system_without_affinity_has_as_many_threads_as_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert thread_budget() == os.cpu_count()
