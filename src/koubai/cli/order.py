"""What was asked of `koubai run`, kept beside its runs, so that the folder alone tells what is in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from koubai.core.errors import ConfigError, RunError
from koubai.train.files import read_json, understanding, write_json, writing
from koubai.train.recipe_file import toml_text
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.experiment import Experiment
    from koubai.lab.result import ExperimentResult, RunResult

_FILE = "order.json"


@dataclass(frozen=True)
class Order:
    """An experiment as the command line asks for it: a name, or the text of a file, and what overrides it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    target: str
    file: str | None = None
    data: str | None = None
    seeds: int | None = None
    steps: int | None = None
    vary: tuple[str, ...] = ()
    engine: str = "auto"
    data_dir: str | None = None

    @classmethod
    def of(cls, target: str, **rest: Any) -> Order:
        """Return the order for a catalog name or the path of an experiment file."""
        path = Path(target)
        text = f"{toml_text(path)[0]}\n" if path.is_file() else None  # with a line's end it is no path
        return cls(target, text, **rest)

    def experiment(self) -> Experiment:
        """Return the experiment that was asked for."""
        from koubai.cli.experiments import adapt, change, find
        from koubai.lab.experiment_file import read_experiment

        if self.file is None:
            found = find(self.target, self.data)
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
        with understanding(file):
            return TypeAdapter(cls).validate_python(read_json(file))

    def result(self, folder: Path) -> ExperimentResult:
        """Return what the folder holds of the experiment, concluded anew; nothing is trained."""
        from koubai.lab.store import Store
        from koubai.lab.summarize import conclude
        from koubai.lab.work import tasks_of

        experiment, store = self.experiment(), Store(folder)
        data_dir = Path(self.data_dir) if self.data_dir else None
        tasks = tasks_of(experiment, engine=self.engine, data_dir=data_dir)
        loaded = (store.load(task.key, task.arm, task.seed) for task in tasks)
        runs: tuple[RunResult, ...] = tuple(run for run in loaded if run is not None)
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
    try:
        return TypeAdapter(_Told).validate_python(read_json(folder / "result.json"))
    except (RunError, ValueError):
        return _Told()
