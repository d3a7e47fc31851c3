"""How the ledger reads with the decisions of reviewers: its rows stay as they are, and some images change sides."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from synthgen.ledger.columns import CELL_FILLED, LedgerRow
from synthgen.records import Verdict

REVIEWER: Final = "reviewer"
"""The reason of an image that a reviewer took out, beside those of `Reason`."""
BY_RUN: Final = "run"
"""Who took in an image without a reviewer: the run itself, where a surplus image filled a cell."""


@dataclass(frozen=True, slots=True)
class Word:
    """What was decided last about an image.

    Attributes:
        is_in: whether it belongs in the dataset.
        reviewer: who decided; None for the run itself.
        reason: why, in the reviewer's words.
    """

    is_in: bool
    reviewer: str | None
    reason: str | None

    def __str__(self) -> str:
        did = "included" if self.is_in else "excluded"
        by = f" by {self.reviewer}" if self.reviewer else " by the run"
        return f"{did}{by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Review:
    """What all decisions of a run come to, for its committed shards.

    Attributes:
        excluded: accepted images that the dataset leaves out, by id.
        included: images that were not accepted and that the dataset has, by id.
        cells: the cell that each of these fills or would fill, by id; None if it fits none.
        barred: ids of surplus images that a reviewer took in and out again: the run takes none of them by itself.
        void: ids that were decided about and that no longer are what they were: their shard was made again.
    """

    excluded: Mapping[str, Word] = field(default_factory=dict)
    included: Mapping[str, Word] = field(default_factory=dict)
    cells: Mapping[str, str | None] = field(default_factory=dict)
    barred: frozenset[str] = frozenset()
    void: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any decision changes the dataset."""
        return bool(self.excluded or self.included)

    @property
    def gained(self) -> Mapping[str, int]:
        """By cell, the images that were taken in less those that were taken out."""
        counts = Counter(cell for image_id in self.included if (cell := self.cells.get(image_id)))
        counts.subtract(cell for image_id in self.excluded if (cell := self.cells.get(image_id)))
        return {cell: count for cell, count in counts.items() if count}

    @property
    def spared(self) -> frozenset[str]:
        """Ids of images that a person took in: no filter applies to them any more."""
        return frozenset(image_id for image_id, word in self.included.items() if word.reviewer is not None)

    @property
    def facts(self) -> list[object]:
        """All that the dataset and the contact sheet show of it, as JSON types; empty without decisions."""
        found = ((image_id, word.reviewer, word.reason) for image_id, word in sorted(self.included.items()))
        left = ((image_id, word.reviewer, word.reason) for image_id, word in sorted(self.excluded.items()))
        return [[list(each) for each in found], [list(each) for each in left]] if self else []

    def counts(self, *, is_in: bool) -> dict[tuple[str, str], int]:
        """Count the images that were taken in, or out, by who decided and why; the most frequent first."""
        words = self.included if is_in else self.excluded
        found = Counter((word.reviewer or BY_RUN, word.reason or "") for word in words.values())
        return dict(found.most_common())

    def read(self, row: LedgerRow) -> LedgerRow:
        """Return the row of an attempt as it counts now."""
        if (word := self.excluded.get(row["id"])) is not None:
            now: LedgerRow = {
                "verdict": Verdict.REJECTED.value,
                "reason": REVIEWER,
                "message": str(word),
                CELL_FILLED: None,
            }
            return row | now
        if (word := self.included.get(row["id"])) is not None:
            taken: LedgerRow = {
                "verdict": Verdict.ACCEPTED.value,
                "reason": None,
                "message": str(word),
                CELL_FILLED: self.cells.get(row["id"]),
            }
            return row | taken
        return row


NO_REVIEW = Review()
