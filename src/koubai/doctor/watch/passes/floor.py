"""Floor: the loss of a model that knows nothing, from the calls of the loss themselves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from koubai.doctor.watch.program.kinds import LOSSES

_SMALLEST = 1e-7


def floor_of(
    name: str,
    function: Callable[..., torch.Tensor],
    options: Mapping[str, Any],
    targets: Sequence[torch.Tensor],
    classes: int | None,
) -> float | None:
    """Return the mean loss of the best constant answer to these targets; None where that is not known.

    `classes` is the number of outputs, where targets are numbers of classes.
    """
    if name not in LOSSES or not targets:
        return None
    alike = [t for t in targets if t.shape[1:] == targets[0].shape[1:] and t.ndim]
    if not alike:
        return None
    t = torch.cat([part if part.ndim else part.reshape(1) for part in alike])
    settings = {key: value for key, value in options.items() if key not in ("reduction", "size_average")}
    settings = {key: _on_cpu(value) for key, value in settings.items()}
    takes = LOSSES[name].takes
    if not t.is_floating_point():
        return _of_classes(function, settings, t.reshape(-1), classes)
    t = t.double()
    y = _constant(t, takes)
    if y is None:
        return None
    # In the units in which the loss is recorded.
    settings["reduction"] = "batchmean" if options.get("reduction") == "batchmean" else "mean"
    with torch.no_grad(), torch._C.DisableTorchFunction(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the program has been told already
        values = [float(function(each.expand_as(t), t, **settings)) for each in y]
    return min(values)


def _of_classes(
    function: Callable[..., torch.Tensor], settings: dict[str, Any], t: torch.Tensor, classes: int | None
) -> float | None:
    ignored = int(settings.get("ignore_index", -100))
    meant = t[(t != ignored) & (t >= 0)]
    if not len(meant):
        return None
    count = max(classes or 0, int(meant.max()) + 1)
    shares = torch.bincount(meant, minlength=count).double()
    logs = (shares / shares.sum()).clamp_min(_SMALLEST).log()
    weight = settings.get("weight")
    settings = settings | ({"weight": weight.double()} if isinstance(weight, torch.Tensor) else {})
    with torch.no_grad(), torch._C.DisableTorchFunction():
        return float(function(logs.expand(len(meant), count), meant, **settings, reduction="mean"))


def _constant(t: torch.Tensor, takes: str) -> list[torch.Tensor] | None:
    """Return constant answers, in what the loss takes."""
    mean = t.mean(0, keepdim=True)
    if takes in ("values", "rates", "scores"):
        middle = t.flatten(1).median(0).values.reshape(mean.shape) if t.ndim > 1 else t.median().reshape(1)
        return [mean, middle] if takes == "values" else None
    p = mean.clamp(_SMALLEST, 1 - _SMALLEST)
    if takes == "probabilities":
        return [p]
    if takes == "log_probabilities":
        return [p.log()]
    rows = t.ndim > 1 and bool((t.flatten(1).sum(1) - 1).abs().max() < 1e-4) and t.shape[1] > 1
    return [p.log()] if rows else [torch.logit(p)]


def _on_cpu(value: Any) -> Any:
    return value.detach().cpu() if isinstance(value, torch.Tensor) else value
