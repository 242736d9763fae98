"""The PyTorch twin of a recipe: the same initial weights, batches, loss and optimizer, in an ordinary loop.

For tools that only know PyTorch. A recipe that uses what is not translated has no twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

import torch
from torch.nn import functional

from koubai.core.params import Array
from koubai.doctor.patient.facts import data_facts, held_part, loss_facts
from koubai.doctor.patient.skill import skill
from koubai.doctor.visit.reference import chance_of
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai_benchmarks.doctor.torch_modules import NotTranslated, module_of, optimizer_of

_LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "softmax_cross_entropy": functional.cross_entropy,
    "cross_entropy": lambda y, t: functional.nll_loss(torch.log(y + 1e-7), t),
    "binary_cross_entropy": functional.binary_cross_entropy,
    "sigmoid_cross_entropy": functional.binary_cross_entropy_with_logits,
    "mean_squared_error": functional.mse_loss,
    "mean_absolute_error": functional.l1_loss,
}


def _decay(recipe: Recipe) -> float:
    """Return the weight decay that stands for L2 penalties, as PyTorch's users write it (of biases too)."""
    for penalty in recipe.penalties:
        if not isinstance(penalty, L2):
            raise NotTranslated(penalty)
    return sum(penalty.strength for penalty in recipe.penalties)


class Twin:
    """A recipe's PyTorch twin, ready to train.

    | field     | meaning                                                         |
    |-----------|-----------------------------------------------------------------|
    | model     | with the initial weights of the recipe's seed                   |
    | optimizer | fresh                                                           |
    | loss_fn   | (outputs, targets) -> mean loss                                 |
    """

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self._session = Session(recipe, engine="reference")
        self.recipe = recipe
        self.model = module_of(self._session.network.root, self._session.state().weights.params)
        self.optimizer = optimizer_of(recipe.optimizer, self.model, _decay(recipe))
        if recipe.loss.registry_name not in _LOSSES:
            raise NotTranslated(recipe.loss)
        self.loss_fn = _LOSSES[recipe.loss.registry_name]
        data = self._session.dataset
        part = held_part(data)
        self._train = self._tensors(data.x_train, data.t_train)
        self._held = self._tensors(getattr(data, f"x_{part}"), getattr(data, f"t_{part}"))

    def _tensors(self, x: Array, t: Array) -> tuple[torch.Tensor, torch.Tensor]:
        targets = torch.tensor(t)
        outputs = self._session.network.out_shape[-1]
        if not targets.is_floating_point() and self.recipe.loss.registry_name not in (
            "softmax_cross_entropy",
            "cross_entropy",
        ):
            targets = targets[:, None] if outputs == 1 else functional.one_hot(targets, outputs)
        if self.recipe.loss.registry_name not in ("softmax_cross_entropy", "cross_entropy"):
            targets = targets.float()
        return torch.tensor(x).float(), targets

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of the recipe's run, in its order."""
        x, t = self._train
        for rows in self._session.sampler.batches(0, self.recipe.steps):
            index = torch.from_numpy(rows)
            yield x[index], t[index]

    def evaluate(self) -> None:
        """Run the held-out part in test mode, as after an epoch."""
        x, t = self._held
        self.model.eval()
        with torch.no_grad():
            for rows in torch.arange(len(x)).split(500):
                self.loss_fn(self.model(x[rows]), t[rows])
        self.model.train()

    def held_skill(self) -> float:
        """Return the skill on the held-out part; that of chance where an output is not finite."""
        data = self._session.dataset
        part = held_part(data)
        self.model.eval()
        with torch.no_grad():
            y = self.model(self._held[0]).numpy()
        found = skill(y, getattr(data, f"t_{part}"), loss_facts(self.recipe.loss).takes)
        return found if isfinite(found) else self.chance

    @property
    def chance(self) -> float:
        """The skill of an answer that looks at no input."""
        return chance_of(data_facts(self._session.dataset))
