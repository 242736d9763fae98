"""Results of experiments that were never run: shaped like real ones, made in milliseconds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from koubai.data.sources.digits import Digits
from koubai.initializers.normal import HeNormal, LeCunNormal, Normal
from koubai.lab.closing import conclude
from koubai.lab.declare.experiment import Arm, Axis, Claim, Experiment, Published, Text, grid
from koubai.lab.perform.run_result import Exhibit, RunResult
from koubai.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Sigmoid
from koubai.probes.history import History
from koubai.train.recipe import Recipe

STEPS = 1000
ENVIRONMENT = {
    "python": "3.13.1",
    "cpu": "Example CPU @ 2.1 GHz",
    "threads": 2,
    "engine": "native",
    "versions": {"koubai": "0.1.0", "numpy": "2.3.1"},
    "data": {"name": "digits", "sha256": "9f" * 32},
    "git": "",
}
HOSTILE = '<script>alert("x")</script> <b>bold</b> %{x} "\'& </style>'


def history(final: float, ratio: float, rng: np.random.Generator, layers=("1", "3", "5")) -> History:
    """A run that rises to `final` and whose first gradient is `ratio` of the last."""
    made = History()
    for step in np.linspace(0, STEPS, 21).astype(int).tolist():
        share = 1 - np.exp(-step / 150)
        test = 0.1 + (final - 0.1) * share + rng.normal(0, 0.004)
        made.add(step, "", "test_accuracy", float(np.clip(test, 0, 1)))
        made.add(step, "", "train_accuracy", float(np.clip(test + 0.03 * share, 0, 1)))
        made.add(step, "", "train_loss", float(2.3 * (1.02 - final * share)))
    for step in [1, *range(20, STEPS + 1, 20)]:
        for depth, path in enumerate(layers):
            size = ratio ** (1 - depth / (len(layers) - 1)) * (0.2 + np.exp(-step / 300))
            made.add(step, path, "activation_gradient_rms", size)
            made.add(step, f"{path}.weight", "gradient_norm", size * np.exp(rng.normal(0, 0.15)))
            made.add(step, f"{path}.bias", "gradient_norm", size * 0.3)
    return made


def histograms(scale: float, rng: np.random.Generator) -> tuple[Exhibit, ...]:
    found = []
    for path in ("2", "4"):
        before = rng.normal(0.5, 0.02 + 0.2 * scale, 4000).clip(0, 1)
        after = rng.beta(0.5 + 2 * (1 - scale), 0.7, 4000)
        edges = np.linspace(0, 1, 51)
        shares = [np.histogram(values, edges)[0] / 4000 for values in (before, after)]
        arrays = {"edges": edges, "initial": shares[0], "final": shares[1]}
        found.append(Exhibit("histogram", path, arrays, note="Sigmoid"))
    return tuple(found)


def run_of(arm: str, seed: int, scores: dict[str, float], made: History, **more) -> RunResult:
    return RunResult(arm, seed, "0" * 16, f"{abs(hash((arm, seed))):016x}"[:16], scores, made, 1.25, **more)


def network() -> Sequential:
    return Sequential(Flatten(), Linear(40), Sigmoid(), Linear(20), Sigmoid(), Linear(10))


def vanishing(seeds: int = 5, names: tuple[str, ...] = ("sigmoid", "tanh", "ReLU")):
    """Three activations by three initializers, one arm collapsed in every seed."""
    inits = {"normal .01": Normal(0.01), "Xavier": LeCunNormal(), "He": HeNormal()}
    arms = grid(
        Axis("activation", {name: {} for name in names}),
        Axis("initialization", {name: {"initializer": value} for name, value in inits.items()}),
    )
    arms = tuple(
        Arm(a.name, a.edits, a.factors, published=Published(0.92, 0.006, 13) if i == 6 else None)
        for i, a in enumerate(arms)
    )
    finals = [0.102, 0.876, 0.89, 0.41, 0.94, 0.943, 0.918, 0.951, 0.962]
    ratios = [2.5e-5, 0.4, 0.6, 4e-3, 0.8, 1.1, 2e-3, 0.9, 1.3]
    runs = []
    for i, arm in enumerate(arms):
        for seed in range(seeds):
            rng = np.random.default_rng([i, seed])
            final = finals[i] if i == 0 else finals[i] + rng.normal(0, 0.006)
            scores = {"test_accuracy": final, "train_accuracy": final + 0.02, "gap": 0.02, "chance": 0.102}
            scores["first_to_last_gradient"] = ratios[i]
            kept = histograms(min(1, finals[i]), rng) if seed == 0 else ()
            runs.append(
                run_of(
                    arm.name,
                    seed,
                    scores,
                    history(final, ratios[i], rng),
                    collapsed=i == 0,
                    exhibits=kept,
                    engine="native",
                )
            )
    best, worst = arms[8].name, arms[0].name
    experiment = Experiment(
        name="vanishing-gradient",
        base=Recipe(network(), Digits(), steps=STEPS),
        arms=arms,
        seeds=tuple(range(seeds)),
        question=Text(
            "Which combination of activation and initialization lets a deep network learn?",
            "どの活性化関数と重みの初期値の組み合わせなら、深いネットワークは学習できるか。",
        ),
        baseline=worst,
        claims=(Claim(best, worst), Claim(arms[8].name, arms[7].name), Claim(worst, best)),
    )
    return conclude(experiment, tuple(runs), environment=ENVIRONMENT, seconds=56.2)


def hostile():
    """The same grid, but whoever named the first activation means harm."""
    return vanishing(2, (HOSTILE, "tanh", "ReLU"))


def convnet():
    """One arm with filters, maps of one sample and the weights that remain."""
    layers = Sequential(Conv2d(16, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(10))
    experiment = Experiment(
        "convnet", Recipe(layers, Digits()), (Arm("plain"), Arm("L1")), Text("What do filters see?")
    )
    runs = []
    for arm in experiment.arms:
        rng = np.random.default_rng(1)
        kinds = [
            Exhibit("filters", "0.weight", {k: rng.normal(size=(16, 1, 3, 3)) for k in ("initial", "final")}),
            Exhibit("sample", "", {"values": rng.random((1, 8, 8))}),
            Exhibit("feature_maps", "0", {"values": rng.random((16, 8, 8))}, note="Conv2d"),
            Exhibit("feature_maps", "2", {"values": rng.random((16, 4, 4))}, note="MaxPool2d"),
        ]
        edges = np.linspace(-1, 1, 42)
        counts = np.histogram(rng.normal(0, 0.2, 9000), edges)[0].astype(float)
        arrays = {"edges": edges, "counts": counts, "near_zero": np.array(0.42), "norm": np.array(3.25)}
        kinds.append(Exhibit("weights", "4.weight", arrays))
        scores = {"test_accuracy": 0.97, "train_accuracy": 0.99, "gap": 0.02}
        made = history(0.97, 0.5, rng, ("0", "4"))
        runs.append(run_of(arm.name, 0, scores, made, exhibits=tuple(kinds)))
    return conclude(experiment, tuple(runs), environment=ENVIRONMENT)


def rates():
    """A learning rate swept over five decades with two optimizers; the largest one diverges."""
    levels = ("0.0001", "0.001", "0.01", "0.1", "1", "10")
    arms = grid(
        Axis("optimizer", {"SGD": {}, "Adam": {}}),
        Axis("optimizer.learning_rate", {x: {"optimizer.learning_rate": float(x)} for x in levels}),
    )
    base = Recipe(network(), Digits(), steps=STEPS)
    experiment = Experiment("rates", base, arms, Text("How large a step?"), seeds=(0, 1, 2))
    runs = []
    for i, arm in enumerate(arms):
        for seed in experiment.seeds:
            rng = np.random.default_rng([i, seed])
            level = np.log10(float(arm.factors["optimizer.learning_rate"]))
            best = -0.5 if arm.factors["optimizer"] == "SGD" else -2
            final = 0.1 + 0.85 * np.exp(-0.5 * (level - best) ** 2) + rng.normal(0, 0.005)
            if level == 1:
                made = History()
                made.add(0, "", "test_accuracy", 0.1)
                runs.append(
                    run_of(arm.name, seed, {"test_accuracy": float("nan")}, made, stopped_by="not finite")
                )
            else:
                runs.append(run_of(arm.name, seed, {"test_accuracy": final}, history(final, 0.3, rng)))
    return conclude(experiment, tuple(runs), environment=ENVIRONMENT)


def valley():
    """Descents on f = x^2/20 + y^2."""
    names = ("SGD", "Momentum", "AdaGrad", "Adam")
    experiment = Experiment(
        "valley",
        Recipe(network(), Digits()),
        tuple(Arm(name) for name in names),
        Text("Which way down?", "谷をどう下るか。"),
        seeds=(0,),
        measure="final_value",
    )
    x, y = np.linspace(-8, 8, 81), np.linspace(-4, 4, 61)
    surface = {"x": x, "y": y, "values": x[None, :] ** 2 / 20 + y[:, None] ** 2}
    runs = []
    for i, name in enumerate(names):
        point, points = np.array([-7.0, 2.0]), []
        velocity = np.zeros(2)
        for _ in range(31):
            points.append(point.copy())
            gradient = np.array([point[0] / 10, 2 * point[1]])
            velocity = (0.9 if i == 1 else 0) * velocity - (0.95, 0.1, 0.3, 0.2)[i] * gradient
            point = point + velocity
        path = np.array(points)
        values = path[:, 0] ** 2 / 20 + path[:, 1] ** 2
        exhibits = (
            Exhibit("path", "", {"points": path, "values": values}, note="valley"),
            Exhibit("surface", "", surface),
            Exhibit("table", "Steps", {"values": path[:3]}, columns=("x", "y"), rows=("0", "1", "2")),
        )
        runs.append(run_of(name, 0, {"final_value": float(values[-1])}, History(), exhibits=exhibits))
    return conclude(experiment, tuple(runs), environment=ENVIRONMENT)


RESULTS = {f.__name__: f for f in (vanishing, hostile, convnet, rates, valley)}


@pytest.fixture(scope="session")
def made_up():
    """Return a made-up result by name, made once."""
    return cache(lambda name: RESULTS[name]())


@pytest.fixture(scope="session", params=RESULTS)
def result(request, made_up):
    """Every made-up result in turn."""
    return made_up(request.param)


@pytest.fixture(scope="session")
def grid_result(made_up):
    return made_up("vanishing")


@pytest.fixture(scope="session")
def hostile_result(made_up):
    return made_up("hostile")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A small finished training run, in a folder."""
    import koubai as kb

    folder = tmp_path_factory.mktemp("runs") / "small <b>run</b>"
    net = kb.Sequential(
        kb.Conv2d(4, 3, padding=1), kb.ReLU(), kb.Flatten(), kb.Linear(12), kb.Sigmoid(), kb.Linear(10)
    )
    kb.fit(net, kb.data.digits(), steps=60, engine="reference", folder=folder, progress=False)
    return folder
