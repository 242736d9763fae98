"""Inputs made wrong: texts, bytes and plain values, changed by a generator that a case's name seeds."""

import json
import re
from random import Random
from typing import Any

# What stands for a value of a TOML file and is none that anybody meant.
_PLAIN = r"""
nan -nan inf -inf 0 -0.0 -1 1e999 1e-400 1e308 2.5 0x7fffffffffffffff 9007199254740992 9007199254740993
9223372036854775807 -9223372036854775808 9223372036854775808 10000000000 1000000000000 1_0 20000 50000
1979-05-27 1979-05-27T07:32:00 1979-05-27T00:32:00.999999-07:00 07:32:00 true false [] {} [[]] [{}] [0]
[-1] [1,2,3,4,5,6,7,8,9] [nan] [[1]] [true] {type=1} {type=[]} {type={}} {type='relu'} {a.b.c=1} 'none'
'auto' 'relu' 'sgd' 'digits' '' '..' '/' '~' '~nobody' '/dev/zero' '/proc/self/mem' "\u0000"
"\u001b[31m\u0007" "\u202e\u200b" "\uFFFF" "=1+1" "%s{0}{x}%(a)s"
[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
"""
TOML_VALUES = (
    *_PLAIN.split(),
    '"' + "x" * 3000 + '"',
    '"' + "勾配" * 200 + '"',
    "[" * 40 + "]" * 40,
    "[" + "1," * 2000 + "]",
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2.5, -0.0, 1e308, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**40, 10**400,
    float("nan"), float("inf"), "", "x", "\0", "\x1b[31m", "\ud800", "..", "/etc/passwd", "9" * 400, [], {},
    [[]], [None], [0], [[1, 2]], {"": ""}, {"type": "x"}, [1] * 1000, "x" * 10_000,
)  # fmt: skip
LETTERS = "\0\x1b\x07\x7f\x85\u2028\u202e\ufeff\ud800\U000e0041\r\n\t \"'\\=[]{}.,#-+_:0aé勾😀"
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_VALUE = re.compile(r"(?<==)[^=\n]+$", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def text(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    """Return a text of lines `name = value` with one to three things wrong."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        valid = rng.choice(_OF_TEXT)(rng, valid, words)
    return valid


def _put(rng: Random, pattern: re.Pattern[str], valid: str, new: str) -> str:
    """Put something in place of one match of a pattern."""
    found = list(pattern.finditer(valid))
    if not found:
        return valid + new
    one = rng.choice(found)
    return valid[: one.start()] + new + valid[one.end() :]


def _value(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    return _put(rng, _VALUE, valid, " " + rng.choice(TOML_VALUES))


def _number(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    return _put(rng, _NUMBER, valid, rng.choice(TOML_VALUES))


def _word(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    return _put(rng, _WORD, valid, rng.choice(words))


def _letters(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    at = rng.randrange(len(valid) + 1)
    return valid[:at] + "".join(rng.choices(LETTERS, k=rng.choice((1, 1, 2, 5)))) + valid[at:]


def _lines(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    lines = valid.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif how == 2:
        rng.shuffle(lines)
    else:
        lines.insert(at, f"{rng.choice(words)} = {rng.choice(TOML_VALUES)}\n")
    return "".join(lines)


def _cut(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    at = rng.randrange(len(valid) + 1)
    return valid[:at] + valid[at + rng.choice((1, 2, 10, 10**6)) :]


def _twice(rng: Random, valid: str, words: tuple[str, ...]) -> str:
    at, size = rng.randrange(len(valid) + 1), rng.choice((1, 5, 40))
    return valid[:at] + valid[at : at + size] * rng.choice((2, 3, 50)) + valid[at + size :]


_OF_TEXT = (_value, _value, _number, _number, _word, _word, _letters, _lines, _cut, _twice)


def data(rng: Random, valid: bytes) -> bytes:
    """Return bytes with one to four things wrong."""
    content = bytearray(valid)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, how = rng.randrange(len(content) + 1), rng.randrange(6)
        if how == 0 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            size = rng.choice((1, 2, 4, 8))
            number = rng.choice(
                (0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**64 - 1)
            )
            content[at : at + size] = (number % 256**size).to_bytes(size, rng.choice(("little", "big")))
        elif how == 2:
            del content[at : at + rng.choice((1, 4, 64, 10**6))]
        elif how == 3:
            content[at:at] = rng.randbytes(rng.choice((1, 8, 100)))
        elif how == 4:
            content[at:at] = content[at : at + rng.choice((4, 64))]
        else:
            other = rng.randrange(len(content) + 1)
            content[at : at + 16] = content[other : other + 16]
    return bytes(content)


def plain(rng: Random, value: Any, depth: int = 0) -> Any:
    """Return plain values (dicts, lists, scalars) with one of them something else."""
    inner = (
        list(value.items() if isinstance(value, dict) else enumerate(value))
        if value and isinstance(value, dict | list)
        else []
    )
    if not inner or rng.random() < 0.15 + 0.1 * depth:
        return rng.choice(VALUES)
    key, chosen = rng.choice(inner)
    copy = dict(value) if isinstance(value, dict) else list(value)
    how = rng.random()
    if how < 0.1:
        del copy[key]
    elif how < 0.2 and isinstance(copy, dict):
        copy[rng.choice(("", "x", "\0", "type", "__class__", "9" * 50))] = copy.pop(key)
    elif how < 0.25 and isinstance(copy, list):
        copy += copy * rng.choice((1, 100))
    else:
        copy[key] = plain(rng, chosen, depth + 1)
    return copy


def json_bytes(rng: Random, valid: Any) -> bytes:
    """Return a JSON document with something wrong in what it says, or in how it says it."""
    how = rng.random()
    if how < 0.05:
        deep = rng.choice((100, 5000, 100_000))
        return b"[" * deep + b"]" * rng.choice((deep, 0))
    wrong = plain(rng, valid) if how < 0.75 else valid
    told = json.dumps(wrong, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return told if how < 0.7 else data(rng, told)
