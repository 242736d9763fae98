"""Runs compared bit for bit, and stopped where a test wants them to."""


def arrays(run):
    state = run.session.state()
    return {
        **{f"params/{name}": a for name, a in state.weights.params.items()},
        **{f"buffers/{name}": a for name, a in state.weights.buffers.items()},
        **{f"slots/{name}": a for name, a in state.slots.items()},
    }


def assert_same(run, other):
    assert run.history == other.history
    assert run.history.columns.keys()
    assert run.scores == other.scores
    assert run.stopped_by == other.stopped_by
    mine, theirs = arrays(run), arrays(other)
    assert mine.keys() == theirs.keys()
    for name, array in mine.items():
        assert array.tobytes() == theirs[name].tobytes(), name


class Stopper:
    """Ends a run from outside once a step is reached, as a doctor or a Ctrl-C would."""

    def __init__(self, step, reason="interrupted"):
        self.step, self.reason = step, reason

    def __call__(self, session):
        if session.step >= self.step:
            session.stopped_by = self.reason
