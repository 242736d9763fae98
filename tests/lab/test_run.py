"""Running experiments: in threads, in processes, stopped, continued, with failures, with workers killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

import pytest

from koubai.core.errors import KoubaiError
from koubai.lab import start
from koubai.lab.campaign import Campaign, run_experiment
from koubai.lab.declare.experiment import Arm
from koubai.lab.perform.executors import Workers, process_workers, thread_workers
from koubai.lab.perform.progress import CampaignProgress
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import failed, tasks_of


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


def test_no_engine_is_loaded_where_nothing_is_left_to_train(trainings, tmp_path, monkeypatch):
    first = start.run(trainings, out=tmp_path)
    monkeypatch.setattr("koubai.lab.start.open_workers", None)
    again = start.run(trainings, out=tmp_path)
    assert again.reused == len(first.runs)
    assert scores(again) == scores(first)
    assert again.environment == first.environment


def test_the_engine_loads_beside_the_data_where_it_will_run(trainings, tmp_path, monkeypatch):
    loads = []
    monkeypatch.setattr("koubai.lab.perform.executors.load_native", lambda: loads.append(1))

    def count(**settings):
        loads.clear()
        with thread_workers(1) as workers:
            run_experiment(trainings, workers, **settings)
        return len(loads)

    assert count(engine="reference") == 0
    assert count() == 1
    store = Store(tmp_path)
    assert store.empty
    assert count(store=store) == 1
    assert not store.empty
    assert count(store=store) == 0


def test_tasks_are_handed_over_as_others_finish(trainings, monkeypatch):
    monkeypatch.setattr("koubai.lab.campaign._AHEAD", 2)
    most, handed = [], Workers.submit
    with thread_workers(1) as workers:
        under_way = set()

        def submit(self, task):
            future = handed(self, task)
            under_way.add(future)
            most.append(sum(not each.done() for each in under_way))
            return future

        monkeypatch.setattr(Workers, "submit", submit)
        result = run_experiment(replace(trainings, seeds=(0, 1, 2, 3, 4)), workers)
    assert len(result.runs) == len(most) == 10
    assert max(most) <= 4  # four for each worker


def test_the_first_run_is_alone_until_it_is_heard_or_a_moment_has_passed(trainings):
    class Idle:
        def submit(self, *work):
            return Future()

    def fed(progress):
        campaign = Campaign(trainings, Workers(Idle(), 2, SimpleQueue()), lambda progress: None)
        campaign.progress = progress
        campaign._feed(deque(tasks))
        return len(campaign._under_way)

    tasks = tasks_of(trainings)
    heard = CampaignProgress(len(tasks))
    heard.hear(tasks[0].key, 1, 9, 2.0, {tasks[0].key: tasks[0]})
    assert fed(CampaignProgress(len(tasks))) == 1
    assert fed(heard) == fed(CampaignProgress(len(tasks), started=time.perf_counter() - 1)) == len(tasks) > 1


def test_progress_tells_what_is_done_and_what_runs(trainings):
    seen = []
    start.run(trainings, threads=1, on_progress=lambda p: seen.append((p.done, len(p.runs), dict(p.running))))
    assert seen[0][:2] == (0, 0)
    assert seen[-1][:2] == (4, 4)


def test_a_late_message_does_not_bring_a_run_back(trainings):
    task = tasks_of(trainings)[0]
    progress = CampaignProgress(total=4)
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
    told = next(sentence.say("ja") for sentence in result.sentences if "broken" in sentence.say("ja"))
    assert "classes" not in told  # the error's own text is told in Japanese, too
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 4  # a failure is not kept: it may be mended


def test_a_budget_ends_an_experiment_and_says_what_is_pending(trainings, tmp_path, monkeypatch):
    monkeypatch.setattr(
        CampaignProgress, "elapsed", property(lambda progress: float(progress.done))
    )  # a second a run
    long = replace(trainings, seeds=tuple(range(30)), budget=3.5)
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


@pytest.mark.long
def test_a_killed_worker_process_costs_time_but_no_run(trainings, tmp_path):
    experiment, killed = replace(trainings, seeds=tuple(range(6))), []
    with process_workers(2) as workers:

        def kill_one(progress):
            if 0 < progress.done < progress.total and not killed:  # a run is stored, others are not
                process = next(iter(workers.executor._processes.values()))
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

        result = run_experiment(experiment, workers, store=Store(tmp_path), on_progress=kill_one)
    assert killed
    assert result.pending == 0
    assert sorted(scores(result)) == [(arm, seed) for arm in ("narrow", "wide") for seed in range(6)]
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 12
    assert scores(result) == scores(start.run(experiment, threads=1))


def test_workers_that_always_die_end_in_a_clear_error(trainings):
    endless = replace(trainings, base=trainings.base.edit(steps=10**9))
    with process_workers(1) as workers:

        def kill_all(progress):
            for process in list(workers.executor._processes.values()):
                process.kill()  # no error where it is dead and reaped already

        with pytest.raises(KoubaiError, match="keep dying"):
            run_experiment(endless, workers, on_progress=kill_all)


_EXPERIMENT = """
seeds = 2
[recipe]
network = { type = "mlp", hidden = [8], classes = 3 }
data = "blobs"
[axes.length]
path = "steps"
values = [30, LONG]
"""
_ENDLESS, _SHORT = "1_000_000_000", "40"


@pytest.fixture
def koubai(tmp_path):
    """Start the command in a folder of its own; `write` says how long the second arm is."""
    started = []

    def start_command(*words, **more):
        command = [sys.executable, "-m", "koubai.cli.main", "run", "e.toml", "--out", "out", *words]
        command += ["--engine", "reference", "--lang", "en"]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # Whoever runs the tests in the background ignores Ctrl-C, and children inherit that.
        streams["preexec_fn"] = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        started.append(subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **streams, **more))
        return started[-1]

    yield start_command
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def write(folder, long):
    (folder / "e.toml").write_text(_EXPERIMENT.replace("LONG", long))


def kept(folder):
    """Return the stored runs with the time they were written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "out/runs").glob("[!.]*")}


def wait_for_a_run(folder, process):
    until = time.monotonic() + 300  # a bound for what hangs, not for what is slow
    while not kept(folder):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def complete(folder, koubai):
    """Run the same file with its endless arm cut short; what was finished is not even written again."""
    before = kept(folder)
    write(folder, _SHORT)
    again = koubai("--threads", "1")
    _, err = again.communicate()
    assert again.returncode == 0, err
    now = kept(folder)
    assert len(now) == 4
    assert {name: now[name] for name in before} == before


@pytest.mark.long
def test_ctrl_c_on_the_command_line_prints_how_to_go_on(tmp_path, koubai):
    write(tmp_path, _ENDLESS)
    process = koubai("--threads", "2")
    wait_for_a_run(tmp_path, process)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "koubai run e.toml --out out --threads 2" in " ".join(out.split())
    assert "Traceback" not in err
    assert 1 <= len(kept(tmp_path)) <= 2
    complete(tmp_path, koubai)


@pytest.mark.long
def test_kill_9_loses_only_the_runs_in_flight(tmp_path, koubai):
    write(tmp_path, _ENDLESS)
    process = koubai("--threads", "1")
    wait_for_a_run(tmp_path, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(kept(tmp_path)) == 1  # the second run is the endless one
    complete(tmp_path, koubai)


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
