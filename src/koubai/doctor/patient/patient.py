"""Patient: the one thing diagnoses read. They cannot tell where it came from.

Two places make patients: `visit/session_patient.py` from our own sessions and runs, and the PyTorch watcher
from a user's model. Whoever makes one fills in what it knows; None (or an empty value) means
"not known", and a diagnosis that needs it stays silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

import koubai.layers
from koubai.core.layer import LAYERS, Layer
from koubai.core.params import Array, Shape
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.place import Place
from koubai.doctor.patient.skill import skill
from koubai.layers.activations import Activation
from koubai.probes.history import History

if TYPE_CHECKING:
    from koubai.doctor.patient.clinic import Clinic

_ = koubai.layers  # imported so that every layer is registered
OTHER = "other"
OVER_SAMPLES = "_over_samples"  # ends the name of a softmax over the samples instead of the classes


@dataclass(frozen=True)
class LayerFacts:
    """One leaf layer, in forward order.

    `kind` is the layer's configuration name in koubai ("linear", "conv2d", "relu", "sigmoid", "softmax",
    "batch_norm", "dropout" ...), by which it is told; what koubai does not know is "other". What the layer
    is, `part` says: the layer itself, or its class (None: the class of that name, or a layer of which nothing
    is known). A layer called twice appears once, where it was called first; `called` is the number of its
    last call among those of all layers (0: each is called once). `params` are the paths of its parameters,
    the weight first.
    """

    path: str
    kind: str
    in_shape: Shape = ()
    out_shape: Shape = ()
    params: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)  # a layer's own numbers, such as ratio of dropout
    part: Layer | type[Layer] | None = field(default=None, compare=False)
    called: int = field(default=0, compare=False)

    @cached_property
    def traits(self) -> Layer | type[Layer]:
        """What says the traits of the layer (see koubai.core.layer.Layer)."""
        return self.part if self.part is not None else LAYERS.get(self.kind, Layer)

    @cached_property
    def activation(self) -> Activation | None:
        """The activation that bends, which knows its range (that of its default settings); else None."""
        traits = self.traits
        if isinstance(traits, type):
            return traits() if issubclass(traits, Activation) and not traits.affine else None
        return traits if isinstance(traits, Activation) and not traits.affine else None

    @property
    def mixes(self) -> bool:
        """Whether the layer has units, each a weighted sum of inputs: linear or a convolution."""
        return bool(self.params) and self.traits.unit_axis is not None


@dataclass(frozen=True)
class LossFacts:
    """The loss: its koubai name where it has one, and what it takes.

    | takes             | of the network                                   | for example              |
    |-------------------|--------------------------------------------------|--------------------------|
    | logits            | real numbers; the loss applies softmax, sigmoid  | softmax_cross_entropy    |
    | probabilities     | numbers in [0, 1]                                | cross-entropy without it |
    | log_probabilities | logarithms of probabilities                      | torch.nn.NLLLoss         |
    | values            | numbers to be compared with the targets          | mean_squared_error       |

    `likelihood` is that of `koubai.losses.loss.Loss`. `crossed` holds the shapes of an output and its targets
    where these are not alike and every row of one was compared with every row of the other. `before` are
    activations that the program applies between the network and the loss. `floor` is the loss of the best
    constant answer, where that was computed; `alone` says whether the recorded loss is this one and nothing
    besides; `of_outputs` whether it takes what the network puts out: not where outputs are compared with one
    another (contrastive learning), whose labels are places in that comparison.
    """

    name: str
    takes: str
    likelihood: str = ""
    crossed: tuple[Shape, Shape] | None = None
    before: tuple[str, ...] = ()
    floor: float | None = field(default=None, compare=False)
    alone: bool = field(default=True, compare=False)
    of_outputs: bool = True


@dataclass(frozen=True)
class OptimizerFacts:
    """The optimizer's koubai name ("sgd", "momentum", "adam" ...) and numbers.

    `adaptive` says whether each step's size is about the learning rate, whatever the gradient's size.
    `lost_epsilon` names the precision in which the small number that keeps it from dividing by 0 is 0.
    """

    name: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    adaptive: bool = False
    lost_epsilon: str = ""


@dataclass(frozen=True)
class DataFacts:
    """Inputs and targets as the network gets them, over the training part (or the samples seen so far).

    | field                   | shape                    | meaning                                         |
    |-------------------------|--------------------------|-------------------------------------------------|
    | samples                 |                          | number of training samples (None: not known)    |
    | mean, std               | (features,)              | of every input feature, flattened               |
    | low, high               |                          | least and greatest input value                  |
    | classes                 |                          | number of classes; None for values              |
    | class_counts            | (classes,)               | how often each class occurs                     |
    | target_low, target_high | (K,)                     | range of targets that are values                |
    | x, t                    | (n, ...), (n,) or (n, K) | up to 2000 training samples, to learn otherwise |
    | x_held, t_held          | likewise                 | validation samples (test where there are none)  |
    """

    samples: int | None = None
    mean: Array | None = None
    std: Array | None = None
    low: float | None = None
    high: float | None = None
    classes: int | None = None
    class_counts: Array | None = None
    target_low: Array | None = None
    target_high: Array | None = None
    x: Array | None = None
    t: Array | None = None
    x_held: Array | None = None
    t_held: Array | None = None


@dataclass(frozen=True)
class LoopFacts:
    """What only a training loop written by hand can do; one of koubai's own does none of it.

    | field          | meaning                                                                            |
    |----------------|------------------------------------------------------------------------------------|
    | passes         | backward passes before the first update                                            |
    | made_anew      | how often a new optimizer was made, where that was done for most updates           |
    | stranger       | whether an optimizer made updates that holds none of the model's parameters        |
    | kept_gradients | first update whose gradient held that of the update before; None: few or none do   |
    | test_mode      | update since which the model is trained in test mode (None: it is not) ...         |
    | had_trained    | ... and whether it had been trained in training mode before                        |
    | idle_norms     | whether a batch norm has never seen a batch: its running statistics are those of 0 |
    | ascends        | whether what is differentiated falls where the loss rises                          |
    | clipped        | share of the updates whose gradient was clipped ...                                |
    | clipped_to     | ... and to which share of its length, on (geometric) average                       |
    | rate_cut       | update since which the rate is at most 1/100 of its highest; None: it is not       |
    | tried, skipped | updates tried with a gradient scaler, and those it skipped: gradients overflowed   |
    | summed         | batches whose gradients are added up, undivided, to one update; 1: none            |
    """

    passes: int = 0
    made_anew: int = 0
    stranger: bool = False
    kept_gradients: int | None = None
    test_mode: int | None = None
    had_trained: bool = False
    idle_norms: bool = False
    ascends: bool = False
    clipped: float = 0.0
    clipped_to: float = 1.0
    rate_cut: int | None = None
    tried: int = 0
    skipped: int = 0
    summed: int = 1


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
    | declared_frozen | those of them that the user froze on purpose                                      |
    | loop     | what a loop written by hand did                                                          |
    | clinic   | where interventions can be tried (None: only look)                                       |
    | places   | lines of the user's program, by role, and by "layer:" with a layer's path             |
    | change_by_mates | how much answers in test mode change with the samples beside them, in units of    |
    |          | how much they differ at all (NaN: not known)                                              |
    | change_by_future | how much answers change with inputs that come later, where it is they that are |
    |          | to be predicted, in units of how much answers differ at all (NaN: not known)             |
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
    declared_frozen: tuple[str, ...] = ()
    loop: LoopFacts = LoopFacts()
    clinic: Clinic | None = None
    loss_speaks: bool = True
    places: Mapping[str, Place] = field(default_factory=dict)
    change_by_mates: float = float("nan")
    change_by_future: float = float("nan")
    origin: Origin | None = None

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
