"""`{a:NAME}` and `{plural:NAME}` in a template: the value with its article, or in the plural.

The English is that of inflect (https://inflect.readthedocs.io). It is imported only for specs that use it.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

if TYPE_CHECKING:
    from inflect import engine

_MOST = 200_000
"""Inflected texts that are kept: more than a spec may have of values."""
_NUMBER = re.compile(r"[0-9]+")
_SINGULAR = frozenset(("alias", "atlas", "bias", "canvas", "chaos", "christmas", "cosmos", "gas", "lens", "rhinoceros"))
"""Nouns in `s` that are no plurals."""


@cache
def _engine() -> "engine":
    import typeguard

    # Where it is imported, inflect lets each of its functions check the types of its arguments: that takes seconds.
    checking = typeguard.typechecked
    typeguard.typechecked = lambda function: function  # type: ignore[assignment]
    try:
        import inflect
    finally:
        typeguard.typechecked = checking
    return inflect.engine()


@lru_cache(maxsize=_MOST)
def with_article(text: str) -> str:
    """Write a noun with its indefinite article.

    Example:
        >>> with_article("owl"), with_article("unicorn"), with_article("8-ball")
        ('an owl', 'a unicorn', 'an 8-ball')
    """
    spoken = "".join(each for each in normalize("NFKD", text.strip()) if not combining(each))
    if not spoken:
        return text
    if (number := _NUMBER.match(spoken)) is not None:
        article = "an" if _is_spoken_with_a_vowel(number[0]) else "a"
    else:
        article = str(_engine().a(spoken)).partition(" ")[0]
    return f"{article} {text}"


def _is_spoken_with_a_vowel(number: str) -> bool:
    """Whether a number begins like eight, eleven or eighteen."""
    return number.startswith("8") or (number[:2] in ("11", "18") and len(number) % 3 == 2)


@lru_cache(maxsize=_MOST)
def in_plural(text: str) -> str:
    """Write a noun in the plural. One that is a plural already stays as it is.

    Example:
        >>> in_plural("red wolf"), in_plural("mother-in-law"), in_plural("scissors")
        ('red wolves', 'mothers-in-law', 'scissors')
    """
    if not text.strip() or _is_plural(text):
        return text
    return str(_engine().plural_noun(text))


def in_singular(text: str) -> str:
    """Write a noun in the singular. One that is no plural stays as it is.

    Example:
        >>> in_singular("red wolves"), in_singular("bus")
        ('red wolf', 'bus')
    """
    return str(_engine().singular_noun(text)) if text.strip() and _is_plural(text) else text


def _is_plural(text: str) -> bool:
    """Whether a noun is a plural. inflect takes `bus` for one, whose singular were `bu`."""
    last = text.rsplit(maxsplit=1)[-1].casefold()
    return not last.endswith(("ss", "us", "is")) and last not in _SINGULAR and bool(_engine().singular_noun(last))


FORMS: Mapping[str, Callable[[str], str]] = {"a": with_article, "plural": in_plural}
"""By what stands before the colon."""
