"""Tables of text on a terminal, and the names in them: classes, cells and columns are called what their makers like."""

from collections.abc import Iterable, Iterator, Sequence

from synthgen.inert import unbroken

_LONGEST = 48
"""Columns of a name, at most. `--json` has whole names."""
_GAP = "..."


def shown(name: str) -> str:
    """Write a name on one line, and one that is too long without its middle: names often differ at their ends.

    Example:
        >>> from synthgen.cli.cells import shown
        >>> print(shown("chef\\nat work"))
        chef\\nat work
        >>> print(shown("a" * 200 + ", skin_tone=dark"))
        aaaaaaaaaaaaaaaaaaaaaaa...aaaaaa, skin_tone=dark
    """
    from rich.cells import cell_len, set_cell_size

    line = unbroken(name)
    if cell_len(line) <= _LONGEST:
        return line
    room = _LONGEST - len(_GAP)
    begin, end = set_cell_size(line, room - room // 2), set_cell_size(line[::-1], room // 2)[::-1]
    return f"{begin}{_GAP}{end}"


def aligned(rows: Iterable[Sequence[str]], *, indent: int = 0) -> Iterator[str]:
    """Write rows as lines whose columns are as wide as their widest cell, but for the last one.

    Cells are as wide as a terminal shows them: most signs of Chinese take two columns.

    Example:
        >>> from synthgen.cli.cells import aligned
        >>> print("\\n".join(aligned([("chef", "8"), ("doctor", "12")], indent=2)))
          chef    8
          doctor  12
    """
    from rich.cells import cell_len

    lines = [[unbroken(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)][:-1]
    for row in lines:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False)]
        yield (" " * indent + "  ".join((*cells, row[-1]))).rstrip()
