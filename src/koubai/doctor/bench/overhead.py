"""What watching costs: a step under the doctor's eyes against the same step alone, in shares of the latter.

    koubai doctor bench overhead

times our own engine at the default sampling (some fifty taps and ten looks of the monitor, whatever the
length of the run), and a PyTorch model under `koubai.watch` (see `overhead_watch`). Plain and watched
stretches alternate, so that a machine that grows slower slows both.

Taps are counted in fifties a run, so a short run pays most: all three are taken to be of 1,000 updates.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai.core import random
from koubai.core.layer import Layer
from koubai.core.params import Shape
from koubai.data.sources.arrays import Arrays
from koubai.doctor.monitor import Monitor
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import GlorotNormal, HeNormal
from koubai.models.alexnet import AlexNet
from koubai.models.course_convnets import DeepConvNet
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe
from koubai.train.session import Observation, Session
from koubai.train.train import default_observation

_LOOKS = 10  # of the monitor in a run


@dataclass(frozen=True)
class Load:
    """What is trained while the clock runs: classes that random images of one shape are near to.

    | field   | meaning                                                        |
    |---------|----------------------------------------------------------------|
    | run     | updates of the run whose default sampling is timed             |
    | stretch | updates in one timed stretch: a multiple of those between taps |
    | rounds  | pairs of stretches                                             |
    """

    name: str
    network: Layer
    optimizer: Optimizer
    initializer: Initializer
    in_shape: Shape
    samples: int
    batch_size: int
    run: int
    stretch: int
    rounds: int

    def recipe(self) -> Recipe:
        """A run that learns, and does not end while it is timed."""
        generator = random.generator(0, "overhead", self.name)
        t = np.arange(self.samples) % 10
        images = generator.standard_normal((10, *self.in_shape), dtype=np.float32)
        x = images[t] + generator.standard_normal((self.samples, *self.in_shape), dtype=np.float32)
        return Recipe(
            network=self.network,
            data=Arrays.of(x, t, test_share=0.0),
            optimizer=self.optimizer,
            initializer=self.initializer,
            batch_size=self.batch_size,
            steps=max(self.run, 2 * (self.rounds + 1) * self.stretch),
        )


LOADS = {
    load.name: load
    for load in (
        Load(
            "mlp",
            Mlp((40, 20), 10, "sigmoid"),
            SGD(0.1),
            GlorotNormal(),
            (784,),
            10_000,
            100,
            1000,
            100,
            41,
        ),
        Load("deep_convnet", DeepConvNet(10), Adam(), HeNormal(), (1, 28, 28), 2000, 100, 1000, 40, 7),
        Load("alexnet", AlexNet(10), Momentum(0.001), HeNormal(), (3, 227, 227), 64, 32, 1000, 20, 5),
    )
}


@dataclass(frozen=True)
class Overhead:
    """Median share of the step over rounds, with the second lowest and second highest round."""

    shares: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """value, low, high, n."""
        ordered = sorted(self.shares)
        return {
            "value": float(np.median(ordered)),
            "low": ordered[1],
            "high": ordered[-2],
            "n": len(ordered),
        }


def overhead(load: Load, engine: str = "auto", threads: int = 1) -> Overhead:
    """Time alternating stretches, plain and watched at the default sampling; each pair gives one share."""
    recipe = load.recipe()
    usual = default_observation(recipe.edit(steps=load.run))
    watching = Observation(tap_every=usual.tap_every, first_until=usual.first_until)
    dataset = recipe.data.load(None)
    plain, watched = (
        Session(recipe, dataset=dataset, engine=engine, threads=threads, observation=observation)
        for observation in (Observation(), watching)
    )
    monitor = Monitor(every=load.run / _LOOKS / recipe.steps)
    for session, seer in ((plain, None), (watched, monitor)):  # compile, warm up
        _seconds(session, seer, load.stretch)
    shares = []
    for _ in range(load.rounds):
        alone = _seconds(plain, None, load.stretch)
        shares.append(_seconds(watched, monitor, load.stretch) / alone - 1)
    return Overhead(tuple(shares))


def _seconds(session: Session, monitor: Monitor | None, steps: int) -> float:
    """Time of so many updates, and of the monitor's look where one is due."""
    began = time.perf_counter()
    session.advance(steps)
    if monitor is not None:
        monitor(session)
    return time.perf_counter() - began


def overheads(engine: str = "auto", threads: int = 1) -> Iterator[tuple[str, Overhead]]:
    """Yield name -> overhead of every load, then of the same in PyTorch where PyTorch is installed."""
    from importlib.util import find_spec

    for load in LOADS.values():
        yield load.name, overhead(load, engine, threads)
    if find_spec("torch") is not None:
        from koubai.doctor.bench.overhead_watch import watch_overhead

        for load in LOADS.values():
            yield f"{load.name} (koubai.watch)", watch_overhead(load, threads)
