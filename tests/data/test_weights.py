"""Weights of samples and classes: how often a sample is drawn, and what follows for the loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import koubai as kb
from koubai.core.errors import DataError
from koubai.data.sampler import Sampler
from koubai.train.recipe import Recipe

WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5])


@pytest.mark.parametrize("replacement", [True, False])
def test_samples_are_drawn_in_proportion_to_their_weights(replacement):
    drawn = np.bincount(Sampler(4, 2, 0, replacement, WEIGHTS).batches(0, 10_000).ravel(), minlength=4)
    assert drawn[1] == 0
    np.testing.assert_allclose(drawn / drawn.sum(), WEIGHTS / 4, atol=4 * 0.5 / np.sqrt(20_000))


@settings(deadline=None)
@given(weights=st.lists(st.floats(0, 1e6), min_size=2, max_size=40).filter(any), seed=st.integers(0, 2**32))
def test_an_epoch_holds_every_sample_as_often_as_its_share_says(weights, seed):
    n = len(weights)
    found = np.bincount(Sampler(n, n, seed, False, np.array(weights)).batches(3, 1)[0], minlength=n)
    share = n * np.array(weights) / np.sum(weights)
    assert (np.abs(found - share) < 1 + 1e-6).all()
    assert not found[share == 0].any()


def test_equal_weights_change_no_epoch():
    plain, weighted = (Sampler(50, 7, 3, False, w) for w in (None, np.full(50, 0.3)))
    assert np.array_equal(plain.batches(0, 30), weighted.batches(0, 30))


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_the_weighted_mean_is_what_every_engine_learns(engine):
    """One number for all: the least weighted squared error is at the weighted mean."""
    x, t = np.zeros((4, 1)), np.array([0.0, 100.0, 2.0, 4.0])
    run = kb.fit(
        kb.Linear(1),
        (x, t, x[:0], t[:0]),
        sample_weight=WEIGHTS,
        optimizer=kb.SGD(0.05),
        schedule=kb.ExponentialDecay(0.998, every=1),
        replacement=False,
        batch_size=4,
        steps=1500,
        engine=engine,
        progress=False,
    )
    expected = (WEIGHTS * t).sum() / WEIGHTS.sum()
    np.testing.assert_allclose(run.predict(np.zeros((1, 1)))[0, 0], expected, atol=0.15)


def test_weights_follow_their_samples_through_split_and_choice():
    x, t = np.arange(40.0)[:, None], np.arange(40) % 4
    source = kb.data.arrays(x, t, sample_weight=np.arange(40.0) + 1, classes=(1, 3), validation=2, train=8)
    dataset = source.load()
    assert np.array_equal(dataset.w_train, np.asarray(dataset.x_train)[:, 0] + 1)


def test_the_digest_knows_weights():
    x, t = np.arange(6.0)[:, None], np.arange(6) % 2
    digests = {kb.data.arrays(x, t, sample_weight=w).sha256 for w in (None, np.ones(6), np.arange(6.0))}
    assert len(digests) == 3
    loaded = [kb.data.arrays(x, t, sample_weight=w).load().sha256 for w in (None, np.arange(1.0, 7))]
    assert loaded[0] != loaded[1]


def test_balanced_gives_every_class_the_same_sum():
    t = np.repeat([0, 1, 2], [100, 10, 40])
    w = kb.data.arrays(np.zeros((150, 1)), t, test_share=0, class_weight="balanced").load()
    sums = np.bincount(w.t_train, w.w_train)
    np.testing.assert_allclose(sums, 50)


def test_class_weight_goes_through_a_recipe_file_and_old_recipes_keep_their_hash():
    plain = Recipe(kb.Linear(10), kb.data.digits())
    assert plain.hash == "8f31006bfca4b29b"
    for how in ("balanced", (1.0,) * 9 + (2.5,)):
        recipe = plain.edit(data__class_weight=how)
        assert recipe.data.class_weight == how
        assert Recipe.from_toml(recipe.to_toml()) == recipe
        assert recipe.hash != plain.hash


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x, t: kb.data.arrays(x, t, sample_weight=[1.0]), "one number for each sample"),
        (lambda x, t: kb.data.arrays(x, t, sample_weight=[-1.0] + [1.0] * 9), "not negative"),
        (lambda x, t: kb.data.arrays(x, t, class_weight=(1.0, 2.0, 3.0)).load(), "one number for each class"),
        (lambda x, t: kb.data.arrays(x, 0.5 * t, class_weight="balanced").load(), "targets that are classes"),
        (lambda x, t: kb.fit(kb.Linear(2), kb.data.digits(), sample_weight=[1]), "be given with arrays"),
        (
            lambda x, t: kb.data.flawed(
                kb.data.digits(class_weight="balanced"), [kb.data.Imbalance(20)]
            ).load(),
            "does not keep sample weights",
        ),
    ],
)
def test_weights_that_cannot_be_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        make(np.zeros((10, 2)), np.arange(10) % 2)
