"""The machine's measured limits: a large matrix product, and a sum of arrays larger than any cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import numpy as np

from koubai.core.errors import EngineError
from koubai.core.signals import unheard
from koubai.engines.native.backends.onednn.primitives import BF16, F32, MD, Memory, execute, inner_product
from koubai_benchmarks import environment

_SIZE = 2048  # of the square matrices: large enough for every library's best kernel
_FLOATS = 32 * 2**20  # 128 MiB an array


@dataclass(frozen=True)
class Machine:
    """What this machine reached: GFLOP/s by precision (and in which library), GB/s from memory."""

    threads: int
    gflops: dict[str, float] = field(default_factory=dict)
    library: dict[str, str] = field(default_factory=dict)
    gigabytes_per_second: float = float("nan")


THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
PINS = (
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR"),
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "NPY_DISABLE_CPU_FEATURES"),
    *("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS"),
)
"""Variables that hold a library back from this processor's kernels; no process of the benchmark has them."""


def without_pins(more: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the environment of a process whose libraries choose their kernels."""
    return {name: value for name, value in environment().items() if name not in PINS} | dict(more)


def with_threads(threads: int, more: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the environment of a process whose libraries choose their kernels and keep to some threads."""
    return without_pins({**dict.fromkeys(THREAD_VARIABLES, str(threads)), **more})


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def measure_machine(threads: int) -> Machine:
    """Measure both limits with `threads` threads, in a process of its own."""
    command = [sys.executable, "-m", "koubai_benchmarks.speed.machine", str(threads)]
    with unheard():
        process = subprocess.Popen(command, env=with_threads(threads), stdout=subprocess.PIPE)
    try:
        answer, _ = process.communicate()
    finally:
        process.kill()  # no error where it has ended
        process.wait()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Machine(**json.loads(answer))


def _measure(threads: int) -> Machine:
    found = {"float32": {"NumPy": _numpy_product()}, "bfloat16": {}}
    for products in (_torch_products(threads), _onednn_products(threads)):
        for precision, by_name in products.items():
            found[precision] |= by_name
    speeds = {
        precision: {name: _gflops(product) for name, product in products.items()}
        for precision, products in found.items()
        if products
    }
    library = {precision: max(by_name, key=by_name.__getitem__) for precision, by_name in speeds.items()}
    gflops = {precision: speeds[precision][name] for precision, name in library.items()}
    return Machine(threads, gflops, library, _bandwidth(threads))


def _numpy_product() -> Callable[[], object]:
    a, b = (np.ones((_SIZE, _SIZE), np.float32) for _ in range(2))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)


def _torch_products(threads: int) -> dict[str, dict[str, Callable[[], object]]]:
    """Return PyTorch's products by precision; nothing where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(threads)

    def product(dtype: torch.dtype) -> Callable[[], object]:
        a, b, out = (torch.ones(_SIZE, _SIZE, dtype=dtype) for _ in range(3))
        return lambda: torch.mm(a, b, out=out)

    name = f"PyTorch {torch.__version__}"
    return {"float32": {name: product(torch.float32)}, "bfloat16": {name: product(torch.bfloat16)}}


def _onednn_products(threads: int) -> dict[str, dict[str, Callable[[], object]]]:
    """Return the products of the oneDNN that koubai uses, by precision; nothing where there is none."""
    from koubai.engines.native.backends.onednn.library import Unimplemented, library, title

    try:
        library().set_threads(threads)
    except EngineError:
        return {}
    found = {}
    for precision, dtype in (("float32", F32), ("bfloat16", BF16)):
        with suppress(Unimplemented):
            found[precision] = {title(): _onednn_product(dtype)}
    return found


def _onednn_product(dtype: int) -> Callable[[], object]:
    shape = (_SIZE, _SIZE)
    free = MD.any(shape, dtype)
    pd = inner_product(free, free, None, free)
    layouts = {name: pd.md(name, shape, dtype) for name in ("src", "weights", "dst")}
    layouts["scratch"] = pd.md("scratch", ())
    held = {name: np.zeros(max(1, layout.nbytes), np.uint8) for name, layout in layouts.items()}
    memories = {name: Memory(layout, held[name].ctypes.data) for name, layout in layouts.items()}

    def product() -> object:
        execute(pd, memories)
        return held  # which lives as long as the product

    return product


def _gflops(product: Callable[[], object]) -> float:
    return 2 * _SIZE**3 / _best_seconds(product) / 1e9


def _bandwidth(threads: int) -> float:
    """GB/s of c = a + b in slices, one a thread; the read that a write causes is not counted."""
    a, b, c = (np.ones(_FLOATS, np.float32) for _ in range(3))
    slices = [slice(i * _FLOATS // threads, (i + 1) * _FLOATS // threads) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def add() -> None:
            list(pool.map(lambda part: np.add(a[part], b[part], out=c[part]), slices))

        return 3 * a.nbytes / _best_seconds(add) / 1e9


def _best_seconds(work: Callable[[], object], seconds: float = 1.0) -> float:
    """Return the shortest of the calls that fit into `seconds`, after one to warm up."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(int(sys.argv[1])))))
