"""Consultation: one patient with what every diagnosis asks about it: harm, progress, trials."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite, nan, sqrt

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.beside import levels
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.scatter import falls, share_error, windows
from koubai.doctor.visit.recalls import trades_accuracy
from koubai.doctor.visit.reference import Reach, can_be_learned_from, chance_of, reach

STUCK = 0.1  # of the way from chance to what is within reach: below it, nothing was learned
HARMED = 0.15  # of the same way is missing: the run does worse than it should
FAR = 0.25  # of the same way is missing: it is time to doubt what could always be tuned a little
_SURELY = 3.0  # standard errors
LEARNED = 0.03  # of the loss of knowing nothing: a run that gained less has learned nothing yet
SHORT = 30  # updates below which nothing can be told of a run by looking at it
SMALLEST_GAIN = 0.02  # of skill; less is not worth a word


@dataclass
class Consultation:
    """Questions about a patient, each answered once.

    Skills are those of `patient/skill.py`; NaN stands for "not known" and for outputs that are not finite.
    `horizon` is how many steps a trial from the start trains: those of the run.
    """

    patient: Patient
    asked: dict[tuple[Change, int], Trial | None] = field(default_factory=dict)
    hints: list[Trial] = field(default_factory=list)

    # ------------------------------------------------------------------------------------ harm

    @cached_property
    def reach(self) -> Reach | None:
        """What simple learners reach on this data."""
        return reach(self.patient.data)

    @cached_property
    def chance(self) -> float:
        """Skill of a network that learned nothing."""
        data = self.patient.data
        return chance_of(data) if can_be_learned_from(data) else self.patient.majority or 0.0

    @cached_property
    def well(self) -> bool:
        """Whether the run does so well that it is not harmed, whatever simple learners would reach."""
        reached = self.patient.train_skill
        if not self.comparable or not isfinite(reached):
            return False
        learned = reached - self.chance > 3 * self.most_noise
        return learned and 1 - reached <= HARMED * (1 - self.chance)

    @property
    def comparable(self) -> bool:
        """Whether the run can be held against simple learners; they are not asked for that."""
        return self.skill_known and can_be_learned_from(self.patient.data)

    @cached_property
    def goal(self) -> float:
        """Skill that should be reached; 1 where nothing is known of the data."""
        return self.reach.best if self.reach is not None else 1.0

    @cached_property
    def skill_known(self) -> bool:
        """Whether anything tells how well the network answers; a loss of an unknown kind does not."""
        look = self.patient.last
        answered = look is not None and look.outputs is not None and look.targets is not None
        return answered or isfinite(self.patient.train_skill)

    @cached_property
    def skill(self) -> float:
        """Skill on training samples; that of chance where the outputs are not finite."""
        return self.patient.train_skill if isfinite(self.patient.train_skill) else self.chance

    @cached_property
    def held_skill(self) -> float:
        """Skill on held-out samples; that of chance where the outputs are not finite."""
        held = self.patient.held_skill
        return held if isfinite(held) or isfinite(self.patient.train_skill) else self.chance

    @property
    def learnable(self) -> bool:
        """Whether the simple learners find anything to learn, or the run has not even learned the shares."""
        return self.goal - self.chance > 3 * self.noise or self.below_chance

    @cached_property
    def below_chance(self) -> bool:
        """Whether always answering the most frequent class would be clearly better.

        Where every label is the same, nobody is asked to tell classes apart (networks that compete).
        """
        counts = self.patient.data.class_counts
        if not self.skill_known or counts is None or np.count_nonzero(counts) < 2:
            return False
        return self.chance - self.skill > max(SMALLEST_GAIN, 4 * self.noise) and not self.trades

    @cached_property
    def trades(self) -> bool:
        """Whether rarer classes are named often on purpose, and well: then accuracy is not what counts."""
        return trades_accuracy(self.patient, HARMED)

    @cached_property
    def noise(self) -> float:
        """Standard error of a skill measured on the samples of the last checkup."""
        return self._noise_at(self.goal)

    @property
    def most_noise(self) -> float:
        """The same, at most: that of a skill of one half."""
        return self._noise_at(0.5)

    def _noise_at(self, p: float) -> float:
        n = self.patient.last.samples if self.patient.last is not None else 1000
        return share_error(p, n) if self.patient.data.classes is not None else 0.01

    @cached_property
    def held_noise(self) -> float:
        """Standard error of the skill on held-out samples."""
        data = self.patient.data
        n = len(data.t_held) if data.t_held is not None else 1000
        known = data.classes is not None and isfinite(self.held_skill)
        return share_error(self.held_skill, n) if known else 0.01

    @cached_property
    def shortfall(self) -> float:
        """Share of the way from chance to the goal that is missing on training samples; 0 if none is.

        Where the skill is not known, or nothing to hold it against, the loss tells only whether anything was
        learned at all: whether it has left the level of knowing nothing, or else its start.
        """
        if not self.comparable:
            return self._standstill
        way = self.goal - self.chance
        if way <= 0:
            return 1.0 if self.below_chance else 0.0
        missing = max(0.0, (self.goal - self.skill) / way)
        return 0.0 if missing and self.trades else missing

    @property
    def knows_nothing(self) -> bool:
        """Whether the answers are no better than those of knowing nothing, by their skill and by the loss.

        The loss falls before the first answer changes where classes are asked for.
        """
        level = self.skill <= self.chance + 3 * self.noise
        return level and (self.patient.data.classes is None or self._standstill > 0)

    @property
    def _standstill(self) -> float:
        """1 where the loss is that of knowing nothing, or has not left its start; else 0."""
        if not self.patient.loss_speaks:
            return 0.0
        if not self.floor_known or not np.isfinite(self.patient.losses).all():
            return 0.0 if self.progressing else 1.0
        end = float(self.patient.losses[-max(1, len(self.patient.losses) // 10) :].mean())
        return 1.0 if end > (1 - LEARNED) * (self.floor_loss or 0.0) else 0.0

    @property
    def surely_learned(self) -> bool:
        """Whether the loss ends below that of knowing nothing by more than its batches scatter."""
        tail = self.patient.losses[-max(1, len(self.patient.losses) // 10) :]
        error = float(tail.std()) / sqrt(len(tail))
        return float(tail.mean()) + _SURELY * error < (1 - LEARNED) * (self.floor_loss or 0.0)

    @property
    def floor_known(self) -> bool:
        """Whether the loss of knowing nothing can be held against the recorded one."""
        loss = self.patient.loss
        floor = self.floor_loss
        return loss is not None and loss.alone and floor is not None and floor > 0 and len(self.smooth) > 0

    @cached_property
    def held_shortfall(self) -> float:
        """The same on held-out samples; NaN where there are none."""
        if self.reach is None or not isfinite(self.held_skill) or not isfinite(self.reach.held):
            return nan
        way = self.reach.held - self.chance
        return max(0.0, (self.reach.held - self.held_skill) / way) if way > 0 else 0.0

    @property
    def stuck(self) -> bool:
        """Whether the run knows nothing although there is something to know."""
        return not self.well and self.learnable and self.shortfall > 1 - STUCK

    @property
    def harmed(self) -> bool:
        """Whether the run does clearly worse than simple learners, on the samples it was trained on.

        A run that is not over is harmed only if it gets nowhere: stuck, and not on its way.
        """
        worse = not self.well and self.learnable and self.shortfall > HARMED
        worse = worse and self.goal - self.skill > 3 * self.noise
        return worse and (self.patient.finished or (self.stuck and not self.progressing))

    @property
    def too_short(self) -> bool:
        """Whether the run is so short that only a trial can tell what is wrong; what broke off is over."""
        whole = bool(np.isfinite(self.patient.losses).all())
        return whole and max(self.patient.step, self.patient.evaluations) < SHORT

    @property
    def far(self) -> bool:
        """Whether so much is missing that rate, length or width are to blame, which every run could tune."""
        return self.harmed and self.shortfall > FAR

    @cached_property
    def progressing(self) -> bool:
        """Whether the loss has fallen by 2 % since the start, or falls now."""
        smooth = self.smooth
        if len(smooth) < 2 or not np.isfinite(self.patient.losses).all():
            return False
        return bool(smooth[-1] < 0.98 * smooth[0]) or self.falling > 3

    @cached_property
    def on_its_way(self) -> bool:
        """Whether the loss has clearly fallen and still falls: such a run learns, and has not got far yet.

        Letters, words: it takes long from knowing nothing to the shares of the classes.
        """
        smooth, whole = self.smooth, np.isfinite(self.patient.losses).all()
        return bool(whole and len(smooth) > 1 and self.falling > 3 and smooth[-1] < (1 - LEARNED) * smooth[0])

    # ------------------------------------------------------------------------------------ progress

    @cached_property
    def smooth(self) -> Array:
        """The batch losses in 50 windows (fewer for short runs): their means."""
        return windows(self.patient.losses)

    @cached_property
    def floor_loss(self) -> float | None:
        """Loss of a network that learned nothing, where that is the entropy of the classes."""
        loss = self.patient.loss
        if loss is not None and loss.floor is not None:
            return loss.floor
        likelihood = loss.likelihood if loss is not None else ""
        told = likelihood == "classes" or (likelihood == "labels" and self.patient.data.classes == 2)
        return self.patient.prior_entropy if told else None

    @cached_property
    def falling(self) -> float:
        """How steeply the loss falls over the last third of the run: minus its slope in standard errors."""
        return falls(self.patient.losses[-max(10, len(self.patient.losses) // 3) :])

    # ------------------------------------------------------------------------------------ trials

    @property
    def can_try(self) -> bool:
        """Whether there is a clinic, and trials can be made there."""
        return self.patient.clinic is not None and self.patient.clinic.works

    @property
    def horizon(self) -> int:
        """Steps of a trial from the start: those of the run, or those planned where it broke off."""
        patient = self.patient
        broke_off = not np.isfinite(patient.losses).all()
        return max(patient.step, patient.planned or 1 if broke_off else 1)

    def trial(self, change: Change, longer: int = 1) -> Trial | None:
        """Try a change from the initial weights, over the steps of the run (or `longer` times as many)."""
        if (change, longer) not in self.asked:
            clinic = self.patient.clinic
            steps = longer * self.horizon
            self.asked[change, longer] = clinic.trial(change, start=0, steps=steps) if clinic else None
        return self.asked[change, longer]

    def remedy(self, name: str) -> Trial | None:
        """Try a remedy."""
        return self.trial(Change("remedy", path=name))

    def relief(self, trial: Trial | None) -> float | None:
        """Return which share of what is missing a trial brought, at most 1; 0 for less than the noise.

        What is missing is the way to the goal, or (where that is short) to a skill of 1, whichever was
        covered more. None without a trial.
        """
        if trial is None:
            return None
        skill, before = trial.train_skill, self.skill
        if trial.beside is not None:  # of a program from outside only its losses are known
            return levels(trial).relief_from(self.floor_loss if self.floor_known else None)
        if not trial.finite or not isfinite(skill):
            return 0.0
        gain = skill - before
        if gain < max(SMALLEST_GAIN, 3 * self.noise):
            return 0.0
        held = trial.held_skill
        if isfinite(held) and isfinite(self.held_skill) and held < self.held_skill - 3 * self.noise:
            return 0.0
        towards_goal = gain / (self.goal - before) if self.goal - before > 0.05 else 0.0
        return min(1.0, max(towards_goal, gain / (1 - before)))
