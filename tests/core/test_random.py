"""Addressed randomness: an independent twin in plain integers, and statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koubai.core.random import generator, indices, keep_mask, key, mix64, permutation, uint64s

M64, M32 = 2**64 - 1, 2**32 - 1
seeds = st.integers(0, 2**63)


def splitmix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M64
    return x ^ (x >> 31)


def wellons(h):
    h = ((h ^ (h >> 16)) * 0x7FEB352D) & M32
    h = ((h ^ (h >> 15)) * 0x846CA68B) & M32
    return h ^ (h >> 16)


def test_the_finalizer_is_the_published_one():
    """The first three outputs of SplitMix64 from state 1234567 (its widely used test vector)."""
    states = [(1234567 + n * 0x9E3779B97F4A7C15) & M64 for n in (1, 2, 3)]
    assert [mix64(state) for state in states] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip


@given(seeds, st.integers(0, 10**6))
def test_words_are_those_of_plain_integers(seed, start):
    k = key(seed, "order", 3)
    expected = [splitmix(splitmix((n * 0x9E3779B97F4A7C15) & M64) ^ k) for n in range(start, start + 5)]
    assert uint64s(k, start, 5).tolist() == expected
    assert indices(k, start, 5, 60_000).tolist() == [((w >> 32) * 60_000) >> 32 for w in expected]


@given(seeds, st.sampled_from([0.0, 0.08, 0.5, 0.999]))
def test_masks_are_those_of_plain_integers(seed, ratio):
    k = key(seed, "dropout", "3", 7)
    expected = [
        wellons(wellons(i ^ (k & M32)) ^ (k >> 32)) >= min(round(ratio * 2**32), M32) for i in range(12)
    ]
    mask = keep_mask(k, (3, 4), ratio)
    assert mask.shape == (3, 4)
    assert mask.ravel().tolist() == expected


def test_every_word_of_an_address_makes_another_key():
    addresses = [(), ("a",), ("b",), (1,), ("1",), (1, 2), (2, 1), (12,), ("a", "b"), ("ab",), ("b", "a")]
    keys = {key(seed, *words) for seed in range(20) for words in addresses}
    assert len(keys) == 20 * len(addresses)


@pytest.mark.parametrize("n", [1, 2, 7, 300, 60_000])
def test_indices_are_uniform_with_replacement(n):
    count = 200_000
    drawn = indices(key(0, "order"), 0, count, n)
    assert drawn.dtype == np.int64
    assert drawn.min() >= 0
    assert drawn.max() < n
    bins = min(n, 50)
    observed = np.bincount(drawn * bins // n, minlength=bins)
    expected = np.bincount(np.arange(n) * bins // n, minlength=bins) * count / n
    chi_square = ((observed - expected) ** 2 / expected).sum()
    assert chi_square < bins + 5 * np.sqrt(2 * bins)


def test_a_stream_may_be_read_from_anywhere():
    k = key(5, "order")
    assert np.array_equal(indices(k, 0, 100, 60_000)[30:60], indices(k, 30, 30, 60_000))


@given(seeds, st.integers(0, 200))
def test_a_permutation_holds_every_number_once(seed, n):
    assert np.array_equal(np.sort(permutation(key(seed, "epoch", 1), n)), np.arange(n))


def test_permutations_put_each_number_everywhere():
    n, trials = 6, 3000
    places = np.array([permutation(key(seed, "epoch"), n) for seed in range(trials)])
    for place in range(n):
        observed = np.bincount(places[:, place], minlength=n)
        assert ((observed - trials / n) ** 2 / (trials / n)).sum() < n + 5 * np.sqrt(2 * n)


def test_generators_of_one_address_agree_and_others_do_not():
    draws = [generator(*address).random(4).tolist() for address in ((0, "w"), (0, "w"), (1, "w"), (0, "v"))]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2] != draws[3] != draws[0]


def test_nothing_of_numpys_global_state_is_used():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - to see that it stays
    keep_mask(key(0), (4,), 0.5)
    permutation(key(0), 5)
    generator(0, "w").random()
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
