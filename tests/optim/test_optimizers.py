"""Every optimizer: one common table of cases, and one step or two worked by hand."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch

from koubai.core.errors import SettingError
from koubai.optim import (
    OPTIMIZERS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    Nesterov,
    Optimizer,
    RAdam,
    RMSProp,
)
from support.close import assert_close


@dataclass(frozen=True)
class Case:
    """An optimizer, PyTorch's of the same formula, and where dw = 2 and then dw = 4 bring w = 1."""

    optimizer: Optimizer
    twin: Any
    by_hand: tuple[float, float]


def torch_sgd(momentum=0.0, nesterov=False):
    return lambda w: torch.optim.SGD(w, lr=0.1, momentum=momentum, nesterov=nesterov)


class TorchLion(torch.optim.Optimizer):
    """Algorithm 2 of the paper, which PyTorch does not bring along."""

    def __init__(self, params, lr, decay):
        super().__init__(params, {"lr": lr, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                w.mul_(1 - group["lr"] * group["decay"])
                w.sub_(group["lr"] * torch.sign(torch.lerp(w.grad, m, 0.9)))
                self.state[w]["m"] = torch.lerp(w.grad, m, 0.99)


# Of AdamW the decay is applied by the engine: here, as there, it comes before the update.
CASES = [
    Case(SGD(0.1), torch_sgd(), (1 - 0.2, 0.8 - 0.4)),
    # v = -.2, then -.9 * .2 - .4
    Case(Momentum(0.1), torch_sgd(0.9), (0.8, 0.8 - 0.58)),
    Case(Momentum(0.1, momentum=0.5), torch_sgd(0.5), (0.8, 0.8 - 0.5)),
    # w moves by .9 v - .1 dw: -.18 - .2, then -.522 - .4
    Case(Nesterov(0.1), torch_sgd(0.9, nesterov=True), (0.62, 0.62 - 0.922)),
    # h = 4, then 20
    Case(
        AdaGrad(0.1),
        lambda w: torch.optim.Adagrad(w, lr=0.1, eps=1e-7),
        (1 - 0.2 / (2 + 1e-7), 1 - 0.2 / (2 + 1e-7) - 0.4 / (sqrt(20) + 1e-7)),
    ),
    # h = .04, then .0396 + .16
    Case(
        RMSProp(0.1),
        lambda w: torch.optim.RMSprop(w, lr=0.1, alpha=0.99, eps=1e-7),
        (1 - 0.2 / (0.2 + 1e-7), 1 - 0.2 / (0.2 + 1e-7) - 0.4 / (sqrt(0.1996) + 1e-7)),
    ),
    # m_hat = 2, then (.18 + .4) / .19; v_hat = 4, then (.003996 + .016) / .001999
    Case(
        Adam(0.1),
        lambda w: torch.optim.Adam(w, lr=0.1),
        (0.9, 0.9 - 0.1 * (0.58 / 0.19) / sqrt(0.019996 / 0.001999)),
    ),
    Case(
        Adam(0.1, beta1=0.5, beta2=0.75, delta=0.5),
        lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.5, 0.75), eps=0.5),
        (1 - 0.1 * 2 / 2.5, 0.92 - 0.1 * (2.5 / 0.75) / (sqrt(4.75 / 0.4375) + 0.5)),
    ),
    Case(
        AdamW(0.1, weight_decay=0.5),
        lambda w: torch.optim.AdamW(w, lr=0.1, weight_decay=0.5),
        (0.95 - 0.1, 0.85 * 0.95 - 0.1 * (0.58 / 0.19) / sqrt(0.019996 / 0.001999)),
    ),
    # v = .004, then .019996: the larger is the newer, so as Adam
    Case(
        AMSGrad(0.1),
        lambda w: torch.optim.Adam(w, lr=0.1, amsgrad=True),
        (0.9, 0.9 - 0.1 * (0.58 / 0.19) / sqrt(0.019996 / 0.001999)),
    ),
    # beta2 = .5 forgets at once (v = 2, then 9), yet 2 and 4 grow; the test below lets them shrink
    Case(
        AMSGrad(0.1, beta2=0.5),
        lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.9, 0.5), amsgrad=True),
        (0.9, 0.9 - 0.1 * (0.58 / 0.19) / sqrt(9 / 0.75)),
    ),
    # rho_1 = 1, rho_2 < 2: both steps are m_hat alone, 2 and .58 / .19
    Case(RAdam(0.1), lambda w: torch.optim.RAdam(w, lr=0.1), (1 - 0.2, 0.8 - 0.1 * 0.58 / 0.19)),
    # h = .2, d = 0: a step of .001 / sqrt(.200001) 2; then d = .05 step^2, h = .99
    Case(
        AdaDelta(),
        lambda w: torch.optim.Adadelta(w, lr=1.0, rho=0.95, eps=1e-6),
        (
            1 - 0.002 / sqrt(0.200001),
            1 - 0.002 / sqrt(0.200001) - sqrt(0.05 * 4e-6 / 0.200001 + 1e-6) / sqrt(0.990001) * 4,
        ),
    ),
    Case(Lion(0.1), lambda w: TorchLion(w, 0.1, 0.0), (0.9, 0.8)),
    Case(Lion(0.1, weight_decay=0.5), lambda w: TorchLion(w, 0.1, 0.5), (0.85, 0.85 * 0.95 - 0.1)),
]
every_case = pytest.mark.parametrize("case", CASES, ids=[repr(case.optimizer) for case in CASES])
ALL = [cls() for cls in OPTIMIZERS.values()]
named = pytest.mark.parametrize("optimizer", ALL, ids=lambda optimizer: type(optimizer).__name__)


def step(optimizer, w, dw, slots, t):
    """One update as an engine makes it."""
    w *= 1 - optimizer.learning_rate * optimizer.decoupled_decay()
    optimizer.update(w, dw, slots, optimizer.learning_rate, t)


def slots_for(optimizer, w):
    return {name: np.zeros_like(w) for name in optimizer.slots}


def test_every_registered_optimizer_has_a_case():
    assert {type(case.optimizer) for case in CASES} == set(OPTIMIZERS.values())


@every_case
def test_two_steps_worked_by_hand(case):
    w = np.ones(1)
    slots = slots_for(case.optimizer, w)
    for t, dw in enumerate((2.0, 4.0), start=1):
        step(case.optimizer, w, np.array([dw]), slots, t)
        assert np.isclose(w[0], case.by_hand[t - 1], rtol=1e-7, atol=0)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ten_steps_are_those_of_pytorch(case, dtype):
    random = np.random.default_rng(0)
    w = random.normal(size=(5, 4)).astype(dtype)
    weight = torch.nn.Parameter(torch.tensor(w))
    twin = case.twin([weight])
    slots = slots_for(case.optimizer, w)
    for t in range(1, 11):
        dw = (random.normal(size=w.shape) * 10.0 ** random.integers(-3, 2)).astype(dtype)
        dw[0, 0] = 0
        step(case.optimizer, w, dw, slots, t)
        weight.grad = torch.tensor(dw)
        twin.step()
        assert_close(w, weight.detach().numpy(), terms=4 * t, scale=1, name=f"w after step {t}")
    assert w.dtype == dtype
    assert all(slot.dtype == dtype for slot in slots.values())


@named
def test_the_update_is_in_place_and_elementwise(optimizer):
    random = np.random.default_rng(0)
    w, gradients = random.normal(size=6), random.normal(size=(3, 6))
    alone = [w[i : i + 1].copy() for i in range(6)]
    together = w
    slots = slots_for(optimizer, w)
    held = dict(slots)
    slots_alone = [slots_for(optimizer, one) for one in alone]
    for t, dw in enumerate(gradients, start=1):
        before = dw.copy()
        optimizer.update(w, dw, slots, 0.1, t)
        assert np.array_equal(dw, before)
        for i, one in enumerate(alone):
            optimizer.update(one, dw[i : i + 1], slots_alone[i], 0.1, t)
    assert together is w
    assert set(slots) == set(optimizer.slots)
    assert all(slots[name] is held[name] for name in slots)
    np.testing.assert_array_equal(w, np.concatenate(alone))


@named
def test_no_gradient_no_move(optimizer):
    w = np.ones(3)
    slots = slots_for(optimizer, w)
    for t in range(1, 4):
        optimizer.update(w, np.zeros(3), slots, 0.1, t)
    assert w.tolist() == [1, 1, 1]


@named
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-18, 1e15])
def test_gradients_of_extreme_size_stay_finite(optimizer, dtype, size):
    w = np.zeros(2, dtype)
    slots = slots_for(optimizer, w)
    for t in range(1, 1001):
        optimizer.update(w, np.array([size, -size], dtype), slots, 1e-3, t)
    assert np.isfinite(w).all()
    assert w[0] == -w[1] < 0


@pytest.mark.parametrize("optimizer", [AdaGrad(), Adam(), AdamW()], ids=repr)
def test_the_first_step_does_not_depend_on_the_size_of_the_gradient(optimizer):
    for size in (1e-2, 1.0, 1e3):
        w = np.zeros(1)
        optimizer.update(w, np.array([size]), slots_for(optimizer, w), 0.1, 1)
        assert np.isclose(w[0], -0.1, rtol=1e-4)


def test_a_steady_gradient_is_worth_ten_times_as_much_with_momentum():
    w = np.zeros(1)
    slots = slots_for(Momentum(), w)
    for t in range(1, 301):
        Momentum().update(w, np.ones(1), slots, 0.01, t)
    assert np.isclose(slots["v"][0], -0.01 / (1 - 0.9))


def test_nesterov_is_the_textbook_form_seen_from_the_point_ahead():
    """v <- mu v - alpha g(w + mu v), w <- w + v, on g(w) = 3 w; ours holds w + mu v."""
    mu, alpha = 0.9, 0.1
    w, v = 1.0, 0.0
    ahead = np.ones(1)
    slots = slots_for(Nesterov(), ahead)
    for t in range(1, 11):
        v = mu * v - alpha * 3 * (w + mu * v)
        w = w + v
        Nesterov().update(ahead, 3 * ahead, slots, alpha, t)
        assert np.isclose(ahead[0], w + mu * v)


def test_amsgrad_remembers_the_largest_gradient_and_adam_does_not():
    """A gradient of 100, then ones: Adam's divisor falls back to 1, AMSGrad's stays."""
    lengths = {}
    for optimizer in (Adam(beta2=0.5), AMSGrad(beta2=0.5)):
        w = np.zeros(1)
        slots = slots_for(optimizer, w)
        for t, dw in enumerate([100.0] + [1.0] * 200, start=1):
            before = w.copy()
            optimizer.update(w, np.array([dw]), slots, 1.0, t)
        lengths[type(optimizer)] = float(before[0] - w[0])
    assert lengths[Adam] == pytest.approx(1, rel=1e-3)
    assert lengths[AMSGrad] == pytest.approx(1 / sqrt(100**2 / 2), rel=1e-3)


def test_radam_divides_from_the_sixth_update_on():
    """Until then each step is alpha m_hat: as large as the gradient, which Adam's is not."""
    for size in (1e-3, 1e3):
        w = np.zeros(1)
        slots = slots_for(RAdam(), w)
        moves = []
        for t in range(1, 8):
            before = w.copy()
            RAdam().update(w, np.full(1, size), slots, 0.1, t)
            moves.append(float(before[0] - w[0]))
        assert moves[:5] == pytest.approx([0.1 * size] * 5)
        assert max(moves[5:]) < 0.1 * 0.2
    assert 0.997 < RAdam().rectification(10_000) < RAdam().rectification(1_000_000) <= 1


def test_only_adamw_decays_on_its_own():
    decays = {type(optimizer).__name__: optimizer.decoupled_decay() for optimizer in ALL}
    assert {name for name, decay in decays.items() if decay} == {"AdamW"}


def test_the_courses_defaults():
    assert Momentum().momentum == Nesterov().momentum == 0.9
    assert AdaGrad().delta == 1e-7
    assert RMSProp().decay == 0.99
    assert (Adam().beta1, Adam().beta2) == (0.9, 0.999)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        *((lambda cls=cls: cls(learning_rate=-0.1), "learning_rate") for cls in OPTIMIZERS.values()),
        (lambda: SGD(learning_rate=float("nan")), "learning_rate"),
        (lambda: Momentum(momentum=1.0), "momentum"),
        (lambda: Nesterov(momentum=-0.1), "momentum"),
        (lambda: AdaGrad(delta=0.0), "delta"),
        (lambda: RMSProp(decay=1.5), "decay"),
        (lambda: Adam(beta2=1.0), "beta2"),
        (lambda: AdamW(weight_decay=-1.0), "weight_decay"),
        (lambda: AdaDelta(decay=1.0), "decay"),
        (lambda: Lion(beta1=1.0), "beta1"),
        (lambda: Lion(weight_decay=-1.0), "weight_decay"),
    ],
)
def test_settings_out_of_range_are_named(make, name):
    with pytest.raises(SettingError, match=name):
        make()
