"""The worked example of docs/engine.md is true: its lines are taken from there, and train."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from koubai.engines import compile_job
from koubai.engines.native.backends.find import backend_named
from koubai.engines.native.builder import GraphBuilder, Stored, Value
from koubai.layers import Conv2d, Flatten, LayerNorm, Linear, Sequential
from support.jobs import first_gradients, values_job

TEXT = (Path(__file__).parents[3] / "docs/engine.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# ([a-z_/]+\.py)[^\n]*\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture
def example(tmp_path, monkeypatch, backend):
    """A module for each file of the example, in its place; the layer's is returned."""

    def module(name, path):
        file = tmp_path / f"{name.rpartition('.')[2]}_of_the_example.py"
        file.write_text(BLOCKS[path], encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, made)
        spec.loader.exec_module(made)
        return made

    names = {"Value": Value, "Stored": Stored}
    exec(BLOCKS["builder.py"], names)
    monkeypatch.setattr(GraphBuilder, "scale", names["scale"], raising=False)
    module("koubai.engines.native.kernels.scale", "kernels/scale.py")
    ops = module("koubai.engines.native.ops.scale", "ops/scale.py")
    monkeypatch.setitem(backend_named(backend).ops, "scale", ops.ScaleOp())
    return module("channel_scale", "layers/channel_scale.py")


@pytest.mark.parametrize("threads", [1, 2])
def test_it_has_the_gradients_of_its_formula(example, threads):
    layer = Sequential(Conv2d(20, 3), example.ChannelScale(), LayerNorm(), Flatten(), Linear(3))
    job = values_job(layer, (2, 6, 6), batch=4, threads=threads)
    assert "reference formula" not in compile_job(job, "native").listing()
    loss, gradients = first_gradients(job, "native")
    expected_loss, expected = first_gradients(job, "reference")
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for path, gradient in expected.items():
        np.testing.assert_allclose(gradients[path], gradient, rtol=1e-3, atol=1e-5, err_msg=path)
