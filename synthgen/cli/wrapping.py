"""Long lines on a terminal: broken at spaces, and indented so that they stay beside their label."""

import shutil
import sys
from textwrap import wrap

_LABEL = 10
"""Characters of a label with the space after it."""
_NARROWEST = 30


def fitted(line: str) -> str:
    """Break a line for the terminal that it is printed on; it stays as it is in a pipe or a file."""
    return wrapped(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line


def wrapped(line: str, width: int) -> str:
    """Break a line after at most `width` characters, where it has spaces.

    Example:
        >>> from synthgen.cli.wrapping import wrapped
        >>> print(wrapped("attempts  about 75, limit 480; 80 % are assumed to pass", 32))
        attempts  about 75, limit 480;
                  80 % are assumed to
                  pass
    """
    if len(line) <= width or width < _NARROWEST:
        return line
    own = len(line) - len(line.lstrip())
    indent = _LABEL if line[_LABEL - 1] == " " != line[_LABEL] and not own else own + 2 * (own < _LABEL)
    parts = wrap(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False, tabsize=1)
    return "\n".join(parts)
