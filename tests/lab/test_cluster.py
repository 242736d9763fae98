"""A real Dask scheduler with worker processes on loopback, one of them killed in the middle."""

import os
import signal
from collections import Counter
from dataclasses import replace

import pytest

from koubai.core.errors import KoubaiError
from koubai.lab import start
from koubai.lab.executors import dask_workers
from koubai.train.recipe import Recipe

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs="CRITICAL",
    ) as made:
        yield made


def test_a_cluster_loses_a_worker_and_completes_with_nothing_lost_or_counted_twice(
    cluster, trainings, tmp_path
):
    base = Recipe(trainings.base.network, trainings.base.data, steps=800, batch_size=20)
    experiment = replace(trainings, base=base, seeds=tuple(range(4)))
    killed, ended = [], []

    def kill_one(progress):
        ended[:] = [(run.arm, run.seed) for run in progress.runs]
        if progress.done >= 2 and not killed:
            worker = next(iter(cluster.workers.values()))
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    address = cluster.scheduler_address
    result = start.run(experiment, out=tmp_path, cluster=address, on_progress=kill_one)
    assert killed
    assert result.environment["workers"] == 2
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


def test_an_address_without_a_scheduler_is_a_clear_error(monkeypatch):
    monkeypatch.setattr("koubai.lab.executors._PATIENCE", "1s")
    with (
        pytest.raises(KoubaiError, match="no Dask scheduler answers") as error,
        dask_workers("tcp://127.0.0.1:9"),
    ):
        pass
    assert "dask scheduler" in error.value.hint
