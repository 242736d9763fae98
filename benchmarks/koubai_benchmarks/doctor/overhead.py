"""What watching costs: a step under the doctor's eyes against the same step alone, in shares of the latter.

    koubai doctor bench overhead

times our own engine at the default sampling, and a PyTorch model under `koubai.watch` (overhead_watch.py).
Taps and looks are counted by the run, so a short run pays most: all runs timed are of 1,000 updates. A round
trains the end of such a run (the whole run where steps are short) twice, plain and watched, so that a
machine that grows slower slows both.

What is timed is all that a watched run does more until the doctor is asked: taps, the monitor's looks, and
the writing of what was taken, which waits until the history is read. What is done once, however long the
run, is no part of it: linking the tapped program, and the examination at the end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from koubai.core import random
from koubai.core.layer import Layer
from koubai.core.params import Shape
from koubai.data.sources.arrays import Arrays
from koubai.doctor.monitor import Monitor
from koubai.engines.engine import Observation, TrainingState
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
from koubai.train.session import Session
from koubai.train.train import default_observation

RUN = 1000  # updates
_BETWEEN = RUN // 10  # updates between two evaluations, at which a run stops to look at itself


@dataclass(frozen=True)
class Load:
    """What is trained while the clock runs: classes that random images of one shape are near to.

    | field   | meaning                                                              |
    |---------|----------------------------------------------------------------------|
    | updates | those timed: a run's last, so many that whole numbers of taps fit in |
    | rounds  | how often they are timed, plain and watched                          |
    """

    name: str
    network: Layer
    optimizer: Optimizer
    initializer: Initializer
    in_shape: Shape
    samples: int
    batch_size: int
    updates: int
    rounds: int

    def recipe(self) -> Recipe:
        """A run that learns."""
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
            steps=RUN,
        )


LOADS = {
    load.name: load
    for load in (
        Load(
            "mlp",
            Mlp((40, 20), 10, "sigmoid"),
            SGD(0.1),
            GlorotNormal(),
            in_shape=(784,),
            samples=10_000,
            batch_size=100,
            updates=RUN,
            rounds=41,
        ),
        Load(
            "deep_convnet",
            DeepConvNet(10),
            Adam(),
            HeNormal(),
            in_shape=(1, 28, 28),
            samples=2000,
            batch_size=100,
            updates=20,
            rounds=31,
        ),
        Load(
            "alexnet",
            AlexNet(10),
            Momentum(0.001),
            HeNormal(),
            in_shape=(3, 227, 227),
            samples=64,
            batch_size=32,
            updates=20,
            rounds=5,
        ),
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
    """Time runs in turn, plain and watched at the default sampling; each pair gives one share."""
    recipe = load.recipe()
    dataset = recipe.data.load(None)
    plain, watched = (
        Session(recipe, dataset=dataset, engine=engine, threads=threads, observation=observation)
        for observation in (Observation(), replace(default_observation(recipe), evaluate_every=0))
    )
    start = TrainingState(RUN - load.updates, plain.state().weights)
    shares = [
        _seconds(plain, start, None) / _seconds(watched, start, Monitor()) for _ in range(load.rounds + 1)
    ]
    return Overhead(tuple(1 / share - 1 for share in shares[1:]))  # the first pair compiles and warms up


def _seconds(session: Session, start: TrainingState, monitor: Monitor | None) -> float:
    """Time of a run from `start` on, of the monitor's looks, and of writing what these left unread."""
    session.restore(start)
    began = time.perf_counter()
    while (left := RUN - session.step) > 0:
        session.advance(min(left, _BETWEEN))
        if monitor is not None and left > _BETWEEN:
            monitor(session)
    len(session.history)
    return time.perf_counter() - began
