"""stdout and stderr: printed text is inert, and lost output does not stop the work.

`guard` puts both in place at the start of the program. Then everything printed goes through them.
"""

import errno
import io
import json
import os
import re
import select
import sys
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, TextIO, cast

from synthgen.inert import INVISIBLE, escaped

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_FEWEST_COLUMNS = 40
"""In a narrower console, tables would be columns of single letters. Below two columns, rich breaks."""
_BAR = re.compile(r"(\r?)(.*?)(\r?)", re.DOTALL)
_MOVE = re.compile(r"(\n|\x1b\[A)+")
"""The progress bars of libraries begin and end with a carriage return, and move between lines."""


class _Sink(io.RawIOBase):
    """Where a stream's bytes go. It keeps the first error, and writes nothing after it.

    Attributes:
        refusal: the error that lost output; None without one.
    """

    def __init__(self, raw: io.RawIOBase, refusal: OSError | None = None) -> None:
        super().__init__()
        self._raw, self.refusal = raw, refusal

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()

    def write(self, data: "ReadableBuffer", /) -> int:
        size = memoryview(data).nbytes
        if self.refusal is not None:
            return size
        try:
            while (written := self._raw.write(data)) is None:  # the stream does not block, and its reader is slow
                select.select((), (self._raw,), ())
        except OSError as error:
            self.refusal = error
            return size
        return written


class Stream(io.TextIOWrapper):
    """A stream of the program. Characters that it cannot encode, or that control a terminal, are written as
    escapes such as `\\x1b`.

    Args:
        like: the stream that it replaces; None if there was none.
        has_bars: whether libraries draw progress bars on it.
    """

    def __init__(self, sink: _Sink, like: TextIO | None, *, has_bars: bool) -> None:
        super().__init__(
            io.BufferedWriter(sink),
            encoding=like.encoding if like is not None else "utf-8",
            errors="backslashreplace",
            line_buffering=getattr(like, "line_buffering", True),
        )
        self._sink, self._has_bars = sink, has_bars
        self._is_unbuffered = getattr(like, "write_through", False)
        self.is_result = False

    @property
    def lost(self) -> OSError | None:
        """Return why output was lost. It does not count as lost if a reader such as `head` went away."""
        self.flush()
        refusal = self._sink.refusal
        return None if refusal is None or refusal.errno == errno.EPIPE else refusal

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost so far."""
        return self._sink.refusal is None

    def write(self, text: str, /) -> int:
        if not self._has_bars or not isinstance(text, str):
            return self.write_styled(escaped(text))
        if _MOVE.fullmatch(text):
            return self.write_styled(text)
        begin, line, end = _BAR.fullmatch(text).groups()  # type: ignore[union-attr] # any text matches
        return self.write_styled(f"{begin}{escaped(line)}{end}")

    def write_styled(self, text: str) -> int:
        """Write text whose escapes are its own, and which is inert otherwise."""
        written = super().write(text)
        if self._is_unbuffered:
            self.flush()
        return written


def guard() -> None:
    """Replace stdout and stderr by guarded streams."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file to be opened would get this number, and the output
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = _guarded(sys.stdout, has_bars=False), _guarded(sys.stderr, has_bars=True)


def printing_is_the_result() -> None:
    """From now on, treat lost output as a failure, because the command only prints."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.is_result = True


def lost_result() -> OSError | None:
    """Return why the result of a command that only prints did not reach stdout; None if it did."""
    stdout = sys.stdout
    return stdout.lost if isinstance(stdout, Stream) and stdout.is_result else None


def encodable(text: str) -> bool:
    """Whether stdout can encode every character of `text`."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def console(*, stderr: bool = False) -> "Console":
    """Return a console for tables and bars, as wide as the terminal but not too narrow for them."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    found = Console(file=cast("IO[str]", _Styled(stream)) if isinstance(stream, Stream) else stream)
    found.width = max(found.width, _FEWEST_COLUMNS)
    return found


class Inert:
    """Something that rich draws, with the escapes of rich's styles but without those of its texts."""

    def __init__(self, drawn: "RenderableType") -> None:
        self._drawn = drawn

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.segment import Segment

        for text, style, control in console.render(self._drawn, options):
            yield Segment(text if control else escaped(text), style, control)


class _Styled:
    """A stream for rich, which keeps the escapes that rich writes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.write = stream.write_styled

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _guarded(stream: TextIO | None, *, has_bars: bool) -> TextIO:
    if stream is None:
        closed = OSError(errno.EBADF, "it is closed")
        return Stream(_Sink(io.FileIO(os.devnull, "w"), closed), None, has_bars=has_bars)
    buffer = getattr(stream, "buffer", None)
    if buffer is None:  # a notebook's or a test's stream needs no guard
        return stream
    stream.flush()
    return Stream(_Sink(getattr(buffer, "raw", buffer)), stream, has_bars=has_bars)


def is_read() -> bool:
    """Whether stdout still takes what is printed: a reader such as `head` may have gone away."""
    stdout = sys.stdout
    if not isinstance(stdout, Stream):
        return True
    stdout.flush()
    return stdout.is_whole


def print_json(content: Mapping[str, object], *, one_line: bool = False) -> None:
    """Print one JSON object, which is the same in every encoding and cannot control a terminal."""
    printing_is_the_result()
    indent = None if one_line else 2
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    if not encodable(text):
        text = json.dumps(content, indent=indent)
    print(INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
