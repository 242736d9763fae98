"""Model search: finds what a program trains: what was called and owns the parameters of an optimizer."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch import nn

from koubai.doctor.watch.hooks.guard import Guard
from koubai.doctor.watch.hooks.listener import Listener
from koubai.doctor.watch.hooks.wires import Wires
from koubai.doctor.watch.program.models import hands_over, is_copy, unwrapped
from koubai.doctor.watch.program.walk import modules_of, parameters_of
from koubai.doctor.watch.seen.averages import Averages
from koubai.doctor.watch.seen.duels import Ledger, duel_of
from koubai.doctor.watch.seen.pairs import LOOKS, Pairs
from koubai.doctor.watch.seen.pulls import UPDATES, Pulls
from koubai.doctor.watch.seen.vain import VainSteps
from koubai.doctor.watch.tensor_search import TensorSearch
from koubai.doctor.watch.watcher import Watch
from koubai.words import say

if TYPE_CHECKING:
    from koubai.doctor.answer.diary import Diary

_MOST_MODELS = 64  # layers of a model whose `forward` is called directly are taken for models at first
_SEARCH_STEPS = 3  # steps of known optimizers after which no new model is looked for
_PHASE = 20  # updates of a model, from which on it is one that is trained
_PATIENCE = 60  # steps for which a model is looked for that an optimizer has updated, unseen


class ModelSearch(Listener):
    """Watches every model that is called with gradients, until its optimizer tells what it is a part of."""

    def __init__(self, diary: Diary | None = None) -> None:
        self._diary = diary
        self.watches: list[Watch] = []
        self._known: set[int] = set()
        self._stacked: set[int] = set()
        self._anchored: list[Any] = []
        self._steps = 0
        self._sought: set[int] = set()  # the first parameters of optimizers whose module was looked for
        self._missed: tuple[int, int] | None = None  # a parameter of a model unseen, and updates until then
        self.updates = self.backwards = 0
        self._ledger = Ledger()
        self._vain, self._pulls, self._pairs = VainSteps(), Pulls(), Pairs()
        self._averages = Averages()
        self._guard = Guard(self._give_up)
        self._tensors = TensorSearch(self._begin, self._guard)
        self._wires = Wires(self, self._guard)

    def __enter__(self) -> ModelSearch:
        self._wires.connect()
        self._tensors.begin()
        return self

    @property
    def best(self) -> Watch | None:
        """The watch that saw the most steps; where none are made, the most backward passes.

        Tensors without a module count where they are trained and no module is.
        """
        loose = [watch for watch in self._tensors.watches if watch.seen.step]
        modules = self._of_modules()
        trained = any(watch.seen.step or watch.seen.loop.passes for watch in modules)
        among = loose if loose and not trained else modules
        return max(among, key=lambda watch: (watch.seen.step, watch.seen.loop.passes), default=None)

    @property
    def phases(self) -> list[Watch]:
        """The watches of models that were trained before or after that one, not in turn; the last first."""
        best, modules = self.best, reversed(self._of_modules())
        return [
            watch
            for watch in modules
            if best is not None and watch.seen.step >= _PHASE and self._ledger.apart(_own(best), _own(watch))
        ]

    def __exit__(self, *exception: object) -> None:
        self._wires.disconnect()
        self._tensors.end()
        with suppress(Exception):  # what copies tell is worth no error
            self._averages.end(self.updates)
        for watch in self.watches:
            watch.stop()
            watch.seen.vain, watch.seen.stacked = self._vain.found, self._stacked
            watch.seen.rivals = [
                other.seen
                for other in self.watches
                if other is not watch and other.seen.step and self._is_loose(other) <= self._is_loose(watch)
                if not self._ledger.apart(_own(watch), _own(other))
            ]
        with suppress(Exception):  # what the ledger tells is worth no error
            found = duel_of([watch.seen for watch in self.watches], self._ledger)
            for watch in self.watches:
                watch.seen.opponents, watch.seen.allied = found, self._pulls.allied
                watch.seen.swapped, watch.seen.pairs_open = self._pairs.swapped, self._pairs.open

    # ------------------------------------------------------------------------------------ what it hears

    def before_forward(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Watch a model whose first call this is; note that a copy of one is asked, as teachers are."""
        if self.updates and not torch.is_grad_enabled():
            for watch in self.watches:
                if is_copy(module, watch.seen.root):
                    watch.seen.taught.add(self.updates)
        if id(module) in self._known or not torch.is_grad_enabled():
            return
        if len(self.watches) == _MOST_MODELS or not any(p.requires_grad for _, p in parameters_of(module)):
            return
        watch = self._watch(module)
        watch.listener.before_forward(module, args)  # its own hook for this very call comes too late

    def after_forward(
        self, module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any
    ) -> None:
        """Note which way the answers of one network to what another put out are pushed."""
        if len(self.watches) > 1 and self.updates < UPDATES and self._is_root(module):
            self._pulls.called(id(module), args, output)
        if self.updates < LOOKS and torch.is_grad_enabled():
            self._pairs.called(id(module), args, output)

    def loader_begins(self, loader: int, turn: int, stacked: int) -> None:
        """Note it for models that are not known yet."""
        self._stacked.add(stacked)

    def pass_ends(self) -> None:
        """What was heard until now may be the first pass of loose tensors."""
        self._tensors.pass_ends()

    def stand_aside(self) -> None:
        """Something reads the program's code."""
        self._tensors.hush()

    def compiled(self, model: Any, result: Any) -> None:
        """A model is compiled: it is known before it is called."""
        self._tensors.hush()
        if isinstance(result, nn.Module) and id(model) not in self._known:
            self._watch(result)

    def before_step(self, optimizer: Any) -> None:
        """Decide what the parameters of an optimizer belong to."""
        if not any(optimizer is known() for known in self._anchored):
            self._anchored = [*self._anchored, ref(optimizer)][-16:]
            self._anchor(optimizer)

    def after_step(self, optimizer: Any) -> None:
        """Look for no more models when all that are trained are known."""
        self._steps += 1
        self.updates += 1
        self._ledger.stepped(optimizer)
        self._vain.stepped(optimizer, self._name_of)
        self._averages.stepped(self.updates, (watch.seen for watch in self.watches))
        if self.updates <= UPDATES:
            self._pulls.stepped(self._root_of(optimizer))
        if self._is_unknown(optimizer):
            self._steps = 0
            self._missed = self._missed or (id(next(iter(hands_over(optimizer)))), self.updates)
            self._hear_directly(optimizer)
            self._wires.listen_closely()
        elif self._steps >= _SEARCH_STEPS and not self._wants_calls and not self._waits():
            self._wires.listen_lightly()

    def _waits(self) -> bool:
        """Whether a model was updated that is not known yet, as a generator after its critic's many steps."""
        if self._missed is None:
            return False
        key, since = self._missed
        if self.updates - since >= _PATIENCE:  # it is no module
            return False
        known = any(key in watch.seen.names.params for watch in self.watches)
        self._missed = None if known else self._missed
        return not known

    def _is_unknown(self, optimizer: Any) -> bool:
        """Whether an optimizer updates what no watch knows: another model, perhaps of a later phase."""
        first = next(iter(hands_over(optimizer)), None)
        return isinstance(first, nn.Parameter) and not any(
            id(first) in watch.seen.names.params for watch in self.watches
        )

    def before_backward(self, roots: Any, adds: bool = True) -> None:
        """Count: a program may train what is no module."""
        self.backwards += 1
        self._ledger.differentiated(roots)
        if self.updates < LOOKS:
            self._pairs.differentiated(roots)
        self._tensors.differentiated(roots, self._is_of_module)

    def made(self, optimizer: Any) -> None:
        """An optimizer of tensors without a module tells what is trained."""
        self._tensors.made(optimizer)

    # ------------------------------------------------------------------------------------ what it does

    def _hear_directly(self, optimizer: Any) -> None:
        """Hear `forward` of the module that owns what an optimizer updates: nobody called that."""
        key = id(next(iter(hands_over(optimizer))))
        if key not in self._sought:
            self._sought.add(key)
            if (owner := owner_of(hands_over(optimizer))) is not None:
                self._wires.hear_directly(owner)

    def _watch(self, module: nn.Module) -> Watch:
        # A model is called before its parts, so these are known when their turn comes.
        self._known |= {id(part) for whole in (module, unwrapped(module)) for _, part in modules_of(whole)}
        self._tensors.hush()
        return self._begin(module)

    def _begin(self, module: nn.Module) -> Watch:
        watch = Watch(module, folder=self._diary)
        watch.__enter__()
        self.watches.append(watch)
        return watch

    def _anchor(self, optimizer: Any) -> None:
        """Give an optimizer to the watch of its model; where that was seen in parts, watch the whole."""
        held = {id(p) for p in hands_over(optimizer)}
        owners = [watch for watch in self.watches if held & watch.seen.names.params.keys()]
        if len(owners) <= 1:
            return
        covered = [watch for watch in owners if held <= watch.seen.names.params.keys()]
        if covered:
            return
        root = whole_of([watch.seen.root for watch in owners])
        for watch in owners:
            watch.stop()
            self.watches.remove(watch)
        whole = self._watch(root)
        whole.continue_from(owners)

    @property
    def _wants_calls(self) -> bool:
        """Whether calls are still looked at: those of two networks, or of one that is called in pairs."""
        return self.updates < (UPDATES if len(self.watches) > 1 else LOOKS if self._pairs.any else 0)

    def _is_loose(self, watch: Watch) -> bool:
        return watch in self._tensors.watches

    def _of_modules(self) -> list[Watch]:
        return [watch for watch in self.watches if not self._is_loose(watch)]

    def _is_of_module(self, key: int) -> bool:
        """Whether a tensor is a parameter of a module that is watched."""
        return self._name_of(key) is not None

    def _is_root(self, module: nn.Module) -> bool:
        return any(module is watch.seen.root for watch in self.watches)

    def _root_of(self, optimizer: Any) -> int | None:
        """Return the identity of the model that an optimizer updates."""
        first = id(next(iter(hands_over(optimizer)), None))
        roots = (watch.seen.root for watch in self.watches if first in watch.seen.names.params)
        return next((id(root) for root in roots), None)

    def _name_of(self, key: int) -> str | None:
        """Return what a parameter of a watched module is called: loose tensors may stand for others."""
        names = (watch.seen.names.params.get(key) for watch in self._of_modules())
        return next((name for name in names if name is not None), None)

    def _give_up(self, failure: str) -> None:
        """Look for no more models; those that were found stay under watch."""
        with suppress(Warning):  # a program may turn warnings into errors
            warnings.warn(say("watch.script.unseen", error=failure), RuntimeWarning, stacklevel=2)


def _own(watch: Watch) -> list[Any]:
    return list(watch.seen.optimizers)


def whole_of(parts: list[nn.Module]) -> nn.Module:
    """Return the smallest module of the program that holds all parts, else a container of ours."""
    return _smallest_with(parts, modules_of) or nn.ModuleList(parts)


def owner_of(parameters: Iterable[torch.Tensor]) -> nn.Module | None:
    """Return the module with the fewest parameters that holds all of these; of several, the outermost."""
    return _smallest_with(parameters, parameters_of)


def _smallest_with(wanted: Iterable[Any], inside: Callable[[nn.Module], Iterable[Any]]) -> nn.Module | None:
    keys = {id(one) for one in wanted}
    found = []
    for thing in gc.get_objects():
        if issubclass(type(thing), nn.Module):
            with suppress(Exception):  # a module may be half made
                held = {id(one) for _, one in inside(thing)}
                if keys <= held:
                    found.append((len(held), -sum(1 for _ in modules_of(thing)), thing))
    return min(found, key=lambda item: item[:2])[2] if found else None
