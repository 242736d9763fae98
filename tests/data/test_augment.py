"""Augmentation: each way against its definition, and the same draws in every engine."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.ndimage import affine_transform
from scipy.stats import beta

import koubai.engines.native.program as native
from koubai.core.errors import ConfigError, DataError, SettingError, UnknownName
from koubai.data import Circles, Crop, Digits, Erase, Flawed, Flip, Imbalance, Mixup, Regression, Rotate
from koubai.data.augment import AUGMENTATIONS, Augmentation
from koubai.data.augment.augmentation import altered
from koubai.layers import Conv2d, Dropout, Flatten, Linear, ReLU
from koubai.layers.sequential import Sequential
from koubai.losses import MeanSquaredError, SoftmaxCrossEntropy
from koubai.optim import Adam
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import read_recipe
from koubai.train.session import Session

NET = Sequential(Conv2d(4, 3, padding=1), ReLU(), Flatten(), Dropout(0.2), Linear(10))
WAYS = (Flip(), Crop(2), Rotate(20), Erase(), Mixup())
PICTURES = np.random.default_rng(0).uniform(0.1, 1, (200, 2, 6, 5))
LABELS = np.arange(200) % 10


def alter(way, x=PICTURES, t=LABELS, step=1):
    return altered([way], x.copy(), t, seed=3, step=step)


def recipe(ways=WAYS, **rest):
    return Recipe(NET, Digits(train=60, augment=ways), optimizer=Adam(0.01), batch_size=16, steps=9, **rest)


@pytest.mark.parametrize("way", [cls() for cls in AUGMENTATIONS.values()], ids=lambda way: way.registry_name)
def test_a_draw_is_a_function_of_seed_update_and_place_and_labels_stay(way):
    (first, labels), (again, _), (later, _) = alter(way), alter(way), alter(way, step=2)
    np.testing.assert_array_equal(first, again)
    assert (first != later).any()
    assert first.shape == PICTURES.shape
    np.testing.assert_array_equal(labels, LABELS)
    part, _ = alter(way, PICTURES[:50], LABELS[:50])
    if not isinstance(way, Mixup):  # which mixes with others of the batch
        np.testing.assert_array_equal(part, first[:50])


@pytest.mark.parametrize(
    ("axis", "mirror"), [("horizontal", np.s_[..., ::-1]), ("vertical", np.s_[..., ::-1, :])]
)
def test_a_share_of_the_pictures_is_flipped(axis, mirror):
    x, _ = alter(Flip(axis, 0.25))
    turned = np.array([np.array_equal(a, b[mirror]) for a, b in zip(x, PICTURES, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(x, PICTURES, strict=True)])
    assert (turned ^ same).all()
    assert 0.15 < turned.mean() < 0.35


def test_a_crop_is_a_shift_by_whole_pixels_and_all_shifts_come():
    x, _ = alter(Crop(1))
    wide = np.pad(PICTURES, ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifts = [
        [(i, j) for i in range(3) for j in range(3) if np.array_equal(y, w[:, i : i + 6, j : j + 5])]
        for y, w in zip(x, wide, strict=True)
    ]
    assert all(len(found) == 1 for found in shifts)
    assert {found[0] for found in shifts} == {(i, j) for i in range(3) for j in range(3)}


def test_a_quarter_turn_and_no_turn_by_hand():
    square = PICTURES[:1, :, :5, :]
    turned, _ = Rotate(90).alter(square.copy(), LABELS[:1], np.array([[1.0]]))
    np.testing.assert_allclose(turned[0], np.rot90(square[0], axes=(1, 2)), atol=1e-12)
    same, _ = Rotate(90).alter(square.copy(), LABELS[:1], np.array([[0.5]]))
    np.testing.assert_allclose(same, square, atol=1e-12)


def test_a_turn_is_scipys():
    u = np.array([[0.9], [0.2]])
    turned, _ = Rotate(40).alter(PICTURES[:2].copy(), LABELS[:2], u)
    middle = np.array([2.5, 2.0])
    for x, y, number in zip(PICTURES, turned, u[:, 0], strict=False):
        a = np.deg2rad((2 * number - 1) * 40)
        matrix = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        for channel, found in zip(x, y, strict=True):
            expected = affine_transform(
                channel, matrix, middle - matrix @ middle, order=1, mode="grid-constant"
            )
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_what_is_erased_is_a_rectangle_of_a_drawn_area_in_all_channels():
    x, _ = alter(Erase(share=0.7, smallest=0.1, largest=0.4))
    gone = (x == 0).all(axis=1)
    np.testing.assert_array_equal(np.where(gone[:, None], 0, PICTURES), x)
    hit = gone.any(axis=(1, 2))
    assert 0.55 < hit.mean() < 0.85
    for mask in gone[hit]:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask.sum() == len(rows) * len(columns)
        assert all(b - a == 1 for line in (rows, columns) for a, b in pairwise(line))
    assert gone[hit].sum(axis=(1, 2)).min() >= 0.1 * 30 - 3
    assert gone.sum(axis=(1, 2)).max() <= 0.4 * 30 + 6


def test_mixup_mixes_values_and_inputs_by_the_same_share():
    x, t = np.arange(40.0).reshape(20, 2), np.arange(20.0)[:, None]
    mixed, targets = alter(Mixup(0.5), x, t)
    np.testing.assert_allclose(mixed, np.hstack([2 * targets, 2 * targets + 1]), rtol=1e-12)
    assert (targets != t).any()


def test_a_kept_label_costs_in_the_mean_what_mixed_targets_do():
    """Over both orders of two samples: integrals over lambda of the loss of Zhang et al. 2018 and of ours."""
    alpha, loss = 0.4, SoftmaxCrossEntropy()
    a, b, W = np.array([1.0, -2.0]), np.array([0.5, 3.0]), np.array([[1.0, -1.0, 0.3], [0.2, 0.7, -0.5]])

    def cost(share, x, other, label):
        return loss.value(((share * x + (1 - share) * other) @ W)[None], np.array([label]))

    def mean(f, first):
        return quad(lambda s: f(s) * beta(first, alpha).pdf(s), 0, 1, limit=200)[0]

    theirs = mean(lambda s: s * cost(s, a, b, 0) + (1 - s) * cost(s, a, b, 2), alpha)
    ours = (mean(lambda s: cost(s, a, b, 0), alpha + 1) + mean(lambda s: cost(s, b, a, 2), alpha + 1)) / 2
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_every_engine_trains_on_the_same_batches():
    losses, weights = {}, {}
    for engine in ("reference", "native", "torch"):
        session = Session(recipe(), engine=engine)
        losses[engine] = session.advance(9)
        weights[engine] = session.state().weights.params
    plain = Session(recipe(()), engine="reference").advance(9)
    for engine in ("native", "torch"):
        np.testing.assert_allclose(losses[engine], losses["reference"], rtol=1e-4)
        for path, w in weights["reference"].items():
            np.testing.assert_allclose(weights[engine][path], w, atol=2e-4)
    assert abs(losses["reference"] - plain).max() > 0.01


@pytest.mark.parametrize("engine", ["reference", "native", "torch"])
def test_a_resume_and_a_fork_go_on_bit_for_bit(engine, monkeypatch):
    whole = Session(recipe(), engine=engine)
    whole.advance(9)
    monkeypatch.setattr(native, "_FED_BYTES", 1)  # one update at a time
    session = Session(recipe(), engine=engine)
    session.advance(4)
    forked, resumed = session.fork(), Session(recipe(), engine=engine)
    resumed.restore(session.state())
    for one in (forked, resumed):
        one.advance(5)
        for path, w in whole.state().weights.params.items():
            np.testing.assert_array_equal(one.state().weights.params[path], w)


@pytest.mark.parametrize("engine", ["reference", "native", "torch"])
def test_what_has_no_kernel_is_listed(engine):
    said = Session(recipe(), engine=engine).program.listing()
    plain = Session(recipe(()), engine=engine).program.listing()
    for way in WAYS:
        assert f"formula: {way.registry_name} (augmentation)" in said
    assert "augmentation" not in plain


def test_targets_that_are_values_are_mixed_in_every_engine():
    data = Regression(n=60, augment=[Mixup(1.0)])
    found = [
        Session(
            Recipe(
                Sequential(Linear(3), ReLU(), Linear(1)), data, loss=MeanSquaredError(), batch_size=8, steps=5
            ),
            engine=engine,
        ).advance(5)
        for engine in ("reference", "native", "torch")
    ]
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-4)


def test_what_is_evaluated_and_the_data_set_stay_as_they_are():
    plain, session = Digits(train=60).load(), Session(recipe(), engine="native")
    np.testing.assert_array_equal(session.dataset.x_train, plain.x_train)
    before = session.evaluate("train")
    assert before == Session(recipe(()), engine="native").evaluate("train")


def test_old_recipes_keep_their_hash():
    net = Sequential(Conv2d(8, 3, padding=1), ReLU(), Flatten(), Linear(10))
    assert Recipe(net, Digits()).hash == "53e4236d84cae8c5"
    assert Recipe(net, Digits(augment=[Flip()])).hash != "53e4236d84cae8c5"


def test_a_recipe_says_it_in_a_file_and_every_mistake_is_told():
    whole = recipe()
    assert read_recipe(whole.to_toml()) == whole
    lines = (
        'network = ["flatten", { type = "linear", out_features = 10 }]',
        "[data]",
        'type = "digits"',
        'augment = ["flipp", { type = "crop", padding = 0 }]',
    )
    with pytest.raises(ConfigError) as caught:
        read_recipe("\n".join(lines))
    found = {problem.path: problem for problem in caught.value.problems}
    assert found["data.augment.0"].hint == "did you mean 'flip'?"
    assert found["data.augment.1.padding"].line == 4


def test_what_cannot_be_altered_is_refused_at_the_door():
    with pytest.raises(ConfigError, match="crop alters pictures"):
        Session(Recipe(Sequential(Linear(2)), Circles(augment=[Crop()])), engine="reference")
    with pytest.raises(DataError, match="not an augmentation"):
        Digits(augment=["flip"])
    with pytest.raises(DataError, match="inner source"):
        Flawed(Digits(augment=[Flip()]), [Imbalance()])
    for make in (lambda: Flip(share=2), lambda: Rotate(0), lambda: Mixup(0), lambda: Erase(smallest=0)):
        with pytest.raises(SettingError):
            make()
    with pytest.raises(UnknownName, match="did you mean 'vertical'"):
        Flip("verticle")
    assert isinstance(Flip(), Augmentation)
