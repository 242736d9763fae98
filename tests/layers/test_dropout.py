import numpy as np
import pytest
import torch

from koubai.core.errors import SettingError
from koubai.core.random import keep_mask, key
from koubai.layers import Dropout, Sequential
from koubai.network import Network
from support.samples import Sample


def with_mask(layer):
    """The mask of a sample's cell (seed 9, path "", step 1), applied the long way round."""

    def twin(x, p):
        kept = keep_mask(key(9, "dropout", "", 1), tuple(x.shape), layer.ratio)
        return torch.where(torch.tensor(kept), x / (1 - layer.ratio), torch.zeros_like(x) * x)

    return twin


SAMPLES = [
    *(Sample(Dropout(ratio), (6,), with_mask(Dropout(ratio))) for ratio in (0.0, 0.3, 0.5)),
    Sample(Dropout(0.4), (2, 3, 4), with_mask(Dropout(0.4))),
    Sample(Dropout(0.4), (6,), lambda x, p: x.clone(), training=False, note="at test time"),
]
N = 200_000


def masks(layer, *, seed=0, step=1, count=N, depth=1):
    """What each of `depth` equal layers of a network keeps of `count` ones, as True and False."""
    network = Network(Sequential(*[layer] * depth), (count,))
    root = network.bind(network.initialize(seed, "float32"), training=True, seed=seed)
    kept = []
    for cell in root.children.values():
        cell.step = step
        kept.append(cell.forward(np.ones((1, count), np.float32))[0] != 0)
    return kept


def agreement_is_chance(a, b, rate):
    """Two independent masks agree on rate^2 + (1 - rate)^2 of the elements, within five deviations."""
    chance = rate**2 + (1 - rate) ** 2
    return abs((a == b).mean() - chance) < 5 * np.sqrt(chance * (1 - chance) / len(a))


@pytest.mark.parametrize("ratio", [0.08, 0.15, 0.5, 0.9])
def test_the_share_of_silent_units_is_the_ratio_and_the_mean_stays(ratio):
    (kept,) = masks(Dropout(ratio))
    deviation = np.sqrt(ratio * (1 - ratio) / N)
    assert abs(1 - kept.mean() - ratio) < 5 * deviation
    network = Network(Dropout(ratio), (N,))
    cell = network.bind(network.initialize(0), training=True)
    y = cell.forward(np.ones((1, N), np.float32))
    assert np.unique(y).tolist() == [0, np.float32(1) / np.float32(1 - ratio)]
    assert abs(y.mean() - 1) < 5 * deviation / (1 - ratio) + 1e-6


@pytest.mark.parametrize("ratio", [0.15, 0.5])
def test_masks_of_steps_layers_and_seeds_are_independent(ratio):
    first, other_layer = masks(Dropout(ratio), depth=2)
    (next_step,) = masks(Dropout(ratio), step=2)
    (other_seed,) = masks(Dropout(ratio), seed=1)
    for other in (other_layer, next_step, other_seed):
        assert agreement_is_chance(first, other, ratio)


@pytest.mark.parametrize("lag", [1, 2, 3, 16, 64, 100, 784])
def test_neighbors_in_a_mask_are_independent(lag):
    (kept,) = masks(Dropout(0.5))
    assert agreement_is_chance(kept[:-lag], kept[lag:], 0.5)


def test_a_unit_is_silent_as_often_as_any_other_over_the_steps():
    ratio, steps, units = 0.3, 2000, 50
    silent = sum(~masks(Dropout(ratio), step=step, count=units)[0] for step in range(1, steps + 1))
    chi_square = ((silent - steps * ratio) ** 2 / (steps * ratio * (1 - ratio))).sum()
    assert abs(chi_square - units) < 5 * np.sqrt(2 * units)


def test_the_same_step_has_the_same_mask():
    assert np.array_equal(masks(Dropout(0.5), step=7)[0], masks(Dropout(0.5), step=7)[0])


def test_at_test_time_nothing_happens():
    network = Network(Dropout(0.5), (4,))
    cell = network.bind(network.initialize(0), training=False)
    x = np.arange(4.0).reshape(1, 4)
    assert cell.forward(x) is x


@pytest.mark.parametrize("ratio", [1.0, -0.1, float("nan")])
def test_settings_out_of_range_are_named(ratio):
    with pytest.raises(SettingError, match="ratio"):
        Dropout(ratio)
