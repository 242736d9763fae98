"""Recording: many tapped steps at once give the history that one after the other gives."""

import numpy as np
import pytest

from koubai.engines import Observation, compile_job
from koubai.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Sigmoid
from koubai.probes.history import History
from koubai.probes.record import Recorder, default_probes
from support.jobs import batches, classes_job

LAYERS = Sequential(Conv2d(4, 3), ReLU(), MaxPool2d(2), Flatten(), Linear(6), Sigmoid(), Linear(5))


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("units", [False, True])
def test_many_steps_are_recorded_as_one_after_the_other(engine, units):
    job = classes_job(LAYERS, (1, 8, 8))
    taps = []
    compile_job(job, engine).advance(
        batches(job, 7), Observation(tap_every=2, first_until=3, units=units), taps.append
    )
    recorder = Recorder(job.network, default_probes())
    together, one_by_one = History(), History()
    together.write(recorder.measure(taps))
    for tap in taps:
        one_by_one.write(recorder.measure([tap]))
    assert together == one_by_one
    assert list(together.series("activation_mean", "0")[0]) == [1, 2, 3, 4, 6]
    assert together.vectors.keys() == one_by_one.vectors.keys()
    assert bool(together.vectors) is units
    for key, rows in together.vectors.items():
        assert np.array_equal(rows, one_by_one.vectors[key])


def test_a_ratio_is_left_out_at_the_steps_where_a_parameter_is_zero():
    job = classes_job(LAYERS, (1, 8, 8))
    taps, history = [], History()
    compile_job(job, "native").advance(batches(job, 5), Observation(tap_every=1, units=False), taps.append)
    history.write(Recorder(job.network, default_probes()).measure(taps))
    assert list(history.series("update_ratio", "4.weight")[0]) == [1, 2, 3, 4, 5]
    assert list(history.series("update_ratio", "4.bias")[0]) == [2, 3, 4, 5]  # a new bias is 0
