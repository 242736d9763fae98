"""What a program took is given back when the program goes: memory, threads, and what oneDNN made for it."""

import gc
import sys
import weakref

import pytest

from koubai.engines import compile_job
from koubai.engines.native.backends.find import why_not_onednn
from koubai.layers import Conv2d, Flatten, Linear, ReLU, Sequential
from support.host import host
from support.jobs import batches, classes_job
from support.marks import long

needs_onednn = pytest.mark.skipif(why_not_onednn() is not None, reason="no oneDNN here")


@pytest.mark.parametrize("kernels", [pytest.param("onednn", marks=needs_onednn), "blas"])
def test_a_program_goes_as_soon_as_nobody_holds_it(kernels, monkeypatch):
    monkeypatch.setenv("KOUBAI_KERNELS", kernels)
    job = classes_job(Linear(10), (12,), threads=2)
    program = compile_job(job, "native")
    program.advance(batches(job, 3))
    program.predict(job.x)
    gone = weakref.ref(program)
    gc.collect()
    gc.disable()
    try:
        del program
        assert gone() is None
    finally:
        gc.enable()


@needs_onednn
def test_what_onednn_made_is_destroyed_with_what_holds_it(monkeypatch):
    from koubai.engines.native import blueprint
    from koubai.engines.native.backends.onednn.library import Owned

    monkeypatch.setenv("KOUBAI_KERNELS", "onednn")
    alive, destroyed = weakref.WeakSet(), []
    begin = Owned.__init__

    def counted(self, handle, destroy):
        alive.add(self)
        begin(self, handle, lambda h: destroyed.append((destroy.__name__, destroy(h))))

    monkeypatch.setattr(Owned, "__init__", counted)
    net = Sequential(Conv2d(5, 3), ReLU(), Flatten(), Linear(10))
    job = classes_job(net, (1, 9, 9), batch=7)  # a structure nobody else has
    program = compile_job(job, "native")
    program.advance(batches(job, 2))
    made = len(alive) + len(destroyed)
    kinds = {name for name, _ in destroyed}
    assert "dnnl_primitive_destroy" not in kinds  # what runs is held, what served to choose it is not
    del program
    blueprint._cached.cache_clear()
    gc.collect()
    assert len(alive) == 0
    assert len(destroyed) == made
    assert {name for name, _ in destroyed} >= {
        f"dnnl_{kind}_destroy" for kind in ("primitive", "primitive_desc", "memory", "memory_desc")
    }
    assert {status for _, status in destroyed} == {0}


STRUCTURES = """
import os, random
from koubai.engines import compile_job
from koubai.layers import Conv2d, Flatten, Linear, Sequential, Tanh
from support.jobs import batches, classes_job

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024

draw, at = random.Random(0).randrange, {}
for count in range(1, 361):
    layers = [Conv2d(draw(4, 20), 3), Flatten()] if count % 2 else [Flatten(), Linear(draw(4, 90)), Tanh()]
    job = classes_job(Sequential(*layers, Linear(10)), (1, 8, 8), batch=draw(8, 40), threads=1)
    compile_job(job, "native").advance(batches(job, 2))
    at[count] = resident()
print(at[360] - at[180], len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kernels", [pytest.param("onednn", marks=needs_onednn), *long("blas")])
def test_memory_does_not_grow_with_the_number_of_structures(kernels):
    run = host(STRUCTURES, KOUBAI_KERNELS=kernels)
    grown, files, _ = run.stdout.split() or [run.stderr]
    # It was 350 KB a structure, 63,000 in all, when nothing was destroyed; pages come and go.
    assert float(grown) < 20_000
    assert int(files) < 20
