"""Lessons: what each must have, and every statement of each computed again from runs made here."""

import json
import math
import string
from itertools import pairwise
from math import log, sqrt

import numpy as np
import pytest

from koubai.initializers.normal import HeNormal
from koubai.lab.catalog import catalog_entries
from koubai.lab.course.settings import GAUSS
from koubai.lab.declare.experiment import Arm
from koubai.lab.experiments.alexnet import COUNTS
from koubai.lab.perform.plans.surfaces import TwoMinima
from koubai.lab.start import run
from koubai.layers.activations import Sigmoid
from koubai.layers.convolution import Conv2d
from koubai.layers.im2col import col2im, im2col
from koubai.layers.sequential import Sequential
from koubai.models.mlp import Mlp
from koubai.network.network import Network
from koubai.page.texts import cards
from koubai.penalties.p_norm import L1
from koubai.study.lessons import lessons
from koubai.study.lessons.alexnet import RATE
from koubai.study.lessons.batch_normalization import STEPS, TIMES
from koubai.study.lessons.lesson import Row, code_line, slid
from koubai.study.lessons.output_size import SETTINGS
from koubai.study.mathml import formula
from koubai.study.quiz import QUESTIONS
from koubai.train.train import train
from koubai.words import LANGUAGES, entries, say

LESSONS = lessons()
NAMES = list(LESSONS)
PLAYED = {card["name"] for card in cards() if card["play"]}  # these lead to free play, with a goal


def _made(name, made={}):  # noqa: B006 - runs are made once for all tests
    if name not in made:
        lesson = LESSONS[name]
        result = run(lesson.experiment(range(2)))
        made[name] = (result.runs, lesson.facts(result.runs), lesson.trace())
    return made[name]


@pytest.fixture(params=NAMES)
def lesson(request):
    return LESSONS[request.param]


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def words_of(lesson):
    """The entries a lesson needs, each with the values its placeholders may name."""
    _, facts, frames = _made(lesson.registry_name)
    numbers = {name for place in frames[0].places.values() for name in place} | {"place"}
    plain = ["title", "lead", "guess", "x", "runs", "ask", *(f"arm.{arm}" for arm in lesson.arms)]
    plain += [
        f"point.{point}"
        for point in lesson.guess.points
        if not point[0].isdigit() and point not in lesson.arms
    ]
    plain += [f"reason.{reason}" for reason in lesson.reasons]
    told = ["seen", "why"]
    ideas = [*lesson.reasons[1:], *(wrong.name for wrong in lesson.wrongs), lesson.usual, *lesson.others]
    if lesson.registry_name in PLAYED:
        plain.append("goal")
    if lesson.slider:
        plain += [f"kind.{arm}" for arm in lesson.slider_arms]
        plain += ["slider", "value", *(f"number.{name}" for name in lesson.slider_numbers)]
    told += [f"{kind}.{name}" for name in dict.fromkeys(ideas) for kind in ("wrong", "not")]
    if f"{lesson.registry_name}.update" in entries(
        "lessons"
    ):  # what a step of the trace is called, if not so
        plain.append("update")
    if len(frames[0].places) > 1:
        plain.append("place")
    return (
        dict.fromkeys(plain, frozenset())
        | dict.fromkeys(told, facts.keys())
        | {f"row.{row.name}": numbers for row in lesson.rows}
    )


@pytest.mark.long
def test_the_words_are_those_the_lessons_need_and_name_only_numbers_there_are():
    texts = entries("lessons")
    wanted = {f"{name}.{key}": values for name in NAMES for key, values in words_of(LESSONS[name]).items()}
    assert set(texts) == set(wanted)
    for key, values in wanted.items():
        for lang in LANGUAGES:
            assert placeholders(texts[key][lang]) <= set(values), key


def test_a_lesson_has_all_its_parts(lesson):
    card = json.loads(json.dumps(lesson.card()))
    _, _, frames = _made(lesson.registry_name)
    for place in frames[0].places:
        assert any(not row["places"] or place in row["places"] for row in card["rows"]), place
    assert {place for row in card["rows"] for place in row["places"]} <= set(frames[0].places)
    assert all(row["code"] and row["place"].startswith("koubai/") for row in card["rows"])
    assert len(lesson.reasons) >= 3
    assert set(lesson.questions) <= set(QUESTIONS)
    assert lesson.experiment_name in {entry.name() for entry in catalog_entries()}
    guess = lesson.guess
    assert set(guess.given) | set(guess.scales) <= set(guess.points)
    for scale in (guess, *guess.scales.values()):
        assert scale.low <= scale.start <= scale.high
        steps = (scale.start - scale.low) / scale.step
        assert steps == pytest.approx(round(steps)), "what nobody moved is a place of the scale"


def test_what_the_runs_say_is_on_the_scale_and_shows_no_wrong_idea(lesson):
    runs, facts, frames = _made(lesson.registry_name)
    assert all(run.failure is None for run in runs)
    assert all(math.isfinite(value) for value in facts.values())
    guess = lesson.guess
    told = {}
    for one in runs:
        for point, value in lesson.values(one).items():
            assert point in guess.points
            if not guess.arm or lesson.series(one.arm) == guess.arm:
                told.setdefault(point, []).append(value)
    assert set(told) == set(guess.points)
    places = {
        p: np.mean([math.log10(v) if guess.at(p).log else v for v in values]) for p, values in told.items()
    }
    if guess.kind == "order":  # places from 1; those that reach the same may change them
        places = {p: 1 + sum(o > v + guess.tie for o in places.values()) for p, v in places.items()}
        assert len(set(places.values())) > 2, "there is an order"
    timed = set(TIMES) if lesson.registry_name == "batch_normalization" else set()  # a timing is never a test
    for point in places.keys() - timed:
        assert guess.at(point).low <= places[point] <= guess.at(point).high, point
    numbers = {point: 10**place if guess.at(point).log else place for point, place in places.items()}
    if guess.kind == "paths":
        numbers |= {f"{run.arm}_turns": run.scores["turns"] for run in runs}
    if guess.kind == "curve":
        slope = (places[guess.points[0]] - places[guess.points[-1]]) / (len(guess.points) - 1)
        numbers["factor"] = 10**slope
    for wrong in lesson.wrongs:
        assert not all(low <= numbers[name] <= high for name, (low, high) in wrong.when.items()), wrong.name
    assert len(frames) >= 2
    assert all(
        math.isfinite(v) for frame in frames for place in frame.places.values() for v in place.values()
    )
    assert all(
        place.keys() == next(iter(frames[0].places.values())).keys() for place in frames[-1].places.values()
    )


def test_a_line_that_is_not_there_is_told():
    with pytest.raises(ValueError, match="0 times"):
        code_line(Row("x", "y", "koubai.layers.linear:Linear.backward", "no such line"))


@pytest.mark.parametrize("text", ["_l", "sqrt(x", "W_", "(a", "a)b("])
def test_a_formula_that_is_not_closed_is_told(text):
    with pytest.raises(ValueError, match=r"in|early|behind"):
        formula(text)


def test_every_formula_of_lessons_and_questions_can_be_built():
    from koubai.page.texts import question

    assert all(formula(row.formula)[0] == "math" for lesson in LESSONS.values() for row in lesson.rows)
    assert all(tree[0] == "math" for name in QUESTIONS for tree in question(name, 0)["formulas"])


def test_numbers_in_the_words_are_written_as_the_page_writes_them(lesson):
    _, facts, _ = _made(lesson.registry_name)
    for lang in LANGUAGES:
        assert say(f"lessons.{lesson.registry_name}.seen", lang, **facts)


# ------------------------------------------------------------------------------ statements, lesson by lesson


def test_vanishing_gradient():
    _, facts, frames = _made("vanishing_gradient")
    # "about 0.01 sqrt(50) and at most 0.25: together ..., the runs measure ..."
    assert facts["spread"] == pytest.approx(0.01 * sqrt(50))
    assert facts["bound"] == pytest.approx(0.25)
    assert facts["small_factor"] == pytest.approx(facts["product"], rel=0.1)
    # "with weights of 1/sqrt(n), which keep the size, ... is left": about the bound, and never above it
    assert facts["xavier_factor"] == pytest.approx(0.25, abs=0.04)
    # "as long, and its factor is ...: nothing vanishes"
    assert facts["relu_he_factor"] == pytest.approx(1, abs=0.2)
    # "for nine layers 0.25 alone gives ..."
    assert facts["bound_first"] == pytest.approx(0.25**9)
    # chance, where one answer for all is the best; and a network that learned
    assert facts["small_accuracy"] < 0.15
    assert facts["relu_he_accuracy"] > 0.7
    # the same product, by multiplying matrices by hand instead of training
    network = Network(Mlp((50,) * 10, activation="sigmoid"), (64,), GAUSS)
    weights = network.initialize(0, "float64").params
    x, chain = np.random.default_rng(0).random((100, 64)), []
    for path in [path for path in weights if path.endswith("weight")]:
        u = x @ weights[path]
        x = Sigmoid().value(u)
        chain.append((weights[path], x * (1 - x)))
    delta = np.random.default_rng(1).standard_normal((100, 10))
    sizes = []
    for l in range(9, -1, -1):  # noqa: E741 - the letter of the formula
        delta = (delta @ chain[l + 1][0].T) * chain[l][1]
        sizes.append(np.sqrt((delta**2).mean()))
    assert (sizes[-1] / sizes[0]) ** (1 / 9) == pytest.approx(facts["small_factor"], rel=0.1)
    # every row of the trace: what came, times both numbers, is what is left
    for frame in frames:
        for place in frame.places.values():
            assert place["came"] * place["weights"] * place["slope"] == pytest.approx(place["delta"])
            assert 0.24 < place["slope"] <= 0.25 + 1e-7


def test_step_size():
    runs, facts, frames = _made("step_size")
    ends = {run.arm: run.scores["distance"] for run in runs}
    for rate, end in ends.items():  # the error is multiplied by 1 - 2 alpha a step
        assert end == pytest.approx(5 * abs(1 - 2 * float(rate)) ** 20, rel=1e-9, abs=1e-12)
    assert facts["small"] == pytest.approx(facts["large"]), "0.1 and 0.9 end the same"
    assert facts["small_factor"] == pytest.approx(0.8)
    assert facts["large_factor"] == pytest.approx(0.8)
    assert facts["half"] == 0 == min(ends.values()), "0.5 is best, and there at once"
    assert frames[0].places["0.5"]["distance"] == 0
    assert facts["limit"] == 1
    assert facts["beyond"] > 100
    for frame in frames:
        for rate, place in frame.places.items():
            assert place["gradient"] == pytest.approx(2 * (place["x"] - 2))
            assert place["to"] == pytest.approx(place["x"] - float(rate) * place["gradient"])
    signs = [np.sign(frame.places["0.9"]["to"] - 2) for frame in frames]
    assert all(a == -b for a, b in pairwise(signs)), "every step lands on the other side"


def test_initial_weights():
    runs, facts, frames = _made("initial_weights")
    # zeros never learn, and all units stay one; small weights learn late; He's learn best
    assert facts["zeros_accuracy"] < 0.13
    assert facts["zeros_units"] == 1
    assert facts["small_half_accuracy"] < 0.4
    assert facts["small_accuracy"] > 0.7
    assert facts["zeros_accuracy"] < facts["large_accuracy"] < facts["he_accuracy"]
    assert facts["small_accuracy"] < facts["he_accuracy"]
    assert facts["he_half_accuracy"] > 0.9
    # "the seeds of one rule lie close together, and rules lie far apart": 0.01 early, against zeros and He's
    by_arm = {arm: [run.scores["test_accuracy"] for run in runs if run.arm == arm] for arm in ("zeros", "he")}
    assert max(by_arm["zeros"]) < 0.2
    assert min(by_arm["he"]) > 0.9
    # "with the very same deviation ReLU ends at ..., sigmoid at ...; 1/sqrt(n) makes up for some of it"
    assert facts["sigmoid_small_accuracy"] < 0.2
    assert facts["sigmoid_small_accuracy"] < facts["sigmoid_lecun_accuracy"] < facts["he_accuracy"]
    # deviations, by the formulas of the papers
    assert facts["lecun_std"] == pytest.approx(1 / 8)
    assert facts["glorot_std"] == pytest.approx(sqrt(2 / 104))
    assert facts["he_std"] == pytest.approx(sqrt(2 / 64))
    first = frames[0].places
    assert first["he"]["spread"] == pytest.approx(facts["he_std"], rel=0.1)
    # zeros pass nothing; small weights shrink the signal, large ones let it grow, He's about keep it
    assert (first["zeros"]["last"], first["zeros"]["gradient"]) == (0, 0)
    assert first["small"]["last"] < first["small"]["first"] / 100
    assert first["large"]["last"] > first["large"]["first"] * 5
    assert 0.5 < first["he"]["last"] / first["he"]["first"] < 2
    assert first["small"]["gradient"] < first["he"]["gradient"] / 100 < first["large"]["gradient"]


def test_optimizers():
    _, facts, frames = _made("optimizers")
    assert max(facts["sgd_accuracy"], facts["momentum_accuracy"]) < 0.2
    assert facts["adagrad_accuracy"] < 0.6
    assert min(facts["rmsprop_accuracy"], facts["adam_accuracy"], facts["sgd_large_accuracy"]) > 0.9
    assert abs(facts["sgd_large_accuracy"] - facts["adam_accuracy"]) < 0.05, "beside Adam's"
    first, later = frames[0].places, frames[-1].places
    # SGD multiplies by the rate and no more; Adam's first step is about the rate, whatever the gradient is
    for frame in frames:
        for arm in ("sgd", "sgd_large"):
            assert frame.places[arm]["times"] == pytest.approx(1, rel=0.01)
    assert first["adam"]["moved"] == pytest.approx(0.01, rel=0.25)
    assert facts["times"] > 10_000
    # AdaGrad, where the gradient stays 1: the rate over the root of the count
    assert facts["adagrad_first"] == pytest.approx(0.01)
    assert facts["adagrad_last"] == pytest.approx(0.01 / sqrt(1000), rel=1e-3)
    # momentum: the geometric series of .9 ends at ten times
    assert 1 < later["momentum"]["times"] <= 10
    assert first["momentum"]["times"] == pytest.approx(1, rel=0.01)


def test_valley():
    runs, facts, frames = _made("valley")
    lesson = LESSONS["valley"]
    # SGD's path by hand: each step multiplies x by 1 - .95 / 10 and y by 1 - 2 x .95
    assert facts["along"] == pytest.approx(1 - 0.95 / 10)
    assert facts["across"] == pytest.approx(1 - 2 * 0.95)
    path = np.array(lesson.path(next(run for run in runs if run.arm == "sgd")))
    steps = np.arange(31)
    assert path == pytest.approx(np.stack([-7 * 0.905**steps, 2 * (-0.9) ** steps], axis=1))
    assert facts["steeper"] == 20
    assert (facts["sgd_turns"], facts["adagrad_turns"]) == (30, 0), "at every step; never"
    assert 0 < facts["momentum_turns"] < 10, "less often"
    assert facts["momentum_distance"] > facts["sgd_distance"], "it rolls past the minimum"
    assert lesson.path(next(run for run in runs if run.arm == "momentum"))[-1][0] > 0
    for frame in frames:
        for place in frame.places.values():
            assert (place["along"], place["across"]) == pytest.approx((place["x"] / 10, 2 * place["y"]))
        sgd = frame.places["sgd"]
        assert sgd["to_x"] == pytest.approx(sgd["x"] - 0.95 * sgd["along"])
    # the surface with two minima: three places without slope, and the right one is deeper
    surface = TwoMinima()
    assert facts["deep"] ** 3 - facts["deep"] - 0.2 == pytest.approx(0, abs=1e-9)
    roots = np.sort(np.roots([1, 0, -1, -0.2]).real)
    values = surface.value(roots[:, None])
    assert roots[1] == pytest.approx(facts["top"])
    assert values[2] < values[0] < values[1]
    assert max(run.scores["global_share"] for run in runs) < 1, "none from all"
    # "SGD finds it from every start on that side, and from no other"; "Momentum crosses, and leaves again"
    assert (facts["sgd_across_share"], facts["sgd_left_share"]) == (0, 0)
    assert facts["momentum_across_share"] > 0.1
    assert facts["momentum_left_share"] > 0.01


def test_sparsity():
    runs, facts, frames = _made("sparsity")
    assert all(run.scores["zero_weights"] == 0 for run in runs if run.arm != "soft")
    assert facts["soft_share"] > 0.2
    assert abs(facts["soft_accuracy"] - facts["l1_accuracy"]) < 0.01, "no other accuracy"
    assert facts["l1_small_share"] > 10 * facts["none_small_share"]
    assert facts["pull"] == pytest.approx(0.05 * 0.003)
    assert facts["l2_weights"] < facts["none_weights"] / 2
    assert facts["l2_biases"] >= facts["none_biases"], "the biases do not fall"
    # one weight alone: L2 takes a share, L1 an amount and goes to and fro, the threshold stops at 0
    l2, l1, soft = ([frame.places[arm]["after"] for frame in frames] for arm in ("l2", "l1", "soft"))
    assert l2 == pytest.approx([0.0004 * (1 - 0.05 * 0.1) ** t for t in range(1, 9)])
    assert l1[:3] == pytest.approx([0.00025, 0.0001, -0.00005])
    assert all(0 < abs(w) <= facts["pull"] for w in l1[2:])
    assert l1[3] > 0 > l1[4]
    assert soft[2:] == [0] * 6
    # without the power p = 2: the gradient of lambda/2 |w|, by central differences
    for count, name in ((100, "without_power_few"), (10_000, "without_power_many")):
        up, down = np.ones(count), np.ones(count)
        up[0], down[0] = 1.001, 0.999
        slope = 0.1 / 2 * (np.linalg.norm(up) - np.linalg.norm(down)) / 0.002
        assert facts[name] == pytest.approx(slope, rel=1e-4)
    assert facts["with_power"] == pytest.approx(0.1)
    # "more weights lie near 0 then, and still none on it"
    more = Arm("more", {"penalties": (L1(0.01),)})
    state = train(LESSONS["sparsity"].experiment((0,)).plan(more, 0)).session.state()
    weights = np.concatenate(
        [w.ravel() for path, w in state.weights.params.items() if path.endswith("weight")]
    )
    assert (weights != 0).all()
    assert (np.abs(weights) < facts["near"]).mean() > facts["l1_small_share"]


def test_output_size():
    _, facts, frames = _made("output_size")
    assert [facts[f"{arm}_side"] for arm in ("plain", "same", "grows", "strided")] == [5, 8, 7, 4]
    for name, one in SETTINGS.items():  # by a real convolution, and by the last frame of the trace
        layer = Conv2d(1, one.kernel, stride=one.stride, padding=one.padding)
        assert layer.output_shape((1, one.size, one.size))[1:] == (facts[f"{name}_side"],) * 2
        assert frames[-1].places[name]["count"] == facts[f"{name}_side"]
        fits = [f.places[name] for f in frames if f.places[name]["last"] <= f.places[name]["end"]]
        assert len(fits) == facts[f"{name}_side"], "as many places as fit into the pixels"
        assert all(place["first"] >= place["begin"] for place in fits)
        times = col2im(
            im2col(np.ones((1, 1, one.size, one.size)), **_window(one)),
            (1, 1, one.size, one.size),
            **_window(one),
        )
        assert (times.min(), times.max()) == (facts[f"{name}_least"], facts[f"{name}_most"])
    assert (facts["plain_least"], facts["plain_most"]) == (1, 9)


def _window(one):
    return {"kernel": one.kernel, "stride": one.stride, "padding": one.padding}


def test_chain_rule():
    runs, facts, frames = _made("chain_rule")
    # "the right derivatives agree to many digits", the wrong ones do not
    for arm in ("sigmoid", "relu"):
        assert facts[f"{arm}_least"] == pytest.approx(1, abs=1e-6)
        assert facts[f"{arm}_most"] == pytest.approx(1, abs=1e-6)
    assert 0 < facts["relu_crossed_least"] < facts["relu_crossed_most"] < 1, (
        "smaller, and downhill all the same"
    )
    assert facts["relu_crossed_least"] < facts["relu_crossed_most"] / 2, "scaled by another number each"
    assert facts["sigmoid_at_z_most"] < 0.99
    for frame in frames:
        assert all(p["ratio"] == pytest.approx(p["backprop"] / p["central"]) for p in frame.places.values())
    # "with the wrong derivative it ends lower", for every seed; and it learns
    by = {(run.arm, run.seed): run.scores["test_accuracy"] for run in runs}
    assert all(by["relu_crossed", seed] < by["relu", seed] - 0.05 for seed in range(2))
    assert facts["sigmoid_at_z_accuracy"] < facts["sigmoid_accuracy"]
    assert facts["relu_crossed_accuracy"] > 0.6
    # "with x or delta1 in its place not even the shapes fit"
    x, z1, delta1, delta2 = np.ones((5, 64)), np.ones((5, 40)), np.ones((5, 40)), np.ones((5, 20))
    assert (z1.T @ delta2).shape == (40, 20)
    assert (x.T @ delta2).shape != (40, 20) != (x.T @ delta1).shape


def test_over_fitting():
    runs, facts, frames = _made("over_fitting")
    assert facts["none_train_accuracy"] == 1
    assert facts["none_accuracy"] > 0.8, "by heart, and not useless"
    assert facts["l2_accuracy"] < facts["none_accuracy"] - 0.1
    assert facts["l2_train_accuracy"] < 0.95, "not even the training digits"
    assert facts["dropout_half_accuracy"] < facts["none_accuracy"]
    assert facts["dropout_half_accuracy"] < facts["dropout_accuracy"]
    by = {(run.arm, run.seed): run.scores["test_accuracy"] for run in runs}
    assert all(by["l2", seed] < by["none", seed] for seed in range(2)), "it stays so"
    # how hard the penalty pulls, against the data: from the initial weights themselves
    assert facts["l2_pull"] > facts["data_pull"]
    network = Network(Mlp((100, 100, 100)), (64,), HeNormal())
    weights = network.initialize(0, "float64").params["1.weight"]
    assert facts["l2_pull"] == pytest.approx(0.1 * np.sqrt((weights**2).sum()), rel=1e-3)
    assert frames[0].places["l1"]["pull"] == pytest.approx(0.005 * np.sqrt(weights.size))
    for frame in frames:  # plain gradient descent at the rate .05
        for place in frame.places.values():
            assert place["moved"] == pytest.approx(0.05 * place["gradient"], rel=1e-3)


def test_batch_normalization():
    runs, facts, frames = _made("batch_normalization")
    assert facts["trained_updates"] < facts["without_updates"] / 3
    assert facts["frozen_updates"] < facts["without_updates"] / 3, "gamma and beta are not what counts"
    by = {(run.arm, run.seed): LESSONS["batch_normalization"].values(run)[run.arm] for run in runs}
    assert all(by["trained", seed] < by["without", seed] < STEPS for seed in range(2)), "and it gets there"
    first = frames[0].places
    assert first["trained"]["mean"] == pytest.approx(0, abs=1e-5)
    assert first["trained"]["std"] == pytest.approx(1, abs=1e-3)
    assert facts["without_delta"] < facts["trained_delta"] / 3
    assert all(frame.places["frozen"]["std"] == pytest.approx(1, abs=1e-3) for frame in frames)
    # "the inputs lie between 0 and 1"
    x = np.asarray(LESSONS["batch_normalization"].experiment((0,)).base.data.load(None).inputs("train"))
    assert 0 <= x.min() < x.max() <= 1


def test_alexnet():
    _, facts, frames = _made("alexnet")
    # counted by hand from the sizes that Krizhevsky, Sutskever, Hinton 2012 print
    assert facts["parameters"] == 60_965_224
    assert facts["products"] == 724_406_816
    assert facts["whole_parameters"] == 62_378_344
    convolutions = [COUNTS[f"conv{i}"] for i in range(1, 6)]
    assert facts["conv_parameters_share"] == pytest.approx(sum(p for p, _ in convolutions) / 60_965_224)
    assert facts["conv_products_share"] == pytest.approx(sum(m for _, m in convolutions) / 724_406_816)
    assert facts["fc6_parameters_share"] == pytest.approx((9216 * 4096 + 4096) / 60_965_224)
    assert facts["fc6_products_share"] == pytest.approx(9216 * 4096 / 724_406_816)
    assert (facts["conv1_side"], facts["printed_side"]) == (55, 54)
    assert {name: (p["parameters"], p["products"]) for name, p in frames[0].places.items()} == COUNTS
    assert facts["conv1_places"] == pytest.approx(COUNTS["conv1"][1] / (COUNTS["conv1"][0] - 96)), "no bias"
    # "the layer with the most parameters", "conv2 makes the most multiply-adds"
    assert max(COUNTS, key=lambda name: COUNTS[name][0]) == "fc6"
    assert max(COUNTS, key=lambda name: COUNTS[name][1]) == "conv2"
    assert facts["dearest_products_share"] == pytest.approx(COUNTS["conv2"][1] / 724_406_816)
    assert facts["dearest_parameters_share"] == pytest.approx(facts["fc6_parameters_share"])
    # the real update: 1,000 classes are about equally likely before; a small step goes down the gradient
    assert facts["step_before"] == pytest.approx(log(1000), rel=0.05)
    assert facts["step_after"] == pytest.approx(
        facts["step_before"] - RATE * facts["step_gradient_norm"] ** 2, abs=0.3
    )
    assert 0 < facts["step_moved"] < facts["parameters"], "behind a ReLU that gives 0 nothing moves"
    # plain layers lose the gradient, a shortcut brings it back unchanged
    assert facts["plain_first"] < 1e-9
    assert facts["shortcut_first"] == pytest.approx(1, abs=0.2)
    # "conv1 makes more than the three together"; "conv2 and conv3 both more than conv1"
    assert COUNTS["conv1"] == (34_944, COUNTS["conv1"][1])
    assert COUNTS["conv1"][1] > sum(COUNTS[f"fc{i}"][1] for i in (6, 7, 8))
    assert min(COUNTS["conv2"][1], COUNTS["conv3"][1]) > COUNTS["conv1"][1]


def test_convnet():
    _, facts, frames = _made("convnet")
    # the view, by changing one pixel after the other of a network with its own weights and no ReLU
    for depth, share in ((1, facts["sight_first_share"]), (2, facts["sight_second_share"])):
        layers = Sequential(*(Conv2d(4, 3, padding=1) for _ in range(depth)))
        network = Network(layers, (1, 8, 8), HeNormal())
        root = network.bind(network.initialize(3, "float64"))
        still = root.forward(np.zeros((1, 1, 8, 8)))[0, 0, 4, 4]
        pixels = np.eye(64).reshape(64, 1, 8, 8)
        changed = root.forward(pixels)[:, 0, 4, 4] != still
        assert changed.mean() == pytest.approx(share)
    assert (facts["first_side"], facts["second_side"]) == (3, 5)
    assert 0.3 < facts["zeros_start_share"] < 0.7, "as many below 0 as above"
    assert facts["zeros_end_share"] > 0.1
    assert facts["accuracy"] > 0.9
    counts = [facts[f"{name}_parameters"] for name in ("first", "second", "dense")]
    assert counts == [9 * 8 + 8, 9 * 8 * 16 + 16, 4 * 4 * 16 * 10 + 10]
    assert facts["parameters"] == sum(counts)
    assert (Sigmoid().value(np.linspace(-30, 30, 101)) > 0).all(), "sigmoid never gives a 0"
    for frame in frames:
        assert all(0 < place["zeros_share"] < 1 for place in frame.places.values())


def test_the_filters_and_maps_that_move_are_those_of_the_run():
    told = LESSONS["convnet"].pictures()
    assert [frame["step"] for frame in told["frames"]] == [0, 10, 30, 100, 300, 1000]
    picture = np.pad(np.array(told["picture"]), 1)
    start = LESSONS["convnet"].experiment((0,)).base
    network = Network(start.network, (1, 8, 8), start.initializer)
    first, last = told["frames"][0], told["frames"][-1]
    filters = np.array(first["filters"])
    assert filters == pytest.approx(network.initialize(0, start.dtype).params["0.weight"][:, 0], abs=1e-4)
    for i, one in enumerate(filters):  # the convolution by hand; biases are 0 at the start
        by_hand = [[(picture[y : y + 3, x : x + 3] * one).sum() for x in range(8)] for y in range(8)]
        assert np.array(first["maps"][i]) == pytest.approx(np.maximum(by_hand, 0), abs=2e-3)
    assert np.abs(np.array(last["filters"]) - filters).max() > 0.05, "they move"
    assert [np.sum(seen) for seen in told["seen"]] == [9, 25]


@pytest.mark.parametrize("name", [name for name in NAMES if LESSONS[name].slider])
def test_a_slider_has_every_arm_at_every_value_and_agrees_with_the_runs_of_the_guess(name):
    lesson = LESSONS[name]
    _, facts, _ = _made(name)
    told = slid(run(lesson.beside(range(2))).runs, lesson)
    assert [(one["value"], one["arm"]) for one in told] == [
        (value, arm) for value in lesson.slider for arm in lesson.slider_arms
    ]
    by = {(one["arm"], one["value"]): one for one in told}
    if name == "sparsity":
        assert by["soft", 0.003]["zero_weights"] == pytest.approx(facts["soft_share"])
        assert by["l2", 0.1]["test_accuracy"] == pytest.approx(facts["l2_accuracy"])
        assert all(by["l1", value]["zero_weights"] == 0 for value in lesson.slider), (
            "no larger one gives zeros"
        )
    else:
        assert by["adam", 0.01]["test_accuracy"] == pytest.approx(facts["adam_accuracy"])
        best = {
            arm: max(lesson.slider, key=lambda v: by[arm, v]["test_accuracy"]) for arm in lesson.slider_arms
        }
        assert len(set(best.values())) > 2, "each rule has its own rate"
