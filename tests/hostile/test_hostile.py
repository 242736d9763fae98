"""Hostile inputs through every door: a success or an error that is told; no traceback, no hang, no growth.

`make test` takes a few hundred; the slow test takes KOUBAI_HOSTILE of them, from number KOUBAI_HOSTILE_FROM.
"""

import os

import pytest

from hostile import inputs
from hostile.doors import DOORS


def test_a_few_of_every_door_are_taken_or_refused():
    found = inputs.judge(600)
    assert not found.failed, found.table()
    assert set(found.taken + found.refused) == set(DOORS)


def test_a_judge_who_never_condemns_is_none(monkeypatch):
    def crash(rng, home):
        raise ZeroDivisionError

    def command(rng, home):
        print("\x1b]0;title\x07")

    def tell(rng, home):
        print("Traceback (most recent call last)\nKeyError: 1")

    def wait(rng, home):
        import time

        time.sleep(60)

    monkeypatch.setattr(inputs, "SECONDS", 0.2)
    doors = {"crash": (crash, 1), "command": (command, 1), "tell": (tell, 1), "wait": (wait, 1)}
    monkeypatch.setattr(inputs, "DOORS", doors)
    found = inputs.judge(1)
    assert found.failed == 4
    kinds = "\n".join(found.failures)
    assert all(word in kinds for word in ("ZeroDivisionError", "unseen letters", "Traceback", "Hang"))


@pytest.mark.slow
def test_very_many_are_taken_or_refused():
    count, first = (
        int(os.environ.get(f"KOUBAI_HOSTILE{end}", usual)) for end, usual in (("", 20_000), ("_FROM", 0))
    )
    found = inputs.run(count, os.cpu_count() or 1, first)
    print(found.table())
    assert not found.failed, found.table()
