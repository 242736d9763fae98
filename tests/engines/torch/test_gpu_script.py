"""scripts/gpu, on the CPU: it tells what agrees, and can tell what does not."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pytest
import torch

SCRIPT = Path(__file__).parents[3] / "scripts" / "gpu"


@pytest.fixture
def script(monkeypatch):
    loader = SourceFileLoader("gpu_script", str(SCRIPT))
    module = module_from_spec(spec_from_loader("gpu_script", loader))
    threads = torch.get_num_threads()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr("sys.argv", ["gpu", "--device", "cpu", "--quick"])
    whole = module.networks
    monkeypatch.setattr(module, "networks", lambda quick: {"mlp": whole(quick)["mlp"]})
    yield module
    torch.set_num_threads(threads)


def test_it_compares_and_times(script, capsys):
    assert script.main() == 0
    told = capsys.readouterr().out
    assert told.count("  ok  ") == 7
    assert "| mlp, bfloat16 |" in told
    assert "| mlp, float16 |" in told
    assert "failed" not in told
    assert "All agrees." in told


def test_it_tells_what_does_not_agree(script, capsys, monkeypatch):
    monkeypatch.setattr(script, "keep", lambda *_: torch.ones(1000, 70, dtype=torch.bool))
    monkeypatch.setattr(script, "_losses", lambda job, bound: (np.nan, bound))
    assert script.main() == 1
    assert "Does not agree: masks; mlp, float32: twenty losses" in capsys.readouterr().out
