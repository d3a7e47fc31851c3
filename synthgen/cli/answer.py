"""What a command found: its result for machines, its lines for people, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.errors import SynthgenError

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found.

    Attributes:
        result: the `result` of the JSON envelope.
        lines: what stdout shows without `--json`: texts, or tables and texts of rich. A text stays on one line: ends of
            lines within it are shown as escapes.
        error: an outcome that the exit code reports although there is a result, such as an unmet quota.
        is_printing: whether the command only prints, so that lost output is a failure.
    """

    result: Mapping[str, object]
    lines: "Sequence[RenderableType]"
    error: SynthgenError | None = None
    is_printing: bool = False
