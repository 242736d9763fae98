"""The same recipe, seed, threads, engine and version: the same bits, whatever process and machine do."""

import subprocess
import sys

import pytest

from koubai.engines.choose import why_not_native
from koubai.engines.native.backends.find import why_not_onednn
from support.host import environment, host

TRAINED = """
import hashlib, random, sys, threading
import numpy as np
import koubai as kb
from koubai.train import Recipe, train

engine, threads = sys.argv[1], int(sys.argv[2])
net = kb.Sequential(
    kb.Conv2d(4, 3), kb.BatchNorm(), kb.ReLU(), kb.MaxPool2d(2), kb.Flatten(), kb.Dropout(0.3), kb.Linear(10)
)
recipe = Recipe(net, kb.data.digits(), optimizer=kb.Adam(0.01), batch_size=16, steps=12, seed=4)

def bits():
    run = train(recipe, engine=engine, threads=threads)
    state, digest = run.session.state(), hashlib.sha256()
    weights = state.weights
    for arrays in (weights.params, weights.buffers, state.slots):
        for name in sorted(arrays):
            digest.update(name.encode() + arrays[name].tobytes())
    digest.update(run.session.program.predict(run.session.dataset.x_test).tobytes())
    digest.update(repr(run.scores).encode())
    found.append(digest.hexdigest())

found = []
bits()
np.random.seed(7)  # what the program around does with randomness is its own affair
random.seed(7)
threads_of_python = [threading.Thread(target=bits) for _ in range(2)]
for thread in threads_of_python:
    thread.start()
for thread in threads_of_python:
    thread.join()
print(*found, sep="\\n")
"""
BURNER = "while True: pass"


def usable(engine):
    """The engine's name and its kernels, or a skip."""
    name, _, kernels = engine.partition(" ")
    if name == "torch":
        pytest.importorskip("torch")
    reason = (name == "native" and why_not_native()) or (kernels == "onednn" and why_not_onednn())
    if reason:
        pytest.skip(reason)
    return name, {"KOUBAI_KERNELS": kernels} if kernels else {}


# PyTorch with two threads is left out: beside others its threads wait for each other, minutes in all.
@pytest.mark.long
@pytest.mark.parametrize(
    ("engine", "threads"),
    [
        *(("native onednn", threads) for threads in (1, 2)),
        *(("native blas", 2), ("reference", 2), ("torch", 1)),
    ],
)
def test_processes_threads_and_load_change_no_bit(engine, threads):
    name, more = usable(engine)
    words = (name, str(threads))
    quiet = host(TRAINED, *words, PYTHONHASHSEED="0", **more)
    burners = [subprocess.Popen([sys.executable, "-c", BURNER], env=environment()) for _ in range(2)]
    try:
        loaded = host(TRAINED, *words, PYTHONHASHSEED="1", LC_ALL="C", TZ="Asia/Tokyo", **more)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    digests = (quiet.stdout + loaded.stdout).split()
    assert len(digests) == 6, quiet.stderr + loaded.stderr
    assert len(set(digests)) == 1
