"""Samples that are kept: each once, also those that come after somebody asked."""

import torch

from koubai.doctor.watch.seen.kept_samples import KeptSamples


def shown(kept, *rows):
    x = torch.tensor(rows, dtype=torch.float32).reshape(-1, 1)
    kept.see_inputs(x)
    kept.see_targets(torch.ones(len(x)))


def rows_of(kept, limit=None):
    return kept.samples(limit)[0].reshape(-1).tolist()


def test_a_sample_that_goes_by_twice_counts_once_before_and_after_somebody_asked():
    kept = KeptSamples()
    shown(kept, 1, 2, 1)
    assert rows_of(kept) == rows_of(kept) == [1, 2]
    shown(kept, 2, 3)
    assert rows_of(kept) == [1, 2, 3]
    assert len(rows_of(kept, 2)) == 2


def test_when_it_is_full_a_batch_takes_the_place_of_another():
    kept = KeptSamples(limit=2)
    shown(kept, 1)
    shown(kept, 2)
    assert rows_of(kept) == [1, 2]
    shown(kept, 3)
    assert 3 in rows_of(kept)
    assert len(rows_of(kept)) == 2


def test_what_was_asked_for_is_a_copy():
    kept = KeptSamples()
    shown(kept, 1, 2)
    kept.samples()[0].zero_()  # a model may change its input in place
    assert rows_of(kept) == [1, 2]
