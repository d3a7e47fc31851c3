"""Tables of text on a terminal, and the names in them: classes, cells and columns are called what their makers like."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from synthgen.inert import unbroken

_LONGEST = 48
"""Columns of a name, at most. `--json` has whole names."""
_GAP, _CUT = "...", "…"
_PATH = re.compile(r"\S*/(?:.*/)?\S*")
"""With blanks in its folders, if it has some."""
_SHORTEST_PATH = 8
"""Columns: what is left of a path must tell something."""


def shown(name: str) -> str:
    """Write a name on one line, and one that is too long without its middle: names often differ at their ends.

    Example:
        >>> from synthgen.cli.cells import shown
        >>> print(shown("chef\\nat work"))
        chef\\nat work
        >>> print(shown("a" * 200 + ", skin_tone=dark"))
        aaaaaaaaaaaaaaaaaaaaaaa...aaaaaa, skin_tone=dark
    """
    line = unbroken(name)
    if _width(line) <= _LONGEST:
        return line
    room = _LONGEST - len(_GAP)
    return f"{_begun(line, room - room // 2)}{_GAP}{_begun(line[::-1], room // 2)[::-1]}"


def without_beginning(text: str, room: int) -> str:
    """Shorten a text of words and paths on one line: first a path, whose end tells most, then the whole.

    Example:
        >>> from synthgen.cli.cells import without_beginning
        >>> print(without_beginning("joining /home/me/work/sets/joined", 24))
        joining …ork/sets/joined
        >>> print(without_beginning("measuring the attributes of images", 24))
        measuring the attribute…
    """
    over = _width(text) - room
    if over <= 0:
        return text

    found = _PATH.search(text)
    path = found[0] if found is not None else ""
    if (left := _width(path) - over - _width(_CUT)) >= _SHORTEST_PATH:
        return text.replace(path, _CUT + _begun(path[::-1], left)[::-1], 1)
    return _begun(text, room - _width(_CUT)) + _CUT


def aligned(rows: Iterable[Sequence[str]], *, indent: int = 0) -> Iterator[str]:
    """Write rows as lines whose columns are as wide as their widest cell, but for the last one.

    Cells are as wide as a terminal shows them: most signs of Chinese take two columns.

    Example:
        >>> from synthgen.cli.cells import aligned
        >>> print("\\n".join(aligned([("chef", "8"), ("doctor", "12")], indent=2)))
          chef    8
          doctor  12
    """
    lines = [[unbroken(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)][:-1]
    for row in lines:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
        yield (" " * indent + "  ".join((*cells, row[-1]))).rstrip()


def _width(text: str) -> int:
    return sum(map(_columns, text))


def _columns(sign: str) -> int:
    """How many columns of a terminal a sign takes: marks over and under others take none."""
    if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _begun(text: str, columns: int) -> str:
    """As much of the beginning of a text as these columns hold."""
    taken = 0
    for place, sign in enumerate(text):
        taken += _columns(sign)
        if taken > columns:
            return text[:place]
    return text
