"""Wrong gradient.

What it is: a layer's backward does not compute the derivative of its forward; or the gradient is not that of
    the whole loss: one of its terms is cut off from the parameters.
Why it hurts: the run goes downhill on another mountain.
How it shows: the slope of the loss along a random direction, by central differences in double precision,
    is not the gradient's product with that direction. Of a program the summands of the loss are followed
    back: one of them depends on tensors that nobody trains, and on no parameter; or the target of Q-learning
    has a gradient, too. Or a loop that makes the updates itself adds the gradient to some parameters, where
    it should be taken away, and the run suffers. And the backward of its own `torch.autograd.Function` is
    given zeros: what it returns must be zeros, too.
Confused with: a learning rate that is too high or too low; kinks (ReLU), which cost little on average.
Sick recipe: a layer of one's own whose backward uses f'(f(u)) for f'(u); `torch.autograd.grad` without
    create_graph=True in a loss.
Healthy look-alike: straight-through estimators, reversed gradients, multipliers that are to rise; rounding;
    a kink that one of the directions crosses; a term on codes that are trained.
Remedies: mend backward; write the derivative under the formula and test it.
References: Baydin et al. 2018, sec. 2 (finite differences against the chain rule).
"""

from __future__ import annotations

from koubai.core.few import few
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure

_WRONG = 0.05
_NAMED = 3  # parameters in a sentence


@DIAGNOSES.register
class WrongGradient(Diagnosis):
    """Analytic and numerical slope differ."""

    code = "K027"
    aliases = ("gradient check", "wrong backward", "勾配の誤り", "誤差逆伝播の誤り")
    depth = 0
    explains = (
        "not_learning",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "vanishing_gradient",
        "under_fitting",
        "too_few_steps",
        "oscillation",
    )
    remedies = ()

    def sign(self, visit: Consultation) -> Sign | None:
        """What the program does wrong by itself; errors, asked for if the run suffers."""
        if (told := _of_the_program(visit)) is not None:
            return told
        clinic = visit.patient.clinic if visit.harmed else None
        errors = None if clinic is None else clinic.gradient_errors()
        if not errors or max(errors.values()) <= _WRONG:
            return None
        # what lies behind a wrong layer is right, what lies before it is wrong: the last wrong one is nearest
        wrong = [path for path, error in errors.items() if error > _WRONG]
        measures = (Measure("gradient_error", errors[wrong[-1]], _WRONG),)
        return Sign(measures, wrong[-1].rpartition(".")[0], 0, certain=True, details={"path": wrong[-1]})

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners; nobody means a cut off term, or a target that follows its answer."""
        return visit.harmed or sign.by_hand


def _of_the_program(visit: Consultation) -> Sign | None:
    """Return the sign of a gradient that is not that of the whole loss, by how the program makes it."""
    patient = visit.patient
    if patient.term_cut:
        return Sign(
            (), None, 1, certain=True, by_hand=True, points_at=("cut",), details={"fault": patient.term_cut}
        )
    if "derivative" in patient.places:
        told = {"fault": "incoming"}
        return Sign((), None, 1, certain=True, by_hand=True, details=told, points_at=("derivative",))
    if patient.aims.chased:
        return Sign((), None, 1, "warn", certain=True, by_hand=True, details={"fault": "target"})
    if patient.loop.climbing:
        details = {"fault": "uphill", "names": few(patient.loop.climbing, _NAMED)}
        return Sign((), None, 1, certain=True, points_at=("backward",), details=details)
    return None
