"""Cells of CSV files for people: names come from data, and must not act as formulas in a spreadsheet."""

import re

_ACTS = re.compile(r"[\s']*[=+@＝＋－＠-]|'*[\t\r\n]")  # noqa: RUF001 - spreadsheets read wide signs, too


def inert_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula.

    The signs are OWASP's: https://owasp.org/www-community/attacks/CSV_Injection. `cell_text` takes it away again.

    Example:
        >>> inert_cell("=1+1"), inert_cell("chef")
        ("'=1+1", 'chef')
    """
    return f"'{text}" if _ACTS.match(text) else text


def cell_text(cell: str) -> str:
    """Return the text that `inert_cell` was given.

    Example:
        >>> cell_text("'=1+1"), cell_text("=1+1"), cell_text("'chef'")
        ('=1+1', '=1+1', "'chef'")
    """
    return cell[1:] if cell.startswith("'") and _ACTS.match(cell[1:]) else cell
