"""Real processes killed with SIGKILL at random moments, and stopped with Ctrl-C."""

import random
import signal
import subprocess
import sys
import time

import pytest

from koubai.train import Recipe, RunFolder, resume, train

CHILD = """
import sys
from koubai.train import Observation, Recipe, RunFolder, resume, train

place, recipe, save_every = sys.argv[1], Recipe.from_toml(sys.argv[2]), int(sys.argv[3])

def tell(session):
    print(session.step, flush=True)

if RunFolder(place).exists:
    run = resume(place, on_progress=tell, save_every=save_every)
else:
    watch = Observation(tap_every=10, first_until=1, evaluate_every=25, evaluate_rows=100)
    how = {"engine": "reference", "observation": watch, "save_every": save_every}
    run = train(recipe, folder=place, on_progress=tell, **how)
print("ended", run.stopped_by, flush=True)
"""


def child(place, recipe_file, save_every):
    words = [sys.executable, "-c", CHILD, str(place), str(recipe_file), str(save_every)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def recipe_file(recipe, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.edit(steps=2000).to_toml())
    return file


def test_a_run_killed_again_and_again_ends_as_if_it_never_was(recipe_file, watch, tmp_path):
    place, clock = tmp_path / "run", random.Random(7)  # the moments differ from run to run anyhow
    kills, steps = 0, []
    while True:
        process = child(place, recipe_file, save_every=9)
        process.stdout.readline()
        if kills < 6:
            time.sleep(clock.uniform(0.0, 0.06))
            process.kill()
        output, errors = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors
        kills += 1
        steps.append(int(([0] + [int(word) for word in output.split() if word.isdecimal()])[-1]))
    assert kills >= 3
    assert max(steps) > 0

    from dataclasses import replace

    whole = train(
        Recipe.from_toml(recipe_file),
        engine="reference",
        observation=replace(watch, evaluate_every=25),
    )
    again = resume(place)
    assert again.history == whole.history
    assert again.scores == whole.scores
    mine, theirs = again.session.state(), whole.session.state()
    for name, array in {**mine.weights.params, **mine.weights.buffers}.items():
        assert array.tobytes() == {**theirs.weights.params, **theirs.weights.buffers}[name].tobytes()
    for name, array in mine.slots.items():
        assert array.tobytes() == theirs.slots[name].tobytes()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_one_ctrl_c_finishes_the_step_and_saves(recipe_file, tmp_path, signal_number):
    place = tmp_path / "run"
    process = child(place, recipe_file, save_every=0)
    process.stdout.readline()
    process.send_signal(signal_number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output.split()[-2:] == ["ended", "interrupted"]
    folder = RunFolder(place)
    assert not folder.finished
    (checkpoint,) = folder.files("checkpoints", "step")
    losses = folder.history().series("loss")[0]
    assert 0 < int(checkpoint.stem.removeprefix("step-")) == losses[-1] < 2000


def test_two_ctrl_c_end_at_once(recipe, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.edit(steps=10**9).to_toml())
    script = CHILD.replace("def tell(session):", "def tell(session):\n    import time; time.sleep(30)")
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            script.replace("    print(session.step, flush=True)", ""),
            str(tmp_path / "run"),
            str(file),
            "0",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "run/run.json").exists():
        time.sleep(0.02)
    time.sleep(0.5)
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert time.perf_counter() - start < 10
