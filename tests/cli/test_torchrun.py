"""koubai train under torchrun: real processes on this machine, one killed; and wrong uses."""

import os
import subprocess
import sys

import numpy as np
import pytest

from koubai.core.cores import usable_cores
from koubai.core.errors import KoubaiError
from koubai.data import digits
from koubai.train import Recipe, RunFolder, train
from koubai.train.model_file import load
from koubai.train.together import train_together
from support.ranks import in_ranks

RECIPE = """
steps = 30
batch_size = 30
dtype = "float64"

[network]
type = "mlp"
hidden = [12]
activation = "tanh"
batch_norm = true
dropout = 0.2

[data]
type = "digits"

[optimizer]
type = "momentum"
learning_rate = 0.1
"""

# Rank 1 kills itself in the middle of a sum, the first time: nothing could be put away in good order.
DIES_ONCE = """
import os, signal, sys
from koubai.cli.process import main
from koubai.engines.torch.ranks import TorchRanks

whole, calls = TorchRanks.add, [0]

def add(ranks, tensor):
    calls[0] += 1
    if calls[0] == 130 and ranks.rank == 1 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    whole(ranks, tensor)

TorchRanks.add = add
sys.exit(main())
"""


def torchrun(folder, processes, *words, threads="1"):
    """Run torchrun on this machine alone and return what it left; `threads` None lets it decide."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {} if threads is None else {"OMP_NUM_THREADS": threads}
    return subprocess.run(
        [*command, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.long
@pytest.mark.parametrize("processes", [2, 4])
def test_processes_one_killed_end_as_one_process_does(tmp_path, processes):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "host.py").write_text(DIES_ONCE)
    how = ("train", "recipe.toml", "--out", "run", "--save-every", "10", "--plain")
    done = torchrun(tmp_path, processes, "--max-restarts=1", "host.py", *how)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained 30 steps") == 1
    folder = RunFolder(tmp_path / "run")
    assert [start["from_step"] for start in folder.environments] == [0, 20]
    alone = train(Recipe.from_toml(tmp_path / "recipe.toml"), engine="torch")
    together, ours = load(folder.path).weights.params, alone.session.state().weights.params
    assert together.keys() == ours.keys()
    for path, w in ours.items():
        np.testing.assert_allclose(together[path], w, rtol=1e-9, atol=1e-11, err_msg=path)
    history = folder.history()
    assert history.columns.keys() == alone.history.columns.keys()
    for path, quantity in alone.history.columns:
        if (path, quantity) == ("1.bias", "update_ratio"):
            continue  # batch norm cancels this bias: noise over noise
        steps, values = alone.history.series(quantity, path)
        their_steps, theirs = history.series(quantity, path)
        assert steps.tolist() == their_steps.tolist()
        np.testing.assert_allclose(theirs, values, rtol=1e-8, atol=1e-10, err_msg=f"{path} {quantity}")


def end_of(call):
    """Return how a call ended: what it raised, and where."""
    try:
        call()
    except (KoubaiError, OSError) as error:
        return type(error).__name__, str(error)
    return "Run", ""


def recipe(**changes):
    return Recipe.from_toml(RECIPE).edit(steps=4, **changes)


def test_what_one_process_cannot_do_all_leave_and_one_tells(tmp_path):
    """Other data, another recipe, no folder to write to: nobody waits for ever, rank 0 says where."""
    other = digits(validation=10).load()

    def work(ranks):
        last = ranks.rank == 1
        wrong = {
            "data": lambda: train_together(
                recipe(), ranks, tmp_path / "a", dataset=other if last else digits().load()
            ),
            "recipe": lambda: train_together(recipe(seed=ranks.rank), ranks, tmp_path / "a"),
            "batch": lambda: train_together(recipe(batch_size=1), ranks, tmp_path / "a"),
            "folder": lambda: train_together(recipe(), ranks, "/proc/no/run"),
            "good": lambda: train_together(recipe(), ranks, tmp_path / "b"),
            "finished": lambda: train_together(recipe(), ranks, tmp_path / "b"),
            "another": lambda: train_together(recipe(seed=5), ranks, tmp_path / "b"),
        }
        return {name: end_of(call) for name, call in wrong.items()}

    first, second = in_ranks(2, work, tmp_path)
    assert isinstance(first, dict), first
    assert isinstance(second, dict), second
    assert {name: kind for name, (kind, _) in second.items()} == {
        name: "Run" if name in ("good", "finished") else "ToldElsewhere" for name in first
    }
    assert [kind for kind, _ in first.values()].count("Run") == 2
    for name, words in {
        "data": "rank 1",
        "recipe": "rank 1",
        "batch": "more processes than rows",
        "folder": "/proc/no",
        "another": "there is a run here already",
    }.items():
        assert words in first[name][1], name
    assert not (tmp_path / "a").exists()


def test_a_process_that_is_gone_ends_the_others(tmp_path):
    def work(ranks):
        if ranks.rank == 1:
            os._exit(1)
        return end_of(lambda: [ranks.gather(step) for step in range(100)])

    kind, text = in_ranks(2, work, tmp_path)[0]
    assert kind == "EngineError"
    assert "another process of this run has ended" in text


def test_half_an_environment_is_refused(koubai, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    koubai("train", "digits.toml")
    assert koubai.code == 2
    assert "no MASTER_ADDR" in koubai.err


@pytest.mark.long
@pytest.mark.parametrize(("asked", "taken"), [(None, 1), ("2", min(2, usable_cores()))])
def test_each_process_takes_the_threads_that_torchrun_gives_it(tmp_path, asked, taken):
    """Several processes have one each unless the user says otherwise, however many cores there are."""
    (tmp_path / "host.py").write_text(
        "import os\n"
        "from koubai.engines.threads import thread_budget\n"
        "open(os.environ['RANK'], 'w').write(str(thread_budget()))\n"
    )
    done = torchrun(tmp_path, 2, "host.py", threads=asked)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / str(rank)).read_text() for rank in range(2)] == [str(taken)] * 2
