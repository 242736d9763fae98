from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from koubai.core.errors import DataError
from koubai.data.sampler import Sampler

GOLDEN = 0x9E3779B97F4A7C15


def test_the_sequence_is_fixed_for_all_time():
    # Written down once: a change of these numbers changes every run anybody ever recorded.
    drawn = Sampler(n=10, batch_size=4, seed=7).batches(0, 3)
    assert drawn.tolist() == [[7, 3, 0, 1], [8, 2, 7, 9], [2, 5, 8, 0]]
    epochs = Sampler(n=10, batch_size=4, seed=7, replacement=False).batches(0, 3)
    assert epochs.tolist() == [[5, 6, 2, 4], [1, 9, 0, 8], [7, 2, 4, 9]]


def splitmix(x: int) -> int:
    x %= 1 << 64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % (1 << 64)
    return x ^ (x >> 31)


@settings(deadline=None)
@given(n=st.integers(1, 10**6), seed=st.integers(0, 2**63), at=st.integers(0, 10**6))
def test_draws_follow_their_definition_in_plain_integers(n, seed, at):
    stream = splitmix((splitmix(seed + GOLDEN) + GOLDEN) ^ splitmix(crc32(b"order") + (1 << 32) + GOLDEN))
    expected = [(splitmix(splitmix(i * GOLDEN) ^ stream) >> 32) * n >> 32 for i in range(3 * at, 3 * at + 6)]
    assert Sampler(n, 3, seed).batches(at, 2).ravel().tolist() == expected


@pytest.mark.parametrize("replacement", [True, False])
def test_the_sequence_depends_on_the_seed_and_on_nothing_drawn_before(replacement):
    def run(seed: int) -> np.ndarray:
        return Sampler(100, 10, seed, replacement).batches(0, 50)

    first = run(3)
    np.random.default_rng(0).random(1000)
    np.testing.assert_array_equal(run(3), first)
    assert (run(4) != first).mean() > 0.9


@settings(deadline=None)
@given(
    sampler=st.builds(
        Sampler, st.integers(5, 60), st.integers(1, 5), st.integers(0, 2**32), replacement=st.booleans()
    ),
    first=st.integers(0, 100),
    cuts=st.lists(st.integers(0, 7), max_size=6),
)
def test_batches_are_the_same_however_they_are_cut(sampler, first, cuts):
    whole = sampler.batches(first, sum(cuts))
    assert whole.shape == (sum(cuts), sampler.batch_size)
    assert whole.dtype == np.int64
    at = first
    for count in cuts:
        np.testing.assert_array_equal(sampler.batches(at, count), whole[at - first : at - first + count])
        at += count


@pytest.mark.parametrize(("n", "batch"), [(1000, 100), (60_000, 100), (7, 4)])
def test_draws_with_replacement_are_uniform_and_do_not_follow_from_their_neighbor(n, batch):
    drawn = Sampler(n, batch, seed=1).batches(0, max(40 * n, 4000) // batch).ravel()
    assert drawn.min() >= 0
    assert drawn.max() < n
    counts = np.bincount(drawn, minlength=n)
    assert 0.001 < chisquare(counts).pvalue < 0.999
    correlation = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(len(drawn))


def test_a_batch_with_replacement_holds_duplicates_as_often_as_chance_says():
    batches = Sampler(1000, 100, seed=5).batches(0, 2000)
    distinct = np.array([len(np.unique(row)) for row in batches])
    assert distinct.mean() == pytest.approx(1000 * (1 - (1 - 1 / 1000) ** 100), rel=0.003)


@pytest.mark.parametrize(("n", "batch"), [(12, 4), (13, 4), (5, 5)])
def test_without_replacement_every_epoch_is_a_permutation_cut_into_whole_batches(n, batch):
    per_epoch = n // batch
    sampler = Sampler(n, batch, seed=2, replacement=False)
    epochs = sampler.batches(0, 20 * per_epoch).reshape(20, -1)
    for epoch in epochs:
        assert len(set(epoch.tolist())) == per_epoch * batch
        assert set(epoch.tolist()) <= set(range(n))
    assert len({tuple(epoch) for epoch in epochs.tolist()}) > 15, "epochs are shuffled again"
    assert set(epochs.ravel().tolist()) == set(range(n)), "the remainder left out changes with the epoch"


def test_what_cannot_be_drawn_is_an_error():
    with pytest.raises(DataError, match="larger than the data"):
        Sampler(3, 4, seed=0, replacement=False)
    with pytest.raises(DataError, match="nothing to draw"):
        Sampler(0, 4, seed=0)
    with pytest.raises(DataError, match="nothing to draw"):
        Sampler(4, 0, seed=0)
