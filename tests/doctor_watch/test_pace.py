"""Which steps are looked at: as often as half a percent of the processor's time allows, busy or not."""

import random

import pytest

from koubai.doctor.watch.observe import pace

STEPS = 4000


def looked_at(monkeypatch, *, look, noise, seed=0, waits=0.0):
    """The steps that are looked at where one takes a second, but for noise, and a look so many more."""
    clock, wall, rng = [0.0], [0.0], random.Random(seed)

    def work(seconds):
        clock[0] += seconds
        wall[0] += seconds * (1 + waits * rng.random())

    monkeypatch.setattr(pace.time, "process_time", lambda: clock[0])
    monkeypatch.setattr(pace.time, "perf_counter", lambda: wall[0])
    under, steps = pace.Pace(None), []
    for step in range(1, STEPS + 1):
        wanted = under.wants(step)
        if wanted:
            under.begin()
            steps.append(step)
            work(look)
        work(1 + noise * (2 * rng.random() - 1))
        if wanted:
            under.end(step)
    return steps


@pytest.mark.parametrize("look", [0.02, 0.3, 1.1, 30.0])
def test_waiting_for_the_processor_does_not_change_which(monkeypatch, look):
    quiet = looked_at(monkeypatch, look=look, noise=0)
    assert looked_at(monkeypatch, look=look, noise=0, waits=50.0) == quiet


def test_nor_does_noise_where_a_look_takes_many_steps(monkeypatch):
    quiet = looked_at(monkeypatch, look=30.0, noise=0)
    for seed in range(5):
        assert looked_at(monkeypatch, look=30.0, noise=0.3, seed=seed) == quiet


def test_dear_looks_are_rarer_and_the_last_third_always_has_one(monkeypatch):
    counts = []
    for look in (0.02, 0.3, 1.1, 30.0, 1e6):
        steps = looked_at(monkeypatch, look=look, noise=0)
        counts.append(len(steps))
        assert steps[:2] == [1, 11]
        assert steps[-1] >= STEPS * 2 / 3 - 1
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 10 * counts[-1]
