"""Shards meet: nobody goes on before all are there, however many, and few write to one line of memory."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from koubai.engines.native.backends.meeting import Meeting
from koubai.engines.native.kernels.meeting import ARRIVED, GROUP, GROUPS, LINE, meet

ROUNDS = 20


@njit(nogil=True)
def rounds_of(meeting, rest, shard, came):
    """Come to a meeting ROUNDS times; return in how many rounds somebody was behind, or -1 if sent away."""
    behind = 0
    for number in range(1, ROUNDS + 1):
        came[shard] = number
        if not meet(meeting, len(came), shard, rest):
            return -1
        behind += came.min() < number
    return behind


def met(shards, meeting):
    came, fields = np.zeros(shards, np.int64), meeting.fields()
    meeting.open()
    with ThreadPoolExecutor(shards) as threads:
        ends = [
            threads.submit(rounds_of, fields["meeting"], fields["rest"], shard, came)
            for shard in range(shards)
        ]
        return [end.result(60) for end in ends], came


@pytest.mark.parametrize("shards", [2, 8, 9, 17, 64])
def test_nobody_goes_on_before_all_are_there(shards):
    meeting = Meeting(shards)
    for _ in range(2):  # a meeting opens again
        behind, came = met(shards, meeting)
        assert behind == [0] * shards
        assert came.tolist() == [ROUNDS] * shards
    counts = meeting._memory
    groups = -(-shards // GROUP)
    assert counts[ARRIVED] == ROUNDS * (groups if groups > 1 else shards)
    sizes = [min(GROUP, shards - at) for at in range(0, shards, GROUP)] if groups > 1 else []
    assert counts[GROUPS::LINE].tolist() == [ROUNDS * size for size in sizes]
    assert max([counts[ARRIVED], *counts[GROUPS::LINE]]) <= GROUP * ROUNDS  # of any line, in a round 8 writes


@pytest.mark.parametrize("shards", [2, 17])
def test_who_waits_is_sent_away(shards):
    meeting, came = Meeting(shards), np.zeros(shards, np.int64)
    meeting.open()
    fields = meeting.fields()
    with ThreadPoolExecutor(shards) as threads:
        waits = [
            threads.submit(rounds_of, fields["meeting"], fields["rest"], shard, came)
            for shard in range(shards - 1)
        ]
        meeting.call_off()
        assert [wait.result(60) for wait in waits] == [-1] * (shards - 1)
