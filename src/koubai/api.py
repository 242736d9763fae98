"""The public functions that compose the floors; `import koubai as kb` shows them as kb.fit, kb.load ..."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import ArrayLike

from koubai.core.errors import DataError, EngineError
from koubai.core.layer import Layer
from koubai.core.memory import allowing
from koubai.data.dataset import Dataset
from koubai.data.prepare import ClassWeight
from koubai.engines.engine import Observation
from koubai.train.elsewhere import going_on_otherwise
from koubai.train.folder import RunFolder
from koubai.train.given import Data, given_path, given_recipe, given_table, given_weights, tell_of_data
from koubai.train.import_weights import import_weights
from koubai.train.interrupt import end_of_script
from koubai.train.metrics import Given, told_apart
from koubai.train.model_file import Trained, load
from koubai.train.model_file import save as save_weights
from koubai.train.moments import Moment, OnEvaluation
from koubai.train.notebook import run_html
from koubai.train.progress import Progress
from koubai.train.recipe import Recipe
from koubai.train.sentences import ended, go_on
from koubai.train.train import Run as TrainRun
from koubai.train.train import finish, train
from koubai.train.train import resume as resume_folder
from koubai.words import speaking

if TYPE_CHECKING:
    from koubai.doctor.visit.finding import Finding
    from koubai.doctor.watch.watcher import Watch

__all__ = [
    "Moment",
    "Run",
    "Trained",
    "fit",
    "from_onnx",
    "from_torch",
    "import_weights",
    "load",
    "resume",
    "save",
    "watch",
]


class Run(TrainRun):
    """A finished (or stopped) training run, with everything that can be asked of it."""

    @classmethod
    def of(cls, run: TrainRun) -> Run:
        """Return a run of the loop with all that this floor adds."""
        return cls(**{field.name: getattr(run, field.name) for field in fields(run)})

    @cached_property
    def findings(self) -> list[Finding]:
        """What is wrong with this run, the root first; [] when nothing is. Found out when first asked."""
        from koubai.doctor.answer.tell import Findings
        from koubai.doctor.diagnose import diagnose

        return Findings(diagnose(self))

    def resume(self, *, progress: bool = True) -> Run:
        """Continue an interrupted run to its end; the folder it was written to is resumed there."""
        if self.folder is not None:
            return resume(self.folder, progress=progress)
        with Progress() if progress else nullcontext() as on_progress:
            return _told(finish(self.session, on_progress, seconds=self.seconds))

    def save(self, path: str | Path) -> Path:
        """Write the trained network to a .safetensors file, its recipe beside it; `koubai.load` reads it."""
        weights = self.session.state().weights
        return save_weights(path, self.recipe, self.session.network, weights, self.preparation)

    def plot(self, measure: str = "loss", lang: str | None = None) -> Any:
        """Return the curves of a measure on every part of the data, as a figure of Plotly.

        A notebook shows it; `run.plot().write_html("loss.html")` writes it.

        Raises:
            DataError: this run has no such measure, as one on values has no accuracy.
        """
        from koubai.report.sections.parts import parts_section

        with speaking(lang):
            pictures = {each.name: each for each in parts_section(self.history).pictures}
        if f"curves-{measure}" not in pictures:
            known = ", ".join(sorted(name.removeprefix("curves-") for name in pictures))
            raise DataError("run_has_no_such_measure", where="plot", expected=known, got=measure)
        return pictures[f"curves-{measure}"].panels[0].figure.plotly()

    def _repr_html_(self) -> str:
        return run_html(self, self._findings_html())

    def _findings_html(self) -> str:
        """Return the findings; where nobody asked for them yet, those that need no trial, and how to ask."""
        from koubai.core.markup import paragraph
        from koubai.doctor.answer.markup import findings_html
        from koubai.doctor.diagnose import diagnose
        from koubai.words import say

        if "findings" in self.__dict__:
            return findings_html(self.findings)
        at_once = diagnose(self, budget=0.0)
        return findings_html(at_once, judged=False) + paragraph(say("doctor.notebook.more"))


def fit(
    network: Layer | Recipe,
    data: Data | None = None,
    *,
    engine: str = "auto",
    threads: int | str = "auto",
    device: str = "auto",
    data_dir: str | Path | None = None,
    observation: Observation | None = None,
    folder: str | Path | None = None,
    overwrite: bool = False,
    save_every: int = 0,
    progress: bool = True,
    allow_memory: bool = False,
    target: str | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight = None,
    metrics: Given = (),
    callbacks: Sequence[OnEvaluation] = (),
    **settings: Any,
) -> Run:
    """Train a network on data and return the run.

    Args:
        network: layers, such as Sequential(...); or a whole Recipe, which then brings its data.
        data: koubai.data.mnist() and its like, a Dataset, or arrays: (x, t), of which 30 % at random, each
            class by its share, become the test part, or (x, t, x_test, t_test); with `target` a table.
        engine: "auto", "native", "reference" or "torch".
        threads: how many it takes; "auto": as many as a step is worth; `run.session.threads` says it.
        device: "auto", "cpu", "gpu", "cuda:0" ... or "mps"; GPUs are the torch engine's.
        data_dir: where files of data sets lie.
        observation: what is watched, and when (None: some fifty taps and ten evaluations).
        folder: a run's folder to write to, from which it can be resumed.
        overwrite: whether a run that is in the folder already is replaced.
        save_every: updates between two checkpoints in the folder; 0 = every half minute.
        progress: say what arrays were taken for; a bar on a terminal, a line every few seconds elsewhere.
        allow_memory: begin even where the sizes say that this machine's memory is not enough.
        target: the column to predict of a table (pandas, Arrow, .csv, .parquet ...): see koubai.data.table.
        sample_weight: how much each sample of x counts in training; for arrays (x, t ...).
        class_weight: how much a sample of each class counts, or "balanced"; not beside a whole Recipe.
        metrics: what is measured beside loss and accuracy: scikit-learn's names such as "f1_macro", "r2",
            "confusion_matrix", or functions of (targets, predicted); `run.scores["test"].measures` has it.
        callbacks: functions that are called after every evaluation with a koubai.Moment, which can stop.
        settings: fields of Recipe: optimizer (by its name, too), loss (else one that fits the targets), steps
            or `epochs`, passes over the training part; batch_size, seed; `learning_rate`, the optimizer's.

    Ctrl-C finishes the step and returns the run so far. Raises: ConfigError (settings that cannot be, all at
    once); TooLarge, before any memory is taken; at SIGTERM, like Ctrl-C, SystemExit with it as `koubai_run`.
    """
    with allowing(allow_memory), Progress() if progress else nullcontext() as on_progress:
        names, own = told_apart(metrics)
        data = given_weights(network, given_table(data, target), sample_weight, class_weight)
        settings |= {"metrics": names} if names else {}
        recipe, dataset = given_recipe(network, data, data_dir, settings)
        tell_of_data(recipe, dataset or recipe.data.load(given_path(data_dir)), on_progress, stacklevel=3)
        how: dict[str, Any] = {"engine": engine, "threads": threads, "device": device, "callbacks": callbacks}
        how |= {"overwrite": overwrite, "save_every": save_every, "observation": observation}
        where = {"data_dir": given_path(data_dir), "folder": folder, "own_metrics": own}
        run = _train(recipe, dataset=dataset, on_progress=on_progress, **how, **where)
    return _told(run)


def from_torch(module: Any, in_shape: tuple[int, ...] | None = None) -> Trained:
    """Return a PyTorch module as a trained network of koubai; see `koubai.exchange.from_torch`.

    Args:
        module: nn.Sequential and PyTorch's layers, or what `to_torch` gave.
        in_shape: shape of one input, such as (1, 28, 28); not needed where the first layer is an nn.Linear.

    Raises:
        EngineError: PyTorch is not installed.
        ConfigError: modules that koubai has no layers for, all at once.
    """
    if find_spec("torch") is None:
        raise EngineError("from_torch_needs_torch", hint="pip install 'koubai[torch]'")
    from koubai.data.sources.arrays import Arrays
    from koubai.exchange.from_torch import from_torch as read

    network, weights = read(module, in_shape)
    dtypes = {array.dtype.name for array in (*weights.params.values(), *weights.buffers.values())}
    recipe = Recipe(network.layer, Arrays("0" * 64), dtype="float64" if "float64" in dtypes else "float32")
    return Trained(recipe, network, weights)


def from_onnx(path: str | Path, in_shape: tuple[int, ...] | None = None) -> Trained:
    """Return the network in an ONNX file; arrays beside it are read from below its folder only.

    `in_shape`, such as (1, 28, 28), is needed where the file leaves the shape of an input open.

    Raises:
        EngineError, DataError: onnx is not installed; no such file, or one that is not what it says.
        ConfigError: operators that koubai has no layers for, all at once, or the node that stands in the way.
    """
    from koubai.data.sources.arrays import Arrays
    from koubai.exchange.from_onnx import from_onnx as read

    found = read(path, in_shape)
    dtype: Literal["float32", "float64"] = "float64" if found.dtype == "float64" else "float32"
    recipe = Recipe(found.network.layer, Arrays("0" * 64), dtype=dtype)
    return Trained(recipe, found.network, found.weights, found.preparation)


def save(path: str | Path, trained: TrainRun | Trained) -> Path:
    """Write a trained network to a .safetensors file, its recipe beside it as .toml; `load` reads it.

    Args:
        path: where to; ".safetensors" is added where it lacks.
        trained: a run, or what `load` or `import_weights(...).trained` gave.
    """
    if isinstance(trained, TrainRun):
        session = trained.session
        weights, preparation = session.state().weights, session.dataset.preparation
        return save_weights(path, trained.recipe, session.network, weights, preparation)
    return save_weights(path, trained.recipe, trained.network, trained.weights, trained.preparation)


def resume(
    folder: str | Path,
    *,
    dataset: Dataset | None = None,
    data_dir: str | Path | None = None,
    engine: str | None = None,
    threads: int | str | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Continue the run in a folder to its end; a finished run is only read.

    A run on arrays of one's own needs them again as `dataset`: a folder keeps their hash, not the arrays.
    """
    how: dict[str, Any] = {"dataset": dataset, "engine": engine, "threads": threads, "device": device}
    with Progress() if progress else nullcontext() as on_progress:
        if on_progress is not None:
            on_progress.tell(going_on_otherwise(RunFolder(folder), threads))
        return _told(resume_folder(folder, data_dir=given_path(data_dir), on_progress=on_progress, **how))


def watch(model: Any, optimizer: Any = None, **settings: Any) -> Watch:
    """Watch the training of any PyTorch model: `with koubai.watch(model, optimizer) as watch: ...`.

    The loop stays as it is; `watch.findings` tells what is wrong. Settings are those of
    koubai.doctor.watch.watcher.Watch.

    Raises:
        EngineError: PyTorch is not installed.
    """
    try:
        from koubai.doctor.watch.watcher import Watch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise EngineError("watch_needs_a_torch_model", hint="pip install 'koubai[torch]'") from None
    return Watch(model, optimizer, **settings)


def _train(recipe: Recipe, **how: Any) -> TrainRun:
    """Train; what a callback raises has a Run of this floor as its `koubai_run`."""
    try:
        return train(recipe, **how)
    except BaseException as error:
        if isinstance(run := getattr(error, "koubai_run", None), TrainRun):
            error.koubai_run = Run.of(run)  # type: ignore[attr-defined]  # any exception may carry more
        raise


def _told(run: TrainRun) -> Run:
    """Return a run of the loop with all that this floor adds; tell how an interrupted one goes on.

    Ctrl-C ends the run, and the script goes on; SIGTERM ends the script, too, so SystemExit takes it down.
    """
    full = Run.of(run)
    if full.stopped_by == "interrupted":
        print(ended(full), go_on(full), sep="\n", file=sys.stderr)
        end_of_script(full)
    return full
