"""Real Dask schedulers, workers and clients, killed, frozen and cut off: nothing is lost, nothing doubled."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from koubai.core.errors import KoubaiError
from koubai.data import arrays
from koubai.lab import campaign, start
from koubai.lab.perform import cluster as cluster_module
from koubai.lab.perform.cluster import dask_workers
from koubai.train.recipe import Recipe
from support.dask_parts import Parts

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cluster():
    made = distributed.LocalCluster(
        n_workers=4,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs="CRITICAL",
    )
    yield made
    with suppress(TimeoutError):  # where a nanny is starting a worker, it may wait for that for ever
        made.close(timeout=30)
    for worker in multiprocessing.active_children():
        if worker.name.startswith("Dask Worker"):
            worker.kill()


@pytest.mark.long
def test_a_cluster_loses_a_worker_and_completes_with_nothing_lost_or_counted_twice(
    cluster, trainings, tmp_path
):
    base = Recipe(trainings.base.network, trainings.base.data, steps=4000, batch_size=20)
    experiment = replace(trainings, base=base, seeds=tuple(range(4)))
    killed, ended = [], []

    def kill_one_twice(progress):
        ended[:] = [(run.arm, run.seed) for run in progress.runs]
        if len(killed) < 2 and progress.done > 2 * len(killed):
            worker, until = next(iter(cluster.workers.values())), time.monotonic() + 60
            while worker.pid in (None, *killed) and time.monotonic() < until:
                time.sleep(0.05)  # its nanny starts another process
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    address = cluster.scheduler_address
    result = start.run(experiment, out=tmp_path, cluster=address, on_progress=kill_one_twice)
    assert len(set(killed)) == 2
    assert result.environment["workers"] == 4
    expected = {(arm.name, seed): 1 for arm in experiment.arms for seed in experiment.seeds}
    assert Counter(ended) == expected
    assert Counter((run.arm, run.seed) for run in result.runs) == expected
    assert result.pending == 0
    assert not any(run.failure for run in result.runs)
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 8
    here = start.run(replace(experiment, seeds=(0,)), threads=1)
    assert {run.arm: dict(run.scores) for run in here.runs} == {
        run.arm: dict(run.scores) for run in result.runs if run.seed == 0
    }


@pytest.mark.long
def test_runs_on_a_cluster_are_heard_and_stopped_while_they_are_under_way(parts, trainings, tmp_path):
    """The runs would take minutes: what ends early was stopped, and the worker is free again."""
    base = Recipe(trainings.base.network, trainings.base.data, steps=10**7, batch_size=20)
    heard = []

    def interrupt(progress):
        heard.extend((run.step, run.steps) for run in progress.running.values())
        if heard:
            raise KeyboardInterrupt

    address = parts.address
    result = start.run(
        replace(trainings, base=base), out=tmp_path / "out", cluster=address, on_progress=interrupt
    )
    assert result.stopped_by == "interrupt"
    assert result.pending == len(trainings.arms) * len(trainings.seeds)
    assert all(0 < step < steps == 10**7 for step, steps in heard)
    short = Recipe(trainings.base.network, trainings.base.data, steps=20, batch_size=20)
    assert start.run(replace(trainings, base=short), cluster=address).pending == 0


def test_short_runs_travel_in_bundles_and_their_data_once(parts, trainings, monkeypatch):
    x = np.random.default_rng(0).normal(size=(2000, 40)).astype(np.float32)
    data = arrays(x, (x[:, 0] > 0).astype(int))
    base = Recipe(trainings.base.network, data, steps=5, batch_size=20)
    experiment = replace(trainings, base=base, seeds=tuple(range(12)))
    bundles, sizes = [], []
    submit, light = cluster_module._DaskWorkers.submit, cluster_module._light

    def counted(workers, tasks):
        bundles.append(len(tasks))
        return submit(workers, tasks)

    def measured(value, held):
        made = light(value, held)
        sizes.append(len(pickle.dumps(made)))
        return made

    monkeypatch.setattr(cluster_module._DaskWorkers, "submit", counted)
    monkeypatch.setattr(cluster_module, "_light", measured)
    monkeypatch.setattr(campaign, "_BUNDLE", 1e9)  # whatever the machine is busy with, these runs are short
    result = start.run(experiment, cluster=parts.address, threads=1)
    assert (result.pending, [run.failure for run in result.runs if run.failure]) == (0, [])
    assert sum(bundles) == 12 * len(experiment.arms)
    assert max(bundles) > 1
    assert len(pickle.dumps(data)) > x.nbytes > 10 * max(sizes)
    here = start.run(replace(experiment, seeds=(0, 1)), threads=1)
    scores = {(run.arm, run.seed): dict(run.scores) for run in result.runs}
    assert all(scores[run.arm, run.seed] == dict(run.scores) for run in here.runs)


def test_a_run_has_the_threads_that_are_asked_for_or_its_share_of_the_machine(monkeypatch):
    worker = SimpleNamespace(address="tcp://10.0.0.7:1", state=SimpleNamespace(nthreads=2))
    monkeypatch.setattr(distributed, "get_worker", lambda: worker)
    monkeypatch.setattr(cluster_module, "usable_cores", lambda: 8)
    assert [
        cluster_module._Far("", known).threads(0) for known in ({"10.0.0.7": 4}, {}, {"10.0.0.7": 16})
    ] == [2, 4, 1]
    assert cluster_module._Far("", {"10.0.0.7": 4}).threads(3) == 3


def test_workers_that_come_later_get_work_too(parts, monkeypatch):
    monkeypatch.setattr(cluster_module, "_PULSE", 0.05)
    with dask_workers(parts.address) as workers:
        assert workers.count == 1
        parts.start_worker()
        until = time.monotonic() + 120  # a bound for what hangs
        while workers.count < 2:
            assert workers.answers()
            assert time.monotonic() < until
            time.sleep(0.02)


def test_an_address_without_a_scheduler_is_a_clear_error(monkeypatch):
    monkeypatch.setattr("koubai.lab.perform.cluster._PATIENCE", "1s")
    with (
        pytest.raises(KoubaiError, match="no Dask scheduler answers") as error,
        dask_workers("tcp://127.0.0.1:9"),
    ):
        pass
    assert "dask scheduler" in error.value.hint


# ---------------------------------------------------------------------------------------- parts that go away


@pytest.fixture
def parts(tmp_path):
    made = Parts(tmp_path)
    made.start_worker()
    yield made
    made.end()


@pytest.fixture
def long(trainings):
    """Eight runs long enough for something to happen meanwhile."""
    base = Recipe(trainings.base.network, trainings.base.data, steps=4000, batch_size=20)
    return replace(trainings, base=base, seeds=tuple(range(4)))


def kept(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "runs").glob("[!.]*")}


def after(count, action):
    """Return an `on_progress` that acts once so many runs are done."""
    acted = []

    def look(progress):
        if progress.done >= count and not acted:
            acted.append(action())

    return look


def goes_on(parts, experiment, out, before):
    """Run the same experiment again; what was finished is not made again, and nothing is there twice."""
    again = start.run(experiment, out=out, cluster=parts.address)
    assert (again.pending, again.reused) == (0, len(before))
    assert not any(run.failure for run in again.runs)
    now = kept(out)
    assert len(now) == len(experiment.arms) * len(experiment.seeds)
    assert {name: now[name] for name in before} == before


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_lost_scheduler_is_no_success(parts, long, tmp_path, monkeypatch, number):
    monkeypatch.setattr("koubai.lab.perform.cluster._PULSE", 0.2)
    monkeypatch.setattr("koubai.lab.perform.cluster._SILENCE", 2.0)
    out = tmp_path / "out"
    lose = after(2, lambda: parts.scheduler.send_signal(number))
    result = start.run(long, out=out, cluster=parts.address, on_progress=lose)
    assert result.stopped_by == "scheduler"
    assert result.pending == 8 - len(result.runs) > 0
    before = kept(out)
    assert len(before) == len(result.runs) >= 2
    parts.end()
    parts.start_scheduler()
    parts.start_worker()
    goes_on(parts, long, out, before)


EXPERIMENT = """
seeds = 4
[recipe]
network = { type = "mlp", hidden = [8], classes = 3 }
data = "blobs"
[axes.length]
path = "steps"
values = [4000, 5000]
"""


def command(parts, folder):
    """Start `koubai run` on the cluster, and return it when it has kept its first run."""
    (folder / "e.toml").write_text(EXPERIMENT)
    words = ["run", "e.toml", "--out", "out", "--engine", "reference", "--lang", "en"]
    words = [sys.executable, "-m", "koubai.cli.main", *words, "--cluster", parts.address]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, cwd=folder, **streams)
    until = time.monotonic() + 120  # a bound for what hangs
    while not kept(folder / "out"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


@pytest.mark.long
def test_the_command_says_that_the_scheduler_is_lost_and_a_killed_client_loses_nothing(parts, tmp_path):
    client = command(parts, tmp_path)
    client.kill()
    client.communicate()
    before = kept(tmp_path / "out")
    assert 1 <= len(before) < 8

    client = command(parts, tmp_path)
    while len(kept(tmp_path / "out")) == len(before) and client.poll() is None:
        time.sleep(0.02)
    parts.scheduler.kill()
    out, errors = client.communicate(timeout=120)
    assert client.returncode == 2, errors
    said = " ".join(out.split())
    assert "Scheduler lost" in said
    assert f"koubai run e.toml --out out --engine reference --lang en --cluster {parts.address}" in said
    assert "Traceback" not in errors
    now = kept(tmp_path / "out")
    assert len(before) < len(now) < 8
    assert {name: now[name] for name in before} == before


@pytest.mark.long
def test_two_clients_on_one_store_keep_every_run_once(parts, long, tmp_path):
    out = tmp_path / "out"
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(start.run, long, out=out, cluster=parts.address) for _ in range(2)]
        results = [call.result() for call in calls]
    for result in results:
        assert Counter((run.arm, run.seed) for run in result.runs) == {
            (arm.name, seed): 1 for arm in long.arms for seed in long.seeds
        }
        assert (result.pending, [run.failure for run in result.runs if run.failure]) == (0, [])
    first, second = ({(r.arm, r.seed): dict(r.scores) for r in result.runs} for result in results)
    assert first == second
    assert len(kept(out)) == 8
    assert {path.name for path in (out / "runs").glob(".*")} <= {".lock"}, "nothing half-written is left"


# ---------------------------------------------------------------------------------------- slow, and for root

for_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="makes networks and file systems: for root on Linux"
)


def tool(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{words[0]} is not installed")
    if done.returncode:
        pytest.skip(f"{' '.join(words)}: {done.stderr.strip()}")


@pytest.fixture
def far(tmp_path):
    """A cluster in a network of its own, at the other end of a cable."""
    name = f"koubai{os.getpid()}"
    near, end = f"kn{os.getpid()}", f"kf{os.getpid()}"
    inside = ("ip", "netns", "exec", name)
    tool("ip", "netns", "add", name)
    try:
        tool("ip", "link", "add", near, "type", "veth", "peer", "name", end)
        tool("ip", "link", "set", end, "netns", name)
        tool("ip", "addr", "add", "10.213.7.1/24", "dev", near)
        tool("ip", "link", "set", near, "up")
        tool(*inside, "ip", "addr", "add", "10.213.7.2/24", "dev", end)
        tool(*inside, "ip", "link", "set", end, "up")
        tool(*inside, "ip", "link", "set", "lo", "up")
        made = Parts(tmp_path, "10.213.7.2", inside)
        made.cable = (*inside, "ip", "link", "set", end)
        made.start_worker()
        yield made
        made.end()
    finally:
        for words in (("ip", "link", "del", near), ("ip", "netns", "del", name)):
            with suppress(OSError):
                subprocess.run(words, capture_output=True, check=False)


@pytest.mark.slow
@for_root
@pytest.mark.parametrize("seconds", [1, None], ids=["mended", "for good"])
def test_a_cut_network_loses_nothing(far, long, tmp_path, monkeypatch, seconds):
    monkeypatch.setattr("koubai.lab.perform.cluster._PULSE", 0.2)
    monkeypatch.setattr("koubai.lab.perform.cluster._SILENCE", 8.0)
    out = tmp_path / "out"

    def cut():
        subprocess.run([*far.cable, "down"], check=True)
        if seconds:
            time.sleep(seconds)
            subprocess.run([*far.cable, "up"], check=True)

    result = start.run(long, out=out, cluster=far.address, on_progress=after(2, cut))
    if seconds:
        assert (result.pending, len(kept(out))) == (0, 8)
        return
    assert result.stopped_by == "scheduler"
    assert result.pending > 0
    before = kept(out)
    assert len(before) == len(result.runs)
    subprocess.run([*far.cable, "up"], check=True)
    goes_on(far, long, out, before)


@pytest.mark.slow
@for_root
def test_a_full_disk_of_a_worker_loses_nothing(tmp_path, long):
    disk = tmp_path / "disk"
    disk.mkdir()
    tool("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk))
    made = Parts(tmp_path)
    try:
        with suppress(OSError):
            (disk / "filler").write_bytes(bytes(1 << 19))
        full = {"TMPDIR": str(disk), "HOME": str(disk), "NUMBA_CACHE_DIR": str(disk / "numba")}
        made.start_worker(**full)  # what it writes of its own accord does not fit
        result = start.run(long, out=tmp_path / "out", cluster=made.address)
        failures = [run.failure for run in result.runs if run.failure]
        before = kept(tmp_path / "out")
        assert len(before) + len(failures) == 8
        assert all("No space left on device" in failure for failure in failures)
        (disk / "filler").unlink()
        tool("mount", "-o", "remount,size=64m", str(disk))
        goes_on(made, long, tmp_path / "out", before)
    finally:
        made.end()
        subprocess.run(["umount", "-l", str(disk)], check=False)
