"""The doctor's look at one of koubai's own runs, in a process of its own; and what could be tried on a copy.

The run is read from its latest checkpoint and is never written to. No trials are made: the training that is
watched has the machine.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import KoubaiError
from koubai.core.signals import quietly
from koubai.data.dataset import Dataset
from koubai.doctor.answer.diary import plain_verdict
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.diagnose import consult
from koubai.doctor.remedies import REMEDIES
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.session_patient import session_patient
from koubai.network.network import Network
from koubai.page.failure import in_every_language
from koubai.page.watch.about import run_folder
from koubai.train.recipe import Recipe
from koubai.train.safe_folder import SafeFolder
from koubai.train.session import Session
from koubai.words import LANGUAGES, say


class NotPossible(Exception):
    """What cannot be done with a run; the message is a key of the words."""


RATES = {"rate_tenth": 0.1, "rate_third": 0.3, "rate_three": 3.0, "rate_ten": 10.0}
_NO_TRIAL = ("more_steps", "stop_early")  # they change how long is trained, not how
_MOST_NUMBERS = 50_000_000  # parameters of a run that is looked at


def look_at_run(pipe: Connection, folder: SafeFolder, data_dir: Path | None) -> None:
    """Send what the doctor finds in a run; the body of a process."""
    quietly()
    try:
        session = opened(folder, data_dir)
        with np.errstate(all="ignore"):
            findings = consult(Consultation(session_patient(session, budget=0)))
        verdict = plain_verdict(Verdict(findings)) | {"step": session.step}
        pipe.send({"kind": "verdict", "verdict": verdict, "offers": offers(session.recipe, session.dataset)})
    except Exception as error:  # whatever a run holds, the page says it
        pipe.send({"kind": "failed", "why": failure_told(error)})


def failure_told(error: Exception) -> dict[str, str]:
    """Return what went wrong in every language."""
    if isinstance(error, NotPossible):
        return {lang: say(str(error), lang) for lang in LANGUAGES}
    return in_every_language(error)


def opened(folder: SafeFolder, data_dir: Path | None, step: int | None = None) -> Session:
    """Return a session of a run at a checkpoint (None: the latest); the folder is only read.

    Raises:
        KoubaiError: the run is damaged.
        NotPossible: it is too large to be looked at here.
    """
    run = run_folder(folder)
    recipe, settings = run.recipe, run.settings
    known = settings["data_dir"]
    data = recipe.data.load(data_dir or (Path(known) if known else None))
    network = Network(recipe.network, data.in_shape, recipe.initializer)
    if sum(int(np.prod(spec.shape)) for spec in network.param_specs.values()) > _MOST_NUMBERS:
        raise NotPossible("runs.too_large")
    session = Session(
        recipe,
        dataset=data,
        engine=settings["engine"],
        threads=1,
        observation=settings["observation"],
    )
    if step != 0:
        run.restore(session, step)
    return session


def offers(recipe: Recipe, data: Dataset) -> list[dict[str, Any]]:
    """Return what could be tried: names, told in every language, and whether only from the start."""
    found = [{"name": name, "start": False, "told": _rate(recipe, by)} for name, by in RATES.items()]
    for name in REMEDIES:
        treated = None if name in _NO_TRIAL else _treated(name, recipe, data)
        if treated is not None:
            told = {lang: say(f"remedies.{name}.title", lang) for lang in LANGUAGES}
            found.append({"name": name, "start": _begins_anew(recipe, treated, data), "told": told})
    return found


def changed(name: str, recipe: Recipe, data: Dataset) -> Recipe | None:
    """Return a recipe under one of the changes that are offered; None where it changes nothing."""
    if name in RATES:
        return recipe.edit(optimizer__learning_rate=recipe.optimizer.learning_rate * RATES[name])
    return _treated(name, recipe, data)


def _treated(name: str, recipe: Recipe, data: Dataset) -> Recipe | None:
    try:
        treated = REMEDIES[name]().apply(recipe, data)
        treated = None if treated is None else treated.edit(steps=recipe.steps)
        return None if treated == recipe else treated
    except KoubaiError:  # it does not fit this recipe
        return None


def _rate(recipe: Recipe, by: float) -> dict[str, str]:
    rate = f"{recipe.optimizer.learning_rate * by:.3g}"
    return {lang: say("runs.offer.rate", lang, rate=rate) for lang in LANGUAGES}


def _begins_anew(recipe: Recipe, treated: Recipe, data: Dataset) -> bool:
    """Whether a change is about the initial weights or gives other parameters: no stored state fits it."""
    if treated.initializer != recipe.initializer or treated.data != recipe.data:
        return True
    try:
        shapes = [
            {
                path: spec.shape
                for path, spec in Network(one.network, data.in_shape, one.initializer).param_specs.items()
            }
            for one in (recipe, treated)
        ]
    except KoubaiError:
        return True
    return shapes[0] != shapes[1]
