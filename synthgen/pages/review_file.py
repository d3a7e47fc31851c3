"""The CSV of a review: as the contact sheet saves it, or as somebody types it."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.pages.labels import columns_of, read_rows

DECISION = "decision"
_WORDS = {"exclude": False, "include": True}
_HINT = (
    "Expected a CSV with a column 'id' and, if rows differ, a column 'decision': exclude, include or nothing. The "
    "contact sheet saves one."
)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A row that decides something about an image.

    Attributes:
        place: the file and the line.
    """

    id: str
    is_in: bool
    place: str


def read_review_file(path: Path, *, is_in: bool) -> Iterator[ReviewRow]:
    """Read the rows that decide something.

    Args:
        is_in: whether rows mean that their image is to be included, if the file has no column `decision`.

    Raises:
        UsageError: it cannot be read, has no column `id`, or a row has no id or another decision.
    """
    found = list(read_rows(path, ["id"], _HINT))
    _check_header(path)
    for row in found:
        place = f"{path}:{row.line}"
        image_id = row.cells["id"].strip().removeprefix("'")  # as spreadsheets mark text
        word = row.cells.get(DECISION, "include" if is_in else "exclude").lower()
        if word and word not in _WORDS:
            raise UsageError(f"{place}: expected exclude, include or nothing, found {word!r:.40}", hint=_HINT)
        if word and not image_id:
            raise UsageError(f"{place}: no id", hint=_HINT)
        if word:
            yield ReviewRow(image_id, _WORDS[word], place)


def _check_header(path: Path) -> None:
    """Refuse a column that would be overlooked: then every row would decide the same.

    Raises:
        UsageError: a column occurs twice, or its name is almost one of those that are read.
    """
    columns, _ = columns_of(path)
    for name in columns:
        if columns.count(name) > 1:
            raise UsageError(f"{path}:1: the column {name!r:.40} occurs twice", hint=_HINT)
        close = get_close_matches(name.strip().lower(), ["id", DECISION], n=1, cutoff=0.85)
        if close and name != close[0]:
            raise UsageError(f"{path}:1: column {name!r:.40}: did you mean {close[0]!r}?", hint=_HINT)
