"""How many threads a run takes that is told "auto": as many as a step is worth, of those there are.

A second thread pays where a step is long and its weights are few: in shards every thread has a gradient of
its own, to be added up, and waits for the others. The rule is counted from the job alone, before anything is
compiled, so the same call takes the same number again on the same machine. docs/engine.md has what was
measured.
"""

from __future__ import annotations

import os
import sys
from numbers import Integral

from koubai.core.cores import usable_cores
from koubai.core.errors import SettingError
from koubai.engines.engine import Job
from koubai.engines.native.backends.find import find_backend
from koubai.engines.native.shards import most_shards

AUTO = "auto"
_WORK = 50_000_000  # multiply-adds of a step that are worth a thread: about half a millisecond
_FOR_EACH_PARAMETER = 250  # of them for each parameter, where every thread has a gradient


def threads_for(job: Job, engine: str, threads: int | str) -> int:
    """Return how many threads a job takes on an engine, when told a number or "auto".

    Raises:
        SettingError: another word, or no whole number.
    """
    if threads == AUTO:
        return min(thread_budget(), useful_threads(job, engine))
    if isinstance(threads, bool) or not isinstance(threads, Integral):
        raise SettingError("threads_are_a_number_or_auto", got=repr(threads))
    return int(threads)


def useful_threads(job: Job, engine: str) -> int:
    """Return how many threads a step has work for, at least 1, whatever the machine has."""
    rows, parameters = job.batch_size // job.ranks.size, job.network.parameter_count
    work = 3 * job.network.multiply_adds * rows  # forward, and back to weights and inputs
    if not _has_a_gradient_each(engine, parameters):
        return max(1, work // _WORK)
    return max(1, min(most_shards(rows), work // max(_WORK, _FOR_EACH_PARAMETER * parameters)))


def _has_a_gradient_each(engine: str, parameters: int) -> bool:
    """Return whether threads divide the batch; else the threads of one product share it.

    The formulas are counted among the first: few of their products gain by a second thread.
    """
    if engine == "native":
        return find_backend().shards(2, parameters) > 1
    return engine == "reference"


def thread_budget() -> int:
    """Return how many threads a run of this process may take: OMP_NUM_THREADS, joblib's share, or the cores.

    joblib sets OMP_NUM_THREADS in its processes; beside its threads a run takes one.
    """
    cores, given = usable_cores(), os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if given.isdecimal():
        return max(1, min(int(given), cores))
    return 1 if _in_joblib() else cores


def _in_joblib() -> bool:
    """Return whether joblib runs this beside other things."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None:
        return False
    backend, _ = parallel.get_active_backend()
    return bool(getattr(backend, "nesting_level", 0))
