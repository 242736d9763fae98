"""One run trained by several processes: every rank computes, rank 0 alone reads and writes the folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from koubai.core.errors import EngineError, KoubaiError, ToldElsewhere
from koubai.data.dataset import Dataset
from koubai.engines.engine import Observation
from koubai.engines.ranks import Ranks
from koubai.engines.threads import AUTO
from koubai.train.folder import RunFolder
from koubai.train.folder_writer import RunWriter
from koubai.train.loop import OnProgress
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai.train.train import Run, default_observation, finish, reopened
from koubai.words.phrase import phrase


def train_together(
    recipe: Recipe,
    ranks: Ranks,
    folder: str | Path,
    *,
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    engine: str = "auto",
    threads: int | str = 1,
    device: str = "auto",
    observation: Observation | None = None,
    on_progress: OnProgress | None = None,
    save_every: int = 0,
) -> Run:
    """Train a recipe with all ranks, each on its share of every batch, and return the run in each of them.

    A run of the same recipe in the folder goes on from its latest checkpoint, so a launcher that starts
    all ranks again after one was killed loses nothing that was saved. The other arguments are those of
    `train`.

    Raises:
        KoubaiError: as `train` does, and where a rank was given another recipe, data or version. Rank 0
            tells what happened in any of them; the others raise ToldElsewhere.
    """
    with told_once(ranks):
        threads = _kept_threads(RunFolder(folder), recipe, threads) if ranks.rank == 0 else threads
    threads = ranks.first(threads)
    with told_once(ranks):
        session = Session(
            recipe,
            dataset=dataset,
            data_dir=data_dir,
            engine=engine,
            threads=threads,
            device=device,
            observation=observation or default_observation(recipe),
            ranks=ranks,
        )
    with told_once(ranks):
        _check_alike(session)
    with ExitStack() as held:
        place, ended, seconds = None, None, 0.0
        with told_once(ranks):
            if ranks.rank == 0:
                place = RunWriter(folder)
                goes_on = place.exists and place.recipe == recipe
                if goes_on and place.finished:
                    ended = reopened(place, session)
                else:
                    held.enter_context(place.held())
                    if goes_on:
                        seconds = _resumed(place, session)
                    else:
                        place.begin(session)
        _carry(session)
        if end := ranks.first(ended and (ended.scores, ended.stopped_by, ended.seconds)):
            scores, stopped_by, seconds = end
            return Run(recipe, session.history, scores, session, stopped_by, seconds, Path(folder))
        return finish(session, on_progress, folder=place, save_every=save_every, seconds=seconds)


def _kept_threads(place: RunFolder, recipe: Recipe, threads: int | str) -> int | str:
    """Return the number of threads with which the run in a folder began, where none is asked for."""
    goes_on = threads == AUTO and place.exists and place.recipe == recipe
    return cast(int, place.settings["threads"]) if goes_on else threads


@contextmanager
def told_once(ranks: Ranks) -> Iterator[None]:
    """Have an error of any rank end all of them here, and rank 0 alone tell it."""
    error: Exception | None = None
    try:
        yield
    except (KoubaiError, OSError, MemoryError) as raised:
        error = raised
    for rank, told in enumerate(ranks.gather(None if error is None else str(error))):
        if told is None:
            continue
        if ranks.rank:
            raise ToldElsewhere("one of the processes cannot begin") from error
        raise error or EngineError(
            "a_process_cannot_begin", where=phrase("rank_numbered", number=rank), got=told
        )


def _check_alike(session: Session) -> None:
    """Raise unless all ranks were given the same recipe, data and versions."""
    own = {
        "recipe": session.recipe.hash,
        "data": session.dataset.sha256,
        "koubai": version("koubai"),
        "torch": version("torch"),
    }
    first = session.ranks.first(own)
    for name, value in own.items():
        if value != first[name]:
            raise EngineError("process_was_given_something_else", where=name, expected=first[name], got=value)


def _resumed(place: RunWriter, session: Session) -> float:
    """Go on with the run in a folder, watched as it was; return the seconds spent on it before."""
    session.observation = place.settings["observation"]
    return place.resume(session)


def _carry(session: Session) -> None:
    """Bring every rank to where rank 0 stands."""
    ranks = session.ranks
    stands: Any = (session.state(), session.history, session.best, session.stopped_by, session.observation)
    stands = ranks.first(stands if ranks.rank == 0 else None)
    if ranks.rank:
        state, history, best, stopped_by, observation = stands
        session.restore(state)
        session.history, session.best, session.stopped_by = history, best, stopped_by
        session.observation = observation
