"""Tables for notebooks: small pieces of HTML without script or colours, which any theme can show."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice

from synthgen.inert import inert

_ROWS = 30
"""At most this many rows are shown."""
_LINE = "1px solid rgba(128,128,128,.4)"


def fragment(title: str, *parts: str) -> str:
    """Put parts, which are HTML already, below a title. What is too wide scrolls."""
    return f'<div style="max-width:100%;overflow-x:auto"><p><b>{_shown(title)}</b></p>{"".join(parts)}</div>'


def paragraph(text: str) -> str:
    """Write a line of text, which may break anywhere, as paths do not fit a narrow page."""
    return f'<p style="overflow-wrap:anywhere">{_shown(text)}</p>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str | int | float]]) -> str:
    """Write a table. Numbers are set to the right, whole ones with separators."""
    rows = iter(rows)
    body = [_row([_cell("td", value) for value in row]) for row in islice(rows, _ROWS)]
    left = sum(1 for _ in rows)
    head = _row([_cell("th", column, right=index > 0) for index, column in enumerate(columns)])
    more = paragraph(f"and {left:,} more") if left else ""
    inner = f"<thead>{head}</thead><tbody>{''.join(body)}</tbody>"
    return f'<table style="border-collapse:collapse;margin:.6em 0">{inner}</table>{more}'


def _row(cells: list[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(kind: str, value: str | int | float, *, right: bool = False) -> str:
    text = value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:g}"
    align = "right" if right or not isinstance(value, str) else "left"
    return f'<{kind} style="text-align:{align};padding:.2em .7em;border-bottom:{_LINE}">{_shown(text)}</{kind}>'


def _shown(text: str) -> str:
    return escape(inert(text))
