"""Tensor listener: hears a program that trains tensors without a module.

Nothing is called, so no pass begins: all that is computed since the last backward pass may be part of the
next one. In a step that is looked at it is heard, and sorted out by the graph of what is differentiated.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.observe.model_listener import ModelListener
from koubai.doctor.watch.passes.heard import Ear, Heard
from koubai.doctor.watch.passes.tensor_pass import TensorPass
from koubai.doctor.watch.passes.watched_layer import Names
from koubai.doctor.watch.program.graph import leaves_among, reached, root_of
from koubai.doctor.watch.program.loose import MOST_NODES, LooseTensors, may_follow, named
from koubai.doctor.watch.program.models import hands_over
from koubai.doctor.watch.program.walk import state_of

_DECIDED = 3  # updates, after which it is clear which tensors are trained


class TensorListener(ModelListener):
    """Hears backward passes and updates of `LooseTensors`; `weights` are names of those that surely weigh."""

    seen: Any

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._ear = Ear(self.guard)
        self._heard: list[Heard] = []
        self.weights: set[str] = set()

    def begin(self) -> None:
        """Listen; to calls only when asked to."""
        super().begin()
        self.seen.replayable = False
        self._wires.listen_lightly()

    def hear(self) -> None:
        """Hear the calls of the pass that begins; an optimizer will make the updates."""
        self.seen.hand = False
        self._ear.open()

    def begin_in_pass(self, heard: list[Heard], roots: Any) -> None:
        """Take in the backward pass that is about to begin, and what was heard before it."""
        self._heard = heard
        self.guard(self.before_backward, roots)

    def end(self) -> None:
        """Hear no more, and write down what waits."""
        self._ear.close()
        super().end()

    def give_up(self) -> None:
        """Hear no more."""
        self._ear.close()
        super().give_up()

    def hush(self) -> None:
        """Hear no calls up to the next backward pass: it is a module that is called."""
        self._ear.close()

    def stand_aside(self) -> None:
        """Close what is open."""
        self._ear.close()
        super().stand_aside()

    def compiled(self, model: Any, result: Any) -> None:
        """Something is compiled: no ear may be open in it."""
        self._ear.close()
        super().compiled(model, result)

    def before_forward(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """No call of a module is a pass."""

    def after_forward(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any
    ) -> None:
        """No call of a module is a pass."""

    def after_mode(self) -> None:
        """There is no mode."""

    def loader_begins(self, loader: int, turn: int, stacked: int) -> None:
        """No call of a module is an evaluation."""

    def loader_ends(self, turn: int) -> None:
        """No call of a module is an evaluation."""

    def take(self, more: list[torch.Tensor], weights: bool) -> None:
        """Take tensors that belong to those that are known."""
        root = self.seen.root
        fresh = named(more, root.tensors)
        root.take(fresh)
        self.seen.names = Names.of(root)
        if self.seen.start is not None:
            self.seen.start |= {name: w.detach().clone() for name, w in fresh.items()}
        self.weights |= set(fresh) if weights else set()

    def owns(self, leaves: list[torch.Tensor]) -> bool:
        """Whether some of these are ours, or what an update put in the place of ours: w = w - lr * g."""
        root: LooseTensors = self.seen.root
        met = {id(leaf) for leaf in leaves}
        gone = {name: w for name, w in root.tensors.items() if id(w) not in met}
        fresh = [leaf for leaf in leaves if id(leaf) not in self.seen.names.params]
        if gone and fresh and self.seen.hand is not False:
            made = {name: w for name, w in named(fresh).items() if name in gone}
            if made and may_follow([gone[name] for name in made], list(made.values())):
                root.take(made)
                self.seen.names = Names.of(root)
        return any(id(leaf) in self.seen.names.params for leaf in leaves)

    # ------------------------------------------------------------------------------------ backward, step

    def pass_ends(self) -> None:
        """Hear no more; inside `backward` an ear could not close."""
        self._heard = self._ear.close()

    def before_backward(self, roots: Any, adds: bool = True) -> None:
        """Take in what led to a loss, if that depends on tensors of ours."""
        if self.aside:
            return
        heard = self._ear.close() or self._heard
        self._heard = []
        if not self.owns(_leaves(roots)):
            return
        if self._differentiated:
            self._update_by_hand()
        self._in_step = True
        root = root_of(roots)
        if heard and root is not None and not self.seen.blind:
            self._look_back(heard, root)
        super().before_backward(roots, adds)

    def _look_back(self, heard: list[Heard], root: torch.Tensor) -> None:
        """See a step closely whose forward pass has gone by."""
        shutter = self._shutter
        if not shutter.due or shutter.looking:
            return
        with torch._C.DisableTorchFunction():
            gone = TensorPass(heard, root, self.seen.names.params)
            outputs = list(gone.outputs.values())
            rows = len(outputs[0]) if outputs and outputs[0].ndim else 0
            self._take_inputs(gone, rows)
            shutter.begin_close_up(rows)
            shutter.output = outputs
            if shutter.close_up is not None:
                gone.tell(shutter.close_up.recorder, layers=gone.whole)

    def _take_inputs(self, gone: TensorPass, rows: int) -> None:
        """Keep inputs, where the network has one."""
        inputs = gone.inputs
        if len(inputs) == 1 and len(inputs[0]) == rows:
            self.seen.see_batch(inputs[0])
        self.seen.one_input = len(inputs) == 1

    def after_backward(self) -> None:
        """Take the gradients; where no optimizer makes updates, the next pass begins here."""
        self._heard = []
        super().after_backward()
        if self.aside or not self._in_step or self.seen.hand is False:
            return
        if self.seen.hand is None or self._shutter.due_in(2):
            self._ear.open()

    def _end_step(self) -> None:
        """Where an optimizer makes the updates, the next pass begins here."""
        self._reset_step()
        if self.seen.step == _DECIDED:
            self._let_go()
        if self.seen.hand is False and self._shutter.due:
            self._ear.open()
        elif self.seen.hand is False:
            self._ear.close()

    def _let_go(self) -> None:
        """Let go of tensors that nobody updates and that may be inputs: these can ask for a gradient, too."""
        seen, start = self.seen, self.seen.start or {}
        root: LooseTensors = seen.root
        held = {id(p) for optimizer in seen.optimizers for p in hands_over(optimizer)}
        now = state_of(root)
        idle = {name for name, w in root.tensors.items() if id(w) not in held and name not in self.weights}
        root.drop([name for name in idle if name in start and torch.equal(now[name], start[name])])
        seen.names = Names.of(root)


def _leaves(roots: Any) -> list[torch.Tensor]:
    """Return the tensors that what is differentiated depends on, the first used first."""
    root = root_of(roots)
    nodes = {} if root is None else reached([root.grad_fn], MOST_NODES)[0]
    return [leaf for leaf in reversed(leaves_among(nodes)) if leaf.is_floating_point()]
