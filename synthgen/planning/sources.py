"""`Sources`: the pictures that a plan's images begin from, by id and digest. Pure; the pixels stay where they are."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import islice
from types import MappingProxyType
from typing import Self

from synthgen.records import SourceRow
from synthgen.spec.source_texts import LIST_OF, values_of

_CLASSES = 12
"""With more classes, a description leaves the others out."""
_KEPT_TYPES = re.compile(rf"({LIST_OF})?(string|int64|float64|bool)")
_SHOWN = 60
"""Characters of a value in a message."""
_NAMED = 5
"""At most so many pictures that changed are named."""


class SourceRows:
    """The rows of a set, read when they are first asked for.

    Args:
        read: gives them, in the order of their classes and ids.
    """

    def __init__(self, read: Callable[[], Sequence[SourceRow]]) -> None:
        self._read = read

    @cached_property
    def all(self) -> tuple[SourceRow, ...]:
        return tuple(self._read())

    @cached_property
    def by_id(self) -> Mapping[str, SourceRow]:
        return {row.id: row for row in self.all}

    @cached_property
    def by_class(self) -> Mapping[str, tuple[SourceRow, ...]]:
        found: dict[str, list[SourceRow]] = {}
        for row in self.all:
            found.setdefault(row.class_name, []).append(row)
        return {name: tuple(rows) for name, rows in found.items()}


@dataclass(frozen=True, slots=True)
class Sources:
    """A set of pictures, as plan.json records it: its rows have a file of their own.

    Attributes:
        sha256: of all rows; see `digest_of_rows`.
        counts: pictures by class.
        kept: the columns that images take over from them, with their types.
        rows: not part of what is compared or recorded.
    """

    sha256: str
    counts: Mapping[str, int]
    rows: SourceRows = field(compare=False, repr=False)
    kept: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[SourceRow], kept: Mapping[str, str] = MappingProxyType({})) -> Self:
        """Record a set. The order of its rows does not matter."""
        ordered = sorted(rows, key=lambda row: (row.class_name, row.id))
        counts = Counter(row.class_name for row in ordered)
        return cls(digest_of_rows(ordered), dict(counts), SourceRows(lambda: ordered), dict(kept))

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read what `as_json` wrote. The rows are still to be given.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(content, dict) or content.keys() - {"kept"} != {"sha256", "counts"}:
            raise ValueError(f"sources: expected a sha256 and counts, found {content!r:.40}")
        digest, counts = content["sha256"], content["counts"]
        if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"sources.sha256: expected 64 hexadecimal digits, found {digest!r:.40}")
        if not isinstance(counts, dict) or not all(type(count) is int and count > 0 for count in counts.values()):
            raise ValueError(f"sources.counts: expected counts by class, found {counts!r:.40}")
        kept = content.get("kept", {})
        if not isinstance(kept, dict) or not all(_KEPT_TYPES.fullmatch(str(each)) for each in kept.values()):
            raise ValueError(f"sources.kept: expected types of columns, found {kept!r:.40}")
        return cls(digest, counts, SourceRows(_unread), kept)

    def as_json(self) -> dict[str, object]:
        kept = {"kept": dict(self.kept)} if self.kept else {}
        return {"sha256": self.sha256, "counts": dict(self.counts), **kept}

    def described(self, place: str) -> str:
        """Say in words what a set holds."""
        counts = list(self.counts.items())
        named = ", ".join(f"{name} {count:,}" for name, count in counts[:_CLASSES])
        more = f" and {len(counts) - _CLASSES:,} more classes" if len(counts) > _CLASSES else ""
        return f"{place}: {self.total:,} ({named}{more}), sha256 {self.sha256[:16]}"

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def _unread() -> Sequence[SourceRow]:
    raise AssertionError("the rows of the sources come from the run")


def digest_of_rows(rows: Sequence[SourceRow]) -> str:
    """Return the sha256 of rows in their order, in hex: of one line of JSON for each.

    Without boxes, masks and kept columns, it is that of earlier versions, whose rows had none.
    """
    found, fields = sha256(), fields_of(rows)
    for row in rows:
        found.update(f"{json.dumps(row[:fields])}\n".encode())
    return found.hexdigest()


def fields_of(rows: Sequence[SourceRow]) -> int:
    """Count the fields of rows that are written: those at the end that all rows leave empty are not."""
    if any(row.kept for row in rows):
        return 7
    return 6 if any(row.boxes or row.mask for row in rows) else 4


def changed_sources(before: Sources | None, after: Sources | None) -> list[str]:
    """Write a line for each picture in which two sets differ, the first few by name."""
    if before == after:
        return []
    then, now = (one.rows.by_id if one else {} for one in (before, after))
    changes = list(islice(_changes(then, now), _NAMED + 1))
    if len(changes) > _NAMED:
        more = sum(1 for _ in _changes(then, now)) - _NAMED
        changes[_NAMED:] = [f"source: {more:,} more pictures differ"]
    return changes


def _changes(then: Mapping[str, SourceRow], now: Mapping[str, SourceRow]) -> Iterator[str]:
    for name, row in then.items():
        new = now.get(name)
        if new is None:
            yield f"source: the picture {name!r} is no longer in the set"
        elif new.digest != row.digest:
            yield f"source: the picture {name!r} is another one now: {row.digest[:12]} -> {new.digest[:12]}"
        elif new != row:
            yield f"source: the picture {name!r} {_change(row, new)}"
    yield from (f"source: the picture {name!r} is new in the set" for name in now if name not in then)


def _change(row: SourceRow, new: SourceRow) -> str:
    """Say what else changed of a picture."""
    if new.class_name != row.class_name:
        return f"is of {new.class_name!r} now, was of {row.class_name!r}"
    if new.group != row.group:
        return f"is in the group {new.group!r} now, was in {row.group!r}"
    if new.boxes != row.boxes:
        return f"has other boxes now: {[*map(list, new.boxes)]}, had {[*map(list, row.boxes)]}"
    if new.mask != row.mask:
        return f"has another mask now: {new.mask[:12] or 'none'}, had {row.mask[:12] or 'none'}"
    then, now = values_of(row.kept), values_of(new.kept)
    name = next((name for name in {**then, **now} if then.get(name) != now.get(name)), "kept columns")
    return f"has another {name!r} now: {_short(now.get(name))}, had {_short(then.get(name))}"


def _short(value: object) -> str:
    return repr(value) if len(repr(value)) <= _SHOWN else f"{repr(value)[:_SHOWN]}..."
