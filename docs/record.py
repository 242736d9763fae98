"""The record: what the catalogue's experiments gave when they were last run, in one file that git keeps.

Results themselves lie outside git. `scripts/run-catalog --record` writes the seeds' numbers and the closing
sentences of every experiment to `experiments/measured.toml`; pages are built from it where no results lie.
Intervals, tests and verdicts are computed again from the numbers.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from koubai.lab import start
from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.lab.conclude.result import ArmSummary, ExperimentResult, Sentence
from koubai.lab.conclude.summarize import compare, summarize
from koubai.lab.conclude.verdicts import verdicts_of
from koubai.lab.declare.experiment import Experiment, Text
from koubai.lab.declare.measures import is_share
from koubai.lab.order import Order
from koubai.lab.perform.run_result import RunResult
from koubai.probes.history import History
from koubai.report.sections.outcome import measures_in_question

RECORD = Path(__file__).parent / "experiments" / "measured.toml"
_HEAD = """\
What the experiments of the catalog gave: their quick variants, one number a seed.
Written by `scripts/run-catalog --record`; the pages of the documentation show it where nobody ran them."""
_BESIDE = {"gap": "train_accuracy", "weight_norm": "bias_norm"}  # what a picture of a measure needs too


@dataclass(frozen=True)
class Recorded(Sentence):
    """A sentence as it was said when the runs were there."""

    text: Text = Text()

    def say(self, lang: str | None = None) -> str:
        """Return the sentence."""
        return self.text.say(lang)


def stored(folder: Path) -> ExperimentResult | None:
    """Return the result that lies in a folder of `koubai run`, or None if there is none."""
    if not (folder / "result.json").exists():
        return None
    result = Order.read(folder).result(folder)
    return result if result.runs else None


def written(result: ExperimentResult) -> dict[str, Any]:
    """Return what is kept of a result."""
    asked = measures_in_question(result)
    measures = [*asked, *(beside for measure, beside in _BESIDE.items() if measure in asked)]
    chance = [run.scores["chance"] for run in result.runs if "chance" in run.scores]
    return {
        "engine": str(result.environment.get("engine", "")),
        "chance": _rounded("chance", chance[0]) if chance else 0.0,
        "en": [sentence.say("en") for sentence in result.sentences],
        "ja": [sentence.say("ja") for sentence in result.sentences],
        "arms": {name: _arm(result, name, measures) for name in result.arms},
    }


def _arm(result: ExperimentResult, name: str, measures: list[str]) -> dict[str, Any]:
    runs = result.of(name)
    numbers = {
        measure: [_rounded(measure, run.scores.get(measure, float("nan"))) for run in runs]
        for measure in measures
    }
    seconds = sum(run.seconds for run in runs) / max(len(runs), 1)
    return {
        "seconds": float(f"{seconds:.1g}"),
        "collapsed": [run.seed for run in runs if run.collapsed],
        **numbers,
    }


def _rounded(measure: str, value: float) -> float:
    """Return a number with the digits worth keeping: counts whole, shares to .01 %, else four digits."""
    if float(value).is_integer():
        return int(value)
    return round(value, 4) if is_share(measure) else float(f"{value:.4g}")


def recalled(experiment: Experiment, kept: Mapping[str, Any]) -> ExperimentResult:
    """Return the result that a record tells of, without histories and whatever else it does not keep."""
    runs = tuple(
        _run(arm.name, seed, i, kept["arms"][arm.name], kept["chance"])
        for arm in experiment.arms
        for i, seed in enumerate(experiment.seeds)
    )
    summaries: dict[tuple[str, str], ArmSummary] = {}
    for arm in experiment.arms:
        own = [run for run in runs if run.arm == arm.name]
        for measure in dict.fromkeys(name for run in own for name in run.scores):
            if (summary := summarize(arm.name, measure, own)) is not None:
                summaries[arm.name, measure] = summary
    verdicts = verdicts_of(experiment, summaries)
    return ExperimentResult(
        experiment=experiment,
        runs=runs,
        summaries=summaries,
        comparisons=compare(experiment, summaries, verdicts),
        verdicts=verdicts,
        sentences=tuple(
            Recorded("", text=Text(en, ja)) for en, ja in zip(kept["en"], kept["ja"], strict=True)
        ),
        environment={"engine": kept["engine"]},
        seconds=sum(run.seconds for run in runs),
    )


def _run(arm: str, seed: int, i: int, kept: Mapping[str, Any], chance: float) -> RunResult:
    scores = {name: float(values[i]) for name, values in kept.items() if name not in ("seconds", "collapsed")}
    if chance:
        scores["chance"] = chance
    collapsed = seed in kept["collapsed"]
    return RunResult(arm, seed, "", "", scores, History(), kept["seconds"], collapsed=collapsed)


def read(path: Path = RECORD) -> dict[str, Any]:
    """Return the record by experiment; nothing where there is no file."""
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def update(runs: Path, path: Path = RECORD) -> list[str]:
    """Write what lies in a folder of results to the record; what is not there keeps its old numbers."""
    record = read(path)
    found = {}
    for entry in catalog_entries():
        result = stored(runs / entry.name())
        if result is not None and not result.pending:
            found[entry.name()] = written(result)
    kept = record | found
    document = tomlkit.document()
    for line in _HEAD.splitlines():
        document.add(tomlkit.comment(line))
    for entry in catalog_entries():
        if entry.name() in kept:
            document.add(tomlkit.nl())
            document.add(entry.name(), _table(kept[entry.name()]))
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    return list(found)


def _table(kept: Mapping[str, Any]) -> tomlkit.items.Table:
    """Return one experiment as a table: sentences one a line, arms one a line."""
    table = tomlkit.table()
    for name, value in kept.items():
        if name == "arms":
            arms = tomlkit.table()
            for arm, numbers in value.items():
                arms.add(arm, _inline(numbers))
            table.add("arms", arms)
        elif isinstance(value, list):
            table.add(name, tomlkit.item(value).multiline(multiline=True))
        else:
            table.add(name, value)
    return table


def _inline(numbers: Mapping[str, Any]) -> tomlkit.items.InlineTable:
    inline = tomlkit.inline_table()
    for name, value in numbers.items():
        inline.append(name, value)
    return inline


def result_of(name: str, runs: Path, record: Mapping[str, Any]) -> tuple[ExperimentResult | None, bool]:
    """Return an experiment's result, and whether it is only recorded.

    What lies in a folder of `runs` counts; what needs no training is done at once; else the record tells.
    """
    if (result := stored(runs / name)) is not None:
        return result, False
    experiment = catalog_experiment(name)
    if not hasattr(experiment.base, "data"):
        return start.run(experiment, threads=1), False
    return (recalled(experiment, record[name]), True) if name in record else (None, False)


if __name__ == "__main__":
    print("recorded:", " ".join(update(Path(sys.argv[1]))))
