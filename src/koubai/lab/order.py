"""What was asked of `koubai run`, kept beside its runs, so that the folder alone tells what is in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from koubai.core.errors import ConfigError, KoubaiError, RunError, SettingError
from koubai.lab.catalog import catalog_experiment
from koubai.lab.closing import conclude
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import MOST_SEEDS, Experiment
from koubai.lab.declare.experiment_file import read_experiment
from koubai.lab.declare.vary import parse_vary
from koubai.lab.experiments.entry import catalog
from koubai.lab.perform.keeper import Desk
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import tasks_of
from koubai.train.files import read_json, understanding, write_json, writing
from koubai.train.recipe_file import toml_text
from koubai.words import say

_FILE = "order.json"


@dataclass(frozen=True)
class Order:
    """An experiment as the command line asks for it: a name, or the text of a file, and what overrides it."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    target: str
    file: str | None = None
    data: str | None = None
    seeds: int | None = None
    steps: int | None = None
    vary: tuple[str, ...] = ()
    engine: str = "auto"
    data_dir: str | None = None
    device: str = "cpu"  # where its runs are computed: no file of earlier versions names another

    @classmethod
    def of(cls, target: str, **rest: Any) -> Order:
        """Return the order for a catalog name or the path of an experiment file."""
        path = Path(target)
        text = f"{toml_text(path)[0]}\n" if path.is_file() else None  # with a line's end it is no path
        return cls(target, text, **rest)

    def experiment(self) -> Experiment:
        """Return the experiment that was asked for."""
        if self.file is None:
            found = find_experiment(self.target, self.data)
        else:
            try:
                found = read_experiment(self.file, Path(self.target).stem)
            except ConfigError as error:
                raise ConfigError(self.target, error.problems) from None
            found = found if self.data is None else change(found, {"data": self.data})
        return adapt(found, seeds=self.seeds, steps=self.steps, vary=list(self.vary))

    def keep(self, folder: Path) -> None:
        """Write the order to a folder of runs."""
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / _FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Order:
        """Return the order that made a folder; raise RunError if there is none."""
        file = folder / _FILE
        if not file.exists():
            raise RunError(
                say("report.cli.no_folder"),
                where=str(folder),
                expected=f"run.json | {_FILE}",
                hint="koubai run",
            )
        from pydantic import TypeAdapter  # as slow to import as the rest of a start

        with understanding(file):
            return TypeAdapter(cls).validate_python(read_json(file))

    def result(self, folder: Path) -> ExperimentResult:
        """Return what the folder holds of the experiment, concluded again; nothing is trained."""
        experiment = self.experiment()
        data_dir = Path(self.data_dir) if self.data_dir else None
        tasks = tasks_of(experiment, engine=self.engine, data_dir=data_dir, device=self.device)
        desk = Desk(Store(folder))
        found = (desk.load(task.key, task.arm, task.seed) for task in tasks)
        runs = tuple(run for run in found if run is not None)
        told = _told(folder)
        return conclude(
            experiment,
            runs,
            environment=told.environment,
            seconds=told.seconds,
            pending=len(tasks) - len(runs),
        )


@dataclass(frozen=True)
class _Told:
    environment: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def _told(folder: Path) -> _Told:
    """Return what result.json of a finished experiment adds, or nothing: the runs are what counts."""
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(_Told).validate_python(read_json(folder / "result.json"))
    except (RunError, ValueError):
        return _Told()


def is_file(target: str) -> bool:
    """Return whether an experiment is asked for by the path of a file."""
    return target.endswith(".toml") or Path(target).is_file()


def find_experiment(target: str, data: str | None = None) -> Experiment:
    """Return the experiment in a file, or the catalog's of this name."""
    if is_file(target):
        experiment = read_experiment(Path(target))
        return experiment if data is None else change(experiment, {"data": data})
    if target.replace("-", "_") not in catalog() and ("/" in target or Path(target).exists()):
        raise KoubaiError(say("lab.cli.not_a_file"), where=target, hint="koubai new")
    return catalog_experiment(target, data)


def change(experiment: Experiment, edits: dict[str, Any]) -> Experiment:
    """Return the experiment with edits of what all its arms share."""
    return replace(experiment, base=experiment.base.edit(**edits))


def adapt(experiment: Experiment, *, seeds: int | None, steps: int | None, vary: list[str]) -> Experiment:
    """Return the experiment as the command line overrides it."""
    if steps is not None:
        where = "steps" if hasattr(experiment.base, "steps") else "recipe.steps"
        experiment = change(experiment, {where: steps})
    for text in vary:
        experiment = experiment.vary(*parse_vary(text))
    if seeds is not None:
        if not 1 <= seeds <= MOST_SEEDS:
            raise SettingError(say("lab.cli.seeds"), expected=f"1 <= --seeds <= {MOST_SEEDS}", got=seeds)
        experiment = replace(experiment, seeds=tuple(range(seeds)))
    return experiment
