"""PyTorch as users run it: eager, in both memory layouts, with glibc's malloc tuned, compiled, autocast."""

from __future__ import annotations

import shutil
from functools import partial
from typing import Any

from koubai.bench.peers.peer import Peer, Runner, fixed_batch, unknown_layer
from koubai.bench.workload import Workload
from koubai.core.layer import Cell
from koubai.layers.activations import Sigmoid
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD

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

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torch.nn.Sequential(*(_module(cell) for cell in workload.network.leaves)).train()
    x, t = map(torch.from_numpy, fixed_batch(workload))
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = _optimizer(workload.optimizer, model)
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


def _module(cell: Cell) -> Any:  # noqa: PLR0911 -- one return a layer
    from torch import nn

    features = cell.in_shape[0]
    match cell.layer:
        case Linear(out_features=out):
            return nn.Linear(features, out)
        case Conv2d(out_channels=out, kernel=kernel, stride=stride, padding=padding):
            return nn.Conv2d(features, out, kernel, stride, padding)
        case BatchNorm(momentum=momentum, epsilon=epsilon):
            return nn.BatchNorm1d(features, epsilon, 1 - momentum)
        case MaxPool2d(size=size, stride=stride):
            return nn.MaxPool2d(size, stride)
        case Dropout(ratio=ratio):
            return nn.Dropout(ratio)
        case Flatten():
            return nn.Flatten()
        case ReLU():
            return nn.ReLU()
        case Sigmoid():
            return nn.Sigmoid()
    raise unknown_layer(cell.layer)


def _optimizer(rule: Optimizer, model: Any) -> Any:
    from torch import optim

    rate = rule.learning_rate
    match rule:
        case Adam(beta1=beta1, beta2=beta2, delta=delta):
            return optim.Adam(model.parameters(), rate, (beta1, beta2), delta, fused=True)
        case Momentum(momentum=momentum):
            return optim.SGD(model.parameters(), rate, momentum, fused=True)
        case SGD():
            return optim.SGD(model.parameters(), rate)
    raise unknown_layer(rule)


def _layout(workload: Workload) -> str | None:
    return None if workload.convolutional else "one layout only: no images"


def _compiler(workload: Workload) -> str | None:
    return None if any(map(shutil.which, ("g++", "clang++"))) else "no C++ compiler found"


_last = partial(prepare, channels_last=True)
PEERS = (
    Peer("torch-eager", "torch", prepare),
    Peer("torch-eager-channels-last", "torch", _last, _layout),
    Peer("torch-eager-malloc", "torch", prepare, environment=_MALLOC),
    Peer("torch-eager-channels-last-malloc", "torch", _last, _layout, _MALLOC),
    Peer("torch-compile", "torch", partial(prepare, compiled=True), _compiler),
)
