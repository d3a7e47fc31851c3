"""Names that mean to break out of what shows them."""

from hashlib import blake2b

ATTACKS = (
    "<script>alert(1)</script>",
    "</svg></text></title><img src=x onerror=alert(1)>",
    "]]><script>alert(1)</script>",
    "\u202eevil \u2066right-to-left\u200f",
    "W" * 10_000,
    "\"'><style>*{display:none}</style>",
    "{{ 7 * 7 }} ${1} $\\frac{1}{2}$ &lt; -->",
    "[bold red]\x1b[31m\x00\ufffe name",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u65e5\u672c \U0001f469\u200d\U0001f52c",
)


_PLACES = {
    "doctor": 4,
    "chef": 3,
    "skin_tone": 0,
    "light": 1,
    "medium": 2,
    "dark": 7,
    "bald": 6,
    "hair_length": 8,
    "glasses": 5,
}
"""So that each attack stands where a chart, a table and a heading show it."""


def hostile(name: str) -> str:
    """An attack for each name, and always the same; the end keeps names apart."""
    some = int.from_bytes(blake2b(name.encode(), digest_size=4).digest())
    return f"{ATTACKS[_PLACES.get(name, some % len(ATTACKS))]} {name}"
