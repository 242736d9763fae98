"""`koubai doctor`: what is wrong with a run, where, since when and why; and whether the remedy helps.

| exit code | meaning                                                                |
|-----------|------------------------------------------------------------------------|
| 0         | healthy, not judged, or nothing as severe as --fail-on                 |
| 3         | findings                                                               |
| 4         | not judged, under --fail-on unseen                                     |
| another   | that of a script which ended with an error: it is what it was          |
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from koubai.cli.benchmarks import benchmark
from koubai.cli.output import console, option, print_json, style, threads_option, whole
from koubai.core.errors import KoubaiError
from koubai.core.loading import loading
from koubai.words import say

if TYPE_CHECKING:
    from koubai.doctor.answer.proof import Proof
    from koubai.doctor.answer.verdict import Verdict
    from koubai.doctor.patient.clinic import Change
    from koubai.doctor.script_proof import Unproven
    from koubai.doctor.trials.reruns import Script
    from koubai.train.session import Session
    from koubai.train.train import Run

FOUND, UNSEEN = 3, 4


def doctor(
    subject: Annotated[str, option("doctor.cli.subject")],
    /,
    *arguments: Annotated[str, option("doctor.cli.arguments", allow_leading_hyphen=True)],
    prove: Annotated[bool, option("doctor.cli.prove", negative="")] = False,
    seeds: Annotated[int | None, whole("doctor.cli.seeds")] = None,
    budget: Annotated[float | None, option("doctor.cli.budget")] = None,
    thorough: Annotated[bool, option("doctor.cli.thorough", negative="")] = False,
    again: Annotated[bool, option("doctor.cli.again", name="--try", negative="")] = False,
    fail_on: Annotated[Literal["info", "warn", "severe", "unseen"], option("doctor.cli.fail_on")] = "warn",
    module: Annotated[bool, option("doctor.cli.module", name=("--module", "-m"), negative="")] = False,
    sarif: Annotated[bool, option("doctor.cli.sarif", negative="")] = False,
    rollback: Annotated[bool, option("doctor.cli.rollback", negative="")] = False,
    out: Annotated[Path | None, option("doctor.cli.out", name=("--out", "-o"))] = None,
    cases: Annotated[Path | None, option("doctor.cli.cases")] = None,
    names_only: Annotated[bool, option("doctor.cli.names_only", negative="")] = False,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
    engine: Annotated[str, option("cli.run.engine")] = "auto",
    threads: Annotated[int | str, threads_option("cli.run.threads")] = "auto",
) -> int:
    """Examine a run's folder, a recipe, or a PyTorch script; `koubai doctor bench` scores the doctor."""
    if subject == "bench":
        count = 1 if isinstance(threads, str) else threads
        return _bench(arguments, cases, seeds, budget, engine, count, data_dir, out, names_only=names_only)
    path = Path(subject)
    script = partial(
        _script,
        subject,
        list(arguments),
        fail_on,
        budget,
        thorough=thorough,
        again=again,
        prove=prove,
        seeds=seeds,
        as_sarif=sarif,
        out=out,
    )
    if module:
        return script(as_module=True)
    if not path.exists():
        raise KoubaiError(say("doctor.cli.missing"), where=subject, expected=say("doctor.cli.expected"))
    if path.suffix == ".py":
        return script()
    if out is not None:
        raise KoubaiError(say("doctor.cli.out_of_script"), where="--out", got=subject)
    run = _run(path, data_dir, engine, threads, rollback=rollback)
    from koubai.doctor.answer.proof import prove_first
    from koubai.doctor.answer.verdict import Verdict
    from koubai.doctor.diagnose import diagnose

    findings = diagnose(run, budget=20.0 if budget is None else budget)
    proof = None
    if prove and findings:
        count = run.session.threads if isinstance(threads, str) else threads
        proof = prove_first(run, findings, seeds or 8, engine, count, on_run=_proving)
    code = _answer(Verdict(findings), subject, fail_on, as_sarif=sarif, proof=proof)
    if not prove and any(finding.remedies for finding in findings):
        _note(say("doctor.command.prove_hint", subject=subject))
    return code


def _script(
    subject: str,
    arguments: list[str],
    fail_on: str,
    budget: float | None,
    *,
    thorough: bool,
    again: bool,
    prove: bool,
    seeds: int | None,
    as_sarif: bool,
    out: Path | None,
    as_module: bool = False,
) -> int:
    """Run a script under watch and answer; a script that failed keeps its exit code."""
    with loading():
        from koubai.doctor.script import judge_script
        from koubai.doctor.trials.reruns import Script
        from koubai.doctor.trials.script import ScriptTrials
        from koubai.doctor.visit.treatments import treatments

    target = subject if as_module else Path(subject)
    script = Script(subject, tuple(arguments), as_module)
    trials = ScriptTrials(budget, thorough=thorough, again=script if again else None)
    verdict, code = judge_script(target, arguments, as_module=as_module, trials=trials, folder=out)
    proof = _script_proof(script, verdict, seeds or 8, budget) if prove else None
    said = _answer(verdict, subject, fail_on, as_sarif=as_sarif, proof=proof)
    if not prove and any(True for _ in treatments(verdict.findings)):
        _note(say("doctor.command.prove_hint", subject=subject))
    return code or said


def _script_proof(script: Script, verdict: Verdict, seeds: int, budget: float | None) -> Proof | Unproven:
    """Put the first treatment of a script to the proof."""
    from koubai.doctor.answer.proof import ARMS
    from koubai.doctor.answer.tell import remedy_title
    from koubai.doctor.script_proof import prove_script
    from koubai.doctor.trials.reruns import run_all

    def told(change: Change, seed: int, cpu: float) -> None:
        title = remedy_title(change)
        _note(say("doctor.command.proving_script", remedy=title, number=seed + 1, seeds=seeds))
        if cpu:
            _note(say("doctor.command.proving_cost", cpu=len(ARMS) * (seeds - seed) * cpu))

    return prove_script(verdict, partial(run_all, script), seeds=seeds, budget=budget, on_seed=told)


def _bench(
    arguments: tuple[str, ...],
    cases: Path | None,
    seeds: int | None,
    budget: float | None,
    engine: str,
    threads: int,
    data_dir: Path | None,
    out: Path | None,
    *,
    names_only: bool,
) -> int:
    """Score the doctor; or one part of that: what it costs, other tools, one split of the cases."""
    if data_dir is not None:
        os.environ["KOUBAI_DATA"] = str(data_dir)  # twins and forks load data of their own
    return int(
        benchmark("doctor.command").bench(
            arguments[0] if arguments else "all",
            cases,
            seeds=seeds,
            budget=budget,
            engine=engine,
            threads=threads,
            names_only=names_only,
            out=out,
        )
    )


def _run(path: Path, data_dir: Path | None, engine: str, threads: int | str, *, rollback: bool) -> Run:
    """Read a finished run from its folder, or train a recipe."""
    from koubai.doctor.monitor import train_with_rollback
    from koubai.train.recipe import Recipe
    from koubai.train.train import resume, train

    if path.is_dir():
        return resume(path, data_dir=data_dir)
    _note(say("doctor.command.training"))
    recipe = Recipe.from_toml(path)
    if rollback:
        return train_with_rollback(
            recipe, data_dir=data_dir, engine=engine, threads=threads, on_rollback=_rolled_back
        )
    return train(recipe, data_dir=data_dir, engine=engine, threads=threads)


def _rolled_back(session: Session) -> None:
    rate = session.recipe.optimizer.learning_rate
    _note(say("doctor.command.rolled_back", step=session.step, rate=rate))


def _proving(remedy: str, arm: str, seed: int) -> None:
    said = {"remedy": say(f"remedies.{remedy}.title"), "arm": say(f"doctor.proof.rival.{arm}")}
    _note(say("doctor.command.proving", **said, seed=seed))


def _answer(
    verdict: Verdict,
    subject: str,
    fail_on: str,
    *,
    as_sarif: bool = False,
    proof: Proof | Unproven | None = None,
) -> int:
    """Print the verdict and a proof, and return the exit code."""
    from koubai.doctor.answer.tell import tell_verdict, verdict_facts

    if as_sarif:
        from koubai.doctor.answer.sarif import sarif as sarif_log

        print(json.dumps(sarif_log(verdict, subject), ensure_ascii=False, indent=2))
    elif style.json:
        print_json(verdict_facts(verdict) | ({"proof": proof.to_dict()} if proof is not None else {}))
    else:
        console().print(tell_verdict(verdict), markup=False, soft_wrap=True)
        if proof is not None:
            console().print("\n" + _told(proof), markup=False, soft_wrap=True)
    if fail_on == "unseen" and verdict.name == "not_judged":
        return UNSEEN
    level = "warn" if fail_on == "unseen" else fail_on
    return FOUND if any(finding.at_least(level) for finding in verdict.findings) else 0


def _told(proof: Proof | Unproven) -> str:
    """Return a proof, or why there is none, in words."""
    from koubai.doctor.answer.proof import Proof
    from koubai.doctor.answer.tell import tell_proof

    return tell_proof(proof) if isinstance(proof, Proof) else proof.says()


def _note(text: str) -> None:
    console(stderr=True).print(text, markup=False, soft_wrap=True)
