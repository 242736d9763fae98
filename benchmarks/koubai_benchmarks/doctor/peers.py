"""Other tools for PyTorch on the twins of the cases: torchmortem and torch-audit, where they are installed.

Both are used as their documentation begins: torchmortem with its balanced sampling, torch-audit with static,
initial and run-time audits (50 times a run; its default, every 1,000 steps, would see most runs once).
What they mark as information or as advice on speed is no alarm. A finding gets the nearest of our names; one
that none of ours is near to keeps its own, and counts as an alarm that is never the right name.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import torch

from koubai.train.recipe import Recipe
from koubai_benchmarks.doctor.case import Case
from koubai_benchmarks.doctor.run import CaseRow
from koubai_benchmarks.doctor.torch_modules import NotTranslated
from koubai_benchmarks.doctor.torch_twin import Twin

_SPEED = "TA2"  # torch-audit's advice on hardware: it speaks of speed, of no fault
_OURS = "koubai.watch"
_EVALUATIONS = 10
_WORSE = 0.02
_TORCHMORTEM = {
    "Vanishing gradients": "vanishing_gradient",
    "Gradient stalling": "vanishing_gradient",
    "Exploding gradients": "exploding_gradient",
    "Dead units": "dead_units",
    "Activation saturation": "saturated_units",
    "Update ratio too low": "learning_rate_too_low",
    "Update ratio too high": "learning_rate_too_high",
    "Training divergence": "learning_rate_too_high",
    "Loss plateau": "not_learning",
    "Weight norm explosion": "exploding_gradient",
    "Stagnant weight norms": "learning_rate_too_low",
}
_TORCH_AUDIT = {
    "TA100": "not_finite",
    "TA102": "exploding_gradient",
    "TA103": "dead_units",
    "TA104": "not_training",
    "TA105": "dead_units",
    "TA301": "data_not_normalized",
    "TA302": "data_squashed",
    "TA304": "batch_norm_misuse",
    "TA405": "dead_units",
    "TA500": "not_training",
}


def torchmortem(twin: Twin) -> list[str]:
    """Return the names of its findings, the gravest first, as its report orders them."""
    from torchmortem import Autopsy  # type: ignore[import-not-found]  # only there for this comparison

    logging.getLogger("torchmortem").setLevel(logging.CRITICAL)
    with Autopsy(twin.model, optimizer=twin.optimizer) as autopsy:
        _train(twin, lambda loss: autopsy.step(loss=loss))
    report = autopsy.get_report()
    findings = [finding for finding in report.findings if finding.severity.name != "INFO"]
    return _unique(_named(finding.title, _TORCHMORTEM) for finding in findings)


def torch_audit(twin: Twin) -> list[str]:
    """Return the names of its findings, errors first."""
    from torch_audit import autopatch  # type: ignore[import-not-found]  # only there for this comparison

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        auditor = autopatch(
            twin.model,
            optimizer=twin.optimizer,
            every_n_steps=max(1, twin.recipe.steps // 50),
            run_static=True,
            run_init=True,
        )
        try:
            _train(twin, lambda loss: None)
            result = auditor.finish(report=False)
        finally:
            auditor.unpatch()
    findings = sorted(
        (
            finding
            for finding in result.findings
            if finding.severity.name != "INFO" and not finding.rule_id.startswith(_SPEED)
        ),
        key=lambda finding: finding.severity.name == "WARN",
    )
    return _unique(_TORCH_AUDIT.get(finding.rule_id, finding.rule_id) for finding in findings)


def watch(twin: Twin) -> list[str]:
    """Return the names that `koubai.watch` gives to the same loop."""
    from koubai.doctor.watch.watcher import Watch

    with Watch(twin.model, twin.optimizer, steps=twin.recipe.steps) as seen:
        _train(twin, lambda loss: None)
    return [finding.name for finding in seen.findings if finding.alarm]


def installed() -> dict[str, Callable[[Twin], list[str]]]:
    """Return the tools that can be run here, ours among them."""
    tools: dict[str, Callable[[Twin], list[str]]] = {_OURS: watch}
    if find_spec("torchmortem") is not None:
        tools["torchmortem"] = torchmortem
    if find_spec("torch_audit") is not None:
        tools["torch-audit"] = torch_audit
    return tools


def run_peers(cases: Iterable[Case], seeds: int | None = None) -> Iterator[CaseRow]:
    """Yield a row a run, as `run_cases` does: what every tool says stands in its `baselines`.

    A sick twin counts as faulty if it ends worse than its fixed twin in held-out skill. Cases that have no
    PyTorch twin are left out.
    """
    for case in cases:
        for seed in case.seeds[:seeds]:
            with contextlib.suppress(NotTranslated):
                sick = _judged(case.sick(seed))
                if case.healthy:
                    yield _row(case, seed, "healthy", sick)
                    continue
                fixed = _judged(case.twin(seed))
                faulty = fixed.skill - sick.skill > _WORSE
                yield _row(case, seed, "faulty" if faulty else "lucky", sick)
                learned = fixed.skill > fixed.chance + _WORSE
                cured = replace(case, id=f"{case.id} fixed")
                yield _row(cured, seed, "healthy" if learned else "unfixed", fixed)


@dataclass(frozen=True)
class _Judged:
    """A recipe under every tool: the names that each gives; the skill reached, and that of chance."""

    names: dict[str, tuple[str, ...]]
    skill: float
    chance: float


def _row(case: Case, seed: int, label: str, judged: _Judged) -> CaseRow:
    nothing: dict[str, Any] = dict.fromkeys(("layer", "layer_distance", "first_alarm", "remedy"))
    return CaseRow(
        case=case.id,
        family=case.family,
        seed=seed,
        label=label,
        names=(),
        skill=judged.skill,
        twin_skill=float("nan"),
        steps_spent=0.0,
        seconds=0.0,
        baselines=judged.names,
        **nothing,
    )


def _judged(recipe: Recipe) -> _Judged:
    """Train a fresh twin of a recipe under each tool; the skill is that under ours, which changes no bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        names, skills = {}, {}
        for name, tool in installed().items():
            twin = Twin(recipe)
            names[name], skills[name] = tuple(tool(twin)), twin.held_skill()
        return _Judged(names, skills[_OURS], twin.chance)
    finally:
        torch.set_num_threads(before)


def _train(twin: Twin, after: Callable[[float], Any]) -> None:
    """Train as people do, until the loss is not finite; `after` is told the loss of each step."""
    every = max(1, twin.recipe.steps // _EVALUATIONS)
    for step, (x, t) in enumerate(twin.batches(), start=1):
        twin.optimizer.zero_grad()
        try:
            loss = twin.loss_fn(twin.model(x), t)
        except RuntimeError:  # binary cross-entropy refuses NaN
            break
        loss.backward()
        twin.optimizer.step()
        after(loss.item())
        if not torch.isfinite(loss):
            break
        if step % every == 0:
            twin.evaluate()


def _named(title: str, names: dict[str, str]) -> str:
    return next((name for start, name in names.items() if title.startswith(start)), title)


def _unique(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))
