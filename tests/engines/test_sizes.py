"""What koubai says a job takes, against what it takes."""

import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from koubai.core import memory
from koubai.core.errors import TooLarge
from koubai.data import DATA, DataSource, Digits, Flawed, Moons, RepeatedSamples, Waveforms
from koubai.data.dataset import _MADE
from koubai.data.sampler import Sampler
from koubai.engines.choose import compile_job
from koubai.engines.engine import Job
from koubai.engines.sizes import job_bytes
from koubai.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from koubai.losses import SoftmaxCrossEntropy
from koubai.models import DeepConvNet, DoubleConvNet, LeNet, Mlp, SimpleConvNet
from koubai.network.network import Network
from koubai.optim import SGD, Adam
from koubai.train.recipe import Recipe
from koubai.train.session import Session

NETWORKS = {
    "mlp": (Mlp((40, 20)), (1, 8, 8), 100),
    "wide mlp": (Mlp((2000, 1000), batch_norm=True), (1, 28, 28), 50),
    "simple convnet": (SimpleConvNet(), (1, 28, 28), 100),
    "double convnet": (DoubleConvNet(), (1, 28, 28), 100),
    "deep convnet": (DeepConvNet(), (1, 28, 28), 50),
    "lenet": (LeNet(), (1, 32, 32), 50),
    "padded": (
        Sequential(Conv2d(4, 3, padding=9), ReLU(), MaxPool2d(2), Flatten(), Linear(10)),
        (3, 16, 16),
        20,
    ),
}
# Buffers that are never alive together share memory, and a product of BLAS or oneDNN needs some of its own.
# What a convolution puts out is nowhere where its pooling is computed along with it, but with probes it is.
TOO_LITTLE, TOO_MUCH = 1.3, 5


PLAIN = SGD()


def job(name, optimizer=PLAIN):
    layer, shape, batch = NETWORKS[name]
    draw = np.random.default_rng(0)
    x = draw.standard_normal((batch, *shape), np.float32)
    return Job(Network(layer, shape), SoftmaxCrossEntropy(), optimizer, x, np.arange(batch) % 10, batch)


def of_numpy(work):
    """Return the most bytes that Python and NumPy held at once during some work."""
    tracemalloc.start()
    try:
        held = work()
        return tracemalloc.get_traced_memory()[1], held
    finally:
        tracemalloc.stop()


def trained(job, engine):
    program = compile_job(job, engine)
    program.advance(Sampler(len(job.t), job.batch_size, seed=0).batches(0, 2))
    return program


@pytest.fixture(scope="module", autouse=True)
def all_is_imported():
    for engine in ("reference", "native"):
        trained(job("mlp"), engine)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", [SGD(), Adam()], ids=lambda optimizer: optimizer.registry_name)
def test_the_estimate_for_the_formulas_is_near_what_they_take(name, optimizer):
    wanted = job(name, optimizer)
    said = job_bytes(wanted, "reference")
    peak, _ = of_numpy(lambda: trained(wanted, "reference"))
    asked = sum(said.values()) - said["data"]  # which is there before
    assert peak / TOO_LITTLE < asked < peak * TOO_MUCH


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", [SGD(), Adam()], ids=lambda optimizer: optimizer.registry_name)
def test_the_estimate_for_compiled_programs_is_near_what_they_take(name, optimizer):
    wanted = job(name, optimizer)
    said = job_bytes(wanted, "native")
    program = trained(wanted, "native")
    plans = program._blueprint.training()
    held = program._memory.parameter_bytes + sum(plans.arena_bytes) + plans.scratch_bytes
    held += program._memory.weights.nbytes  # the copy that a checkpoint makes
    asked = sum(said.values()) - said["data"]
    assert held / TOO_LITTLE < asked < held * TOO_MUCH


HUGE = {
    "width": {"network": Sequential(Flatten(), Linear(2**53), Linear(10))},
    "batch": {"batch_size": 10**10},
    "padding": {"network": Sequential(Conv2d(2, 3, padding=200_000), ReLU(), Flatten(), Linear(10))},
    "padding left out by the stride": {
        "network": Sequential(Conv2d(2, 1, padding=2_000_000, stride=10**6), Flatten(), Linear(10))
    },
    "made data": {"data": Moons(n=10**12)},
    "made data, flawed": {"data": Flawed(Waveforms(n=10**6, length=10**6), ())},
}


@pytest.mark.parametrize("engine", ["reference", "native", "torch"])
@pytest.mark.parametrize("name", HUGE)
def test_what_cannot_fit_is_refused_before_anything_is_taken(name, engine):
    recipe = Recipe(**{"network": Sequential(Flatten(), Linear(10)), "data": Digits(), **HUGE[name]})
    Digits().load()

    def begin():
        with pytest.raises(TooLarge, match="more memory than this machine has") as caught:
            Session(recipe, engine=engine)
        return caught.value

    peak, error = of_numpy(begin)
    assert peak < 10**7
    sizes = [float(number) for number in re.findall(r"[a-z] ([\d.e+]+) [YZEPTGMk]B", error.got)]
    assert sizes, error.got
    assert isinstance(error, MemoryError)


def test_the_parts_are_told_largest_first_and_their_sum():
    with pytest.raises(TooLarge) as caught:
        memory.require_memory({"data": 3 * 10**15, "parameters": 10**18, "gradients": 0}, "network")
    assert caught.value.got == "1 EB in all: parameters 1 EB, data 3 PB"


def test_whoever_allows_it_may_try():
    too_much = {"data": 10**30}
    with memory.allowing():
        memory.require_memory(too_much)
        with memory.allowing():
            pass
        memory.require_memory(too_much)
    with pytest.raises(TooLarge):
        memory.require_memory(too_much)


def test_the_environment_may_allow_it(monkeypatch):
    monkeypatch.setenv(memory.ALLOW, "1")
    memory.require_memory({"data": 10**30})


@pytest.mark.parametrize("name", sorted(name for name in DATA if DATA[name].values is not DataSource.values))
def test_made_data_takes_no_more_than_it_says(name):
    source = Flawed(Moons(n=20000), (RepeatedSamples(),)) if name == "flawed" else DATA[name](n=20000)
    source.load()  # imports
    small = replace(source, noise_seed=1)
    peak, dataset = of_numpy(small.load)
    made = sum(getattr(dataset, f"{kind}_{part}").size for kind in "xt" for part in ("train", "test"))
    assert source.values() == pytest.approx(made, rel=1e-3, abs=200)
    assert peak < _MADE * source.values() * TOO_LITTLE


def test_a_group_s_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "jobs" / "one").mkdir(parents=True)
    (tmp_path / "jobs" / "memory.max").write_text("12345\n")
    (tmp_path / "jobs" / "one" / "memory.max").write_text("max\n")
    assert list(memory._bounds(tmp_path, "/jobs/one", "memory.max")) == [12345]
    assert list(memory._bounds(tmp_path, "/not/seen/from/here", "memory.max")) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [(Sequential(*[ReLU()] * 20_000), "too many layers"), (None, "layers too deep inside layers")],
    ids=["many", "deep"],
)
def test_more_layers_than_can_be_compiled_are_refused(layer, message):
    if layer is None:
        layer = ReLU()
        for _ in range(5000):
            layer = Sequential(layer)
    for begin in (lambda: Recipe(layer, Digits()), lambda: Network(layer, (64,)).root):
        with pytest.raises(TooLarge, match=message):
            begin()
