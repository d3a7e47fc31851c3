"""Texts that command nobody who shows them, be it a browser or a terminal."""

import re

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Control characters, marks that turn the direction of what follows, and halves of characters, which are no UTF-8."""


def inert(text: str) -> str:
    """`text` without the characters that are not seen and change what is: letters of every script stay."""
    return INVISIBLE.sub("", text)


def escaped(text: str) -> str:
    """`text` with an escape such as `\\x1b` for each of these characters, so that one sees what was there."""
    return INVISIBLE.sub(_escape, text)


def unbroken(text: str) -> str:
    """`text` on one line: the ends of its lines and tabs are escapes, too.

    Example:
        >>> from synthgen.inert import unbroken
        >>> print(unbroken("chef\\n\\x1b[31m"))
        chef\\n\\x1b[31m
    """
    return escaped(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
