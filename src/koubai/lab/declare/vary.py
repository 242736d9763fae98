"""What `--vary` says on the command line: a path and its values."""

from __future__ import annotations

from typing import Any

from koubai.core.errors import ConfigError, Problem
from koubai.words.phrase import phrase


def parse_vary(text: str) -> tuple[str, list[Any]]:
    """Return path and values of `path=v1,v2`; values are read as in a file, bare words as text.

    >>> parse_vary("optimizer.learning_rate=.1,1e-2"), parse_vary("network.activation=relu,tanh")
    (('optimizer.learning_rate', [0.1, 0.01]), ('network.activation', ['relu', 'tanh']))
    """
    path, _, listed = text.partition("=")
    if not path or not listed:
        raise ConfigError(
            "--vary", [Problem("", phrase("cannot_read_vary", text=text), hint="PATH=VALUE,VALUE,...")]
        )
    return path.strip(), [_value(word.strip()) for word in _split(listed)]


def _split(listed: str) -> list[str]:
    """Return the words between commas that stand outside brackets."""
    words, depth = [""], 0
    for letter in listed:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return words


def _value(word: str) -> Any:
    import tomllib

    for text in (word, f"0{word}" if word.startswith(".") else f'"{word}"'):
        try:
            return tomllib.loads(f"v = {text}")["v"]
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
    return word
