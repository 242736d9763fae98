"""The page of one training run: how it ended, how it learned, what every layer did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import KoubaiError
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.exhibits import filters
from koubai.lab.perform.run_result import Exhibit, RunResult
from koubai.network.network import Network, Weights
from koubai.probes.histograms import activation_histograms
from koubai.probes.history import History
from koubai.report.layers import Layers
from koubai.report.numbers import number, percent, seconds
from koubai.report.page import Badge, Page
from koubai.report.sections.exhibits import activation_section, filter_section
from koubai.report.sections.findings import findings_section
from koubai.report.sections.gradients import gradient_section
from koubai.report.sections.layers import layers_section
from koubai.report.sections.parts import parts_section
from koubai.report.sections.setting import environment_section, recipe_section
from koubai.train.folder import RunFolder
from koubai.train.model_file import load
from koubai.train.recipe import Recipe
from koubai.train.session import Score
from koubai.train.train import Run
from koubai.words import language, say, speaking

_SAMPLES = 500  # test samples whose activations are counted


@dataclass(frozen=True, eq=False)
class RunRecord:
    """What is known of one run; `network` and `weights` only where it has trained weights to show.

    `stopped_by` is None for a run that made all its updates, "unfinished" for one that is still under way.
    """

    name: str
    recipe: Recipe
    history: History
    step: int
    scores: Mapping[str, Score] = field(default_factory=dict)
    stopped_by: str | None = None
    seconds: float = 0.0
    environment: Mapping[str, Any] = field(default_factory=dict)
    network: Network | None = None
    weights: Weights | None = None
    data_dir: Path | None = None

    @classmethod
    def of(cls, run: Run) -> RunRecord:
        """Return the record of a run in memory."""
        session = run.session
        return cls(
            name=run.folder.name if run.folder is not None else run.recipe.hash,
            recipe=run.recipe,
            history=run.history,
            step=session.step,
            scores=run.scores,
            stopped_by=run.stopped_by,
            seconds=run.seconds,
            environment={"engine": session.program.engine, "threads": session.threads},
            network=session.network,
            weights=session.state().weights,
            data_dir=session.data_dir,
        )

    @classmethod
    def read(cls, folder: RunFolder) -> RunRecord:
        """Return the record of a run's folder, also of one that is still being written."""
        recipe, history, settings = folder.recipe, folder.history(), folder.settings
        known: dict[str, Any] = {
            "name": folder.path.resolve().name,
            "recipe": recipe,
            "history": history,
            "environment": folder.environments[-1],
            "data_dir": Path(settings["data_dir"]) if settings["data_dir"] else None,
        }
        if not folder.finished:
            steps = history.series("loss")[0]
            return cls(**known, step=int(steps[-1]) if steps.size else 0, stopped_by="unfinished")
        result, trained = folder.result, load(folder.path)
        ended = {name: result[name] for name in ("step", "scores", "stopped_by", "seconds")}
        return cls(**known, **ended, network=trained.network, weights=trained.weights)


def run_page(
    record: RunRecord, lang: str | None = None, findings: Sequence[Mapping[str, Any]] | None = None
) -> Page:
    """Return the page of one run; `findings` are the doctor's, as dicts (None: it was not asked)."""
    with speaking(lang):
        return _page(record, findings)


def _page(record: RunRecord, findings: Sequence[Mapping[str, Any]] | None) -> Page:
    from koubai import __version__

    result = _alone(record)
    sections = (
        findings_section(findings, Layers.of_network(record.recipe.network)),
        parts_section(record.history),
        gradient_section(result),
        layers_section(record.history, record.recipe.network),
        activation_section(result),
        filter_section(result),
        recipe_section(result),
        environment_section(record.environment),
    )
    return Page(
        lang=language(),
        kicker=say("report.page.run", name=record.name),
        title=record.name,
        badges=(_badge(record),),
        sentences=tuple(_score(part, score) for part, score in record.scores.items()),
        facts=_facts(record),
        sections=tuple(section for section in sections if section),
        footer=say("report.page.footer", version=__version__),
    )


def _alone(record: RunRecord) -> ExperimentResult:
    """Return the run as an experiment of one arm, which the sections know how to show."""
    experiment = Experiment(record.name, record.recipe, (Arm(record.name),), seeds=(record.recipe.seed,))
    run = RunResult(
        arm=record.name,
        seed=record.recipe.seed,
        plan_hash=record.recipe.hash,
        key=record.recipe.hash,
        scores={},
        history=record.history,
        seconds=record.seconds,
        exhibits=_exhibits(record),
    )
    return ExperimentResult(experiment, (run,), {}, (), (), ())


def _exhibits(record: RunRecord) -> tuple[Exhibit, ...]:
    """Return activations on test samples, and filters; nothing that needs data which are not here."""
    if record.network is None or record.weights is None:
        return ()
    network, recipe = record.network, record.recipe
    initial = network.initialize(recipe.seed, recipe.dtype)
    shown = list(filters(initial, record.weights))
    try:
        x = np.ascontiguousarray(recipe.data.load(record.data_dir).x_test[:_SAMPLES], recipe.dtype)
    except (KoubaiError, OSError):
        return tuple(shown)
    names = {cell.path: type(cell.layer).__name__ for cell in network.leaves}
    for path, counted in activation_histograms(network, [initial, record.weights], x).items():
        arrays = {"edges": counted.edges, "initial": counted.shares[0], "final": counted.shares[1]}
        shown.append(Exhibit("histogram", path, arrays, note=names[path]))
    return tuple(shown)


def _badge(record: RunRecord) -> Badge:
    name, tone = {
        None: ("whole", "good"),
        "not finite": ("diverged", "bad"),
        "unfinished": ("unfinished", "open"),
    }.get(record.stopped_by, ("stopped", "open"))
    values: dict[str, Any] = {
        "step": record.step,
        "steps": record.recipe.steps,
        "why": record.stopped_by or "",
    }
    return Badge(tone, say(f"report.run.{name}"), say(f"report.run.{name}_text", **values))


def _score(part: str, score: Score) -> str:
    values: dict[str, Any] = {
        "part": say(f"report.parts.{part}"),
        "loss": number(score.loss),
        "count": score.count,
    }
    if score.accuracy is None:
        return say("report.run.score_loss", **values)
    return say("report.run.score", accuracy=percent(score.accuracy), **values)


def _facts(record: RunRecord) -> tuple[tuple[str, str], ...]:
    environment = record.environment
    found = {
        "steps": f"{record.step:,}",
        "seconds": seconds(record.seconds) if record.seconds else "",
        "parameters": f"{record.network.parameter_count:,}" if record.network is not None else "",
        "engine": str(environment.get("engine", "")),
        "data": str(environment.get("data", {}).get("name", "")),
        "cpu": str(environment.get("cpu", "")),
    }
    return tuple((say(f"report.facts.{name}"), text) for name, text in found.items() if text)
