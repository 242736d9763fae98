"""What stands for a GPU where there is none: the "meta" device, watched; graphs of recorded operations."""

from contextlib import nullcontext

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

READS = {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal", "aten::nonzero"}


class Watched(TorchDispatchMode):
    """Sees every operation, also those of the backward pass; keeps what a GPU would have to wait for."""

    def __init__(self, device):
        self.device = torch.device(device)
        self.waits, self.strangers, self.count = [], [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func._schema.name
        self.count += 1
        if name in READS:
            self.waits.append(name)
        for tensor in tensors_of((args, kwargs, result)):
            if tensor.device.type != self.device.type:
                self.strangers.append(f"{name}: {tensor.device} {tuple(tensor.shape)}")
        return result


class FakeGraphs:
    """A Recorder whose graphs repeat PyTorch's operations as they were called: on the same tensors, with the
    same numbers, into the same results. No Python of the step runs again."""

    def __init__(self):
        self.captures = self.replays = 0

    def beside(self):
        return nullcontext()

    def capture(self, work):
        self.captures += 1
        before = [tensor.clone() for tensor in self.keeps]
        with _Recording() as recording:
            result = work()
        for tensor, old in zip(self.keeps, before, strict=True):
            tensor.copy_(old)  # a real capture does nothing

        def replay():
            self.replays += 1
            with torch._C._AutoDispatchBelowAutograd():  # as the operations were called
                recording.repeat()

        return replay, result

    keeps = ()


class _Recording(TorchDispatchMode):
    def __init__(self):
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._schema.name in READS:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, result))
        return result

    def repeat(self):
        for func, args, kwargs, result in self.calls:
            again = func(*args, **kwargs)
            if func._schema.is_mutable or any(r.alias_info for r in func._schema.returns):
                continue  # it changed a tensor that we have, or it is a view of one
            for old, new in zip(tensors_of(result), tensors_of(again), strict=True):
                old.copy_(new)


def tensors_of(tree):
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor)]
