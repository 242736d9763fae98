"""Watch: a user's own training loop seen from outside, and what the doctor says of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from koubai.doctor.answer.tell import Findings
from koubai.doctor.answer.verdict import Unseen, Verdict
from koubai.doctor.diagnose import consult
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Finding
from koubai.doctor.watch.gaps import gaps
from koubai.doctor.watch.not_seen import sentences
from koubai.doctor.watch.observe.model_listener import ModelListener
from koubai.doctor.watch.observe.tensor_listener import TensorListener
from koubai.doctor.watch.program.loose import LooseTensors
from koubai.doctor.watch.seen.seen import Seen
from koubai.doctor.watch.watch_patient import Means, watch_patient
from koubai.words import say

if TYPE_CHECKING:
    from koubai.doctor.answer.diary import Diary
    from koubai.doctor.watch.keeper import DiaryKeeper

_Answer = TypeVar("_Answer")


class Watch:
    """Watches the training of a PyTorch model; a context manager.

    Args:
        model: any module; compiled and distributed wrappers are looked through.
        optimizer: the optimizer, or several (the first counts the steps); None: whichever steps the model.
        loss_fn: (outputs, targets) -> loss, where it is none of PyTorch's own on the model's output.
        every: look closely at every so many steps (and the first); None: as often as .5 % of the time allows.
        steps: how many updates are planned, if the doctor should know.
        budget: seconds that the doctor may spend on trying out causes, where the model allows it; 0: none.
        folder: a new folder in which the run is written down while it lasts; `koubai serve --runs` shows it.
            A Diary, where several watches write to one.

    | field    | meaning                                                  |
    |----------|----------------------------------------------------------|
    | seen     | what was seen so far                                     |
    | listener | what hears the program                                   |
    | means    | what the doctor may do besides looking                   |

    Weights, random numbers, gradients and buffers are those of the same run without the watch, bit for bit.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Any = None,
        *,
        loss_fn: Callable[..., torch.Tensor] | None = None,
        every: int | None = None,
        steps: int | None = None,
        budget: float = 60.0,
        folder: str | Path | Diary | None = None,
    ) -> None:
        self.seen = Seen(model, optimizer, loss_fn, steps)
        hears = TensorListener if isinstance(model, LooseTensors) else ModelListener
        self.listener = hears(self.seen, every, self._switch_off)
        self.means = Means(budget)
        self._keeper: DiaryKeeper | None = None
        if folder is not None:
            from koubai.doctor.watch.keeper import DiaryKeeper

            self._keeper = DiaryKeeper.of(folder, self.seen, self.glance)
            self.listener.stepped = self._keeper.stepped
        self._examined: tuple[int, Patient] | None = None
        self._judged: tuple[tuple[int, str | None], Verdict] | None = None

    def __enter__(self) -> Watch:
        self.listener.guard(self.listener.begin)
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take all hooks off; what was seen stays."""
        self.listener.end()
        if self._keeper is not None:
            self.listener.guard(self._keeper.end)

    def _switch_off(self, failure: str) -> None:
        """Say once that the watch itself failed, and watch no more; the training goes on."""
        self.seen.failure = failure
        with suppress(Exception):  # what is told must not depend on what failed
            self.listener.give_up()
        said = say("watch.failed", step=self.seen.step, error=failure)
        with suppress(Warning):  # a program may turn warnings into errors; `scope` says it too
            warnings.warn(said, RuntimeWarning, stacklevel=2)

    def batch(self, x: torch.Tensor, t: torch.Tensor | None = None) -> None:
        """Tell which samples are trained on next, where the watch cannot see it."""
        self.listener.guard(self.seen.see_batch, x, t)

    def loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Tell the data loss of this step (without penalties); returns it."""
        self.listener.guard(self.listener.told, loss)
        return loss

    def loader(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Go through a loader of (x, t) batches, telling each; its data set's length is known then."""
        source: Any = getattr(batches, "dataset", None)
        self.seen.samples = len(source) if hasattr(source, "__len__") else None
        for batch in batches:
            if isinstance(batch, Sequence) and len(batch) >= 2 and isinstance(batch[0], torch.Tensor):
                self.batch(batch[0], batch[1])
            yield batch

    def continue_from(self, parts: list[Watch]) -> None:
        """Take over from watches of parts of the model, in the middle of a step."""
        self.listener.continue_from([part.listener for part in parts])

    # ------------------------------------------------------------------------------------ the answer

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, the root first; [] when nothing is found: see `verdict`."""
        return self.verdict.findings

    @property
    def verdict(self) -> Verdict:
        """Findings, healthy, or not judged and why. What goes wrong in the doctor is told, not raised."""
        seen = self.seen
        if self._judged is None or self._judged[0] != (seen.step, seen.died):
            try:
                visit = Consultation(self.patient())
                findings = Findings(consult(visit))
                verdict = Verdict(findings, gaps(seen, visit, findings), tuple(visit.hints))
            except Exception as error:  # a diagnosis may meet what nobody thought of
                seen.failure = seen.failure or f"{type(error).__name__}: {error}"
                failed = Unseen("failed", {"error": seen.failure, "step": seen.step})
                verdict = Verdict(Findings(), (failed,))
            self._judged = ((seen.step, seen.died), verdict)
            if self._keeper is not None:
                self._keeper.judged(verdict)
        return self._judged[1]

    def _repr_html_(self) -> str:
        from koubai.core.markup import block
        from koubai.doctor.answer.markup import verdict_html
        from koubai.train.notebook import loss_curve

        return block(verdict_html(self.verdict), loss_curve(self.seen.record.history))

    def glance(self) -> Verdict:
        """Return the verdict of now without trials; nothing of it is kept."""
        visit = Consultation(self._known or self._examine(Means(0.0, trace=self.means.trace)))
        findings = Findings(consult(visit))
        return Verdict(findings, gaps(self.seen, visit, findings))

    def patient(self) -> Patient:
        """What the doctor may know of the run so far."""
        patient = self._known or self._examine(self.means)
        self._examined = self.seen.step, patient
        return patient

    @property
    def _known(self) -> Patient | None:
        """The patient of this step, if there is one already."""
        if self._examined is None or self._examined[0] != self.seen.step:
            return None
        return self._examined[1]

    def _examine(self, means: Means) -> Patient:
        self.listener.guard(self.listener.write_down)
        patient = self._aside(partial(watch_patient, self.seen, means))
        clinic = patient.open_clinic
        return patient if clinic is None else replace(patient, open_clinic=partial(self._aside, clinic))

    def _aside(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask something for which the model may run; the listener does not take that for the program."""
        self.listener.aside = True
        try:
            return ask()
        finally:
            self.listener.aside = False

    @property
    def scope(self) -> list[str]:
        """Sentences on what could not be seen, and on what is hardly meant."""
        return sentences(self.seen)
