"""Names that people take for the same: they differ only in case, in the form of their accents, or invisibly."""

import unicodedata
from collections.abc import Iterable


def folded(name: str) -> str:
    """Return what names that look alike have in common.

    Case and the form of accents (NFC or NFD) are ignored, as are characters that cannot be seen, and the kind and
    number of blanks.

    Example:
        >>> folded("Head\\u00a0 Chef\\u200b")
        'head chef'
    """
    visible = "".join(" " if c.isspace() else c for c in name if c.isspace() or not _is_invisible(c))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", " ".join(visible.split())).casefold())


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two different names that look alike; None if there are none."""
    seen: dict[str, str] = {}
    for name in names:
        if (first := seen.setdefault(folded(name), name)) != name:
            return first, name
    return None


def difference(first: str, second: str) -> str:
    """Say in what two names that look alike differ."""
    if first.casefold() == second.casefold():
        return "only in case"
    composed = [unicodedata.normalize("NFC", name) for name in (first, second)]
    if composed[0].casefold() == composed[1].casefold():
        return "only in the form of their accents" if composed[0] == composed[1] else "only in case and accents"
    return "only in blanks or in characters that cannot be seen"


def _is_invisible(character: str) -> bool:
    """Control characters, and those that only shape or separate others, such as U+200B."""
    return unicodedata.category(character) in ("Cc", "Cf")
