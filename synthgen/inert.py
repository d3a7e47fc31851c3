"""Texts that command nobody who shows them, be it a browser or a terminal."""

import re

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Control characters, marks that turn the direction of what follows, and halves of characters, which are no UTF-8."""


def inert(text: str) -> str:
    """`text` without the characters that are not seen and change what is: letters of every script stay."""
    return INVISIBLE.sub("", text)
