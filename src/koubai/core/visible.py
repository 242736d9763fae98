"""Names from outside, shown so that they can do nothing to a terminal or a page."""

from __future__ import annotations

import re

# C0 and C1 controls but tab and newline, marks that turn the direction of writing, invisible spaces, lone
# surrogates, tags: Unicode Technical Report 36, sections 2.10 and 3.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return a text with every character that is not seen, or that commands, written as an escape.

    >>> print(visible("a\x1b[31mb\u202ec"))
    a\x1b[31mb\u202ec
    """
    return _UNSAFE.sub(_escaped, text)


def json_safe(text: str) -> str:
    r"""Return JSON that holds no such character outside an escape; it reads as the same value.

    >>> print(json_safe('"a\x9b"'))
    "a\u009b"
    """
    return _UNSAFE.sub(lambda found: _utf16(found.group()), text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _utf16(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
