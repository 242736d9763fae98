"""Real processes killed with SIGKILL at random moments, and stopped with Ctrl-C.

Nothing here waits for a while and hopes: a test acts when the process has said where it is, so a slow
machine and a fast one see the same.
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from koubai.train import RunFolder, resume, train

HOST = """
import os, sys, traceback
from koubai.train import Observation, Recipe, RunFolder, resume, train

place, recipe, save_every = sys.argv[1], Recipe.from_toml(sys.argv[2]), int(sys.argv[3])
recipe.data.load()  # whatever takes long to import is imported once, before the forks

def say(*words):  # in one write: a line that is killed half way would run into the next one
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def tell(session):
    say(session.step)

def go():
    if RunFolder(place).exists:
        return resume(place, on_progress=tell, save_every=save_every)
    watch = Observation(tap_every=10, first_until=1, evaluate_every=25, evaluate_rows=100)
    how = {"engine": "reference", "observation": watch, "save_every": save_every}
    return train(recipe, folder=place, on_progress=tell, **how)

for line in sys.stdin:  # a process for every line: it starts in a moment and is killed for real
    pid = os.fork()
    if pid == 0:
        try:
            say("stopped by", go().stopped_by)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    say("pid", pid)
    say("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.fixture
def host(recipe, tmp_path):
    """Start a process that trains in forked ones; every call begins one and returns its pid."""
    started = []

    def start(*, steps, save_every):
        file = tmp_path / "recipe.toml"
        file.write_text(recipe.edit(steps=steps).to_toml())
        words = [sys.executable, "-c", HOST, str(tmp_path / "run"), str(file), str(save_every)]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(words, env=environment, **streams))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def begin(process):
    """Begin a training process and return its pid and what it said before that was known."""
    print("go", file=process.stdin, flush=True)
    early = []
    while (word := said(process)).split()[0] != "pid":
        early.append(word)
    return int(word.split()[1]), early


def said(process):
    line = process.stdout.readline().strip()
    assert line, "the host is gone"
    return line


def until_end(process):
    """Return what a training process still said, and its exit code."""
    words = []
    while not (word := said(process)).startswith("ended"):
        words.append(word)
    return words, int(word.split()[1])


@pytest.mark.long
def test_a_run_killed_again_and_again_ends_as_if_it_never_was(host, recipe, watch, tmp_path):
    moments = random.Random(7)
    process = host(steps=900, save_every=9)
    kills = 0
    while True:
        pid, lines = begin(process)
        if kills < 12:
            for _ in range(moments.randrange(1, 6) - len(lines)):
                lines.append(said(process))
                if lines[-1].startswith("ended"):
                    break
            else:
                time.sleep(moments.uniform(0.0, 0.002))  # anywhere between two signs of life
                with suppress(ProcessLookupError):  # it was quicker
                    os.kill(pid, signal.SIGKILL)
        rest, code = ([], 0) if lines and lines[-1].startswith("ended") else until_end(process)
        if code == 0:
            break
        assert code == -signal.SIGKILL, rest
        kills += 1
    assert kills >= 3
    assert "stopped by None" in [*lines, *rest]

    whole = train(recipe.edit(steps=900), engine="reference", observation=replace(watch, evaluate_every=25))
    again = resume(tmp_path / "run")
    assert again.history == whole.history
    assert again.scores == whole.scores
    mine, theirs = again.session.state(), whole.session.state()
    for name, array in {**mine.weights.params, **mine.weights.buffers}.items():
        assert array.tobytes() == {**theirs.weights.params, **theirs.weights.buffers}[name].tobytes()
    for name, array in mine.slots.items():
        assert array.tobytes() == theirs.slots[name].tobytes()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_one_ctrl_c_finishes_the_step_and_saves(host, tmp_path, signal_number):
    endless = 10**9
    process = host(steps=endless, save_every=0)
    pid, lines = begin(process)
    while not lines:
        lines.append(said(process))
    os.kill(pid, signal_number)
    rest, code = until_end(process)
    assert code == 0
    assert rest[-1] == "stopped by interrupted"
    folder = RunFolder(tmp_path / "run")
    assert not folder.finished
    (checkpoint,) = folder.files("checkpoints", "step")
    losses = folder.history().series("loss")[0]
    assert 0 < int(checkpoint.stem.removeprefix("step-")) == losses[-1] < endless


TWICE = """
import signal, sys, time
from koubai.train import Recipe, train

def tell(session):
    print("under way", flush=True)
    interrupt = signal.getsignal(signal.SIGINT).__self__
    while not interrupt.requested:
        time.sleep(0.01)
    print("asked once", flush=True)
    time.sleep(600)

train(Recipe.from_toml(sys.argv[1]), folder=sys.argv[2], on_progress=tell, engine="reference")
"""


def test_two_ctrl_c_end_at_once(recipe, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.edit(steps=10**9).to_toml())
    words = [sys.executable, "-c", TWICE, str(file), str(tmp_path / "run")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for sentence in ("under way", "asked once"):
            assert said(process) == sentence
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)  # the sleep would last twice as long
        assert "KeyboardInterrupt" in errors
    finally:
        process.kill()
        process.communicate()


SCRIPT = """
import os, signal, sys
import koubai as kb

number = signal.Signals[sys.argv[1]]
try:
    kb.fit(
        kb.Mlp((4,)), kb.data.digits(), steps=10**6, engine="reference", progress=False, folder=sys.argv[2],
        callbacks=[lambda moment: os.kill(os.getpid(), number)],
    )
except SystemExit as end:
    print("ends with", end.koubai_run.stopped_by)
    raise
print("goes on")
"""


@pytest.mark.parametrize(
    ("name", "said", "code"), [("SIGINT", "goes on", 0), ("SIGTERM", "ends with interrupted", 143)]
)
def test_ctrl_c_ends_the_run_and_sigterm_the_script(tmp_path, name, said, code):
    words = [sys.executable, "-c", SCRIPT, name, str(tmp_path / "run")]
    process = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert (process.stdout.strip(), process.returncode) == (said, code), process.stderr
    folder = RunFolder(tmp_path / "run")
    assert not folder.finished
    assert folder.files("checkpoints", "step")
