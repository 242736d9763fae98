"""The lab's front door: an experiment in, its result out, with workers and store opened and closed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from koubai.core.cores import usable_cores
from koubai.core.errors import SettingError, UnknownName
from koubai.engines.choose import engines
from koubai.engines.devices import is_gpu
from koubai.lab.campaign import OnCampaignProgress, run_experiment
from koubai.lab.catalog import catalog_experiment
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Experiment
from koubai.lab.perform.device import settled_device
from koubai.lab.perform.executors import Workers, process_workers, thread_workers
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import BY_WORKER, tasks_of


def run(
    experiment: Experiment | str,
    *,
    out: Path | str | None = None,
    engine: str = "auto",
    threads: int | None = None,
    cluster: str | None = None,
    data_dir: Path | str | None = None,
    device: str = "auto",
    on_progress: OnCampaignProgress | None = None,
) -> ExperimentResult:
    """Return what came out of an experiment, or of a catalog's experiment by its name.

    | argument | meaning                                                                                 |
    |----------|-----------------------------------------------------------------------------------------|
    | out      | folder that keeps finished runs; the same call again makes only what is missing          |
    | threads  | the budget for all runs together (None: one per core, on a cluster of each worker's own) |
    | cluster  | address of a Dask scheduler whose workers make the runs instead                          |
    | device   | "auto", "cpu", "gpu", "cuda", "cuda:1" ... or "mps", of all runs; on a cluster "auto"    |
    |          | is the CPU                                                                               |

    A script that runs arms in processes needs the usual `if __name__ == "__main__":`.
    """
    if engine != "auto" and engine not in engines():
        raise UnknownName("engine", engine, ["auto", *engines()])
    if threads is not None and threads < 1:
        raise SettingError("experiment_needs_threads", expected="threads >= 1", got=threads)
    if isinstance(experiment, str):
        experiment = catalog_experiment(experiment)
    budget = usable_cores() if threads is None else threads
    runs = len(experiment.arms) * len(experiment.seeds)
    folder = Path(data_dir) if data_dir is not None else None
    threads = BY_WORKER if cluster is not None and threads is None else max(1, budget // runs)
    store = Store(Path(out)) if out is not None else None
    device = settled_device(
        experiment, engine=engine, device=device, elsewhere=cluster is not None, data_dir=folder
    )
    tasks, made = None, False  # where nothing is left to train, no engine is asked whether it could
    if store is not None and not store.empty:
        tasks = tasks_of(experiment, engine=engine, threads=threads, data_dir=folder, device=device)
        made = all(store.has(task.key) for task in tasks)
    count, runs_on = min(budget, runs), "torch" if is_gpu(device) else engine
    with thread_workers(count) if made else open_workers(runs_on, count, cluster) as workers:
        return run_experiment(
            experiment,
            workers,
            store=store,
            engine=engine,
            threads=threads,
            data_dir=folder,
            device=device,
            on_progress=on_progress,
            tasks=tasks,
        )


def open_workers(engine: str, count: int, cluster: str | None = None) -> AbstractContextManager[Workers]:
    """Return workers for an engine: a cluster's, threads where Python's lock is free, else processes."""
    if cluster is not None:
        from koubai.lab.perform.cluster import dask_workers

        return dask_workers(cluster)
    return thread_workers(count) if count == 1 or releases_lock(engine) else process_workers(count)


def releases_lock(engine: str) -> bool:
    """Return whether an engine trains whole stretches without Python, so that threads run side by side."""
    if engine == "auto":
        from koubai.engines.choose import why_not_native

        return why_not_native() is None
    return engine == "native"
