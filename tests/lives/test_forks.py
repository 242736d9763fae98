"""A process forked after or amid work with several threads computes the same and never hangs."""

import os

import pytest

from support.host import host
from support.marks import long

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

HOST = """
import multiprocessing, os, signal, sys, threading, time, warnings
import numpy as np
from koubai.engines import compile_job
from koubai.layers import Linear, Sequential, Tanh
from support.jobs import batches, classes_job

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
engine = sys.argv[1]
JOB = classes_job(Sequential(Linear(40), Tanh(), Linear(10)), (30,), threads=2)
LARGE = classes_job(Sequential(Linear(1500), Tanh(), Linear(1400)), (30,), threads=2, batch=4)
STEPS = batches(JOB, 40)

def losses(job=JOB):
    return compile_job(job, engine).advance(batches(job, 4)).tobytes()

def forked(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)  # what hangs is killed
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def check(name, got, expected=0):
    print(name, "ok" if got == expected else f"got {got}, expected {expected}", flush=True)

kept, twin = compile_job(JOB, engine), compile_job(JOB, engine)
kept.advance(STEPS[:20])
twin.advance(STEPS[:20])
right, rest = losses(), twin.advance(STEPS[20:]).tobytes()
right_large = losses(LARGE)

check("again", forked(lambda: losses() == right))
check("goes on", forked(lambda: kept.advance(STEPS[20:]).tobytes() == rest))
check("large", forked(lambda: losses(LARGE) == right_large))
check("grandchild", forked(lambda: losses() == right and forked(lambda: losses() == right) == 0))
check("parent", kept.advance(STEPS[20:]).tobytes(), rest)

def pooled(_):
    signal.alarm(60)
    return losses()

with multiprocessing.get_context("fork").Pool(2) as pool:
    check("pool", pool.map(pooled, range(4)), [right] * 4)

ended = threading.Event()

def busy():
    count = 0
    while not ended.is_set():
        count += 1
        losses(classes_job(Sequential(Linear(40 + count), Tanh(), Linear(10)), (30,), threads=2))

thread = threading.Thread(target=busy)
thread.start()
check("beside", [forked(lambda: losses() == right) for _ in range(5)], [0] * 5)
ended.set()
thread.join()
print("end")
"""


@pytest.mark.parametrize("engine", ["onednn", *long("blas", "reference")])
def test_a_forked_process_works_with_as_many_threads(engine):
    native = {"KOUBAI_KERNELS": engine} if engine != "reference" else {}
    if engine == "onednn":
        from koubai.engines.native.backends.find import why_not_onednn

        if why_not_onednn():
            pytest.skip("no oneDNN here")
    run = host(HOST, "native" if native else "reference", **native)
    said = dict(line.split(" ", 1) for line in run.stdout.splitlines() if " " in line)
    names = ("again", "goes", "large", "grandchild", "parent", "pool", "beside")
    assert said == {name: "on ok" if name == "goes" else "ok" for name in names}, run.stderr
    assert run.returncode == 0


LOST = """
import os, sys
from koubai.core import forks
forks.renew_openmp_at_fork = lambda: False  # as with the OpenMP of GCC 8, before oneDNN is loaded
from koubai.core.errors import EngineError
from koubai.engines import compile_job
from koubai.layers import Linear
from support.jobs import batches, classes_job

def losses(threads):
    job = classes_job(Linear(10), (30,), threads=threads)
    return compile_job(job, "native").advance(batches(job, 4))

def child(threads):
    if os.fork():
        return os.waitstatus_to_exitcode(os.wait()[1])
    try:
        losses(threads)
    except EngineError as error:
        os._exit(3 if "spawn" in error.hint else 4)
    os._exit(0)

losses(1)
print(child(2), flush=True)  # no thread was lost
losses(2)
print(child(2), flush=True)
print(child(1), flush=True)
"""


def test_where_openmp_cannot_begin_again_an_error_says_so():
    run = host(LOST, KOUBAI_KERNELS="onednn")
    if "EngineError" in run.stderr:
        pytest.skip("no oneDNN here")
    assert run.stdout.split() == ["0", "3", "0"], run.stderr
