"""Networks drawn by a number, over all layers, losses and optimizers; and how far rounding may carry them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.core.errors import ShapeError
from koubai.core.layer import LAYERS, Layer
from koubai.engines import Job, compile_job
from koubai.layers import (
    ELU,
    GELU,
    SELU,
    AveragePool1d,
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Conv1d,
    Conv2d,
    Dropout,
    Exponential,
    Flatten,
    GlobalAveragePool,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from koubai.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from koubai.losses.loss import LOSSES
from koubai.network import Network
from koubai.network.network import join
from koubai.optim import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    Nesterov,
    RAdam,
    RMSProp,
)
from koubai.optim.optimizer import OPTIMIZERS as RULES
from support.close import CAREFUL

EPS = 2.0**-24  # what rounding to float32 may change of a number, relative to it
SMOOTH = (Tanh(), Sigmoid(), SiLU(), GELU(), Softplus(), ELU(), SELU(), Identity())
KINKED = (ReLU(), LeakyReLU(), Step())
OPTIMIZERS = (
    *(SGD(0.1), Momentum(0.1), Nesterov(0.1), AdaGrad(0.1)),
    *(RMSProp(0.01), Adam(0.01), AdamW(0.01, weight_decay=0.1)),
    *(AMSGrad(0.01), AdaDelta(1.0), RAdam(0.01), Lion(0.001)),
)
LABELS = (SoftmaxCrossEntropy(), SoftmaxCrossEntropy(smoothing=0.1), CrossEntropy(), MeanSquaredError())
VALUES = (MeanSquaredError(), MeanAbsoluteError(), SigmoidCrossEntropy(), BinaryCrossEntropy())


class Drawn:
    """One job, drawn by `number`; the same in every run."""

    def __init__(self, number: int) -> None:
        self.random = np.random.default_rng([11, number])
        while True:
            try:
                self.job = self._draw()
            except ShapeError:  # a window larger than what is left
                continue
            return

    def _pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    def _draw(self) -> Job:
        draw = self.random.integers
        shape = [(draw(1, 20),), (draw(1, 5), draw(4, 16)), (draw(1, 5), draw(4, 10), draw(4, 10))][draw(3)]
        shape = tuple(int(n) for n in shape)
        layers = [self._block(len(shape)) for _ in range(draw(1, 4))]
        if len(shape) > 1:
            layers.append(self._pick(Flatten(), Flatten(), GlobalAveragePool()))
        layers += [self._block(1) for _ in range(draw(0, 2))]
        outputs, batch, labels = int(draw(1, 6)), int(draw(2, 9)), bool(draw(2))
        loss = self._pick(*(LABELS if labels and outputs > 1 else VALUES))
        layers.append(Linear(outputs, bias=bool(draw(4))))
        if isinstance(loss, CrossEntropy):
            layers.append(Softmax())
        elif isinstance(loss, BinaryCrossEntropy):
            layers.append(Sigmoid())
        network = Network(Sequential(*layers), shape)
        _ = network.out_shape  # an error of shapes comes here
        x = self.random.standard_normal((batch, *shape)).astype(np.float32)
        if loss in LABELS and labels and outputs > 1:
            t = self.random.integers(0, outputs, batch)
        elif isinstance(loss, SigmoidCrossEntropy | BinaryCrossEntropy):
            t = self.random.integers(0, 2, (batch, outputs)).astype(np.float32)
        else:
            t = self.random.standard_normal((batch, outputs)).astype(np.float32)
        return Job(
            network=network, loss=loss, optimizer=self._pick(*OPTIMIZERS), x=x, t=t, batch_size=batch,
            seed=int(draw(1000)), threads=int(draw(1, 3)),
        )  # fmt: skip

    def _block(self, rank: int, depth: int = 0) -> Layer:  # noqa: PLR0911 -- a kind a line
        """One layer or a few for inputs with `rank` axes beside the batch's."""
        kind = self.random.integers(8 if depth == 0 else 5)
        if kind < 2:
            return Sequential(self._linear(rank), self._activation(rank))
        if kind == 2:
            return self._pick(BatchNorm(), BatchNorm(trainable=False), LayerNorm(), Dropout(0.3))
        if kind == 3:
            return self._activation(rank)
        if kind == 4:
            return self._window(rank)
        if kind == 5:
            return Residual(Sequential(self._same(rank), Tanh()))
        if kind == 6:
            return Concatenate(Identity(), self._same(rank))
        return Sequential(self._linear(rank), BatchNorm(), self._activation(rank), self._window(rank))

    def _same(self, rank: int) -> Layer:
        """A layer that changes no shape."""
        return self._pick(LayerNorm(), BatchNorm(), self._activation(rank), Dropout(0.2))

    def _activation(self, rank: int) -> Layer:
        few = (Sequential(LayerNorm(), Exponential()), *((Softmax(),) if rank == 1 else ()))
        return self._pick(*SMOOTH, *KINKED, *KINKED, *few)

    def _linear(self, rank: int) -> Layer:
        draw = self.random.integers
        bias = bool(draw(4))
        if rank == 1:
            return Linear(int(draw(1, 30)), bias=bias)
        convolution = Conv1d if rank == 2 else Conv2d
        return convolution(
            int(draw(1, 12)), int(draw(1, 4)), stride=int(draw(1, 3)), padding=int(draw(0, 3)), bias=bias,
            dilation=int(self._pick(1, 1, 2)),
        )  # fmt: skip

    def _window(self, rank: int) -> Layer:
        if rank == 1:
            return self._activation(rank)
        pools = (MaxPool1d, AveragePool1d) if rank == 2 else (MaxPool2d, AveragePool2d, LocalResponseNorm)
        kind = self._pick(*pools)
        if kind is LocalResponseNorm:
            return LocalResponseNorm()
        return kind(2, self._pick(1, 2), self._pick(0, 0, 1))


class Shaken:
    """A layer whose inputs and incoming gradients are off by a few roundings, at random."""

    def __init__(self, layer: Layer, random: np.random.Generator, size: float) -> None:
        self._layer, self._random, self._size = layer, random, size
        self.terms = 0.0  # sqrt(n) times the sum of the sizes of the n terms of a parameter's gradient

    def __getattr__(self, name):
        return getattr(self._layer, name)

    def forward(self, cell, x):
        self.largest = max(1.0, float(np.abs(x).max(initial=0.0)))
        return self._layer.forward(cell, shaken(x, self._random, self._size))

    def backward(self, cell, dy):
        sums = np.abs(dy).sum(axis=tuple(axis for axis in range(dy.ndim) if axis != 1), dtype=np.float64)
        self.terms = (dy.size / max(sums.size, 1)) ** 0.5 * self.largest * float(sums.max(initial=0.0))
        return self._layer.backward(cell, shaken(dy, self._random, self._size))


def shaken(x, random, size):
    return (x * (1 + size * random.uniform(-1, 1, x.shape))).astype(x.dtype)


def first_step(job: Job, weights, dtype="float64", random=None, size=0.0):
    """Loss and gradients of the first step by the formulas; every layer shaken where `random` is given."""
    x, t = job.x[: job.batch_size].astype(dtype), job.t[: job.batch_size]
    weights = weights.copy()
    for arrays in (weights.params, weights.buffers):
        for name, array in arrays.items():
            arrays[name] = array.astype(dtype)
            if random is not None:
                arrays[name] = shaken(arrays[name], random, size)
    root = job.network.bind(weights, training=True, seed=job.seed)
    for cell in root.walk():
        cell.step = 1
        if random is not None and not cell.children:
            cell.layer = Shaken(cell.layer, random, size)
    t = t if t.dtype.kind == "i" else t.astype(dtype)
    with np.errstate(all="ignore"):
        y = root.forward(x)
        y = y if random is None else shaken(y, random, size)
        root.backward(job.loss.gradient(y, t).astype(dtype, copy=False))
        loss = job.loss.value(y, t)
    return (
        loss,
        {join(cell.path, name): cell.grads[name] for cell in root.walk() for name in cell.params},
        root,
    )


def allowed(job: Job, weights, gradients, samples: int = 12):
    """How far each gradient may be off, by path: what a few roundings in every layer do to it.

    The formulas are run in float32 some times, with every input, weight and incoming gradient of every
    layer off by up to CAREFUL roundings. Where sums cancel, where batch norm divides by little, and where a
    number lies at a kink within rounding, that moves the gradient as it moves the engine's. A bias before a
    batch norm has all three: its gradient is 0, the sum of large terms that cancel but for their rounding.
    It takes many samples, for a mean of two numbers is rounded or is not. NumPy adds in pairs, engines one
    number after another: to the rounding of n terms comes that of the sums on the way, which are at most the
    sum of the terms' sizes.
    """
    random = np.random.default_rng(5)
    off = dict.fromkeys(gradients, 0.0)
    sums = dict(off)
    for _ in range(samples):
        _, moved, root = first_step(job, weights, "float32", random, CAREFUL * EPS)
        for cell in root.walk():
            for path in (join(cell.path, name) for name in cell.params):
                off[path] = max(off[path], float(np.abs(moved[path] - gradients[path]).max(initial=0.0)))
                sums[path] = max(sums[path], EPS * cell.layer.terms)
    return {
        path: CAREFUL * (off[path] + EPS * (np.abs(g) + np.abs(weights.params[path]))) + sums[path]
        for path, g in gradients.items()
    }


def updated(job: Job, w, g, path):
    """A parameter after the first update by the optimizer's formula, in float64."""
    w, optimizer = w.astype(np.float64), job.optimizer
    decay = optimizer.decoupled_decay()
    if decay and job.network.param_specs[path].penalized:
        w *= 1 - optimizer.learning_rate * decay
    slots = {slot: np.zeros_like(w) for slot in optimizer.slots}
    optimizer.update(w, np.array(g, np.float64), slots, optimizer.learning_rate, 1)
    return w


def faults(number: int, engine: str = "native") -> tuple[list[str], float]:
    """What is wrong with an engine's first step on the network of a number: one line each.

    And the largest ratio of what a gradient was off to what is allowed. Gradients are what SGD with rate 1
    takes off. An optimizer's update rises or falls with each number of the gradient, so it lies between
    those of the ends of what is allowed.
    """
    job = Drawn(number).job
    program = compile_job(replace(job, optimizer=SGD(1.0)), engine)
    state = program.state()
    weights = state.weights
    value, gradients, _ = first_step(job, weights)
    size = max((float(np.abs(g).max(initial=0.0)) for g in gradients.values()), default=0.0)
    if not (np.isfinite(value) and size < 1e4):
        return [], 0.0  # overflow is no rounding
    bound = allowed(job, weights, gradients)
    program.advance(np.arange(job.batch_size)[None])
    after = program.state().weights.params
    found, worst = [], 0.0
    for path, g in gradients.items():
        off = np.abs(weights.params[path].astype(np.float64) - after[path] - g)
        ratio = float((off / bound[path].clip(1e-300)).max(initial=0.0))
        worst = max(worst, ratio)
        if not ratio <= 1:
            found.append(f"{path}: gradient off by {off.max():.3g}, {ratio:.3g} of what is allowed")
    program = compile_job(job, engine)
    program.advance(np.arange(job.batch_size)[None])
    for path, w in program.state().weights.params.items():
        start, g, e = weights.params[path], gradients[path], bound[path]
        ends = updated(job, start, g - e, path), updated(job, start, g + e, path)
        room = CAREFUL * EPS * (np.abs(start) + np.abs(w - start)) + 1e-30
        if not ((np.minimum(*ends) - room <= w) & (w <= np.maximum(*ends) + room)).all():
            found.append(f"{path}: the update lies outside what the gradient allows")
    return [f"network {number}: {line}" for line in found], worst


def never_drawn(numbers) -> list[str]:
    """Registered layers, losses and optimizers that no network of these numbers has."""
    seen: set[type] = set()
    for job in (Drawn(number).job for number in numbers):
        seen |= {type(cell.layer) for cell in job.network.root.walk()} | {type(job.loss), type(job.optimizer)}
    kinds = (kind for registry in (LAYERS, LOSSES, RULES) for kind in registry.values())
    return sorted(kind.__name__ for kind in kinds if kind not in seen)
