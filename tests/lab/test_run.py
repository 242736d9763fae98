"""Running experiments: in threads, in processes, stopped, continued, with failures, with workers killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from koubai.core.errors import KoubaiError
from koubai.lab import start
from koubai.lab.campaign import run_experiment
from koubai.lab.executors import process_workers, thread_workers
from koubai.lab.experiment import Arm
from koubai.lab.progress import Progress
from koubai.lab.store import Store
from koubai.lab.work import failed, tasks_of
from koubai.train.recipe import Recipe


def scores(result):
    return {(run.arm, run.seed): dict(run.scores) for run in result.runs}


def test_threads_and_processes_give_the_same_numbers(trainings, tmp_path):
    with thread_workers(2) as workers:
        threads = run_experiment(trainings, workers)
    with process_workers(2) as workers:
        processes = run_experiment(trainings, workers, store=Store(tmp_path))
    assert scores(threads) == scores(processes)
    assert len(threads.runs) == 4
    assert {run.engine for run in threads.runs} == {"reference"} or threads.runs[0].engine == "native"
    assert threads.environment["data"]["name"] == "blobs"


def test_finished_runs_are_never_made_again(trainings, tmp_path):
    first = start.run(trainings, out=tmp_path, threads=1)
    assert (first.reused, first.pending) == (0, 0)
    again = start.run(replace(trainings, seeds=(0, 1, 2)), out=tmp_path, threads=1)
    assert (again.reused, again.pending, len(again.runs)) == (4, 0, 6)
    assert {k: v for k, v in scores(again).items() if k in scores(first)} == scores(first)
    shared = replace(trainings, arms=(trainings["wide"], Arm("also narrow", {"steps": 30})), claims=())
    assert start.run(shared, out=tmp_path, threads=1).reused == 4  # the recipe counts, not the arm's name


def test_progress_tells_what_is_done_and_what_runs(trainings):
    seen = []
    start.run(trainings, threads=1, on_progress=lambda p: seen.append((p.done, len(p.runs), dict(p.running))))
    assert seen[0][:2] == (0, 0)
    assert seen[-1][:2] == (4, 4)


def test_a_late_message_does_not_bring_a_run_back(trainings):
    task = tasks_of(trainings)[0]
    progress = Progress(total=4)
    progress.hear(task.key, 10, 30, 0.5, {task.key: task})
    assert progress.running[task.key].share == pytest.approx(1 / 3)
    assert progress.left > 0
    progress.finish(task, failed(task, "why not"))
    progress.hear(task.key, 20, 30, 0.4, {task.key: task})
    assert not progress.running
    assert (progress.done, progress.failed) == (0, 1)


def test_an_arm_that_fails_is_told_and_the_others_go_on(trainings, tmp_path):
    broken = Arm("broken", {"network.classes": 2})
    result = start.run(replace(trainings, arms=(*trainings.arms, broken)), out=tmp_path, threads=1)
    assert {run.arm for run in result.runs if run.failure} == {"broken"}
    assert "3 classes" in next(run.failure for run in result.runs if run.failure)
    assert any("broken" in sentence.say("en") for sentence in result.sentences)
    assert len(list((tmp_path / "runs").iterdir())) == 4  # a failure is not kept: it may be mended


def test_a_budget_ends_an_experiment_and_says_what_is_pending(trainings, tmp_path):
    long = replace(trainings, base=trainings.base.edit(steps=400), seeds=tuple(range(30)), budget=0.5)
    result = start.run(long, out=tmp_path, threads=1)
    assert result.stopped_by == "budget"
    assert 0 < result.pending < 60
    assert len(result.runs) == 60 - result.pending
    assert any("still to be made" in sentence.say("en") for sentence in result.sentences)


def test_ctrl_c_keeps_what_is_finished_and_goes_on_from_there(trainings, tmp_path):
    experiment = replace(trainings, base=trainings.base.edit(steps=300), seeds=tuple(range(15)))

    def stop_after_two(progress):
        if progress.done >= 2:
            raise KeyboardInterrupt

    stopped = start.run(experiment, out=tmp_path, threads=1, on_progress=stop_after_two)
    assert stopped.stopped_by == "interrupt"
    assert stopped.pending >= 1
    continued = start.run(experiment, out=tmp_path, threads=1)
    assert continued.reused == len(stopped.runs) >= 2
    assert scores(continued) == scores(start.run(experiment, threads=1))


def slow(trainings):
    base = Recipe(trainings.base.network, trainings.base.data, steps=3000, batch_size=20)
    return replace(trainings, base=base)


def test_a_killed_worker_process_costs_time_but_no_run(trainings, tmp_path):
    experiment, killed = slow(trainings), []
    with process_workers(2) as workers:

        def kill_one(progress):
            if 0 < progress.done < 4 and not killed:  # a run is stored, another is under way
                process = next(iter(workers.executor._processes.values()))
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

        result = run_experiment(experiment, workers, store=Store(tmp_path), on_progress=kill_one)
    assert killed
    assert result.pending == 0
    assert sorted(scores(result)) == [(arm, seed) for arm in ("narrow", "wide") for seed in (0, 1)]
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 4
    assert scores(result) == scores(start.run(experiment, threads=1))


def test_workers_that_always_die_end_in_a_clear_error(trainings):
    with process_workers(1) as workers:

        def kill_all(progress):
            for process in list(workers.executor._processes.values()):
                process.kill()  # no error where it is dead and reaped already

        with pytest.raises(KoubaiError, match="keep dying"):
            run_experiment(slow(trainings), workers, on_progress=kill_all)


_EXPERIMENT = """
seeds = 3
[recipe]
network = { type = "mlp", hidden = [8], classes = 3 }
data = "blobs"
steps = 4000
[axes.rate]
path = "optimizer.learning_rate"
values = [0.01, 0.1]
"""


def koubai(*words, cwd, **more):
    command = [sys.executable, "-m", "koubai.cli.main", *words]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def wait_for_a_run(folder, process, count=1):
    until = time.monotonic() + 60
    while len(list(folder.glob("runs/[!.]*"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def test_ctrl_c_on_the_command_line_prints_how_to_go_on(tmp_path):
    (tmp_path / "e.toml").write_text(_EXPERIMENT.replace("seeds = 3", "seeds = 8"))  # still busy when told
    words = ("run", "e.toml", "--threads", "2", "--out", "out", "--engine", "reference", "--lang", "en")
    process = koubai(*words, cwd=tmp_path, start_new_session=True)
    wait_for_a_run(tmp_path / "out", process)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "koubai run e.toml --threads 2" in " ".join(out.split())
    assert "Traceback" not in err
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").glob("[!.]*")}
    assert 1 <= len(kept) < 16
    again = koubai(*words, cwd=tmp_path)
    again.communicate(timeout=120)
    assert again.returncode == 0
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").glob("[!.]*")}
    assert len(now) == 16
    assert {name: now[name] for name in kept} == kept  # not made, not even written again


def test_kill_9_loses_only_the_runs_in_flight(tmp_path):
    (tmp_path / "e.toml").write_text(_EXPERIMENT)
    words = ("run", "e.toml", "--threads", "1", "--out", "out", "--engine", "reference")
    process = koubai(*words, cwd=tmp_path, start_new_session=True)
    wait_for_a_run(tmp_path / "out", process, count=2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.communicate()
    kept = {path.name for path in (tmp_path / "out" / "runs").glob("[!.]*")}
    assert 2 <= len(kept) < 6
    again = koubai(*words, cwd=tmp_path)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert kept < {path.name for path in (tmp_path / "out" / "runs").glob("[!.]*")}


def test_experiments_side_by_side_do_not_disturb_each_other(trainings, tmp_path):
    results = {}

    def go(name):
        with thread_workers(1) as workers:
            results[name] = run_experiment(trainings, workers, store=Store(tmp_path))

    threads = [threading.Thread(target=go, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scores(results[0]) == scores(results[1])
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 4
