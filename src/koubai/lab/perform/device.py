"""Where the runs of an experiment are computed: decided once for all, before the first key is made.

Arms that are compared are computed alike; and a key tells what a GPU computed, which
rounds otherwise.
"""

from __future__ import annotations

import sys
from pathlib import Path

from koubai.core.errors import KoubaiError
from koubai.engines.choose import check_engine_on, takes_the_gpu
from koubai.engines.devices import asked_device, gpu_here, is_gpu
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.network.network import Network
from koubai.train.recipe import Recipe


def settled_device(
    experiment: Experiment,
    *,
    engine: str = "auto",
    device: str = "auto",
    elsewhere: bool = False,
    data_dir: Path | None = None,
) -> str:
    """Return the device of all runs: "cpu", "cuda", "cuda:1" ... or "mps".

    "auto" is the CPU for engines that compute there alone; else what $KOUBAI_DEVICE says, else a CUDA GPU of
    this machine where the torch engine is asked for, or no engine is and an arm's network is large; else the
    CPU. Of the machines of a cluster (`elsewhere`) nothing is known: there a GPU has to be named.

    Raises:
        UnknownName: it is no name of a device.
        EngineError: another engine than torch was asked for a GPU, or there is none of that name here.
    """
    name = asked_device(device)
    if device == "auto" and engine not in ("auto", "torch"):
        return "cpu"
    if name == "auto":
        gpu = not elsewhere and _auto_is_a_gpu(experiment, engine, data_dir)
        name = "cuda" if gpu else "cpu"
    elif name == "gpu":
        name = "mps" if sys.platform == "darwin" else "cuda"
    if is_gpu(name):
        if engine != "auto":
            check_engine_on(engine, name)
        if not elsewhere:
            from koubai.engines.torch.device import device_named

            device_named(name)
    return name


def _auto_is_a_gpu(experiment: Experiment, engine: str, data_dir: Path | None) -> bool:
    if not gpu_here():
        return False
    return engine == "torch" or any(_takes_the_gpu(experiment, arm, data_dir) for arm in experiment.arms)


def _takes_the_gpu(experiment: Experiment, arm: Arm, data_dir: Path | None) -> bool:
    """Return whether an arm trains a network that is worth a GPU; what cannot be built is told by its run."""
    try:
        plan = experiment.plan(arm, experiment.seeds[0])
        recipes = [plan] if isinstance(plan, Recipe) else plan.recipes()
        return any(
            takes_the_gpu(
                Network(recipe.network, recipe.data.load(data_dir).in_shape, recipe.initializer),
                recipe.batch_size,
                recipe.dtype,
            )
            for recipe in recipes
        )
    except KoubaiError:
        return False
