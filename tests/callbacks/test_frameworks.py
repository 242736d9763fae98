"""One line in each framework's own loop, with the framework itself: a name with its line, or healthy."""

import copy
import importlib
import os
import pickle

import pytest

from support import framework_loops

os.environ.setdefault("KERAS_BACKEND", "torch")  # before anything imports it

FRAMEWORKS = ("lightning", "transformers", "accelerate", "skorch", "ignite", "keras")


def trained(framework, zero):
    module = pytest.importorskip(framework, reason=f"{framework} is not installed")
    if framework == "keras" and module.backend.backend() != "torch":
        pytest.skip("Keras computes with another library here")
    watch = importlib.import_module(f"koubai.callbacks.{framework}").watch
    return getattr(framework_loops, framework)(watch, zero)


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_healthy_run_is_told_to_be_healthy(framework, capsys):
    seen = trained(framework, zero=False)
    assert seen.watch.seen.step == framework_loops.EPOCHS * len(framework_loops.T) / framework_loops.BATCH
    assert seen.verdict.name == "healthy", (seen.verdict, seen.scope)
    assert "Healthy" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_fault_is_named_with_its_line(framework, capsys):
    seen = trained(framework, zero=True)
    finding = seen.findings[0]
    # Keras' layers are none that the doctor knows from inside: it tells what came of it.
    assert finding.name == ("not_learning" if framework == "keras" else "symmetric_init")
    assert finding.place.file == framework_loops.__file__
    assert finding.code in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["lightning", "transformers", "skorch", "keras"])
def test_copies_of_a_callback_begin_anew(framework):
    pytest.importorskip(framework, reason=f"{framework} is not installed")
    watch = importlib.import_module(f"koubai.callbacks.{framework}").watch
    seen = watch(tell=False)
    for other in (copy.deepcopy(seen), pickle.loads(pickle.dumps(seen))):
        assert type(other).__name__ == type(seen).__name__
        assert not other.tell
        assert other.watch is None
