"""Patient: the one thing diagnoses read. They cannot tell where it came from.

Two places make patients: `visit/session_patient.py` from our own sessions and runs, and the PyTorch watcher
from a user's model. Whoever makes one fills in what it knows; None (or an empty value) means
"not known", and a diagnosis that needs it stays silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.aims import Aims
from koubai.doctor.patient.batch_order import BatchOrder
from koubai.doctor.patient.by_place import ByPlace, Turned
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.clinic import Clinic
from koubai.doctor.patient.duel import Duel
from koubai.doctor.patient.held_modes import HeldModes
from koubai.doctor.patient.held_scale import HeldScale, OwnScale
from koubai.doctor.patient.layer_facts import LayerFacts
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.place import Place
from koubai.doctor.patient.run_facts import DataFacts, LoopFacts, LossFacts, OptimizerFacts, Pull
from koubai.doctor.patient.skill import skill
from koubai.doctor.patient.spread import Spread
from koubai.doctor.patient.weak_term import WeakTerm
from koubai.probes.history import History


@dataclass
class Patient:
    """A run as the doctor sees it.

    `history` holds, under path "": `loss` of every step's batch (data loss, no penalties), and, where
    evaluated, `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`, `test_loss`, `test_accuracy`.
    Under the paths of layers and parameters it holds what probes record at tapped steps; a diagnosis uses
    it only for "since when". `checkups` holds the detailed looks, in order of steps: the first as early as
    possible (step 0 where it can be had), the last at the end, some between.

    | field    | meaning                                                                                  |
    |----------|------------------------------------------------------------------------------------------|
    | layers   | leaf layers in forward order                                                             |
    | step     | updates made                                                                             |
    | evaluations | how often the loss was computed for updates; 0: once for each                       |
    | planned  | updates the user asked for (None: not known; then the run counts as finished)            |
    | held_outputs | outputs for `data.x_held` with the present weights                                    |
    | untrained | parameters that never receive an update although they have a gradient or could have one |
    | unlisted | those of them that stand in a plain list, where PyTorch does not know them               |
    | left_out | those of them that are tensors without a module, and that nothing updates               |
    | silenced | those of them that an optimizer holds, and whose layers are used without gradients       |
    | vain     | parameters of optimizers that step although the loss reaches none of them                |
    | vain_steps | how often such an optimizer stepped                                                    |
    | weak_term | a term of the loss that was never learned, and hardly pulls (None: none is known)       |
    | term_cut | what of the loss reaches no parameter: a whole term, a derivative; empty: nothing known  |
    | rounded  | the precision that rounds updates away, the share of the entries with a gradient that a  |
    |          | step leaves as they were, and of those that never moved (None: it does not)              |
    | aims     | which way the program pushes                                                            |
    | declared_frozen | those of them that the user froze on purpose                                      |
    | loop     | what a loop written by hand did                                                          |
    | open_clinic | finds where interventions can be tried; it is called when one is wanted (see `clinic`) |
    | clips    | whether gradients are clipped                                                            |
    | thorough | whether what could be better is looked for in a run that is not sick                     |
    | places   | lines of the user's program, by role, and by "layer:" with a layer's path             |
    | change_by_mates | how much answers in test mode change with the samples beside them, in units of    |
    |          | how much they differ at all (NaN: not known)                                              |
    | mixed_by | the function that first does so; empty: not known                                        |
    | followed | updates, and the share of the way of the weights that an average of them has gone by then |
    | stands   | updates in all of which a copy of the model that answers for targets has not changed     |
    | bare_ctc | whether a CTC loss is given other numbers than logarithms of probabilities              |
    | squashed | a function of the loss that takes one number of the whole batch, and the samples in it   |
    | change_by_future | how much answers change with inputs that come later, where it is they that are |
    |          | to be predicted, in units of how much answers differ at all (NaN: not known)             |
    | copies_targets | whether targets are given as inputs at the same places, to a model that goes on from  |
    |          | what came before                                                                          |
    | spreads  | how much outputs differ from sample to sample, at close-ups (of a PyTorch program)       |
    | codes    | where a code is drawn: how far it is from the prior at close-ups, by step, in nats a  |
    |          | sample (Kullback and Leibler)                                                            |
    | held_scale | how inputs of the evaluation differ from those of training (None: they do not)         |
    | held_modes | what it costs that they are asked about in training mode (None: they are not)          |
    | own_scale | how they are scaled, where that can be told without their loss (None: as in training)    |
    | order    | how the classes of batches follow one another (None: not known)                          |
    | by_place | how rare classes of places of pictures are answered, where that is badly                |
    | turned   | how many pictures fit their targets better mirrored or turned (None: not known)          |
    | pulls    | how hard penalties pull that the program adds to its loss itself                        |
    | duel     | the losses of two networks of a PyTorch program that compete                             |
    | loss_speaks | whether the loss falls where all is well; that of a policy need not |
    | origin   | the first operation whose number is not finite, where it was looked for and found        |
    """

    layers: tuple[LayerFacts, ...]
    history: History
    checkups: tuple[Checkup, ...] = ()
    loss: LossFacts | None = None
    optimizer: OptimizerFacts | None = None
    data: DataFacts = field(default_factory=DataFacts)
    batch_size: int | None = None
    step: int = 0
    evaluations: int = 0
    planned: int | None = None
    constant_rate: bool = True  # no schedule changes the learning rate
    held_outputs: Array | None = None
    untrained: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    silenced: tuple[str, ...] = ()
    vain: tuple[str, ...] = ()
    vain_steps: int = 0
    term_cut: str = ""
    weak_term: WeakTerm | None = None
    rounded: tuple[str, float, float] | None = None
    aims: Aims = Aims()
    declared_frozen: tuple[str, ...] = ()
    loop: LoopFacts = LoopFacts()
    open_clinic: Callable[[], Clinic | None] | None = None
    clips: bool = False
    thorough: bool = False
    loss_speaks: bool = True
    places: Mapping[str, Place] = field(default_factory=dict)
    change_by_mates: float = float("nan")
    mixed_by: str = ""
    followed: tuple[int, float] | None = None
    stands: int | None = None
    squashed: tuple[str, int] | None = None
    bare_ctc: bool = False
    change_by_future: float = float("nan")
    copies_targets: bool = False
    spreads: tuple[Spread, ...] = ()
    codes: Mapping[int, float] = field(default_factory=dict)
    held_scale: HeldScale | None = None
    held_modes: HeldModes | None = None
    own_scale: OwnScale | None = None
    order: BatchOrder | None = None
    by_place: ByPlace | None = None
    turned: Turned | None = None
    pulls: tuple[Pull, ...] = ()
    duel: Duel | None = None
    origin: Origin | None = None

    @cached_property
    def clinic(self) -> Clinic | None:
        """Where interventions can be tried (None: only look).

        It may have to be made first, with an engine and kernels that a run without a sign never needs.
        """
        return None if self.open_clinic is None else self.open_clinic()

    # ------------------------------------------------------------------------------------ layers

    @cached_property
    def by_path(self) -> dict[str, LayerFacts]:
        """Layers by path."""
        return {layer.path: layer for layer in self.layers}

    @cached_property
    def weighted(self) -> tuple[LayerFacts, ...]:
        """Layers with a weight matrix or filters, in forward order."""
        return tuple(layer for layer in self.layers if layer.mixes)

    @cached_property
    def hidden_activations(self) -> tuple[LayerFacts, ...]:
        """Activations before the last weighted layer."""
        return tuple(layer for layer in self._split[0] if layer.activation)

    @cached_property
    def output_activations(self) -> tuple[LayerFacts, ...]:
        """Activations (and softmax) behind the last weighted layer."""
        return tuple(layer for layer in self._split[1] if layer.activation or layer.traits.gives != "values")

    @cached_property
    def _split(self) -> tuple[tuple[LayerFacts, ...], tuple[LayerFacts, ...]]:
        """Layers before and behind the last call of a weighted layer: one in a loop is called again."""
        if not self.weighted:
            return (), ()
        last = max(reversed(self.weighted), key=lambda layer: layer.called)
        end = self.layers.index(last)
        behind = [layer for layer in self.layers[end + 1 :] if layer.called >= last.called]
        return tuple(layer for layer in self.layers if layer not in behind and layer is not last), tuple(
            behind
        )

    # ------------------------------------------------------------------------------------ time

    @property
    def finished(self) -> bool:
        """Whether the planned updates were made."""
        return self.planned is None or self.step >= self.planned

    @cached_property
    def losses(self) -> Array:
        """Data loss of every step's batch, in order."""
        return self.history.series("loss")[1]

    @property
    def nothing_lost(self) -> bool:
        """Whether every loss was 0: then nothing is left to learn."""
        return len(self.losses) > 0 and not self.losses.any()

    def score(self, quantity: str) -> float | None:
        """Return the latest of `train_accuracy`, `val_loss` and so on."""
        return self.history.last(quantity)

    @property
    def held(self) -> str | None:
        """Name of the part that judges generalization: "val", else "test", else None."""
        return next((part for part in ("val", "test") if self.score(f"{part}_loss") is not None), None)

    @property
    def first(self) -> Checkup | None:
        """The earliest checkup."""
        return self.checkups[0] if self.checkups else None

    @property
    def last(self) -> Checkup | None:
        """The latest checkup."""
        return self.checkups[-1] if self.checkups else None

    # ------------------------------------------------------------------------------------ the task

    @property
    def takes(self) -> str:
        """What the loss takes of the network; "values" where the loss is not known."""
        return self.loss.takes if self.loss is not None else "values"

    @cached_property
    def train_skill(self) -> float:
        """Skill on training samples with the present weights (NaN: not known)."""
        look = self.last
        if look is None or look.outputs is None or look.targets is None:
            accuracy = self.score("train_accuracy")
            return float("nan") if accuracy is None else accuracy
        return skill(look.outputs, look.targets, self.takes)

    @cached_property
    def held_skill(self) -> float:
        """Skill on held-out samples with the present weights (NaN: not known)."""
        if self.held_outputs is not None and self.data.t_held is not None:
            return skill(self.held_outputs, self.data.t_held, self.takes)
        accuracy = self.score(f"{self.held}_accuracy") if self.held else None
        return float("nan") if accuracy is None else accuracy

    @property
    def task(self) -> str:
        """What is learned: "classes", "values", or "unknown"."""
        if self.data.classes is not None:
            return "classes"
        return "values" if self.data.target_low is not None else "unknown"

    @cached_property
    def majority(self) -> float | None:
        """Accuracy of always answering the most frequent class."""
        counts = self.data.class_counts
        return float(counts.max() / counts.sum()) if counts is not None and counts.sum() else None

    @cached_property
    def prior_entropy(self) -> float | None:
        """Cross-entropy of always answering the class shares: the loss of a network that learned nothing."""
        counts = self.data.class_counts
        if counts is None or not counts.sum():
            return None
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())
