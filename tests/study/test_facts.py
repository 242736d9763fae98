"""Numbers that glossary and errata state, computed again."""

import math

import numpy as np
import pytest

from koubai.core.layer import LAYERS
from koubai.core.params import ParamSpec
from koubai.initializers import GlorotNormal, HeNormal, LeCunNormal
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola
from koubai.layers.activations import Sigmoid, Step, Tanh
from koubai.layers.im2col import col2im, im2col
from koubai.layers.window import out_size
from koubai.models.alexnet import AlexNet
from koubai.network.network import Network
from koubai.optim.momentum import Momentum
from koubai.optim.sgd import SGD
from koubai.study.pictures import draw


def test_the_sigmoid_slopes_at_most_a_quarter_and_never_zero():
    u = np.linspace(-20, 20, 4001)
    slope = Sigmoid().derivative(u, Sigmoid().value(u))
    assert (slope.max(), u[slope.argmax()]) == (0.25, pytest.approx(0))
    assert slope.min() > 0
    assert Tanh().max_derivative == 1


def test_the_step_function_is_not_the_absolute_value():
    assert Step().value(np.array([-2.0, 0.0, 2.0])).tolist() == [0, 1, 1]


def test_sizes_of_the_notes():
    assert out_size(6, kernel=2, stride=1, padding=1) == 7
    assert out_size(8, kernel=3, stride=2, padding=1) == 4


def test_knowing_nothing_of_ten_classes_costs_log_ten():
    assert round(math.log(10), 3) == 2.303


@pytest.mark.parametrize(("rate", "factor"), [(0.3, 0.4), (0.5, 0.0), (1.0, -1.0), (1.05, -1.1)])
def test_the_parabola_shrinks_by_one_minus_two_eps(rate, factor):
    x = Descent(surface=Parabola(a=3, b=1), optimizer=SGD(rate), start=(5.0,), steps=1).points()
    assert x[1, 0] - 3 == pytest.approx(factor * 2)


def test_a_constant_gradient_carries_momentum_ten_times_as_far():
    w, slots = np.zeros(1), {"v": np.zeros(1)}
    before = w.copy()
    for t in range(1, 300):
        before = w.copy()
        Momentum(0.01, 0.9).update(w, np.ones(1), slots, 0.01, t)
    assert (before - w)[0] == pytest.approx(10 * 0.01)


def test_glorot_and_lecun_agree_where_the_fans_do():
    square = ParamSpec((50, 50), fan_in=50, fan_out=50)
    assert GlorotNormal().std(square) == pytest.approx(LeCunNormal().std(square))
    assert HeNormal().std(square) == pytest.approx(math.sqrt(2 / 50))


def test_col2im_gives_back_as_often_as_a_pixel_is_seen():
    ones = np.ones((1, 1, 4, 4))
    counts = col2im(im2col(ones, 3), ones.shape, 3)[0, 0]
    assert counts.tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]


def test_alexnet_has_as_many_parameters_as_is_said():
    assert Network(AlexNet(), (3, 227, 227)).parameter_count == 60_965_224


def test_l1_ends_on_a_corner_and_l2_does_not():
    rows = {row[0]: [float(cell) for cell in row[1:3]] for row in draw("contours", "en").table.rows}
    assert rows["L1"][1] == 0
    assert rows["L2"][1] > 0.2


def test_a_unit_sees_what_the_formula_says():
    # r <- r + (kernel - 1): 3 x 3 behind one layer, 9 x 9 behind four
    summary = draw("receptive_field", "en").summary
    assert "sees 3 x 3 pixels" in summary
    assert "4 of them see 9 x 9" in summary


def test_every_activation_with_a_picture_is_registered():
    assert {"step", "sigmoid", "tanh", "relu", "leaky_relu", "elu"} <= set(LAYERS)
