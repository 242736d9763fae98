"""What diagnoses read of a run besides its layers: the loss, the optimizer, the data, the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from koubai.core.params import Array, Shape


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
    another (contrastive learning), whose labels are places in that comparison. `only_label` is the one label
    that all targets had, and how many these were. `class_weights` are what it weighs each class by (empty: it
    does not, or that is not known).
    """

    name: str
    takes: str
    likelihood: str = ""
    crossed: tuple[Shape, Shape] | None = None
    before: tuple[str, ...] = ()
    floor: float | None = field(default=None, compare=False)
    alone: bool = field(default=True, compare=False)
    of_outputs: bool = True
    only_label: tuple[int, int] | None = None
    class_weights: tuple[float, ...] = field(default=(), compare=False)


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
class Pull:
    """Length of the gradient of penalties in a loss, and of the rest of it, at an update; their cosine."""

    step: int
    penalty: float
    data: float
    cosine: float

    @property
    def ratio(self) -> float:
        """How hard the penalties pull, as a multiple of the data."""
        return self.penalty / self.data if self.data else inf


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
    | flat           | whether every gradient was exactly 0, whenever one was looked at                   |
    | climbing       | parameters that every update by hand moved up along their gradient                 |
    | clipped        | share of the updates whose gradient was clipped ...                                |
    | clipped_to     | ... and to which share of its length, on (geometric) average                       |
    | rate_cut       | update since which the rate is at most 1/100 of its highest; None: it is not       |
    | warmed_to      | the last rate, as a share of the one given, if the rate rose in the whole run; else 1 |
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
    flat: bool = False
    climbing: tuple[str, ...] = ()
    clipped: float = 0.0
    clipped_to: float = 1.0
    rate_cut: int | None = None
    warmed_to: float = 1.0
    tried: int = 0
    skipped: int = 0
    summed: int = 1
