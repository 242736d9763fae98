"""The update rules that lessons compare: each with its formula and its line of code."""

from __future__ import annotations

from collections.abc import Mapping

from koubai.optim.optimizer import Optimizer
from koubai.study.lessons.lesson import Row

_LINES = {
    "sgd": ("w <- w - alpha g", "SGD", "w -= alpha * dw"),
    "momentum": ("v <- mu v - alpha g,  w <- w + v", "Momentum", "v -= alpha * dw"),
    "adagrad": (
        "h <- h + g^2,  w <- w - alpha g / (sqrt(h) + delta)",
        "AdaGrad",
        "w -= alpha * dw / (np.sqrt(h) + self.delta)",
    ),
    "rmsprop": (
        "h <- rho h + (1 - rho) g^2,  w <- w - alpha g / (sqrt(h) + delta)",
        "RMSProp",
        "w -= alpha * dw / (np.sqrt(h) + self.delta)",
    ),
    "adam": (
        "w <- w - alpha m_hat / (sqrt(v_hat) + delta)",
        "Adam",
        "w -= alpha / (1 - self.beta1**t) * m / (root + self.delta)",
    ),
}


def rows_of(arms: Mapping[str, Optimizer]) -> tuple[Row, ...]:
    """Return a row "rule" for every kind of optimizer among the arms, which holds at its arms only."""
    found = []
    for kind, (text, name, line) in _LINES.items():
        mine = tuple(arm for arm, rule in arms.items() if type(rule).registry_name == kind)
        if mine:
            found.append(Row("rule", text, f"koubai.optim.{kind}:{name}.update", line, mine))
    return tuple(found)
