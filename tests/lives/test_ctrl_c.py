"""Ctrl-C as a terminal sends it, to all processes of a command at once, several times, at any moment."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial

import pytest

from support.host import environment

# Whoever runs the tests in the background ignores Ctrl-C, and children inherit that.
HEARING = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="groups of processes in /proc"),
]

COMMAND = [sys.executable, "-m", "koubai.cli.process"]
RECIPE = """
steps = 1_000_000_000
batch_size = 20
data = "digits"
network = ["flatten", { type = "linear", out_features = 10 }]
"""
EXPERIMENT = """
name = "long"
question = "Which rate?"
seeds = 2

[recipe]
network = ["flatten", { type = "linear", out_features = 10 }]
data = "digits"
steps = 1_000_000_000

[axes.rate]
path = "optimizer.learning_rate"
values = [0.1, 0.01]
"""
# Commands that take long, and the seconds within which the first Ctrl-C comes.
COMMANDS = {
    "train long.toml --out OUT": 6.0,
    "train long.toml --out OUT --engine reference": 5.0,
    "train long.toml --engine reference --plain": 5.0,
    "run experiment.toml --out OUT --engine reference --threads 2": 6.0,
    "run vanishing-gradient --out OUT": 8.0,
    "bench --rounds 500 --engines native": 8.0,
    "doctor done --prove": 6.0,
    "explain vanishing-gradient": 0.9,
}
PROCESSES = 51


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "long.toml").write_text(RECIPE)
    (folder / "short.toml").write_text(RECIPE.replace("1_000_000_000", "60"))
    (folder / "experiment.toml").write_text(EXPERIMENT)
    words = ["train", "short.toml", "--out", "done", "--engine", "reference"]
    subprocess.run([*COMMAND, *words], cwd=folder, env=environment(), capture_output=True, check=True)
    return folder


def alive(group):
    """Whether a process of a group is still there after seconds."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def interrupted(words, folder, moments, seconds):
    """Run a command and send 2 to 5 signals to its group; return its exit code and all it said."""
    process = subprocess.Popen(
        [*COMMAND, *words.split()], cwd=folder, env=environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=HEARING,  # noqa: PLW1509 -- no threads
    )  # fmt: skip
    time.sleep(moments.uniform(0.3, seconds))
    for _ in range(moments.randint(2, 5)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(moments.choice([0.001, 0.02, 0.2, 0.6]) * moments.random())
    try:
        said, _ = process.communicate(timeout=60)
        assert not alive(process.pid), f"{words}: a process it started is left"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said.decode()


def test_many_commands_end_without_a_traceback(folder):
    moments, codes = random.Random(11), []
    for number in range(PROCESSES):
        words, seconds = list(COMMANDS.items())[number % len(COMMANDS)]
        words = words.replace("OUT", f"out{number}")
        code, said = interrupted(words, folder, moments, seconds)
        assert "Traceback" not in said, f"{words}: {said}"
        # While Python ends it is the system that hears: 130 in a shell. What was done before ends as ever.
        assert code in (130, -signal.SIGINT, 0, 3), f"{words}: {code} {said}"
        codes.append(code)
    assert sum(code in (130, -signal.SIGINT) for code in codes) > 0.75 * PROCESSES, codes
