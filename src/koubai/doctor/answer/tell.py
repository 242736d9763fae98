"""Findings, proofs and explanations in words: text a learner reads, in the catalog's languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from koubai.core.statistics import mean
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.diagnoses.diagnosis import known
from koubai.doctor.patient.beside import levels
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.patient.tried_remedies import remedy_of
from koubai.doctor.visit.finding import Finding, Measure
from koubai.words import LANGUAGES, entries, say, speaking

if TYPE_CHECKING:
    from koubai.doctor.answer.proof import Proof


def title_of(name: str) -> str:
    """Return a diagnosis' title."""
    return say(f"diagnoses.{name}.title")


def title(finding: Finding) -> str:
    """Return the title of a finding: of a cause that only a sign speaks for, that it is suspected."""
    named = title_of(finding.name)
    return say("doctor.suspected", title=named) if finding.suspected else named


def sentence(finding: Finding) -> str:
    """Return what was seen, in one sentence with its numbers."""
    if finding.details.get("fault") == "trial":
        return say("trials.found", trial=_beside(finding.trials[0]))
    special = f"{finding.name}.{finding.details.get('fault', '')}"
    told = entries("diagnoses")
    untried = f"{finding.name}.untried" if finding.relief is None else ""
    key = next((key for key in (special, untried) if key in told), f"{finding.name}.says")
    return say(f"diagnoses.{key}", **{"layer": finding.layer or "-", **finding.details})


def advice(finding: Finding) -> str:
    """Return what to do now, about this very fault where there are several."""
    special = f"{finding.name}.{finding.details.get('fault', '')}_do"
    return say(f"diagnoses.{special if special in entries('diagnoses') else f'{finding.name}.do'}")


def tell(findings: Sequence[Finding], lang: str | None = None) -> str:
    """Return all findings as text; healthy is said too."""
    with speaking(lang):
        if not findings:
            return say("doctor.healthy")
        parts = ["\n".join(_lines(finding)) for finding in findings]
        head = say("doctor.found_one" if len(findings) == 1 else "doctor.found", count=len(findings))
        return "\n\n".join([head, *parts])


def tell_verdict(verdict: Verdict, lang: str | None = None) -> str:
    """Return a verdict as text: findings, healthy, or not judged; and what could not be asked."""
    with speaking(lang):
        gaps = [say("verdict.line", why=gap.why(), help=gap.help()) for gap in verdict.unseen]
        told = [tell(verdict.findings)] if verdict.findings else []
        if verdict.name == "healthy":
            parts = [say("doctor.healthy"), *told]
        elif verdict.name == "not_judged":
            parts = ["\n".join([say("verdict.not_judged"), *gaps]), *told]
        else:
            parts = [*told, *(["\n".join([say("verdict.besides"), *gaps])] if gaps else [])]
        parts += [hint_of(trial) for trial in verdict.hints]
        if verdict.trials is not None and (verdict.trials.made or verdict.name != "healthy"):
            parts.append(verdict.trials.says())
        return "\n\n".join(part for part in parts if part)


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain values, with what is said of each finding and what to do about it."""
    plain = verdict.to_dict()
    for values, finding in zip(plain["findings"], verdict.findings, strict=True):
        values |= {"title": title(finding), "says": sentence(finding)}
        values["do"] = advice(finding)
    return plain


class Findings(list[Finding]):
    """A list that prints as what there is to say about it, in the language in use; without findings as []."""

    def __repr__(self) -> str:
        return tell(self) if self else "[]"

    def _repr_html_(self) -> str:
        from koubai.doctor.answer.markup import findings_html

        return findings_html(self)


def lines_of(finding: Finding, lang: str | None = None) -> list[str]:
    """Return all there is to say about one finding, line by line: its name, what was seen, the rest."""
    with speaking(lang):
        return [line.strip() for line in _lines(finding)]


def _lines(finding: Finding) -> Iterator[str]:
    severity = say(f"doctor.severity.{finding.severity}")
    yield f"{finding.code} {title(finding)} [{severity}]"
    yield f"  {sentence(finding)}"
    if finding.layer is not None:
        yield "  " + say("doctor.line.where", layer=finding.layer)
    if finding.place is not None:
        role = say(f"doctor.role.{finding.place.role}")
        yield "  " + say("doctor.line.place", place=finding.place.shown, role=role)
    if finding.first_step is not None:
        key = "since" if finding.first_step else "since_start"
        yield "  " + say(f"doctor.line.{key}", step=finding.first_step)
    evidence = "; ".join(_measure(measure) for measure in finding.measures)
    yield "  " + say("doctor.line.evidence") + evidence
    if finding.trials:
        yield "  " + say("doctor.line.trials") + "; ".join(_trials(finding))
    key = "confidence_suspected" if finding.suspected else "confidence"
    yield "  " + say(f"doctor.line.{key}", confidence=finding.confidence)
    yield "  " + say("doctor.line.do", text=advice(finding))
    if finding.remedies:
        tried = bool(finding.reliefs)
        yield "  " + say(f"doctor.line.remedies{'_tried' if tried else ''}")
    for rank, remedy in enumerate(finding.remedies[:3], start=1):
        yield "    " + say(
            "doctor.line.remedy",
            rank=rank,
            title=say(f"remedies.{remedy}.title"),
            cost=say(f"remedies.{remedy}.cost"),
            tried=say(f"doctor.tried.{_tried(finding, remedy)}"),
        )
    if finding.considered:
        others = [
            say(f"doctor.reason.{other.reason}", title=title_of(other.name)) for other in finding.considered
        ]
        yield "  " + say("doctor.line.considered") + "; ".join(others)
    yield "  " + say("doctor.line.explain", code=finding.code)


def _tried(finding: Finding, remedy: str) -> str:
    """Return whether a remedy did better in a trial, or no better; what was not tried is untried."""
    if remedy not in finding.reliefs:
        return "untried"
    return "better" if finding.reliefs[remedy] > 0 else "no_better"


def _measure(measure: Measure) -> str:
    text = f"{say(f'doctor.measure.{measure.name}')} {measure.value:.3g}"
    if measure.threshold is None:
        return text
    side = "above" if measure.above else "below"
    return text + say(f"doctor.line.{side}", threshold=measure.threshold)


def _trials(finding: Finding) -> Iterator[str]:
    before = float(finding.details.get("skill", float("nan")))
    for trial in finding.trials:
        if trial.beside is not None:
            yield _beside(trial)
            continue
        change = trial.change
        name = say(f"remedies.{change.path}.title" if change.path else f"doctor.change.{change.name}")
        values: dict[str, Any] = {"before": before, "after": trial.train_skill, "steps": len(trial.losses)}
        yield say("doctor.line.trial", change=name, **values)


def change_title(change: Change) -> str:
    """Return a change in words."""
    if change.path:
        return say(f"remedies.{change.path}.title")
    number = "" if change.value is None else f"{change.value:g}"
    return say(f"trials.change.{change.name}", value=number)


def remedy_title(change: Change) -> str:
    """Return a change as the catalog's remedy that it is, if it is one, else in words."""
    name = remedy_of(change)
    return change_title(change if name is None else Change("remedy", path=name))


def hint_of(trial: Trial) -> str:
    """Return what a trial brought that a run which is not sick could have done better."""
    return say("trials.hint", trial=_beside(trial))


def _beside(trial: Trial) -> str:
    """Return a short trial beside the run, by the losses that decide."""
    reached = levels(trial)
    return say(
        "trials.line",
        change=change_title(trial.change),
        after=reached.changed,
        then=reached.unchanged,
        end=reached.run,
        steps=len(trial.losses),
        total=len(trial.losses) if trial.run is None else len(trial.run),
        way=say(f"trials.way.{trial.way}", start=trial.start),
    )


def explain(name: str, lang: str | None = None) -> str:
    """Return what a diagnosis is, in full: meaning, why, how it is recognized, what to try."""
    with speaking(lang):
        diagnosis, between = known()[name], say("doctor.explain.between")
        lines = [f"{diagnosis.code} {title_of(name)}"]
        for heading in ("meaning", "why", "sign", "do"):
            lines += ["", say(f"doctor.explain.{heading}"), f"  {diagnosis.words(heading)}"]
        if diagnosis.remedies:
            lines += ["", say("doctor.explain.remedies")]
            lines += [
                f"  - {say(f'remedies.{remedy}.title')} "
                f"({say('doctor.explain.cost', cost=say(f'remedies.{remedy}.cost'))})"
                for remedy in diagnosis.remedies
            ]
        if diagnosis.explains:
            names = between.join(title_of(other) for other in diagnosis.explains)
            lines += ["", f"{say('doctor.explain.follows')}: {names}"]
        titles = [say(f"diagnoses.{name}.title", other) for other in LANGUAGES]
        aliases = between.join(dict.fromkeys((name, *titles, *diagnosis.aliases)))
        lines += ["", f"{say('doctor.explain.aliases')}: {aliases}"]
        if diagnosis.experiment is not None:
            lines.append(say("doctor.explain.experiment", command=f"koubai run {diagnosis.experiment}"))
        return "\n".join(lines)


def tell_proof(proof: Proof, lang: str | None = None) -> str:
    """Return a proof as text: the differences to all rivals, then the verdict."""
    with speaking(lang):
        of_script = proof.change is not None
        remedy = remedy_title(proof.change or Change("remedy", path=proof.remedy))
        lines = [say("doctor.proof.title", remedy=remedy, seeds=len(proof.skills["remedy"]))]
        if of_script:
            lines.append(
                "  " + say(f"doctor.proof.{'by_loss' if proof.of_loss else 'by'}", metric=proof.metric)
            )
            middle: dict[str, Any] = {arm: mean(scores) for arm, scores in proof.skills.items()}
            lines.append("  " + say("doctor.proof.means", **middle))
        for row in proof.comparisons:
            interval = say("doctor.proof.no_interval")
            if row.interval is not None:
                interval = say("doctor.proof.interval", low=row.interval.low, high=row.interval.high)
            rival = say(f"doctor.proof.rival.{row.rival}")
            values: dict[str, Any] = {
                "rival": rival,
                "difference": row.difference,
                "interval": interval,
                "p": row.p,
            }
            lines.append("  " + say(f"doctor.proof.{'row_by' if of_script else 'row'}", **values))
        hopeless = proof.verdict == "undecided" and proof.more_seeds is None
        seeds = len(proof.skills["remedy"]) + (proof.more_seeds or 0)
        key = f"doctor.proof.{'hopeless' if hopeless else proof.verdict}"
        if of_script and proof.verdict == "refuted":
            key += "_by"
        lines.append(say(key, more=proof.more_seeds, seeds=seeds))
        if proof.ended:
            lines.append(say(f"doctor.proof.ended.{proof.ended}"))
        return "\n".join(lines)
