"""Names in messages: the first few of many, and those that may be meant by others. Pure."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

_MOST, _FEW = 6, 3


def listed(names: Sequence[str], most: int = _MOST) -> str:
    """Name the first few, and count the others.

    Example:
        >>> from synthgen.sets.near_names import listed
        >>> listed(["chef", "nurse"])
        "'chef', 'nurse'"
    """
    return first_of([*map(repr, names)], most)


def first_of(names: Sequence[str], most: int = _FEW) -> str:
    """Name the first few without quotes, and count the others.

    Example:
        >>> from synthgen.sets.near_names import first_of
        >>> first_of(["a.png", "b.png", "c.png"], 2)
        'a.png, b.png and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if names[most:] else "")


def meant(missing: Sequence[str], known: Collection[str]) -> str:
    """Ask whether similar names are meant, with a blank at the end; the empty text if there are none.

    Example:
        >>> from synthgen.sets.near_names import meant
        >>> meant(["docter"], ["doctor", "chef"])
        "Did you mean 'doctor'? "
        >>> meant(["docter", "chief", "x"], ["doctor", "chef"])
        "Did you mean 'doctor' by 'docter', 'chef' by 'chief'? "
    """
    near = {name: get_close_matches(name, [*known], n=1) for name in missing[:_MOST]}
    close = {name: one for name, found in near.items() for one in found}
    if not close:
        return ""
    if len(missing) == 1:
        return f"Did you mean {close[missing[0]]!r}? "
    return f"Did you mean {', '.join(f'{one!r} by {name!r}' for name, one in close.items())}? "
