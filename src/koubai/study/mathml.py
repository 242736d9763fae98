"""Formulas in plain letters -> MathML, as nested lists that a page can build without reading any markup.

A tree is `[tag, child, ...]`; a child is a tree or a text. What is understood:

| written                    | becomes                                        |
|----------------------------|------------------------------------------------|
| `delta`, `eps`, `lambda`   | the Greek letter                               |
| `W_l`, `W_{l+1}^T`, `b1^t` | an index, a power, both                        |
| `sqrt(v)`, `1 / n`         | a root; a fraction written on one line         |
| `m_hat`                    | a letter with a hat                            |
| `<-`, `<=`, `*`            | an arrow, less or equal, a product by elements |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Tree = list[Any]
_TOKEN = re.compile(r"\s*(<-|->|<=|>=|!=|\.\.\.|\d+\.?\d*|\.\d+|[^\W\d_]+\d*'*|[_^{}()]|\S)")
_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "eps": "ε",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "sigma": "σ",
    "theta": "θ",
}
_LARGE = {"prod": "∏", "sum": "∑"}
_SIGNS = {"<-": "←", "->": "→", "<=": "≤", ">=": "≥", "!=": "≠", "*": "⊙", "-": "−", "...": "…"}


def formula(text: str) -> Tree:
    """Return one formula as MathML.

    >>> formula("W_l^T")
    ['math', ['msubsup', ['mi', 'W'], ['mi', 'l'], ['mi', 'T']]]
    >>> formula("eps / sqrt(n_in)")[1:3]
    [['mi', 'ε'], ['mo', '/']]
    >>> formula("w <- .5")
    ['math', ['mi', 'w'], ['mo', '←'], ['mn', '.5']]

    Raises:
        ValueError: a brace or a root that is not closed, an index of nothing.
    """
    tokens = _TOKEN.findall(text.strip())
    parts, rest = _row(tokens, 0, None)
    if rest != len(tokens):
        raise ValueError(f"a formula ends too early: {text!r}")
    return ["math", *parts]


def _row(tokens: Sequence[str], at: int, end: str | None) -> tuple[list[Tree], int]:
    """Return what stands up to a closing sign, and the position behind it."""
    found: list[Tree] = []
    while at < len(tokens):
        if tokens[at] == end:
            return found, at + 1
        if tokens[at] in ("_", "^"):
            if not found:
                raise ValueError(f"an index of nothing in {' '.join(tokens)!r}")
            found[-1], at = _scripts(found[-1], tokens, at)
        else:
            part, at = _atom(tokens, at)
            found.append(part)
    if end is not None:
        raise ValueError(f"{end!r} is missing in {' '.join(tokens)!r}")
    return found, at


def _atom(tokens: Sequence[str], at: int) -> tuple[Tree, int]:
    token = tokens[at]
    if token == "sqrt" and tokens[at + 1 : at + 2] == ["("]:
        inside, at = _row(tokens, at + 2, ")")
        return ["msqrt", *inside], at
    if token == "(":
        inside, at = _row(tokens, at + 1, ")")
        return ["mrow", ["mo", "("], *inside, ["mo", ")"]], at
    if token == "{":
        inside, at = _row(tokens, at + 1, "}")
        return ["mrow", *inside], at
    return _leaf(token), at + 1


def _leaf(token: str) -> Tree:
    if token in _LARGE:
        return ["mo", _LARGE[token]]
    if token[0].isdigit() or (token[0] == "." and len(token) > 1 and token[1].isdigit()):
        return ["mn", token]
    if token[0].isalpha():
        plain = token.rstrip("'")
        return ["mi", _GREEK.get(plain, plain) + "′" * (len(token) - len(plain))]
    return ["mo", _SIGNS.get(token, token)]


def _scripts(base: Tree, tokens: Sequence[str], at: int) -> tuple[Tree, int]:
    """Return a part with the index and the power that follow it."""
    scripts: dict[str, Tree] = {}
    while at < len(tokens) and tokens[at] in ("_", "^") and tokens[at] not in scripts:
        sign = tokens[at]
        if at + 1 == len(tokens):
            raise ValueError(f"nothing stands behind {sign!r}")
        script, at = _atom(tokens, at + 1)
        if sign == "_" and script == ["mi", "hat"]:
            base = ["mover", base, ["mo", "^"]]
        else:
            scripts[sign] = script
    if len(scripts) == 2:
        return ["msubsup", base, scripts["_"], scripts["^"]], at
    if not scripts:
        return base, at
    sign, script = next(iter(scripts.items()))
    return ["msub" if sign == "_" else "msup", base, script], at
