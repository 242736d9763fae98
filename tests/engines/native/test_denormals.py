"""Numbers below float32's normal range: computed as 0 inside a program, untouched outside."""

import numpy as np
import pytest

from koubai.engines import compile_job
from koubai.layers import Linear, ReLU, Sequential
from koubai.optim import Adam
from support.jobs import batches, classes_job

TINY = np.float32(np.finfo(np.float32).tiny)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("threads", [1, 2])
def test_moments_of_dead_weights_end_at_zero_and_the_caller_keeps_its_own_mode(threads):
    job = classes_job(Sequential(Linear(8), ReLU(), Linear(4)), (5,), optimizer=Adam(), threads=threads)
    program = compile_job(job, "native")
    program.advance(batches(job, 5))
    state = program.state()
    state.weights.params["0.bias"][:] = -100  # every unit is dead: the gradients below it are exactly 0
    program.restore(state)
    program.advance(batches(job, 1500))
    for name, array in program.state().slots.items():
        assert not ((array != 0) & (np.abs(array) < TINY)).any(), name
    assert np.float32(1e-30) * np.float32(1e-10) != 0  # a denormal outside the program
