"""PyTorch as users run it: eager, images channels last (nhwc) too, malloc tuned, compiled, autocast."""

from __future__ import annotations

import re
import shutil
from functools import partial

from koubai.optim.sgd import SGD
from koubai_benchmarks.speed.peers.peer import Peer, Runner, fixed_batch
from koubai_benchmarks.speed.workload import Workload

# Large blocks come back from the free list instead of from fresh, zeroed pages at every step.
_MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}


def prepare(
    workload: Workload, threads: int, *, channels_last: bool = False, compiled: bool = False
) -> Runner:
    """Build the network, its optimizer and the loop."""
    import torch

    from koubai_benchmarks.doctor.torch_modules import module_of, optimizer_of

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as koubai's engine does
    torch.manual_seed(0)
    model = module_of(workload.network.root).train()
    x, t = map(torch.from_numpy, fixed_batch(workload))
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    fused = None if isinstance(workload.optimizer, SGD) else True
    optimizer = optimizer_of(workload.optimizer, model, fused=fused)
    forward = torch.compile(model) if compiled else model
    autocast = partial(torch.autocast, "cpu", torch.bfloat16, enabled=workload.precision == "bfloat16")

    def run(steps: int) -> int:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            with autocast():
                loss = torch.nn.functional.cross_entropy(forward(x).float(), t)
            loss.backward()
            optimizer.step()
        return steps

    return run


def _layout(workload: Workload) -> str | None:
    return None if workload.convolutional else "one layout only: no images"


def _compiler(workload: Workload) -> str | None:
    return None if any(map(shutil.which, ("g++", "clang++"))) else "no C++ compiler found"


def _kernels() -> str:
    """Return the libraries that PyTorch was built with, and the vectors it uses."""
    import torch

    text = torch.__config__.show()
    libraries = {"oneMKL": r"Math Kernel Library Version ([\w.]+)", "oneDNN": r"MKL-DNN v([\d.]+)"}
    found = {name: re.search(pattern, text) for name, pattern in libraries.items()}
    named = [f"{name} {match[1]}" for name, match in found.items() if match]
    return ", ".join([*named, torch.backends.cpu.get_cpu_capability()])


_peer = partial(Peer, package="torch", kernels=_kernels)
_last = partial(prepare, channels_last=True)
PEERS = (
    _peer("torch-eager", prepare=prepare),
    _peer("torch-eager-nhwc", prepare=_last, refuses=_layout),
    _peer("torch-eager-malloc", prepare=prepare, environment=_MALLOC),
    _peer("torch-eager-nhwc-malloc", prepare=_last, refuses=_layout, environment=_MALLOC),
    _peer("torch-compile", prepare=partial(prepare, compiled=True), refuses=_compiler),
)
